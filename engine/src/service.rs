//! Requests that the broker itself answers. They are noted while a message is delivered and answered at the end of the
//! turn, when no route is borrowed and no lock is held.

use std::fmt;

use crate::engine::Engine;
use crate::sync::Arc;
use crate::worker::Worker;

/// A request to the broker, in the read buffer or in a list of the turn.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where it was published.
    pub subject: &'a [u8],
    /// Where the answer is expected.
    pub reply: Option<&'a [u8]>,
    /// The raw header block, empty without headers.
    pub headers: &'a [u8],
    /// Its body.
    pub payload: &'a [u8],
}

/// A request that outlives its turn.
#[derive(Debug, Clone, Default)]
pub struct OwnedRequest {
    bytes: Box<[u8]>,
    spans: Spans,
}

/// Where the parts of a request end in its bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Spans {
    subject: usize,
    /// Equal to `subject` without one.
    reply: usize,
    headers: usize,
}

impl<'a> Request<'a> {
    /// A message without headers or reply, as answers are.
    pub(crate) fn answer(subject: &'a [u8], payload: &'a [u8]) -> Self {
        Self { subject, reply: None, headers: b"", payload }
    }
}

impl Request<'_> {
    fn write(&self, bytes: &mut Vec<u8>) -> Spans {
        let start = bytes.len();
        bytes.extend_from_slice(self.subject);
        let subject = bytes.len() - start;
        bytes.extend_from_slice(self.reply.unwrap_or_default());
        let reply = bytes.len() - start;
        bytes.extend_from_slice(self.headers);
        let headers = bytes.len() - start;
        bytes.extend_from_slice(self.payload);
        Spans { subject, reply, headers }
    }

    /// Bytes of all its parts.
    pub(crate) fn len(&self) -> usize {
        self.subject.len() + self.reply.unwrap_or_default().len() + self.headers.len() + self.payload.len()
    }

    /// A copy that outlives the turn.
    pub fn to_owned(&self) -> OwnedRequest {
        let mut bytes = Vec::new();
        let spans = self.write(&mut bytes);
        OwnedRequest { bytes: bytes.into(), spans }
    }
}

impl Spans {
    fn read(self, bytes: &[u8]) -> Request<'_> {
        let reply = &bytes[self.subject..self.reply];
        Request {
            subject: &bytes[..self.subject],
            reply: (!reply.is_empty()).then_some(reply),
            headers: &bytes[self.reply..self.headers],
            payload: &bytes[self.headers..],
        }
    }
}

impl OwnedRequest {
    /// Bytes of all its parts.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The request in parts.
    pub fn as_request(&self) -> Request<'_> {
        self.spans.read(&self.bytes)
    }
}

/// Something in the broker that answers requests.
pub trait Service: fmt::Debug + Send + Sync {
    /// Whether a message on `subject` is a request at all; if not, somebody else has to take it.
    ///
    /// A service that refuses `a.b.x`, whatever nobody calls `x`, refuses all of `a.b.*`.
    fn takes(&self, subject: &[u8]) -> bool {
        let _ = subject;
        true
    }

    /// Takes a request at the end of the turn that brought it. Must not block: what needs the disk becomes a job.
    fn call(&self, engine: &Arc<Engine>, request: &Request<'_>, worker: &mut Worker);

    /// Takes several that came in a row. Whoever can prepare for all of them at once does.
    fn call_all(&self, engine: &Arc<Engine>, requests: Requests<'_>, worker: &mut Worker) {
        for request in requests.iter() {
            self.call(engine, &request, worker);
        }
    }
}

/// Requests to one service that came in a row.
#[derive(Debug, Clone, Copy)]
pub struct Requests<'a> {
    bytes: &'a [u8],
    calls: &'a [Call],
}

impl<'a> Requests<'a> {
    /// Whether there is more than one.
    pub(crate) fn are_several(self) -> bool {
        self.calls.len() > 1
    }

    /// One by one.
    pub fn iter(self) -> impl Iterator<Item = Request<'a>> {
        self.calls.iter().map(move |call| call.spans.read(&self.bytes[call.start..call.end]))
    }

    /// In portions of at most so many.
    pub fn chunks(self, size: usize) -> impl Iterator<Item = Self> {
        self.calls.chunks(size).map(move |calls| Self { calls, ..self })
    }
}

/// The requests of one turn.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    bytes: Vec<u8>,
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    service: Arc<dyn Service>,
    start: usize,
    end: usize,
    spans: Spans,
}

/// Memory for requests that is kept from turn to turn.
const KEPT_BYTES: usize = 64 * 1024;

impl Calls {
    /// Notes a request; says whether the service takes it.
    pub(crate) fn push(&mut self, service: &Arc<dyn Service>, request: &Request<'_>) -> bool {
        if !service.takes(request.subject) {
            return false;
        }
        let start = self.bytes.len();
        let spans = request.write(&mut self.bytes);
        self.calls.push(Call { service: Arc::clone(service), start, end: self.bytes.len(), spans });
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Carries all of them out.
    pub(crate) fn run(&mut self, engine: &Arc<Engine>, worker: &mut Worker) {
        for calls in self.calls.chunk_by(|a, b| Arc::ptr_eq(&a.service, &b.service)) {
            calls[0].service.call_all(engine, Requests { bytes: &self.bytes, calls }, worker);
        }
        self.calls.clear();
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_parts_of_the_request() {
        let request = Request { subject: b"a", reply: Some(b"r"), headers: b"NATS/1.0\r\n\r\n", payload: b"{}" };
        let copy = request.to_owned();
        let read = copy.as_request();
        assert_eq!((read.subject, read.reply), (request.subject, request.reply));
        assert_eq!((read.headers, read.payload), (request.headers, request.payload));
    }

    #[test]
    fn a_request_without_reply_has_none_in_its_copy() {
        let request = Request { subject: b"a", reply: None, headers: b"", payload: b"" };
        assert_eq!(request.to_owned().as_request().reply, None);
    }
}
