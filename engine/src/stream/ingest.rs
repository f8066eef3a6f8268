//! Taking messages in on behalf of a stream: who is told what becomes of them, and who is refused before the message is
//! even looked at.

use embus_storage::message::Timestamp;

use super::{State, Stream};
use crate::api::error::ApiError;
use crate::stream::core::{Headroom, Incoming, Outcome};
use crate::stream::publish::is_fast_batch;
use crate::stream::ticket::Ticket;
use crate::stream::waiting::{MAX_PENDING_BYTES, MAX_PENDING_ENTRIES, Waiting};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

/// A message for a stream, and how often it was republished on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arriving<'a> {
    pub(crate) message: Incoming<'a>,
    pub(crate) hops: u8,
    pub(crate) time: Timestamp,
}

/// Who wants to know what became of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AnswerTo<'a> {
    Nobody,
    /// Whoever listens on this subject.
    Reply(&'a [u8]),
    /// An in-process publisher.
    Ticket(&'a Arc<Ticket>),
}

/// What a stream says of a message at once.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It takes no messages any more.
    No,
    /// Whoever wants to know what becomes of it is told in time.
    Yes,
    /// It can't be taken now, and that is to be told at the end of this turn: nobody shall wait, and no memory be taken
    /// until then, because a disk fails or hangs.
    Refused(Refusal),
}

/// Who is to be told why a message is not taken.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) to: RefusedTo,
    pub(crate) error: ApiError,
}

#[derive(Debug)]
pub(super) enum RefusedTo {
    Reply(Box<[u8]>),
    Ticket(Arc<Ticket>),
}

/// What a stream holds is reported to the budget of the broker in steps of this size: what comes and goes within a turn
/// mostly need not be.
const REPORT_BYTES: usize = 64 * 1024;

/// How often a message may be republished: a ring of streams comes to rest.
const MAX_HOPS: u8 = 16;

impl Stream {
    /// Takes one message in; the answer comes once a commit has made it durable. The caller commits at the end of its
    /// turn.
    pub(crate) fn ingest(&self, arriving: &Arriving<'_>, to: AnswerTo<'_>) -> Taken {
        if self.stopped.load(Ordering::Acquire) {
            return Taken::No;
        }
        let mut state = self.state.lock();
        if let Some(error) = self.refusal(&mut state, arriving.time) {
            return refused(error, to, state.core.config().no_ack);
        }
        let is_fast_batch = matches!(to, AnswerTo::Reply(reply) if is_fast_batch(reply));
        let outcome = if is_fast_batch {
            Outcome::Refused(ApiError::batch_publish_disabled())
        } else {
            let headroom = self.headroom(&state);
            state.core.publish_within(headroom, &arriving.message, arriving.time)
        };
        if let Outcome::Stored { .. } = outcome {
            state.note_republished(arriving.hops);
        }
        match to {
            AnswerTo::Reply(reply) if !state.core.config().no_ack => state.waiting.push_ack(reply, outcome),
            AnswerTo::Ticket(ticket) => state.waiting.push_ticket(ticket, outcome),
            AnswerTo::Reply(_) | AnswerTo::Nobody => {}
        }
        Taken::Yes
    }

    /// Why a message can't be taken just now, whatever it is.
    #[inline]
    fn refusal(&self, state: &mut State, now: Timestamp) -> Option<ApiError> {
        if state.trouble.is_some() {
            return Self::refusal_in_trouble(state, now);
        }
        self.is_full(state).then(ApiError::too_many_requests)
    }

    /// Whether so much waits for the disk that nothing more may: in this stream, or in all of them, this one included.
    #[inline]
    pub(super) fn is_full(&self, state: &State) -> bool {
        state.held_bytes() > MAX_PENDING_BYTES
            || state.waiting.len() >= MAX_PENDING_ENTRIES
            || (state.reported > 0 && self.backlog.is_exceeded())
    }

    /// What is left for this stream. What it stored since the last end of a turn is not in the account yet.
    #[inline]
    fn headroom(&self, state: &State) -> Headroom {
        self.usage.headroom(state.counted, state.core.log().bytes())
    }

    /// Tells the account what the stream holds now, and the broker what waits in it: at the end of a turn, not with each
    /// message.
    pub(super) fn count(&self, state: &mut State) {
        let bytes = state.core.log().bytes();
        if bytes != state.counted && !self.stopped.load(Ordering::Acquire) {
            self.usage.set(std::mem::replace(&mut state.counted, bytes), bytes);
        }
        let held = (state.held_bytes() + state.in_flight) / REPORT_BYTES * REPORT_BYTES;
        if held != state.reported {
            self.report(state, held);
        }
    }

    #[cold]
    fn report(&self, state: &mut State, held: usize) {
        let reported = std::mem::replace(&mut state.reported, held);
        self.backlog.charge(held);
        self.backlog.refund(reported);
    }
}

impl State {
    /// What no commit has taken yet.
    #[inline]
    pub(super) fn held_bytes(&self) -> usize {
        self.core.log().pending_bytes() + self.waiting.bytes()
    }

    /// Has a commit take everybody who waits so far, and these bytes.
    pub(super) fn take_waiting(&mut self, held: usize) -> Box<Waiting> {
        self.in_flight = held;
        let mut taken = self.spare.take().unwrap_or_default();
        std::mem::swap(&mut *taken, &mut self.waiting);
        taken
    }

    /// Notes the copies that a stored message is to be published as.
    #[inline]
    pub(super) fn note_republished(&mut self, hops: u8) {
        while let Some(republish) = self.core.take_republish() {
            if hops < MAX_HOPS {
                self.waiting.push_republished(republish, hops + 1);
            }
        }
    }
}

#[cold]
fn refused(error: ApiError, to: AnswerTo<'_>, no_ack: bool) -> Taken {
    let to = match to {
        AnswerTo::Reply(reply) if !no_ack => RefusedTo::Reply(reply.into()),
        AnswerTo::Ticket(ticket) => RefusedTo::Ticket(Arc::clone(ticket)),
        AnswerTo::Reply(_) | AnswerTo::Nobody => return Taken::Yes,
    };
    Taken::Refused(Refusal { to, error })
}
