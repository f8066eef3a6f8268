//! What changes while the broker runs: limits, who may log in, and what accounts may and share.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use crate::api;
use crate::gate::Gate;
use crate::limits::Limits;
use crate::members::ClientLimits;
use crate::renewal::Renewal;
use crate::router::Router;
use crate::sharing::{Sharing, SharingError};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::trace::TraceOptions;

/// What accounts may and share, by their names.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// Accounts that are not named have no limits.
    pub limits: BTreeMap<String, ClientLimits>,
    /// Accounts that are not named share nothing.
    pub sharing: BTreeMap<String, Sharing>,
}

impl Engine {
    /// Has accounts be as they are told of here; those that are new are added. Clients learn of it by a
    /// [renewal](Self::renew) that comes behind.
    ///
    /// # Errors
    /// [`SharingError`] for the first thing that cannot be; nothing has changed then.
    pub fn change_accounts(self: &Arc<Self>, change: &AccountChange) -> Result<(), SharingError> {
        self.check_sharing(&change.sharing)?;
        let known: BTreeSet<_> = self.account_list().iter().map(|router| router.account().to_owned()).collect();
        for name in change.limits.keys().chain(change.sharing.keys()).filter(|name| !known.contains(*name)) {
            self.open_account(name);
        }
        for router in self.account_list() {
            router.members().set_limits(change.limits.get(router.account()).copied().unwrap_or_default());
        }
        self.share(&change.sharing)
    }

    /// Adds an account while the broker runs, unless there is one of this name. It has no streams.
    pub fn open_account(self: &Arc<Self>, name: &str) -> Arc<Router> {
        let known = self.account(name);
        known.unwrap_or_else(|| {
            let router = self.add_account(name);
            if self.has_jetstream() {
                api::service::start(self, &router, self.info().domain.as_deref());
            }
            self.grant_system_requests_to(&router);
            router
        })
    }

    /// Has other limits hold, and logins be judged at another gate, or not at all. Clients over the network take it on by
    /// themselves: the renewal tells when all have. Of limits, those of bytes that wait stay what they are.
    pub fn renew(self: &Arc<Self>, limits: &Limits, gate: Option<Gate>) -> Renewal {
        let present = self.limits();
        let limits = Limits { max_pending: present.max_pending, max_buffered: present.max_buffered, ..limits.clone() };
        {
            let mut info = self.info.lock();
            info.max_payload = limits.max_payload;
            info.auth_required = gate.as_ref().is_some_and(|gate| !gate.allows_anonymous());
        }
        let room = limits.max_connections;
        *self.limits.lock() = Arc::new(limits);
        *self.gate.lock() = gate.map(Arc::new);
        self.notify_all(room)
    }

    /// Has what clients that come from now on say and hear be told of, or not; a [renewal](Self::renew) has those follow that
    /// are there.
    pub fn set_trace(&self, trace: Option<TraceOptions>) {
        *self.trace.lock() = trace;
    }

    pub(crate) fn trace(&self) -> Option<TraceOptions> {
        *self.trace.lock()
    }

    /// Clients that come after the change find it made.
    fn notify_all(&self, room: usize) -> Renewal {
        let renewal = Renewal::default();
        let connections = self.registry.connections();
        let wire = connections.iter().filter_map(|connection| Some((connection, connection.outbox()?)));
        for (index, (connection, outbox)) in wire.enumerate() {
            // The youngest go. [nats-server: `max_connections`, which cuts any]
            connection.notify(renewal.notice(index >= room));
            outbox.wake_owner();
        }
        renewal
    }

    /// When the configuration was read last, and the digest of its file, if it was one.
    pub fn loaded(&self) -> (std::time::SystemTime, String) {
        let loaded = self.loaded.lock();
        (loaded.0.unwrap_or(self.start), loaded.1.clone())
    }

    /// Notes that the configuration was read just now. `digest` is of the file, if it was one.
    pub fn set_loaded(&self, digest: &str) {
        *self.loaded.lock() = (Some(self.clock.wall()), digest.to_owned());
    }

    /// How long a client may take for its login, where there are logins.
    pub fn login_timeout(&self) -> Option<std::time::Duration> {
        self.gate().map(|gate| gate.timeout)
    }

    pub(crate) fn grants_system_requests(&self) -> bool {
        self.grants_system_requests.load(Ordering::Acquire)
    }
}
