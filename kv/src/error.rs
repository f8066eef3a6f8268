//! Why a call on a bucket fails. Whatever the error, nothing was changed, unless it timed out.

use crate::key::InvalidKey;
use crate::ttl::InvalidTtl;

/// Why an entry was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError<E> {
    /// The key is none.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// An entry can't have such a time to live.
    #[error(transparent)]
    Ttl(#[from] InvalidTtl),
    /// The key has a value already.
    #[error("the key exists already")]
    Exists,
    /// The last entry of the key is another one than was expected.
    #[error("the key has another revision")]
    WrongRevision(#[source] E),
    /// The stream refused it, or was not reached.
    #[error(transparent)]
    Backend(E),
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError<E> {
    /// The key or pattern is none.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// The stream refused it, or was not reached.
    #[error(transparent)]
    Backend(E),
}

impl<E> From<ReadError<E>> for WriteError<E> {
    fn from(error: ReadError<E>) -> Self {
        match error {
            ReadError::Key(invalid) => Self::Key(invalid),
            ReadError::Backend(error) => Self::Backend(error),
        }
    }
}
