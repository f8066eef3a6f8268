//! Why a bucket's stream did not do what it was asked for: what the public errors are made from.

use std::fmt;

use embus_kv::backend::{BackendError, Failure};

use crate::client::error::Error;
use crate::jetstream::consumer::StreamError;
use crate::jetstream::consumer::pull::OrderedError;
use crate::jetstream::context::{PublishError, PublishErrorKind, RequestError, RequestErrorKind};
use crate::jetstream::failure::Failure as CallFailure;
use crate::jetstream::stream::ConsumerError;

/// Why a bucket's stream did not do what it was asked for.
pub type StoreError = Error<StoreErrorKind>;

/// What went wrong with a bucket's stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StoreErrorKind {
    /// Nothing was published; see the source.
    Publish,
    /// The last entry of the key has another revision.
    WrongRevision,
    /// The answer did not come in time: what was asked for is done or not.
    TimedOut,
    /// The stream refused, or is gone; see the source.
    Refused,
    /// The consumer of a watch failed; see the source.
    Consumer,
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
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

    pub(crate) fn not_acknowledged(error: PublishError) -> Self {
        let kind = match error.kind() {
            PublishErrorKind::WrongLastSequence => StoreErrorKind::WrongRevision,
            PublishErrorKind::TimedOut => StoreErrorKind::TimedOut,
            _ => StoreErrorKind::Refused,
        };
        Self::with_source(kind, error)
    }
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
