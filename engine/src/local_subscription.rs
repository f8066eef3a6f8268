//! The reading end of an in-process subscription.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use crate::engine::Engine;
use crate::local_queue::LocalQueue;
use crate::message::Message;
use crate::router::Router;
use crate::subscription::Subscription;
use crate::sync::Arc;

/// An in-process subscription. Dropping it takes the interest back and frees what waits.
#[derive(Debug)]
pub struct LocalSubscription {
    engine: Arc<Engine>,
    router: Arc<Router>,
    subscription: Arc<Subscription>,
    queue: Arc<LocalQueue>,
    /// Messages taken out of the queue in one go and not yet read.
    taken: VecDeque<Message>,
    /// Of those, what was read and not yet counted.
    read_messages: u64,
    read_bytes: u64,
}

impl LocalSubscription {
    pub(crate) fn new(
        engine: Arc<Engine>,
        router: Arc<Router>,
        subscription: Arc<Subscription>,
        queue: Arc<LocalQueue>,
    ) -> Self {
        Self { engine, router, subscription, queue, taken: VecDeque::new(), read_messages: 0, read_bytes: 0 }
    }

    /// The next message; `None` when the subscription ended and everything was read.
    #[inline]
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        if self.taken.is_empty() && !ready!(self.poll_take(cx)) {
            return Poll::Ready(None);
        }
        let message = self.taken.pop_front();
        if let Some(message) = &message {
            self.read_messages += 1;
            self.read_bytes += message.body_len() as u64;
        }
        if self.taken.is_empty() {
            // Now and not at the next call, which may never come: the figures are right when the last was read.
            self.count_read();
            self.queue.finish_read();
        }
        Poll::Ready(message)
    }

    /// Takes what waits; when nothing does and the interest is gone, ends the queue behind the last turn of before.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let taken = self.queue.poll_take(cx, &mut self.taken);
        if taken.is_ready() || !self.subscription.is_closed() {
            return taken;
        }
        let Some(grace) = self.queue.ending() else { return Poll::Pending };
        ready!(self.engine.workers().turns.poll_passed(grace, cx));
        self.queue.finish();
        self.queue.poll_take(cx, &mut self.taken)
    }

    fn count_read(&mut self) {
        if self.read_messages > 0 {
            let (messages, bytes) = (std::mem::take(&mut self.read_messages), std::mem::take(&mut self.read_bytes));
            self.engine.count_read(self.subscription.connection(), messages, bytes);
        }
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
        // Turns that began before may have messages staged for the queue: its end comes behind them.
        self.queue.end_after(self.engine.workers().turns.start_grace());
    }

    /// Takes the interest back; what waits is still read out. In-process there is nothing else to wait for.
    pub fn drain(&self) {
        self.unsubscribe();
    }

    /// Ends the subscription after `max` deliveries, counted from its start. [NATS client protocol: UNSUB]
    pub fn unsubscribe_after(&self, max: u64) {
        self.queue.close_after(max);
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
        self.count_read();
        self.unsubscribe();
        self.queue.discard();
    }
}
