//! `STATSZ`: the numbers of the server, as the system account hears them now and then. [reference §1.13]

use embus_engine::Engine;
use embus_engine::statistics::Statistics;
use serde::Serialize;

use super::jsz::{self, InVarz};
use super::{Source, format, process};

/// The server alone.
#[derive(Debug, Serialize)]
pub(super) struct Idz {
    name: String,
    host: String,
    id: String,
}

impl Idz {
    pub(super) fn of(engine: &Engine) -> Self {
        let info = engine.info();
        Self { name: info.server_name, host: info.host, id: info.server_id }
    }
}

/// The names are nats-server's.
#[derive(Debug, Serialize)]
pub(super) struct Statsz {
    start: String,
    mem: u64,
    cores: usize,
    #[serde(serialize_with = "format::number")]
    cpu: f64,
    connections: usize,
    total_connections: u64,
    active_accounts: usize,
    subscriptions: usize,
    sent: Data,
    sent_to_clients: Data,
    received: Data,
    received_from_clients: Data,
    slow_consumers: u64,
    stale_connections: u64,
    stalled_clients: u64,
    active_servers: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    jetstream: Option<InVarz>,
    gomaxprocs: usize,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Data {
    msgs: u64,
    bytes: u64,
}

/// The numbers now.
pub(super) fn render(engine: &Engine) -> Statsz {
    let Statistics { start, connections, total_connections, subscriptions, traffic, .. } = engine.statistics();
    let statistics = engine.statistics();
    let sent = Data { msgs: traffic.out_msgs, bytes: traffic.out_bytes };
    let received = Data { msgs: traffic.in_msgs, bytes: traffic.in_bytes };
    let cores = process::cores();
    Statsz {
        start: format::timestamp(start),
        mem: process::resident_bytes(),
        cores,
        cpu: process::cpu_percent(),
        connections,
        total_connections,
        active_accounts: Source::accounts(engine).iter().filter(|account| account.connections > 0).count(),
        subscriptions,
        sent,
        sent_to_clients: sent,
        received,
        received_from_clients: received,
        slow_consumers: statistics.slow_consumers,
        stale_connections: statistics.stale_connections,
        stalled_clients: statistics.stalled_clients,
        active_servers: 1,
        jetstream: engine.has_jetstream().then(|| jsz::in_varz(engine)),
        gomaxprocs: cores,
    }
}
