//! One copy of a stream's configuration, byte by byte (numbers are little endian):
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `embuscfg` |
//! | 8 | 4 | format of this file, 1 |
//! | 12 | 4 | CRC-32 of everything but these four bytes |
//! | 16 | 8 | revision: the higher of two is newer |
//! | 24 | to the end | the configuration |

use std::io::{self, ErrorKind};

use crate::error::StorageError;

/// A copy that is intact.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) revision: u64,
    pub(super) bytes: Vec<u8>,
}

/// A file with more bytes than this is not one of ours.
pub(super) const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

pub(super) fn compose(revision: u64, config: &[u8]) -> Result<Vec<u8>, StorageError> {
    let mut file = Vec::with_capacity(HEADER_BYTES + config.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&FORMAT.to_le_bytes());
    file.extend_from_slice(&[0; 4]);
    file.extend_from_slice(&revision.to_le_bytes());
    file.extend_from_slice(config);
    if file.len() as u64 > MAX_FILE_BYTES {
        return Err(StorageError::TooLarge);
    }
    let crc = crc(&file);
    file[CRC_AT..REVISION_AT].copy_from_slice(&crc.to_le_bytes());
    Ok(file)
}

pub(super) fn parse(file: &[u8]) -> io::Result<Config> {
    let damaged = |reason| io::Error::new(ErrorKind::InvalidData, reason);
    let header = file.first_chunk::<HEADER_BYTES>().ok_or_else(|| damaged("too short"))?;
    if !header.starts_with(MAGIC) {
        return Err(damaged("not a configuration"));
    }
    if number(&header[CRC_AT..REVISION_AT]) != u64::from(crc(file)) {
        return Err(damaged("wrong checksum"));
    }
    if number(&header[FORMAT_AT..CRC_AT]) != u64::from(FORMAT) {
        return Err(damaged("unknown format"));
    }
    Ok(Config { revision: number(&header[REVISION_AT..]), bytes: file[HEADER_BYTES..].to_vec() })
}

/// Of a file that is at least as long as its header.
fn crc(file: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&file[..CRC_AT]);
    hasher.update(&file[REVISION_AT..]);
    hasher.finalize()
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

const MAGIC: &[u8; 8] = b"embuscfg";
const FORMAT: u32 = 1;
const FORMAT_AT: usize = 8;
const CRC_AT: usize = 12;
const REVISION_AT: usize = 16;
const HEADER_BYTES: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_read() {
        let file = compose(0x0102_0304_0506_0708, b"{}").unwrap();
        let copy = parse(&file).unwrap();
        assert_eq!((copy.revision, copy.bytes.as_slice()), (0x0102_0304_0506_0708, &b"{}"[..]));
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut damaged = file.clone();
                damaged[at] ^= 1 << bit;
                parse(&damaged).unwrap_err();
            }
            parse(&file[..at]).unwrap_err();
        }
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let most = usize::try_from(MAX_FILE_BYTES).unwrap() - HEADER_BYTES;
        assert!(compose(1, &vec![0; most]).is_ok());
        assert!(matches!(compose(1, &vec![0; most + 1]), Err(StorageError::TooLarge)));
    }
}
