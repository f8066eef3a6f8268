//! Why a bucket's stream did not do what it was asked for: what the public errors are made from.

use std::error::Error as _;
use std::fmt;

use embus_kv::Refusal;
use embus_kv::backend::{BackendError, Failure};
use embus_kv::refusal::LastRevision;

use crate::client::error::{BoxError, Error};
use crate::jetstream::consumer::StreamError;
use crate::jetstream::consumer::pull::OrderedError;
use crate::jetstream::context::{
    GetStreamError, GetStreamErrorKind, PublishError, PublishErrorKind, RequestError, RequestErrorKind,
};
use crate::jetstream::errors::{self, ErrorCode};
use crate::jetstream::failure::Failure as CallFailure;
use crate::jetstream::stream::ConsumerError;

/// Why a bucket's stream did not do what it was asked for.
pub type StoreError = Error<StoreErrorKind>;

/// What went wrong with a bucket's stream.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::StoreErrorKind;
/// use embus::jetstream::kv::WriteError;
///
/// let error = embus_kv::write::update(&bucket, "ada", "2".into(), 7, None).await.unwrap_err();
/// assert!(matches!(error, WriteError::WrongRevision(error) if error.kind() == StoreErrorKind::WrongRevision));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StoreErrorKind {
    /// Nothing was published; see the source.
    Publish,
    /// The last entry of the key has another revision.
    WrongRevision,
    /// The answer did not come in time: what was asked for is done or not.
    TimedOut,
    /// The bucket's configuration does not allow the entry.
    NotAllowed(Refusal),
    /// The stream refused, or is gone; see the source.
    Refused,
    /// The consumer of a watch failed; see the source.
    Consumer,
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAllowed(refusal) => return refusal.fmt(f),
            Self::Publish => "not published",
            Self::WrongRevision => "wrong last revision",
            Self::TimedOut => "timed out",
            Self::Refused => "the bucket refused",
            Self::Consumer => "the consumer of a watch failed",
        })
    }
}

impl BackendError for StoreError {
    fn failure(&self) -> Failure {
        match self.kind() {
            StoreErrorKind::Publish => Failure::NotSent,
            StoreErrorKind::WrongRevision => Failure::WrongRevision,
            StoreErrorKind::TimedOut => Failure::TimedOut,
            StoreErrorKind::NotAllowed(refusal) => Failure::Refused(refusal),
            StoreErrorKind::Refused | StoreErrorKind::Consumer => Failure::Other,
        }
    }
}

impl StoreError {
    /// Whether what was asked for may be done or not.
    pub(crate) fn is_timeout(&self) -> bool {
        self.kind() == StoreErrorKind::TimedOut
    }

    pub(crate) fn not_published(error: PublishError) -> Self {
        Self::with_source(StoreErrorKind::Publish, error)
    }

    /// What the stream said of an entry, in the words of buckets.
    pub(crate) fn not_acknowledged(error: PublishError) -> Self {
        let answer = error.source().and_then(|source| source.downcast_ref::<errors::Error>());
        let last = answer.and_then(|answer| LastRevision::of(answer.description()));
        let refusal = answer.and_then(|answer| Refusal::of(answer.error_code().0, answer.description()));
        match (error.kind(), last, refusal) {
            (PublishErrorKind::WrongLastSequence, Some(last), _) => {
                Self::with_source(StoreErrorKind::WrongRevision, last)
            }
            (PublishErrorKind::WrongLastSequence, None, _) => Self::with_source(StoreErrorKind::WrongRevision, error),
            (PublishErrorKind::TimedOut, ..) => Self::with_source(StoreErrorKind::TimedOut, error),
            (_, _, Some(refusal)) => Self::with_source(StoreErrorKind::NotAllowed(refusal), answered(error)),
            _ => Self::with_source(StoreErrorKind::Refused, error),
        }
    }

    /// The same error, which says of which bucket if that is not there.
    pub(crate) fn of_bucket(self, bucket: &str) -> Self {
        let is_gone = is_not_there(&self);
        let kind = self.kind();
        match self.into_source() {
            Some(source) if is_gone => Self::with_source(kind, NoBucket::new(bucket, source)),
            Some(source) => Self::with_source(kind, source),
            None => Self::new(kind),
        }
    }
}

/// There is no such bucket.
#[derive(Debug, thiserror::Error)]
#[error("there is no bucket {bucket:?}")]
pub(crate) struct NoBucket {
    bucket: String,
    source: BoxError,
}

impl NoBucket {
    pub(super) fn new(bucket: &str, source: impl Into<BoxError>) -> Self {
        Self { bucket: bucket.to_owned(), source: source.into() }
    }

    /// An error that says of which bucket, if that is not there.
    pub(crate) fn named(bucket: &str, error: GetStreamError) -> BoxError {
        match error.kind() {
            GetStreamErrorKind::JetStream(answer) if answer.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Box::new(Self::new(bucket, error))
            }
            _ => error.into(),
        }
    }
}

/// Whether an answer among the causes says that there is no such stream.
fn is_not_there(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let answer = error.downcast_ref::<errors::Error>();
        let is_unknown =
            error.downcast_ref::<PublishError>().map(Error::kind) == Some(PublishErrorKind::StreamNotFound);
        if is_unknown || answer.is_some_and(|answer| answer.error_code() == ErrorCode::STREAM_NOT_FOUND) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What the API answered, without what was done.
fn answered(error: PublishError) -> BoxError {
    error.into_source().unwrap_or_else(|| "no answer".into())
}

impl From<CallFailure> for StoreError {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Api(error) => Self::with_source(StoreErrorKind::Refused, error),
            CallFailure::Request(error) => Self::with_source(kind_of(&error), error),
        }
    }
}

fn kind_of(error: &RequestError) -> StoreErrorKind {
    if error.kind() == RequestErrorKind::TimedOut { StoreErrorKind::TimedOut } else { StoreErrorKind::Refused }
}

impl From<ConsumerError> for StoreError {
    fn from(error: ConsumerError) -> Self {
        Self::with_source(StoreErrorKind::Consumer, error)
    }
}

impl From<StreamError> for StoreError {
    fn from(error: StreamError) -> Self {
        Self::with_source(StoreErrorKind::Consumer, error)
    }
}

impl From<OrderedError> for StoreError {
    fn from(error: OrderedError) -> Self {
        Self::with_source(StoreErrorKind::Consumer, error)
    }
}
