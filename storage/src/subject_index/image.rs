//! The index as bytes of a checkpoint.
//!
//! Slots in order of their ids, so that ids stay what they are: length of the name as a variable-length integer (zero: a
//! free slot, nothing follows), the name, count × 4 + stale flags, last, last − first.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;

use super::slot::Slot;
use super::{LAST_ID, SubjectIndex, SubjectState, names};
use crate::varint::{self, Input};

impl SubjectIndex {
    /// Appends everything to `out`.
    pub fn save(&self, out: &mut Vec<u8>) {
        varint::put(out, self.slots.len() as u64);
        for slot in &self.slots {
            if !slot.is_used() {
                out.push(0);
                continue;
            }
            let (name, state) = (self.names.get(slot.name()), slot.state());
            varint::put(out, name.len() as u64);
            out.extend_from_slice(name);
            varint::put(
                out,
                state.count << 2 | u64::from(slot.first_is_stale()) << 1 | u64::from(slot.last_is_stale()),
            );
            varint::put(out, state.last);
            varint::put(out, state.last.wrapping_sub(state.first));
        }
    }

    /// Reads what [`save`](Self::save) wrote; nothing if it is something else.
    pub fn load(input: &mut Input<'_>) -> Option<Self> {
        let slots = input.count()?;
        let mut index = Self::new();
        index.slots.reserve_exact(slots);
        // A table that grows hashes all names anew, which lie all over the memory.
        index.table.reserve(slots, |_| 0);
        for id in 0..slots {
            let id = u32::try_from(id).ok().filter(|&id| id <= LAST_ID)?;
            index.load_slot(id, input)?;
        }
        index.shrink();
        Some(index)
    }

    fn load_slot(&mut self, id: u32, input: &mut Input<'_>) -> Option<()> {
        let len = input.length()?;
        if len == 0 {
            self.slots.push(Slot::unused(self.free));
            self.free = Some(id);
            return Some(());
        }
        let bytes = input.take(len)?;
        let (count, last, span) = (input.number()?, input.number()?, input.number()?);
        if count >> 2 == 0 {
            return None;
        }
        self.load_name(id, bytes)?;
        let mut slot = Slot::new(self.names.push(bytes)?);
        let state = SubjectState { count: count >> 2, first: last.wrapping_sub(span), last };
        slot.restore(state, count & 2 != 0, count & 1 != 0);
        names::reserve(&mut self.slots, 1);
        self.slots.push(slot);
        Some(())
    }

    /// Puts an id into the table; nothing if another one has this name.
    fn load_name(&mut self, id: u32, name: &[u8]) -> Option<()> {
        let Self { names, slots, table, hasher, .. } = self;
        let name_of = |id: u32| names.get(slots[id as usize].name());
        match table.entry(hasher.hash_one(name), |&it| name_of(it) == name, |&it| hasher.hash_one(name_of(it))) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => {
                vacant.insert(id);
                Some(())
            }
        }
    }

    /// Live messages by id, zero for ids that are free.
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().map(Slot::count)
    }
}
