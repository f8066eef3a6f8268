//! The bytes of a journal file, `consumers-<generation, 16 hex digits>.journal`.
//!
//! ```text
//! header, 64 bytes:
//!  0 [u8; 8] "embuscsm"        8 u32 format version (1)      12 u32 where the second half of the base begins
//! 16 u64 generation           24 u64 salt                    32 u128 the run of the operating system (boot id)
//! 48 u64 records in the base: numbers 1 to that              56 u32 0        60 u32 CRC-32 of bytes 0..60
//! 64 the base: all there was when the file was begun; synced before the file got its name
//!    zeros up to a multiple of 4096
//!    copy of the header, copy of the base
//!    records of later writes, one behind the other; of each write, behind all its records and zeros up to a multiple
//!    of 4096: copies of those that are kept twice; zeros at the end are room for more
//!
//! record:
//!  0 u8  kind: 1 configuration, 2 snapshot, 3 delta, 4 deletion       1 u8  1: a copy       2 u16 0
//!  4 u32 length of the body    8 u64 id of the consumer              16 u64 number of the record, from 1
//! 24 u64 of a delta: number of the delta or snapshot of the same consumer that it builds on; 0: none
//! 32 u32 records of the same write before it
//! 36 u32 records before it that were not known to be durable when it was written
//! 40 u32 CRC-32 of bytes 0..40, started from salt and offset as that of a record of a segment
//! 44 u32 CRC-32 of the body, started from the CRC at 40
//! 48 body
//! ```
//! Everything but deltas is kept twice, and never in the same page of 4096 bytes.

use crate::record::{Salt, crc};

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Config,
    Snapshot,
    Delta,
    Delete,
}

impl Kind {
    pub(super) fn is_kept_twice(self) -> bool {
        self != Self::Delta
    }

    fn from_bits(bits: u8) -> Option<Self> {
        [Self::Config, Self::Snapshot, Self::Delta, Self::Delete].into_iter().find(|kind| kind.bits() == bits)
    }

    fn bits(self) -> u8 {
        match self {
            Self::Config => 1,
            Self::Snapshot => 2,
            Self::Delta => 3,
            Self::Delete => 4,
        }
    }
}

/// The header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) kind: Kind,
    pub(super) is_copy: bool,
    pub(super) body_len: u32,
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) previous: u64,
    pub(super) in_write: u32,
    pub(super) unproven: u32,
}

impl RecordHeader {
    pub(super) fn encode(&self, body: &[u8], seed: u32) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        (bytes[0], bytes[1]) = (self.kind.bits(), self.is_copy.into());
        bytes[4..8].copy_from_slice(&self.body_len.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.id.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.previous.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.in_write.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.unproven.to_le_bytes());
        let header_crc = crc(seed, &bytes[..40]);
        bytes[40..44].copy_from_slice(&header_crc.to_le_bytes());
        bytes[44..].copy_from_slice(&crc(header_crc, body).to_le_bytes());
        bytes
    }

    /// Reads a header; nothing if its CRC does not hold.
    pub(super) fn decode(bytes: &[u8], seed: u32) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>()?;
        let kind = Kind::from_bits(bytes[0]).filter(|_| bytes[1] <= 1 && bytes[2..4] == [0; 2])?;
        if crc(seed, &bytes[..40]) != u32_at(bytes, 40) {
            return None;
        }
        Some(Self {
            kind,
            is_copy: bytes[1] == 1,
            body_len: u32_at(bytes, 4),
            id: u64_at(bytes, 8),
            number: u64_at(bytes, 16),
            previous: u64_at(bytes, 24),
            in_write: u32_at(bytes, 32),
            unproven: u32_at(bytes, 36),
        })
    }

    /// The body behind an intact header, if it is intact as well.
    pub(super) fn body<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        let body = record.get(HEADER_BYTES..)?.get(..self.body_len as usize)?;
        (crc(u32_at(record, 40), body) == u32_at(record, 44)).then_some(body)
    }

    /// Bytes of the whole record.
    pub(super) fn record_len(&self) -> usize {
        HEADER_BYTES + self.body_len as usize
    }
}

/// The header of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    /// Where the copy lies.
    pub(super) copy_at: u32,
    pub(super) generation: u64,
    pub(super) salt: Salt,
    pub(super) boot_id: u128,
    pub(super) base_records: u64,
}

/// What a header turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DecodedHeader {
    Valid(FileHeader),
    Newer(u32),
    Damaged,
}

impl FileHeader {
    pub(super) fn encode(&self) -> [u8; FILE_HEADER_BYTES] {
        let mut bytes = [0; FILE_HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.copy_at.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.generation.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.salt.0.to_le_bytes());
        bytes[32..48].copy_from_slice(&self.boot_id.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.base_records.to_le_bytes());
        let crc = crc(0, &bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header of a file: the first one, or, if that is damaged, its copy, which begins a page and says where that is.
    pub(super) fn find(file: &[u8]) -> DecodedHeader {
        let headers = file.chunks(PAGE_BYTES).enumerate().map(|(page, bytes)| match Self::decode(bytes) {
            DecodedHeader::Valid(header) if page > 0 && header.copy_at as usize / PAGE_BYTES != page => {
                DecodedHeader::Damaged
            }
            header => header,
        });
        let mut intact = headers.filter(|header| *header != DecodedHeader::Damaged);
        intact.next().unwrap_or(DecodedHeader::Damaged)
    }

    fn decode(page: &[u8]) -> DecodedHeader {
        let Some(bytes) = page.first_chunk::<FILE_HEADER_BYTES>() else { return DecodedHeader::Damaged };
        if !bytes.starts_with(MAGIC) || crc(0, &bytes[..60]) != u32_at(bytes, 60) {
            return DecodedHeader::Damaged;
        }
        let version = u32_at(bytes, 8);
        if version > FORMAT_VERSION {
            return DecodedHeader::Newer(version);
        }
        DecodedHeader::Valid(Self {
            copy_at: u32_at(bytes, 12),
            generation: u64_at(bytes, 16),
            salt: Salt(u64_at(bytes, 24)),
            boot_id: bytes[32..].first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes)),
            base_records: u64_at(bytes, 48),
        })
    }
}

/// The name of the file of a generation.
pub(super) fn file_name(generation: u64) -> String {
    format!("consumers-{generation:016x}.journal")
}

/// What it is called until it is complete.
pub(super) fn temporary_name(generation: u64) -> String {
    format!("consumers-{generation:016x}.new")
}

/// What a copy is called that is kept because not all of it was understood.
pub(super) fn kept_name(generation: u64) -> String {
    format!("consumers-{generation:016x}.kept")
}

/// The generation in a file name.
pub(super) fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("consumers-")?.strip_suffix(".journal")?;
    let generation = u64::from_str_radix(digits, 16).ok()?;
    (file_name(generation) == name).then_some(generation)
}

/// Whether it is the name of a file that was never completed.
pub(super) fn is_temporary(name: &str) -> bool {
    name.strip_suffix(".new").is_some_and(|stem| parse_name(&format!("{stem}.journal")).is_some())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The newest format that is understood, and the one that is written.
pub(super) const FORMAT_VERSION: u32 = 1;
/// Bytes in front of the body of a record.
pub(super) const HEADER_BYTES: usize = 48;
/// Bytes in front of the first record.
pub(super) const FILE_HEADER_BYTES: usize = 64;
/// What is kept twice lies in two pages of this size.
pub(super) const PAGE_BYTES: usize = 4096;
const MAGIC: &[u8; 8] = b"embuscsm";
