//! The locks and atomics of the crate: those of `parking_lot` and std, or loom's under `--cfg loom`, so that the
//! models run the very code that ships.

#[cfg(not(loom))]
mod real {
    pub(crate) use parking_lot::{Mutex, MutexGuard};
    pub(crate) use std::sync::atomic;
}

#[cfg(loom)]
mod model {
    pub(crate) use loom::sync::{MutexGuard, atomic};

    /// A mutex with the signature of that of `parking_lot`.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("a model does not poison its locks")
        }
    }
}

pub(crate) use std::sync::Arc;

#[cfg(loom)]
pub(crate) use model::*;
#[cfg(not(loom))]
pub(crate) use real::*;
