//! Following what happens to keys.

use std::collections::HashSet;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::Operation;
use crate::backend::{Backend, Begun, From, Message, Messages, Watched};
use crate::entry::Entry;
use crate::error::ReadError;
use crate::key::{InvalidKey, check_key, check_pattern};

/// What a watch tells.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::backend::From;
/// use embus_kv::watch::{Event, watch};
/// use futures_util::StreamExt;
///
/// store.put("ada", "1".into()).await?;
/// let mut events = watch(&store, [">"], From::Last, false).await?;
/// assert!(matches!(events.next().await.transpose()?, Some(Event::Entry(entry)) if entry.value == "1"));
/// assert_eq!(events.next().await.transpose()?, Some(Event::Current));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A key got a value, or is gone.
    Entry(Entry),
    /// Everything that was there when the watch began has come, or what replaced it; comes once, also when there was nothing.
    Current,
}

/// What happens to the keys of a bucket, in the order of the revisions, each entry once.
///
/// As a stream it yields [`Event`]s. However slowly it is read, it goes on without a gap; entries that the bucket no
/// longer keeps by then do not come. It ends with an error when the bucket is gone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::backend::From;
/// use embus_kv::watch::{Watch, watch};
/// use futures_util::StreamExt;
///
/// let mut watched: Watch<_> = watch(&store, ["users.*"], From::Now, false).await?;
/// store.put("users.ada", "1".into()).await?;
/// assert!(watched.is_current(), "there was nothing before");
/// assert!(watched.next().await.is_some());
/// # Ok(())
/// # }
/// ```
pub struct Watch<M> {
    messages: M,
    bucket: String,
    /// What the subjects begin with.
    prefix: String,
    initial: Initial,
}

/// Whether everything has come that was there at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Initial {
    /// It has with the last of them, or with this revision: behind the last one that was there, nothing can be left of
    /// them, however many have come since. Where only the last entry of each key comes, an entry that is replaced before it
    /// is sent comes behind all others, and only the last of them says that.
    Coming {
        last_revision: u64,
    },
    /// It has, and that is to be told.
    Complete,
    Told,
}

/// Watches the keys that match any of these patterns.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::backend::From;
/// use embus_kv::watch::{Event, watch};
/// use futures_util::StreamExt;
///
/// let mut events = watch(&store, ["*.name", "*.score"], From::Now, true).await?;
/// store.put("7.score", "12".into()).await?;
/// assert_eq!(events.next().await.transpose()?, Some(Event::Current));
/// let Some(Event::Entry(entry)) = events.next().await.transpose()? else { panic!("an entry") };
/// assert_eq!((entry.key.as_str(), entry.value.len()), ("7.score", 0));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// See [`ReadError`].
pub async fn watch<B, P>(
    bucket: &B,
    patterns: P,
    from: From,
    keys_only: bool,
) -> Result<Watch<B::Messages>, ReadError<B::Error>>
where
    B: Backend,
    P: IntoIterator<Item: AsRef<str>>,
{
    let mut filters = Vec::new();
    for pattern in patterns {
        check_pattern(pattern.as_ref())?;
        filters.push(format!("{}{}", bucket.prefix(), pattern.as_ref()));
    }
    if filters.is_empty() {
        return Err(InvalidKey::NoPattern.into());
    }
    let begun = bucket.watch(Watched { filters, from, keys_only }).await.map_err(ReadError::Backend)?;
    let is_ordered = from != From::Last;
    Ok(Watch::new(bucket, begun, is_ordered))
}

/// All entries of one key that the bucket keeps; it ends.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), history: 5, ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::watch::history;
/// use futures_util::TryStreamExt;
///
/// store.put("ada", "1".into()).await?;
/// store.put("ada", "2".into()).await?;
/// let entries: Vec<_> = history(&store, "ada").await?.try_collect().await?;
/// assert_eq!(entries.iter().map(|entry| &entry.value[..]).collect::<Vec<_>>(), [b"1", b"2"]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// See [`ReadError`].
pub async fn history<B: Backend>(bucket: &B, key: &str) -> Result<History<B::Messages>, ReadError<B::Error>> {
    check_key(key)?;
    Ok(watch(bucket, [key], From::First, false).await?.into_history())
}

/// All keys that have a value, each once; it ends, once it has caught up with those who write. A key that gets its first
/// value or is removed meanwhile comes or does not.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::watch::keys;
/// use futures_util::TryStreamExt;
///
/// store.put("ada", "1".into()).await?;
/// assert_eq!(keys(&store).await?.try_collect::<Vec<_>>().await?, ["ada"]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// See [`ReadError`].
pub async fn keys<B: Backend>(bucket: &B) -> Result<Keys<B::Messages>, ReadError<B::Error>> {
    let watch = watch(bucket, [">"], From::Last, true).await?;
    Ok(Keys { history: watch.into_history(), told: HashSet::new() })
}

impl<M: Messages> Watch<M> {
    fn new<B: Backend>(bucket: &B, begun: Begun<M>, is_ordered: bool) -> Self {
        let Begun { messages, pending, last_revision } = begun;
        let last_revision = if is_ordered { last_revision } else { u64::MAX };
        let initial = if pending == 0 { Initial::Complete } else { Initial::Coming { last_revision } };
        Self { messages, bucket: bucket.bucket().to_owned(), prefix: bucket.prefix().to_owned(), initial }
    }

    /// Only what was there when it began; it ends.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// use embus_kv::backend::From;
    /// use embus_kv::watch::watch;
    /// use futures_util::TryStreamExt;
    ///
    /// store.put("ada", "1".into()).await?;
    /// let there = watch(&store, [">"], From::Last, false).await?.into_history();
    /// assert_eq!(there.try_collect::<Vec<_>>().await?.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_history(self) -> History<M> {
        History { watch: self, is_over: false }
    }

    /// Whether everything has come that was there when the watch began.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// use embus_kv::backend::From;
    /// use embus_kv::watch::watch;
    ///
    /// assert!(watch(&store, [">"], From::Last, false).await?.is_current());
    /// store.put("ada", "1".into()).await?;
    /// assert!(!watch(&store, [">"], From::Last, false).await?.is_current());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_current(&self) -> bool {
        !matches!(self.initial, Initial::Coming { .. })
    }

    /// The next entry alone.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let store = broker.ensure_bucket(config).await?.into_inner();
    /// use std::future::poll_fn;
    ///
    /// use embus_kv::backend::From;
    /// use embus_kv::watch::watch;
    ///
    /// store.put("ada", "1".into()).await?;
    /// let mut watched = watch(&store, [">"], From::Last, false).await?;
    /// let entry = poll_fn(|cx| watched.poll_entry(cx)).await.transpose()?.expect("it goes on");
    /// assert_eq!((entry.key.as_str(), entry.seen_current), ("ada", true));
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_entry(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Entry, M::Error>>> {
        let polled = Pin::new(&mut self.messages).poll_next(cx);
        match polled {
            Poll::Ready(Some(Ok(message))) => Poll::Ready(Some(Ok(self.entry(message)))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                self.poll_initial(cx);
                Poll::Pending
            }
        }
    }

    /// Notices that nothing is left of what was there at the beginning. Registers to be woken for it otherwise.
    fn poll_initial(&mut self, cx: &mut Context<'_>) {
        if !self.is_current() && self.messages.poll_idle(cx).is_ready() {
            self.initial = Initial::Complete;
        }
    }

    fn entry(&mut self, message: Message) -> Entry {
        let Message { subject, stored, pending } = message;
        self.note(stored.revision, pending);
        // Filters begin with the prefix, so what they match does, too.
        let key = subject.strip_prefix(&*self.prefix).unwrap_or(&subject).to_owned();
        let seen_current = self.is_current();
        Entry { delta: pending, seen_current, ..stored.into_entry(&self.bucket, key) }
    }

    fn note(&mut self, revision: u64, pending: u64) {
        if let Initial::Coming { last_revision } = self.initial
            && (pending == 0 || revision >= last_revision)
        {
            self.initial = Initial::Complete;
        }
    }
}

impl<M: Messages> Stream for Watch<M> {
    type Item = Result<Event, M::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.initial == Initial::Complete {
            this.initial = Initial::Told;
            return Poll::Ready(Some(Ok(Event::Current)));
        }
        let polled = this.poll_entry(cx);
        if polled.is_pending() && this.initial == Initial::Complete {
            this.initial = Initial::Told;
            return Poll::Ready(Some(Ok(Event::Current)));
        }
        polled.map(|item| item.map(|entry| entry.map(Event::Entry)))
    }
}

/// The entries of one key; see [`history`].
pub struct History<M> {
    watch: Watch<M>,
    is_over: bool,
}

impl<M: Messages> Stream for History<M> {
    type Item = Result<Entry, M::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over || this.watch.is_current() {
            this.is_over = true;
            return Poll::Ready(None);
        }
        let polled = this.watch.poll_entry(cx);
        if polled.is_pending() && this.watch.is_current() {
            this.is_over = true;
            return Poll::Ready(None);
        }
        this.is_over = matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }
}

/// The keys of a bucket; see [`keys`].
pub struct Keys<M> {
    history: History<M>,
    /// One that changes meanwhile comes again.
    told: HashSet<String>,
}

impl<M: Messages> Stream for Keys<M> {
    type Item = Result<String, M::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match std::task::ready!(Pin::new(&mut this.history).poll_next(cx)) {
                Some(Ok(entry)) if entry.operation != Operation::Put || this.told.contains(&entry.key) => {}
                Some(Ok(entry)) => {
                    this.told.insert(entry.key.clone());
                    return Poll::Ready(Some(Ok(entry.key)));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<M> fmt::Debug for Watch<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("bucket", &self.bucket).field("initial", &self.initial).finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for History<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("watch", &self.watch).finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for Keys<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("history", &self.history).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
