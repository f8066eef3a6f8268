//! One wire client, from INFO to close: bytes in, bytes and deliveries out.
//!
//! Order of calls: [`Session::open`]; then, for each turn, [`Session::target`] says where to read, the caller reads, and
//! [`Session::handle_input`] or [`Session::handle_payload`] takes it, and no more is read before [`Session::poll_login`]
//! and [`Session::poll_held`] are ready; [`Session::end_gathering`] soon after turns that put commits off, if the caller
//! [allows](Session::allow_gathering) that; [`Session::handle_timeout`] when [`Session::next_timeout`] is due;
//! [`Session::close`] at the end, also when the socket failed.
//!
//! Drain invariant: after a turn nothing is staged in the worker; all output is in outboxes and local queues.

mod connect;
mod gather;
mod input;
mod login;
mod publish;
mod renew;
mod subscribe;

use std::fmt;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use embus_protocol::encode;
use embus_protocol::error::ClientError;
use embus_protocol::limits::FIRST_PING_INTERVAL;

use crate::arrival::Arrival;
use crate::batch::Congested;
use crate::chunks::Chunks;
use crate::clock::Monotonic;
use crate::close::CloseReason;
use crate::congestion::Congestion;
use crate::connection::Connection;
use crate::deliver::Publisher;
use crate::engine::Engine;
use crate::grace::Grace;
use crate::keepalive::{Keepalive, PingAction};
use crate::members::Membership;
use crate::outbox::{Outbox, Transport};
use crate::rights::Rights;
use crate::router::Router;
use crate::statistics::Totals;
use crate::subscription::Subscription;
use crate::sync::Arc;
use crate::trace::Trace;
use crate::worker::Worker;

use gather::Gathering;
use input::Inbox;
pub use input::Target;
use login::Gatekeeper;

/// The state machine of one wire connection.
pub struct Session {
    engine: Arc<Engine>,
    router: Arc<Router>,
    connection: Arc<Connection>,
    outbox: Arc<Outbox>,
    phase: Phase,
    options: Options,
    inbox: Inbox,
    keepalive: Keepalive,
    blocked: Option<Blocked>,
    /// Only where clients log in.
    gatekeeper: Option<Box<Gatekeeper>>,
    /// Its place in its account, once it is in one.
    membership: Option<Membership>,
    /// What the client may do, if not everything.
    rights: Option<Arc<Rights>>,
    /// The subject that it was last allowed to publish to: the same one often comes again.
    permitted: Vec<u8>,
    max_payload: usize,
    max_control_line: usize,
    max_subscriptions: usize,
    /// Only while what the client says is told of.
    trace: Option<Box<Trace>>,
    /// Set when this turn took interest back: its replies must not overtake messages that are under way.
    grace: Option<Grace>,
    held: Option<Box<Held>>,
    received: Received,
    gathering: Gathering,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("connection", &self.connection.id())
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No CONNECT yet: a client may work all the same, with the defaults of the protocol.
    Connecting,
    /// CONNECT came; the first PING is answered with a second INFO, if the client understands that.
    Greeting,
    /// As usual.
    Ready,
    /// Nothing more is read; what is staged still goes out.
    Closing(CloseReason),
    /// The engine has forgotten the connection.
    Closed(CloseReason),
}

/// What the client asked for in CONNECT.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "the wire has them as independent flags")]
struct Options {
    verbose: bool,
    pedantic: bool,
    echo: bool,
    headers: bool,
    no_responders: bool,
}

impl Default for Options {
    /// What holds before CONNECT. [reference §1.1]
    fn default() -> Self {
        Self { verbose: true, pedantic: true, echo: true, headers: false, no_responders: false }
    }
}

/// A connection whose socket takes nothing: how much was written when that was noticed, and until when it may last.
#[derive(Debug, Clone, Copy)]
struct Blocked {
    written: u64,
    deadline: Monotonic,
}

/// Replies behind an UNSUB, and what they wait for.
#[derive(Debug)]
struct Held {
    grace: Grace,
    frames: Chunks,
}

/// Messages and bytes received in this turn.
#[derive(Debug, Default, Clone, Copy)]
struct Received {
    messages: u64,
    bytes: u64,
}

/// What a turn came to.
#[derive(Debug, Default)]
#[must_use]
pub struct Turn {
    /// The session is over: flush what waits, then close.
    pub end: Option<CloseReason>,
    /// Wait for this before the next read, at most [`STALL_LIMIT`](crate::relief::STALL_LIMIT).
    pub congestion: Option<Congestion>,
}

/// The first ping of a client comes up to this part of its delay later. [nats-server: 20 %]
const PING_JITTER_PERCENT: u64 = 20;

impl Session {
    /// Greets a new client. It is in the global account until it has logged in elsewhere.
    pub fn open(engine: &Arc<Engine>, arrival: impl Into<Arrival>, transport: Arc<dyn Transport>) -> Option<Self> {
        let now = engine.now();
        let mut arrival = arrival.into();
        let credentials = arrival.credentials.take();
        let (connection, allowed) = engine.connect_wire(arrival, transport);
        let outbox = Arc::clone(connection.outbox()?);
        let limits = engine.limits();
        let mut session = Self {
            engine: Arc::clone(engine),
            router: Arc::clone(engine.global_account()),
            connection,
            outbox,
            phase: Phase::Connecting,
            options: Options::default(),
            inbox: Inbox::new(Arc::clone(engine.inbound())),
            keepalive: Keepalive::new(limits.ping_interval, limits.ping_max, now, first_ping_jitter(engine)),
            blocked: None,
            gatekeeper: Gatekeeper::new(engine, now, credentials),
            membership: None,
            rights: None,
            permitted: Vec::new(),
            max_payload: limits.max_payload,
            max_control_line: limits.max_control_line,
            // None before it is in an account.
            max_subscriptions: 0,
            trace: None,
            grace: None,
            held: None,
            received: Received::default(),
            gathering: Gathering::default(),
        };
        tracing::debug!(cid = session.connection.id().0, peer = ?session.connection.peer(), "connection created");
        session.take_trace();
        session.greet(allowed);
        if session.gatekeeper.is_none() && session.end().is_none() {
            session.join_unasked();
        }
        Some(session)
    }

    fn greet(&mut self, allowed: bool) {
        let mut line = Vec::new();
        let mut info = self.engine.info_for(&self.connection);
        if let Some(gatekeeper) = &self.gatekeeper {
            gatekeeper.nonce().clone_into(&mut info.nonce);
        }
        encode::info(&mut line, &info);
        if !allowed {
            encode::err(&mut line, &ClientError::MaximumConnectionsExceeded);
            self.phase = Phase::Closing(CloseReason::MaximumConnectionsExceeded);
        }
        self.outbox.post(&line);
    }

    /// Where nobody logs in, everybody is in the global account from the start.
    fn join_unasked(&mut self) {
        self.membership = Membership::join(&self.router);
        if self.membership.is_none() {
            self.post_err(&ClientError::MaximumAccountConnectionsExceeded);
            self.phase = Phase::Closing(CloseReason::MaximumAccountConnectionsExceeded);
        }
        self.take_limits(&embus_auth::Identity::default());
    }

    /// The connection's shared record.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// The connection's outbound side.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// Why the session is over, if it is.
    pub fn end(&self) -> Option<CloseReason> {
        match self.phase {
            Phase::Closing(reason) | Phase::Closed(reason) => Some(reason),
            _ => self.outbox.closed(),
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn next_timeout(&self) -> Monotonic {
        let ping = self.keepalive.next_timeout();
        let login = self.gatekeeper.as_ref().and_then(|gatekeeper| gatekeeper.next_timeout());
        let blocked = self.blocked.map(|blocked| blocked.deadline);
        [login, blocked].into_iter().flatten().fold(ping, Monotonic::min)
    }

    /// Does what is due: a ping, or giving up a client that is silent or takes nothing.
    pub fn handle_timeout(&mut self, now: Monotonic) {
        if let Some(blocked) = self.blocked
            && now >= blocked.deadline
        {
            self.check_blocked(blocked, now);
        }
        self.check_login(now);
        if now >= self.keepalive.next_timeout() && self.end().is_none() {
            self.check_silence(now);
        }
    }

    fn check_blocked(&mut self, blocked: Blocked, now: Monotonic) {
        self.blocked = None;
        if self.outbox.pending_bytes() == 0 {
            return;
        }
        if self.outbox.written_bytes() == blocked.written {
            self.outbox.close(CloseReason::SlowConsumerWriteDeadline);
        } else {
            self.handle_blocked(now);
        }
    }

    fn check_silence(&mut self, now: Monotonic) {
        match self.keepalive.handle_timeout(now) {
            PingAction::Wait => {}
            PingAction::Ping => {
                self.outbox.post(encode::PING);
            }
            PingAction::GiveUp => {
                self.post_err(&ClientError::StaleConnection);
                self.phase = Phase::Closing(CloseReason::StaleConnection);
            }
        }
    }

    /// Tells the client why, outside of a turn, and ends the session.
    pub fn reject(&mut self, error: &ClientError, reason: CloseReason) {
        self.post_err(error);
        self.phase = Phase::Closing(reason);
    }

    /// Sends an error outside of a turn.
    fn post_err(&self, error: &ClientError) {
        let mut line = Vec::new();
        encode::err(&mut line, error);
        self.outbox.post(&line);
    }

    /// Notes that the socket takes no more just now: the write deadline runs.
    pub fn handle_blocked(&mut self, now: Monotonic) {
        if self.blocked.is_none() {
            let deadline = now + self.engine.limits().write_deadline;
            self.blocked = Some(Blocked { written: self.outbox.written_bytes(), deadline });
        }
    }

    /// Ends the session: interest gone, outbox closed, the connection forgotten. A second call does nothing.
    pub fn close(&mut self, reason: CloseReason) {
        if matches!(self.phase, Phase::Closed(_)) {
            return;
        }
        let reason = self.end().unwrap_or(reason);
        self.phase = Phase::Closed(reason);
        self.give_up_gathering();
        tracing::debug!(cid = self.connection.id().0, %reason, "connection closed");
        self.engine.disconnect(&self.connection, &self.router, reason);
        self.membership = None;
    }

    fn publisher(&self) -> Publisher {
        Publisher { id: self.connection.id(), echo: self.options.echo }
    }

    /// Stages a control line for this client, in order with what is delivered to it.
    fn reply(&self, worker: &mut Worker, line: &[u8]) {
        let (stage, _) = worker.batch.stage(&self.outbox);
        stage.frames.open().extend_from_slice(line);
        worker.batch.note_staged(line.len());
    }

    fn reply_ok(&self, worker: &mut Worker) {
        if self.options.verbose {
            self.reply(worker, encode::OK);
        }
    }

    fn reply_err(&self, worker: &mut Worker, error: &ClientError) {
        tracing::debug!(cid = self.connection.id().0, %error, "client error");
        let mut line = Vec::new();
        encode::err(&mut line, error);
        self.reply(worker, &line);
    }

    /// Tells the client why, and ends the session.
    fn refuse(&mut self, worker: &mut Worker, error: &ClientError, reason: CloseReason) {
        self.reply_err(worker, error);
        self.phase = Phase::Closing(reason);
    }

    /// Hands out what the turn staged, and counts.
    fn finish_turn(&mut self, worker: &mut Worker, now: Monotonic) -> Turn {
        let received = std::mem::take(&mut self.received);
        if received.messages > 0 {
            self.connection.count_received(received.messages, received.bytes);
        }
        self.note_activity(now);
        let congestion = self.flush_turn(worker).map(|congested| self.stall(congested));
        Turn { end: self.end(), congestion }
    }

    /// Ready when no reply of the last turn waits for turns of other sessions. Until then the caller reads nothing; `cx`
    /// is woken when such a turn has ended.
    pub fn poll_held(&mut self, worker: &mut Worker, cx: &Context<'_>) -> Poll<()> {
        if let Some(held) = &self.held {
            ready!(self.engine.workers().turns.poll_passed(held.grace, cx));
            self.send_held(worker);
        }
        Poll::Ready(())
    }

    fn send_held(&mut self, worker: &mut Worker) {
        if let Some(mut held) = self.held.take() {
            self.outbox.send(&mut held.frames, worker.spare());
        }
    }

    /// Takes interest back; what this turn replies waits until nothing more can come of it. (But for a turn that stages
    /// so much that it is flushed in its middle: memory goes before order.)
    fn take_back(&mut self, subscriptions: &[Arc<Subscription>]) {
        self.router.unsubscribe_all(subscriptions);
        self.grace = Some(self.engine.workers().turns.start_grace());
    }

    /// Hands out what is staged; what must come behind messages of other turns is held.
    fn flush_turn(&mut self, worker: &mut Worker) -> Option<Congested> {
        let held = self.grace.take().map(|grace| Held { grace, frames: worker.batch.withhold(&self.outbox) });
        let congested = self.gather_in_turn(worker, |session, worker| session.engine.finish_turn(worker));
        self.engine.workers().turns.end(&worker.mark);
        if let Some(held) = held {
            let passed = self.engine.workers().turns.has_passed(held.grace);
            self.held = Some(Box::new(held));
            // Most often nobody else is in a turn.
            if passed {
                self.send_held(worker);
            }
        }
        congested
    }

    fn note_activity(&mut self, now: Monotonic) {
        self.keepalive.handle_input(now);
        self.connection.set_last_activity(now);
    }

    fn stall(&self, congested: Congested) -> Congestion {
        self.connection.count_stall();
        Totals::add(&self.engine.totals().stalled_clients, 1);
        Congestion::new(congested)
    }
}

/// Spreads the first pings of clients that connect together.
fn first_ping_jitter(engine: &Engine) -> Duration {
    let delay = engine.limits().ping_interval.min(FIRST_PING_INTERVAL);
    let percent = u32::try_from(engine.random_below(PING_JITTER_PERCENT + 1)).unwrap_or(0);
    delay * percent / 100
}

impl Drop for Session {
    /// A session dropped without a close (its task was cancelled) leaves no interest behind.
    fn drop(&mut self) {
        self.close(CloseReason::ServerShutdown);
    }
}
