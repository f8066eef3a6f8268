//! What a consumer wants done, and what it has to see for that.

use bytes::Bytes;
use embus_storage::log::{Locator, Log, RemovalMark, Run};
use embus_storage::message::Timestamp;

use super::status::Status;

/// Tells who listens on a subject: members of the queue group, if one is given, else subscribers without one.
pub type Listening<'a> = dyn FnMut(&[u8], Option<&[u8]>) -> Readiness + 'a;

/// What a consumer sees of the world while it decides.
pub struct Scene<'a> {
    /// The messages of its stream.
    pub log: &'a mut Log,
    /// The last sequence that a finished commit covers: nothing behind it is delivered.
    pub visible: u64,
    /// Removals before it stay, whatever becomes of what is not committed; nothing if that is not known of any.
    pub settled: Option<RemovalMark>,
    /// The time.
    pub now: Timestamp,
    /// Differs from round to round, while time may stand still: interest is asked for once per round and destination. From
    /// 1.
    pub round: u64,
    /// Who listens.
    pub interest: &'a mut Listening<'a>,
}

impl std::fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { visible, now, round, .. } = self;
        f.debug_struct("Scene")
            .field("visible", visible)
            .field("now", now)
            .field("round", round)
            .finish_non_exhaustive()
    }
}

/// Whether messages can be sent to a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Nobody listens.
    Gone,
    /// Somebody listens who has to catch up first: the consumer is polled again when that has happened.
    Congested,
    /// Somebody listens.
    Ready,
}

/// Something to send, in order.
#[derive(Debug)]
pub enum Step {
    /// A message of the stream.
    Deliver(Deliver),
    /// Several.
    Run(DeliverRun),
    /// A status without a body.
    Status(Status),
}

/// A message of the stream to send. The consumer counts it as sent.
#[derive(Debug)]
pub struct Deliver {
    /// Where it goes; the subject it shows is its own.
    pub to: Bytes,
    /// Where it lies.
    pub locator: Locator,
    /// The number of this delivery.
    pub consumer_sequence: u64,
    /// How often it has been delivered, this time included.
    pub deliveries: u64,
    /// Messages that the consumer wants and has not delivered yet, this one excluded.
    pub pending: u64,
    /// Whether its payload is left out; then a header `Nats-Msg-Size` tells its length.
    pub headers_only: bool,
    /// What a header `Nats-Pin-Id` tells.
    pub pin_id: Option<Bytes>,
}

/// Messages of the stream to send one after the other, each for the first time. The consumer counts them as sent.
#[derive(Debug)]
pub struct DeliverRun {
    /// Where they go.
    pub to: Bytes,
    /// Where they lie.
    pub run: Run,
    /// The number of the first delivery; those of the others follow.
    pub consumer_sequence: u64,
    /// Messages that the consumer wants behind the first one; one less behind each further one.
    pub pending: u64,
}

/// Why a consumer is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// It, or its stream, was deleted.
    Deleted,
    /// The server shuts down; the consumer goes on with the next start.
    Shutdown,
}
