//! Recent matches: which subject leads to which subscriptions, valid while the account's interest is unchanged.
//!
//! Direct mapped and replaced in place, so that ever-changing subjects cost no allocation. [performance §2]

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::route::Route;
use crate::router::Router;

/// Entries of a worker's cache.
pub(crate) const WORKER_CACHE_ENTRIES: usize = 2048;

/// Entries of an in-process client's own cache.
pub(crate) const CLIENT_CACHE_ENTRIES: usize = 64;

/// Subjects longer than this are matched anew each time: they would make the cache large.
const MAX_CACHED_SUBJECT_BYTES: usize = 256;

/// Subscriptions that all entries together may hold on to; beyond, the cache starts over.
const MAX_HELD_SUBSCRIPTIONS: usize = 64 * 1024;

/// A cache of routes by account and subject.
#[derive(Debug)]
pub(crate) struct MatchCache {
    entries: Vec<Entry>,
    size: usize,
    hasher: FixedState,
    /// Where the previous subject was found: the same one often comes again.
    last: usize,
    held: usize,
    /// An entry that is too large to be kept for the next turn.
    oversized: Option<usize>,
    hits: u64,
    misses: u64,
}

#[derive(Debug, Default)]
struct Entry {
    router: u64,
    /// Interest generation that the route was made in; 0 means never filled.
    generation: u64,
    subject: Vec<u8>,
    route: Route,
}

impl Entry {
    #[inline]
    fn is(&self, router: u64, generation: u64, subject: &[u8]) -> bool {
        self.generation == generation && self.router == router && self.subject == subject
    }
}

impl MatchCache {
    /// A cache of `size` entries, a power of two. It takes its memory at the first use.
    pub(crate) fn new(size: usize) -> Self {
        assert!(size.is_power_of_two(), "the cache index is a bit mask");
        Self {
            entries: Vec::new(),
            size,
            hasher: FixedState::default(),
            last: 0,
            held: 0,
            oversized: None,
            hits: 0,
            misses: 0,
        }
    }

    /// Whether the subject is the one that was resolved last.
    #[inline]
    pub(crate) fn is_last(&self, router: &Router, subject: &[u8]) -> bool {
        self.entries.get(self.last).is_some_and(|last| last.is(router.id(), router.generation(), subject))
    }

    /// Who wants `subject` now.
    #[inline]
    pub(crate) fn resolve(&mut self, router: &Router, subject: &[u8]) -> &Route {
        let generation = router.generation();
        let found = self.entries.get(self.last).is_some_and(|last| last.is(router.id(), generation, subject));
        if found {
            self.hits += 1;
        } else {
            self.last = self.find(router, generation, subject);
        }
        &self.entries[self.last].route
    }

    /// The index of an entry that holds the route of `subject`, made if need be.
    fn find(&mut self, router: &Router, generation: u64, subject: &[u8]) -> usize {
        if self.entries.is_empty() {
            // One more than the index can reach: the place for subjects that are too long to keep.
            self.entries.resize_with(self.size + 1, Entry::default);
        }
        let index = self.index(router, subject);
        if self.entries[index].is(router.id(), generation, subject) {
            self.hits += 1;
            return index;
        }
        self.misses += 1;
        if self.held > MAX_HELD_SUBSCRIPTIONS {
            self.forget();
        }
        self.fill(index, router, generation, subject);
        index
    }

    #[allow(clippy::cast_possible_truncation, reason = "only the low bits of the hash are used")]
    fn index(&self, router: &Router, subject: &[u8]) -> usize {
        if subject.len() > MAX_CACHED_SUBJECT_BYTES {
            return self.size;
        }
        (self.hasher.hash_one(subject) ^ router.id()) as usize & (self.size - 1)
    }

    fn fill(&mut self, index: usize, router: &Router, generation: u64, subject: &[u8]) {
        let entry = &mut self.entries[index];
        self.held -= entry.route.held();
        entry.route.clear();
        entry.subject.clear();
        entry.subject.extend_from_slice(subject);
        entry.router = router.id();
        entry.generation = generation;
        router.fill_route(subject, &mut entry.route);
        self.held += entry.route.held();
        if entry.route.is_oversized() && self.oversized.replace(index).is_some() {
            // Two in one turn are rare; starting over costs less than a list of them.
            self.forget_all_but(index);
        }
    }

    /// Drops what is too large to be kept; to be called at the end of a turn.
    pub(crate) fn trim(&mut self) {
        if let Some(entry) = self.oversized.take().and_then(|index| self.entries.get_mut(index)) {
            self.held -= entry.route.held();
            *entry = Entry::default();
        }
    }

    /// Forgets everything, memory included.
    pub(crate) fn clear(&mut self) {
        self.entries = Vec::new();
        self.last = 0;
        self.held = 0;
        self.oversized = None;
    }

    fn forget_all_but(&mut self, kept: usize) {
        let kept_entry = std::mem::take(&mut self.entries[kept]);
        self.forget();
        self.held = kept_entry.route.held();
        self.entries[kept] = kept_entry;
    }

    fn forget(&mut self) {
        self.entries.fill_with(Entry::default);
        self.held = 0;
    }

    /// Lookups that found and that missed since the last call.
    pub(crate) fn take_counts(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.hits), std::mem::take(&mut self.misses))
    }
}

#[cfg(test)]
mod tests;
