//! Giving keys values, and taking them away.

use std::time::Duration;

use bytes::Bytes;
use embus_kv::write::{self, Removal};

use super::Store;
use crate::jetstream::kv::write_kinds::{CreateError, DeleteError, PurgeError, PutError, UpdateError};

/// # Writing
impl Store {
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
    /// See [`CreateErrorKind`](crate::jetstream::kv::CreateErrorKind).
    pub async fn create<T: AsRef<str>>(&self, key: T, value: Bytes) -> Result<u64, CreateError> {
        Ok(write::create(self, key.as_ref(), value, None).await?)
    }

    /// The same for a value that expires after `ttl`: whole seconds, at least one, and where the bucket keeps a history, at
    /// least as long as its marks stay. The bucket
    /// needs [`limit_markers`](crate::jetstream::kv::Config::limit_markers). As in async-nats, what is put or updated has no
    /// time to live of its own: when it expired, what it replaced would be there again, where a bucket keeps that.
    ///
    /// Watches are told of the end by an entry of [`Operation::Purge`](crate::jetstream::kv::Operation::Purge); not where the
    /// bucket keeps an older entry of the key, which then is its last one again, as with nats-server: a map that is kept by
    /// watching is right in buckets with a history of 1, or where keys are purged and not deleted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), limit_markers: Some(std::time::Duration::from_secs(1)), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use std::time::Duration;
    ///
    /// bucket.create_with_ttl("door", "mine".into(), Duration::from_secs(60)).await?;
    /// assert!(bucket.create("door", "yours".into()).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`CreateErrorKind`](crate::jetstream::kv::CreateErrorKind).
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
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// assert_eq!(bucket.put("ada", "1".into()).await?, 1);
    /// assert_eq!(bucket.put("ada", "2".into()).await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`PutErrorKind`](crate::jetstream::kv::PutErrorKind).
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
    /// See [`UpdateErrorKind`](crate::jetstream::kv::UpdateErrorKind).
    pub async fn update<T: AsRef<str>>(&self, key: T, value: Bytes, revision: u64) -> Result<u64, UpdateError> {
        Ok(write::update(self, key.as_ref(), value, revision, None).await?)
    }

    /// Removes the key; its history stays, as far as the bucket keeps one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// bucket.put("ada", "1".into()).await?;
    /// bucket.delete("ada").await?;
    /// assert_eq!(bucket.get("ada").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`DeleteErrorKind`](crate::jetstream::kv::DeleteErrorKind).
    pub async fn delete<T: AsRef<str>>(&self, key: T) -> Result<(), DeleteError> {
        self.delete_expect_revision(key, None).await
    }

    /// Removes the key if its last entry has this revision.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// let first = bucket.put("ada", "1".into()).await?;
    /// let second = bucket.put("ada", "2".into()).await?;
    /// assert!(bucket.delete_expect_revision("ada", Some(first)).await.is_err());
    /// bucket.delete_expect_revision("ada", Some(second)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`DeleteErrorKind`](crate::jetstream::kv::DeleteErrorKind).
    pub async fn delete_expect_revision<T: AsRef<str>>(&self, key: T, revison: Option<u64>) -> Result<(), DeleteError> {
        write::remove(self, key.as_ref(), Removal::Delete, revison).await?;
        Ok(())
    }

    /// Removes the key with its history.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), history: 5, ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// bucket.put("ada", "1".into()).await?;
    /// bucket.put("ada", "2".into()).await?;
    /// bucket.purge("ada").await?;
    /// assert_eq!(bucket.status().await?.values(), 1, "the mark that it is gone");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`PurgeErrorKind`](crate::jetstream::kv::PurgeErrorKind).
    pub async fn purge<T: AsRef<str>>(&self, key: T) -> Result<(), PurgeError> {
        self.purge_as(key.as_ref(), None, None).await
    }

    /// The same, and the mark that it was removed goes after `ttl`: whole seconds, at least one. The bucket needs
    /// [`limit_markers`](crate::jetstream::kv::Config::limit_markers).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), limit_markers: Some(std::time::Duration::from_secs(1)), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use std::time::Duration;
    ///
    /// bucket.put("ada", "1".into()).await?;
    /// bucket.purge_with_ttl("ada", Duration::from_secs(60)).await?;
    /// assert_eq!(bucket.get("ada").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`PurgeErrorKind`](crate::jetstream::kv::PurgeErrorKind).
    pub async fn purge_with_ttl<T: AsRef<str>>(&self, key: T, ttl: Duration) -> Result<(), PurgeError> {
        self.purge_as(key.as_ref(), None, Some(ttl)).await
    }

    /// Removes the key with its history if its last entry has this revision.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// let revision = bucket.put("ada", "1".into()).await?;
    /// bucket.purge_expect_revision("ada", Some(revision)).await?;
    /// assert_eq!(bucket.get("ada").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`PurgeErrorKind`](crate::jetstream::kv::PurgeErrorKind).
    pub async fn purge_expect_revision<T: AsRef<str>>(&self, key: T, revision: Option<u64>) -> Result<(), PurgeError> {
        self.purge_as(key.as_ref(), revision, None).await
    }

    /// The same, and the mark that it was removed goes after `ttl`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), limit_markers: Some(std::time::Duration::from_secs(1)), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use std::time::Duration;
    ///
    /// let revision = bucket.put("ada", "1".into()).await?;
    /// bucket.purge_expect_revision_with_ttl("ada", revision, Duration::from_secs(60)).await?;
    /// assert_eq!(bucket.get("ada").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`PurgeErrorKind`](crate::jetstream::kv::PurgeErrorKind).
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
}
