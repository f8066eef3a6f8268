//! Why a call on a bucket fails. Whatever the error, nothing was changed, unless it timed out.

use crate::Refusal;
use crate::key::InvalidKey;
use crate::ttl::InvalidTtl;

/// Why an entry was not written.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), max_value_size: 8, ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::error::WriteError;
/// use embus_kv::{Refusal, write};
///
/// match write::put(&store, "ada", "much too long".into()).await {
///     Err(WriteError::Refused { refusal: Refusal::TooLarge, .. }) => {}
///     other => panic!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
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

/// Why nothing was read.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::error::ReadError;
/// use embus_kv::key::InvalidKey;
///
/// let error = embus_kv::read::entry(&store, "a b", None).await.unwrap_err();
/// assert!(matches!(error, ReadError::Key(InvalidKey::Character(' '))));
/// # Ok(())
/// # }
/// ```
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
