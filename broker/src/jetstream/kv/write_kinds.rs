//! What can go wrong with writing, with the names of async-nats.

use std::error::Error as _;
use std::fmt::{self, Display};

use embus_kv::Refusal;
use embus_kv::error::WriteError;

use super::store_kinds::{StoreError, StoreErrorKind};
use crate::client::error::Error;

/// Why an entry was not put.
pub type PutError = Error<PutErrorKind>;

/// What went wrong with a put.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::PutErrorKind;
///
/// let error = bucket.put("no key", "1".into()).await.unwrap_err();
/// assert_eq!(error.kind(), PutErrorKind::InvalidKey);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PutErrorKind {
    /// The key is none; the source says why.
    InvalidKey,
    /// Nothing was published; see the source.
    Publish,
    /// The bucket refused, or did not answer in time; see the source, and [`refusal`](Error::refusal) for what its
    /// configuration does not allow.
    Ack,
}

/// Why a key was not updated.
pub type UpdateError = Error<UpdateErrorKind>;

/// What went wrong with an update.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::UpdateErrorKind;
///
/// bucket.put("ada", "1".into()).await?;
/// let error = bucket.update("ada", "2".into(), 7).await.unwrap_err();
/// assert_eq!(error.kind(), UpdateErrorKind::WrongLastRevision);
/// assert_eq!(error.to_string(), "wrong last revision: the last entry of the key has revision 1");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpdateErrorKind {
    /// The key is none; the source says why.
    InvalidKey,
    /// The answer did not come in time: it is updated or not.
    TimedOut,
    /// The last entry of the key has another revision.
    WrongLastRevision,
    /// Anything else, such as an [`InvalidTtl`](super::InvalidTtl) or a [`refusal`](Error::refusal); see the source.
    Other,
}

/// Why a key was not deleted.
pub type DeleteError = UpdateError;
/// What went wrong with a delete.
pub type DeleteErrorKind = UpdateErrorKind;
/// Why a key was not purged.
pub type PurgeError = UpdateError;
/// What went wrong with a purge.
pub type PurgeErrorKind = UpdateErrorKind;

/// Why a key was not created.
pub type CreateError = Error<CreateErrorKind>;

/// What went wrong with creating a key.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::CreateErrorKind;
///
/// bucket.put("ada", "1".into()).await?;
/// let error = bucket.create("ada", "2".into()).await.unwrap_err();
/// assert_eq!(error.kind(), CreateErrorKind::AlreadyExists);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CreateErrorKind {
    /// The key has a value.
    AlreadyExists,
    /// The key is none; the source says why.
    InvalidKey,
    /// Nothing was published, or the answer did not come in time; see the source.
    Publish,
    /// Kept so that code written for async-nats compiles.
    Ack,
    /// Anything else, such as an [`InvalidTtl`](super::InvalidTtl) or a [`refusal`](Error::refusal); see the source.
    Other,
}

impl From<WriteError<StoreError>> for PutError {
    fn from(error: WriteError<StoreError>) -> Self {
        match error {
            WriteError::Key(invalid) => Self::with_source(PutErrorKind::InvalidKey, invalid),
            WriteError::Backend(error) if error.kind() == StoreErrorKind::Publish => {
                caused(PutErrorKind::Publish, error)
            }
            WriteError::Refused { source, .. } => Self::with_source(PutErrorKind::Ack, source),
            WriteError::Backend(error) | WriteError::WrongRevision(error) => caused(PutErrorKind::Ack, error),
            other => Self::with_source(PutErrorKind::Ack, other),
        }
    }
}

impl From<WriteError<StoreError>> for UpdateError {
    fn from(error: WriteError<StoreError>) -> Self {
        match error {
            WriteError::Key(invalid) => Self::with_source(UpdateErrorKind::InvalidKey, invalid),
            WriteError::WrongRevision(error) => caused(UpdateErrorKind::WrongLastRevision, error),
            WriteError::Refused { source, .. } => Self::with_source(UpdateErrorKind::Other, source),
            WriteError::Backend(error) if error.kind() == StoreErrorKind::TimedOut => {
                caused(UpdateErrorKind::TimedOut, error)
            }
            WriteError::Backend(error) => caused(UpdateErrorKind::Other, error),
            WriteError::Ttl(invalid) => Self::with_source(UpdateErrorKind::Other, invalid),
            other => Self::with_source(UpdateErrorKind::Other, other),
        }
    }
}

impl From<WriteError<StoreError>> for CreateError {
    fn from(error: WriteError<StoreError>) -> Self {
        match error {
            WriteError::Exists => Self::new(CreateErrorKind::AlreadyExists),
            WriteError::Key(invalid) => Self::with_source(CreateErrorKind::InvalidKey, invalid),
            WriteError::WrongRevision(error) => caused(CreateErrorKind::AlreadyExists, error),
            WriteError::Refused { source, .. } => Self::with_source(CreateErrorKind::Other, source),
            WriteError::Backend(error) => match error.kind() {
                StoreErrorKind::Publish | StoreErrorKind::TimedOut => caused(CreateErrorKind::Publish, error),
                _ => caused(CreateErrorKind::Other, error),
            },
            WriteError::Ttl(invalid) => Self::with_source(CreateErrorKind::Other, invalid),
            other => Self::with_source(CreateErrorKind::Other, other),
        }
    }
}

/// Adds what the kinds of async-nats do not tell.
macro_rules! refusals {
    ($($kind:ident)*) => {
        $(impl Error<$kind> {
            /// What the bucket's configuration does not allow of it: the bucket is full, say, or the value too large. Beyond
            /// async-nats.
            ///
            /// ```
            /// # #[tokio::main(flavor = "current_thread")]
            /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
            /// # let broker = embus::Broker::builder().start().await?;
            /// # let jetstream = embus::jetstream::new(broker.client());
            /// use embus::jetstream::kv::{Config, Refusal};
            ///
            /// let small = Config { bucket: "small".into(), max_value_size: 4, ..Default::default() };
            /// let bucket = jetstream.create_key_value(small).await?;
            /// let error = bucket.put("key", "12345".into()).await.unwrap_err();
            /// assert_eq!(error.refusal(), Some(Refusal::TooLarge));
            /// # Ok(())
            /// # }
            /// ```
            pub fn refusal(&self) -> Option<Refusal> {
                match self.source()?.downcast_ref::<StoreError>()?.kind() {
                    StoreErrorKind::NotAllowed(refusal) => Some(refusal),
                    _ => None,
                }
            }
        })*
    };
}

refusals!(PutErrorKind UpdateErrorKind CreateErrorKind);

/// With what the stream said as the source.
pub(super) fn caused<K>(kind: K, error: StoreError) -> Error<K>
where
    K: Clone + fmt::Debug + Display + PartialEq,
{
    match error.into_source() {
        Some(source) => Error::with_source(kind, source),
        None => Error::new(kind),
    }
}

impl Display for PutErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidKey => INVALID_KEY,
            Self::Publish => "failed to put key into store",
            Self::Ack => "ack error",
        })
    }
}

impl Display for UpdateErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidKey => INVALID_KEY,
            Self::TimedOut => "timed out",
            Self::WrongLastRevision => "wrong last revision",
            Self::Other => "failed to update key",
        })
    }
}

impl Display for CreateErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyExists => "key already exists",
            Self::InvalidKey => INVALID_KEY,
            Self::Publish => "failed to create key in store",
            Self::Ack => "ack error",
            Self::Other => "failed to create key",
        })
    }
}

pub(super) const INVALID_KEY: &str = "not a valid key";
