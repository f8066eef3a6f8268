//! What a client has sent and received since it was made.

use std::sync::atomic::{AtomicU64, Ordering};

use embus_engine::statistics::Traffic;

/// Totals over the life of a client, with the field names of async-nats.
///
/// Differs from async-nats: the figures are those of the moment when
/// [`Client::statistics`](super::Client::statistics) was called last, on any clone of the client.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Bytes received, of headers and payloads.
    pub in_bytes: AtomicU64,
    /// Bytes sent, counted in the same way.
    pub out_bytes: AtomicU64,
    /// Messages received by all subscriptions of the client.
    pub in_messages: AtomicU64,
    /// Messages sent, requests included.
    pub out_messages: AtomicU64,
    /// How many times a connection was established: always 1 in-process.
    pub connects: AtomicU64,
}

impl Statistics {
    /// Takes over the totals that the engine counted: what goes into the broker comes out of the client.
    pub(super) fn refresh(&self, traffic: &Traffic) {
        self.in_bytes.store(traffic.out_bytes, Ordering::Relaxed);
        self.out_bytes.store(traffic.in_bytes, Ordering::Relaxed);
        self.in_messages.store(traffic.out_msgs, Ordering::Relaxed);
        self.out_messages.store(traffic.in_msgs, Ordering::Relaxed);
        self.connects.store(1, Ordering::Relaxed);
    }
}
