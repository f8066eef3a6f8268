//! The checkpoint of a log: its indexes in one file, so that a recovery reads what was appended since and no more.
//!
//! It is a cache and never the truth. Every byte is under a CRC, and whatever is wrong with it (it is missing, damaged,
//! cut, of another format) it counts as not there. It is replaced as a whole: new file, sync, rename, sync of the
//! directory.
//!
//! ```text
//!  0 [u8; 8] "embusckp"    8 u32 format version (2)    12 u32 0    16 u64 length of the body
//! 24 u32 CRC-32 of the body    28 u32 CRC-32 of bytes 0..28
//! 32 body: variable-length integers in the order of `encode`, entries, subjects, notes
//! ```
//!
//! What a log may write down: only what is on the disk for sure, synced where that means anything. A power cut must not
//! leave a checkpoint that knows of records which are gone.
//!
//! What it may believe: a segment of the checkpoint whose name and salt are those of a file in the directory is what the
//! checkpoint says of it, up to `end`. A file that is not there, or is there in another generation, was compacted or
//! dropped since; see `claim` and `unclaimed`.

mod reconcile;

use std::path::Path;

use crate::entries::Entries;
use crate::error::StorageError;
use crate::medium::Medium;
use crate::message::Timestamp;
use crate::record::{self, Salt};
use crate::segment::SegmentName;
use crate::subject_index::SubjectIndex;
use crate::varint::{self, Input};
use crate::whole_file;

/// What a log was at some moment.
#[derive(Debug)]
pub struct Checkpoint {
    /// The numbers.
    pub summary: Summary,
    /// The segments, by base.
    pub segments: Vec<SegmentImage>,
    /// The subjects; the entries refer to their ids.
    pub subjects: SubjectIndex,
    /// What the owner of the log wanted back.
    pub notes: Vec<u8>,
}

/// The numbers of a checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// The sequence given out last.
    pub last_sequence: u64,
    /// When that was.
    pub last_time: Timestamp,
    /// No message below it is live.
    pub floor: u64,
    /// Sequences up to here may have been given out.
    pub reserved_to: u64,
    /// Messages that damage took so far.
    pub lost_messages: u64,
    /// Bytes of the files that were not understood so far.
    pub lost_bytes: u64,
}

/// A segment of a checkpoint.
#[derive(Debug, PartialEq, Eq)]
pub struct SegmentImage {
    /// Its file.
    pub name: SegmentName,
    /// Its salt: tells whether the file is still the one that was meant.
    pub salt: Salt,
    /// Where the records end that the entries know of: a recovery reads on from here.
    pub end: u32,
    /// The records.
    pub entries: Entries,
}

/// A segment, about to be written down.
#[derive(Debug, Clone, Copy)]
pub struct SegmentRef<'a> {
    /// Its file.
    pub name: SegmentName,
    /// Its salt.
    pub salt: Salt,
    /// Where the records end.
    pub end: u32,
    /// The records.
    pub entries: &'a Entries,
}

/// The bytes of a checkpoint: everything as it is now, up to six bytes per message and its name and about eight per
/// subject.
pub fn encode<'a>(
    summary: &Summary,
    segments: impl ExactSizeIterator<Item = SegmentRef<'a>>,
    subjects: &SubjectIndex,
    notes: &[u8],
) -> Vec<u8> {
    let mut out = vec![0; HEADER_BYTES];
    for number in summary.numbers() {
        varint::put(&mut out, number);
    }
    varint::put(&mut out, segments.len() as u64);
    for segment in segments {
        varint::put(&mut out, segment.name.base);
        varint::put(&mut out, u64::from(segment.name.generation));
        out.extend_from_slice(&segment.salt.0.to_le_bytes());
        varint::put(&mut out, u64::from(segment.end));
        segment.entries.save(&mut out);
    }
    subjects.save(&mut out);
    varint::put(&mut out, notes.len() as u64);
    out.extend_from_slice(notes);
    finish(&mut out);
    out
}

/// Writes the bytes of [`encode`] as the checkpoint of the log in `dir`, durably. Blocks.
///
/// # Errors
/// What the disk says. The checkpoint is the old one then, or the new one.
pub fn save(medium: &dyn Medium, dir: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    whole_file::prepare(medium, &dir.join(FILE_NAME), bytes)?.put()?;
    medium.sync_dir(dir).map_err(|error| StorageError::io("sync", dir, error))
}

/// Reads the checkpoint of the log in `dir`; nothing if there is none that is intact. Memory is bounded by its size, and by that
/// of the segments that it speaks of.
pub fn load(medium: &dyn Medium, dir: &Path) -> Option<Checkpoint> {
    let bytes = whole_file::read(medium, &dir.join(FILE_NAME), u64::MAX).ok()??;
    decode(&bytes)
}

impl Summary {
    fn numbers(&self) -> [u64; 6] {
        let last_time = self.last_time.cast_unsigned();
        [self.last_sequence, last_time, self.floor, self.reserved_to, self.lost_messages, self.lost_bytes]
    }

    fn load(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            last_sequence: input.number()?,
            last_time: input.number()?.cast_signed(),
            floor: input.number()?,
            reserved_to: input.number()?,
            lost_messages: input.number()?,
            lost_bytes: input.number()?,
        })
    }
}

/// Fills in the header.
fn finish(out: &mut [u8]) {
    let (header, body) = out.split_at_mut(HEADER_BYTES);
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    header[16..24].copy_from_slice(&(body.len() as u64).to_le_bytes());
    header[24..28].copy_from_slice(&record::crc(0, body).to_le_bytes());
    let crc = record::crc(0, &header[..28]);
    header[28..].copy_from_slice(&crc.to_le_bytes());
}

fn decode(bytes: &[u8]) -> Option<Checkpoint> {
    let (header, body) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let mut fields = Input(header);
    let is_ours = fields.array()? == *MAGIC && fields.array()? == FORMAT_VERSION.to_le_bytes();
    fields.take(4)?;
    let len = fields.fixed()?;
    let (body_crc, header_crc) = (fields.array()?, fields.array()?);
    let intact = record::crc(0, &header[..28]).to_le_bytes() == header_crc
        && len == body.len() as u64
        && record::crc(0, body).to_le_bytes() == body_crc;
    (is_ours && intact).then(|| decode_body(Input(body)))?
}

fn decode_body(mut input: Input<'_>) -> Option<Checkpoint> {
    let summary = Summary::load(&mut input)?;
    let mut segments = Vec::new();
    for _ in 0..input.count()? {
        segments.push(SegmentImage::load(&mut input)?);
    }
    let subjects = SubjectIndex::load(&mut input)?;
    let notes = input.length().and_then(|len| input.take(len))?.to_vec();
    let ascend = segments.windows(2).all(|pair| pair[0].entries.end() <= pair[1].name.base);
    let intact = input.is_empty() && ascend && subjects_agree(&segments, &subjects);
    intact.then_some(Checkpoint { summary, segments, subjects, notes })
}

/// Whether each subject has as many messages as entries say so.
fn subjects_agree(segments: &[SegmentImage], subjects: &SubjectIndex) -> bool {
    let mut missing: Vec<u64> = subjects.counts().collect();
    let live = segments.iter().flat_map(|segment| segment.entries.iter()).filter_map(|entry| entry.subject);
    for id in live {
        match missing.get_mut(id.0 as usize) {
            Some(count) if *count > 0 => *count -= 1,
            _ => return false,
        }
    }
    missing.iter().all(|&count| count == 0)
}

impl SegmentImage {
    fn load(input: &mut Input<'_>) -> Option<Self> {
        let name = SegmentName { base: input.number()?, generation: u32::try_from(input.number()?).ok()? };
        let salt = Salt(input.fixed()?);
        let end = u32::try_from(input.number()?).ok()?;
        let entries = Entries::load(input, end)?;
        (entries.base() == name.base).then_some(Self { name, salt, end, entries })
    }
}

/// What the file is called.
pub const FILE_NAME: &str = "checkpoint";
/// The newest format that is understood, and the one that is written.
pub const FORMAT_VERSION: u32 = 2;
const MAGIC: &[u8; 8] = b"embusckp";
const HEADER_BYTES: usize = 32;

#[cfg(test)]
mod tests;
