//! Compressed segments: the records of a closed segment in blocks of S2, read as if they were not compressed.
//!
//! Offsets, lengths and CRCs of records stay what they are in a plain segment; what lies in the file between them and the
//! disk are blocks. [`Inflated`] is a [`File`] that has the plain bytes, so nobody else knows of it. A record costs the
//! one block or two that it lies in, and a damaged block reads as zeros: it costs the records in it and no more.
//!
//! ```text
//!    0 header block of the segment, as it is
//! 4096 blocks, one behind the other; each holds 64 KiB of the segment, the last one what is left:
//!       0 u32 "eblk"    4 u32 number of the block, from 0
//!       8 u32 bytes in the file; the top bit: not compressed, as that would not make it smaller
//!      12 u32 bytes of the segment    16 u32 CRC-32 of the bytes in the file    20 u32 CRC-32 of bytes 0..20
//!      24 the bytes
//!      table: u32 offset in the file of each block
//! ```
//! In the header of the segment (see [`SegmentHeader::compression`]): 0 u32 length of the plain segment, 4 u32 offset of
//! the table, 8 u32 number of blocks, 12 u32 CRC-32 of the table. If any of that is damaged, the blocks are found by their
//! own headers.

mod block;
mod table;
mod writer;

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Weak};

use crate::medium::File;
use crate::segment::{RECORDS_START, SegmentHeader};

use block::BlockHeader;
pub(crate) use writer::BlockWriter;

/// A compressed segment as a file with the plain bytes. It is not written to.
#[derive(Debug)]
pub struct Inflated {
    file: Arc<dyn File>,
    /// Where the blocks lie; zero for one that was not found.
    table: Box<[u32]>,
    /// Bytes of the plain segment.
    len: u32,
    /// Tells its blocks from those of other files in [`RECENT`].
    identity: Arc<()>,
}

/// A block that was read.
#[derive(Debug)]
struct Recent {
    of: Weak<()>,
    number: u32,
    block: Vec<u8>,
}

thread_local! {
    /// The block that this thread read last: replays read one message after the other. Not kept with the file, as there
    /// may be thousands of these.
    static RECENT: RefCell<Option<Recent>> = const { RefCell::new(None) };
}

impl Inflated {
    /// Opens a segment whose header says that it is compressed; `None` is a header that is lost.
    ///
    /// # Errors
    /// What the disk says. Damage is no error.
    pub fn open(file: Arc<dyn File>, header: Option<&SegmentHeader>) -> io::Result<Self> {
        let place = header.map(|header| table::Place::decode(&header.compression));
        let (table, len) = match place {
            Some(place) => match place.read(&*file)? {
                Some(table) => (table, place.len),
                None => table::search(&*file, Some(place.len))?,
            },
            None => table::search(&*file, None)?,
        };
        Ok(Self { file, table, len, identity: Arc::new(()) })
    }

    /// Whether a file whose header is lost holds compressed records: it begins with a block.
    ///
    /// # Errors
    /// What the disk says.
    pub fn is_likely(file: &dyn File) -> io::Result<bool> {
        Ok(BlockHeader::read(file, RECORDS_START)?.is_some())
    }

    /// Makes a block the recent one; nothing if it is damaged.
    fn fetch<'a>(&self, number: u32, recent: &'a mut Option<Recent>) -> io::Result<Option<&'a [u8]>> {
        let is_ours = |it: &Recent| it.number == number && std::ptr::eq(it.of.as_ptr(), &raw const *self.identity);
        if !recent.as_ref().is_some_and(is_ours) {
            let Some(&offset) = self.table.get(number as usize).filter(|&&offset| offset > 0) else { return Ok(None) };
            let Some(block) = block::read(&*self.file, offset, number)? else { return Ok(None) };
            *recent = Some(Recent { of: Arc::downgrade(&self.identity), number, block });
        }
        Ok(recent.as_ref().map(|recent| &recent.block[..]))
    }

    /// Fills the head of `buf` with bytes of the block that `offset` lies in; says how many.
    fn read_records(&self, buf: &mut [u8], offset: u32) -> io::Result<usize> {
        let from_start = offset - RECORDS_START;
        let (number, within) = (from_start / BLOCK_BYTES, (from_start % BLOCK_BYTES) as usize);
        let len = buf.len().min(BLOCK_BYTES as usize - within).min((self.len - offset) as usize);
        let buf = &mut buf[..len];
        RECENT.with_borrow_mut(|recent| {
            match self.fetch(number, recent)?.and_then(|block| block.get(within..within + len)) {
                Some(bytes) => buf.copy_from_slice(bytes),
                None => buf.fill(0),
            }
            Ok(len)
        })
    }
}

impl File for Inflated {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match u32::try_from(offset) {
            Ok(offset) if offset < RECORDS_START => {
                let len = buf.len().min((RECORDS_START - offset) as usize);
                self.file.read_at(&mut buf[..len], offset.into())
            }
            Ok(offset) if offset < self.len => self.read_records(buf, offset),
            _ => Ok(0),
        }
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn allocate(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn truncate(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.len.into())
    }
}

/// Bytes of a segment per block.
const BLOCK_BYTES: u32 = 64 * 1024;

#[cfg(test)]
mod tests;
