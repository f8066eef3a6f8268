//! The message ids that a stream has seen within its `duplicate_window`. [reference §4.3, Nats-Msg-Id]
//!
//! Ids lie one behind the other in a ring of bytes, in the order of their messages, so that those which leave the window
//! leave at the front; a hash table finds them. Memory is that of the ids in the window and about 40 bytes for each. An
//! id outside of the window is not found, whether it was [forgotten](Dedupe::forget) yet or not.

mod ring;

use std::collections::VecDeque;
use std::hash::BuildHasher;

use embus_storage::message::Timestamp;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use ring::Ring;

/// Ids of messages, with where and when they were stored.
#[derive(Debug, Default)]
pub(crate) struct Dedupe {
    /// How long an id is known; 0 for not at all.
    window: i64,
    entries: VecDeque<Entry>,
    /// Number of the first of `entries`; the table holds numbers, which wrap.
    first: u32,
    table: HashTable<u32>,
    ids: Ring,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    time: Timestamp,
    sequence: u64,
    /// Where its id ends in the ring; it begins where that of the entry before ends.
    end: u64,
    /// A part of the id's hash, for the table.
    hash: u32,
}

/// One id as it was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) id: Vec<u8>,
    pub(crate) sequence: u64,
    pub(crate) time: Timestamp,
}

impl Dedupe {
    /// One that knows ids for `window` nanoseconds.
    pub(crate) fn new(window: i64) -> Self {
        Self { window: window.max(0), ..Self::default() }
    }

    /// Takes another window. Ids that left the old one stay forgotten.
    pub(crate) fn set_window(&mut self, window: i64) {
        self.window = window.max(0);
        if self.window == 0 {
            *self = Self::default();
        }
    }

    /// The sequence of the message that was stored with this id, if that is not too long ago.
    pub(crate) fn find(&self, id: &[u8], now: Timestamp) -> Option<u64> {
        if self.entries.is_empty() {
            return None;
        }
        let number = *self.table.find(self.hash(id), |number| self.has_id(*number, id))?;
        let entry = self.entry(number);
        (entry.time > self.horizon(now)).then_some(entry.sequence)
    }

    /// Notes the id of a message just stored. An older message of the same id is not found any more.
    pub(crate) fn note(&mut self, id: &[u8], sequence: u64, time: Timestamp) {
        if self.window == 0 {
            return;
        }
        // Keeps pace with what comes in, so that the table need not be told of the time in a busy stream.
        self.forget_some(time, 2);
        let hash = self.hash(id);
        let number = self.first.wrapping_add(self.len_u32());
        let end = self.ids.push(id);
        self.entries.push_back(Entry { time, sequence, end, hash: short(hash) });
        let known = self.table.find(hash, |known| self.has_id(*known, id)).copied();
        match known {
            Some(known) => {
                if let Some(slot) = self.table.find_mut(hash, |slot| *slot == known) {
                    *slot = number;
                }
            }
            None => self.insert(hash, number),
        }
    }

    /// Forgets the ids that left the window.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        self.forget_some(now, usize::MAX);
        if self.entries.is_empty() {
            *self = Self::new(self.window);
        } else if self.entries.capacity() > 4 * self.entries.len().max(MIN_CAPACITY) {
            self.shrink();
        }
    }

    /// When there is enough to [forget](Self::forget) for it to be worth a call.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let oldest = self.entries.front()?.time;
        Some(oldest.saturating_add(self.window).saturating_add((self.window / 8).max(MIN_SLACK)))
    }

    /// All ids, oldest first.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = Noted> {
        let begin = self.ids.begin();
        self.entries.iter().enumerate().map(move |(position, entry)| {
            let start = position.checked_sub(1).map_or(begin, |before| self.entries[before].end);
            Noted { id: self.ids.copy(start, entry.end), sequence: entry.sequence, time: entry.time }
        })
    }

    fn forget_some(&mut self, now: Timestamp, most: usize) {
        let horizon = self.horizon(now);
        for _ in 0..most {
            let Some(entry) = self.entries.front().filter(|entry| entry.time <= horizon).copied() else { return };
            let number = self.first;
            // Not there if a younger message has the same id.
            if let Ok(slot) = self.table.find_entry(long(entry.hash), |slot| *slot == number) {
                slot.remove();
            }
            self.ids.release(entry.end);
            self.entries.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    fn insert(&mut self, hash: u64, number: u32) {
        let (entries, first) = (&self.entries, self.first);
        let hash_of = |number: &u32| long(entries[number.wrapping_sub(first) as usize].hash);
        self.table.insert_unique(hash, number, hash_of);
    }

    fn shrink(&mut self) {
        self.entries.shrink_to(2 * self.entries.len());
        self.ids.shrink();
        let (entries, first) = (&self.entries, self.first);
        self.table.shrink_to(0, |number| long(entries[number.wrapping_sub(first) as usize].hash));
    }

    fn has_id(&self, number: u32, id: &[u8]) -> bool {
        let position = number.wrapping_sub(self.first) as usize;
        let start = position.checked_sub(1).map_or(self.ids.begin(), |before| self.entries[before].end);
        self.ids.equals(start, self.entries[position].end, id)
    }

    fn entry(&self, number: u32) -> &Entry {
        &self.entries[number.wrapping_sub(self.first) as usize]
    }

    fn horizon(&self, now: Timestamp) -> Timestamp {
        now.saturating_sub(self.window)
    }

    fn hash(&self, id: &[u8]) -> u64 {
        long(short(self.hasher.hash_one(id)))
    }

    fn len_u32(&self) -> u32 {
        u32::try_from(self.entries.len()).expect("2^32 ids would take hundreds of gigabytes")
    }
}

/// What an entry keeps of a hash.
fn short(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The table looks at the highest and the lowest bits.
fn long(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// Smaller tables are not worth shrinking.
const MIN_CAPACITY: usize = 64;

/// A forgotten id or two are not worth a call.
const MIN_SLACK: i64 = 250_000_000;

#[cfg(test)]
mod tests;
