//! The entries of a segment as bytes of a checkpoint.
//!
//! Base, end − base, number of records. Then for each record its length × 16, plus the two flags of an [`Extent`] × 4, plus
//! two if there are more like it right behind, plus one if it does not lie right behind the record before it with the next
//! sequence: then the gap in sequences and the offset follow. Then its subject's id + 1, or zero for a removed message;
//! and how many more like it follow, of the same length and subject, each with the next sequence. All as variable-length
//! integers: at most three to six bytes per message, and next to nothing where messages are alike.

use super::{DELETED, Entries};
use crate::record::{Extent, MIN_MESSAGE_BYTES};
use crate::subject_index::SubjectId;
use crate::varint::{self, Input};

impl Entries {
    /// Appends everything to `out`.
    pub fn save(&self, out: &mut Vec<u8>) {
        varint::put(out, self.base);
        varint::put(out, self.end - self.base);
        varint::put(out, self.records() as u64);
        let (mut sequence, mut offset, mut place) = (self.base, 0, 0);
        while place < self.subjects.len() {
            let Some(entry) = self.entry(place) else {
                place += 1;
                continue;
            };
            let more = self.more_alike(place);
            let is_regular = entry.sequence == sequence && entry.extent.offset == offset;
            let flags = u64::from(more > 0) << 1 | u64::from(!is_regular);
            varint::put(out, u64::from(entry.extent.length.rotate_left(2)) << 2 | flags);
            if !is_regular {
                varint::put(out, entry.sequence - sequence);
                varint::put(out, u64::from(entry.extent.offset));
            }
            varint::put(out, entry.subject.map_or(0, |SubjectId(id)| u64::from(id) + 1));
            if more > 0 {
                varint::put(out, more as u64);
            }
            place += more + 1;
            sequence = entry.sequence + more as u64 + 1;
            let last = self.extents[place - 1];
            offset = last.offset.wrapping_add(last.len());
        }
    }

    /// How many records follow that differ from this one in nothing but lying behind it.
    fn more_alike(&self, place: usize) -> usize {
        let (mut next, subject) = (self.extents[place], self.subjects[place]);
        let behind = self.extents[place + 1..].iter().zip(&self.subjects[place + 1..]);
        let alike = behind.take_while(|(extent, other)| {
            next.offset = next.offset.wrapping_add(next.len());
            **extent == next && **other == subject
        });
        let Some(sequences) = &self.sparse else { return alike.count() };
        alike.zip(sequences[place..].windows(2)).take_while(|(_, pair)| pair[1] == pair[0] + 1).count()
    }

    /// Reads what [`save`](Self::save) wrote; nothing if it is something else, or if a record reaches beyond `limit` or into
    /// another one. Whether its subjects exist is for the caller to see. Memory is bounded by what lies below `limit`.
    pub fn load(input: &mut Input<'_>, limit: u32) -> Option<Self> {
        let base = input.number()?;
        let end = base.checked_add(input.number()?)?;
        let mut left = input.number()?;
        let mut entries = Self::new(base);
        let (mut sequence, mut behind) = (base, 0);
        while left > 0 {
            let head = input.number()?;
            let length = u32::try_from(head >> 2).ok()?.rotate_right(2);
            let (mut offset, mut at) = (behind, sequence);
            if head & 1 != 0 {
                at = sequence.checked_add(input.number()?)?;
                offset = u32::try_from(input.number()?).ok()?;
            }
            let subject = input.number()?.checked_sub(1);
            let count = if head & 2 != 0 { input.number()?.checked_add(1)? } else { 1 };
            left = left.checked_sub(count)?;
            let extent = Extent { offset, length };
            if offset < behind || (extent.len() as usize) < MIN_MESSAGE_BYTES {
                return None;
            }
            behind = entries.load_alike(extent, at, subject, count, limit)?;
            sequence = entries.end;
        }
        if end < entries.end {
            return None;
        }
        entries.skip_to(end);
        entries.seal();
        Some(entries)
    }

    /// Adds so many records, the first one of them at `extent`; returns where the last one ends.
    fn load_alike(
        &mut self,
        mut extent: Extent,
        sequence: u64,
        subject: Option<u64>,
        count: u64,
        limit: u32,
    ) -> Option<u32> {
        for number in 0..count {
            let at = sequence.checked_add(number)?;
            let pushed = match subject {
                None => self.push_deleted(at, extent),
                Some(id) => {
                    let id = SubjectId(u32::try_from(id).ok().filter(|&id| id < DELETED)?);
                    self.push(at, extent, id)
                }
            };
            let behind = extent.offset.checked_add(extent.len()).filter(|&behind| behind <= limit);
            extent.offset = behind.filter(|_| pushed)?;
        }
        Some(extent.offset)
    }
}
