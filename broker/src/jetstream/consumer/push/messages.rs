//! The messages of a push consumer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use embus_protocol::headers::HeaderMap;
use embus_protocol::status::StatusCode;
use futures_core::Stream as AsyncStream;
use tokio::time::{Instant, Sleep, sleep};

use super::{Config, MessagesError, MessagesErrorKind};
use crate::client::message::Message as ClientMessage;
use crate::jetstream::Message;
use crate::jetstream::consumer::temporary::Temporary;
use crate::jetstream::consumer::{Consumer, Info, IntoConsumerConfig, StreamError, StreamErrorKind};
use crate::jetstream::context::Context;
use crate::{SubscribeError, Subscriber};

/// The messages that a push consumer sends. Ends with an error when the consumer is gone: never silently.
pub struct Messages {
    inbox: Inbox,
}

impl Consumer<Config> {
    /// Listens to what the consumer sends; with others of its queue group, if it has one.
    ///
    /// # Errors
    /// See [`StreamErrorKind`](crate::jetstream::consumer::StreamErrorKind).
    pub async fn messages(&self) -> Result<Messages, StreamError> {
        Ok(Messages { inbox: Inbox::open(self).await? })
    }
}

impl AsyncStream for Messages {
    type Item = Result<Message, MessagesError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        loop {
            return match self.inbox.poll(cx) {
                Poll::Ready(Some(Ok(Arrival::Heartbeat { .. }))) => continue,
                Poll::Ready(Some(Ok(Arrival::Message(message)))) => Poll::Ready(Some(Ok(message))),
                Poll::Ready(Some(Err(kind))) => Poll::Ready(Some(Err(error_of(kind)))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            };
        }
    }
}

/// What a push consumer sent. Mostly it is a message: boxing those would cost more than the room they take.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "messages are the common case")]
pub(super) enum Arrival {
    Message(Message),
    /// It is there, and its last delivery had this number.
    Heartbeat {
        consumer_sequence: Option<u64>,
    },
}

/// Where a push consumer sends to, and what tells of its end.
pub(super) struct Inbox {
    context: Context,
    subscriber: Subscriber,
    /// That the consumer was deleted, or its stream.
    endings: [Subscriber; 2],
    /// Half of how long the consumer may be silent.
    heartbeat: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    is_over: bool,
    _consumer: Option<Arc<Temporary>>,
}

impl Inbox {
    pub(super) async fn open<C: IntoConsumerConfig>(consumer: &Consumer<C>) -> Result<Self, StreamError> {
        let other = |error: SubscribeError| StreamError::with_source(StreamErrorKind::Other, error);
        let Consumer { context, info, temporary, .. } = consumer;
        let missing = || StreamError::with_source(StreamErrorKind::Other, "the consumer sends to no subject");
        let subject = info.config.deliver_subject.clone().ok_or_else(missing)?;
        let client = context.client();
        let endings = [client.subscribe(deleted(info)).await, client.subscribe(stream_deleted(info)).await];
        let subscriber = match info.config.deliver_group.clone() {
            Some(group) => client.queue_subscribe(subject, group).await,
            None => client.subscribe(subject).await,
        };
        let [consumer_gone, stream_gone] = endings;
        Ok(Self {
            context: context.clone(),
            subscriber: subscriber.map_err(other)?,
            endings: [consumer_gone.map_err(other)?, stream_gone.map_err(other)?],
            heartbeat: info.config.idle_heartbeat,
            silence: None,
            is_over: false,
            _consumer: temporary.clone(),
        })
    }

    /// What came; what is there is read before an end is told.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Arrival, MessagesErrorKind>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        while let Poll::Ready(message) = Pin::new(&mut self.subscriber).poll_next(cx) {
            let Some(message) = message else {
                // The broker has stopped.
                self.is_over = true;
                return Poll::Ready(Some(Err(MessagesErrorKind::Other)));
            };
            self.heard();
            if let Some(arrival) = self.arrival(message) {
                return Poll::Ready(Some(Ok(arrival)));
            }
        }
        if self.endings.iter_mut().any(|ending| Pin::new(ending).poll_next(cx).is_ready()) {
            self.is_over = true;
            return Poll::Ready(Some(Err(MessagesErrorKind::ConsumerDeleted)));
        }
        if self.is_silent(cx) {
            return Poll::Ready(Some(Err(MessagesErrorKind::MissingHeartbeat)));
        }
        Poll::Pending
    }

    fn arrival(&self, message: ClientMessage) -> Option<Arrival> {
        match message.status {
            None => Some(Arrival::Message(Message { message, context: self.context.clone() })),
            Some(StatusCode::IDLE_HEARTBEAT) => {
                let headers = message.headers.as_ref();
                let stalled = number_or_text(headers, "Nats-Consumer-Stalled");
                if let Some(subject) = message.reply.as_deref().or(stalled) {
                    // What was sent has been read: the consumer may send more. A broker that has stopped sends no more.
                    let _ = self.context.client().publish_now(subject.into(), None, Bytes::new());
                }
                let consumer_sequence =
                    number_or_text(headers, "Nats-Last-Consumer").and_then(|text| text.parse().ok());
                Some(Arrival::Heartbeat { consumer_sequence })
            }
            Some(status) => {
                tracing::debug!(%status, "a push consumer sent a status that means nothing here");
                None
            }
        }
    }

    /// The consumer sent something: the time of its silence begins anew.
    fn heard(&mut self) {
        let limit = self.heartbeat.saturating_mul(2);
        if let Some(silence) = &mut self.silence {
            silence.as_mut().reset(Instant::now() + limit);
        }
    }

    fn is_silent(&mut self, cx: &mut TaskContext<'_>) -> bool {
        if self.heartbeat.is_zero() {
            return false;
        }
        let limit = self.heartbeat.saturating_mul(2);
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(limit)));
        let is_over = silence.as_mut().poll(cx).is_ready();
        if is_over {
            self.silence = None;
        }
        is_over
    }
}

/// The error with what caused it.
pub(super) fn error_of(kind: MessagesErrorKind) -> MessagesError {
    match kind {
        // Nothing else ends an inbox.
        MessagesErrorKind::Other => MessagesError::with_source(kind, "the broker stops"),
        _ => kind.into(),
    }
}

fn number_or_text<'a>(headers: Option<&'a HeaderMap>, name: &str) -> Option<&'a str> {
    Some(headers?.get_last(name)?.as_str())
}

fn deleted(info: &Info) -> String {
    format!("$JS.EVENT.ADVISORY.CONSUMER.DELETED.{}.{}", info.stream_name, info.name)
}

fn stream_deleted(info: &Info) -> String {
    format!("$JS.EVENT.ADVISORY.STREAM.DELETED.{}", info.stream_name)
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}
