//! Where a message lies, in a form that may be read after the owner of the log has let go of it.

use std::sync::Arc;

use bytes::Bytes;

use super::files::SegmentFile;
use super::pending::Chunk;
use crate::error::StorageError;
use crate::message::{MessageView, StoredMessage};
use crate::record::{Extent, HEADER_BYTES, Header, Message};

/// Where a message lies: may be read after the owner of the log has let go of it.
#[derive(Debug, Clone)]
pub struct Locator {
    pub(super) sequence: u64,
    pub(super) extent: Extent,
    pub(super) file: Arc<SegmentFile>,
    pub(super) source: Source,
    /// Keeps the file where it is.
    pub(super) _reader: Arc<()>,
}

/// What a message is read from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    File,
    /// A copy of a record that waits for a commit.
    Copy(Bytes),
    /// Records that a commit is writing.
    InFlight(Arc<Vec<Chunk>>),
}

impl Locator {
    /// The sequence of the message.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Bytes of subject, headers and payload together. Nothing is read for it.
    pub fn body_bytes(&self) -> usize {
        usize::try_from(self.extent.parts()).unwrap_or(usize::MAX)
    }

    /// Whether there are headers. Nothing is read for it.
    pub fn has_headers(&self) -> bool {
        self.extent.has_headers()
    }

    /// Bytes of the headers alone. A few bytes are read for it if there are any, and not verified.
    ///
    /// # Errors
    /// What the disk said.
    pub fn headers_bytes(&self) -> Result<usize, StorageError> {
        if !self.extent.has_headers() {
            return Ok(0);
        }
        let mut start = [0; HEADER_BYTES + 2];
        let len = start.len();
        match &self.source {
            Source::File => _ = self.file.read_into(&mut start, self.extent.offset)?,
            Source::Copy(record) => start.copy_from_slice(&record[..len]),
            Source::InFlight(chunks) => start.copy_from_slice(&self.record_in(chunks)?[..len]),
        }
        let len = u16::from_le_bytes([start[HEADER_BYTES], start[HEADER_BYTES + 1]]);
        Ok(usize::from(len).min(self.body_bytes()))
    }

    /// Whether the message is as durable as a commit makes it.
    pub fn is_committed(&self) -> bool {
        matches!(self.source, Source::File)
    }

    /// Reads and verifies the message.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] if what lies there is not that message any more: tell `Log::note_damaged`.
    pub fn read(&self) -> Result<StoredMessage, StorageError> {
        let (bytes, header) = match &self.source {
            Source::File => {
                let mut record = vec![0; self.extent.len() as usize];
                let header = self.read_file(&mut record)?;
                (record.into(), header)
            }
            Source::Copy(bytes) => (bytes.clone(), self.verify(bytes)?),
            Source::InFlight(chunks) => {
                let bytes = Bytes::copy_from_slice(self.record_in(chunks)?);
                let header = self.verify(&bytes)?;
                (bytes, header)
            }
        };
        let view = self.view(&header, &bytes)?;
        Ok(StoredMessage {
            sequence: view.sequence,
            time: view.time,
            subject: bytes.slice_ref(view.subject),
            headers: part(&bytes, view.headers),
            payload: part(&bytes, view.payload),
        })
    }

    /// The same into `buffer`, whose memory is used again: whatever lies in it does not matter.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_into<'a>(&self, buffer: &'a mut Vec<u8>) -> Result<MessageView<'a>, StorageError> {
        let len = self.extent.len() as usize;
        if buffer.len() < len {
            buffer.resize(len, 0);
        }
        let record = &mut buffer[..len];
        let header = match &self.source {
            Source::File => self.read_file(record)?,
            Source::Copy(bytes) => {
                record.copy_from_slice(bytes);
                self.verify(record)?
            }
            Source::InFlight(chunks) => {
                record.copy_from_slice(self.record_in(chunks)?);
                self.verify(record)?
            }
        };
        self.view(&header, record)
    }

    /// Fills `record` from the file, or from what is kept of it.
    fn read_file(&self, record: &mut [u8]) -> Result<Header, StorageError> {
        self.file.read_message(self.sequence, self.extent.offset, record)
    }

    /// The record of the message in the commit that writes it.
    pub(super) fn record_in<'a>(&self, chunks: &'a [Chunk]) -> Result<&'a [u8], StorageError> {
        let found = chunks.iter().find_map(|chunk| chunk.bytes_at(&self.file, self.extent.offset));
        let record = found.and_then(|bytes| bytes.get(..self.extent.len() as usize));
        record.ok_or_else(|| self.file.damaged("a record is not in its commit"))
    }

    /// The header of the message, if these bytes are its record.
    #[inline]
    pub(super) fn verify(&self, record: &[u8]) -> Result<Header, StorageError> {
        self.file.verify(self.sequence, self.extent.offset, record)
    }

    #[cold]
    pub(super) fn not_as_written(&self) -> StorageError {
        self.file.not_as_written()
    }

    /// The message in the bytes of its record, whose header this is.
    fn view<'a>(&self, header: &Header, record: &'a [u8]) -> Result<MessageView<'a>, StorageError> {
        let message = header.message(&record[HEADER_BYTES..]).ok_or_else(|| self.not_as_written())?;
        let Message { time, subject, headers, payload, .. } = message;
        Ok(MessageView { sequence: self.sequence, time, subject, headers, payload })
    }
}

/// A part of the record, sharing its memory.
fn part(record: &Bytes, part: &[u8]) -> Bytes {
    // `slice_ref` wants a part that lies within; an empty one may lie anywhere.
    if part.is_empty() { Bytes::new() } else { record.slice_ref(part) }
}
