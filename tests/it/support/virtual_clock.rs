//! The clock of tokio's runtime, which a test can stop, as the clock of a broker.

use std::sync::Arc;
use std::time::SystemTime;

use embus::clock::{Clock, Monotonic};
use tokio::time::Instant;

/// Time as the test's runtime tells it.
#[derive(Debug)]
pub(crate) struct VirtualClock {
    origin: Instant,
    wall: SystemTime,
}

impl VirtualClock {
    /// A clock whose origin is now.
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self { origin: Instant::now(), wall: SystemTime::now() })
    }
}

impl Clock for VirtualClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic::new(self.origin.elapsed())
    }

    fn wall(&self) -> SystemTime {
        self.wall + self.origin.elapsed()
    }
}
