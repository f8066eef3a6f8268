//! Time as a value: the engine never reads a clock, the shell hands it one.

use std::fmt::Debug;
use std::ops::{Add, Sub};
use std::task::Waker;
use std::time::{Duration, SystemTime};

/// A point on a monotonic time line, as the time since an origin that each [`Clock`] chooses for itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(Duration);

impl Monotonic {
    /// The point that lies `since_origin` behind the clock's origin.
    pub const fn new(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// The time since the clock's origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// How far `earlier` lies back; zero when it does not.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Monotonic {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

impl Sub for Monotonic {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

/// Where a broker takes its time from. Tests hand in one that they advance by hand.
pub trait Clock: Debug + Send + Sync {
    /// Time for deadlines: never goes back.
    fn monotonic(&self) -> Monotonic;
    /// Time for people and stored records.
    fn wall(&self) -> SystemTime;

    /// Has the clock call `waker` once `deadline` has come, if it is one that wakes; says whether it is.
    ///
    /// It may call earlier, and calls only once: whoever is woken too early asks again. A clock that says no, as clocks
    /// do by default, only tells the time; the broker then waits with tokio's timer.
    fn wake_at(&self, deadline: Monotonic, waker: &Waker) -> bool {
        let _ = (deadline, waker);
        false
    }
}
