//! Watches, histories and listings.

use embus_kv::backend::From as Start;
use embus_kv::watch;

use super::Store;
use crate::jetstream::kv::entry_kinds::{HistoryError, WatchError};
use crate::jetstream::kv::watch::{History, Keys, Watch};

/// # Watching and listing
impl Store {
    /// All entries of the key that the bucket keeps, oldest first; it ends.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), history: 5, ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use futures_util::TryStreamExt;
    ///
    /// bucket.put("ada", "1".into()).await?;
    /// bucket.put("ada", "2".into()).await?;
    /// let entries: Vec<_> = bucket.history("ada").await?.try_collect().await?;
    /// assert_eq!(entries.iter().map(|entry| entry.revision).collect::<Vec<_>>(), [1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`HistoryErrorKind`](crate::jetstream::kv::HistoryErrorKind).
    pub async fn history<T: AsRef<str>>(&self, key: T) -> Result<History, HistoryError> {
        Ok(History { inner: watch::history(self, key.as_ref()).await? })
    }

    /// All keys that have a value, each once; it ends, once it has caught up with those who write. One whose value is
    /// replaced meanwhile is among them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use futures_util::TryStreamExt;
    ///
    /// bucket.put("ada", "1".into()).await?;
    /// bucket.put("bob", "2".into()).await?;
    /// bucket.delete("ada").await?;
    /// assert_eq!(bucket.keys().await?.try_collect::<Vec<_>>().await?, ["bob"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`HistoryErrorKind`](crate::jetstream::kv::HistoryErrorKind).
    pub async fn keys(&self) -> Result<Keys, HistoryError> {
        Ok(Keys { inner: watch::keys(self).await? })
    }

    /// What happens to the keys that match from now on: `*` stands for a part of a key, a last `>` for all that follow.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use futures_util::StreamExt;
    ///
    /// let mut scores = bucket.watch("*.score").await?;
    /// bucket.put("7.name", "Ada".into()).await?;
    /// bucket.put("7.score", "12".into()).await?;
    /// let entry = scores.next().await.transpose()?.expect("it goes on");
    /// assert_eq!((entry.key.as_str(), &entry.value[..]), ("7.score", &b"12"[..]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`WatchErrorKind`](crate::jetstream::kv::WatchErrorKind).
    pub async fn watch<T: AsRef<str>>(&self, key: T) -> Result<Watch, WatchError> {
        self.watch_from([key], Start::Now).await
    }

    /// The same for keys that match any of several patterns, which must not overlap.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use futures_util::StreamExt;
    ///
    /// let mut changes = bucket.watch_many(["*.score", "*.name"]).await?;
    /// bucket.put("7.name", "Ada".into()).await?;
    /// assert_eq!(changes.next().await.transpose()?.expect("it goes on").value, "Ada");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`WatchErrorKind`](crate::jetstream::kv::WatchErrorKind).
    pub async fn watch_many<T, K>(&self, keys: K) -> Result<Watch, WatchError>
    where
        T: AsRef<str>,
        K: IntoIterator<Item = T>,
    {
        self.watch_from(keys, Start::Now).await
    }

    /// The last entry of each key that matches, then what happens.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use futures_util::StreamExt;
    ///
    /// bucket.put("ada", "1".into()).await?;
    /// let mut changes = bucket.watch_with_history(">").await?;
    /// assert_eq!(changes.next().await.transpose()?.expect("it goes on").value, "1");
    /// bucket.put("ada", "2".into()).await?;
    /// assert_eq!(changes.next().await.transpose()?.expect("it goes on").value, "2");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`WatchErrorKind`](crate::jetstream::kv::WatchErrorKind).
    pub async fn watch_with_history<T: AsRef<str>>(&self, key: T) -> Result<Watch, WatchError> {
        self.watch_from([key], Start::Last).await
    }

    /// The same for keys that match any of several patterns, which must not overlap.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use futures_util::StreamExt;
    ///
    /// bucket.put("7.name", "Ada".into()).await?;
    /// let mut changes = bucket.watch_many_with_history(["*.score", "*.name"]).await?;
    /// assert_eq!(changes.next().await.transpose()?.expect("it goes on").value, "Ada");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`WatchErrorKind`](crate::jetstream::kv::WatchErrorKind).
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
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), history: 5, ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use futures_util::StreamExt;
    ///
    /// let first = bucket.put("ada", "1".into()).await?;
    /// bucket.put("ada", "2".into()).await?;
    /// let mut changes = bucket.watch_from_revision("ada", first + 1).await?;
    /// assert_eq!(changes.next().await.transpose()?.expect("it goes on").value, "2");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`WatchErrorKind`](crate::jetstream::kv::WatchErrorKind).
    pub async fn watch_from_revision<T: AsRef<str>>(&self, key: T, revision: u64) -> Result<Watch, WatchError> {
        self.watch_from([key], Start::Revision(revision)).await
    }

    /// What happens to all keys from now on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use futures_util::StreamExt;
    ///
    /// let mut changes = bucket.watch_all().await?;
    /// bucket.put("ada", "1".into()).await?;
    /// assert_eq!(changes.next().await.transpose()?.expect("it goes on").key, "ada");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`WatchErrorKind`](crate::jetstream::kv::WatchErrorKind).
    pub async fn watch_all(&self) -> Result<Watch, WatchError> {
        self.watch(ALL_KEYS).await
    }

    /// All entries from this revision on, as far as they are kept, then what happens.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use futures_util::StreamExt;
    ///
    /// bucket.put("ada", "1".into()).await?;
    /// let second = bucket.put("bob", "2".into()).await?;
    /// let mut changes = bucket.watch_all_from_revision(second).await?;
    /// assert_eq!(changes.next().await.transpose()?.expect("it goes on").key, "bob");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`WatchErrorKind`](crate::jetstream::kv::WatchErrorKind).
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
