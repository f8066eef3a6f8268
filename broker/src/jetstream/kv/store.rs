//! The handle of a bucket: below it `write`, and `follow` (watches and listings).

mod follow;
mod write;

use bytes::Bytes;
use embus_kv::{Codec, Entry, Operation, read};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Bucket;
use super::bucket::Status;
use super::entry_kinds::{EntryError, StatusError};
use crate::jetstream::stream::Stream;

/// A handle of a bucket.
///
/// Keys consist of letters and digits of ASCII, `-`, `/`, `_`, `=` and `.`, with something before, behind and between the
/// dots. A revision is the number of an entry in the bucket; it grows with every change of any key.
///
/// What a call says is as durable as the bucket's stream makes it. Every call may be dropped: what was on its way is then
/// done or not.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::Store;
///
/// async fn rename(users: &Store, id: u32, name: &str) -> Result<u64, embus::jetstream::kv::PutError> {
///     users.put(format!("{id}.name"), name.to_owned().into()).await
/// }
///
/// rename(&bucket, 7, "Ada").await?;
/// assert_eq!(bucket.get("7.name").await?.as_deref(), Some(&b"Ada"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    /// The name of the bucket.
    pub name: String,
    /// The name of its stream.
    pub stream_name: String,
    /// What the subjects of its entries begin with; the key follows.
    pub prefix: String,
    /// Kept so that code written for async-nats compiles: mirrors are not supported yet.
    pub put_prefix: Option<String>,
    /// Kept so that code written for async-nats compiles: entries go straight to the stream, whatever the domain.
    pub use_jetstream_prefix: bool,
    /// Its stream.
    pub stream: Stream,
}

impl Store {
    /// The same bucket with values that are `T`s, as JSON. Beyond async-nats.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// let scores = bucket.typed::<u32>();
    /// scores.put("ada", &1).await?;
    /// assert_eq!(scores.get("ada").await?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn typed<T: Serialize + DeserializeOwned>(self) -> Bucket<T> {
        Bucket::new(self)
    }

    /// The same bucket with values in the form that `codec` knows. Beyond async-nats.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use bytes::Bytes;
    /// use embus::typed::{Codec, CodecError};
    ///
    /// struct Text;
    ///
    /// impl Codec<String> for Text {
    ///     fn encode(&self, value: &String) -> Result<Bytes, CodecError> {
    ///         Ok(value.clone().into())
    ///     }
    ///
    ///     fn decode(&self, bytes: &Bytes) -> Result<String, CodecError> {
    ///         Ok(String::from_utf8(bytes.to_vec())?)
    ///     }
    /// }
    ///
    /// let names = bucket.with_codec::<String, _>(Text);
    /// names.put("7", &"Ada".to_owned()).await?;
    /// assert_eq!(names.raw().get("7").await?.as_deref(), Some(&b"Ada"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_codec<T, C: Codec<T>>(self, codec: C) -> Bucket<T, C> {
        Bucket::with_codec(self, codec)
    }

    /// What is known of the bucket now. Differs from async-nats, which tells what was known when the handle was made.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let jetstream = embus::jetstream::new(broker.client());
    /// use embus::jetstream::kv::Config;
    ///
    /// let bucket = jetstream.create_key_value(Config { bucket: "a".into(), ..Default::default() }).await?;
    /// bucket.put("key", "value".into()).await?;
    /// let status = bucket.status().await?;
    /// assert_eq!((status.bucket(), status.values(), status.history()), ("a", 1, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`StatusErrorKind`](super::StatusErrorKind).
    pub async fn status(&self) -> Result<Status, StatusError> {
        let failed = |failure| StatusError::from(failure).of_bucket(&self.name);
        let info = self.stream.context.info_of(&self.stream_name).await.map_err(failed)?;
        Ok(Status { info, bucket: self.name.clone() })
    }

    /// The value of the key, if it has one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// bucket.put("ada", "1".into()).await?;
    /// assert_eq!(bucket.get("ada").await?.as_deref(), Some(&b"1"[..]));
    /// assert_eq!(bucket.get("bob").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`EntryErrorKind`](super::EntryErrorKind).
    pub async fn get<T: Into<String>>(&self, key: T) -> Result<Option<Bytes>, EntryError> {
        let found = read::entry(self, &key.into(), None).await?;
        Ok(found.filter(|stored| stored.operation == Operation::Put).map(|stored| stored.value))
    }

    /// The last entry of the key: its value, or the mark that it was removed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use embus::jetstream::kv::Operation;
    ///
    /// bucket.put("ada", "1".into()).await?;
    /// bucket.delete("ada").await?;
    /// let entry = bucket.entry("ada").await?.expect("the mark that it is gone");
    /// assert_eq!((entry.operation, entry.revision), (Operation::Delete, 2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`EntryErrorKind`](super::EntryErrorKind).
    pub async fn entry<T: Into<String>>(&self, key: T) -> Result<Option<Entry>, EntryError> {
        self.find(key.into(), None).await
    }

    /// The entry with this revision, if it is one of this key and still kept.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), history: 5, ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// let first = bucket.put("ada", "1".into()).await?;
    /// bucket.put("ada", "2".into()).await?;
    /// let entry = bucket.entry_for_revision("ada", first).await?.expect("it is kept");
    /// assert_eq!(entry.value, "1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`EntryErrorKind`](super::EntryErrorKind).
    pub async fn entry_for_revision<T: Into<String>>(
        &self,
        key: T,
        revision: u64,
    ) -> Result<Option<Entry>, EntryError> {
        self.find(key.into(), Some(revision)).await
    }

    async fn find(&self, key: String, revision: Option<u64>) -> Result<Option<Entry>, EntryError> {
        let found = read::entry(self, &key, revision).await?;
        Ok(found.map(|stored| stored.into_entry(&self.name, key)))
    }
}
