//! How many handshakes may begin in one second.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A bound per second; none at 0. In real time: it is the processor that it spares.
#[derive(Debug)]
pub(super) struct Rate {
    limit: AtomicU32,
    window: Mutex<(Instant, u32)>,
}

const SECOND: Duration = Duration::from_secs(1);

impl Rate {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit: AtomicU32::new(limit), window: Mutex::new((Instant::now(), 0)) }
    }

    /// Whether one more may begin now.
    pub(super) fn allows(&self, now: Instant) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        if limit == 0 {
            return true;
        }
        let (start, count) = &mut *self.window.lock();
        if now.saturating_duration_since(*start) >= SECOND {
            (*start, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= limit
    }

    /// Has another bound hold.
    pub(super) fn set_limit(&self, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_second() {
        let (rate, start) = (Rate::new(2), Instant::now());
        let allowed = |millis| rate.allows(start + Duration::from_millis(millis));
        assert!(allowed(0) && allowed(999) && !allowed(999));
        assert!(allowed(2000) && allowed(2000) && !allowed(2001));
        assert!(Rate::new(0).allows(start));
    }
}
