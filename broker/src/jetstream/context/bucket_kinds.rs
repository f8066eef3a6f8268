//! What can go wrong with buckets as a whole, with the names of async-nats.

use std::fmt::{self, Display};

use embus_kv::shape::InvalidBucket;

use super::{CreateStreamError, CreateStreamErrorKind};
use crate::client::error::Error;

/// Why a bucket was not found or not deleted.
pub type KeyValueError = Error<KeyValueErrorKind>;

/// What went wrong with finding or deleting a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeyValueErrorKind {
    /// The name is none of a bucket, or the stream of that name is none.
    InvalidStoreName,
    /// The bucket was not found; see the source.
    GetBucket,
    /// The API refused; see the source.
    JetStream,
}

/// Why a bucket was not made.
pub type CreateKeyValueError = Error<CreateKeyValueErrorKind>;

/// What went wrong with making a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CreateKeyValueErrorKind {
    /// The name is none of a bucket.
    InvalidStoreName,
    /// The history is longer than 64 entries.
    TooLongHistory,
    /// The broker was not reached, or refused an update; see the source.
    JetStream,
    /// The configuration is not valid, or the API refused it; see the source.
    BucketCreate,
    /// The answer did not come in time: the bucket may be made or not.
    TimedOut,
    /// Kept so that code written for async-nats compiles: they are supported.
    LimitMarkersNotSupported,
}

/// Why a bucket was not changed.
pub type UpdateKeyValueError = Error<UpdateKeyValueErrorKind>;

/// What went wrong with changing a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpdateKeyValueErrorKind {
    /// The name is none of a bucket.
    InvalidStoreName,
    /// The history is longer than 64 entries.
    TooLongHistory,
    /// The broker was not reached, or refused; see the source.
    JetStream,
    /// The configuration is not valid; see the source.
    BucketUpdate,
    /// The answer did not come in time: the bucket may be changed or not.
    TimedOut,
    /// Kept so that code written for async-nats compiles: they are supported.
    LimitMarkersNotSupported,
    /// There is no such bucket.
    NotFound,
}

impl From<InvalidBucket> for CreateKeyValueError {
    fn from(invalid: InvalidBucket) -> Self {
        let kind = match invalid {
            InvalidBucket::Name(_) => CreateKeyValueErrorKind::InvalidStoreName,
            InvalidBucket::LongHistory(_) => CreateKeyValueErrorKind::TooLongHistory,
            _ => CreateKeyValueErrorKind::BucketCreate,
        };
        Self::with_source(kind, invalid)
    }
}

impl From<InvalidBucket> for UpdateKeyValueError {
    fn from(invalid: InvalidBucket) -> Self {
        let kind = match invalid {
            InvalidBucket::Name(_) => UpdateKeyValueErrorKind::InvalidStoreName,
            InvalidBucket::LongHistory(_) => UpdateKeyValueErrorKind::TooLongHistory,
            _ => UpdateKeyValueErrorKind::BucketUpdate,
        };
        Self::with_source(kind, invalid)
    }
}

impl From<CreateStreamError> for CreateKeyValueError {
    fn from(error: CreateStreamError) -> Self {
        let kind = match error.kind() {
            CreateStreamErrorKind::TimedOut => CreateKeyValueErrorKind::TimedOut,
            CreateStreamErrorKind::JetStreamUnavailable => CreateKeyValueErrorKind::JetStream,
            _ => CreateKeyValueErrorKind::BucketCreate,
        };
        Self::with_source(kind, error)
    }
}

impl From<CreateStreamError> for UpdateKeyValueError {
    fn from(error: CreateStreamError) -> Self {
        let kind = match error.kind() {
            CreateStreamErrorKind::NotFound => UpdateKeyValueErrorKind::NotFound,
            CreateStreamErrorKind::TimedOut => UpdateKeyValueErrorKind::TimedOut,
            _ => UpdateKeyValueErrorKind::JetStream,
        };
        Self::with_source(kind, error)
    }
}

impl Display for KeyValueErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidStoreName => "invalid bucket name",
            Self::GetBucket => "failed to get the bucket",
            Self::JetStream => "JetStream error",
        })
    }
}

impl Display for CreateKeyValueErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidStoreName => "invalid bucket name",
            Self::TooLongHistory => "too long history",
            Self::JetStream => "JetStream error",
            Self::BucketCreate => "bucket creation failed",
            Self::TimedOut => "timed out",
            Self::LimitMarkersNotSupported => "limit markers not supported",
        })
    }
}

impl Display for UpdateKeyValueErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidStoreName => "invalid bucket name",
            Self::TooLongHistory => "too long history",
            Self::JetStream => "JetStream error",
            Self::BucketUpdate => "bucket update failed",
            Self::TimedOut => "timed out",
            Self::LimitMarkersNotSupported => "limit markers not supported",
            Self::NotFound => "bucket does not exist",
        })
    }
}
