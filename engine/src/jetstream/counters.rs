//! Counts of the requests to the stream API.

use crate::sync::atomic::{AtomicU64, Ordering};

/// Requests to `$JS.API.` so far, and those under way.
#[derive(Debug, Default)]
pub struct ApiCounters {
    total: AtomicU64,
    errors: AtomicU64,
    inflight: AtomicU64,
}

impl ApiCounters {
    /// A request came in.
    pub fn begin(&self) {
        self.total.fetch_add(1, Ordering::Relaxed);
        self.inflight.fetch_add(1, Ordering::Relaxed);
    }

    /// A request that [began](Self::begin) is answered, or will never be.
    pub fn end(&self, is_error: bool) {
        self.inflight.fetch_sub(1, Ordering::Relaxed);
        if is_error {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All requests, those that failed among them.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Requests that were answered with an error.
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Requests that are not answered yet.
    pub fn inflight(&self) -> u64 {
        self.inflight.load(Ordering::Relaxed)
    }
}
