//! The publishing state of one in-process client. Its handles may publish from several threads at once: each publish
//! takes a lane, and a lane's counters need no atomic operations, which would be a fifth of what a publish costs.

use parking_lot::{Mutex, MutexGuard};

use crate::match_cache::CLIENT_CACHE_ENTRIES;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::worker::Matching;

/// Publishes of one client that can go on at once; one more waits for the first lane.
const LANES: usize = 4;

/// The lanes of one client. A lane that is never used owns no memory.
#[derive(Debug)]
pub(crate) struct Lanes([Lane; LANES]);

/// What one publish needs, and what was published so far.
#[derive(Debug)]
struct Lane {
    matching: Mutex<Matching>,
    /// Written under the lock alone, so that a load and a store do; read by anybody, from under any lock.
    messages: AtomicU64,
    bytes: AtomicU64,
}

/// A lane in use.
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    pub(crate) matching: MutexGuard<'a, Matching>,
    lane: &'a Lane,
}

impl Lanes {
    /// Lanes that draw their randomness from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(std::array::from_fn(|lane| {
            let matching = Matching::new(CLIENT_CACHE_ENTRIES, seed.wrapping_add(lane as u64));
            Lane { matching: Mutex::new(matching), messages: AtomicU64::new(0), bytes: AtomicU64::new(0) }
        }))
    }

    /// A lane that nobody else uses. One thread alone always gets the same, with its warm cache.
    #[inline]
    pub(crate) fn enter(&self) -> Entered<'_> {
        for lane in &self.0 {
            if let Some(matching) = lane.matching.try_lock() {
                return Entered { matching, lane };
            }
        }
        let lane = &self.0[0];
        Entered { matching: lane.matching.lock(), lane }
    }

    /// Messages and bytes published so far. Takes no lock: a waker or a logger may ask in the middle of a publish.
    pub(crate) fn published(&self) -> (u64, u64) {
        self.0.iter().fold((0, 0), |(messages, bytes), lane| {
            (messages + lane.messages.load(Ordering::Relaxed), bytes + lane.bytes.load(Ordering::Relaxed))
        })
    }

    /// Forgets all matches: they hold subscriptions, and through them perhaps the client itself. A lane in use is left
    /// to who uses it.
    pub(crate) fn clear(&self) {
        for mut matching in self.0.iter().filter_map(|lane| lane.matching.try_lock()) {
            matching.clear();
        }
    }
}

impl Entered<'_> {
    /// Counts one message.
    #[inline]
    pub(crate) fn count(&self, bytes: u64) {
        let add = |counter: &AtomicU64, count: u64| {
            counter.store(counter.load(Ordering::Relaxed) + count, Ordering::Relaxed);
        };
        add(&self.lane.messages, 1);
        add(&self.lane.bytes, bytes);
    }
}
