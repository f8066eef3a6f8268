//! Where a producer that ran ahead of a destination waits until the destination has caught up.
//!
//! Only destinations that make progress hold a producer back: one that has drained little since the last stall is left
//! to fill up to its bound, and to be cut there. [performance: producer stall]

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// A producer stalls when a destination holds this many bytes: more leaves the processor's cache.
pub const STALL_HIGH_BYTES: usize = 256 * 1024;

/// A stalled producer goes on when the destination is down to this.
pub const STALL_LOW_BYTES: usize = 128 * 1024;

/// A producer stalls at most this long per turn. [nats-server: 10 ms per read loop]
pub const STALL_LIMIT: Duration = Duration::from_millis(10);

/// What a destination must have drained since the last stall to hold a producer again.
const STALL_PROGRESS_BYTES: usize = 64 * 1024;

/// Producers that wait at once for one destination; one more simply goes on.
const MAX_WAITING_PRODUCERS: usize = 1024;

/// Consumers that wait so; those of them that are gone stay until the destination reads.
const MAX_WAITING_CONSUMERS: usize = 16 * 1024;

/// The waiting room of one destination.
#[derive(Debug, Default)]
pub struct Relief {
    waiting: Mutex<Vec<Waker>>,
    /// How many wait: read without the lock on every write.
    waiting_len: AtomicUsize,
    /// Bytes drained since the last stall began, at most [`STALL_PROGRESS_BYTES`] of use.
    progress: AtomicUsize,
    /// Set once the first stall happened: the first needs no proof of progress.
    stalled_before: AtomicUsize,
}

impl Relief {
    /// Whether a producer should wait now, given what the destination holds. Starts a new measure of progress if so.
    pub fn should_stall(&self, pending_bytes: usize) -> bool {
        if pending_bytes <= STALL_HIGH_BYTES {
            return false;
        }
        let progress = self.progress.load(Ordering::Relaxed);
        if progress < STALL_PROGRESS_BYTES && self.stalled_before.swap(1, Ordering::Relaxed) == 1 {
            return false;
        }
        self.progress.store(0, Ordering::Relaxed);
        true
    }

    /// Counts drained bytes and lets producers go on when `pending_bytes` is low.
    pub fn record_progress(&self, drained_bytes: usize, pending_bytes: usize) {
        if self.progress.load(Ordering::Relaxed) < STALL_PROGRESS_BYTES {
            self.progress.fetch_add(drained_bytes, Ordering::Relaxed);
        }
        if pending_bytes <= STALL_LOW_BYTES {
            self.release();
        }
    }

    /// Lets all producers go on.
    pub fn release(&self) {
        if self.waiting_len.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut waiting = self.waiting.lock();
        let woken = std::mem::take(&mut *waiting);
        self.waiting_len.store(0, Ordering::SeqCst);
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Waits until `is_relieved` holds: it is asked before and after the wake-up is registered, so none is lost.
    pub fn poll_relieved(&self, cx: &mut Context<'_>, is_relieved: impl Fn() -> bool) -> Poll<()> {
        self.poll_among(MAX_WAITING_PRODUCERS, cx, is_relieved)
    }

    /// The same for consumers, of which one destination may have many.
    pub(crate) fn poll_relieved_with_all(&self, cx: &mut Context<'_>, is_relieved: impl Fn() -> bool) -> Poll<()> {
        self.poll_among(MAX_WAITING_CONSUMERS, cx, is_relieved)
    }

    fn poll_among(&self, max: usize, cx: &mut Context<'_>, is_relieved: impl Fn() -> bool) -> Poll<()> {
        if is_relieved() || !self.register(cx, max) || is_relieved() {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn register(&self, cx: &mut Context<'_>, max: usize) -> bool {
        let mut waiting = self.waiting.lock();
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            if waiting.len() >= max {
                // Some gave up waiting; those that did not look again. This one goes on at once.
                drop(waiting);
                self.release();
                return false;
            }
            waiting.push(cx.waker().clone());
            self.waiting_len.store(waiting.len(), Ordering::SeqCst);
        }
        true
    }
}
