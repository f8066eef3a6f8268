//! Making the bytes that are written, records and copies in their places.

use super::format::{FileHeader, PAGE_BYTES, RecordHeader};
use super::gathered::Numbered;
use crate::error::StorageError;
use crate::record::Salt;

/// Puts bytes to a place in a file.
type Write<'a> = &'a dyn Fn(&[u8], u32) -> Result<(), StorageError>;

/// Bytes that go to one place in a file.
pub(super) struct Image<'a> {
    pub(super) bytes: Vec<u8>,
    /// Where the first byte goes.
    start: u32,
    salt: Salt,
    /// Takes what is gathered, if it is written in pieces: the bytes, and where they go.
    write: Option<Write<'a>>,
}

impl<'a> Image<'a> {
    /// Of what is written behind the records of a file.
    pub(super) fn appended(salt: Salt, start: u32) -> Self {
        Self { bytes: Vec::new(), start, salt, write: None }
    }

    /// Of the first part of a new file, which is there twice. `write` puts bytes to a place in the file: all of it is
    /// never in memory at once.
    pub(super) fn base(header: FileHeader, records: &Numbered, write: Write<'a>) -> Result<Self, StorageError> {
        let mut image = Self { bytes: header.encode().to_vec(), start: 0, salt: header.salt, write: Some(write) };
        image.push(records, 0, false)?;
        image.pad();
        let header = FileHeader { copy_at: image.end()?, ..header }.encode();
        image.bytes.extend_from_slice(&header);
        image.push(records, 0, true)?;
        image.flush()?;
        write(&header, 0)?;
        Ok(image)
    }

    /// Writes what is gathered.
    pub(super) fn flush(&mut self) -> Result<(), StorageError> {
        let end = self.end()?;
        if let Some(write) = self.write {
            write(&self.bytes, self.start)?;
            self.start = end;
            self.bytes.clear();
        }
        Ok(())
    }

    /// Adds the records of one write, and the copies of those that are kept twice.
    pub(super) fn push_write(&mut self, records: &Numbered, durable_to: u64) -> Result<(), StorageError> {
        self.push(records, durable_to, false)?;
        if records.iter().any(|record| record.kind.is_kept_twice()) {
            self.pad();
            self.push(records, durable_to, true)?;
        }
        Ok(())
    }

    /// Where the next byte goes.
    pub(super) fn end(&self) -> Result<u32, StorageError> {
        let end = u64::from(self.start) + self.bytes.len() as u64;
        u32::try_from(end).map_err(|_| StorageError::TooLarge)
    }

    fn push(&mut self, records: &Numbered, durable_to: u64, is_copy: bool) -> Result<(), StorageError> {
        for (in_write, record) in (0..).zip(records.iter()) {
            if is_copy && !record.kind.is_kept_twice() {
                continue;
            }
            let header = RecordHeader {
                kind: record.kind,
                is_copy,
                body_len: u32::try_from(record.body.len()).map_err(|_| StorageError::TooLarge)?,
                id: record.id,
                number: record.number,
                previous: record.previous,
                in_write,
                unproven: u32::try_from(record.number - 1 - durable_to).unwrap_or(u32::MAX),
            };
            let seed = self.salt.at(self.end()?);
            self.bytes.extend_from_slice(&header.encode(record.body, seed));
            self.bytes.extend_from_slice(record.body);
            if self.write.is_some() && self.bytes.len() >= PIECE_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Adds zeros up to the end of the page.
    fn pad(&mut self) {
        let into_page = (self.start as usize + self.bytes.len()) % PAGE_BYTES;
        if into_page > 0 {
            self.bytes.resize(self.bytes.len() + PAGE_BYTES - into_page, 0);
        }
    }
}

/// Bytes that are gathered before they are written, where that may happen in pieces.
const PIECE_BYTES: usize = 64 * 1024;
