//! The last messages of many subjects, as they were at one point of the stream. [reference §6.1: `multi_last`]

use std::collections::BTreeSet;

use embus_storage::error::StorageError;
use embus_storage::log::Log;
use embus_storage::message::{StoredMessage, Timestamp};

use crate::api::direct::batch::{after_commit, fail};
use crate::api::direct::lasts;
use crate::api::direct::reply::Status;
use crate::api::direct::sender::{Bounds, Sender};
use crate::api::fetch::Query;
use crate::api::selector::Selector;
use crate::engine::Engine;
use crate::stream::Stream;
use crate::sync::Arc;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Multi {
    filters: BTreeSet<String>,
    up_to: UpTo,
    /// The first sequence that is sent.
    start: u64,
    bounds: Bounds,
}

/// The point of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UpTo {
    Now,
    Sequence(u64),
    /// Before this time.
    Time(Timestamp),
}

impl Multi {
    pub(super) fn new(selector: Selector) -> Self {
        let up_to = match selector.up_to_time {
            Some(time) => UpTo::Time(time.as_timestamp()),
            None if selector.up_to_sequence > 0 => UpTo::Sequence(selector.up_to_sequence),
            None => UpTo::Now,
        };
        let messages = u64::try_from(selector.batch).ok().filter(|batch| *batch > 0).unwrap_or(u64::MAX);
        Self {
            filters: selector.multi_last.into_iter().collect(),
            up_to,
            start: selector.sequence,
            bounds: Bounds { messages, max_bytes: selector.max_bytes },
        }
    }
}

impl UpTo {
    /// The last sequence that counts; 0 if none does. Differs from nats-server, which finds nothing in files when it is
    /// asked for more than there is.
    fn resolve(self, log: &mut Log) -> Result<u64, StorageError> {
        let last = log.last_sequence();
        match self {
            Self::Now => Ok(last),
            Self::Sequence(sequence) => Ok(sequence.min(last)),
            Self::Time(time) => Ok(log.sequence_at(time)?.saturating_sub(1).min(last)),
        }
    }
}

/// Finds the point; a job sends what there is once that is durable. Headers are always sent. [nats-server: `multi_last`]
pub(super) fn start(engine: &Arc<Engine>, stream: &Arc<Stream>, reply: &[u8], multi: Multi) {
    let sender = Sender::new(engine, stream, reply, false, multi.bounds);
    let witness = stream.witness();
    let up_to = stream.look(|core| multi.up_to.resolve(core.log_mut()));
    after_commit(&witness, sender, move |sender| match up_to {
        Ok(up_to) => send(sender, &multi, up_to),
        Err(error) => fail(sender, &error),
    });
}

fn send(mut sender: Sender, multi: &Multi, up_to: u64) {
    let stream = Arc::clone(sender.stream());
    let sequences = match lasts::gather(&stream, &multi.filters, up_to) {
        None => return sender.refuse(Status::TooManyResults),
        Some(sequences) if sequences.is_empty() => return sender.refuse(Status::NoResults),
        Some(sequences) => sequences,
    };
    let sequences: Vec<_> = sequences.range(multi.start..).copied().collect();
    sender.expect(sequences.len() as u64, Some(up_to));
    sender.send_all(sequences.into_iter().map(|sequence| read(&stream, sequence)));
    sender.finish();
}

fn read(stream: &Arc<Stream>, sequence: u64) -> Option<StoredMessage> {
    Query::Sequence(sequence).fetch(stream).unwrap_or_else(|error| {
        tracing::warn!(stream = stream.name(), sequence, %error, "a message could not be read");
        None
    })
}
