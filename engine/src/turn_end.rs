//! What a turn leaves to its end: streams to commit, requests to answer. During the turn a route is borrowed and nothing
//! may be delivered on top of a delivery.

use std::sync::Weak;

use crate::connection::ClientId;
use crate::engine::Engine;
use crate::feedback::Feedback;
use crate::service::{Calls, Request};
use crate::stream::core::Incoming;
use crate::stream::ticket::Ticket;
use crate::stream::{AnswerTo, Arriving, Refusal, Stream, Taken};
use crate::sync::Arc;
use crate::worker::Worker;

use embus_storage::message::Timestamp;

/// Streams and requests of one turn.
#[derive(Debug, Default)]
pub(crate) struct TurnEnd {
    changed: Vec<Arc<Stream>>,
    /// Who was refused.
    refused: Vec<(Arc<Stream>, Refusal)>,
    pub(crate) calls: Calls,
    /// What consumers were told.
    pub(crate) feedback: Feedback,
    /// Whose turn it is, if this client ends what the turn puts off.
    pub(crate) leader: Option<ClientId>,
    /// Streams whose commits this turn has put off.
    pub(crate) put_off: Vec<Arc<Stream>>,
    /// How often the message that is delivered now was republished.
    pub(crate) hops: u8,
    /// The time of all messages that are stored in this turn.
    time: Option<Timestamp>,
}

impl TurnEnd {
    /// Stores a message; says whether the stream took it.
    #[inline]
    pub(crate) fn store(&mut self, stream: &Weak<Stream>, message: &Request<'_>, answer: AnswerTo<'_>) -> bool {
        // A stream that changed in this turn is at hand: most often it is the same one again.
        if let Some(changed) = self.changed.iter().find(|changed| Arc::as_ptr(changed) == stream.as_ptr()) {
            let time = *self.time.get_or_insert_with(|| changed.now());
            return match changed.ingest(&self.arriving(message, time), answer) {
                Taken::Yes => true,
                Taken::No => false,
                Taken::Refused(refusal) => self.refuse(Arc::clone(changed), refusal),
            };
        }
        self.store_first(stream, message, answer)
    }

    fn store_first(&mut self, stream: &Weak<Stream>, message: &Request<'_>, answer: AnswerTo<'_>) -> bool {
        let Some(stream) = stream.upgrade() else { return false };
        let time = *self.time.get_or_insert_with(|| stream.now());
        match stream.ingest(&self.arriving(message, time), answer) {
            Taken::Yes => {}
            Taken::No => return false,
            Taken::Refused(refusal) => drop(self.refuse(Arc::clone(&stream), refusal)),
        }
        self.changed.push(stream);
        true
    }

    #[cold]
    fn refuse(&mut self, stream: Arc<Stream>, refusal: Refusal) -> bool {
        self.refused.push((stream, refusal));
        true
    }

    #[inline]
    pub(crate) fn note_changed(&mut self, stream: Arc<Stream>) {
        if !self.changed.iter().any(|changed| Arc::ptr_eq(changed, &stream)) {
            self.changed.push(stream);
        }
    }

    #[inline]
    fn arriving<'a>(&self, message: &Request<'a>, time: Timestamp) -> Arriving<'a> {
        let Request { subject, headers, payload, .. } = *message;
        Arriving { message: Incoming { subject, headers, payload }, hops: self.hops, time }
    }

    /// The same for an in-process publisher, who may wait for the answer itself.
    pub(crate) fn store_local(
        &mut self,
        stream: &Weak<Stream>,
        message: &Request<'_>,
        ticket: Option<&Arc<Ticket>>,
    ) -> bool {
        let answer = match (ticket, message.reply) {
            (Some(ticket), _) => AnswerTo::Ticket(ticket),
            (None, Some(reply)) => AnswerTo::Reply(reply),
            (None, None) => AnswerTo::Nobody,
        };
        self.store(stream, message, answer)
    }

    /// The turn panics: what it changed is committed all the same, as others may wait for that. Not by this thread, which
    /// must not panic twice.
    pub(crate) fn give_up(&mut self) {
        for stream in self.changed.drain(..).chain(self.put_off.drain(..)) {
            stream.end_later();
        }
    }

    fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.refused.is_empty() && self.calls.is_empty() && self.feedback.is_empty()
    }
}

impl Engine {
    /// Commits the streams and answers the requests of a turn, and of what that leads to.
    pub(crate) fn run_turn_end(self: &Arc<Self>, worker: &mut Worker) {
        let mut rounds = 0;
        while !worker.batch.turn_end.is_empty() {
            rounds += 1;
            if rounds > MAX_ROUNDS {
                self.end_later(worker);
            }
            for (stream, refusal) in std::mem::take(&mut worker.batch.turn_end.refused) {
                stream.send_refusal(refusal, worker);
            }
            while let Some((stream, messages)) = worker.batch.turn_end.feedback.pop() {
                stream.handle_feedback(&messages, worker);
                worker.batch.turn_end.feedback.recycle(messages);
                worker.batch.turn_end.note_changed(stream);
            }
            // Those that change because of it have their turn in the next round.
            for _ in 0..worker.batch.turn_end.changed.len() {
                if let Some(stream) = worker.batch.turn_end.changed.pop() {
                    stream.end_turn(self, worker);
                }
            }
            let mut calls = std::mem::take(&mut worker.batch.turn_end.calls);
            calls.run(self, worker);
            if worker.batch.turn_end.calls.is_empty() {
                worker.batch.turn_end.calls = calls;
            }
        }
        worker.batch.turn_end.time = None;
    }

    /// What consumers deliver may be stored by streams whose consumers deliver in turn, and so on, perhaps in a ring: a
    /// turn ends all the same.
    #[cold]
    fn end_later(&self, worker: &mut Worker) {
        let Some(jobs) = self.jobs() else { return };
        for stream in worker.batch.turn_end.changed.drain(..) {
            stream.end_as_job(jobs);
        }
    }
}

/// How often what a turn led to leads to more before that is left to jobs.
const MAX_ROUNDS: usize = 64;
