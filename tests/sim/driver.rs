//! The broker's side of one connection, as the task of a real one does it (`broker/src/connection.rs`), one turn at a
//! time. It runs only when something woke it.

use std::{sync::Arc, task::Context, task::Poll, task::Waker, time::Duration};

use embus_engine::{
    CloseReason, Congestion, Engine, Flushed, Monotonic, STALL_LIMIT, Session, Target, Turn, Worker,
    connection::{ConnectionKind, Peer},
};
use fastrand::Rng;

use crate::clock::Flag;
use crate::socket::{Read, SimSocket};

/// How long a closing connection may take to send what still waits for it.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

/// A session and what its task would know.
#[derive(Debug)]
pub(crate) struct Driver {
    engine: Arc<Engine>,
    session: Session,
    socket: Arc<SimSocket>,
    woken: Arc<Flag>,
    /// Bytes of the client that the session has been given.
    consumed: u64,
    waits_to_read: bool,
    waits_to_write: bool,
    alarm: Monotonic,
    stall: Option<Stall>,
    closing: Option<Closing>,
}

#[derive(Debug)]
struct Stall {
    congestion: Congestion,
    limit: Monotonic,
}

#[derive(Debug, Clone, Copy)]
struct Closing {
    reason: CloseReason,
    deadline: Monotonic,
}

/// What a poll came to.
#[derive(Debug)]
pub(crate) enum Polled {
    /// Nothing was read.
    Idle,
    /// The session has taken input.
    Turn,
    /// The session is closed; `is_whole` says that all that waited was sent.
    Closed { reason: CloseReason, is_whole: bool },
}

impl Driver {
    pub(crate) fn open(engine: &Arc<Engine>, socket: Arc<SimSocket>, woken: Arc<Flag>) -> Self {
        let peer = Peer { kind: ConnectionKind::Stream, host: "sim".to_owned(), port: 0 };
        let transport = Arc::clone(&socket);
        let session = Session::open(engine, peer, transport).expect("a wire connection has an outbox");
        Self {
            engine: Arc::clone(engine),
            alarm: session.next_timeout(),
            session,
            socket,
            woken,
            consumed: 0,
            waits_to_read: false,
            waits_to_write: false,
            stall: None,
            closing: None,
        }
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn consumed(&self) -> u64 {
        self.consumed
    }

    pub(crate) fn is_stalled(&self) -> bool {
        self.stall.is_some()
    }

    /// Whether the session is over and only what waits is sent.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Whether something woke the task.
    pub(crate) fn is_runnable(&self) -> bool {
        let now = self.engine.now();
        self.woken.is_raised()
            || (self.waits_to_read && self.socket.is_readable())
            || (self.waits_to_write && self.socket.is_writable())
            || (self.closing.is_none() && self.alarm <= now)
            || self.closing.is_some_and(|closing| closing.deadline <= now)
            || self.stall.as_ref().is_some_and(|stall| stall.limit <= now)
    }

    pub(crate) fn poll(&mut self, worker: &mut Worker, rng: &mut Rng) -> Polled {
        self.woken.lower();
        self.waits_to_read = false;
        if self.closing.is_none() {
            match self.poll_serve(worker, rng) {
                Poll::Ready(Ok(())) => return Polled::Turn,
                Poll::Ready(Err(reason)) => {
                    self.stall = None;
                    self.closing = Some(Closing { reason, deadline: self.engine.now() + CLOSE_DEADLINE });
                }
                Poll::Pending => {
                    self.alarm = self.session.next_timeout();
                    return Polled::Idle;
                }
            }
        }
        self.poll_close(worker)
    }

    /// Ready with nothing after a turn, with the reason at the end.
    fn poll_serve(&mut self, worker: &mut Worker, rng: &mut Rng) -> Poll<Result<(), CloseReason>> {
        if self.engine.is_stopping() {
            return Poll::Ready(Err(CloseReason::ServerShutdown));
        }
        let now = self.engine.now();
        if now >= self.session.next_timeout() {
            self.session.handle_timeout(now);
        }
        self.flush(worker);
        if let Some(reason) = self.session.end() {
            return Poll::Ready(Err(reason));
        }
        if self.poll_stall().is_pending() || self.poll_held(worker).is_pending() {
            return Poll::Pending;
        }
        match self.turn(worker, rng) {
            Poll::Pending => {
                self.waits_to_read = true;
                Poll::Pending
            }
            Poll::Ready(None) => Poll::Ready(Err(CloseReason::ClientClosed)),
            Poll::Ready(Some(turn)) => {
                let limit = self.engine.now() + STALL_LIMIT;
                self.stall = turn.congestion.map(|congestion| Stall { congestion, limit });
                assert_eq!(turn.end, self.session.end(), "a turn tells the end");
                // The next turn is due as soon as others have run.
                self.woken.raise();
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Replies that wait for the turns of others, which wake this task when they end.
    fn poll_held(&mut self, worker: &mut Worker) -> Poll<()> {
        let waker = Waker::from(Arc::clone(&self.woken));
        self.session.poll_held(worker, &Context::from_waker(&waker))
    }

    fn poll_stall(&mut self) -> Poll<()> {
        let Some(stall) = &mut self.stall else { return Poll::Ready(()) };
        let waker = Waker::from(Arc::clone(&self.woken));
        let relieved = stall.congestion.poll_relieved(&mut Context::from_waker(&waker)).is_ready();
        if !relieved && self.engine.now() < stall.limit {
            return Poll::Pending;
        }
        self.stall = None;
        Poll::Ready(())
    }

    /// Reads as much as chance has it. Ready with nothing at the end of the stream.
    fn turn(&mut self, worker: &mut Worker, rng: &mut Rng) -> Poll<Option<Turn>> {
        let limit = match rng.u8(..8) {
            0 => rng.usize(1..=16),
            1..4 => rng.usize(1..=2000),
            _ => usize::MAX,
        };
        let now = self.engine.now();
        let (read, is_payload) = match self.session.target(worker) {
            Target::Input(buffer) => {
                let limit = limit.min(buffer.len());
                (self.socket.read(limit, |bytes| buffer[..bytes.len()].copy_from_slice(bytes)), false)
            }
            Target::Payload(buffer, missing) => {
                (self.socket.read(limit.min(missing), |bytes| buffer.extend_from_slice(bytes)), true)
            }
        };
        let read = match read {
            Read::Nothing => return Poll::Pending,
            Read::End => return Poll::Ready(None),
            Read::Bytes(read) => read,
        };
        self.consumed += read as u64;
        Poll::Ready(Some(if is_payload {
            self.session.handle_payload(worker, read, now)
        } else {
            self.session.handle_input(worker, read, now)
        }))
    }

    fn flush(&mut self, worker: &mut Worker) -> Flushed {
        let socket = &self.socket;
        let flushed = self.session.outbox().flush_with(|slices| socket.write(slices), worker.spare());
        self.waits_to_write = flushed == Flushed::Blocked;
        match flushed {
            Flushed::Blocked => self.session.handle_blocked(self.engine.now()),
            Flushed::Busy => self.woken.raise(),
            Flushed::Empty => assert_eq!(self.session.outbox().pending_bytes(), 0, "empty, yet bytes wait"),
            Flushed::Elsewhere | Flushed::Closed => {}
        }
        flushed
    }

    fn poll_close(&mut self, worker: &mut Worker) -> Polled {
        let Some(closing) = self.closing else { return Polled::Idle };
        let is_held = self.poll_held(worker).is_pending();
        let flushed = self.flush(worker);
        let is_whole = flushed == Flushed::Empty && !is_held;
        if !is_whole && flushed != Flushed::Closed && self.engine.now() < closing.deadline {
            return Polled::Idle;
        }
        let reason = self.session.end().unwrap_or(closing.reason);
        self.session.close(closing.reason);
        self.socket.close();
        Polled::Closed { reason, is_whole }
    }
}
