//! Making the bytes that are written, records and copies in their places.

use super::format::{FileHeader, PAGE_BYTES, RecordHeader};
use super::gathered::Numbered;
use crate::error::StorageError;
use crate::record::Salt;

/// Bytes that go to one place in a file.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
    /// Where the first byte goes.
    start: u32,
    salt: Salt,
}

impl Image {
    /// Of what is written behind the records of a file.
    pub(super) fn appended(salt: Salt, start: u32) -> Self {
        Self { bytes: Vec::new(), start, salt }
    }

    /// Of the first part of a new file, which is there twice.
    pub(super) fn base(header: FileHeader, records: &Numbered) -> Result<Self, StorageError> {
        let mut image = Self { bytes: header.encode().to_vec(), start: 0, salt: header.salt };
        image.push(records, 0, false)?;
        image.pad();
        let header = FileHeader { copy_at: image.end()?, ..header };
        let bytes = header.encode();
        image.bytes[..bytes.len()].copy_from_slice(&bytes);
        image.bytes.extend_from_slice(&bytes);
        image.push(records, 0, true)?;
        Ok(image)
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
