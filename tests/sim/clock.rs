//! Time that stands still until the simulation moves it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Wake,
    time::{Duration, SystemTime},
};

use std::sync::Arc;

use embus_engine::{Clock, Monotonic};

/// The clock of one simulated broker.
#[derive(Debug, Default)]
pub(crate) struct ManualClock(Mutex<Monotonic>);

impl ManualClock {
    pub(crate) fn advance(&self, span: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = *now + span;
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Monotonic {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1) + self.monotonic().since_origin()
    }
}

/// A wake-up that was asked for: nothing in the simulation runs that was not woken, so a lost wake-up shows.
#[derive(Debug)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    /// A flag that is raised: what starts has to look around once.
    pub(crate) fn raised() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    pub(crate) fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn lower(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.raise();
    }
}
