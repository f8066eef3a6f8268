//! Reads messages through a block, for runs of neighbouring ones: one read of the disk serves many.
//!
//! Every message is verified, header and body, whenever it is read. A block may be older than a message whose place it
//! covers, and may hold what cannot be read: what does not verify in it is read once more alone, so a damaged record is
//! an error of that record only.

use std::fmt;
use std::sync::{Arc, Weak};

use bytes::{Bytes, BytesMut};

use super::files::SegmentFile;
use super::locator::{Locator, Source};
use super::run::{Run, RunEnd, Spot};
use crate::error::StorageError;
use crate::message::{StoredMessage, Timestamp};
use crate::record::{Extent, HEADER_BYTES, Header, Message};

/// Reads messages, and keeps the bytes around the last one, up to [`MAX_BLOCK_BYTES`] or one record. One that is used no
/// more should be [cleared](Self::clear) or dropped.
#[derive(Default)]
pub struct BlockReader {
    /// Whose bytes the block holds. It does not keep the file.
    file: Weak<SegmentFile>,
    offset: u32,
    block: Bytes,
    /// Bytes of the block that were asked for.
    used: usize,
    /// Bytes of the next block: many where the messages are neighbours, few where there are others between them.
    window: usize,
}

/// A message that was read and verified.
#[derive(Debug, Clone, Copy)]
pub struct Fetched<'a> {
    /// Its number in the log.
    pub sequence: u64,
    /// When it was stored.
    pub time: Timestamp,
    /// Where it was published.
    pub subject: &'a [u8],
    /// The raw header block, empty without headers.
    pub headers: &'a [u8],
    /// Its body.
    pub payload: &'a [u8],
    /// What the parts lie in, if that can be shared.
    shared: Option<&'a Bytes>,
}

impl BlockReader {
    /// Without a block. It allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads and verifies a message. `run_end` is where the last one ends of those that are going to be read next, in
    /// ascending order: with it, bytes up to there are read at once; without it, only those of the message.
    ///
    /// # Errors
    /// As [`Locator::read`].
    pub fn read<'a>(
        &'a mut self,
        locator: &'a Locator,
        run_end: Option<RunEnd<'_>>,
    ) -> Result<Fetched<'a>, StorageError> {
        let Locator { sequence, extent, file, .. } = locator;
        match &locator.source {
            Source::Copy(bytes) => fetched(file, *sequence, bytes, locator.verify(bytes)?, Some(bytes)),
            Source::InFlight(chunks) => {
                let record = locator.record_in(chunks)?;
                fetched(file, *sequence, record, locator.verify(record)?, None)
            }
            Source::File => self.read_file(file, Spot { sequence: *sequence, extent: *extent }, run_end),
        }
    }

    /// Reads and verifies one message of a run; `run_end` as for [`read`](Self::read).
    ///
    /// # Errors
    /// As [`Locator::read`]; [`StorageError::Damaged`] if there are not that many messages in it.
    #[inline]
    pub fn read_of<'a>(
        &'a mut self,
        run: &Run,
        number: usize,
        run_end: Option<RunEnd<'_>>,
    ) -> Result<Fetched<'a>, StorageError> {
        let spot = run.spots.get(number).ok_or_else(|| run.file.damaged("a run ends before its end"))?;
        self.read_file(&run.file, *spot, run_end)
    }

    #[inline]
    fn read_file(
        &mut self,
        file: &Arc<SegmentFile>,
        spot: Spot,
        run_end: Option<RunEnd<'_>>,
    ) -> Result<Fetched<'_>, StorageError> {
        let header = match self.in_block(file, spot) {
            Some(header) => header,
            None => self.load(file, spot, run_end)?,
        };
        self.used += spot.extent.len() as usize;
        fetched(file, spot.sequence, self.record(file, spot).unwrap_or_default(), header, Some(&self.block))
    }

    /// Gives the memory of the block back.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The message, if it lies in the block as it should.
    #[inline]
    fn in_block(&self, file: &Arc<SegmentFile>, spot: Spot) -> Option<Header> {
        file.verify(spot.sequence, spot.extent.offset, self.record(file, spot)?).ok()
    }

    /// What lies in the block where the message is.
    #[inline]
    fn record(&self, file: &Arc<SegmentFile>, Spot { extent, .. }: Spot) -> Option<&[u8]> {
        let at = extent.offset.checked_sub(self.offset)? as usize;
        let record = self.block.get(at..)?.get(..extent.len() as usize)?;
        std::ptr::eq(self.file.as_ptr(), Arc::as_ptr(file)).then_some(record)
    }

    fn load(
        &mut self,
        file: &Arc<SegmentFile>,
        spot: Spot,
        run_end: Option<RunEnd<'_>>,
    ) -> Result<Header, StorageError> {
        let len = spot.extent.len() as usize;
        self.adapt();
        let wanted = run_end.map_or(0, |end| self.run_bytes(file, spot.extent, end));
        if wanted > len && self.fill(file, spot.extent.offset, wanted).is_ok() {
            if let Some(header) = self.in_block(file, spot) {
                return Ok(header);
            }
            self.window = MIN_BLOCK_BYTES;
        }
        self.fill(file, spot.extent.offset, len)?;
        let record = self.record(file, spot).ok_or_else(|| file.damaged("it ends within a record"))?;
        file.verify(spot.sequence, spot.extent.offset, record)
    }

    /// Bytes that are worth reading from a message on.
    fn run_bytes(&self, file: &Arc<SegmentFile>, extent: Extent, end: RunEnd<'_>) -> usize {
        let room = self.window.max(extent.len() as usize);
        if !Arc::ptr_eq(file, end.file) {
            // The run goes on in another file: this one is read as far as it reaches.
            return room;
        }
        let run = end.offset.saturating_sub(extent.offset.into());
        usize::try_from(run).map_or(room, |run| run.min(room))
    }

    /// Learns from how much of the last block was of use. A block of which little is costs more than single reads.
    fn adapt(&mut self) {
        let (used, len) = (std::mem::take(&mut self.used), self.block.len());
        self.window = match () {
            () if self.window == 0 => FIRST_BLOCK_BYTES,
            () if len < MIN_BLOCK_BYTES => self.window,
            () if used >= len / WORTH_GROWING => (self.window * 4).min(MAX_BLOCK_BYTES),
            () if used < len / WORTH_KEEPING => (self.window / 4).max(MIN_BLOCK_BYTES),
            () => self.window,
        };
    }

    /// Reads a block, or what the file has of it, from an offset on.
    fn fill(&mut self, file: &Arc<SegmentFile>, offset: u32, len: usize) -> Result<(), StorageError> {
        self.file = Weak::new();
        let mut block = std::mem::take(&mut self.block).try_into_mut().unwrap_or_default();
        if block.capacity() < len {
            block = BytesMut::zeroed(len);
        }
        block.resize(len, 0);
        let read = file.read_into(&mut block, offset)?;
        block.truncate(read);
        self.block = block.freeze();
        self.offset = offset;
        self.file = Arc::downgrade(file);
        Ok(())
    }
}

impl fmt::Debug for BlockReader {
    /// Without the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockReader")
            .field("offset", &self.offset)
            .field("len", &self.block.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Fetched<'a> {
    /// A message that lies anywhere.
    pub fn new(sequence: u64, time: Timestamp, subject: &'a [u8], headers: &'a [u8], payload: &'a [u8]) -> Self {
        Self { sequence, time, subject, headers, payload, shared: None }
    }

    /// The message by itself: parts of the block, which lives for as long as one of them does, without copying.
    pub fn to_stored(&self) -> StoredMessage {
        let part = |part: &[u8]| match self.shared {
            // An empty part may lie anywhere.
            Some(shared) if !part.is_empty() => shared.slice_ref(part),
            _ => Bytes::copy_from_slice(part),
        };
        StoredMessage {
            sequence: self.sequence,
            time: self.time,
            subject: part(self.subject),
            headers: part(self.headers),
            payload: part(self.payload),
        }
    }
}

#[inline]
fn fetched<'a>(
    file: &SegmentFile,
    sequence: u64,
    record: &'a [u8],
    header: Header,
    shared: Option<&'a Bytes>,
) -> Result<Fetched<'a>, StorageError> {
    let body = record.get(HEADER_BYTES..).unwrap_or_default();
    let message = header.message(body).ok_or_else(|| file.not_as_written())?;
    let Message { time, subject, headers, payload, .. } = message;
    Ok(Fetched { sequence, time, subject, headers, payload, shared })
}

/// Bytes of the largest block, but for larger records.
pub const MAX_BLOCK_BYTES: usize = 256 * 1024;
/// Of the first one.
const FIRST_BLOCK_BYTES: usize = 64 * 1024;
/// Less is hardly cheaper.
const MIN_BLOCK_BYTES: usize = 4 * 1024;
/// Blocks grow while this part of one was of use, …
const WORTH_GROWING: usize = 16;
/// … and shrink when less than this part was: reading 64 times as many bytes costs about what 64 times fewer reads save.
const WORTH_KEEPING: usize = 64;

#[cfg(test)]
mod tests;
