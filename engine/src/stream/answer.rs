//! Acknowledgements: byte for byte those of the reference, to a reply subject, or as values to in-process publishers.
//! [reference §4.1]

use super::{Stream, commit};
use crate::api::error::ApiError;
use crate::api::json;
use crate::service::Request;
use crate::stream::core::Outcome;
use crate::stream::ingest::{Refusal, RefusedTo};
use crate::stream::ticket::PubAck;
use crate::stream::waiting::{Awaited, Waiting};
use crate::sync::Arc;
use crate::worker::Worker;

/// `{"stream":"S","seq":`, or the same with the domain. Names hold nothing that JSON escapes but for quotes and
/// characters that Go escapes.
pub(super) fn head(name: &str, domain: Option<&str>) -> Vec<u8> {
    let mut head = format!("{{\"stream\":{}", json::quoted(name));
    if let Some(domain) = domain {
        head.push_str(",\"domain\":");
        head.push_str(&json::quoted(domain));
    }
    head.push_str(",\"seq\":");
    head.into_bytes()
}

impl Stream {
    /// Tells everybody who waited for a commit how it went.
    pub(super) fn release(self: &Arc<Self>, waiting: &mut Waiting, outcome: &commit::Outcome, worker: &mut Worker) {
        let commit::Outcome { log: commit, journal } = outcome;
        self.send_acks(waiting, commit, worker);
        if commit.is_ok() && journal.is_ok() {
            self.send_confirmations(waiting, worker);
        }
        for (ticket, outcome) in waiting.take_tickets() {
            ticket.resolve(commit.clone().and_then(|()| self.pub_ack(outcome)));
        }
        for (republish, hops) in waiting.take_republished().into_iter().filter(|_| commit.is_ok()) {
            let (headers, payload) = (&republish.headers[..], &republish.payload[..]);
            let message = Request { subject: &republish.subject, reply: None, headers, payload };
            if let Some(router) = self.router.upgrade() {
                worker.deliver_internal(&router, &message, hops);
            }
        }
        let done = waiting.take_done();
        if !done.is_empty() {
            // They may send what depends on the acknowledgements having gone before.
            worker.batch.flush();
        }
        for (awaited, done) in done {
            done(match awaited {
                Awaited::Committed => Ok(()),
                Awaited::Log(_) => commit.clone(),
                Awaited::Consumers => commit.clone().and_then(|()| journal.clone()),
            });
        }
    }

    /// Tells one publisher at once why a message is not taken.
    pub(crate) fn send_refusal(&self, refusal: Refusal, worker: &mut Worker) {
        let Refusal { to, error } = refusal;
        match to {
            RefusedTo::Ticket(ticket) => ticket.resolve(Err(error)),
            RefusedTo::Reply(reply) => {
                let Some(router) = self.router.upgrade() else { return };
                let mut payload = Vec::new();
                let headers = self.write_ack(&Outcome::Refused(error), &Ok(()), &mut payload);
                worker.answer(&router, &reply, headers, &payload);
            }
        }
    }

    fn send_acks(&self, waiting: &Waiting, commit: &Result<(), ApiError>, worker: &mut Worker) {
        let Some(router) = self.router.upgrade() else { return };
        let mut payload = Vec::new();
        for (reply, outcome) in waiting.acks() {
            payload.clear();
            let headers = self.write_ack(outcome, commit, &mut payload);
            worker.answer(&router, reply, headers, &payload);
        }
    }

    /// What confirms an acknowledgement is an empty message; one that could not be made durable is not confirmed.
    fn send_confirmations(&self, waiting: &Waiting, worker: &mut Worker) {
        let Some(router) = self.router.upgrade() else { return };
        for subject in waiting.confirmations() {
            worker.answer(&router, subject, b"", b"");
        }
    }

    /// Writes one acknowledgement; returns the header block that goes with it.
    fn write_ack(&self, outcome: &Outcome, commit: &Result<(), ApiError>, out: &mut Vec<u8>) -> &'static [u8] {
        let error = match (commit, outcome) {
            (Err(error), Outcome::Stored { .. } | Outcome::Duplicate { .. }) | (_, Outcome::Refused(error)) => error,
            (Ok(()), Outcome::Stored { sequence }) => {
                self.write_sequence(*sequence, out);
                out.push(b'}');
                return b"";
            }
            (Ok(()), Outcome::Duplicate { sequence }) => {
                self.write_sequence(*sequence, out);
                out.extend_from_slice(b",\"duplicate\": true}");
                return b"";
            }
        };
        out.extend_from_slice(b"{\"error\":");
        out.extend_from_slice(json::to_string(error).as_bytes());
        // Errors name the stream but no domain.
        out.extend_from_slice(b",\"stream\":");
        out.extend_from_slice(json::quoted(&self.name).as_bytes());
        out.extend_from_slice(b",\"seq\":0}");
        if error.err_code == TOO_MANY_REQUESTS { b"NATS/1.0 429 Too Many Requests\r\n\r\n" } else { b"" }
    }

    fn write_sequence(&self, sequence: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.ack_head);
        out.extend_from_slice(itoa::Buffer::new().format(sequence).as_bytes());
    }

    fn pub_ack(&self, outcome: Outcome) -> Result<PubAck, ApiError> {
        let ack = |sequence, duplicate| {
            let (stream, domain) = (self.name.to_string(), self.domain.clone());
            PubAck { stream, sequence, domain, duplicate }
        };
        match outcome {
            Outcome::Stored { sequence } => Ok(ack(sequence, false)),
            Outcome::Duplicate { sequence } => Ok(ack(sequence, true)),
            Outcome::Refused(error) => Err(error),
        }
    }
}

/// The error code that clients are to slow down on. [reference §3.6]
const TOO_MANY_REQUESTS: u16 = 10167;
