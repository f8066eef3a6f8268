//! Why a call on a bucket with typed values fails.

use crate::codec::CodecError;
use crate::error::{ReadError, WriteError};
use crate::key::InvalidKey;

/// The bytes of an entry are no value of the bucket's type.
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
    /// The stream refused it, or was not reached.
    #[error(transparent)]
    Backend(E),
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
