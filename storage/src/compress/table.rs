//! Where the blocks lie: the table behind them, or a walk through them if that is damaged.

use std::io;

use super::BLOCK_BYTES;
use super::block::{BlockHeader, MAGIC};
use crate::medium::File;
use crate::record::crc;
use crate::segment::{COMPRESSION_BYTES, RECORDS_START};

/// What the header of a segment says of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes of the plain segment.
    pub(super) len: u32,
    pub(super) table: u32,
    pub(super) blocks: u32,
    pub(super) crc: u32,
}

impl Place {
    pub(super) fn decode(bytes: &[u8; COMPRESSION_BYTES]) -> Self {
        let number = |at: usize| bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        Self { len: number(0), table: number(4), blocks: number(8), crc: number(12) }
    }

    pub(super) fn encode(self) -> [u8; COMPRESSION_BYTES] {
        let mut bytes = [0; COMPRESSION_BYTES];
        for (place, number) in bytes.chunks_exact_mut(4).zip([self.len, self.table, self.blocks, self.crc]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Reads the table; nothing if it is damaged.
    pub(super) fn read(self, file: &dyn File) -> io::Result<Option<Box<[u32]>>> {
        if u64::from(self.table) + u64::from(self.blocks) * 4 > file.len()? {
            return Ok(None);
        }
        let mut bytes = vec![0; self.blocks as usize * 4];
        let read = file.read_full_at(&mut bytes, self.table.into())?;
        if read < bytes.len() || crc(0, &bytes) != self.crc {
            return Ok(None);
        }
        let offsets = bytes.as_chunks::<4>().0.iter().map(|offset| u32::from_le_bytes(*offset));
        Ok(Some(offsets.collect()))
    }
}

/// Finds the blocks by their headers, and the length of the plain segment if it is not known. The time is bounded by
/// the size of the file, and the memory by the number of blocks that a segment can have.
pub(super) fn search(file: &dyn File, len: Option<u32>) -> io::Result<(Box<[u32]>, u32)> {
    let (mut table, mut end, mut offset) = (Vec::new(), RECORDS_START, RECORDS_START);
    while let Some(at) = next_magic(file, offset)? {
        let Some(header) = BlockHeader::read(file, at)? else {
            offset = at + 1;
            continue;
        };
        let number = header.number as usize;
        if table.len() <= number {
            table.resize(number + 1, 0);
            end = RECORDS_START.saturating_add(header.number * BLOCK_BYTES).saturating_add(header.plain);
        }
        table[number] = at;
        let Some(behind) = at.checked_add(header.len()) else { break };
        offset = behind;
    }
    Ok((table.into(), len.unwrap_or(end)))
}

/// Where the next header may begin, at or behind `offset`.
fn next_magic(file: &dyn File, mut offset: u32) -> io::Result<Option<u32>> {
    let mut buffer = vec![0; BlockHeader::BYTES];
    loop {
        let read = file.read_full_at(&mut buffer, offset.into())?;
        let found = buffer[..read].windows(4).position(|bytes| bytes == MAGIC.to_le_bytes());
        let step = found.or_else(|| (read == buffer.len()).then(|| read - 3));
        let Some(at) = step.and_then(|step| offset.checked_add(u32::try_from(step).ok()?)) else { return Ok(None) };
        if found.is_some() {
            return Ok(Some(at));
        }
        // It is where it is expected unless there is damage; only then it is worth reading more.
        buffer.resize(BLOCK_BYTES as usize, 0);
        offset = at;
    }
}
