//! What a log is of, kept in the log itself: at the head of every segment, and in a record whenever it changes. The newest one
//! stands for the files of the stream when these are damaged, so it must not be an old one: its limits would take messages.

use std::path::Path;

use super::Log;
use super::found::{Found, Listing};
use super::undone::Undone;
use crate::error::StorageError;
use crate::medium::Medium;
use crate::record::{HEADER_BYTES, Kind};
use crate::segment::{RECORDS_START, Scanned, Scanner};

/// Says what a log is of. Asked when a segment is made: most logs are idle, and a text each would be much of what they
/// take.
pub trait Describe: std::fmt::Debug + Send + Sync {
    /// The description as bytes.
    fn describe(&self) -> Vec<u8>;
}

/// For those who have it at hand.
impl Describe for Vec<u8> {
    fn describe(&self) -> Vec<u8> {
        self.clone()
    }
}

impl Log {
    /// The newest description in `dir` that is intact, for a stream whose own files are damaged.
    pub fn read_description(medium: &dyn Medium, dir: &Path) -> Option<Vec<u8>> {
        let listing = Listing::new(medium, dir, &Undone::default()).ok()?;
        listing.segments.into_iter().rev().find_map(|found| last_record(&found).or(found.description))
    }

    /// Lets the next commit write down the description that came with [`set_options`](Log::set_options).
    pub fn note_description(&mut self) {
        if self.place.persistent {
            self.is_described_anew = true;
            self.position.0 += 1;
        }
    }

    /// Writes it down.
    pub(super) fn flush_description(&mut self) -> Result<(), StorageError> {
        if !std::mem::take(&mut self.is_described_anew) {
            return Ok(());
        }
        match self.append_control(Kind::Description, &self.options.description.describe()) {
            // Then there are still the files of the stream.
            Err(StorageError::TooLarge) => Ok(()),
            appended => appended,
        }
    }
}

/// The last description among the records of a segment.
fn last_record(found: &Found) -> Option<Vec<u8>> {
    let header = found.header.as_ref()?;
    let mut scanner = Scanner::new(&*found.file, header.salt, RECORDS_START, u32::MAX).ok()?;
    let mut last = None;
    loop {
        match scanner.next() {
            Ok(Scanned::Record { header, bytes, .. }) if header.kind == Kind::Description => {
                last = Some(bytes[HEADER_BYTES..].to_vec());
            }
            Ok(Scanned::End { .. }) | Err(_) => return last,
            Ok(Scanned::Record { .. } | Scanned::BadBody { .. } | Scanned::Unknown { .. }) => {}
        }
    }
}
