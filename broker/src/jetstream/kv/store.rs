//! The handle of a bucket.

use std::time::Duration;

use bytes::Bytes;
use embus_kv::backend::From as Start;
use embus_kv::write::{self, Removal};
use embus_kv::{Codec, Entry, Operation, read, watch};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Bucket;
use super::bucket::Status;
use super::entry_kinds::{EntryError, HistoryError, StatusError, WatchError};
use super::watch::{History, Keys, Watch};
use super::write_kinds::{CreateError, DeleteError, PurgeError, PutError, UpdateError};
use crate::jetstream::stream::Stream;

/// A handle of a bucket.
///
/// Keys consist of letters and digits of ASCII, `-`, `/`, `_`, `=` and `.`, with something before, behind and between the
/// dots. A revision is the number of an entry in the bucket; it grows with every change of any key.
///
/// What a call says is as durable as the bucket's stream makes it. Every call may be dropped: what was on its way is then
/// done or not.
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
    pub fn typed<T: Serialize + DeserializeOwned>(self) -> Bucket<T> {
        Bucket::new(self)
    }

    /// The same bucket with values in the form that `codec` knows. Beyond async-nats.
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
        let info = self.stream.context.info_of(&self.stream_name).await?;
        Ok(Status { info, bucket: self.name.clone() })
    }

    /// Gives a value to a key that has none: it was never there, or was deleted or purged, or has expired.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let jetstream = embus::jetstream::new(broker.client());
    /// use embus::jetstream::kv::{Config, CreateErrorKind};
    ///
    /// let locks = jetstream.create_key_value(Config { bucket: "locks".into(), ..Default::default() }).await?;
    /// locks.create("door", "mine".into()).await?;
    /// let error = locks.create("door", "yours".into()).await.unwrap_err();
    /// assert_eq!(error.kind(), CreateErrorKind::AlreadyExists);
    ///
    /// locks.delete("door").await?;
    /// locks.create("door", "yours".into()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`CreateErrorKind`](super::CreateErrorKind).
    pub async fn create<T: AsRef<str>>(&self, key: T, value: Bytes) -> Result<u64, CreateError> {
        Ok(write::create(self, key.as_ref(), value, None).await?)
    }

    /// The same for a value that expires after `ttl`: whole seconds, at least one, and not before a mark would go. The bucket
    /// needs [`limit_markers`](super::Config::limit_markers).
    ///
    /// # Errors
    /// See [`CreateErrorKind`](super::CreateErrorKind).
    pub async fn create_with_ttl<T: AsRef<str>>(
        &self,
        key: T,
        value: Bytes,
        ttl: Duration,
    ) -> Result<u64, CreateError> {
        Ok(write::create(self, key.as_ref(), value, Some(ttl)).await?)
    }

    /// Gives the key a value, whether it had one or not; the result is its revision.
    ///
    /// # Errors
    /// See [`PutErrorKind`](super::PutErrorKind).
    pub async fn put<T: AsRef<str>>(&self, key: T, value: Bytes) -> Result<u64, PutError> {
        Ok(write::put(self, key.as_ref(), value).await?)
    }

    /// Gives the key a value if its last entry has this revision; with 0, if it has none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let jetstream = embus::jetstream::new(broker.client());
    /// use embus::jetstream::kv::{Config, UpdateErrorKind};
    ///
    /// let bucket = jetstream.create_key_value(Config { bucket: "a".into(), ..Default::default() }).await?;
    /// let first = bucket.put("key", "1".into()).await?;
    /// bucket.update("key", "2".into(), first).await?;
    /// let error = bucket.update("key", "3".into(), first).await.unwrap_err();
    /// assert_eq!(error.kind(), UpdateErrorKind::WrongLastRevision);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UpdateErrorKind`](super::UpdateErrorKind).
    pub async fn update<T: AsRef<str>>(&self, key: T, value: Bytes, revision: u64) -> Result<u64, UpdateError> {
        Ok(write::update(self, key.as_ref(), value, revision, None).await?)
    }

    /// The value of the key, if it has one.
    ///
    /// # Errors
    /// See [`EntryErrorKind`](super::EntryErrorKind).
    pub async fn get<T: Into<String>>(&self, key: T) -> Result<Option<Bytes>, EntryError> {
        let found = read::entry(self, &key.into(), None).await?;
        Ok(found.filter(|stored| stored.operation == Operation::Put).map(|stored| stored.value))
    }

    /// The last entry of the key: its value, or the mark that it was removed.
    ///
    /// # Errors
    /// See [`EntryErrorKind`](super::EntryErrorKind).
    pub async fn entry<T: Into<String>>(&self, key: T) -> Result<Option<Entry>, EntryError> {
        self.find(key.into(), None).await
    }

    /// The entry with this revision, if it is one of this key and still kept.
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

    /// Removes the key; its history stays, as far as the bucket keeps one.
    ///
    /// # Errors
    /// See [`DeleteErrorKind`](super::DeleteErrorKind).
    pub async fn delete<T: AsRef<str>>(&self, key: T) -> Result<(), DeleteError> {
        self.delete_expect_revision(key, None).await
    }

    /// Removes the key if its last entry has this revision.
    ///
    /// # Errors
    /// See [`DeleteErrorKind`](super::DeleteErrorKind).
    pub async fn delete_expect_revision<T: AsRef<str>>(&self, key: T, revison: Option<u64>) -> Result<(), DeleteError> {
        write::remove(self, key.as_ref(), Removal::Delete, revison).await?;
        Ok(())
    }

    /// Removes the key with its history.
    ///
    /// # Errors
    /// See [`PurgeErrorKind`](super::PurgeErrorKind).
    pub async fn purge<T: AsRef<str>>(&self, key: T) -> Result<(), PurgeError> {
        self.purge_as(key.as_ref(), None, None).await
    }

    /// The same, and the mark that it was removed goes after `ttl`: whole seconds, at least one. The bucket needs
    /// [`limit_markers`](super::Config::limit_markers).
    ///
    /// # Errors
    /// See [`PurgeErrorKind`](super::PurgeErrorKind).
    pub async fn purge_with_ttl<T: AsRef<str>>(&self, key: T, ttl: Duration) -> Result<(), PurgeError> {
        self.purge_as(key.as_ref(), None, Some(ttl)).await
    }

    /// Removes the key with its history if its last entry has this revision.
    ///
    /// # Errors
    /// See [`PurgeErrorKind`](super::PurgeErrorKind).
    pub async fn purge_expect_revision<T: AsRef<str>>(&self, key: T, revision: Option<u64>) -> Result<(), PurgeError> {
        self.purge_as(key.as_ref(), revision, None).await
    }

    /// The same, and the mark that it was removed goes after `ttl`.
    ///
    /// # Errors
    /// See [`PurgeErrorKind`](super::PurgeErrorKind).
    pub async fn purge_expect_revision_with_ttl<T: AsRef<str>>(
        &self,
        key: T,
        revision: u64,
        ttl: Duration,
    ) -> Result<(), PurgeError> {
        self.purge_as(key.as_ref(), Some(revision), Some(ttl)).await
    }

    async fn purge_as(&self, key: &str, expected: Option<u64>, ttl: Option<Duration>) -> Result<(), PurgeError> {
        write::remove(self, key, Removal::Purge { time_to_live: ttl }, expected).await?;
        Ok(())
    }

    /// All entries of the key that the bucket keeps, oldest first; it ends.
    ///
    /// # Errors
    /// See [`HistoryErrorKind`](super::HistoryErrorKind).
    pub async fn history<T: AsRef<str>>(&self, key: T) -> Result<History, HistoryError> {
        Ok(History { inner: watch::history(self, key.as_ref()).await? })
    }

    /// All keys that have a value, each once; it ends, once it has caught up with those who write. One whose value is
    /// replaced meanwhile is among them.
    ///
    /// # Errors
    /// See [`HistoryErrorKind`](super::HistoryErrorKind).
    pub async fn keys(&self) -> Result<Keys, HistoryError> {
        Ok(Keys { inner: watch::keys(self).await? })
    }

    /// What happens to the keys that match from now on: `*` stands for a part of a key, a last `>` for all that follow.
    ///
    /// # Errors
    /// See [`WatchErrorKind`](super::WatchErrorKind).
    pub async fn watch<T: AsRef<str>>(&self, key: T) -> Result<Watch, WatchError> {
        self.watch_from([key], Start::Now).await
    }

    /// The same for keys that match any of several patterns, which must not overlap.
    ///
    /// # Errors
    /// See [`WatchErrorKind`](super::WatchErrorKind).
    pub async fn watch_many<T, K>(&self, keys: K) -> Result<Watch, WatchError>
    where
        T: AsRef<str>,
        K: IntoIterator<Item = T>,
    {
        self.watch_from(keys, Start::Now).await
    }

    /// The last entry of each key that matches, then what happens.
    ///
    /// # Errors
    /// See [`WatchErrorKind`](super::WatchErrorKind).
    pub async fn watch_with_history<T: AsRef<str>>(&self, key: T) -> Result<Watch, WatchError> {
        self.watch_from([key], Start::Last).await
    }

    /// The same for keys that match any of several patterns, which must not overlap.
    ///
    /// # Errors
    /// See [`WatchErrorKind`](super::WatchErrorKind).
    pub async fn watch_many_with_history<T, K>(&self, keys: K) -> Result<Watch, WatchError>
    where
        T: AsRef<str>,
        K: IntoIterator<Item = T>,
    {
        self.watch_from(keys, Start::Last).await
    }

    /// All entries of keys that match from this revision on, as far as they are kept, then what happens: what a watcher asks
    /// for who has been there before.
    ///
    /// # Errors
    /// See [`WatchErrorKind`](super::WatchErrorKind).
    pub async fn watch_from_revision<T: AsRef<str>>(&self, key: T, revision: u64) -> Result<Watch, WatchError> {
        self.watch_from([key], Start::Revision(revision)).await
    }

    /// What happens to all keys from now on.
    ///
    /// # Errors
    /// See [`WatchErrorKind`](super::WatchErrorKind).
    pub async fn watch_all(&self) -> Result<Watch, WatchError> {
        self.watch(ALL_KEYS).await
    }

    /// All entries from this revision on, as far as they are kept, then what happens.
    ///
    /// # Errors
    /// See [`WatchErrorKind`](super::WatchErrorKind).
    pub async fn watch_all_from_revision(&self, revision: u64) -> Result<Watch, WatchError> {
        self.watch_from_revision(ALL_KEYS, revision).await
    }

    async fn watch_from<T, K>(&self, keys: K, from: Start) -> Result<Watch, WatchError>
    where
        T: AsRef<str>,
        K: IntoIterator<Item = T>,
    {
        Ok(Watch::new(watch::watch(self, keys, from, false).await?))
    }
}

const ALL_KEYS: &str = ">";
