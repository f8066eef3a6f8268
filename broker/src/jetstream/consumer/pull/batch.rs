//! One batch of messages.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use embus_protocol::subject::Subject;
use futures_core::Stream as AsyncStream;
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Sleep, sleep};

use super::status::{self, Arrival};
use super::{BatchConfig, BatchError, Config};
use crate::Subscriber;
use crate::jetstream::Message;
use crate::jetstream::consumer::Consumer;
use crate::jetstream::consumer::temporary::Temporary;
use crate::jetstream::context::Context;

/// One batch of messages: ends when it is complete, when there is nothing more to fetch, or when its time is over.
pub struct Batch {
    context: Context,
    subscriber: Subscriber,
    pending: usize,
    /// Something has come.
    has_some: bool,
    /// In case the end of the request gets lost.
    deadline: Option<Pin<Box<Sleep>>>,
    is_over: bool,
    _consumer: Option<Arc<Temporary>>,
}

/// How much longer than its request a batch waits. [async-nats]
const GRACE: Duration = Duration::from_secs(5);

impl Batch {
    pub(super) async fn begin(consumer: &Consumer<Config>, request: &BatchConfig) -> Result<Self, BatchError> {
        consumer.check_unpinned()?;
        let client = consumer.context.client();
        let inbox = Subject::from(client.new_inbox());
        let subscriber = client.subscribe(inbox.clone()).await?;
        consumer.request(request, None, inbox)?;
        Ok(Self {
            context: consumer.context.clone(),
            subscriber,
            pending: request.batch.max(1),
            has_some: false,
            deadline: request.expires.map(|expires| Box::pin(sleep(expires.saturating_add(GRACE)))),
            is_over: false,
            _consumer: consumer.temporary.clone(),
        })
    }

    fn poll_arrival(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Message, crate::Error>>> {
        loop {
            let Poll::Ready(message) = Pin::new(&mut self.subscriber).poll_next(cx) else { return self.poll_lost() };
            let Some(message) = message else { return Poll::Ready(None) };
            match Arrival::of(message) {
                Arrival::Message(message) => {
                    self.pending -= 1;
                    self.has_some = true;
                    return Poll::Ready(Some(Ok(Message { message, context: self.context.clone() })));
                }
                Arrival::Heartbeat => {}
                Arrival::Ended { .. } => return Poll::Ready(None),
                // What was asked for in bytes has come, as far as it fits.
                Arrival::Refused { .. } if self.has_some => return Poll::Ready(None),
                Arrival::Over(error) | Arrival::Failed(error) | Arrival::Refused { why: error, .. } => {
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
        }
    }

    /// Whether something was lost that it waits for.
    fn poll_lost(&self) -> Poll<Option<Result<Message, crate::Error>>> {
        match self.subscriber.dropped() {
            // Without budget there may be more to read: it is tokio that wants others to have their turn.
            _ if !has_budget_remaining() => Poll::Pending,
            0 => Poll::Pending,
            lost => Poll::Ready(Some(Err(status::lost(lost).into()))),
        }
    }
}

impl AsyncStream for Batch {
    type Item = Result<Message, crate::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over || this.pending == 0 {
            return Poll::Ready(None);
        }
        let mut polled = this.poll_arrival(cx);
        let deadline = this.deadline.as_mut();
        if polled.is_pending() && deadline.is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
            polled = Poll::Ready(None);
        }
        this.is_over = matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("pending", &self.pending).finish_non_exhaustive()
    }
}
