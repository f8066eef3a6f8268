//! What can be seen of a broker from outside.

use super::Engine;
use crate::close::CloseReason;
use crate::connection::Connection;
use crate::router::Router;
use crate::statistics::{AccountSnapshot, ConnectionSnapshot, InterestStatistics, Statistics, SubscriptionSnapshot};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

impl Engine {
    /// The broker's counters now.
    pub fn statistics(&self) -> Statistics {
        let count = |counter: &crate::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let accounts = self.accounts.all();
        let (mut subscriptions, mut filters, mut inserts, mut removes) = (0, 0, 0, 0);
        for ((held, different), (inserted, removed)) in accounts.iter().map(|router| (router.sizes(), router.changes()))
        {
            subscriptions += held;
            filters += different;
            inserts += inserted;
            removes += removed;
        }
        Statistics {
            start: self.start,
            connections: self.wire_connections.load(Ordering::Acquire),
            total_connections: count(&self.totals.connections),
            subscriptions,
            traffic: self.registry.traffic(),
            slow_consumers: count(&self.totals.slow_consumers),
            stale_connections: count(&self.totals.stale_connections),
            stalled_clients: count(&self.totals.stalled_clients),
            dropped_msgs: self.budget.dropped(),
            buffered_bytes: self.budget.used(),
            interest: InterestStatistics {
                filters,
                inserts,
                removes,
                matches: count(&self.totals.matches),
                cache_hits: count(&self.totals.cache_hits),
            },
        }
    }

    /// How many clients over the network went for which reasons; reasons that never were one are left out.
    pub fn closes(&self) -> Vec<(CloseReason, u64)> {
        self.totals.closes().filter(|(_, count)| *count > 0).collect()
    }

    /// Clients in the process now.
    pub fn in_process_clients(&self) -> usize {
        self.registry.connections().iter().filter(|connection| connection.outbox().is_none()).count()
    }

    /// All accounts, by name.
    pub fn accounts_now(&self) -> Vec<AccountSnapshot> {
        let open = self.registry.connections();
        self.account_list().iter().map(|router| self.account_now(router, &open)).collect()
    }

    fn account_now(&self, router: &Router, open: &[Arc<Connection>]) -> AccountSnapshot {
        let members = router.members();
        let mut traffic = members.departed();
        let of_account = open.iter().filter(|open| open.outbox().is_some() && open.account() == router.account());
        of_account.for_each(|connection| traffic += connection.traffic());
        let ((subscriptions, filters), (inserts, removes)) = (router.sizes(), router.changes());
        let (connections, total_connections) = members.connections();
        AccountSnapshot {
            name: router.account().to_owned(),
            is_system: router.id() == self.system_account().id(),
            jetstream: router.jetstream().is_some(),
            connections,
            total_connections,
            subscriptions,
            traffic,
            slow_consumers: members.slow_consumers(),
            sharing: router.sharing(),
            interest: InterestStatistics { filters, inserts, removes, ..InterestStatistics::default() },
        }
    }

    /// All open connections, in-process clients among them, the oldest first.
    pub fn connections(&self) -> Vec<ConnectionSnapshot> {
        let connections = self.registry.connections();
        connections.iter().map(|connection| ConnectionSnapshot::of(connection)).collect()
    }

    /// The connections that closed last, the oldest first.
    pub fn closed_connections(&self) -> Vec<ConnectionSnapshot> {
        self.registry.closed()
    }

    /// All subscriptions, by the age of their connections.
    pub fn subscriptions(&self) -> Vec<SubscriptionSnapshot> {
        let connections = self.registry.connections();
        let snapshot = |connection: &Arc<Connection>| {
            let account = connection.account();
            let held = connection.subscriptions().lock();
            held.iter().map(|subscription| SubscriptionSnapshot::of(subscription, &account)).collect::<Vec<_>>()
        };
        connections.iter().flat_map(snapshot).collect()
    }
}
