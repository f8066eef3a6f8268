//! Models of the concurrent primitives: loom runs every interleaving of a few threads (up to a bound of preemptions),
//! with the code that ships. Each model has a control: a broken protocol, or a broken environment, that must fail.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p embus-engine --release --test loom`
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a model that fails poisons its locks, and that is fine")]

mod grace;
mod local_queue;
mod outbox;
mod relief;

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::model::Builder;
use loom::sync::atomic::{AtomicBool, Ordering};

/// Preemptions per run: known bugs of this kind need two or three; with six, all models together take some seconds.
const PREEMPTIONS: usize = 6;

/// Runs `model` in all interleavings.
fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}

/// A task: it polls when it was woken, and only then. What is ready only when it was not woken shows a lost wake-up.
#[derive(Clone)]
struct Task(Arc<Flag>);

/// Whether the task was woken.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.swap(true, Ordering::SeqCst);
    }
}

impl Task {
    fn new() -> Self {
        Self(Arc::new(Flag(AtomicBool::new(true))))
    }

    /// Polls until ready, as long as there are wake-ups.
    fn poll<T>(&self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        let waker = Waker::from(Arc::clone(&self.0));
        while self.0.0.swap(false, Ordering::SeqCst) {
            if let Poll::Ready(ready) = poll(&mut Context::from_waker(&waker)) {
                // A task that got something goes on.
                self.0.0.swap(true, Ordering::SeqCst);
                return Some(ready);
            }
        }
        None
    }

    /// Polls when all others are done: what is not ready now was forgotten.
    #[track_caller]
    fn finish<T>(&self, poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        self.poll(poll).expect(LOST)
    }
}

/// What a model says of a wake-up that did not come.
const LOST: &str = "a wake-up was lost";
