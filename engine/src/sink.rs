//! Where a subscription ends.

use std::sync::Weak;

use crate::local_queue::LocalQueue;
use crate::outbox::Outbox;
use crate::service::Service;
use crate::sharing::Crossing;
use crate::stream::Stream;
use crate::sync::Arc;

/// The end of a subscription.
#[derive(Debug, Clone, Copy)]
pub enum Sink<'a> {
    /// A wire connection: messages are encoded.
    Wire(&'a Arc<Outbox>),
    /// An in-process subscriber: messages are handed over by reference count.
    Local(&'a Arc<LocalQueue>),
    /// A stream: messages are stored.
    Stream(&'a Weak<Stream>),
    /// The broker itself: messages are requests.
    Service(&'a Arc<dyn Service>),
    /// Another account: messages go on there.
    Crossing(&'a Arc<Crossing>),
    /// Nobody takes them; only a subscription that was put together wrongly ends here.
    Nowhere,
}
