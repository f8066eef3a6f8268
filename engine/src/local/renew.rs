//! A change of the configuration reaches an in-process client.

use embus_auth::{ConnectionType, Identity, Login};

use super::LocalClient;
use crate::sync::atomic::Ordering;

impl LocalClient {
    /// Takes on a change of the configuration: what its user may do now, and the end with its user. An identity that the
    /// program made up stays what it is.
    pub fn renew(&self) {
        let known = self.identity.lock().clone();
        let login = Login { connection_type: ConnectionType::InProcess, ..Login::default() };
        let reviewed = match self.engine.gate() {
            _ if !known.has_origin() => Some(known),
            Some(gate) => gate.review(&known, &login).ok(),
            None => None,
        };
        let is_same = |identity: &Identity| {
            self.engine.accounts().of(identity).is_ok_and(|router| router.id() == self.router.id())
        };
        match reviewed.filter(is_same) {
            Some(identity) => self.go_on_as(identity),
            None => self.close(),
        }
    }

    fn go_on_as(&self, identity: Identity) {
        let is_other = self.connection.permissions() != identity.permissions;
        if is_other {
            self.take_on(&identity);
            let ended = self.connection.withdraw(&self.router);
            self.end_subscriptions(&ended);
        } else {
            let (max_payload, max_subscriptions) = self.router.limits_of(&self.engine.limits(), &identity);
            self.max_payload.store(max_payload, Ordering::Relaxed);
            self.max_subscriptions.store(max_subscriptions, Ordering::Relaxed);
        }
        *self.identity.lock() = identity;
    }
}
