//! Where a subscription ends.

use crate::local_queue::LocalQueue;
use crate::outbox::Outbox;
use crate::sync::Arc;

/// The end of a subscription.
#[derive(Debug, Clone)]
pub enum Sink {
    /// A wire connection: messages are encoded.
    Wire(Arc<Outbox>),
    /// An in-process subscriber: messages are handed over by reference count.
    Local(Arc<LocalQueue>),
}
