//! All messages of a consumer, asked for ahead of being read.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use embus_protocol::headers::HeaderValue;
use embus_protocol::subject::Subject;
use futures_core::Stream as AsyncStream;
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Sleep, sleep};

use super::status::{self, Arrival};
use super::{BatchConfig, Config, MessagesError, MessagesErrorKind};
use crate::client::message::Message as ClientMessage;
use crate::jetstream::Message;
use crate::jetstream::consumer::temporary::Temporary;
use crate::jetstream::consumer::{Consumer, PriorityPolicy, StreamError, StreamErrorKind};
use crate::{SubscribeError, Subscriber};

/// All messages from where the consumer stands, and those to come; see [`Consumer::messages`].
///
/// Asks for more when half of what it asked for has come. Ends with an error when the consumer is gone: never silently.
/// Differs from async-nats: no task works for it, and nothing is asked for while it is not polled.
pub struct Stream {
    consumer: Consumer<Config>,
    subscriber: Subscriber,
    inbox: Subject,
    request: BatchConfig,
    /// What was asked for and has not come yet.
    pending: Pending,
    /// Messages and statuses that were lost and told of.
    lost: u64,
    /// Requests were refused: nothing is asked for until it is over.
    pause: Option<Pin<Box<Sleep>>>,
    /// The id that the broker gave this client, if the consumer pins one.
    pin_id: Option<String>,
    is_over: bool,
    _keeps: Option<Arc<Temporary>>,
}

#[derive(Debug, Default)]
struct Pending {
    messages: usize,
    bytes: usize,
}

/// Between two requests that are refused.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

impl Stream {
    pub(super) async fn begin(consumer: &Consumer<Config>, request: BatchConfig) -> Result<Self, StreamError> {
        let client = consumer.context.client();
        let inbox = Subject::from(client.new_inbox());
        let other = |error| StreamError::with_source::<SubscribeError>(StreamErrorKind::Other, error);
        let subscriber = client.subscribe(inbox.clone()).await.map_err(other)?;
        Ok(Self {
            consumer: consumer.clone(),
            subscriber,
            inbox,
            request: BatchConfig { batch: request.batch.max(1), ..request },
            pending: Pending::default(),
            lost: 0,
            pause: None,
            pin_id: None,
            is_over: false,
            _keeps: consumer.temporary.clone(),
        })
    }

    /// Asks for more once half has come.
    fn ask(&mut self) -> Result<(), MessagesError> {
        let few_bytes = self.request.max_bytes > 0 && self.pending.bytes <= self.request.max_bytes / 2;
        if self.pending.messages > self.request.batch / 2 && !few_bytes {
            return Ok(());
        }
        let sent = self.consumer.request(&self.request, self.pin_id.as_deref(), self.inbox.clone());
        sent.map_err(|error| MessagesError::with_source(MessagesErrorKind::Pull, error))?;
        self.pending.messages += self.request.batch;
        self.pending.bytes += self.request.max_bytes;
        Ok(())
    }

    fn poll_arrival(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Message, MessagesError>>> {
        loop {
            if !self.is_pausing(cx) {
                self.ask()?;
            }
            let Poll::Ready(message) = Pin::new(&mut self.subscriber).poll_next(cx) else { return self.poll_lost() };
            let Some(message) = message else { return Poll::Ready(None) };
            match Arrival::of(message) {
                Arrival::Message(message) => return Poll::Ready(Some(Ok(self.took(message)))),
                Arrival::Heartbeat => {}
                Arrival::Ended { messages, bytes, unpinned } => self.note_end(messages, bytes, unpinned),
                Arrival::Refused { messages, bytes, why } => {
                    self.note_end(messages, bytes, false);
                    if messages.is_none_or(|left| left >= self.request.batch) {
                        // The next request would be refused as well, just now.
                        self.pause = Some(Box::pin(sleep(REFUSED_PAUSE)));
                        if self.pending.messages == 0 {
                            return Poll::Ready(Some(Err(why)));
                        }
                    }
                }
                Arrival::Over(error) => {
                    self.is_over = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Arrival::Failed(error) => {
                    // Where nobody answers, nothing of this request will come.
                    self.note_end(None, None, false);
                    self.is_over = error.kind() == MessagesErrorKind::NoResponders;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    /// Whether nothing is to be asked for just now.
    fn is_pausing(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let is_pausing = self.pause.as_mut().is_some_and(|pause| pause.as_mut().poll(cx).is_pending());
        if !is_pausing {
            self.pause = None;
        }
        is_pausing
    }

    /// Whether something was lost that it waits for: nothing of what was asked for before is waited for any more.
    fn poll_lost(&mut self) -> Poll<Option<Result<Message, MessagesError>>> {
        if !has_budget_remaining() {
            // There may be more to read: it is tokio that wants others to have their turn.
            return Poll::Pending;
        }
        let before = std::mem::replace(&mut self.lost, self.subscriber.dropped());
        if self.lost == before {
            return Poll::Pending;
        }
        self.pending = Pending::default();
        Poll::Ready(Some(Err(status::lost(self.lost - before))))
    }

    fn note_end(&mut self, messages: Option<usize>, bytes: Option<usize>, unpinned: bool) {
        let Pending { messages: due, bytes: due_bytes } = &mut self.pending;
        *due = due.saturating_sub(messages.unwrap_or(self.request.batch));
        *due_bytes = due_bytes.saturating_sub(bytes.unwrap_or(self.request.max_bytes));
        if unpinned {
            self.pin_id = None;
        }
    }

    fn took(&mut self, message: ClientMessage) -> Message {
        self.pending.messages = self.pending.messages.saturating_sub(1);
        self.pending.bytes = self.pending.bytes.saturating_sub(message.length);
        if self.consumer.config.priority_policy == PriorityPolicy::PinnedClient {
            // A publisher may have set that header, too: the broker's comes last.
            let id = message.headers.as_ref().and_then(|headers| headers.get_last("Nats-Pin-Id"));
            if let Some(id) = id.map(HeaderValue::as_str).filter(|id| self.pin_id.as_deref() != Some(id)) {
                self.pin_id = Some(id.to_owned());
            }
        }
        Message { message, context: self.consumer.context.clone() }
    }
}

impl AsyncStream for Stream {
    type Item = Result<Message, MessagesError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        let polled = this.poll_arrival(cx);
        this.is_over |= matches!(polled, Poll::Ready(None));
        polled
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("pending", &self.pending).finish_non_exhaustive()
    }
}
