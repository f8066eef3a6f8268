//! What comes out of watches.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use embus_kv::{Entry, watch};
use futures_core::Stream;

use super::entry_kinds::WatcherError;
use super::messages::StoreMessages;

pub use embus_kv::watch::Event;

/// What happens to keys of a bucket: entries in the order of their revisions, each once.
///
/// It goes on without a gap however slowly it is read; entries that the bucket no longer keeps by then do not come. It ends
/// with an error when the bucket is deleted or the broker stops.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), history: 5, ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::Operation;
/// use futures_util::StreamExt;
///
/// let mut watch = bucket.watch_all().await?;
/// bucket.put("ada", "1".into()).await?;
/// bucket.delete("ada").await?;
/// let mut told = Vec::new();
/// while told.last() != Some(&Operation::Delete) {
///     told.push(watch.next().await.transpose()?.expect("it goes on").operation);
/// }
/// assert_eq!(told, [Operation::Put, Operation::Delete]);
/// # Ok(())
/// # }
/// ```
pub struct Watch {
    inner: watch::Watch<StoreMessages>,
    is_over: bool,
}

impl Watch {
    pub(super) fn new(inner: watch::Watch<StoreMessages>) -> Self {
        Self { inner, is_over: false }
    }

    /// Whether everything has come that was there when the watch began; at once if there was nothing. Beyond async-nats.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// use futures_util::StreamExt;
    ///
    /// bucket.put("ada", "1".into()).await?;
    /// let mut watch = bucket.watch_with_history(">").await?;
    /// assert!(!watch.is_current());
    /// watch.next().await;
    /// assert!(watch.is_current());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_current(&self) -> bool {
        self.inner.is_current()
    }

    /// The same entries, and between them the moment when everything has come that was there when the watch began. Beyond
    /// async-nats.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let jetstream = embus::jetstream::new(broker.client());
    /// use embus::jetstream::kv::{Config, Event};
    /// use futures_util::StreamExt;
    ///
    /// let bucket = jetstream.create_key_value(Config { bucket: "lamps".into(), ..Default::default() }).await?;
    /// bucket.put("kitchen", "on".into()).await?;
    /// let mut events = bucket.watch_with_history(">").await?.events();
    /// assert!(matches!(events.next().await, Some(Ok(Event::Entry(entry))) if entry.value == "on"));
    /// assert!(matches!(events.next().await, Some(Ok(Event::Current))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(self) -> Events {
        Events { watch: self }
    }
}

impl Stream for Watch {
    type Item = Result<Entry, WatcherError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        let polled = this.inner.poll_entry(cx);
        this.is_over = matches!(polled, Poll::Ready(None));
        polled.map_err(WatcherError::from)
    }
}

/// What a [`Watch`] tells; see [`Watch::events`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::Event;
/// use futures_util::StreamExt;
///
/// let mut events = bucket.watch_with_history(">").await?.events();
/// assert_eq!(events.next().await.transpose()?, Some(Event::Current), "there was nothing");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Events {
    watch: Watch,
}

impl Stream for Events {
    type Item = Result<Event, WatcherError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut self.get_mut().watch;
        if this.is_over {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut this.inner).poll_next(cx);
        this.is_over = matches!(polled, Poll::Ready(None));
        polled.map_err(WatcherError::from)
    }
}

/// All entries of one key that the bucket keeps; it ends.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use futures_util::StreamExt;
///
/// let mut history = bucket.history("ada").await?;
/// assert!(history.next().await.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct History {
    pub(super) inner: watch::History<StoreMessages>,
}

impl Stream for History {
    type Item = Result<Entry, WatcherError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.get_mut().inner).poll_next(cx).map_err(WatcherError::from)
    }
}

/// All keys of a bucket that have a value; it ends.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use futures_util::StreamExt;
///
/// bucket.put("ada", "1".into()).await?;
/// let mut keys = bucket.keys().await?;
/// assert_eq!(keys.next().await.transpose()?.as_deref(), Some("ada"));
/// assert!(keys.next().await.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Keys {
    pub(super) inner: watch::Keys<StoreMessages>,
}

impl Stream for Keys {
    type Item = Result<String, WatcherError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.get_mut().inner).poll_next(cx).map_err(WatcherError::from)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
