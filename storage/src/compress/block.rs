//! One block: its header, reading it, making it.

use std::io;

use super::BLOCK_BYTES;
use crate::medium::File;
use crate::record::crc;

/// What stands in front of a block, its CRC checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) number: u32,
    /// Bytes in the file behind the header.
    pub(super) stored: u32,
    is_plain: bool,
    /// Bytes of the segment.
    pub(super) plain: u32,
    crc: u32,
}

impl BlockHeader {
    const LEN: u32 = 24;
    pub(super) const BYTES: usize = Self::LEN as usize;

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let fixed = bytes.first_chunk::<{ Self::BYTES }>()?;
        let number = |at: usize| fixed[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        if number(0) != MAGIC || number(20) != crc(0, &fixed[..20]) {
            return None;
        }
        let (stored, is_plain) = (number(8) & !IS_PLAIN, number(8) & IS_PLAIN != 0);
        let header = Self { number: number(4), stored, is_plain, plain: number(12), crc: number(16) };
        let is_possible = header.plain <= BLOCK_BYTES && stored <= BLOCK_BYTES && header.number <= MAX_NUMBER;
        is_possible.then_some(header)
    }

    pub(super) fn read(file: &dyn File, offset: u32) -> io::Result<Option<Self>> {
        let mut bytes = [0; Self::BYTES];
        let read = file.read_full_at(&mut bytes, offset.into())?;
        Ok(Self::decode(&bytes[..read]))
    }

    fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let stored = self.stored | if self.is_plain { IS_PLAIN } else { 0 };
        for (place, number) in bytes.chunks_exact_mut(4).zip([MAGIC, self.number, stored, self.plain, self.crc]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let crc = crc(0, &bytes[..20]);
        bytes[20..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Bytes that the block takes in the file.
    pub(super) fn len(&self) -> u32 {
        self.stored + Self::LEN
    }
}

/// The plain bytes of block `number` at `offset`; nothing if it is damaged or another one.
pub(super) fn read(file: &dyn File, offset: u32, number: u32) -> io::Result<Option<Vec<u8>>> {
    let Some(header) = BlockHeader::read(file, offset)?.filter(|header| header.number == number) else {
        return Ok(None);
    };
    let mut stored = vec![0; header.stored as usize];
    let read = file.read_full_at(&mut stored, u64::from(offset) + BlockHeader::BYTES as u64)?;
    if read < stored.len() || crc(0, &stored) != header.crc {
        return Ok(None);
    }
    if header.is_plain {
        return Ok(Some(stored));
    }
    // Checked before anything is unpacked: what the block says of itself is what its header says.
    let is_as_said = minlz::s2::decode_len(&stored).is_ok_and(|(len, _)| len == header.plain as usize);
    Ok(if is_as_said { minlz::s2::decode(&stored).ok() } else { None })
}

/// Writes a block behind `out`.
pub(super) fn push(out: &mut Vec<u8>, number: u32, plain: &[u8]) {
    let compressed = minlz::s2::encode(plain);
    let is_plain = compressed.len() >= plain.len();
    let stored = if is_plain { plain } else { &compressed };
    let [stored_len, plain_len] = [stored.len(), plain.len()].map(|len| u32::try_from(len).unwrap_or(u32::MAX));
    let header = BlockHeader { number, stored: stored_len, is_plain, plain: plain_len, crc: crc(0, stored) };
    out.extend_from_slice(&header.encode());
    out.extend_from_slice(stored);
}

/// "eblk".
pub(super) const MAGIC: u32 = u32::from_le_bytes(*b"eblk");
const IS_PLAIN: u32 = 1 << 31;
/// A segment has less than 4 GiB.
const MAX_NUMBER: u32 = u32::MAX / BLOCK_BYTES;
