//! One timer for all connections: a map of deadlines, and one task that waits for the earliest, by the clock itself if
//! that is one that wakes, else by tokio's timer.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};
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
    /// The last place that was given to a task that is no connection, from above: connections count from below.
    last_place: AtomicU64,
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
        Arc::new(Self {
            deadlines: Mutex::new(BTreeMap::new()),
            earlier: Notify::new(),
            clock,
            last_place: AtomicU64::new(u64::MAX),
        })
    }

    /// A place in the timer for a task that is no connection.
    pub(crate) fn alarm(self: &Arc<Self>) -> Alarm {
        Alarm::new(Arc::clone(self), self.last_place.fetch_sub(1, Ordering::Relaxed))
    }

    /// Waits until `span` has passed on the broker's clock. Cancel-safe.
    pub(crate) async fn sleep(self: &Arc<Self>, span: Duration) {
        let (mut alarm, deadline) = (self.alarm(), self.clock.monotonic() + span);
        poll_fn(|cx| {
            // Set before the look, so that time that passes in between is not missed.
            alarm.set(deadline, cx.waker());
            if self.clock.monotonic() >= deadline { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Wakes what is due, for ever.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let next = self.wake_due();
            tokio::select! {
                () = self.until(next) => {}
                () = self.earlier.notified() => {}
            }
        }
    }

    /// Waits until the clock says that `deadline` has come, or as long as it will take one that says nothing.
    async fn until(&self, deadline: Monotonic) {
        let wakes = poll_fn(|cx| {
            if !self.clock.wake_at(deadline, cx.waker()) {
                return Poll::Ready(false);
            }
            if self.clock.monotonic() >= deadline { Poll::Ready(true) } else { Poll::Pending }
        });
        if !wakes.await {
            tokio::time::sleep(deadline - self.clock.monotonic()).await;
        }
    }

    /// Wakes all whose deadline has come; returns when the next one will.
    fn wake_due(&self) -> Monotonic {
        let now = self.clock.monotonic();
        let mut due = Vec::new();
        let next = {
            let mut deadlines = self.deadlines.lock();
            while let Some(first) = deadlines.first_entry().filter(|first| first.key().0 <= now) {
                due.push(first.remove());
            }
            deadlines.first_key_value().map(|((deadline, _), _)| *deadline)
        };
        due.into_iter().for_each(Waker::wake);
        next.unwrap_or(now + LONGEST_SLEEP)
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
