//! A reader that takes nothing for a while, for tests: its own way of reading goes on once the hold is dropped.

use crate::connection::ClientId;
use crate::engine::Engine;
use crate::local_queue::LocalQueue;
use crate::outbox::Outbox;
use crate::sink::Sink;
use crate::sync::Arc;

/// Keeps one client from reading until it is dropped. What comes for the client waits, within the usual bounds.
#[derive(Debug)]
#[must_use = "the client reads on when this is dropped"]
pub struct Hold(Held);

#[derive(Debug)]
enum Held {
    Wire(Arc<Outbox>),
    /// The subscriptions that an in-process client had.
    Local(Vec<Arc<LocalQueue>>),
}

impl Engine {
    /// Keeps a client from reading, as if its socket took nothing; nothing, if there is no such client. In-process clients
    /// have a queue for each subscription: held are those that are there now.
    pub fn hold(&self, id: ClientId) -> Option<Hold> {
        let connection = self.connection(id)?;
        if let Some(outbox) = connection.outbox() {
            outbox.hold();
            return Some(Hold(Held::Wire(Arc::clone(outbox))));
        }
        let subscriptions = connection.subscriptions().lock();
        let queues = subscriptions.iter().filter_map(|subscription| match subscription.sink() {
            Sink::Local(queue) => Some(Arc::clone(queue)),
            _ => None,
        });
        let queues: Vec<_> = queues.inspect(|queue| queue.hold()).collect();
        Some(Hold(Held::Local(queues)))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        match &self.0 {
            Held::Wire(outbox) => outbox.release(),
            Held::Local(queues) => queues.iter().for_each(|queue| queue.release()),
        }
    }
}
