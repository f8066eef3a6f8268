//! The wire clients of an account: how many there may be, how many there are, and what the departed brought.

use embus_auth::Identity;
use parking_lot::Mutex;

use crate::close::CloseReason;
use crate::limits::Limits;
use crate::router::Router;
use crate::statistics::Traffic;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What an account allows its clients, beside what the broker allows. [reference §1.11]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientLimits {
    /// Connections at once; in-process clients do not count.
    pub max_connections: Option<usize>,
    /// Subscriptions of one connection; 0 is none at all.
    pub max_subscriptions: Option<usize>,
    /// Bytes of headers and payload in one message.
    pub max_payload: Option<usize>,
}

/// Counts of one account.
#[derive(Debug, Default)]
pub(crate) struct Members {
    limits: Mutex<ClientLimits>,
    connections: AtomicUsize,
    total: AtomicU64,
    slow_consumers: AtomicU64,
    departed: Mutex<Traffic>,
}

/// One client's place in an account, given up when this is dropped.
#[derive(Debug)]
pub(crate) struct Membership(Arc<Router>);

impl Members {
    pub(crate) fn limits(&self) -> ClientLimits {
        *self.limits.lock()
    }

    /// Sets what clients may do.
    pub(crate) fn set_limits(&self, limits: ClientLimits) {
        *self.limits.lock() = limits;
    }

    /// Clients now, and ever.
    pub(crate) fn connections(&self) -> (usize, u64) {
        (self.connections.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// Notes what a client brought that has gone.
    pub(crate) fn count_departed(&self, traffic: Traffic, reason: CloseReason) {
        *self.departed.lock() += traffic;
        self.slow_consumers.fetch_add(u64::from(reason.is_slow_consumer()), Ordering::Relaxed);
    }

    /// What the departed brought.
    pub(crate) fn departed(&self) -> Traffic {
        *self.departed.lock()
    }

    /// Clients that were cut because they read too slowly.
    pub(crate) fn slow_consumers(&self) -> u64 {
        self.slow_consumers.load(Ordering::Relaxed)
    }
}

impl Router {
    /// Bytes of one message and subscriptions of a client that broker, account and user allow together.
    pub(crate) fn limits_of(&self, limits: &Limits, identity: &Identity) -> (usize, usize) {
        let ClientLimits { max_payload, max_subscriptions, .. } = self.members().limits();
        let payload = [identity.max_payload, max_payload].into_iter().flatten().fold(limits.max_payload, usize::min);
        // Of the broker's own, 0 is no bound.
        let own = Some(limits.max_subscriptions).filter(|bound| *bound > 0);
        let bounds = [identity.max_subscriptions, max_subscriptions, own];
        (payload, bounds.into_iter().flatten().min().unwrap_or(usize::MAX))
    }
}

impl Membership {
    /// A place in the account, if one is left.
    pub(crate) fn join(router: &Arc<Router>) -> Option<Self> {
        let members = router.members();
        let limit = members.limits().max_connections.unwrap_or(usize::MAX);
        if members.connections.fetch_add(1, Ordering::Relaxed) >= limit {
            members.connections.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        members.total.fetch_add(1, Ordering::Relaxed);
        Some(Self(Arc::clone(router)))
    }

    /// Whether it is one in this account.
    pub(crate) fn is_in(&self, router: &Arc<Router>) -> bool {
        Arc::ptr_eq(&self.0, router)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.0.members().connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_up_and_taken_again() {
        let router = Arc::new(Router::new(1, "A"));
        router.members().set_limits(ClientLimits { max_connections: Some(1), ..ClientLimits::default() });
        let first = Membership::join(&router);
        assert!(first.is_some() && Membership::join(&router).is_none());
        drop(first);
        assert!(Membership::join(&router).is_some());
        assert_eq!(router.members().connections(), (0, 2));
    }
}
