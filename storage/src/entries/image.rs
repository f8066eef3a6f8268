//! The entries of a segment as bytes of a checkpoint.
//!
//! Base, end − base, number of records; per record its length × 8, plus the two flags of an [`Extent`] × 2, plus one if it does not lie right behind the record
//! before it with the next sequence: then the gap in sequences and the offset follow. Then its subject's id + 1, or zero
//! for a removed message. All as variable-length integers: three to six bytes per message.

use super::{DELETED, Entries};
use crate::record::Extent;
use crate::subject_index::SubjectId;
use crate::varint::{self, Input};

impl Entries {
    /// Appends everything to `out`.
    pub fn save(&self, out: &mut Vec<u8>) {
        out.reserve(self.records() * 6);
        varint::put(out, self.base);
        varint::put(out, self.end - self.base);
        varint::put(out, self.records() as u64);
        let (mut sequence, mut offset) = (self.base, 0);
        for entry in self.iter() {
            let is_regular = entry.sequence == sequence && entry.extent.offset == offset;
            varint::put(out, u64::from(entry.extent.length.rotate_left(2)) << 1 | u64::from(!is_regular));
            if !is_regular {
                varint::put(out, entry.sequence - sequence);
                varint::put(out, u64::from(entry.extent.offset));
            }
            varint::put(out, entry.subject.map_or(0, |SubjectId(id)| u64::from(id) + 1));
            sequence = entry.sequence + 1;
            offset = entry.extent.offset.wrapping_add(entry.extent.len());
        }
    }

    /// Reads what [`save`](Self::save) wrote; nothing if it is something else, or if a record reaches beyond `limit` or into
    /// another one. Whether its subjects exist is for the caller to see.
    pub fn load(input: &mut Input<'_>, limit: u32) -> Option<Self> {
        let base = input.number()?;
        let end = base.checked_add(input.number()?)?;
        let records = input.count()?;
        let mut entries = Self::new(base);
        let (mut sequence, mut behind) = (base, 0);
        for _ in 0..records {
            let head = input.number()?;
            let length = u32::try_from(head >> 1).ok()?.rotate_right(2);
            let (mut offset, mut at) = (behind, sequence);
            if head & 1 != 0 {
                at = sequence.checked_add(input.number()?)?;
                offset = u32::try_from(input.number()?).ok()?;
            }
            let extent = Extent { offset, length };
            let pushed = match input.number()?.checked_sub(1) {
                None => entries.push_deleted(at, extent),
                Some(id) => {
                    let id = SubjectId(u32::try_from(id).ok().filter(|&id| id < DELETED)?);
                    entries.push(at, extent, id)
                }
            };
            if !pushed || offset < behind {
                return None;
            }
            behind = offset.checked_add(extent.len()).filter(|&behind| behind <= limit)?;
            sequence = entries.end;
        }
        if end < entries.end {
            return None;
        }
        entries.skip_to(end);
        entries.seal();
        Some(entries)
    }
}
