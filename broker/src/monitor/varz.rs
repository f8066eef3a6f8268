//! `/varz`: the server's identity, limits and totals.
//!
//! Parts of nats-server that embus does not have (cluster, gateways, MQTT…) are there as the empty objects and zeros a
//! lone nats-server shows.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use embus_engine::statistics::Statistics;
use serde::Serialize;

use super::{Facts, Source, format, jsz::InVarz, process};

/// The page; the names are nats-server's. Spans are nanoseconds, except the two timeouts in seconds.
#[derive(Debug, Serialize)]
pub(super) struct Varz {
    server_id: String,
    server_name: String,
    version: String,
    proto: i8,
    #[serde(skip_serializing_if = "String::is_empty")]
    git_commit: String,
    go: String,
    host: String,
    port: u16,
    #[serde(skip_serializing_if = "is_false")]
    auth_required: bool,
    #[serde(skip_serializing_if = "is_false")]
    tls_required: bool,
    max_connections: usize,
    #[serde(skip_serializing_if = "is_zero")]
    max_subscriptions: usize,
    ping_interval: u64,
    ping_max: u32,
    http_host: String,
    http_port: u16,
    http_base_path: &'static str,
    https_port: u16,
    #[serde(serialize_with = "format::number")]
    auth_timeout: f64,
    max_control_line: usize,
    max_payload: usize,
    max_pending: usize,
    cluster: Absent,
    gateway: Absent,
    leaf: Absent,
    mqtt: Absent,
    websocket: Absent,
    jetstream: InVarz,
    #[serde(serialize_with = "format::number")]
    tls_timeout: f64,
    write_deadline: u64,
    start: String,
    now: String,
    uptime: String,
    mem: u64,
    cores: usize,
    gomaxprocs: usize,
    #[serde(serialize_with = "format::number")]
    cpu: f64,
    connections: usize,
    total_connections: u64,
    routes: usize,
    remotes: usize,
    leafnodes: usize,
    in_msgs: u64,
    in_bytes: u64,
    in_client_msgs: u64,
    in_client_bytes: u64,
    out_msgs: u64,
    out_bytes: u64,
    out_client_msgs: u64,
    out_client_bytes: u64,
    slow_consumers: u64,
    stale_connections: u64,
    stalled_clients: u64,
    subscriptions: usize,
    http_req_stats: BTreeMap<&'static str, u64>,
    config_load_time: String,
    config_digest: String,
    feature_flags: Absent,
    system_account: String,
    slow_consumer_stats: PerKind,
    stale_connection_stats: PerKind,
    disk_io_wait_stats: DiskWaits,
}

/// The monitoring port itself.
pub(super) struct Monitor {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_secure: bool,
    /// How often each path was asked for.
    pub(super) requests: BTreeMap<&'static str, u64>,
}

/// The page of a server now.
pub(super) fn render(facts: &Facts, statistics: &Statistics, jetstream: InVarz, monitor: Monitor) -> Varz {
    let now = SystemTime::now();
    let (info, limits) = (facts.info.clone(), &facts.limits);
    let start = format::timestamp(statistics.start);
    let cores = process::cores();
    Varz {
        server_id: info.server_id,
        server_name: info.server_name,
        version: info.version,
        proto: info.proto,
        git_commit: info.git_commit,
        go: info.go,
        host: info.host,
        port: info.port,
        auth_required: info.auth_required,
        tls_required: info.tls_required,
        max_connections: limits.max_connections,
        max_subscriptions: limits.max_subscriptions,
        ping_interval: format::nanoseconds(limits.ping_interval),
        ping_max: limits.ping_max,
        http_host: monitor.host,
        http_port: if monitor.is_secure { 0 } else { monitor.port },
        http_base_path: "",
        https_port: if monitor.is_secure { monitor.port } else { 0 },
        auth_timeout: facts.auth_timeout.as_secs_f64(),
        max_control_line: limits.max_control_line,
        max_payload: limits.max_payload,
        max_pending: limits.max_pending,
        cluster: Absent {},
        gateway: Absent {},
        leaf: Absent {},
        mqtt: Absent {},
        websocket: Absent {},
        jetstream,
        tls_timeout: TLS_TIMEOUT.as_secs_f64(),
        write_deadline: format::nanoseconds(limits.write_deadline),
        start,
        now: format::timestamp(now),
        uptime: format::uptime(format::between(statistics.start, now)),
        mem: process::resident_bytes(),
        cores,
        gomaxprocs: cores,
        cpu: process::cpu_percent(),
        connections: statistics.connections,
        total_connections: statistics.total_connections,
        routes: 0,
        remotes: 0,
        leafnodes: 0,
        in_msgs: statistics.traffic.in_msgs,
        in_bytes: statistics.traffic.in_bytes,
        in_client_msgs: statistics.traffic.in_msgs,
        in_client_bytes: statistics.traffic.in_bytes,
        out_msgs: statistics.traffic.out_msgs,
        out_bytes: statistics.traffic.out_bytes,
        out_client_msgs: statistics.traffic.out_msgs,
        out_client_bytes: statistics.traffic.out_bytes,
        slow_consumers: statistics.slow_consumers,
        stale_connections: statistics.stale_connections,
        stalled_clients: statistics.stalled_clients,
        subscriptions: statistics.subscriptions,
        http_req_stats: monitor.requests,
        config_load_time: format::timestamp(facts.loaded.0),
        config_digest: facts.loaded.1.clone(),
        feature_flags: Absent {},
        system_account: facts.system_account.clone(),
        slow_consumer_stats: PerKind::of_clients(statistics.slow_consumers),
        stale_connection_stats: PerKind::of_clients(statistics.stale_connections),
        disk_io_wait_stats: DiskWaits::default(),
    }
}

/// The page as a request is answered, which no port is asked for.
pub(super) fn of_request(source: &dyn Source) -> Varz {
    let monitor = Monitor { host: String::new(), port: 0, is_secure: false, requests: BTreeMap::new() };
    render(&source.facts(), &source.statistics(), super::jsz::in_varz(source), monitor)
}

/// A part that embus does not have, `{}`.
#[derive(Debug, Serialize)]
struct Absent {}

/// A count for each kind of connection.
#[derive(Debug, Serialize)]
struct PerKind {
    clients: u64,
    routes: u64,
    gateways: u64,
    leafs: u64,
}

impl PerKind {
    fn of_clients(clients: u64) -> Self {
        Self { clients, routes: 0, gateways: 0, leafs: 0 }
    }
}

/// Waiting for a free disk operation; there is no storage yet.
#[derive(Debug, Default, Serialize)]
struct DiskWaits {
    waiters: u64,
    waits: u64,
    wait_time: u64,
    max_wait_time: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// Time for a TLS handshake, shown although there is no TLS, as nats-server does.
const TLS_TIMEOUT: Duration = Duration::from_secs(2);
