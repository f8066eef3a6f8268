//! Changing a value that others change, too.

use std::convert::Infallible;

use super::{Bucket, ModifyError, SaveError, TryModifyError, Versioned};
use crate::Operation;
use crate::backend::Backend;
use crate::codec::Codec;
use crate::error::WriteError;
use crate::{read, write};

impl<T, B: Backend, C: Codec<T>> Bucket<T, B, C> {
    /// Gives the key what `change` makes of its value, or of nothing if it has none; the result is the new value with its
    /// revision. `change` is called anew when somebody else was faster, so no change is lost.
    ///
    /// When dropped, the value is changed or not.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// let one_more = |score: Option<u32>| score.unwrap_or(0) + 1;
    /// let (one, other) = tokio::join!(bucket.modify("ada", one_more), bucket.modify("ada", one_more));
    /// assert_eq!(one?.value.max(other?.value), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ModifyError`]; nothing was changed, unless the answer did not come in time.
    pub async fn modify(
        &self,
        key: impl AsRef<str>,
        mut change: impl FnMut(Option<T>) -> T,
    ) -> Result<Changed<T>, ModifyError<B::Error>> {
        let changed = self.try_modify(key, |value| Ok::<_, Infallible>(change(value))).await;
        changed.map_err(|error| match error {
            TryModifyError::Modify(error) => error,
            TryModifyError::Declined(never) => match never {},
        })
    }

    /// As [`modify`](Self::modify), but `change` may decline: then the key stays as it is.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let stock = embus_kv::Bucket::<u32, _>::new(store);
    /// use embus_kv::typed::TryModifyError;
    ///
    /// let take_one = |left: Option<u32>| left.unwrap_or(0).checked_sub(1).ok_or("sold out");
    /// stock.put("chair", &1).await?;
    /// stock.try_modify("chair", take_one).await?;
    /// assert!(matches!(stock.try_modify("chair", take_one).await, Err(TryModifyError::Declined("sold out"))));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TryModifyError::Declined`] with what `change` says, or why the key could not be changed.
    pub async fn try_modify<D>(
        &self,
        key: impl AsRef<str>,
        mut change: impl FnMut(Option<T>) -> Result<T, D>,
    ) -> Result<Changed<T>, TryModifyError<D, B::Error>> {
        let key = key.as_ref();
        for _ in 0..MAX_TRIES {
            let (before, expected) = self.before(key).await?;
            let value = change(before).map_err(TryModifyError::Declined)?;
            let bytes = self.encode(&value).map_err(|error| match error {
                SaveError::Encode(source) => ModifyError::Encode(source),
                SaveError::Write(error) => error.into(),
            })?;
            match write::update(&self.backend, key, bytes, expected, None).await {
                Ok(revision) => return Ok(Changed { value, revision }),
                Err(WriteError::WrongRevision(_)) => {}
                Err(error) => return Err(ModifyError::from(error).into()),
            }
        }
        Err(ModifyError::Contended.into())
    }

    /// The value, and the revision that the next one has to follow.
    async fn before(&self, key: &str) -> Result<(Option<T>, u64), ModifyError<B::Error>> {
        match read::entry(&self.backend, key, None).await? {
            None => Ok((None, 0)),
            Some(stored) if stored.operation != Operation::Put => Ok((None, stored.revision)),
            Some(stored) => {
                let Versioned { value, revision, .. } = self.decode(key, &stored)?;
                Ok((Some(value), revision))
            }
        }
    }
}

/// What a value became.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
/// let changed = bucket.modify("ada", |score| score.unwrap_or(0) + 1).await?;
/// assert_eq!((changed.value, changed.revision), (1, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed<T> {
    /// The value.
    pub value: T,
    /// The number of its entry in the bucket.
    pub revision: u64,
}

impl<E> From<WriteError<E>> for ModifyError<E> {
    fn from(error: WriteError<E>) -> Self {
        match error {
            WriteError::Key(invalid) => Self::Key(invalid),
            WriteError::Refused { refusal, source } => Self::Refused { refusal, source },
            WriteError::Backend(error) | WriteError::WrongRevision(error) => Self::Backend(error),
            // Neither is asked for.
            WriteError::Ttl(_) | WriteError::Exists => Self::Contended,
        }
    }
}

/// How often a change is tried; each time somebody else got through.
const MAX_TRIES: usize = 1000;
