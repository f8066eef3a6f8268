//! Giving keys values, and taking them away.

use std::time::Duration;

use super::{Bucket, SaveError};
use crate::backend::Backend;
use crate::codec::Codec;
use crate::error::WriteError;
use crate::write::{self, Removal};

impl<T, B: Backend, C: Codec<T>> Bucket<T, B, C> {
    /// Gives the key a value; the result is its revision.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// assert_eq!(bucket.put("ada", &1).await?, 1);
    /// assert_eq!(bucket.put("ada", &2).await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`SaveError`].
    pub async fn put(&self, key: impl AsRef<str>, value: &T) -> Result<u64, SaveError<B::Error>> {
        let (key, value) = (key.as_ref(), self.encode(value)?);
        Ok(write::put(&self.backend, key, value).await?)
    }

    /// Gives a value to a key that has none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// use embus_kv::error::WriteError;
    /// use embus_kv::typed::SaveError;
    ///
    /// bucket.create("ada", &1).await?;
    /// let error = bucket.create("ada", &2).await.unwrap_err();
    /// assert!(matches!(error, SaveError::Write(WriteError::Exists)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`WriteError::Exists`] if it has one, and what else [`SaveError`] says.
    pub async fn create(&self, key: impl AsRef<str>, value: &T) -> Result<u64, SaveError<B::Error>> {
        self.create_maybe_ttl(key.as_ref(), value, None).await
    }

    /// The same for a value that expires after `ttl`: whole seconds, at least one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), limit_markers: Some(std::time::Duration::from_secs(1)), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// use std::time::Duration;
    ///
    /// bucket.create_with_ttl("door", &7, Duration::from_secs(60)).await?;
    /// assert_eq!(bucket.get("door").await?, Some(7));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`WriteError::Exists`] if it has one, and what else [`SaveError`] says.
    pub async fn create_with_ttl(
        &self,
        key: impl AsRef<str>,
        value: &T,
        ttl: Duration,
    ) -> Result<u64, SaveError<B::Error>> {
        self.create_maybe_ttl(key.as_ref(), value, Some(ttl)).await
    }

    async fn create_maybe_ttl(&self, key: &str, value: &T, ttl: Option<Duration>) -> Result<u64, SaveError<B::Error>> {
        let value = self.encode(value)?;
        Ok(write::create(&self.backend, key, value, ttl).await?)
    }

    /// Gives the key a value if its last entry has this revision; with 0, if it has none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// use embus_kv::error::WriteError;
    /// use embus_kv::typed::SaveError;
    ///
    /// let first = bucket.update("ada", &1, 0).await?;
    /// bucket.update("ada", &2, first).await?;
    /// let error = bucket.update("ada", &3, first).await.unwrap_err();
    /// assert!(matches!(error, SaveError::Write(WriteError::WrongRevision(_))));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`WriteError::WrongRevision`] if it is another one, and what else [`SaveError`] says.
    pub async fn update(&self, key: impl AsRef<str>, value: &T, revision: u64) -> Result<u64, SaveError<B::Error>> {
        let (key, value) = (key.as_ref(), self.encode(value)?);
        Ok(write::update(&self.backend, key, value, revision, None).await?)
    }
}

impl<T, B: Backend, C> Bucket<T, B, C> {
    /// Removes the key; its history stays, as far as the bucket keeps one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// bucket.put("ada", &1).await?;
    /// bucket.delete("ada").await?;
    /// assert_eq!(bucket.get("ada").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn delete(&self, key: impl AsRef<str>) -> Result<(), WriteError<B::Error>> {
        write::remove(&self.backend, key.as_ref(), Removal::Delete, None).await?;
        Ok(())
    }

    /// The same if its last entry has this revision.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// let first = bucket.put("ada", &1).await?;
    /// let second = bucket.put("ada", &2).await?;
    /// assert!(bucket.delete_expect_revision("ada", first).await.is_err());
    /// bucket.delete_expect_revision("ada", second).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`WriteError::WrongRevision`] if it is another one, and what else [`WriteError`] says.
    pub async fn delete_expect_revision(
        &self,
        key: impl AsRef<str>,
        revision: u64,
    ) -> Result<(), WriteError<B::Error>> {
        write::remove(&self.backend, key.as_ref(), Removal::Delete, Some(revision)).await?;
        Ok(())
    }

    /// Removes the key with its history.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), history: 5, ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// bucket.put("ada", &1).await?;
    /// bucket.put("ada", &2).await?;
    /// bucket.purge("ada").await?;
    /// assert_eq!(bucket.raw().status().await?.values(), 1, "the mark that it is gone");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn purge(&self, key: impl AsRef<str>) -> Result<(), WriteError<B::Error>> {
        write::remove(&self.backend, key.as_ref(), Removal::Purge { time_to_live: None }, None).await?;
        Ok(())
    }
}
