//! `/metrics`: the broker's numbers in Prometheus's text format.
//!
//! There are two sets of names: `embus_…` of our own, and those under which prometheus-nats-exporter shows what it reads from
//! the other pages (`gnatsd_varz_…`, `jetstream_…`), so that dashboards and alerts for it go on working. Rows of single
//! streams and consumers are there when the query asks for `streams` or `consumers`, as with `/jsz`: there may be many.

mod names;
mod streams;
mod text;

use std::time::{Duration, SystemTime};

use embus_engine::statistics::Traffic;

use super::query::{Query, QueryError};
use super::{Source, process, varz};
use crate::metrics::{AccountMetrics, AccountStreamMetrics, JetStreamMetrics, Metrics};
use text::{Kind, Text};

/// What the query asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    streams: bool,
    consumers: bool,
}

impl Options {
    /// Asking for consumers asks for their streams.
    pub(super) fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        let consumers = query.flag("consumers")?;
        Ok(Self { streams: query.flag("streams")? || consumers, consumers })
    }
}

/// The page now.
pub(super) fn render(source: &dyn Source, options: Options) -> String {
    let (facts, metrics) = (source.facts(), source.metrics());
    let mut text = Text::default();
    let info = &facts.info;
    let labels = [("server_id", &*info.server_id), ("server_name", &*info.server_name), ("version", &*info.version)];
    text.family("embus_info", Kind::Gauge, "Who the server is.");
    text.row("embus_info", &labels, 1);
    text.gauge(
        "embus_accepting",
        "Whether new clients are taken: 0 from lame duck mode on.",
        u8::from(facts.is_accepting),
    );
    text.gauge("embus_start_time_seconds", "When the server started, since 1970.", seconds(metrics.start));
    text.gauge("embus_resident_memory_bytes", "Memory of the process.", process::resident_bytes());
    of_server(&mut text, &metrics);
    of_accounts(&mut text, &metrics.accounts);
    if let Some(jetstream) = &metrics.jetstream {
        of_streams(&mut text, jetstream);
    }
    names::of_varz(&mut text, &info.server_id, &varz::of_request(source));
    names::of_jetstream(&mut text, info, &metrics);
    if options.streams {
        streams::add(&mut text, source, options.consumers);
    }
    text.finish()
}

fn of_server(text: &mut Text, metrics: &Metrics) {
    text.gauge("embus_connections", "Clients over the network.", metrics.connections);
    text.counter("embus_connections_total", "Clients over the network that ever came.", metrics.total_connections);
    text.gauge("embus_in_process_clients", "Clients in the process.", metrics.in_process_clients);
    let closed = "embus_connections_closed_total";
    text.family(closed, Kind::Counter, "Clients over the network that went, by the reason.");
    for (reason, count) in &metrics.closed {
        text.row(closed, &[("reason", reason.as_str())], *count);
    }
    text.gauge("embus_subscriptions", "Subscriptions.", metrics.subscriptions);
    text.gauge("embus_filters", "Different subject filters of subscriptions.", metrics.filters);
    let Traffic { in_msgs, in_bytes, out_msgs, out_bytes } = metrics.traffic;
    text.counter("embus_received_messages_total", "Messages received.", in_msgs);
    text.counter("embus_received_bytes_total", "Bytes of headers and payload received.", in_bytes);
    text.counter("embus_sent_messages_total", "Messages delivered.", out_msgs);
    text.counter("embus_sent_bytes_total", "Bytes of headers and payload delivered.", out_bytes);
    text.counter("embus_slow_consumers_total", "Clients cut because they read too slowly.", metrics.slow_consumers);
    text.counter("embus_stale_connections_total", "Clients cut for unanswered pings.", metrics.stale_connections);
    text.counter("embus_stalled_producers_total", "How often a producer was held back.", metrics.stalled_clients);
    text.counter("embus_dropped_messages_total", "Messages that in-process readers lost.", metrics.dropped_messages);
    text.gauge("embus_buffered_bytes", "Bytes that wait for readers.", metrics.buffered_bytes);
    text.counter("embus_matches_total", "Subjects looked up.", metrics.matches);
    text.counter("embus_match_cache_hits_total", "Subjects that a cache knew.", metrics.match_cache_hits);
}

fn of_accounts(text: &mut Text, accounts: &[AccountMetrics]) {
    let mut rows = |name: &str, kind, help, value: fn(&AccountMetrics) -> u64| {
        let rows = accounts.iter().map(|account| ([("account", &*account.name)], value(account)));
        text.rows(name, kind, help, rows);
    };
    rows("embus_account_connections", Kind::Gauge, "Clients of the account.", |account| account.connections);
    rows("embus_account_connections_total", Kind::Counter, "Clients that ever came.", |account| {
        account.total_connections
    });
    rows("embus_account_subscriptions", Kind::Gauge, "Subscriptions in the account.", |account| account.subscriptions);
    rows("embus_account_received_messages_total", Kind::Counter, "Messages received.", |account| {
        account.traffic.in_msgs
    });
    rows("embus_account_received_bytes_total", Kind::Counter, "Bytes received.", |account| account.traffic.in_bytes);
    rows("embus_account_sent_messages_total", Kind::Counter, "Messages delivered.", |account| account.traffic.out_msgs);
    rows("embus_account_sent_bytes_total", Kind::Counter, "Bytes delivered.", |account| account.traffic.out_bytes);
    rows("embus_account_slow_consumers_total", Kind::Counter, "Clients that read too slowly.", |account| {
        account.slow_consumers
    });
}

fn of_streams(text: &mut Text, jetstream: &JetStreamMetrics) {
    text.gauge("embus_jetstream_max_memory_bytes", "Room for streams in memory.", jetstream.max_memory_bytes);
    text.gauge("embus_jetstream_max_storage_bytes", "Room for streams in files.", jetstream.max_storage_bytes);
    let mut rows = |name: &str, kind, help, value: fn(&AccountStreamMetrics) -> u64| {
        let rows = jetstream.accounts.iter().map(|account| ([("account", &*account.account)], value(account)));
        text.rows(name, kind, help, rows);
    };
    rows("embus_jetstream_streams", Kind::Gauge, "Streams.", |account| account.streams);
    rows("embus_jetstream_consumers", Kind::Gauge, "Consumers.", |account| account.consumers);
    rows("embus_jetstream_messages", Kind::Gauge, "Messages in streams.", |account| account.messages);
    rows("embus_jetstream_memory_bytes", Kind::Gauge, "Bytes of streams in memory.", |account| account.memory_bytes);
    rows("embus_jetstream_storage_bytes", Kind::Gauge, "Bytes of streams in files.", |account| account.storage_bytes);
    rows(
        "embus_jetstream_reserved_memory_bytes",
        Kind::Gauge,
        "Bytes that streams in memory keep for themselves.",
        |account| account.reserved_memory_bytes,
    );
    rows(
        "embus_jetstream_reserved_storage_bytes",
        Kind::Gauge,
        "Bytes that streams in files keep for themselves.",
        |account| account.reserved_storage_bytes,
    );
    rows("embus_jetstream_api_requests_total", Kind::Counter, "Requests to the API.", |account| account.api_requests);
    rows("embus_jetstream_api_errors_total", Kind::Counter, "Requests that failed.", |account| account.api_errors);
    rows("embus_jetstream_api_inflight", Kind::Gauge, "Requests without an answer yet.", |account| {
        account.api_inflight
    });
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}
