//! Who waits for a commit: publishers for their acknowledgements, requests for their answers, republished messages for
//! their turn. Everything that is noted between two commits goes out after the later one, in order.

use std::fmt;

use embus_storage::log::Position;

use crate::api::error::ApiError;
use crate::stream::core::{Outcome, Republish};
use crate::stream::ticket::Ticket;
use crate::sync::Arc;

/// Something to do once all that was changed before it is as durable as the stream's policy asks.
pub type Done = Box<dyn FnOnce(Result<(), ApiError>) + Send>;

/// What somebody waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Awaited {
    /// Nothing any more: it is committed, whatever becomes of the commit behind it.
    Committed,
    /// The log up to here.
    Log(Position),
    /// The log and the state of the consumers, as far as the next round writes them.
    Consumers,
}

/// Those who wait for one commit.
#[derive(Default)]
pub(crate) struct Waiting {
    /// The reply subjects of `acks`, one behind the other.
    replies: Vec<u8>,
    acks: Vec<Ack>,
    /// The reply subjects of those who confirm acknowledgements of consumers, one behind the other, and where each ends.
    confirmations: Vec<u8>,
    confirmation_ends: Vec<usize>,
    tickets: Vec<(Arc<Ticket>, Outcome)>,
    done: Vec<(Awaited, Done)>,
    republished: Vec<(Republish, u8)>,
    /// How many wait.
    entries: usize,
    /// What they take, roughly.
    bytes: usize,
}

/// An acknowledgement for a reply subject.
#[derive(Debug)]
struct Ack {
    reply_end: usize,
    outcome: Outcome,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("acks", &self.acks.len()).finish_non_exhaustive()
    }
}

impl Waiting {
    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// Whether no more may wait, whatever waits beside them.
    pub(crate) fn is_full(&self) -> bool {
        self.entries >= MAX_PENDING_ENTRIES || self.bytes > MAX_PENDING_BYTES
    }

    /// What they take, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether somebody waits for the state of consumers.
    pub(crate) fn needs_journal(&self) -> bool {
        !self.confirmation_ends.is_empty() || self.waits_for_changes()
    }

    /// Whether somebody waits for a change of consumers.
    pub(crate) fn waits_for_changes(&self) -> bool {
        self.done.iter().any(|(awaited, _)| matches!(awaited, Awaited::Consumers))
    }

    /// Takes over those who wait for changes of consumers.
    pub(crate) fn take_changes(&mut self, later: &mut Self) {
        let (taken, left): (Vec<_>, Vec<_>) =
            later.done.drain(..).partition(|(awaited, _)| matches!(awaited, Awaited::Consumers));
        later.done = left;
        for (awaited, done) in taken {
            (later.entries, later.bytes) = (later.entries - 1, later.bytes - ENTRY_BYTES);
            self.push_done(awaited, done);
        }
    }

    /// Notes that `done` waits.
    pub(crate) fn push_done(&mut self, awaited: Awaited, done: Done) {
        self.done.push((awaited, done));
        self.count(0);
    }

    /// A commit failed: whoever waits for no more than what was committed before it has what they wait for.
    pub(crate) fn settle(&mut self, committed: Position) {
        for (awaited, _) in &mut self.done {
            if matches!(awaited, Awaited::Log(position) if *position <= committed) {
                *awaited = Awaited::Committed;
            }
        }
    }

    /// Takes out those who wait for what the round did.
    pub(crate) fn take_done(&mut self) -> Vec<(Awaited, Done)> {
        std::mem::take(&mut self.done)
    }

    /// Notes that whoever listens on `reply` waits for `outcome`.
    #[inline]
    pub(crate) fn push_ack(&mut self, reply: &[u8], outcome: Outcome) {
        self.replies.extend_from_slice(reply);
        self.acks.push(Ack { reply_end: self.replies.len(), outcome });
        self.count(reply.len());
    }

    /// Notes that an in-process publisher waits for `outcome`.
    pub(crate) fn push_ticket(&mut self, ticket: &Arc<Ticket>, outcome: Outcome) {
        self.tickets.push((Arc::clone(ticket), outcome));
        self.count(0);
    }

    /// Notes a message to publish afterwards, and how often it was republished then.
    pub(crate) fn push_republished(&mut self, republish: Republish, hops: u8) {
        let Republish { subject, headers, payload } = &republish;
        let bytes = subject.len() + headers.len() + payload.len();
        self.republished.push((republish, hops));
        self.count(bytes);
    }

    /// Notes that whoever listens on `reply` waits for an acknowledgement of a message of a consumer to be durable.
    pub(crate) fn push_confirmation(&mut self, reply: &[u8]) {
        self.confirmations.extend_from_slice(reply);
        self.confirmation_ends.push(self.confirmations.len());
        self.count(reply.len());
    }

    #[inline]
    fn count(&mut self, bytes: usize) {
        self.entries += 1;
        self.bytes += ENTRY_BYTES + bytes;
    }

    /// Takes out in-process publishers with what they wait for.
    pub(crate) fn take_tickets(&mut self) -> Vec<(Arc<Ticket>, Outcome)> {
        std::mem::take(&mut self.tickets)
    }

    /// Takes out what is to be published.
    pub(crate) fn take_republished(&mut self) -> Vec<(Republish, u8)> {
        std::mem::take(&mut self.republished)
    }

    /// The reply subjects of those who wait for acknowledgements of consumers.
    pub(crate) fn confirmations(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.confirmation_ends.iter().map(move |end| &self.confirmations[std::mem::replace(&mut start, *end)..*end])
    }

    /// The acknowledgements with their reply subjects.
    pub(crate) fn acks(&self) -> impl Iterator<Item = (&[u8], &Outcome)> {
        let mut start = 0;
        self.acks.iter().map(move |ack| {
            let reply = &self.replies[start..ack.reply_end];
            start = ack.reply_end;
            (reply, &ack.outcome)
        })
    }

    /// Forgets the acknowledgements but keeps their memory, within reason.
    pub(crate) fn clear(&mut self) {
        self.replies.clear();
        self.replies.shrink_to(KEPT_BYTES);
        self.acks.clear();
        self.acks.shrink_to(KEPT_ACKS);
        self.confirmations.clear();
        self.confirmations.shrink_to(KEPT_BYTES);
        self.confirmation_ends.clear();
        self.confirmation_ends.shrink_to(KEPT_ACKS);
        self.tickets = Vec::new();
        self.done = Vec::new();
        self.republished = Vec::new();
        (self.entries, self.bytes) = (0, 0);
    }

    /// Everybody who waits in either, those of `later` behind.
    pub(crate) fn append(&mut self, later: &mut Self) {
        let offset = self.replies.len();
        self.replies.append(&mut later.replies);
        let moved = |ack: Ack| Ack { reply_end: ack.reply_end + offset, ..ack };
        self.acks.extend(later.acks.drain(..).map(moved));
        let offset = self.confirmations.len();
        self.confirmations.append(&mut later.confirmations);
        self.confirmation_ends.extend(later.confirmation_ends.drain(..).map(|end| end + offset));
        self.tickets.append(&mut later.tickets);
        self.done.append(&mut later.done);
        self.republished.append(&mut later.republished);
        self.entries += std::mem::take(&mut later.entries);
        self.bytes += std::mem::take(&mut later.bytes);
    }
}

/// Bytes that may wait for the disk in one stream, answers included; beyond, publishers are told to come again.
/// [reference §4.2]
pub(super) const MAX_PENDING_BYTES: usize = 128 * 1024 * 1024;
/// How many may wait for an answer of one stream. [reference §4.2]
pub(super) const MAX_PENDING_ENTRIES: usize = 100_000;
/// What somebody who waits takes beside a subject or a message.
const ENTRY_BYTES: usize = 128;
/// Memory that a busy stream keeps for the next commit.
const KEPT_BYTES: usize = 64 * 1024;
const KEPT_ACKS: usize = 4096;
