//! What can go wrong with writing, with the names of async-nats.

use std::fmt::{self, Display};

use embus_kv::error::WriteError;

use super::store_kinds::{StoreError, StoreErrorKind};
use crate::client::error::Error;

/// Why an entry was not put.
pub type PutError = Error<PutErrorKind>;

/// What went wrong with a put.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PutErrorKind {
    /// The key is none; the source says why.
    InvalidKey,
    /// Nothing was published; see the source.
    Publish,
    /// The bucket refused, or did not answer in time; see the source.
    Ack,
}

/// Why a key was not updated.
pub type UpdateError = Error<UpdateErrorKind>;

/// What went wrong with an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpdateErrorKind {
    /// The key is none; the source says why.
    InvalidKey,
    /// The answer did not come in time: it is updated or not.
    TimedOut,
    /// The last entry of the key has another revision.
    WrongLastRevision,
    /// Anything else, such as an [`InvalidTtl`](super::InvalidTtl) or a refusal of the stream; see the source.
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
    /// Anything else, such as an [`InvalidTtl`](super::InvalidTtl) or a refusal of the stream; see the source.
    Other,
}

impl From<WriteError<StoreError>> for PutError {
    fn from(error: WriteError<StoreError>) -> Self {
        match error {
            WriteError::Key(invalid) => Self::with_source(PutErrorKind::InvalidKey, invalid),
            WriteError::Backend(error) if error.kind() == StoreErrorKind::Publish => {
                caused(PutErrorKind::Publish, error)
            }
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
            WriteError::Backend(error) => match error.kind() {
                StoreErrorKind::Publish | StoreErrorKind::TimedOut => caused(CreateErrorKind::Publish, error),
                _ => caused(CreateErrorKind::Other, error),
            },
            WriteError::Ttl(invalid) => Self::with_source(CreateErrorKind::Other, invalid),
            other => Self::with_source(CreateErrorKind::Other, other),
        }
    }
}

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
