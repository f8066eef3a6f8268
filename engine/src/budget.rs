//! One byte budget over all queues of a broker, so that many stalled readers together stay bounded too.
//!
//! The budget only counts; whoever finds it exceeded decides what to give up (see `Engine::relieve`).

use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes that wait in memory for readers, over all connections and local queues together.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
    dropped: AtomicU64,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0), dropped: AtomicU64::new(0) }
    }

    /// Counts `bytes` more; says whether the budget still holds.
    pub fn charge(&self, bytes: usize) -> bool {
        self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= self.limit
    }

    /// Gives `bytes` back that were charged before.
    pub fn refund(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes, "more refunded than charged");
    }

    /// Bytes in use now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Counts messages for which there was no room in a queue.
    pub fn count_dropped(&self, messages: u64) {
        self.dropped.fetch_add(messages, Ordering::Relaxed);
    }

    /// Messages for which there was no room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Bytes that are still allowed.
    pub fn free(&self) -> usize {
        self.limit.saturating_sub(self.used())
    }

    /// Whether more is in use than allowed.
    pub fn is_exceeded(&self) -> bool {
        self.used() > self.limit
    }
}
