//! Logging in: until a client has said who it is, nothing of it is carried out but CONNECT.
//!
//! A verdict that takes time holds the session up: what the client sends meanwhile is kept unread, and its login time
//! runs on.

use std::task::{Context, Poll};

use embus_auth::{ConnectionType, Identity, Login, LoginTls, Refused};
use embus_protocol::connect::ConnectOptions;
use embus_protocol::error::ClientError;

use super::{Phase, Session, Turn};
use crate::arrival::complete;
use crate::clock::{Clock, Monotonic};
use crate::close::CloseReason;
use crate::connection::ConnectionKind;
use crate::engine::Engine;
use crate::gate::{Gate, Judgement, Outcome, Pending};
use crate::members::Membership;
use crate::rights::Rights;
use crate::sync::Arc;
use crate::worker::Worker;

/// What a session has where clients log in.
pub(super) struct Gatekeeper {
    pub(super) gate: Arc<Gate>,
    nonce: String,
    /// Until when the login has to be through; nothing once it is.
    deadline: Option<Monotonic>,
    /// When the credentials end.
    end: Option<End>,
    /// Who it is, once it is somebody.
    pub(super) identity: Option<Arc<Identity>>,
    waiting: Option<Waiting>,
    /// What the client brought outside of the protocol.
    credentials: Option<Box<ConnectOptions>>,
}

/// When credentials end, and what the client is told then.
#[derive(Clone, Copy)]
struct End {
    at: Monotonic,
    error: &'static ClientError,
}

/// A login on which the verdict is not in.
struct Waiting {
    connect: ConnectOptions,
    verdict: Pending,
}

impl Gatekeeper {
    pub(super) fn new(engine: &Engine, now: Monotonic, credentials: Option<Box<ConnectOptions>>) -> Option<Box<Self>> {
        let gate = engine.gate()?;
        let (nonce, deadline) = (gate.nonce(), Some(now + gate.timeout));
        Some(Box::new(Self { gate, nonce, deadline, end: None, identity: None, waiting: None, credentials }))
    }

    /// Notes that the client is in, as somebody.
    pub(super) fn let_in(&mut self, gate: Arc<Gate>, identity: Arc<Identity>) {
        (self.gate, self.identity, self.deadline) = (gate, Some(identity), None);
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// When something is due.
    pub(super) fn next_timeout(&self) -> Option<Monotonic> {
        [self.deadline, self.end.map(|end| end.at)].into_iter().flatten().min()
    }
}

impl Session {
    /// Whether this client has yet to say who it is.
    #[inline]
    pub(super) fn is_stranger(&self) -> bool {
        self.phase == Phase::Connecting && self.gatekeeper.is_some()
    }

    /// Whether nothing more may be carried out before a verdict is in.
    #[inline]
    pub(super) fn awaits_verdict(&self) -> bool {
        self.gatekeeper.as_ref().is_some_and(|gatekeeper| gatekeeper.waiting.is_some())
    }

    /// A client begins without a CONNECT: it is let in as one without credentials is, or not at all. Says whether its
    /// operation may go on.
    pub(super) fn let_in_unnamed(&mut self, worker: &mut Worker) -> bool {
        let connect = self.connect_so_far();
        let outcome = match self.judge(&connect) {
            Some(Judgement::Done(outcome)) => outcome.and_then(|identity| self.accept(identity)),
            // A verdict that takes time is not waited for by who has not asked.
            Some(Judgement::Pending(_)) => Err(Refused::Credentials),
            None => return true,
        };
        match outcome {
            Ok(identity) => self.accept_connect(connect, &identity),
            Err(refused) => self.turn_away(worker, &refused),
        }
        self.end().is_none()
    }

    /// Has the login judged, and welcomes the client or turns it away, now or when the verdict is in.
    pub(super) fn log_in(&mut self, worker: &mut Worker, connect: ConnectOptions) {
        let now = self.engine.now();
        match (self.judge(&connect), &mut self.gatekeeper) {
            (Some(Judgement::Done(outcome)), _) => self.conclude(worker, connect, outcome),
            (Some(Judgement::Pending(verdict)), Some(gatekeeper)) => {
                // A second CONNECT has its time, too.
                gatekeeper.deadline.get_or_insert(now + gatekeeper.gate.timeout);
                gatekeeper.waiting = Some(Waiting { connect, verdict });
            }
            _ => self.welcome(worker, connect, &Identity::default()),
        }
    }

    /// Nothing where nobody has to log in.
    fn judge(&self, connect: &ConnectOptions) -> Option<Judgement> {
        let gatekeeper = self.gatekeeper.as_ref()?;
        let mut connect = connect.clone();
        if let Some(credentials) = &gatekeeper.credentials {
            complete(&mut connect, credentials);
        }
        Some(gatekeeper.gate.judge(self.login(connect, gatekeeper.nonce.clone())))
    }

    /// What is known of the client, for who judges it.
    pub(super) fn login(&self, connect: ConnectOptions, nonce: String) -> Login {
        let (peer, tls) = (self.connection.peer(), self.connection.tls());
        Login {
            connect,
            nonce,
            address: peer.host.parse().ok(),
            connection_type: connection_type(peer.kind),
            certificate: tls.and_then(|tls| tls.certificate.clone()),
            is_mapped: self.connection.listener().is_some_and(|listener| listener.maps_certificates),
            now: self.engine.clock().wall(),
            client_id: self.connection.id().0,
            tls: tls.map(|tls| LoginTls { version: tls.version.to_owned(), cipher_suite: tls.cipher_suite.clone() }),
        }
    }

    /// Ready when no verdict is awaited; with the turn that followed on one that came in just now.
    pub fn poll_login(&mut self, worker: &mut Worker, cx: &mut Context<'_>) -> Poll<Option<Turn>> {
        let Some(waiting) = self.gatekeeper.as_mut().and_then(|gatekeeper| gatekeeper.waiting.as_mut()) else {
            return Poll::Ready(None);
        };
        let Poll::Ready(outcome) = waiting.verdict.as_mut().poll(cx) else { return Poll::Pending };
        let waiting = self.gatekeeper.as_mut().and_then(|gatekeeper| gatekeeper.waiting.take());
        let Some(Waiting { connect, .. }) = waiting else { return Poll::Ready(None) };
        Poll::Ready(Some(self.resume(worker, connect, outcome)))
    }

    /// The verdict is in: what the client sent behind its CONNECT is carried out now.
    fn resume(&mut self, worker: &mut Worker, connect: ConnectOptions, outcome: Outcome) -> Turn {
        let now = self.engine.now();
        self.engine.workers().turns.begin(&worker.mark);
        self.conclude(worker, connect, outcome);
        self.handle_kept(worker, now)
    }

    fn conclude(&mut self, worker: &mut Worker, connect: ConnectOptions, outcome: Outcome) {
        let outcome = outcome.and_then(|identity| self.still(identity)).and_then(|identity| self.accept(identity));
        match outcome {
            Ok(identity) => self.welcome(worker, connect, &identity),
            Err(refused) => self.turn_away(worker, &refused),
        }
    }

    /// Takes on the account and the rights of an identity.
    fn accept(&mut self, identity: Identity) -> Result<Arc<Identity>, Refused> {
        let end = End::of(&identity, &**self.engine.clock())?;
        let router = self.engine.accounts().of(&identity)?;
        if !self.membership.as_ref().is_some_and(|membership| membership.is_in(&router)) {
            let full = || Refused::AccountConnections(router.account().to_owned());
            self.membership = Some(Membership::join(&router).ok_or_else(full)?);
        }
        self.router = router;
        self.rights = Rights::of(&identity, self.engine.clock());
        self.connection.set_rights(self.rights.clone());
        self.permitted.clear();
        self.take_limits(&identity);
        let identity = Arc::new(identity);
        if let Some(gatekeeper) = &mut self.gatekeeper {
            (gatekeeper.deadline, gatekeeper.end) = (None, end);
            gatekeeper.identity = Some(Arc::clone(&identity));
        }
        Ok(identity)
    }

    /// Notes when the credentials of an identity end.
    pub(super) fn take_end(&mut self, identity: &Identity) -> Result<(), Refused> {
        let end = End::of(identity, &**self.engine.clock())?;
        if let Some(gatekeeper) = &mut self.gatekeeper {
            gatekeeper.end = end;
        }
        Ok(())
    }

    /// What the broker, the account and the user allow.
    pub(super) fn take_limits(&mut self, identity: &Identity) {
        (self.max_payload, self.max_subscriptions) = self.router.limits_of(&self.engine.limits(), identity);
    }

    /// Whatever was wrong, the client learns no more than that.
    fn turn_away(&mut self, worker: &mut Worker, refused: &Refused) {
        self.tell_refused(refused);
        let (error, reason) = match refused {
            // Who is let in and finds no place is told so. [nats-server: maxAccountConnExceeded]
            Refused::AccountConnections(_) => {
                (ClientError::MaximumAccountConnectionsExceeded, CloseReason::MaximumAccountConnectionsExceeded)
            }
            _ => (ClientError::AuthorizationViolation, CloseReason::AuthenticationFailure),
        };
        self.refuse(worker, &error, reason);
    }

    pub(super) fn tell_refused(&self, refused: &Refused) {
        let peer = self.connection.peer();
        tracing::warn!(cid = self.connection.id().0, host = %peer.host, %refused, "authentication error");
    }

    /// Gives up a client whose login takes too long, or whose credentials ended.
    pub(super) fn check_login(&mut self, now: Monotonic) {
        let Some(gatekeeper) = &mut self.gatekeeper else { return };
        let is_late = gatekeeper.deadline.is_some_and(|deadline| deadline <= now);
        let (error, reason) = if is_late && gatekeeper.waiting.is_some() {
            // It did its part: what is missing is a verdict. [nats-server: auth callout]
            (&ClientError::AuthorizationViolation, CloseReason::AuthenticationFailure)
        } else if is_late {
            (&ClientError::AuthenticationTimeout, CloseReason::AuthenticationTimeout)
        } else if let Some(end) = gatekeeper.end.filter(|end| end.at <= now) {
            (end.error, CloseReason::AuthenticationExpired)
        } else {
            return;
        };
        (gatekeeper.deadline, gatekeeper.end, gatekeeper.waiting) = (None, None, None);
        self.post_err(error);
        self.phase = Phase::Closing(reason);
    }
}

impl End {
    /// The first end of an identity, which has not ended yet.
    fn of(identity: &Identity, clock: &dyn Clock) -> Result<Option<Self>, Refused> {
        let Some(end) = identity.end() else { return Ok(None) };
        let left = end.duration_since(clock.wall()).map_err(|_| Refused::Credentials)?;
        let error = match identity.expires {
            Some(expires) if expires == end => &ClientError::UserAuthenticationExpired,
            _ => &ClientError::AccountAuthenticationExpired,
        };
        Ok(Some(Self { at: clock.monotonic() + left, error }))
    }
}

/// What carries a client, as permissions name it.
fn connection_type(kind: ConnectionKind) -> ConnectionType {
    match kind {
        ConnectionKind::Tcp | ConnectionKind::Unix | ConnectionKind::Stream => ConnectionType::Standard,
        ConnectionKind::WebSocket => ConnectionType::WebSocket,
        ConnectionKind::InProcess => ConnectionType::InProcess,
    }
}
