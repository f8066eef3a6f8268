//! Following what happens to values.

use super::{Bucket, Changes};
use crate::backend::{Backend, From as Start};
use crate::codec::Codec;
use crate::error::ReadError;
use crate::watch;

impl<T, B: Backend, C: Codec<T>> Bucket<T, B, C> {
    /// What happens to the keys that match from now on: `*` stands for a part of a key, a last `>` for all that follow.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// use embus_kv::typed::Change;
    /// use futures_util::StreamExt;
    ///
    /// let mut changes = bucket.watch("*.score").await?;
    /// bucket.put("ada.score", &1).await?;
    /// assert_eq!(changes.next().await.transpose()?, Some(Change::Current), "there was nothing before");
    /// assert!(matches!(changes.next().await.transpose()?, Some(Change::Put { value: 1, .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn watch(&self, pattern: impl AsRef<str>) -> Result<Changes<T, B::Messages, C>, ReadError<B::Error>>
    where
        C: Clone,
    {
        self.watch_from(pattern.as_ref(), Start::Now).await
    }

    /// The value of each key that matches, then what happens.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// use embus_kv::typed::Change;
    /// use futures_util::StreamExt;
    ///
    /// bucket.put("ada", &1).await?;
    /// let mut changes = bucket.watch_with_history(">").await?;
    /// assert!(matches!(changes.next().await.transpose()?, Some(Change::Put { value: 1, .. })));
    /// assert_eq!(changes.next().await.transpose()?, Some(Change::Current));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn watch_with_history(
        &self,
        pattern: impl AsRef<str>,
    ) -> Result<Changes<T, B::Messages, C>, ReadError<B::Error>>
    where
        C: Clone,
    {
        self.watch_from(pattern.as_ref(), Start::Last).await
    }

    /// What happened from this revision on, as far as the bucket keeps it, then what happens.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), history: 5, ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// use embus_kv::typed::Change;
    /// use futures_util::StreamExt;
    ///
    /// bucket.put("ada", &1).await?;
    /// let second = bucket.put("ada", &2).await?;
    /// let mut changes = bucket.watch_from_revision(">", second).await?;
    /// assert!(matches!(changes.next().await.transpose()?, Some(Change::Put { value: 2, .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn watch_from_revision(
        &self,
        pattern: impl AsRef<str>,
        revision: u64,
    ) -> Result<Changes<T, B::Messages, C>, ReadError<B::Error>>
    where
        C: Clone,
    {
        self.watch_from(pattern.as_ref(), Start::Revision(revision)).await
    }

    pub(super) async fn watch_from(
        &self,
        pattern: &str,
        from: Start,
    ) -> Result<Changes<T, B::Messages, C>, ReadError<B::Error>>
    where
        C: Clone,
    {
        Ok(Changes::new(watch::watch(&self.backend, [pattern], from, false).await?, self.codec.clone()))
    }
}
