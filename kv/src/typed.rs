//! Buckets whose values have a type.

mod changes;
mod error;
mod follow;
mod modify;
mod save;

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use time::OffsetDateTime;

use crate::Operation;
use crate::backend::{Backend, Stored};
use crate::codec::{Codec, Json};
use crate::error::ReadError;
use crate::{read, watch};

pub use self::changes::{Change, Changes};
pub use self::error::{FollowError, LoadError, ModifyError, SaveError, TryModifyError, Undecodable};
pub use self::modify::Changed;

/// A bucket whose values are `T`s, in a form that the codec `C` knows: JSON unless something else is said.
///
/// `B` is where the bucket is: the same program works on one in this process and on one behind a client.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::Bucket;
///
/// let scores = Bucket::<u32, _>::new(store);
/// scores.put("ada", &1).await?;
/// assert_eq!(scores.get("ada").await?, Some(1));
/// # Ok(())
/// # }
/// ```
pub struct Bucket<T, B, C = Json> {
    backend: B,
    codec: C,
    value: PhantomData<fn() -> T>,
}

/// A value, and which one it is.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
/// let revision = bucket.put("ada", &1).await?;
/// let ada = bucket.entry("ada").await?.expect("it has a value");
/// assert_eq!((ada.value, ada.revision), (1, revision));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The number of its entry in the bucket.
    pub revision: u64,
    /// When it was stored.
    pub created: OffsetDateTime,
}

impl<T, B: Backend> Bucket<T, B> {
    /// With values as JSON.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// let names = embus_kv::Bucket::<String, _>::new(store);
    /// names.put("7", &"Ada".to_owned()).await?;
    /// assert_eq!(names.raw().get("7").await?.as_deref(), Some(&b"\"Ada\""[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(backend: B) -> Self {
        Self::with_codec(backend, Json)
    }
}

impl<T, B: Backend, C> Bucket<T, B, C> {
    /// With values in another form.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// use bytes::Bytes;
    /// use embus_kv::{Bucket, Codec, codec::CodecError};
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
    /// let names = Bucket::<String, _, _>::with_codec(store, Text);
    /// names.put("7", &"Ada".to_owned()).await?;
    /// assert_eq!(names.raw().get("7").await?.as_deref(), Some(&b"Ada"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_codec(backend: B, codec: C) -> Self {
        Self { backend, codec, value: PhantomData }
    }

    /// The bucket under it, with values as bytes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// bucket.put("ada", &1).await?;
    /// assert_eq!(bucket.raw().get("ada").await?.as_deref(), Some(&b"1"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn raw(&self) -> &B {
        &self.backend
    }

    /// All keys that have a value; it ends.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// use futures_util::TryStreamExt;
    ///
    /// bucket.put("ada", &1).await?;
    /// bucket.put("bob", &2).await?;
    /// bucket.delete("ada").await?;
    /// let keys: Vec<String> = bucket.keys().await?.try_collect().await?;
    /// assert_eq!(keys, ["bob"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn keys(&self) -> Result<watch::Keys<B::Messages>, ReadError<B::Error>> {
        watch::keys(&self.backend).await
    }
}

impl<T, B: Backend, C: Codec<T>> Bucket<T, B, C> {
    /// The value of the key, if it has one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// bucket.put("ada", &1).await?;
    /// assert_eq!((bucket.get("ada").await?, bucket.get("bob").await?), (Some(1), None));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn get(&self, key: impl AsRef<str>) -> Result<Option<T>, LoadError<B::Error>> {
        Ok(self.entry(key).await?.map(|entry| entry.value))
    }

    /// The same with its revision, for [`update`](Self::update).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// bucket.put("ada", &1).await?;
    /// if let Some(ada) = bucket.entry("ada").await? {
    ///     bucket.update("ada", &(ada.value + 1), ada.revision).await?;
    /// }
    /// assert_eq!(bucket.get("ada").await?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn entry(&self, key: impl AsRef<str>) -> Result<Option<Versioned<T>>, LoadError<B::Error>> {
        let key = key.as_ref();
        match read::entry(&self.backend, key, None).await? {
            Some(stored) if stored.operation == Operation::Put => Ok(Some(self.decode(key, &stored)?)),
            _ => Ok(None),
        }
    }

    fn encode<E>(&self, value: &T) -> Result<Bytes, SaveError<E>> {
        self.codec.encode(value).map_err(SaveError::Encode)
    }

    fn decode(&self, key: &str, stored: &Stored) -> Result<Versioned<T>, Undecodable> {
        let Stored { revision, created, value, .. } = stored;
        let undecodable = |source| Undecodable { key: key.to_owned(), revision: *revision, source };
        let value = self.codec.decode(value).map_err(undecodable)?;
        Ok(Versioned { value, revision: *revision, created: *created })
    }
}

impl<T, B: Clone, C: Clone> Clone for Bucket<T, B, C> {
    fn clone(&self) -> Self {
        Self { backend: self.backend.clone(), codec: self.codec.clone(), value: PhantomData }
    }
}

impl<T, B: Backend, C> fmt::Debug for Bucket<T, B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.backend.bucket()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
