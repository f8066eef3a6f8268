//! Reading single entries.

use smallvec::SmallVec;

use crate::backend::{Backend, Stored};
use crate::entry::Entry;
use crate::error::ReadError;
use crate::key::check_key;

/// The last entry of a key, or the one with this revision, if it is one of that key; whatever it does to it.
///
/// # Errors
/// See [`ReadError`].
pub async fn entry<B: Backend>(
    bucket: &B,
    key: &str,
    revision: Option<u64>,
) -> Result<Option<Stored>, ReadError<B::Error>> {
    check_key(key)?;
    let mut buffer = SmallVec::<[u8; SUBJECT_BYTES]>::new();
    buffer.extend_from_slice(bucket.prefix().as_bytes());
    buffer.extend_from_slice(key.as_bytes());
    let subject = std::str::from_utf8(&buffer).expect("two texts, one behind the other");
    let found = match revision {
        None => bucket.last(subject).await,
        Some(revision) => bucket.at(subject, revision).await,
    };
    found.map_err(ReadError::Backend)
}

impl Stored {
    /// The same as an entry that was read by itself.
    pub fn into_entry(self, bucket: &str, key: String) -> Entry {
        let Self { revision, created, operation, value } = self;
        let bucket = bucket.to_owned();
        Entry { bucket, key, value, revision, delta: 0, created, operation, seen_current: false }
    }
}

/// Bytes of a subject that take no allocation.
const SUBJECT_BYTES: usize = 128;
