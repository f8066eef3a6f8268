//! What a bucket needs of the stream under it: the few calls of [`Backend`].

use std::error::Error;
use std::future::Future;
use std::task::{Context, Poll};

use bytes::Bytes;
use embus_protocol::headers::HeaderMap;
use embus_protocol::subject::Subject;
use futures_core::Stream;
use time::OffsetDateTime;

use crate::Operation;

/// The stream of one bucket, in this process or behind a client. Every call may be dropped before it is done; an entry
/// that was on its way is then appended or not.
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
pub trait Messages: Stream<Item = Result<Message, Self::Error>> + Send + Unpin {
    /// Why it fails.
    type Error: BackendError;

    /// Ready once nothing is left to come of what was there already, though nothing told so: the last entries may have
    /// been removed before they could be sent. Asked for when there is no message, until the watch knows by itself.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// A message of a watch.
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
pub trait BackendError: Error + Send + Sync + 'static {
    /// The kind of failure.
    fn failure(&self) -> Failure;
}

/// The kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The last entry of the key has another revision than was expected: nothing was appended.
    WrongRevision,
    /// There was no answer in time: what was asked for may be done or not.
    TimedOut,
    /// Nothing left this process.
    NotSent,
    /// Anything else: refused, or the other side is gone.
    Other,
}
