//! Several messages in a row: a read of a stream without a consumer. [reference §6.1: batch]

use embus_storage::error::StorageError;
use embus_storage::log::{Locator, Log};
use embus_storage::message::StoredMessage;

use crate::api::direct::reply::Status;
use crate::api::direct::sender::{Bounds, Sender};
use crate::api::fetch::{Start, read_one};
use crate::api::selector::Selector;
use crate::engine::Engine;
use crate::stream::{Stream, Witness};
use crate::sync::Arc;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    filter: Option<Vec<u8>>,
    start: Start,
    bounds: Bounds,
    no_headers: bool,
}

impl Batch {
    pub(super) fn new(selector: &Selector) -> Self {
        let filter = &selector.next_by_subject;
        Self {
            filter: (!filter.is_empty()).then(|| filter.clone().into_bytes()),
            start: selector.start(),
            // A negative number of messages is none.
            bounds: Bounds { messages: u64::try_from(selector.batch).unwrap_or(0), max_bytes: selector.max_bytes },
            no_headers: selector.no_headers,
        }
    }
}

/// The part of a stream that a batch reads: what was there when it was asked for.
struct Cursor {
    filter: Option<Vec<u8>>,
    next: u64,
    last: u64,
}

/// Requests for several messages that may wait for their turn.
const MAX_WAITING: usize = 1000;

/// Messages that are looked up under one lock.
const CHUNK: usize = 64;

/// Sequences that are counted under one lock.
const COUNTED: u64 = 1 << 18;

/// Looks up what there is; a job sends it once it is durable.
pub(super) fn start(engine: &Arc<Engine>, stream: &Arc<Stream>, reply: &[u8], batch: Batch) {
    let sender = Sender::new(engine, stream, reply, batch.no_headers, batch.bounds);
    let witness = stream.witness();
    let cursor = stream.look(|core| Cursor::new(core.log_mut(), batch.filter, batch.start));
    after_commit(&witness, sender, move |sender| match cursor {
        Ok(cursor) => send(sender, cursor),
        Err(error) => fail(sender, &error),
    });
}

/// Runs `send` as a job when all that the stream holds now is durable.
pub(super) fn after_commit(witness: &Witness, sender: Sender, send: impl FnOnce(Sender) + Send + 'static) {
    witness.after_commit(Box::new(move |committed| match (committed, sender.engine().reads().cloned()) {
        (Ok(()), Some(jobs)) if jobs.waiting() >= MAX_WAITING => sender.refuse(Status::TooManyRequests),
        (Ok(()), Some(jobs)) => jobs.spawn(Box::new(move || {
            if sender.is_wanted() {
                send(sender);
            }
        })),
        (Ok(()), None) => send(sender),
        (Err(_), _) => sender.refuse(Status::StoreFailed),
    }));
}

pub(super) fn fail(sender: Sender, error: &StorageError) {
    tracing::warn!(stream = sender.stream().name(), %error, "a direct get failed");
    sender.refuse(Status::StoreFailed);
}

fn send(mut sender: Sender, mut cursor: Cursor) {
    let count = cursor.count(sender.stream());
    if count == 0 && !sender.is_full() {
        return sender.refuse(Status::NotFound);
    }
    sender.expect(count, None);
    while !sender.is_full() {
        let stream = Arc::clone(sender.stream());
        let chunk = match stream.look(|core| cursor.look_up(core.log_mut())) {
            Ok(chunk) if chunk.is_empty() => break,
            Ok(chunk) => chunk,
            Err(error) => return fail(sender, &error),
        };
        let read = |(sequence, locator): (u64, Locator)| read_or_skip(&stream, sequence, &locator);
        sender.send_all(chunk.into_iter().map(read));
    }
    sender.finish();
}

/// A batch goes on without what can't be read.
fn read_or_skip(stream: &Arc<Stream>, sequence: u64, locator: &Locator) -> Option<StoredMessage> {
    read_one(stream, sequence, locator).unwrap_or_else(|error| {
        tracing::warn!(stream = stream.name(), sequence, %error, "a message could not be read");
        None
    })
}

impl Cursor {
    fn new(log: &mut Log, filter: Option<Vec<u8>>, start: Start) -> Result<Self, StorageError> {
        let next = start.resolve(log)?.max(log.first_sequence());
        Ok(Self { filter, next, last: log.last_sequence() })
    }

    /// How many messages it reads, counted a part at a time: publishers wait meanwhile.
    fn count(&self, stream: &Stream) -> u64 {
        if !self.is_valid() {
            return 0;
        }
        let (mut count, mut from) = (0, self.next);
        while from <= self.last {
            let up_to = from.saturating_add(COUNTED - 1).min(self.last);
            count += self.with_filters(|filters| stream.look(|core| core.log_mut().count_within(filters, from, up_to)));
            from = up_to.saturating_add(1);
        }
        count
    }

    fn is_valid(&self) -> bool {
        self.filter.as_ref().is_none_or(|filter| embus_protocol::filter::is_valid_filter(filter))
    }

    fn with_filters<T>(&self, act: impl FnOnce(&[&[u8]]) -> T) -> T {
        match &self.filter {
            Some(filter) => act(&[filter]),
            None => act(&[]),
        }
    }

    /// The next messages; none at the end.
    fn look_up(&mut self, log: &mut Log) -> Result<Vec<(u64, Locator)>, StorageError> {
        let mut found = Vec::with_capacity(CHUNK);
        while found.len() < CHUNK && self.next <= self.last {
            let next = self.next;
            match self.with_filters(|filters| log.next(filters, next))? {
                Some((sequence, locator)) if sequence <= self.last => {
                    found.push((sequence, locator));
                    // Behind the last number of all there is none.
                    let Some(next) = sequence.checked_add(1) else { break };
                    self.next = next;
                }
                _ => break,
            }
        }
        Ok(found)
    }
}
