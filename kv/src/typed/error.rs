//! Why a call on a bucket with typed values fails.

use crate::Refusal;
use crate::codec::CodecError;
use crate::error::{ReadError, WriteError};
use crate::key::InvalidKey;

/// The bytes of an entry are no value of the bucket's type.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::Bucket;
/// use embus_kv::typed::LoadError;
///
/// store.put("ada", "three".into()).await?;
/// let error = Bucket::<u32, _>::new(store).get("ada").await.unwrap_err();
/// assert!(matches!(error, LoadError::Undecodable(why) if why.key == "ada" && why.revision == 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the value of {key:?} at revision {revision} can't be read")]
pub struct Undecodable {
    /// The key.
    pub key: String,
    /// The revision of its entry.
    pub revision: u64,
    /// What the codec said.
    pub source: CodecError,
}

/// Why a value was not written.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), max_value_size: 8, ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// # let bucket = embus_kv::Bucket::<String, _>::new(store);
/// use embus_kv::Refusal;
/// use embus_kv::error::WriteError;
/// use embus_kv::typed::SaveError;
///
/// let error = bucket.put("name", &"much too long".to_owned()).await.unwrap_err();
/// assert!(matches!(error, SaveError::Write(WriteError::Refused { refusal: Refusal::TooLarge, .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError<E> {
    /// The value has no bytes in the bucket's form.
    #[error("the value can't be written down")]
    Encode(#[source] CodecError),
    /// The bucket did not take it.
    #[error(transparent)]
    Write(#[from] WriteError<E>),
}

/// Why a value was not read.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
/// use embus_kv::error::ReadError;
/// use embus_kv::typed::LoadError;
///
/// let error = bucket.get("no key").await.unwrap_err();
/// assert!(matches!(error, LoadError::Read(ReadError::Key(_))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// It is none of the bucket's type.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// The bucket did not tell.
    #[error(transparent)]
    Read(#[from] ReadError<E>),
}

/// Why a value was not modified.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
/// use embus_kv::typed::ModifyError;
///
/// bucket.raw().put("ada", "three".into()).await?;
/// let error = bucket.modify("ada", |score| score.unwrap_or(0) + 1).await.unwrap_err();
/// assert!(matches!(error, ModifyError::Undecodable(_)));
/// assert_eq!(bucket.raw().get("ada").await?.as_deref(), Some(&b"three"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModifyError<E> {
    /// What is there is no value of the bucket's type.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// What it became has no bytes in the bucket's form.
    #[error("the value can't be written down")]
    Encode(#[source] CodecError),
    /// Others were faster, again and again.
    #[error("others changed the key each time")]
    Contended,
    /// The key is none.
    #[error(transparent)]
    Key(InvalidKey),
    /// The bucket's configuration does not allow it: it is full, say, or the value is too large.
    #[error("{refusal}")]
    Refused {
        /// What does not allow it.
        refusal: Refusal,
        /// What the stream said.
        source: E,
    },
    /// The stream refused it, or was not reached.
    #[error(transparent)]
    Backend(E),
}

/// Why a value was not changed by [`Bucket::try_modify`](super::Bucket::try_modify).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
/// use embus_kv::typed::TryModifyError;
///
/// let error = bucket.try_modify("ada", |score| score.ok_or("nobody of that name")).await.unwrap_err();
/// assert!(matches!(error, TryModifyError::Declined("nobody of that name")));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum TryModifyError<D, E> {
    /// The change itself said so; nothing was changed.
    #[error("{0}")]
    Declined(D),
    /// As with [`Bucket::modify`](super::Bucket::modify).
    #[error(transparent)]
    Modify(#[from] ModifyError<E>),
}

impl<E> From<ReadError<E>> for ModifyError<E> {
    fn from(error: ReadError<E>) -> Self {
        match error {
            ReadError::Key(invalid) => Self::Key(invalid),
            ReadError::Backend(error) => Self::Backend(error),
        }
    }
}

/// What goes wrong while changes are followed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
/// use embus_kv::typed::FollowError;
/// use futures_util::StreamExt;
///
/// let mut changes = bucket.watch_with_history(">").await?;
/// bucket.raw().put("ada", "three".into()).await?;
/// let error = loop {
///     if let Some(Err(error)) = changes.next().await {
///         break error;
///     }
/// };
/// assert!(matches!(error, FollowError::Undecodable(_)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError<E> {
    /// A value is none of the bucket's type. The watch goes on.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// The bucket is gone, or not reached.
    #[error(transparent)]
    Backend(E),
}
