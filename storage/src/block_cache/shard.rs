//! A part of the blocks, behind one lock.
//!
//! Which block goes when there is no room is the clock's rule: a hand goes round, passes over blocks that were used since it
//! came by last, and takes the first one that was not. A block comes in when it is asked for a second time within a short
//! while, so that many messages which are read once each do not drive out the few that are read often.

use std::mem;

use hashbrown::HashTable;

use super::slabs::Slabs;

/// A block of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The number of the file.
    pub(super) file: u64,
    /// The block's number within it.
    pub(super) block: u32,
}

/// What looking for a block came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// It was there.
    Found,
    /// It is not there, and was not asked for lately.
    New,
    /// It is not there, and was: it is worth having.
    Wanted,
}

#[derive(Debug)]
pub(super) struct Shard {
    /// Places in `slots`.
    places: HashTable<u32>,
    slots: Vec<Slot>,
    /// The bytes of the blocks, at the same places.
    bytes: Slabs,
    hand: usize,
    /// Hashes of blocks that were asked for and are not here.
    asked: Box<[u32]>,
    max_blocks: usize,
}

#[derive(Debug)]
struct Slot {
    hash: u64,
    key: Key,
    /// Bytes that the file had of it.
    len: usize,
    /// Since the hand came by.
    is_used: bool,
    /// Since the blocks were let grow older.
    is_fresh: bool,
}

impl Shard {
    pub(super) fn new(max_blocks: usize) -> Self {
        Self {
            places: HashTable::new(),
            slots: Vec::new(),
            bytes: Slabs::default(),
            hand: 0,
            asked: Box::default(),
            max_blocks,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it takes no memory.
    pub(super) fn is_unused(&self) -> bool {
        self.asked.is_empty()
    }

    /// Copies what a block has from `start` on, if it is here.
    pub(super) fn look(&mut self, hash: u64, key: Key, into: &mut [u8], start: usize) -> Looked {
        let Some(place) = self.find(hash, key) else { return self.ask(hash) };
        let slot = &mut self.slots[place];
        (slot.is_used, slot.is_fresh) = (true, true);
        match self.bytes.get(place)[..slot.len].get(start..start + into.len()) {
            Some(found) => into.copy_from_slice(found),
            // The file has grown, perhaps.
            None => return Looked::Wanted,
        }
        Looked::Found
    }

    fn find(&self, hash: u64, key: Key) -> Option<usize> {
        let is_it = |&place: &u32| self.slots[place as usize].key == key;
        self.places.find(hash, is_it).map(|&place| place as usize)
    }

    /// Notes that a block was asked for which is not here.
    #[allow(clippy::cast_possible_truncation, reason = "parts of a hash")]
    fn ask(&mut self, hash: u64) -> Looked {
        if self.max_blocks == 0 {
            return Looked::New;
        }
        if self.asked.is_empty() {
            self.asked = vec![0; self.max_blocks].into_boxed_slice();
        }
        // The lower half chooses the place, the upper one tells it from others well enough.
        let note = &mut self.asked[hash as u32 as usize % self.max_blocks];
        let is_noted = *note == (hash >> 32) as u32;
        *note = (hash >> 32) as u32;
        if is_noted { Looked::Wanted } else { Looked::New }
    }

    /// Takes a block in, in the place of an older one if there is no room.
    pub(super) fn insert(&mut self, hash: u64, key: Key, bytes: &[u8]) {
        let slot = Slot { hash, key, len: bytes.len(), is_used: false, is_fresh: true };
        let place = match self.find(hash, key) {
            Some(place) => place,
            None if self.slots.len() < self.max_blocks => self.slots.len(),
            None => self.oldest(),
        };
        if !self.bytes.put(place, bytes) {
            return;
        }
        if place == self.slots.len() {
            self.slots.push(slot);
        } else {
            self.forget_place(place);
            self.slots[place] = slot;
        }
        let slots = &self.slots;
        self.places.insert_unique(hash, number(place), |&place| slots[place as usize].hash);
    }

    /// The block whose turn it is to go.
    fn oldest(&mut self) -> usize {
        loop {
            self.hand = (self.hand + 1) % self.slots.len();
            if !mem::take(&mut self.slots[self.hand].is_used) {
                return self.hand;
            }
        }
    }

    pub(super) fn remove(&mut self, hash: u64, key: Key) {
        if let Some(place) = self.find(hash, key) {
            self.take_out(place);
        }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Key) -> bool) {
        for place in (0..self.slots.len()).rev() {
            if !keep(&self.slots[place].key) {
                self.take_out(place);
            }
        }
    }

    /// Lets go of what was not used since the last time; of all memory if that is everything.
    pub(super) fn age(&mut self) {
        for place in (0..self.slots.len()).rev() {
            if !mem::take(&mut self.slots[place].is_fresh) {
                self.take_out(place);
            }
        }
        if self.slots.is_empty() {
            *self = Self::new(self.max_blocks);
        }
    }

    /// Takes a block out; the last one gets its place.
    fn take_out(&mut self, place: usize) {
        let last = self.slots.len() - 1;
        self.forget_place(place);
        if place != last {
            let hash = self.slots[last].hash;
            if let Some(moved) = self.places.find_mut(hash, |&it| it == number(last)) {
                *moved = number(place);
            }
            self.bytes.copy(last, place);
        }
        self.slots.swap_remove(place);
        self.bytes.truncate(last);
    }

    fn forget_place(&mut self, place: usize) {
        if let Ok(found) = self.places.find_entry(self.slots[place].hash, |&it| it == number(place)) {
            found.remove();
        }
    }
}

/// A place, of which there are a few thousand.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
