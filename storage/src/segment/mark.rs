//! Tail marks: what the log knew when a commit was written. A hint that makes recovery exact, never needed.
//!
//! ```text
//!  0 u64 number of the commit, from 1; odd ones lie at 3584, even ones at 3072
//!  8 u64 end of the records     16 u64 sequence given out last
//! 24 u64 the last sequence that was durable before this commit   32 u64 where the durable records ended
//! 40 u64 sequences up to here may have been given out             48 u64 floor: nothing below it is live
//! 56 u64 the floor that was durable before this commit             64 u128 boot id
//! 80 u32 flags: 1 another segment follows this one, 2 written before the name of the segment was durable
//! 84 u32 CRC-32 of bytes 0..84, started from the salt and the mark's offset
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
    /// The sequence given out last.
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
    /// Whether another segment follows this one.
    pub continued: bool,
    /// Whether the name of the segment may not have been durable when it was written.
    pub is_unnamed: bool,
}

impl TailMark {
    /// Bytes of a mark.
    pub const BYTES: usize = 88;
    /// Where the two marks of a segment lie, each in a sector of its own.
    pub const OFFSETS: [u32; 2] = [3072, 3584];

    /// Where it lies, and its bytes.
    pub fn encode(&self, salt: Salt) -> (u32, [u8; Self::BYTES]) {
        let offset = Self::OFFSETS[usize::from(self.commit % 2 == 1)];
        let mut bytes = [0; Self::BYTES];
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
        bytes[80..84].copy_from_slice(&flags.to_le_bytes());
        let crc = record::crc(salt.at(offset), &bytes[..84]);
        bytes[84..].copy_from_slice(&crc.to_le_bytes());
        (offset, bytes)
    }

    /// The newest intact mark of a header block.
    pub fn newest(block: &[u8], salt: Salt) -> Option<Self> {
        let marks = Self::OFFSETS.into_iter().filter_map(|offset| Self::decode(block, offset, salt));
        marks.max_by_key(|mark| mark.commit)
    }

    fn decode(block: &[u8], offset: u32, salt: Salt) -> Option<Self> {
        let bytes: [u8; Self::BYTES] = array(block, offset as usize)?;
        if record::crc(salt.at(offset), &bytes[..84]) != u32::from_le_bytes(array(&bytes, 84)?) {
            return None;
        }
        let flags = u32::from_le_bytes(array(&bytes, 80)?);
        let number = |index: usize| array(&bytes, index * 8).map(u64::from_le_bytes);
        Some(Self {
            commit: number(0)?,
            end: number(1)?,
            last_sequence: number(2)?,
            synced_sequence: number(3)?,
            synced_end: number(4)?,
            reserved_to: number(5)?,
            floor: number(6)?,
            synced_floor: number(7)?,
            boot_id: u128::from_le_bytes(array(&bytes, 64)?),
            continued: flags & 1 != 0,
            is_unnamed: flags & 2 != 0,
        })
    }
}
