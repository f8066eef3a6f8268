//! The reading end of an in-process subscription.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use crate::local_queue::LocalQueue;
use crate::message::Message;
use crate::router::Router;
use crate::subscription::Subscription;
use crate::sync::Arc;

/// An in-process subscription. Dropping it takes the interest back and frees what waits.
#[derive(Debug)]
pub struct LocalSubscription {
    router: Arc<Router>,
    subscription: Arc<Subscription>,
    queue: Arc<LocalQueue>,
    /// Messages taken out of the queue in one go and not yet read.
    taken: VecDeque<Message>,
}

impl LocalSubscription {
    pub(crate) fn new(router: Arc<Router>, subscription: Arc<Subscription>, queue: Arc<LocalQueue>) -> Self {
        Self { router, subscription, queue, taken: VecDeque::new() }
    }

    /// The next message; `None` when the subscription ended and everything was read.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        if let Some(message) = self.taken.pop_front() {
            return Poll::Ready(Some(message));
        }
        let more = ready!(self.queue.poll_take(cx, &mut self.taken));
        Poll::Ready(if more { self.taken.pop_front() } else { None })
    }

    /// Takes the interest back. What waits may still be read, then the subscription ends.
    pub fn unsubscribe(&self) {
        {
            let mut held = self.subscription.connection().subscriptions().lock();
            if held.get(self.subscription.sid().as_bytes()).is_some_and(|held| Arc::ptr_eq(held, &self.subscription)) {
                held.remove(self.subscription.sid());
            }
        }
        self.router.unsubscribe(&self.subscription);
        self.queue.close();
    }

    /// Takes the interest back; what waits is still read out. In-process there is nothing else to wait for.
    pub fn drain(&self) {
        self.unsubscribe();
    }

    /// Ends the subscription after `max` deliveries, counted from its start. [NATS client protocol: UNSUB]
    pub fn unsubscribe_after(&self, max: u64) {
        if self.subscription.limit(max) {
            self.unsubscribe();
        }
    }

    /// Messages that were lost because too many waited; the newest are dropped.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// Messages delivered so far, the lost ones among them.
    pub fn delivered(&self) -> u64 {
        self.subscription.delivered()
    }
}

impl Drop for LocalSubscription {
    fn drop(&mut self) {
        self.unsubscribe();
        self.queue.discard();
    }
}
