//! Reading: where bytes go, cutting them into operations, and what is kept of an unfinished one.

use bytes::{Bytes, BytesMut};
use embus_protocol::decode::{DecodeError, Op, Publish, Step, decode};
use embus_protocol::encode;
use embus_protocol::error::ClientError;
use embus_protocol::info::ServerInfo;

use super::{Phase, Session, Turn};
use crate::budget::Budget;
use crate::clock::Monotonic;
use crate::close::CloseReason;
use crate::connection::Connection;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::worker::Worker;

/// A payload this large that is not wholly in the input buffer is read straight into memory of its own.
const OWN_BUFFER_BYTES: usize = 16 * 1024;

/// Memory for a large payload at first; more is taken as more arrives.
const FIRST_BODY_BYTES: usize = 128 * 1024;

/// More than any control line that was let through has: it was looked at when it came.
const MAX_LINE_BYTES: usize = usize::MAX;

/// Line end behind a payload.
const CRLF: &[u8] = b"\r\n";

/// What a session keeps of an unfinished operation; an idle session keeps nothing.
pub(super) struct Inbox {
    partial: Vec<u8>,
    large: Option<Box<LargeMessage>>,
    inbound: Arc<Budget>,
    /// Bytes of `partial` that count among all that is half received: those that came while a verdict is awaited.
    charged: usize,
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.inbound.refund(self.charged);
    }
}

impl Inbox {
    pub(super) fn new(inbound: Arc<Budget>) -> Self {
        Self { partial: Vec::new(), large: None, inbound, charged: 0 }
    }

    /// Counts what is kept until a verdict is in.
    fn charge(&mut self) {
        self.charged = self.partial.len();
        self.inbound.charge(self.charged);
    }

    /// What was kept, which counts no more.
    fn take_kept(&mut self) -> Vec<u8> {
        self.inbound.refund(std::mem::take(&mut self.charged));
        std::mem::take(&mut self.partial)
    }
}

/// A message whose payload is being read into memory of its own.
struct LargeMessage {
    /// Its control line.
    line: Vec<u8>,
    /// Headers, payload and line end, as far as they are there.
    body: BytesMut,
    /// How long `body` gets.
    len: usize,
    charged: usize,
    inbound: Arc<Budget>,
    connection: Arc<Connection>,
}

impl LargeMessage {
    /// Charges `read` more bytes to all half-received messages together; says whether this one is complete.
    fn count(&mut self, read: usize) -> bool {
        self.charged += read;
        self.inbound.charge(read);
        self.connection.inbound().store(self.charged, Ordering::Relaxed);
        self.body.len() == self.len
    }

    /// Makes room for more of the payload, for what has arrived and not for what was announced: a client that only
    /// talks of large messages costs nothing. Returns how many bytes are missing.
    fn reserve(&mut self) -> usize {
        let missing = self.len - self.body.len();
        if self.body.len() == self.body.capacity() {
            self.body.reserve(missing.min(self.body.len().max(FIRST_BODY_BYTES)));
        }
        missing
    }
}

impl Drop for LargeMessage {
    fn drop(&mut self) {
        self.inbound.refund(self.charged);
        self.connection.inbound().store(0, Ordering::Relaxed);
    }
}

/// Where the next bytes are to be read.
#[derive(Debug)]
pub enum Target<'a> {
    /// Into this slice, to be followed by [`Session::handle_input`].
    Input(&'a mut [u8]),
    /// Behind what this buffer holds, at most so many bytes, to be followed by [`Session::handle_payload`].
    Payload(&'a mut BytesMut, usize),
}

impl Session {
    /// Where to read now. May be asked again without anything having been read.
    pub fn target<'a>(&'a mut self, worker: &'a mut Worker) -> Target<'a> {
        if let Some(large) = &mut self.inbox.large {
            let missing = large.reserve();
            return Target::Payload(&mut large.body, missing);
        }
        let kept = self.inbox.partial.len();
        worker.input[..kept].copy_from_slice(&self.inbox.partial);
        Target::Input(&mut worker.input[kept..])
    }

    /// Takes `read` bytes that were read into the target slice.
    pub fn handle_input(&mut self, worker: &mut Worker, read: usize, now: Monotonic) -> Turn {
        let filled = self.inbox.partial.len() + read;
        self.inbox.partial.clear();
        self.engine.workers().turns.begin(&worker.mark);
        // The input is lent out for the turn, as operations need the rest of the worker.
        let input = std::mem::take(&mut worker.input);
        self.handle_operations(worker, &input[..filled], now);
        worker.input = input;
        self.release_partial(worker);
        self.finish_turn(worker, now)
    }

    /// Goes on with what was kept while a verdict was awaited; the turn has begun.
    pub(super) fn handle_kept(&mut self, worker: &mut Worker, now: Monotonic) -> Turn {
        let kept = self.inbox.take_kept();
        self.connection.inbound().store(0, Ordering::Relaxed);
        self.handle_operations(worker, &kept, now);
        self.release_partial(worker);
        self.finish_turn(worker, now)
    }

    /// Takes bytes that were read into the target buffer.
    pub fn handle_payload(&mut self, worker: &mut Worker, read: usize, now: Monotonic) -> Turn {
        self.engine.workers().turns.begin(&worker.mark);
        let complete = self.inbox.large.as_mut().is_some_and(|large| large.count(read));
        if complete {
            self.finish_large(worker);
        } else if self.engine.inbound().is_exceeded() {
            self.engine.relieve_inbound();
        }
        self.finish_turn(worker, now)
    }

    fn handle_operations(&mut self, worker: &mut Worker, input: &[u8], now: Monotonic) {
        let mut rest = input;
        while !matches!(self.phase, Phase::Closing(_) | Phase::Closed(_)) {
            let step = decode(rest, self.max_control_line);
            if self.is_stranger() && !self.may_begin_with(worker, &step) {
                return;
            }
            match step {
                Ok(Step::Op(op, used)) => {
                    self.handle_op(worker, op, now);
                    rest = &rest[used..];
                    if self.awaits_verdict() {
                        return self.keep_for_verdict(worker, rest);
                    }
                }
                Ok(Step::AwaitPayload(publish, line_len)) => {
                    self.await_payload(worker, &publish, &rest[..line_len], &rest[line_len..], rest);
                    return;
                }
                Ok(Step::Incomplete) => {
                    self.keep(worker, rest);
                    return;
                }
                Err(error) => self.handle_malformed(worker, error),
            }
        }
    }

    /// Whether a client that has not logged in may go on with this.
    #[cold]
    fn may_begin_with(&mut self, worker: &mut Worker, step: &Result<Step<'_>, DecodeError>) -> bool {
        match step {
            Ok(Step::Op(Op::Connect(_), _) | Step::Incomplete) | Err(DecodeError::ControlLineTooLong) => true,
            _ => self.let_in_unnamed(worker),
        }
    }

    #[inline]
    fn handle_op(&mut self, worker: &mut Worker, op: Op<'_>, now: Monotonic) {
        if let Some(trace) = &self.trace {
            trace.input(&op);
        }
        match op {
            Op::Publish(publish) => self.handle_publish(worker, &publish, None),
            other => self.handle_control(worker, other, now),
        }
    }

    fn handle_control(&mut self, worker: &mut Worker, op: Op<'_>, now: Monotonic) {
        match op {
            Op::Publish(publish) => self.handle_publish(worker, &publish, None),
            Op::Subscribe { subject, queue, sid } => self.handle_subscribe(worker, subject, queue, sid),
            Op::Unsubscribe { sid, max } => self.handle_unsubscribe(worker, sid, max),
            Op::Connect(json) => self.handle_connect(worker, json),
            Op::Ping => self.handle_ping(worker),
            Op::Pong => {
                if let Some(rtt) = self.keepalive.handle_pong(now) {
                    self.connection.set_rtt(rtt);
                }
            }
            Op::Ok => {}
            // Read for its form only, as nats-server does.
            Op::Info(json) if ServerInfo::parse(json).is_ok() => {}
            Op::Info(_) => self.handle_malformed_arguments(),
            // A client that reports an error of ours is closed. [reference §1.1]
            Op::Err(_) => self.phase = Phase::Closing(CloseReason::ProtocolViolation),
        }
    }

    fn handle_ping(&mut self, worker: &mut Worker) {
        self.reply(worker, encode::PONG);
        if self.phase == Phase::Greeting {
            self.phase = Phase::Ready;
            if self.connection.understands_async_info() {
                self.confirm_connect(worker);
            }
        }
    }

    fn handle_malformed(&mut self, worker: &mut Worker, error: DecodeError) {
        match error {
            DecodeError::UnknownOperation => {
                self.refuse(worker, &ClientError::UnknownProtocolOperation, CloseReason::ParseError);
            }
            DecodeError::ControlLineTooLong => {
                self.refuse(worker, &ClientError::MaximumControlLineExceeded, CloseReason::MaximumControlLineExceeded);
            }
            // Closes without a word, as nats-server does. [reference §1.1]
            DecodeError::BadArguments => self.handle_malformed_arguments(),
        }
    }

    /// A publish whose payload has not arrived: refused now if it is too large, else waited for.
    fn await_payload(&mut self, worker: &mut Worker, publish: &Publish<'_>, line: &[u8], body: &[u8], whole: &[u8]) {
        if publish.total_len > self.max_payload {
            self.refuse(worker, &ClientError::MaximumPayloadViolation, CloseReason::MaximumPayloadExceeded);
        } else if publish.total_len >= OWN_BUFFER_BYTES {
            self.start_large(publish.total_len + CRLF.len(), line, body);
        } else {
            self.keep(worker, whole);
        }
    }

    fn start_large(&mut self, len: usize, line: &[u8], start: &[u8]) {
        let mut body = BytesMut::with_capacity(len.min(FIRST_BODY_BYTES));
        body.extend_from_slice(start);
        let (inbound, connection) = (Arc::clone(&self.inbox.inbound), Arc::clone(&self.connection));
        let mut large = LargeMessage { line: line.to_vec(), body, len, charged: 0, inbound, connection };
        large.count(start.len());
        self.inbox.large = Some(Box::new(large));
    }

    fn finish_large(&mut self, worker: &mut Worker) {
        let Some(mut large) = self.inbox.large.take() else { return };
        let body: Bytes = std::mem::take(&mut large.body).freeze();
        if !body.ends_with(CRLF) {
            return self.handle_malformed(worker, DecodeError::UnknownOperation);
        }
        if let Ok(Step::AwaitPayload(publish, _)) = decode(&large.line, MAX_LINE_BYTES) {
            let publish = Publish { body: &body[..body.len() - CRLF.len()], ..publish };
            if let Some(trace) = &self.trace {
                trace.input(&Op::Publish(publish));
            }
            self.handle_publish(worker, &publish, Some(body.clone()));
        }
    }

    /// Keeps an unfinished operation until more arrives. It is short: a control line and less than
    /// [`OWN_BUFFER_BYTES`] of payload.
    fn keep(&mut self, worker: &mut Worker, rest: &[u8]) {
        if rest.is_empty() {
            return;
        }
        if self.inbox.partial.capacity() == 0 {
            self.inbox.partial = worker.batch.spare.take_small();
        }
        self.inbox.partial.extend_from_slice(rest);
    }

    /// Keeps what came behind a CONNECT on which the verdict is not in. It counts among what all connections together have
    /// half received.
    fn keep_for_verdict(&mut self, worker: &mut Worker, rest: &[u8]) {
        self.keep(worker, rest);
        self.inbox.charge();
        self.connection.inbound().store(self.inbox.charged, Ordering::Relaxed);
        if self.engine.inbound().is_exceeded() {
            self.engine.relieve_inbound();
        }
    }

    /// Nothing unfinished, no memory.
    fn release_partial(&mut self, worker: &mut Worker) {
        if self.inbox.partial.is_empty() && self.inbox.partial.capacity() > 0 {
            worker.batch.spare.put(std::mem::take(&mut self.inbox.partial));
        }
    }
}
