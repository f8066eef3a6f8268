//! What happens to typed values.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use time::OffsetDateTime;

use super::{FollowError, Undecodable};
use crate::backend::Messages;
use crate::codec::Codec;
use crate::watch::{Event, Watch};
use crate::{Entry, Operation};

/// What happened to a key.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
/// use embus_kv::typed::Change;
/// use futures_util::StreamExt;
///
/// let mut changes = bucket.watch(">").await?;
/// bucket.put("ada", &1).await?;
/// bucket.delete("ada").await?;
/// let mut scores = std::collections::BTreeMap::new();
/// while let Some(change) = changes.next().await.transpose()? {
///     match change {
///         Change::Put { key, value, .. } => _ = scores.insert(key, value),
///         Change::Removed { key, .. } => {
///             scores.remove(&key);
///             break;
///         }
///         Change::Current => {}
///     }
/// }
/// assert!(scores.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<T> {
    /// It got a value.
    Put {
        /// The key.
        key: String,
        /// Its value.
        value: T,
        /// The number of the entry in the bucket.
        revision: u64,
        /// When it was stored.
        created: OffsetDateTime,
    },
    /// It is gone: deleted, purged, or expired.
    Removed {
        /// The key.
        key: String,
        /// The number of the mark in the bucket.
        revision: u64,
        /// When it was removed.
        created: OffsetDateTime,
    },
    /// Everything that was there when the watch began has come; comes once, also when there was nothing.
    Current,
}

/// What happens to the keys of a bucket, in the order of the revisions.
///
/// A value that is none of the bucket's type is an error that names its key and revision, and the watch goes on.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::Bucket;
/// use futures_util::StreamExt;
///
/// store.put("ada", "three".into()).await?;
/// store.put("bob", "4".into()).await?;
/// let scores = Bucket::<u32, _>::new(store);
/// let mut changes = scores.watch_with_history(">").await?;
/// let error = changes.next().await.expect("it goes on").unwrap_err();
/// assert_eq!(error.to_string(), "the value of \"ada\" at revision 1 can't be read");
/// assert!(changes.next().await.expect("it goes on").is_ok());
/// # Ok(())
/// # }
/// ```
pub struct Changes<T, M, C> {
    watch: Watch<M>,
    codec: C,
    value: PhantomData<fn() -> T>,
}

impl<T, M: Messages, C: Codec<T>> Changes<T, M, C> {
    pub(super) fn new(watch: Watch<M>, codec: C) -> Self {
        Self { watch, codec, value: PhantomData }
    }

    /// Whether everything has come that was there when the watch began.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// # let bucket = embus_kv::Bucket::<u32, _>::new(store);
    /// use futures_util::StreamExt;
    ///
    /// bucket.put("ada", &1).await?;
    /// let mut changes = bucket.watch_with_history(">").await?;
    /// assert!(!changes.is_current());
    /// changes.next().await;
    /// assert!(changes.is_current());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_current(&self) -> bool {
        self.watch.is_current()
    }

    fn change(&self, event: Event) -> Result<Change<T>, Undecodable> {
        let Event::Entry(entry) = event else { return Ok(Change::Current) };
        let Entry { key, value, revision, created, operation, .. } = entry;
        if operation != Operation::Put {
            return Ok(Change::Removed { key, revision, created });
        }
        match self.codec.decode(&value) {
            Ok(value) => Ok(Change::Put { key, value, revision, created }),
            Err(source) => Err(Undecodable { key, revision, source }),
        }
    }
}

impl<T, M: Messages, C: Codec<T> + Unpin> Stream for Changes<T, M, C> {
    type Item = Result<Change<T>, FollowError<M::Error>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        Pin::new(&mut this.watch).poll_next(cx).map(|item| {
            item.map(|event| match event {
                Ok(event) => Ok(this.change(event)?),
                Err(error) => Err(FollowError::Backend(error)),
            })
        })
    }
}

impl<T, M, C> fmt::Debug for Changes<T, M, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.watch.fmt(f)
    }
}
