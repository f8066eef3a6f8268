//! A clock that stands still until it is advanced by hand.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, SystemTime};

use embus_engine::{Clock, Monotonic};
use parking_lot::Mutex;

/// A clock for tests: time passes only by [`advance`](Self::advance), which wakes whatever has become due.
///
/// Clones are the same clock, and several brokers may share one. What it drives is everything that the broker does by
/// the time: `max_age` and TTLs of messages, `ack_wait`, inactive consumers, pull requests that expire, the duplicate
/// window, heartbeats, pings, write deadlines, lame duck mode. What a client waits for (the timeout of a request, say)
/// and what only bounds how long a socket may take stays on real time.
///
/// However far it is advanced, each of these happens once, as after a machine has slept: a client gets one ping, not as
/// many as would fit into the time.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use embus::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::new();
/// let broker = embus::Broker::builder().clock(Arc::new(clock.clone())).start().await?;
/// let before = clock.wall();
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(clock.wall().duration_since(before)?, Duration::from_secs(3600));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    started: SystemTime,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    elapsed: Duration,
    /// One entry per task that waits: a task that asks again for another time keeps the earlier one.
    waiting: Vec<(Monotonic, Waker)>,
}

impl ManualClock {
    /// A clock whose wall time is that of the machine now.
    #[must_use]
    pub fn new() -> Self {
        Self::starting_at(SystemTime::now())
    }

    /// A clock whose wall time is `wall`.
    #[must_use]
    pub fn starting_at(wall: SystemTime) -> Self {
        Self { shared: Arc::new(Shared { started: wall, state: Mutex::default() }) }
    }

    /// Lets `span` pass on the monotonic and the wall time at once, and wakes what has become due by then.
    ///
    /// The tasks of the broker do their work afterwards, as soon as the runtime lets them.
    pub fn advance(&self, span: Duration) {
        let due = {
            let mut state = self.shared.state.lock();
            state.elapsed = state.elapsed.saturating_add(span);
            let now = Monotonic::new(state.elapsed);
            state.waiting.extract_if(.., |(deadline, _)| *deadline <= now).collect::<Vec<_>>()
        };
        for (_, waker) in due {
            waker.wake();
        }
    }

    /// How far it has been advanced so far.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.shared.state.lock().elapsed
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic::new(self.elapsed())
    }

    fn wall(&self) -> SystemTime {
        self.shared.started.checked_add(self.elapsed()).unwrap_or(self.shared.started)
    }

    fn wake_at(&self, deadline: Monotonic, waker: &Waker) -> bool {
        let mut state = self.shared.state.lock();
        if deadline <= Monotonic::new(state.elapsed) {
            drop(state);
            waker.wake_by_ref();
        } else if let Some((earliest, _)) = state.waiting.iter_mut().find(|(_, known)| known.will_wake(waker)) {
            *earliest = deadline.min(*earliest);
        } else {
            state.waiting.push((deadline, waker.clone()));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Monotonic {
        Monotonic::new(Duration::from_secs(seconds))
    }

    #[test]
    fn both_times_move_together_and_only_by_hand() {
        let clock = ManualClock::starting_at(SystemTime::UNIX_EPOCH);
        assert_eq!((clock.monotonic(), clock.wall()), (at(0), SystemTime::UNIX_EPOCH));
        clock.clone().advance(5 * SECOND);
        assert_eq!((clock.monotonic(), clock.wall()), (at(5), SystemTime::UNIX_EPOCH + 5 * SECOND));
        clock.advance(Duration::MAX);
        assert_eq!((clock.elapsed(), clock.wall()), (Duration::MAX, SystemTime::UNIX_EPOCH));
    }

    #[test]
    fn what_is_due_is_woken_once() {
        let (clock, count) = (ManualClock::new(), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        assert!(clock.wake_at(at(10), &waker));
        clock.advance(9 * SECOND);
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        clock.advance(SECOND);
        clock.advance(SECOND);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(clock.wake_at(at(10), &waker));
        assert_eq!(count.0.load(Ordering::Relaxed), 2, "it is past already");
    }

    #[test]
    fn a_waiter_has_one_place_with_its_earliest_time() {
        let (clock, count) = (ManualClock::new(), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        for seconds in [10, 3, 20] {
            clock.wake_at(at(seconds), &waker);
        }
        assert_eq!(clock.shared.state.lock().waiting.len(), 1);
        clock.advance(3 * SECOND);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }
}
