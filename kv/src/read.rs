//! Reading single entries.

use smallvec::SmallVec;

use crate::backend::{Backend, Stored};
use crate::entry::Entry;
use crate::error::ReadError;
use crate::key::check_key;

/// The last entry of a key, or the one with this revision, if it is one of that key; whatever it does to it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), history: 5, ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::read::entry;
///
/// let first = store.put("ada", "1".into()).await?;
/// store.put("ada", "2".into()).await?;
/// let last = entry(&store, "ada", None).await?.expect("it is there");
/// let before = entry(&store, "ada", Some(first)).await?.expect("it is kept");
/// assert_eq!((&last.value[..], &before.value[..]), (&b"2"[..], &b"1"[..]));
/// # Ok(())
/// # }
/// ```
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
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// store.put("ada", "1".into()).await?;
    /// let stored = embus_kv::read::entry(&store, "ada", None).await?.expect("it is there");
    /// let entry = stored.into_entry("b", "ada".to_owned());
    /// assert_eq!((entry.revision, entry.delta), (1, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_entry(self, bucket: &str, key: String) -> Entry {
        let Self { revision, created, operation, value } = self;
        let bucket = bucket.to_owned();
        Entry { bucket, key, value, revision, delta: 0, created, operation, seen_current: false }
    }
}

/// Bytes of a subject that take no allocation.
const SUBJECT_BYTES: usize = 128;
