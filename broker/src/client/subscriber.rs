//! A subscription as a stream of messages.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use embus_engine::{LocalClient, LocalSubscription, QueueBounds};
use embus_protocol::limits::DEFAULT_MAX_PENDING_BYTES;
use futures_core::Stream;
use tokio::task::coop;

use super::kinds::{Closed, UnsubscribeError};
use super::message::Message;

/// The messages of one subscription, in the order in which each publisher sent them. Ends when the subscription does.
///
/// # Slow subscribers
/// Up to 65,536 messages or 64 MiB may wait to be read. Publishers in the process pause a little (10 ms at most per
/// message) when a lot waits; if the subscriber still does not keep up, the newest messages are dropped and
/// [counted](Subscriber::dropped), as async-nats does. Nobody else loses anything.
///
/// # Ends
/// Dropping a subscriber ends the subscription and frees what waits. After [`unsubscribe`](Subscriber::unsubscribe),
/// [`drain`](Subscriber::drain), the drain of the client, or the stop of the broker, what waits can still be read, then
/// the stream ends. A subscriber works on when all handles of its [`Client`](super::Client) are gone.
pub struct Subscriber {
    subscription: LocalSubscription,
    /// Keeps the client attached as long as something is subscribed.
    local: Arc<LocalClient>,
    malformed_headers: u64,
}

/// What may wait for one subscriber: as many messages as async-nats keeps, as many bytes as a connection may have
/// pending.
pub(super) const QUEUE_BOUNDS: QueueBounds = QueueBounds { messages: 65_536, bytes: DEFAULT_MAX_PENDING_BYTES };

impl Subscriber {
    pub(super) fn new(subscription: LocalSubscription, local: Arc<LocalClient>) -> Self {
        Self { subscription, local, malformed_headers: 0 }
    }

    /// Ends the subscription at once. What was delivered before can still be read.
    ///
    /// Cancel-safe: done when first polled.
    ///
    /// # Errors
    /// The client was drained or the broker has stopped; the subscription has ended already.
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn unsubscribe(&mut self) -> Result<(), UnsubscribeError> {
        self.while_open(LocalSubscription::unsubscribe)
    }

    /// Ends the subscription once it got `unsub_after` messages, counted from its beginning; at once, if it has them.
    ///
    /// Cancel-safe: done when first polled.
    ///
    /// # Errors
    /// The client was drained or the broker has stopped; the subscription has ended already.
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn unsubscribe_after(&mut self, unsub_after: u64) -> Result<(), UnsubscribeError> {
        self.while_open(|subscription| subscription.unsubscribe_after(unsub_after))
    }

    /// Ends the subscription; the stream yields what was delivered before, then ends.
    ///
    /// Cancel-safe: done when first polled.
    ///
    /// # Errors
    /// The client was drained or the broker has stopped; the subscription has ended already.
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn drain(&mut self) -> Result<(), UnsubscribeError> {
        self.while_open(LocalSubscription::unsubscribe)
    }

    /// How many messages this subscriber lost because it did not keep up. Not in async-nats.
    pub fn dropped(&self) -> u64 {
        self.subscription.dropped()
    }

    /// How many messages it yielded without their headers because these were not `NATS/1.0`. Not in async-nats.
    pub fn malformed_headers(&self) -> u64 {
        self.malformed_headers
    }

    fn while_open(&self, act: impl FnOnce(&LocalSubscription)) -> Result<(), UnsubscribeError> {
        if self.local.is_closed() {
            return Err(Closed.into());
        }
        act(&self.subscription);
        Ok(())
    }
}

/// Yields a message, takes part in tokio's cooperative scheduling, and is cancel-safe: a dropped `next()` loses nothing.
impl Stream for Subscriber {
    type Item = Message;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let this = self.get_mut();
        let budget = ready!(coop::poll_proceed(cx));
        let next = ready!(this.subscription.poll_next(cx));
        budget.made_progress();
        let Some(message) = next else { return Poll::Ready(None) };
        Poll::Ready(Some(Message::from_engine(message, &mut this.malformed_headers)))
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("client_id", &self.local.id().0).finish_non_exhaustive()
    }
}
