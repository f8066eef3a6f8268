//! Why a call on a bucket behind a client fails.

use async_nats::jetstream::consumer::StreamError;
use async_nats::jetstream::consumer::push::OrderedError;
use async_nats::jetstream::context::{GetStreamError, PublishError, PublishErrorKind};
use async_nats::jetstream::stream::{
    ConsumerError, ConsumerErrorKind, DirectGetError, DirectGetErrorKind, InfoError, RawMessageError,
};

use std::error::Error;

use crate::Refusal;
use crate::backend::{BackendError, Failure};

/// Why a call on a bucket behind a client fails.
///
/// ```
/// use embus_kv::remote::{Remote, RemoteError};
///
/// async fn is_there(context: async_nats::jetstream::Context, bucket: &str) -> Result<bool, RemoteError> {
///     match Remote::open(context, bucket).await {
///         Ok(_) => Ok(true),
///         Err(RemoteError::NoBucket(_)) => Ok(false),
///         Err(error) => Err(error),
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The name is none of a bucket.
    #[error("the name of a bucket is made of ASCII letters and digits, `-` and `_`, which {0:?} is not")]
    InvalidName(String),
    /// There is no such bucket, or the server was not reached.
    #[error("no such bucket: {0}")]
    NoBucket(#[source] GetStreamError),
    /// Nothing left the client.
    #[error("not sent: {0}")]
    NotSent(#[source] PublishError),
    /// The server refused an entry, or did not answer in time.
    #[error("not stored: {0}")]
    NotAppended(#[source] PublishError),
    /// An entry was not got.
    #[error("not got: {0}")]
    NotGot(#[source] DirectGetError),
    /// An entry of a bucket without direct gets was not got.
    #[error("not got: {0}")]
    NotFound(#[source] RawMessageError),
    /// The bucket did not tell what it holds.
    #[error("no answer: {0}")]
    NotAsked(#[source] InfoError),
    /// A watch did not begin.
    #[error("no watch: {0}")]
    NotWatched(#[source] ConsumerError),
    /// A watch did not begin.
    #[error("no watch: {0}")]
    NotRead(#[source] StreamError),
    /// A watch failed.
    #[error("the watch failed: {0}")]
    Watch(#[source] OrderedError),
    /// A message of a watch does not tell what it is.
    #[error("not a message of a bucket: {0}")]
    Malformed(#[source] async_nats::Error),
    /// A watch is over, since the client is.
    #[error("the client has ended")]
    Ended,
}

impl BackendError for RemoteError {
    fn failure(&self) -> Failure {
        match self {
            Self::NotSent(_) => Failure::NotSent,
            Self::NotAppended(error) if error.kind() == PublishErrorKind::WrongLastSequence => Failure::WrongRevision,
            Self::NotAppended(error) if error.kind() == PublishErrorKind::TimedOut => Failure::TimedOut,
            Self::NotAppended(error) => refusal(error).map_or(Failure::Other, Failure::Refused),
            Self::NotGot(error) if error.kind() == DirectGetErrorKind::TimedOut => Failure::TimedOut,
            Self::NotWatched(error) if error.kind() == ConsumerErrorKind::TimedOut => Failure::TimedOut,
            _ => Failure::Other,
        }
    }
}

fn refusal(error: &PublishError) -> Option<Refusal> {
    let answer = error.source()?.downcast_ref::<async_nats::jetstream::Error>()?;
    Refusal::of(answer.error_code().0, &answer.to_string())
}
