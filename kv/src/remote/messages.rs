//! What a watch reads through async-nats: an ordered push consumer, made anew by the client where something is missing.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_nats::jetstream::Message as Delivered;
use async_nats::jetstream::consumer::push::{Ordered, OrderedError};
use async_nats::jetstream::stream::Stream;
use embus_protocol::subject::Subject;
use futures_core::Stream as AsyncStream;
use futures_core::future::BoxFuture;
use tokio::time::sleep;

use super::{RemoteError, found, operation};
use crate::Operation;
use crate::backend::{From, Message, Messages, Stored};

/// The entries that a watch gets.
///
/// ```
/// use embus_kv::backend::From;
/// use embus_kv::error::ReadError;
/// use embus_kv::remote::{Remote, RemoteError, RemoteMessages};
/// use embus_kv::watch::{Watch, watch};
///
/// async fn users(bucket: &Remote) -> Result<Watch<RemoteMessages>, ReadError<RemoteError>> {
///     watch(bucket, ["users.*"], From::Last, false).await
/// }
/// ```
pub struct RemoteMessages {
    messages: Ordered,
    rest: Rest,
    /// Whether nothing is left: asked from time to time while nothing comes.
    check: Option<BoxFuture<'static, bool>>,
    /// It never ends silently: the last item is an error.
    is_over: bool,
}

/// What may be left of what was there at the beginning.
#[derive(Debug, Clone)]
struct Rest {
    stream: Stream,
    filters: Vec<String>,
    /// Only the last entry of each key is sent.
    only_last: bool,
    last_revision: u64,
    /// Up to here everything has come.
    read: u64,
}

impl RemoteMessages {
    pub(super) fn new(messages: Ordered, stream: Stream, filters: Vec<String>, from: From, last_revision: u64) -> Self {
        let read = match from {
            From::Now => last_revision,
            From::Revision(revision) => revision.saturating_sub(1),
            From::Last | From::First => 0,
        };
        let rest = Rest { stream, filters, only_last: from == From::Last, last_revision, read };
        Self { messages, rest, check: None, is_over: false }
    }
}

impl Rest {
    /// Whether nothing is left. What can't be asked is no answer.
    async fn is_none(&self) -> bool {
        for filter in &self.filters {
            if !matches!(self.has_none(filter).await, Ok(true)) {
                return false;
            }
        }
        true
    }

    async fn has_none(&self, filter: &str) -> Result<bool, RemoteError> {
        let mut next = self.read.saturating_add(1);
        for _ in 0..MAX_STEPS {
            let message = found(self.stream.get_first_raw_message_by_subject(filter, next).await)?;
            let Some(message) = message.filter(|message| message.sequence <= self.last_revision) else {
                return Ok(true);
            };
            if !self.only_last || self.is_due(message.subject.as_str()).await? {
                return Ok(false);
            }
            next = message.sequence + 1;
        }
        Ok(false)
    }

    /// Whether the last entry on this subject was there at the beginning.
    async fn is_due(&self, subject: &str) -> Result<bool, RemoteError> {
        let last = found(self.stream.get_last_raw_message_by_subject(subject).await)?;
        Ok(last.is_some_and(|last| last.sequence > self.read && last.sequence <= self.last_revision))
    }
}

impl AsyncStream for RemoteMessages {
    type Item = Result<Message, RemoteError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        loop {
            let arrived = ready!(Pin::new(&mut this.messages).poll_next(cx));
            // What was asked is about the message before.
            this.check = None;
            let item = arrived.map_or(Err(RemoteError::Ended), message);
            match &item {
                // A consumer that is made anew before its first message begins at the start of the stream. [async-nats 0.51]
                Ok(message) if message.stored.revision <= this.rest.read => continue,
                Ok(message) => this.rest.read = message.stored.revision,
                Err(_) => this.is_over = true,
            }
            return Poll::Ready(Some(item));
        }
    }
}

impl Messages for RemoteMessages {
    type Error = RemoteError;

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let rest = &self.rest;
            let check = self.check.get_or_insert_with(|| {
                let rest = rest.clone();
                Box::pin(async move {
                    sleep(QUIET).await;
                    rest.is_none().await
                })
            });
            let is_idle = ready!(check.as_mut().poll(cx));
            self.check = None;
            if is_idle {
                return Poll::Ready(());
            }
        }
    }
}

fn message(arrived: Result<Delivered, OrderedError>) -> Result<Message, RemoteError> {
    let delivered = arrived.map_err(RemoteError::Watch)?;
    let info = delivered.info().map_err(RemoteError::Malformed)?;
    let (revision, created, pending) = (info.stream_sequence, info.published, info.pending);
    let async_nats::Message { subject, payload: value, headers, .. } = delivered.message;
    let operation = headers.as_ref().map_or(Operation::Put, operation);
    let stored = Stored { revision, created, operation, value };
    Ok(Message { subject: Subject::from(subject.as_str()), stored, pending })
}

impl fmt::Debug for RemoteMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteMessages").field("rest", &self.rest).finish_non_exhaustive()
    }
}

/// How long nothing comes before it is asked whether something is left.
const QUIET: Duration = Duration::from_millis(200);
/// Entries of the past that one question looks at, per pattern.
const MAX_STEPS: usize = 64;
