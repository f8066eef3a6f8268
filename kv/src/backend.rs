//! What a bucket needs of the stream under it: the few calls of [`Backend`].

use std::error::Error;
use std::future::Future;
use std::task::{Context, Poll};

use bytes::Bytes;
use embus_protocol::headers::HeaderMap;
use embus_protocol::subject::Subject;
use futures_core::Stream;
use time::OffsetDateTime;

use crate::{Operation, Refusal};

/// The stream of one bucket, in this process or behind a client. Every call may be dropped before it is done; an entry
/// that was on its way is then appended or not.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::backend::Backend;
///
/// /// What a program says that does not care where its bucket is.
/// async fn describe(bucket: &impl Backend) -> String {
///     format!("bucket {}, subjects {}>", bucket.bucket(), bucket.prefix())
/// }
///
/// assert_eq!(describe(&store).await, "bucket b, subjects $KV.b.>");
/// # Ok(())
/// # }
/// ```
pub trait Backend: Send + Sync {
    /// Why a call failed.
    type Error: BackendError;
    /// What comes out of a watch.
    type Messages: Messages<Error = Self::Error>;

    /// The name of the bucket.
    fn bucket(&self) -> &str;

    /// What the subjects of its entries begin with, up to the dot before the key.
    fn prefix(&self) -> &str;

    /// Appends an entry; the result is its revision. When it is there, it is as durable as the stream makes it.
    fn append(&self, append: Append) -> impl Future<Output = Result<u64, Self::Error>> + Send;

    /// The last entry on this subject.
    fn last(&self, subject: &str) -> impl Future<Output = Result<Option<Stored>, Self::Error>> + Send;

    /// The entry with this revision, if it is one on this subject.
    fn at(&self, subject: &str, revision: u64) -> impl Future<Output = Result<Option<Stored>, Self::Error>> + Send;

    /// Entries in the order of their revisions, each once, those to come included: with a gap nowhere, however slowly they
    /// are read.
    fn watch(&self, watched: Watched) -> impl Future<Output = Result<Begun<Self::Messages>, Self::Error>> + Send;
}

/// An entry to be appended.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::backend::{Append, Backend};
///
/// let append = Append { subject: "$KV.b.ada".into(), headers: Default::default(), value: "1".into() };
/// assert_eq!(store.append(append).await?, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Where: the prefix and the key.
    pub subject: String,
    /// Its headers: what it does, what it expects, how long it stays.
    pub headers: HeaderMap,
    /// Its value.
    pub value: Bytes,
}

/// An entry as it is stored.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::backend::Backend;
///
/// store.put("ada", "1".into()).await?;
/// let stored = store.last("$KV.b.ada").await?.expect("it is there");
/// assert_eq!((stored.revision, &stored.value[..]), (1, &b"1"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its revision.
    pub revision: u64,
    /// When it was stored.
    pub created: OffsetDateTime,
    /// What it does to its key.
    pub operation: Operation,
    /// Its value.
    pub value: Bytes,
}

/// Which entries are watched.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::backend::{Backend, From, Watched};
///
/// store.put("ada", "1".into()).await?;
/// let watched = Watched { filters: vec!["$KV.b.>".into()], from: From::Last, keys_only: true };
/// assert_eq!(Backend::watch(&store, watched).await?.pending, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Subjects, perhaps with wildcards: at least one.
    pub filters: Vec<String>,
    /// Where it begins.
    pub from: From,
    /// Whether values are left out.
    pub keys_only: bool,
}

/// Where a watch begins.
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
/// store.put("ada", "1".into()).await?;
/// assert!(watch(&store, [">"], From::Now, false).await?.is_current());
/// assert!(!watch(&store, [">"], From::First, false).await?.is_current());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With what is to come.
    Now,
    /// With the last entry of each key.
    Last,
    /// With all that is kept.
    First,
    /// With this revision, or the next there is.
    Revision(u64),
}

/// A watch that has begun.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::backend::{Backend, Begun, From, Watched};
///
/// store.put("ada", "1".into()).await?;
/// let watched = Watched { filters: vec!["$KV.b.>".into()], from: From::Now, keys_only: false };
/// let Begun { pending, last_revision, .. } = Backend::watch(&store, watched).await?;
/// assert_eq!((pending, last_revision), (0, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Begun<M> {
    /// Its messages.
    pub messages: M,
    /// How many of them were there when it began.
    pub pending: u64,
    /// The last revision that was there before it began, of any key.
    pub last_revision: u64,
}

/// The messages of a watch. After an error it may go on; when it does not, it ends.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::backend::{Backend, From, Watched};
/// use futures_util::StreamExt;
///
/// store.put("ada", "1".into()).await?;
/// let watched = Watched { filters: vec!["$KV.b.>".into()], from: From::First, keys_only: false };
/// let mut messages = Backend::watch(&store, watched).await?.messages;
/// let message = messages.next().await.transpose()?.expect("it goes on");
/// assert_eq!((message.subject.as_str(), message.pending), ("$KV.b.ada", 0));
/// # Ok(())
/// # }
/// ```
pub trait Messages: Stream<Item = Result<Message, Self::Error>> + Send + Unpin {
    /// Why it fails.
    type Error: BackendError;

    /// Ready once nothing is left to come of what was there already, though nothing told so: the last entries may have
    /// been removed before they could be sent. Asked for when there is no message, until the watch knows by itself.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// A message of a watch.
///
/// ```
/// use embus_kv::Operation;
/// use embus_kv::backend::{Message, Stored};
///
/// let created = time::OffsetDateTime::UNIX_EPOCH;
/// let stored = Stored { revision: 7, created, operation: Operation::Put, value: "1".into() };
/// let message = Message { subject: "$KV.b.ada".into(), stored, pending: 0 };
/// assert_eq!(message.stored.revision, 7);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its subject.
    pub subject: Subject,
    /// What is stored.
    pub stored: Stored,
    /// How many entries were still to come behind it when it was sent.
    pub pending: u64,
}

/// What went wrong, as far as a bucket has to know.
///
/// ```
/// use embus_kv::backend::{BackendError, Failure};
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("the line is cut")]
/// struct Cut;
///
/// impl BackendError for Cut {
///     fn failure(&self) -> Failure {
///         Failure::NotSent
///     }
/// }
///
/// assert_eq!(Cut.failure(), Failure::NotSent);
/// ```
pub trait BackendError: Error + Send + Sync + 'static {
    /// The kind of failure.
    fn failure(&self) -> Failure;
}

/// The kinds of failures.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), max_value_size: 4, ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::Refusal;
/// use embus_kv::backend::{Append, Backend, BackendError, Failure};
///
/// let append = Append { subject: "$KV.b.ada".into(), headers: Default::default(), value: "too long".into() };
/// let error = store.append(append).await.unwrap_err();
/// assert_eq!(error.failure(), Failure::Refused(Refusal::TooLarge));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The last entry of the key has another revision than was expected: nothing was appended.
    WrongRevision,
    /// There was no answer in time: what was asked for may be done or not.
    TimedOut,
    /// Nothing left this process.
    NotSent,
    /// The bucket's configuration does not allow it: nothing was appended.
    Refused(Refusal),
    /// Anything else: refused for another reason, or the other side is gone.
    Other,
}
