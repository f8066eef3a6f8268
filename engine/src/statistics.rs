//! Counters, and snapshots of them for people and monitoring.

use std::ops::AddAssign;
use std::time::{Duration, SystemTime};

use crate::arrival::TlsSession;
use crate::close::CloseReason;
use crate::connection::{Connection, ConnectionKind};
use crate::sharing::Sharing;
use crate::subscription::Subscription;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Counters of a broker that no single connection has. Raised once per turn, not per message.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) connections: AtomicU64,
    pub(crate) slow_consumers: AtomicU64,
    pub(crate) stale_connections: AtomicU64,
    pub(crate) stalled_clients: AtomicU64,
    pub(crate) cache_hits: AtomicU64,
    pub(crate) matches: AtomicU64,
    /// Clients that went, in the order of [`CloseReason::ALL`].
    closes: [AtomicU64; CloseReason::ALL.len()],
}

impl Totals {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        if count > 0 {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub(crate) fn closes(&self) -> impl Iterator<Item = (CloseReason, u64)> {
        CloseReason::ALL.into_iter().zip(self.closes.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    pub(crate) fn count_close(&self, reason: CloseReason) {
        let counter = CloseReason::ALL.iter().position(|known| *known == reason).and_then(|at| self.closes.get(at));
        if let Some(counter) = counter {
            Self::add(counter, 1);
        }
        Self::add(&self.slow_consumers, u64::from(reason.is_slow_consumer()));
        Self::add(&self.stale_connections, u64::from(reason == CloseReason::StaleConnection));
    }
}

/// What went through a connection, or through many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages received.
    pub in_msgs: u64,
    /// Bytes of headers and payload received.
    pub in_bytes: u64,
    /// Messages delivered.
    pub out_msgs: u64,
    /// Bytes of headers and payload delivered.
    pub out_bytes: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.in_msgs += other.in_msgs;
        self.in_bytes += other.in_bytes;
        self.out_msgs += other.out_msgs;
        self.out_bytes += other.out_bytes;
    }
}

/// A broker's counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// When the broker started.
    pub start: SystemTime,
    /// Connections now, in-process clients not counted.
    pub connections: usize,
    /// Connections ever made, in-process clients not counted.
    pub total_connections: u64,
    /// Subscriptions now.
    pub subscriptions: usize,
    /// Messages and bytes that came in and went out, over connections that are gone too.
    pub traffic: Traffic,
    /// Connections cut because they read too slowly.
    pub slow_consumers: u64,
    /// Connections cut because they did not answer pings.
    pub stale_connections: u64,
    /// How often a producer was held back for its readers.
    pub stalled_clients: u64,
    /// Messages that in-process subscribers lost because too many waited for them.
    pub dropped_msgs: u64,
    /// Bytes that wait for readers now.
    pub buffered_bytes: usize,
    /// How matching does.
    pub interest: InterestStatistics,
}

/// Counters of matching.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InterestStatistics {
    /// Different subject filters now.
    pub filters: usize,
    /// Subscriptions ever registered.
    pub inserts: u64,
    /// Subscriptions ever removed.
    pub removes: u64,
    /// Subjects ever looked up by wire publishers.
    pub matches: u64,
    /// Of those, answered from a cache.
    pub cache_hits: u64,
}

/// One connection at one moment, or as it was when it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionSnapshot {
    /// Its number.
    pub cid: u64,
    /// How it reached the broker.
    pub kind: ConnectionKind,
    /// Its address.
    pub ip: String,
    /// Its port.
    pub port: u16,
    /// When it connected.
    pub start: SystemTime,
    /// When traffic was last seen; for an in-process client, when it was made.
    pub last_activity: SystemTime,
    /// When it ended.
    pub stop: Option<SystemTime>,
    /// Why it ended.
    pub reason: Option<CloseReason>,
    /// Round trip of the last answered ping.
    pub rtt: Option<Duration>,
    /// Bytes that wait for it.
    pub pending_bytes: usize,
    /// What came from it and went to it.
    pub traffic: Traffic,
    /// How often it was held back as a producer.
    pub stalls: u64,
    /// How many subscriptions it has.
    pub subscriptions: usize,
    /// Its name, from CONNECT.
    pub name: String,
    /// Language of its client library.
    pub lang: String,
    /// Version of its client library.
    pub version: String,
    /// The user that it logged in as; empty without a login.
    pub user: String,
    /// Its account.
    pub account: String,
    /// The TLS session that it speaks in, if it does.
    pub tls: Option<TlsSession>,
}

impl ConnectionSnapshot {
    /// What is known of `connection` now.
    pub(crate) fn of(connection: &Connection) -> Self {
        let account = connection.account();
        let identity = connection.identity();
        Self {
            cid: connection.id().0,
            kind: connection.peer().kind,
            ip: connection.peer().host.clone(),
            port: connection.peer().port,
            start: connection.start(),
            last_activity: connection.last_activity(),
            stop: None,
            reason: None,
            rtt: connection.rtt(),
            pending_bytes: pending_bytes(connection),
            traffic: connection.traffic(),
            stalls: connection.stalls(),
            subscriptions: connection.subscriptions().lock().len(),
            name: identity.name,
            lang: identity.lang,
            version: identity.version,
            user: identity.user,
            account,
            tls: connection.tls().cloned(),
        }
    }
}

/// What waits for a client: in its outbox, or in the queues of its subscriptions.
fn pending_bytes(connection: &Connection) -> usize {
    if let Some(outbox) = connection.outbox() {
        return outbox.pending_bytes();
    }
    let held = connection.subscriptions().lock();
    held.iter().filter_map(|subscription| subscription.local()).map(|queue| queue.held_bytes()).sum()
}

/// One account at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSnapshot {
    /// Its name.
    pub name: String,
    /// Whether it is the account of the broker itself.
    pub is_system: bool,
    /// Whether it has streams.
    pub jetstream: bool,
    /// Clients over the network now.
    pub connections: usize,
    /// Clients over the network ever.
    pub total_connections: u64,
    /// Subscriptions of its clients now.
    pub subscriptions: usize,
    /// What went through clients over the network, those that are gone too.
    pub traffic: Traffic,
    /// Clients that were cut because they read too slowly.
    pub slow_consumers: u64,
    /// What it shares with others.
    pub sharing: Sharing,
    /// How matching does; cached matches are those of workers, not of accounts.
    pub interest: InterestStatistics,
}

/// One subscription at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSnapshot {
    /// Its account.
    pub account: String,
    /// The subject filter.
    pub subject: String,
    /// Its queue group.
    pub queue: Option<String>,
    /// The client's name for it.
    pub sid: String,
    /// Deliveries so far, those among them that an in-process subscriber lost.
    pub msgs: u64,
    /// Deliveries after which it ends; 0 means never.
    pub max: u64,
    /// Whose it is.
    pub cid: u64,
}

impl SubscriptionSnapshot {
    /// What is known of `subscription` now.
    pub(crate) fn of(subscription: &Subscription, account: &str) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            account: account.to_owned(),
            subject: text(subscription.filter()),
            queue: subscription.queue().map(text),
            sid: text(subscription.sid().as_bytes()),
            msgs: subscription.delivered(),
            max: subscription.max(),
            cid: subscription.connection().id().0,
        }
    }
}
