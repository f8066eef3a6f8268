//! The task of one connection: flush what waits, then read and handle a bounded number of turns.

pub use crate::client::state::State;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use embus_engine::{CloseReason, Congestion, Engine, Flushed, STALL_LIMIT, Session, Target, Turn, Worker};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use crate::shell::Shell;
use crate::timer::Alarm;
use crate::wire::{Owner, Wire};

/// Read turns per wake-up, then the task lets others run.
const MAX_TURNS_PER_POLL: usize = 8;

/// How long a closing connection may take to send what still waits for it. Real time, whatever the broker's clock: it
/// bounds what a socket takes, and a clock that stands still must not keep a dead connection.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

/// What a closed client may still send until it notices. Reading it away keeps the socket from being reset, which would
/// destroy the `-ERR` on its way.
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// One connection and what its task needs.
#[derive(Debug)]
pub(crate) struct Connection<W> {
    engine: Arc<Engine>,
    session: Session,
    wire: W,
    owner: Arc<Owner>,
    alarm: Alarm,
    stop: CancellationToken,
    stall: Option<Stall>,
}

/// A producer that is held for its readers, and until when at most: in real time, as it waits for real readers to read.
#[derive(Debug)]
struct Stall {
    congestion: Congestion,
    limit: Pin<Box<Sleep>>,
}

impl<W: Wire> Connection<W> {
    pub(crate) fn new(shell: &Shell, mut session: Session, wire: W, owner: Arc<Owner>) -> Self {
        session.allow_gathering();
        let alarm = Alarm::new(Arc::clone(&shell.timer), session.connection().id().0);
        let stop = shell.tasks.stop_signal().clone();
        Self { engine: Arc::clone(&shell.engine), session, wire, owner, alarm, stop, stall: None }
    }

    /// Serves the client until one side ends it.
    pub(crate) async fn run(mut self) {
        let reason = poll_fn(|cx| self.poll_serve(cx)).await;
        self.stall = None;
        // A reader that takes nothing must not hold the end up; what it misses, it would not have read.
        let _ = tokio::time::timeout(CLOSE_DEADLINE, poll_fn(|cx| self.poll_flush(cx))).await;
        self.session.close(reason);
        let reason = self.session.end().unwrap_or(reason);
        // A stream with an end of its own, such as TLS, gets to say it.
        let _ = tokio::time::timeout(CLOSE_DEADLINE, poll_fn(|cx| self.wire.poll_shutdown(cx, reason))).await;
        if may_have_unread_input(reason) {
            let stop = self.stop.clone();
            let _ = tokio::time::timeout(CLOSE_DEADLINE, stop.run_until_cancelled_owned(self.linger())).await;
        }
    }

    fn poll_serve(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        self.owner.register(cx);
        let mut worker = self.engine.workers().take();
        self.session.end_gathering(&mut worker);
        let outcome = if self.engine.is_stopping() {
            Poll::Ready(CloseReason::ServerShutdown)
        } else {
            self.poll_turns(cx, &mut worker)
        };
        if outcome.is_ready() {
            // Nobody shall wait for a client that leaves.
            self.session.end_gathering(&mut worker);
        }
        self.engine.workers().put(worker);
        if self.session.is_gathering() {
            poll_again_last(cx);
        }
        if outcome.is_pending() {
            self.alarm.set(self.session.next_timeout(), cx.waker());
        }
        outcome
    }

    fn poll_turns(&mut self, cx: &mut Context<'_>, worker: &mut Worker) -> Poll<CloseReason> {
        // First what the socket takes now: a reader that made room in time is not cut because this task is late.
        self.flush(cx, worker);
        self.handle_timers();
        for _ in 0..MAX_TURNS_PER_POLL {
            self.session.take_change();
            if let Some(reason) = self.session.end() {
                return Poll::Ready(reason);
            }
            if self.poll_stall(cx).is_pending() {
                return Poll::Pending;
            }
            match self.session.poll_login(worker, cx) {
                Poll::Ready(None) => {}
                Poll::Ready(Some(turn)) => {
                    self.stall = turn.congestion.map(Stall::new);
                    continue;
                }
                Poll::Pending => return Poll::Pending,
            }
            if self.session.poll_held(worker, cx).is_pending() {
                return Poll::Pending;
            }
            match self.poll_turn(cx, worker) {
                Poll::Ready(Ok(turn)) => self.stall = turn.congestion.map(Stall::new),
                Poll::Ready(Err(reason)) => return Poll::Ready(reason),
                Poll::Pending => return Poll::Pending,
            }
        }
        if let Some(reason) = self.session.end() {
            return Poll::Ready(reason);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn handle_timers(&mut self) {
        let now = self.engine.now();
        if now >= self.session.next_timeout() {
            self.alarm.reset();
            self.session.handle_timeout(now);
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>, worker: &mut Worker) -> Flushed {
        let flushed = self.wire.flush(cx, self.session.outbox(), worker.spare());
        match flushed {
            Flushed::Blocked => self.session.handle_blocked(self.engine.now()),
            Flushed::Busy => cx.waker().wake_by_ref(),
            Flushed::Empty | Flushed::Elsewhere | Flushed::Closed => {}
        }
        flushed
    }

    /// Reads and handles one turn.
    fn poll_turn(&mut self, cx: &mut Context<'_>, worker: &mut Worker) -> Poll<Result<Turn, CloseReason>> {
        let (read, is_payload) = match self.session.target(worker) {
            Target::Input(buffer) => (self.wire.poll_read(cx, buffer), false),
            Target::Payload(buffer, limit) => (self.wire.poll_read_into(cx, buffer, limit), true),
        };
        let read = match read {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(CloseReason::ClientClosed)),
            Poll::Ready(Ok(read)) => read,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(read_error(&error))),
        };
        let now = self.engine.now();
        Poll::Ready(Ok(if is_payload {
            self.session.handle_payload(worker, read, now)
        } else {
            self.session.handle_input(worker, read, now)
        }))
    }

    /// Ready when nothing holds this client as a producer.
    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(stall) = &mut self.stall {
            let relieved = stall.congestion.poll_relieved(cx).is_ready();
            if !relieved && stall.limit.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.stall = None;
        }
        Poll::Ready(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.owner.register(cx);
        let mut worker = self.engine.workers().take();
        let held = self.session.poll_held(&mut worker, cx);
        let flushed = self.flush(cx, &mut worker);
        self.engine.workers().put(worker);
        ready!(held);
        match flushed {
            Flushed::Empty | Flushed::Closed => Poll::Ready(()),
            Flushed::Blocked | Flushed::Busy => Poll::Pending,
            Flushed::Elsewhere => {
                // Whoever writes wakes us only if something is left, and this is about the moment when nothing is.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    /// Reads and drops what the client still sends, up to a bound or its end.
    async fn linger(&mut self) {
        let mut left = LINGER_BYTES;
        let mut buffer = vec![0; 16 * 1024];
        while left > 0 {
            match poll_fn(|cx| self.wire.poll_read(cx, &mut buffer)).await {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
    }
}

impl Stall {
    fn new(congestion: Congestion) -> Self {
        Self { congestion, limit: Box::pin(tokio::time::sleep(STALL_LIMIT)) }
    }
}

/// Has the task polled again once those that are ready have been, and the runtime has looked for more of them.
fn poll_again_last(cx: &mut Context<'_>) {
    let _ = pin!(tokio::task::yield_now()).poll(cx);
}

fn read_error(error: &io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            CloseReason::ClientClosed
        }
        // Frames that no client may send.
        io::ErrorKind::InvalidData => CloseReason::ProtocolViolation,
        _ => CloseReason::ReadError,
    }
}

/// Whether the client was refused while it may have been sending.
fn may_have_unread_input(reason: CloseReason) -> bool {
    matches!(
        reason,
        CloseReason::ParseError
            | CloseReason::ProtocolViolation
            | CloseReason::MaximumPayloadExceeded
            | CloseReason::MaximumControlLineExceeded
            | CloseReason::MaximumConnectionsExceeded
            | CloseReason::MaximumSubscriptionsExceeded
            | CloseReason::BadClientProtocolVersion
            | CloseReason::AuthenticationFailure
            | CloseReason::AuthenticationTimeout
            | CloseReason::AuthenticationExpired
            | CloseReason::NoRespondersRequiresHeaders
    )
}
