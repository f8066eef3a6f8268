//! A change of the configuration reaches the client: it is judged anew, between two turns. [nats-server:
//! `reloadAuthorization`]

use embus_auth::{Dismissed, Identity, Refused};
use embus_protocol::connect::ConnectOptions;
use embus_protocol::error::ClientError;

use super::login::Gatekeeper;
use super::{Phase, Session};
use crate::close::CloseReason;
use crate::gate::Gate;
use crate::rights::Rights;
use crate::subscription::Subscription;
use crate::sync::Arc;
use crate::trace::Trace;

impl Session {
    /// Takes on a change of the configuration, if there is one. To be called before each turn, and whenever the owner was
    /// woken.
    #[inline]
    pub fn take_change(&mut self) {
        if let Some(notice) = self.connection.take_notice() {
            self.renew(notice.makes_room);
            // Only now is it taken on.
            drop(notice);
        }
    }

    #[cold]
    fn renew(&mut self, makes_room: bool) {
        if self.end().is_some() {
            return;
        }
        self.take_trace();
        let limits = self.engine.limits();
        self.max_control_line = limits.max_control_line;
        self.keepalive.set_pace(limits.ping_interval, limits.ping_max, self.engine.now());
        if makes_room {
            let (error, reason) = (ClientError::MaximumConnectionsExceeded, CloseReason::MaximumConnectionsExceeded);
            return self.reject(&error, reason);
        }
        let gate = self.engine.gate();
        if self.membership.is_none() {
            return self.meet_gate(gate);
        }
        match self.review(gate.as_deref()).and_then(|identity| self.go_on_as(identity, gate)) {
            Ok(()) => {}
            Err(Dismissed::Refused(refused)) => {
                self.tell_refused(&refused);
                self.reject(&ClientError::AuthorizationViolation, CloseReason::AuthenticationFailure);
            }
            Err(_) => self.phase = Phase::Closing(CloseReason::ClientClosed),
        }
    }

    /// Tells of what the client says and hears, if that is wanted, under the name that it has now.
    pub(super) fn take_trace(&mut self) {
        let is_system = self.router.id() == self.engine.system_account().id();
        let wanted = self.engine.trace().filter(|options| options.system_account || !is_system);
        let trace = wanted.map(|options| Trace::of(&self.connection, options));
        self.outbox.set_trace(trace.clone());
        self.trace = trace.map(Box::new);
    }

    /// A client that has not logged in meets the new gate; one that is being judged meets it when the verdict is in.
    fn meet_gate(&mut self, gate: Option<Arc<Gate>>) {
        if self.awaits_verdict() {
            return;
        }
        match (gate, &mut self.gatekeeper) {
            (Some(gate), Some(gatekeeper)) => gatekeeper.gate = gate,
            (Some(_), None) => {}
            (None, _) => {
                self.gatekeeper = None;
                self.join_unasked();
            }
        }
    }

    /// What the present gate says of the client: nothing is kept of its credentials.
    fn review(&self, gate: Option<&Gate>) -> Result<Identity, Dismissed> {
        let known = self.gatekeeper.as_ref().and_then(|gatekeeper| gatekeeper.identity.clone()).unwrap_or_default();
        match gate {
            Some(gate) => gate.review(&known, &self.login(ConnectOptions::default(), String::new())),
            None if known.has_origin() => Err(Dismissed::Gone),
            // Nobody is anybody any more.
            None => Ok(Identity::default()),
        }
    }

    /// What a verdict is worth that comes from a gate that is not there any more.
    pub(super) fn still(&self, identity: Identity) -> Result<Identity, Refused> {
        let Some(judged) = self.gatekeeper.as_ref().map(|gatekeeper| &gatekeeper.gate) else { return Ok(identity) };
        match self.engine.gate() {
            Some(gate) if Arc::ptr_eq(&gate, judged) => Ok(identity),
            Some(gate) => {
                let review = gate.review(&identity, &self.login(ConnectOptions::default(), String::new()));
                review.map_err(|dismissed| match dismissed {
                    Dismissed::Refused(refused) => refused,
                    _ => Refused::Credentials,
                })
            }
            None => Err(Refused::Credentials),
        }
    }

    /// Takes on what the client may do from now on. Into another account nobody is carried along.
    fn go_on_as(&mut self, identity: Identity, gate: Option<Arc<Gate>>) -> Result<(), Dismissed> {
        let router = self.engine.accounts().of(&identity)?;
        if router.id() != self.router.id() {
            return Err(Dismissed::Gone);
        }
        self.take_rights(&identity);
        self.take_limits(&identity);
        self.connection.set_user(&identity.user);
        let identity = Arc::new(identity);
        self.have_gatekeeper(gate, Arc::clone(&identity));
        self.take_end(&identity)?;
        let held = self.connection.subscriptions().lock().len();
        if self.max_subscriptions > 0 && held > self.max_subscriptions {
            self.reject(&ClientError::MaximumSubscriptionsExceeded, CloseReason::MaximumSubscriptionsExceeded);
        }
        Ok(())
    }

    fn have_gatekeeper(&mut self, gate: Option<Arc<Gate>>, identity: Arc<Identity>) {
        let Some(gate) = gate else {
            self.gatekeeper = None;
            return;
        };
        if self.gatekeeper.is_none() {
            self.gatekeeper = Gatekeeper::new(&self.engine, self.engine.now(), None);
        }
        if let Some(gatekeeper) = &mut self.gatekeeper {
            gatekeeper.let_in(gate, identity);
        }
    }

    /// Other rights end subscriptions that they do not allow. Those that stay the same leave answers that the client may
    /// give as they are.
    fn take_rights(&mut self, identity: &Identity) {
        if self.connection.permissions() == identity.permissions {
            return;
        }
        self.rights = Rights::of(identity, self.engine.clock());
        self.connection.set_rights(self.rights.clone());
        self.permitted.clear();
        for subscription in self.connection.withdraw(&self.router) {
            self.post_err(&withdrawn(&subscription));
        }
    }
}

fn withdrawn(subscription: &Subscription) -> ClientError {
    ClientError::SubscriptionWithdrawn {
        subject: (&**subscription.filter()).into(),
        sid: subscription.sid().as_bytes().into(),
    }
}
