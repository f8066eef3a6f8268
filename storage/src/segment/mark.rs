//! Tail marks: what the log knew when a commit was written. A hint that makes recovery exact, never needed.
//!
//! A segment has room for two. The one that is durable stays as it is until the other one is: whatever becomes of a mark
//! that is being written, there is one that says which sequences may have been given out.
//!
//! ```text
//!  0 u64 number of the commit, from 1
//!  8 u64 end of the records     16 u64 sequence that was given out last when they ended there
//! 24 u64 the last sequence that was durable before this commit   32 u64 where the durable records ended
//! 40 u64 sequences up to here may have been given out             48 u64 floor: nothing below it is live
//! 56 u64 the floor that was durable before this commit             64 u128 boot id
//! 80 u64 sequence given out last, those included that were refused later
//! 88 u32 flags: 1 another segment follows this one, 2 written before the name of the segment was durable
//! 92 u32 bytes of removals behind the CRC    96 u32 CRC-32 of bytes 0..96 and those, started from the salt and the mark's offset
//! 100 the removals that lie in no more than one record, as in that
//! ```

use super::array;
use crate::record::{self, Salt};

/// What the log knew when a commit was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TailMark {
    /// Counts the commits of the log, from 1.
    pub commit: u64,
    /// Where the records of this commit end.
    pub end: u64,
    /// The sequence that was given out last when the records ended there.
    pub last_sequence: u64,
    /// The last sequence that was durable for sure before this commit.
    pub synced_sequence: u64,
    /// Where its records, in this segment, ended.
    pub synced_end: u64,
    /// Sequences up to here may have been given out by the time the next durable mark is written.
    pub reserved_to: u64,
    /// No message below it is live, given that everything up to `last_sequence` is there.
    pub floor: u64,
    /// No message below it is live, for sure.
    pub synced_floor: u64,
    /// The run of the operating system in which it was written.
    pub boot_id: u128,
    /// The sequence given out last: above `last_sequence` if what followed was refused in the end.
    pub given_to: u64,
    /// Whether another segment follows this one.
    pub continued: bool,
    /// Whether the name of the segment may not have been durable when it was written.
    pub is_unnamed: bool,
}

/// Which of the two places of a segment a mark lies in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Slot {
    /// The first one.
    #[default]
    First,
    /// The second one.
    Second,
}

/// The marks of a segment that are intact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks([Option<(TailMark, Box<[u8]>)>; 2]);

impl TailMark {
    /// Bytes of removals that a mark has room for.
    pub const MAX_REMOVALS_BYTES: usize = SLOT_BYTES - FIXED_BYTES;

    /// Where it lies, and its bytes. Removals beyond [`MAX_REMOVALS_BYTES`](Self::MAX_REMOVALS_BYTES) are left out.
    pub fn encode(&self, slot: Slot, salt: Salt, removals: &[u8]) -> (u32, Vec<u8>) {
        let offset = slot.offset();
        let removals = if removals.len() > Self::MAX_REMOVALS_BYTES { &[] } else { removals };
        let mut bytes = vec![0; FIXED_BYTES];
        let numbers = [
            self.commit,
            self.end,
            self.last_sequence,
            self.synced_sequence,
            self.synced_end,
            self.reserved_to,
            self.floor,
            self.synced_floor,
        ];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let flags = u32::from(self.continued) | u32::from(self.is_unnamed) << 1;
        bytes[64..80].copy_from_slice(&self.boot_id.to_le_bytes());
        bytes[80..88].copy_from_slice(&self.given_to.to_le_bytes());
        bytes[88..92].copy_from_slice(&flags.to_le_bytes());
        let len = u32::try_from(removals.len()).expect("there is no room for more");
        bytes[92..96].copy_from_slice(&len.to_le_bytes());
        let crc = record::crc(record::crc(salt.at(offset), &bytes[..96]), removals);
        bytes[96..].copy_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(removals);
        (offset, bytes)
    }

    fn decode(block: &[u8], slot: Slot, salt: Salt) -> Option<(Self, Box<[u8]>)> {
        let offset = slot.offset();
        let bytes: [u8; FIXED_BYTES] = array(block, offset as usize)?;
        let len = u32::from_le_bytes(array(&bytes, 92)?) as usize;
        let start = offset as usize + FIXED_BYTES;
        let removals = block.get(start..)?.get(..len.min(Self::MAX_REMOVALS_BYTES))?;
        if record::crc(record::crc(salt.at(offset), &bytes[..96]), removals) != u32::from_le_bytes(array(&bytes, 96)?) {
            return None;
        }
        let mark = Self::decode_fixed(&bytes)?;
        Some((mark, removals.into()))
    }

    fn decode_fixed(bytes: &[u8; FIXED_BYTES]) -> Option<Self> {
        let flags = u32::from_le_bytes(array(bytes, 88)?);
        let number = |index: usize| array(bytes, index * 8).map(u64::from_le_bytes);
        Some(Self {
            commit: number(0)?,
            end: number(1)?,
            last_sequence: number(2)?,
            synced_sequence: number(3)?,
            synced_end: number(4)?,
            reserved_to: number(5)?,
            floor: number(6)?,
            synced_floor: number(7)?,
            boot_id: u128::from_le_bytes(array(bytes, 64)?),
            given_to: number(10)?,
            continued: flags & 1 != 0,
            is_unnamed: flags & 2 != 0,
        })
    }
}

impl Slot {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// Where it lies, in a sector of its own.
    pub fn offset(self) -> u32 {
        match self {
            Self::First => 3072,
            Self::Second => 3584,
        }
    }
}

impl Marks {
    /// The intact marks of a header block.
    pub fn read(block: &[u8], salt: Salt) -> Self {
        Self([Slot::First, Slot::Second].map(|slot| TailMark::decode(block, slot, salt)))
    }

    /// Puts a mark in its place.
    pub fn put(&mut self, slot: Slot, mark: TailMark, removals: &[u8]) {
        self.0[usize::from(slot == Slot::Second)] = Some((mark, removals.into()));
    }

    /// The newest one.
    pub fn newest(&self) -> Option<TailMark> {
        self.newest_place().map(|(_, mark, _)| *mark)
    }

    /// The removals that they repeat, of the older mark first. What that one tells came about; `counts` says whether that of
    /// the newest one did.
    pub fn removals(&self, counts: impl Fn(&TailMark) -> bool) -> impl Iterator<Item = &[u8]> {
        let mut marks: Vec<_> = self.intact().collect();
        marks.sort_by_key(|(_, mark, _)| (mark.commit, mark.continued));
        let newest = marks.len().saturating_sub(1);
        let told = marks.into_iter().enumerate().filter(move |(place, (_, mark, _))| *place < newest || counts(mark));
        told.map(|(_, (.., removals))| removals)
    }

    /// Where the next mark may go: not over the only one that is known to be durable. Within a run of the operating system
    /// that is the older one of two.
    pub fn free_slot(&self, boot_id: u128) -> Slot {
        match self.newest_place() {
            Some((slot, mark, _)) if mark.boot_id == boot_id && self.0.iter().all(Option::is_some) => slot,
            Some((slot, ..)) => slot.other(),
            None => Slot::First,
        }
    }

    fn newest_place(&self) -> Option<(Slot, &TailMark, &[u8])> {
        self.intact().max_by_key(|(_, mark, _)| (mark.commit, mark.continued))
    }

    fn intact(&self) -> impl Iterator<Item = (Slot, &TailMark, &[u8])> {
        let marks = [Slot::First, Slot::Second].into_iter().zip(&self.0);
        marks.filter_map(|(slot, place)| place.as_ref().map(|(mark, removals)| (slot, mark, &**removals)))
    }
}

/// A sector.
const SLOT_BYTES: usize = 512;
/// What lies in front of the removals.
const FIXED_BYTES: usize = 100;
