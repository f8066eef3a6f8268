//! One timer for all connections: a map of deadlines, and one task that sleeps until the earliest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use embus_engine::{Clock, Monotonic};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Deadlines by time; each belongs to one connection, which is woken when it is due.
#[derive(Debug)]
pub(crate) struct Timer {
    deadlines: Mutex<BTreeMap<(Monotonic, u64), Waker>>,
    /// Told when a new deadline is the earliest.
    earlier: Notify,
    clock: Arc<dyn Clock>,
}

/// One connection's place in the timer. Dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: Arc<Timer>,
    id: u64,
    set: Option<Monotonic>,
}

/// How long the timer sleeps at most without deadlines.
const LONGEST_SLEEP: Duration = Duration::from_secs(60 * 60);

impl Timer {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { deadlines: Mutex::new(BTreeMap::new()), earlier: Notify::new(), clock })
    }

    /// Wakes what is due, for ever.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let sleep = self.wake_due();
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                () = self.earlier.notified() => {}
            }
        }
    }

    /// Wakes all whose deadline has come; returns the time to the next.
    fn wake_due(&self) -> Duration {
        let now = self.clock.monotonic();
        let mut due = Vec::new();
        let next = {
            let mut deadlines = self.deadlines.lock();
            while let Some(first) = deadlines.first_entry().filter(|first| first.key().0 <= now) {
                due.push(first.remove());
            }
            deadlines.first_key_value().map(|((deadline, _), _)| *deadline - now)
        };
        due.into_iter().for_each(Waker::wake);
        next.unwrap_or(LONGEST_SLEEP)
    }
}

impl Alarm {
    /// A place in `timer`; `id` is unique in it.
    pub(crate) fn new(timer: Arc<Timer>, id: u64) -> Self {
        Self { timer, id, set: None }
    }

    /// Wakes `waker` at `deadline`, instead of at any earlier agreed time.
    pub(crate) fn set(&mut self, deadline: Monotonic, waker: &Waker) {
        if self.set == Some(deadline) {
            return;
        }
        let mut deadlines = self.timer.deadlines.lock();
        if let Some(old) = self.set.replace(deadline) {
            deadlines.remove(&(old, self.id));
        }
        deadlines.insert((deadline, self.id), waker.clone());
        let is_first = deadlines.first_key_value().is_some_and(|(key, _)| *key == (deadline, self.id));
        drop(deadlines);
        if is_first {
            self.timer.earlier.notify_one();
        }
    }

    /// Forgets that the alarm is set: it has gone off.
    pub(crate) fn reset(&mut self) {
        if let Some(old) = self.set.take() {
            self.timer.deadlines.lock().remove(&(old, self.id));
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.reset();
    }
}
