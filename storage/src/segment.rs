//! A segment file: its name, its header block, its tail marks.
//!
//! ```text
//!    0  fixed part, 128 bytes:
//!         0 [u8; 8] "embusseg"        8 u32 format version (1)    12 u32 flags: 1 compacted, 2 compressed
//!        16 u64 salt                 24 u64 base: sequence that its first record counts from
//!        32 u64 sequence given out last before this segment; what lies between that and base was skipped on purpose
//!        40 i64 time of the last message before this segment
//!        48 u32 where the segment before this one ends, whatever lies behind that in it; 0: it ends where it ends
//!        52 u32 length of the description   56 u32 CRC-32 of the description   60 u32 0
//!        64 u64 the last sequence that belongs to this segment, if it is compacted; else 0
//!        72 [u8; 52] of the compression, else 0                               124 u32 CRC-32 of bytes 0..124
//!  128  description, up to 2,432 bytes; a longer one is the first record
//! 2560  copy of the fixed part
//! 3072  tail mark     3584  tail mark
//! 4096  records
//! ```
//! A tail mark is written with each commit, behind its records; see [`TailMark`].

mod mark;
mod scan;

use crate::message::Timestamp;
use crate::record::{self, Salt};

pub use mark::{Marks, Slot, TailMark};
pub use scan::{Scanned, Scanner};

/// What is damaged together, at most: what a disk reads and writes at once.
pub const PAGE_BYTES: u32 = 4096;
/// Where the records begin.
pub const RECORDS_START: u32 = 4096;
/// The newest format that is understood, and the one that is written.
pub const FORMAT_VERSION: u32 = 1;

/// The name of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName {
    /// Sequence that its first record counts from.
    pub base: u64,
    /// Grows with every file of the log that is begun: of two files with the same base the later one counts.
    pub generation: u32,
}

impl SegmentName {
    /// The name of the file.
    pub fn file_name(self) -> String {
        format!("{:016x}-{:08x}.seg", self.base, self.generation)
    }

    /// What the file is called until it is complete.
    pub fn temporary_name(self) -> String {
        format!("{:016x}-{:08x}.tmp", self.base, self.generation)
    }

    /// Reads a file name.
    pub fn parse(name: &str) -> Option<Self> {
        let (base, generation) = name.strip_suffix(".seg")?.split_once('-')?;
        if base.len() != 16 || generation.len() != 8 {
            return None;
        }
        let name =
            Self { base: u64::from_str_radix(base, 16).ok()?, generation: u32::from_str_radix(generation, 16).ok()? };
        Some(name)
    }
}

/// What the header block of a segment says but for its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Whether dead records were left out: sequences are ascending, not dense.
    pub compacted: bool,
    /// Whether the records are compressed.
    pub compressed: bool,
    /// What all CRCs of its records start from.
    pub salt: Salt,
    /// Sequence that its first record counts from.
    pub base: u64,
    /// The sequence given out last before this segment.
    pub previous_last: u64,
    /// The time of the last message before this segment.
    pub previous_time: Timestamp,
    /// Where the segment before this one ends; 0: it ends where it ends.
    pub previous_end: u32,
    /// The last sequence that belongs to a compacted segment, whether its record is still there or not; else 0.
    pub covers_to: u64,
    /// Owned by the compression.
    pub compression: [u8; COMPRESSION_BYTES],
}

impl SegmentHeader {
    /// A plain segment.
    pub fn new(salt: Salt, base: u64) -> Self {
        Self {
            compacted: false,
            compressed: false,
            salt,
            base,
            previous_last: base.saturating_sub(1),
            previous_time: 0,
            previous_end: 0,
            covers_to: 0,
            compression: [0; COMPRESSION_BYTES],
        }
    }

    /// Whether the header block has room for this description: else it has to follow as the first record.
    pub fn holds(description: &[u8]) -> bool {
        description.len() <= DESCRIPTION_BYTES
    }

    /// The header block, without tail marks. A description that it does not [hold](Self::holds) is left out.
    pub fn encode(&self, description: &[u8]) -> Box<[u8; RECORDS_START as usize]> {
        let mut block = Box::new([0; RECORDS_START as usize]);
        let inline = if Self::holds(description) { description } else { &[] };
        let fixed = self.encode_fixed(inline);
        block[..FIXED_BYTES].copy_from_slice(&fixed);
        block[FIXED_BYTES..FIXED_BYTES + inline.len()].copy_from_slice(inline);
        block[COPY_START..COPY_START + FIXED_BYTES].copy_from_slice(&fixed);
        block
    }

    fn encode_fixed(&self, description: &[u8]) -> [u8; FIXED_BYTES] {
        let mut fixed = [0; FIXED_BYTES];
        let flags = u32::from(self.compacted) | u32::from(self.compressed) << 1;
        fixed[..8].copy_from_slice(MAGIC);
        fixed[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        fixed[12..16].copy_from_slice(&flags.to_le_bytes());
        fixed[16..24].copy_from_slice(&self.salt.0.to_le_bytes());
        fixed[24..32].copy_from_slice(&self.base.to_le_bytes());
        fixed[32..40].copy_from_slice(&self.previous_last.to_le_bytes());
        fixed[40..48].copy_from_slice(&self.previous_time.to_le_bytes());
        fixed[48..52].copy_from_slice(&self.previous_end.to_le_bytes());
        let length = u32::try_from(description.len()).expect("an inline description is short");
        fixed[52..56].copy_from_slice(&length.to_le_bytes());
        fixed[56..60].copy_from_slice(&record::crc(0, description).to_le_bytes());
        fixed[64..72].copy_from_slice(&self.covers_to.to_le_bytes());
        fixed[72..124].copy_from_slice(&self.compression);
        let crc = record::crc(0, &fixed[..124]);
        fixed[124..].copy_from_slice(&crc.to_le_bytes());
        fixed
    }

    /// Reads a header block; from the copy of the fixed part if the first one is damaged.
    pub fn decode(block: &[u8]) -> DecodedHeader {
        let copies = [0, COPY_START].into_iter().filter_map(|start| Fixed::decode(block.get(start..)?));
        let Some(fixed) = copies.into_iter().next() else { return DecodedHeader::Damaged };
        if fixed.version > FORMAT_VERSION {
            return DecodedHeader::Newer(fixed.version);
        }
        let description = block
            .get(FIXED_BYTES..)
            .and_then(|rest| rest.get(..fixed.description_len))
            .filter(|description| record::crc(0, description) == fixed.description_crc && !description.is_empty())
            .map(<[u8]>::to_vec);
        DecodedHeader::Valid { header: fixed.header, description }
    }
}

/// What a header block turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodedHeader {
    /// A header; the description if it is intact and not a record of its own.
    Valid {
        /// The header.
        header: SegmentHeader,
        /// The description.
        description: Option<Vec<u8>>,
    },
    /// Written in this later format.
    Newer(u32),
    /// Both copies are damaged.
    Damaged,
}

/// The fixed part, decoded.
struct Fixed {
    version: u32,
    header: SegmentHeader,
    description_len: usize,
    description_crc: u32,
}

impl Fixed {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let fixed = bytes.first_chunk::<FIXED_BYTES>()?;
        if !fixed.starts_with(MAGIC) || record::crc(0, &fixed[..124]) != u32::from_le_bytes(array(fixed, 124)?) {
            return None;
        }
        let flags = u32::from_le_bytes(array(fixed, 12)?);
        let header = SegmentHeader {
            compacted: flags & 1 != 0,
            compressed: flags & 2 != 0,
            salt: Salt(u64::from_le_bytes(array(fixed, 16)?)),
            base: u64::from_le_bytes(array(fixed, 24)?),
            previous_last: u64::from_le_bytes(array(fixed, 32)?),
            previous_time: i64::from_le_bytes(array(fixed, 40)?),
            previous_end: u32::from_le_bytes(array(fixed, 48)?),
            covers_to: u64::from_le_bytes(array(fixed, 64)?),
            compression: array(fixed, 72)?,
        };
        Some(Self {
            version: u32::from_le_bytes(array(fixed, 8)?),
            header,
            description_len: u32::from_le_bytes(array(fixed, 52)?).try_into().ok()?,
            description_crc: u32::from_le_bytes(array(fixed, 56)?),
        })
    }
}

/// So many bytes at `at`.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Bytes of a header that the compression owns.
pub const COMPRESSION_BYTES: usize = 52;
const MAGIC: &[u8; 8] = b"embusseg";
const FIXED_BYTES: usize = 128;
const COPY_START: usize = 2560;
/// What fits between the fixed part and its copy.
const DESCRIPTION_BYTES: usize = COPY_START - FIXED_BYTES;

#[cfg(test)]
mod tests;
