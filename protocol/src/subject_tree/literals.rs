//! Filters without wildcards: a hash table of their texts. Owned by the subject tree.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// A map whose keys are shared texts.
pub(super) struct Literals<T> {
    table: HashTable<(Arc<[u8]>, T)>,
    // Seeded per process, so a client cannot choose texts that collide.
    hasher: RandomState,
}

impl<T> Literals<T> {
    pub(super) fn new() -> Self {
        Self { table: HashTable::new(), hasher: RandomState::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    #[inline]
    pub(super) fn get(&self, text: &[u8]) -> Option<&T> {
        if self.table.is_empty() {
            return None;
        }
        let hash = hash(&self.hasher, text);
        self.table.find(hash, |(key, _)| **key == *text).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, text: &[u8]) -> Option<&mut T> {
        let hash = hash(&self.hasher, text);
        self.table.find_mut(hash, |(key, _)| **key == *text).map(|(_, value)| value)
    }

    pub(super) fn get_or_insert_with(&mut self, text: &Arc<[u8]>, make: impl FnOnce() -> T) -> &mut T {
        let hasher = &self.hasher;
        let entry = self.table.entry(hash(hasher, text), |(key, _)| key == text, |(key, _)| hash(hasher, key));
        let occupied = match entry {
            Entry::Occupied(occupied) => occupied,
            Entry::Vacant(vacant) => vacant.insert((Arc::clone(text), make())),
        };
        &mut occupied.into_mut().1
    }

    pub(super) fn remove(&mut self, text: &[u8]) -> Option<T> {
        let hash = hash(&self.hasher, text);
        let found = self.table.find_entry(hash, |(key, _)| **key == *text).ok()?;
        let ((_, value), _) = found.remove();
        if self.table.is_empty() {
            self.table = HashTable::new();
        }
        Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &T)> {
        self.table.iter().map(|(key, value)| (&key[..], value))
    }
}

/// Hashes the bytes alone; `hash_one` would add a length that this hasher takes in anyway.
#[inline]
pub(super) fn hash(hasher: &RandomState, text: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write(text);
    state.finish()
}
