//! The file that says which version wrote a store.
//!
//! ```text
//! embus store
//! format 1
//! checksum 0123abcd
//! ```
//!
//! The checksum is the CRC-32 of the two lines above it. All versions keep to these three lines, so that each can tell what
//! is newer than itself from what is damaged. Damage to it is no reason to refuse a store: what counts is in the headers of
//! the streams' own files.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::directories;
use crate::error::StorageError;
use crate::medium::Medium;
use crate::whole_file;

/// The newest format, and the only one so far.
pub(super) const FORMAT: u32 = 1;

/// The format of a store, none if it has none or that is damaged; a newer one is an error. Writes nothing.
pub(super) fn read(medium: &dyn Medium, dir: &Path) -> Result<Option<u32>, StorageError> {
    let path = path(dir);
    let bytes = match whole_file::read(medium, &path, MAX_BYTES) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => Vec::new(),
        Err(error) => return Err(StorageError::io("read", &path, error)),
    };
    match parse(&bytes) {
        Some(found) if found > FORMAT => {
            Err(StorageError::NewerFormat { path: dir.to_path_buf(), found, supported: FORMAT })
        }
        Some(found) => Ok(Some(found)),
        None => {
            tracing::warn!(path = %path.display(), "damaged, and written anew");
            Ok(None)
        }
    }
}

/// Writes the file, durably.
pub(super) fn write(medium: &dyn Medium, dir: &Path) -> Result<(), StorageError> {
    let path = path(dir);
    whole_file::prepare(medium, &path, &compose(FORMAT))?.put()?;
    directories::sync(medium, dir)
}

fn path(dir: &Path) -> PathBuf {
    dir.join("format")
}

fn compose(format: u32) -> Vec<u8> {
    let text = format!("{TITLE}{format}\n");
    let checksum = crc32fast::hash(text.as_bytes());
    format!("{text}{CHECKSUM}{checksum:08x}\n").into_bytes()
}

fn parse(bytes: &[u8]) -> Option<u32> {
    let text = str::from_utf8(bytes).ok()?;
    let format = text.strip_prefix(TITLE)?.lines().next()?.parse().ok()?;
    (compose(format) == bytes).then_some(format)
}

const TITLE: &str = "embus store\nformat ";
const CHECKSUM: &str = "checksum ";
const MAX_BYTES: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_read() {
        let bytes = compose(7);
        assert_eq!(parse(&bytes), Some(7));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert_eq!(parse(&damaged), None);
            }
            assert_eq!(parse(&bytes[..at]), None);
        }
    }

    #[test]
    fn it_looks_as_documented() {
        assert_eq!(compose(1), b"embus store\nformat 1\nchecksum a0b43b22\n");
    }
}
