//! SUB and UNSUB.

use embus_protocol::error::ClientError;
use embus_protocol::filter;

use super::Session;
use crate::reserved::CLOSED_QUEUE;
use crate::subscription::{Sid, Subscription};
use crate::sync::Arc;
use crate::worker::Worker;

impl Session {
    /// The checks stand in nats-server's order: what is wrong first is named.
    pub(super) fn handle_subscribe(&self, worker: &mut Worker, subject: &[u8], queue: Option<&[u8]>, sid: &[u8]) {
        if let Some(queue) = queue.filter(|queue| *queue == CLOSED_QUEUE) {
            let (subject, queue) = (subject.into(), queue.into());
            return self.reply_err(worker, &ClientError::QueueSubscriptionPermission { subject, queue });
        }
        match self.subscribe(subject, queue, sid) {
            Ok(()) => self.reply_ok(worker),
            Err(error) => self.reply_err(worker, &error),
        }
    }

    fn subscribe(&self, subject: &[u8], queue: Option<&[u8]>, sid: &[u8]) -> Result<(), ClientError> {
        let mut held = self.connection.subscriptions().lock();
        let limit = self.max_subscriptions;
        if held.len() >= limit {
            return Err(ClientError::MaximumSubscriptionsExceeded);
        }
        if held.get(sid).is_some() {
            // A sid in use keeps its first meaning. [reference §1.3]
            return Ok(());
        }
        if !filter::is_valid_filter(subject) {
            return Err(ClientError::InvalidSubject);
        }
        if let Some(rights) = &self.rights
            && !rights.may_subscribe(subject, queue)
        {
            return Err(refused_subscription(subject, queue));
        }
        let connection = Arc::clone(&self.connection);
        let subscription = Arc::new(Subscription::new(Sid::from(sid), Arc::from(subject), queue, connection, None));
        held.insert(Arc::clone(&subscription));
        drop(held);
        self.router.subscribe(subscription);
        Ok(())
    }

    /// Without a number, or with one that is already reached, the subscription ends now. [reference §1.3]
    pub(super) fn handle_unsubscribe(&mut self, worker: &mut Worker, sid: &[u8], max: Option<u64>) {
        if let Some(subscription) = self.take_subscription(sid, max) {
            self.take_back(&[subscription]);
        }
        self.reply_ok(worker);
    }

    /// Takes out the subscription that ends now.
    fn take_subscription(&self, sid: &[u8], max: Option<u64>) -> Option<Arc<Subscription>> {
        let mut held = self.connection.subscriptions().lock();
        let ends = held.get(sid).filter(|subscription| max.is_none_or(|max| subscription.limit(max)));
        let sid = ends?.sid().clone();
        held.remove(&sid)
    }
}

fn refused_subscription(subject: &[u8], queue: Option<&[u8]>) -> ClientError {
    let subject = subject.into();
    match queue {
        None => ClientError::SubscriptionPermission { subject },
        Some(queue) => ClientError::QueueSubscriptionPermission { subject, queue: queue.into() },
    }
}
