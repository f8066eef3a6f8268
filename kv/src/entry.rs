//! One entry of a bucket.

use bytes::Bytes;
use time::OffsetDateTime;

use crate::Operation;

/// An entry of a bucket: a value that a key got, or a mark that it is gone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// store.put("ada", "1".into()).await?;
/// let entry: embus_kv::Entry = store.entry("ada").await?.expect("it is there");
/// assert_eq!((entry.key.as_str(), entry.revision, &entry.value[..]), ("ada", 1, &b"1"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// Its value; empty where it is gone.
    pub value: Bytes,
    /// The number of the entry in the bucket.
    pub revision: u64,
    /// How many entries were still to come behind it; 0 for one that was read by itself.
    pub delta: u64,
    /// When it was stored.
    pub created: OffsetDateTime,
    /// What it does to the key.
    pub operation: Operation,
    /// In a watch: whether everything that was there when it began has come, with this entry.
    pub seen_current: bool,
}
