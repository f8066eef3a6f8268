//! The publishing state of one in-process client. Its handles may publish from several threads at once: each publish
//! takes a lane, and a lane's counters need no atomic operations, which would be a fifth of what a publish costs.

use parking_lot::{Mutex, MutexGuard};

use crate::match_cache::CLIENT_CACHE_ENTRIES;
use crate::worker::Matching;

/// Publishes of one client that can go on at once; one more waits for the first lane.
const LANES: usize = 4;

/// The lanes of one client. A lane that is never used owns no memory.
#[derive(Debug)]
pub(crate) struct Lanes([Mutex<Lane>; LANES]);

/// What one publish needs, and what was published so far.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) matching: Matching,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl Lanes {
    /// Lanes that draw their randomness from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(std::array::from_fn(|lane| {
            let matching = Matching::new(CLIENT_CACHE_ENTRIES, seed.wrapping_add(lane as u64));
            Mutex::new(Lane { matching, messages: 0, bytes: 0 })
        }))
    }

    /// A lane that nobody else uses. One thread alone always gets the same, with its warm cache.
    #[inline]
    pub(crate) fn enter(&self) -> MutexGuard<'_, Lane> {
        self.0.iter().find_map(Mutex::try_lock).unwrap_or_else(|| self.0[0].lock())
    }

    /// Messages and bytes published so far.
    pub(crate) fn published(&self) -> (u64, u64) {
        self.0
            .iter()
            .map(|lane| lane.lock())
            .fold((0, 0), |(messages, bytes), lane| (messages + lane.messages, bytes + lane.bytes))
    }
}
