//! The index as bytes of a checkpoint.
//!
//! Slots in order of their ids, so that ids stay what they are: length of the name as a variable-length integer (zero: a
//! free slot, nothing follows), the name, count × 4 + stale flags, last, last − first.

use super::names::Name;
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
        for id in 0..slots {
            let id = u32::try_from(id).ok().filter(|&id| id <= LAST_ID)?;
            index.load_slot(id, input)?;
        }
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
        if self.id(bytes).is_some() || count >> 2 == 0 {
            return None;
        }
        let name: Name = self.names.push(bytes)?;
        let mut slot = Slot::new(name);
        let state = SubjectState { count: count >> 2, first: last.wrapping_sub(span), last };
        slot.restore(state, count & 2 != 0, count & 1 != 0);
        names::reserve(&mut self.slots, 1);
        self.slots.push(slot);
        self.insert(id);
        Some(())
    }

    /// Live messages by id, zero for ids that are free.
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().map(Slot::count)
    }
}
