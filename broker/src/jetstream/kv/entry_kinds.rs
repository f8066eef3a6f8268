//! What can go wrong with reading and watching, with the names of async-nats.

use std::fmt::{self, Display};

use embus_kv::error::ReadError;

use super::store_kinds::{NoBucket, StoreError, StoreErrorKind};
use super::write_kinds::{INVALID_KEY, caused};
use crate::client::error::Error;
use crate::jetstream::context::RequestErrorKind;
use crate::jetstream::errors::{self, ErrorCode};
use crate::jetstream::failure::Failure;

/// Why an entry was not read.
pub type EntryError = Error<EntryErrorKind>;

/// What went wrong with reading an entry.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::EntryErrorKind;
///
/// let error = bucket.get("no key").await.unwrap_err();
/// assert_eq!(error.kind(), EntryErrorKind::InvalidKey);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EntryErrorKind {
    /// The key is none; the source says why.
    InvalidKey,
    /// The answer did not come in time.
    TimedOut,
    /// Anything else; see the source.
    Other,
}

/// Why a watch did not begin.
pub type WatchError = Error<WatchErrorKind>;

/// What went wrong with beginning a watch.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::WatchErrorKind;
///
/// let error = bucket.watch("user*").await.unwrap_err();
/// assert_eq!(error.kind(), WatchErrorKind::InvalidKey);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WatchErrorKind {
    /// The key, or the pattern of keys, is none; the source says why.
    InvalidKey,
    /// The answer did not come in time.
    TimedOut,
    /// Kept so that code written for async-nats compiles.
    ConsumerCreate,
    /// Anything else; see the source.
    Other,
}

/// Why the history of a key was not read.
pub type HistoryError = WatchError;
/// What went wrong with reading the history of a key.
pub type HistoryErrorKind = WatchErrorKind;

/// Why a watch failed.
pub type WatcherError = Error<WatcherErrorKind>;

/// What went wrong with a watch.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::WatcherErrorKind;
/// use futures_util::StreamExt;
///
/// let mut watch = bucket.watch_all().await?;
/// embus::jetstream::new(broker.client()).delete_key_value("b").await?;
/// let error = watch.next().await.expect("a last word").unwrap_err();
/// assert_eq!(error.kind(), WatcherErrorKind::Consumer);
/// assert!(watch.next().await.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WatcherErrorKind {
    /// Its consumer failed: the bucket or the broker is gone; see the source.
    Consumer,
    /// Anything else; see the source.
    Other,
}

/// Why nothing is known of a bucket.
pub type StatusError = Error<StatusErrorKind>;

/// What went wrong with asking for a bucket.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::StatusErrorKind;
///
/// embus::jetstream::new(broker.client()).delete_key_value("b").await?;
/// let error = bucket.status().await.unwrap_err();
/// assert!(matches!(error.kind(), StatusErrorKind::JetStream(answer) if answer.code() == 404));
/// assert!(error.to_string().contains("there is no bucket \"b\""));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum StatusErrorKind {
    /// The API refused: there is no such bucket any more, or no broker.
    JetStream(errors::Error),
    /// The answer did not come in time.
    TimedOut,
}

impl From<ReadError<StoreError>> for EntryError {
    fn from(error: ReadError<StoreError>) -> Self {
        match error {
            ReadError::Key(invalid) => Self::with_source(EntryErrorKind::InvalidKey, invalid),
            ReadError::Backend(error) if error.kind() == StoreErrorKind::TimedOut => {
                caused(EntryErrorKind::TimedOut, error)
            }
            ReadError::Backend(error) => caused(EntryErrorKind::Other, error),
            other => Self::with_source(EntryErrorKind::Other, other),
        }
    }
}

impl From<ReadError<StoreError>> for WatchError {
    fn from(error: ReadError<StoreError>) -> Self {
        match error {
            ReadError::Key(invalid) => Self::with_source(WatchErrorKind::InvalidKey, invalid),
            ReadError::Backend(error) if error.kind() == StoreErrorKind::TimedOut => {
                caused(WatchErrorKind::TimedOut, error)
            }
            ReadError::Backend(error) => caused(WatchErrorKind::Other, error),
            other => Self::with_source(WatchErrorKind::Other, other),
        }
    }
}

impl From<StoreError> for WatcherError {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::Consumer => caused(WatcherErrorKind::Consumer, error),
            _ => Self::with_source(WatcherErrorKind::Other, error),
        }
    }
}

impl From<Failure> for StatusError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Api(error) => Self::new(StatusErrorKind::JetStream(error)),
            Failure::Request(error) if error.kind() == RequestErrorKind::TimedOut => {
                Self::with_source(StatusErrorKind::TimedOut, error)
            }
            Failure::Request(error) => {
                Self::with_source(StatusErrorKind::JetStream(errors::Error::not_reached()), error)
            }
        }
    }
}

impl StatusError {
    /// The same error, which says of which bucket if that is not there.
    pub(super) fn of_bucket(self, bucket: &str) -> Self {
        match self.kind() {
            StatusErrorKind::JetStream(answer) if answer.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                let source = NoBucket::new(bucket, answer.clone());
                Self::with_source(StatusErrorKind::JetStream(answer), source)
            }
            _ => self,
        }
    }
}

impl Display for EntryErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidKey => INVALID_KEY,
            Self::TimedOut => "timed out",
            Self::Other => "failed getting entry",
        })
    }
}

impl Display for WatchErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidKey => INVALID_KEY,
            Self::TimedOut => "timed out",
            Self::ConsumerCreate => "watch consumer creation failed",
            Self::Other => "watch failed",
        })
    }
}

impl Display for WatcherErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Consumer => "watcher consumer error",
            Self::Other => "watcher error",
        })
    }
}

impl Display for StatusErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JetStream(error) => write!(f, "jetstream request failed: {error}"),
            Self::TimedOut => f.write_str("timed out"),
        }
    }
}
