//! What a broker counts and measures, at one moment.
//!
//! [`Broker::metrics`](crate::Broker::metrics) gives all of it at once, as plain numbers for whatever collects them. The
//! monitoring port shows the same at `/metrics`, in Prometheus's text format.

use std::time::{Duration, SystemTime};

use embus_engine::Engine;
use embus_engine::close::CloseReason;
use embus_engine::jetstream::JetStream;
use embus_engine::statistics::Traffic;

/// A broker's counters and gauges at one moment. A counter only rises while the broker runs, and starts at 0 with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// When the broker started.
    pub start: SystemTime,
    /// How long it has run.
    pub uptime: Duration,
    /// Gauge: clients over the network.
    pub connections: u64,
    /// Counter: clients over the network that ever came.
    pub total_connections: u64,
    /// Gauge: clients in the process.
    pub in_process_clients: u64,
    /// Counters: clients over the network that went, by the reason; those that never were one are not listed.
    pub closed: Vec<(CloseReason, u64)>,
    /// Gauge: subscriptions, those of the broker itself among them.
    pub subscriptions: u64,
    /// Gauge: different subject filters of them.
    pub filters: u64,
    /// Counters: messages, and bytes of headers and payload, that came in and went out.
    pub traffic: Traffic,
    /// Counter: clients that were cut because they read too slowly.
    pub slow_consumers: u64,
    /// Counter: clients that were cut because they did not answer pings.
    pub stale_connections: u64,
    /// Counter: how often a producer was held back for its readers.
    pub stalled_clients: u64,
    /// Counter: messages that in-process subscribers lost because too many waited for them.
    pub dropped_messages: u64,
    /// Gauge: bytes that wait for readers.
    pub buffered_bytes: u64,
    /// Counter: subjects that publishers over the network looked up.
    pub matches: u64,
    /// Counter: those of them that a cache answered.
    pub match_cache_hits: u64,
    /// The accounts, by name.
    pub accounts: Vec<AccountMetrics>,
    /// Streams, if the broker keeps any.
    pub jetstream: Option<JetStreamMetrics>,
}

/// Those of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountMetrics {
    /// Its name.
    pub name: String,
    /// Gauge: clients over the network.
    pub connections: u64,
    /// Counter: clients over the network that ever came.
    pub total_connections: u64,
    /// Gauge: subscriptions.
    pub subscriptions: u64,
    /// Counters: messages and bytes of clients over the network.
    pub traffic: Traffic,
    /// Counter: clients that were cut because they read too slowly.
    pub slow_consumers: u64,
}

/// Those of streams.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JetStreamMetrics {
    /// Gauge: bytes that streams in memory may hold together.
    pub max_memory_bytes: u64,
    /// Gauge: bytes that file streams may hold together.
    pub max_storage_bytes: u64,
    /// Those of each account that has streams, by name.
    pub accounts: Vec<AccountStreamMetrics>,
}

/// Those of the streams of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountStreamMetrics {
    /// The name of the account.
    pub account: String,
    /// Gauge: how many streams there are.
    pub streams: u64,
    /// Gauge: their consumers.
    pub consumers: u64,
    /// Gauge: messages that they hold.
    pub messages: u64,
    /// Gauge: bytes that those in memory hold.
    pub memory_bytes: u64,
    /// Gauge: bytes that those in files hold.
    pub storage_bytes: u64,
    /// Gauge: bytes that those in memory keep for themselves.
    pub reserved_memory_bytes: u64,
    /// Gauge: bytes that those in files keep for themselves.
    pub reserved_storage_bytes: u64,
    /// Counter: requests to the API.
    pub api_requests: u64,
    /// Counter: those of them that failed.
    pub api_errors: u64,
    /// Gauge: requests that are not answered yet.
    pub api_inflight: u64,
}

impl Metrics {
    /// Those of a broker now.
    pub(crate) fn of(engine: &Engine) -> Self {
        let statistics = engine.statistics();
        let (start, now) = (statistics.start, engine.clock().wall());
        Self {
            start,
            uptime: now.duration_since(start).unwrap_or_default(),
            connections: count(statistics.connections),
            total_connections: statistics.total_connections,
            in_process_clients: count(engine.in_process_clients()),
            closed: engine.closes(),
            subscriptions: count(statistics.subscriptions),
            filters: count(statistics.interest.filters),
            traffic: statistics.traffic,
            slow_consumers: statistics.slow_consumers,
            stale_connections: statistics.stale_connections,
            stalled_clients: statistics.stalled_clients,
            dropped_messages: statistics.dropped_msgs,
            buffered_bytes: count(statistics.buffered_bytes),
            matches: statistics.interest.matches,
            match_cache_hits: statistics.interest.cache_hits,
            accounts: accounts(engine),
            jetstream: engine.jetstream_facts().map(|facts| JetStreamMetrics {
                max_memory_bytes: facts.max_memory,
                max_storage_bytes: facts.max_storage,
                accounts: engine.jetstreams().iter().map(|jetstream| streams(jetstream)).collect(),
            }),
        }
    }
}

fn accounts(engine: &Engine) -> Vec<AccountMetrics> {
    let row = |account: embus_engine::statistics::AccountSnapshot| AccountMetrics {
        name: account.name,
        connections: count(account.connections),
        total_connections: account.total_connections,
        subscriptions: count(account.subscriptions),
        traffic: account.traffic,
        slow_consumers: account.slow_consumers,
    };
    engine.accounts_now().into_iter().map(row).collect()
}

fn streams(jetstream: &JetStream) -> AccountStreamMetrics {
    let account = jetstream.account();
    let held = jetstream.list(None);
    AccountStreamMetrics {
        account: jetstream.account_name().to_owned(),
        streams: count(account.streams),
        consumers: count(account.consumers),
        messages: held.iter().map(|stream| stream.look(|core| core.state().messages)).sum(),
        memory_bytes: account.memory,
        storage_bytes: account.storage,
        reserved_memory_bytes: account.reserved_memory,
        reserved_storage_bytes: account.reserved_storage,
        api_requests: account.api_total,
        api_errors: account.api_errors,
        api_inflight: account.api_inflight,
    }
}

/// A number of things is never larger than this.
fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
