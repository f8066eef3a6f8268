//! Sends the messages of a batch one after the other and knows when it is full.

use embus_storage::message::StoredMessage;

use crate::api::direct::deliver;
use crate::api::direct::reply::{Status, Tail, end_of_batch, write_head};
use crate::engine::Engine;
use crate::stream::Stream;
use crate::sync::Arc;
use crate::worker::Worker;

/// How much a batch may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Messages.
    pub(super) messages: u64,
    /// Bytes as the request has them: 0 for as many as allowed.
    pub(super) max_bytes: i64,
}

/// A batch on its way.
pub(super) struct Sender {
    engine: Arc<Engine>,
    stream: Arc<Stream>,
    reply: Vec<u8>,
    no_headers: bool,
    messages_left: u64,
    bytes_left: u64,
    /// Messages that could still come.
    pending: u64,
    /// The sequence that was sent last.
    previous: u64,
    up_to: Option<u64>,
}

/// Bytes that are sent in one turn.
const TURN_BYTES: usize = 256 * 1024;

impl Sender {
    pub(super) fn new(
        engine: &Arc<Engine>,
        stream: &Arc<Stream>,
        reply: &[u8],
        no_headers: bool,
        bounds: Bounds,
    ) -> Self {
        let limit = engine.limits().max_pending as u64;
        // More than a reader may leave waiting would only cut it; and less than nothing is used up with one message.
        let bytes_left =
            if bounds.max_bytes == 0 { limit } else { u64::try_from(bounds.max_bytes).unwrap_or(0).min(limit) };
        Self {
            engine: Arc::clone(engine),
            stream: Arc::clone(stream),
            reply: reply.to_vec(),
            no_headers,
            messages_left: bounds.messages,
            bytes_left,
            pending: 0,
            previous: 0,
            up_to: None,
        }
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(super) fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Says how many messages there are; and how far they were looked for, if that is to be told.
    pub(super) fn expect(&mut self, pending: u64, up_to: Option<u64>) {
        self.pending = pending;
        self.up_to = up_to;
    }

    /// Whether whoever asked is still there.
    pub(super) fn is_wanted(&self) -> bool {
        self.stream.router().is_some_and(|router| router.has_interest(&self.reply))
    }

    /// Whether no more are wanted.
    pub(super) fn is_full(&self) -> bool {
        self.messages_left == 0
    }

    /// Sends `messages` until they end or the batch is full; those that were expected and are not there count, too.
    pub(super) fn send_all(&mut self, mut messages: impl Iterator<Item = Option<StoredMessage>>) {
        let mut goes_on = true;
        while goes_on && !self.is_full() {
            let engine = Arc::clone(&self.engine);
            if !self.is_wanted() {
                self.messages_left = 0;
                return;
            }
            goes_on = engine.with_worker(|worker| self.send_some(&mut messages, worker));
        }
    }

    /// One turn; says whether there may be more.
    fn send_some(&mut self, messages: &mut impl Iterator<Item = Option<StoredMessage>>, worker: &mut Worker) -> bool {
        let mut sent = 0;
        while sent < TURN_BYTES && !self.is_full() {
            let Some(message) = messages.next() else { return false };
            self.pending = self.pending.saturating_sub(1);
            if let Some(message) = message {
                sent += message.payload.len() + message.headers.len();
                self.send(&message, worker);
            }
        }
        true
    }

    fn send(&mut self, message: &StoredMessage, worker: &mut Worker) {
        let mut headers = Vec::new();
        if !self.no_headers {
            write_head(&mut headers, self.stream.name(), &message.view());
            Tail::Batch { pending: self.pending, previous: self.previous }.write(&mut headers);
        }
        deliver(&self.stream, worker, &self.reply, &headers, &message.payload);
        self.previous = message.sequence;
        let size = message.subject.len() + message.headers.len() + message.payload.len();
        self.bytes_left = self.bytes_left.saturating_sub(size as u64);
        self.messages_left = if self.bytes_left == 0 { 0 } else { self.messages_left - 1 };
    }

    /// Ends the batch. Differs from nats-server, which counts none of the messages that were sent without headers.
    pub(super) fn finish(self) {
        let block = end_of_batch(self.pending, self.previous, self.up_to);
        self.send_block(&block);
    }

    /// Ends it with a status instead.
    pub(super) fn refuse(self, status: Status) {
        self.send_block(status.block());
    }

    fn send_block(&self, block: &[u8]) {
        self.engine.with_worker(|worker| deliver(&self.stream, worker, &self.reply, block, b""));
    }
}
