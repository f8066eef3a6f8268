//! Writes the records of a segment as blocks.

use std::io;

use super::BLOCK_BYTES;
use super::block;
use super::table::Place;
use crate::medium::File;
use crate::record::crc;
use crate::segment::{COMPRESSION_BYTES, RECORDS_START};

/// Takes the bytes that a plain segment would have behind its header block.
pub(crate) struct BlockWriter<'a> {
    file: &'a dyn File,
    /// What does not fill a block yet.
    plain: Vec<u8>,
    /// A block on its way to the file.
    block: Vec<u8>,
    /// Where it goes.
    offset: u32,
    table: Vec<u32>,
}

impl<'a> BlockWriter<'a> {
    pub(crate) fn new(file: &'a dyn File) -> Self {
        Self { file, plain: Vec::new(), block: Vec::new(), offset: RECORDS_START, table: Vec::new() }
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = BLOCK_BYTES as usize - self.plain.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.plain.extend_from_slice(now);
            bytes = later;
            if self.plain.len() == BLOCK_BYTES as usize {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Writes what is left, and the table; returns what the header of the segment has to say of it.
    pub(crate) fn finish(mut self) -> io::Result<[u8; COMPRESSION_BYTES]> {
        let rest = self.plain.len();
        if rest > 0 {
            self.flush()?;
        }
        let blocks = u32::try_from(self.table.len()).map_err(too_large)?;
        let full = if rest > 0 { blocks - 1 } else { blocks };
        let len = u64::from(RECORDS_START) + u64::from(full) * u64::from(BLOCK_BYTES) + rest as u64;
        let table: Vec<u8> = self.table.iter().flat_map(|offset| offset.to_le_bytes()).collect();
        self.file.write_all_at(&table, self.offset.into())?;
        let len = u32::try_from(len).map_err(too_large)?;
        Ok(Place { len, table: self.offset, blocks, crc: crc(0, &table) }.encode())
    }

    fn flush(&mut self) -> io::Result<()> {
        let number = u32::try_from(self.table.len()).map_err(too_large)?;
        self.block.clear();
        block::push(&mut self.block, number, &self.plain);
        self.plain.clear();
        self.file.write_all_at(&self.block, self.offset.into())?;
        self.table.push(self.offset);
        let len = u32::try_from(self.block.len()).map_err(too_large)?;
        self.offset = self.offset.checked_add(len).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(())
    }
}

fn too_large(_: std::num::TryFromIntError) -> io::Error {
    io::ErrorKind::FileTooLarge.into()
}
