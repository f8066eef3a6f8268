//! The pages asked for over HTTP, as a probe or a browser does.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use embus_engine::{
    Limits,
    close::CloseReason,
    connection::ConnectionKind,
    jetstream::{JetStream, JetStreamFacts},
    statistics::{AccountSnapshot, ConnectionSnapshot, InterestStatistics, Statistics, SubscriptionSnapshot, Traffic},
};
use embus_protocol::info::ServerInfo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::metrics::{AccountMetrics, Metrics};

use super::{
    Facts, Source,
    pages::Monitor,
    serve::{serve, serve_connection},
};

/// A broker with three open connections, one that closed, and 2000 subscriptions of connection 7.
struct Sample {
    is_accepting: bool,
}

impl Source for Sample {
    fn facts(&self) -> Facts {
        let info = ServerInfo {
            server_id: "NID".into(),
            server_name: "sample".into(),
            version: "2.15.1".into(),
            proto: 1,
            host: "127.0.0.1".into(),
            port: 4222,
            ..ServerInfo::default()
        };
        Facts {
            info,
            is_accepting: self.is_accepting,
            limits: Limits { max_connections: 10, max_payload: 1024, ..Limits::default() },
            system_account: "$SYS".to_owned(),
            auth_timeout: Duration::from_secs(2),
            loaded: (SystemTime::UNIX_EPOCH, "sha256:0".to_owned()),
        }
    }

    fn metrics(&self) -> Metrics {
        let traffic = Traffic { in_msgs: 1, in_bytes: 2, out_msgs: 3, out_bytes: 4 };
        Metrics {
            start: SystemTime::UNIX_EPOCH + Duration::from_millis(1500),
            uptime: Duration::from_secs(5),
            connections: 3,
            total_connections: 4,
            in_process_clients: 1,
            closed: vec![(CloseReason::ClientClosed, 1)],
            subscriptions: 2002,
            filters: 2002,
            traffic,
            slow_consumers: 5,
            stale_connections: 6,
            stalled_clients: 7,
            dropped_messages: 0,
            buffered_bytes: 0,
            matches: 8,
            match_cache_hits: 2,
            accounts: vec![AccountMetrics {
                name: "odd \"name\"".to_owned(),
                connections: 2,
                total_connections: 3,
                subscriptions: 1,
                traffic,
                slow_consumers: 0,
            }],
            jetstream: None,
        }
    }

    fn statistics(&self) -> Statistics {
        Statistics {
            start: SystemTime::now() - Duration::from_secs(93_784),
            connections: 3,
            total_connections: 4,
            subscriptions: 2002,
            traffic: Traffic { in_msgs: 1, in_bytes: 2, out_msgs: 3, out_bytes: 4 },
            slow_consumers: 5,
            stale_connections: 6,
            stalled_clients: 7,
            dropped_msgs: 0,
            buffered_bytes: 0,
            interest: InterestStatistics { filters: 2002, inserts: 10, removes: 2, matches: 8, cache_hits: 2 },
        }
    }

    fn connections(&self) -> Vec<ConnectionSnapshot> {
        let ann = ConnectionSnapshot { user: "ann".to_owned(), ..connection(6, 1, 60, "B") };
        vec![connection(7, 2000, 50, "$G"), connection(5, 1, 70, "$G"), ann]
    }

    fn closed_connections(&self) -> Vec<ConnectionSnapshot> {
        let mut row = connection(4, 9, 0, "$G");
        row.stop = Some(row.start + Duration::from_secs(61));
        row.reason = Some(CloseReason::ClientClosed);
        vec![row]
    }

    fn subscriptions(&self) -> Vec<SubscriptionSnapshot> {
        let mut rows: Vec<_> = (0..2000).map(|n| subscription(7, &format!("many.{n}"), n)).collect();
        rows.push(SubscriptionSnapshot { queue: Some("q".into()), max: 9, ..subscription(5, "foo.*", 1) });
        rows.push(SubscriptionSnapshot { account: "B".into(), ..subscription(6, "foo.bar", 1) });
        rows
    }

    fn accounts(&self) -> Vec<AccountSnapshot> {
        Vec::new()
    }

    fn jetstreams(&self) -> Vec<Arc<JetStream>> {
        Vec::new()
    }

    fn jetstream(&self) -> Option<JetStreamFacts> {
        None
    }
}

fn connection(cid: u64, subscriptions: usize, pending_bytes: usize, account: &str) -> ConnectionSnapshot {
    let start = SystemTime::now() - Duration::from_secs(1000 * cid);
    ConnectionSnapshot {
        cid,
        kind: ConnectionKind::Tcp,
        ip: "127.0.0.1".into(),
        port: 5555,
        start,
        last_activity: start + Duration::from_secs(cid),
        stop: None,
        reason: None,
        rtt: Some(Duration::from_micros(100 * cid)),
        pending_bytes,
        traffic: Traffic { in_msgs: cid, in_bytes: cid, out_msgs: 100 - cid, out_bytes: 100 - cid },
        stalls: 0,
        subscriptions,
        name: format!("client {cid}"),
        lang: "rust".into(),
        version: "1".into(),
        user: "alice".to_owned(),
        account: account.into(),
        tls: None,
    }
}

fn subscription(cid: u64, subject: &str, sid: u64) -> SubscriptionSnapshot {
    let (account, subject, sid) = ("$G".to_owned(), subject.to_owned(), sid.to_string());
    SubscriptionSnapshot { account, subject, queue: None, sid, msgs: 3, max: 0, cid }
}

fn monitor(is_accepting: bool) -> Arc<Monitor> {
    let address = SocketAddr::from(([127, 0, 0, 1], 8222));
    Arc::new(Monitor::new(Arc::new(Sample { is_accepting }), "localhost".into(), address, TaskTracker::new()))
}

fn connect(monitor: &Arc<Monitor>) -> DuplexStream {
    let (near, far) = duplex(4096);
    tokio::spawn(serve_connection(far, Arc::clone(monitor), CancellationToken::new()));
    near
}

/// Sends `request` on a connection of its own and returns head and body of the answer.
async fn exchange(monitor: &Arc<Monitor>, request: &str) -> (String, String) {
    let mut stream = connect(monitor);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

async fn get(path: &str) -> (String, String) {
    exchange(&monitor(true), &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
}

async fn page(path: &str) -> Value {
    let (head, body) = get(path).await;
    assert!(head.starts_with("http/1.1 200 ok"), "{path}: {head}");
    assert!(head.contains("content-type: application/json"), "{path}: {head}");
    assert!(head.contains("access-control-allow-origin: *"), "{path}: {head}");
    serde_json::from_str(&body).unwrap()
}

async fn ids(path: &str) -> Vec<u64> {
    let page = page(path).await;
    let rows = page["connections"].as_array().unwrap();
    assert_eq!(page["num_connections"], rows.len());
    rows.iter().map(|row| row["cid"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn varz_shows_identity_limits_and_totals() {
    let varz = page("/varz").await;
    let expected = json!({
        "server_id": "NID", "server_name": "sample", "version": "2.15.1", "proto": 1, "host": "127.0.0.1",
        "port": 4222, "http_host": "localhost", "http_port": 8222, "max_connections": 10, "max_payload": 1024,
        "ping_interval": 120_000_000_000_u64, "auth_timeout": 2, "uptime": "1d2h3m4s", "connections": 3,
        "in_client_msgs": 1, "slow_consumers": 5, "stalled_clients": 7, "system_account": "$SYS",
        "jetstream": {}, "http_req_stats": {"/varz": 1},
        "slow_consumer_stats": {"clients": 5, "routes": 0, "gateways": 0, "leafs": 0},
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&varz[name], value, "{name}");
    }
    for absent in ["auth_required", "tls_required", "max_subscriptions"] {
        assert!(varz.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn connz_shows_one_row_per_connection() {
    let connz = page("/connz").await;
    assert_eq!(connz["total"], 3);
    assert_eq!(connz["limit"], 1024);
    let row = &connz["connections"][0];
    assert_eq!((&row["cid"], &row["rtt"], &row["type"]), (&json!(5), &json!("500µs"), &json!("nats")));
    assert_eq!((&row["uptime"], &row["idle"]), (&json!("1h23m20s"), &json!("1h23m15s")));
    assert!(row.get("account").is_none() && row.get("name_tag").is_none());
    let row = &page("/connz?auth=1&cid=6").await["connections"][0];
    assert_eq!((&row["authorized_user"], &row["account"]), (&json!("ann"), &json!("B")));
    let row = &page("/connz?auth=1&cid=5").await["connections"][0];
    assert_eq!((&row["account"], &row["name_tag"]), (&json!("$G"), &json!("$G")));
}

#[tokio::test]
async fn connz_selects_sorts_and_pages() {
    assert_eq!(ids("/connz").await, [5, 6, 7]);
    assert_eq!(ids("/connz?sort=subs").await, [7, 5, 6]);
    assert_eq!(ids("/connz?sort=pending&limit=2").await, [5, 6]);
    assert_eq!(ids("/connz?sort=uptime").await, [5, 6, 7]);
    assert_eq!(ids("/connz?sort=start").await, [7, 6, 5]);
    assert_eq!(ids("/connz?sort=msgs_to&offset=1").await, [6, 7]);
    assert_eq!(ids("/connz?sort=rtt&offset=1&limit=1").await, [6]);
    assert_eq!(ids("/connz?state=closed&sort=stop").await, [4]);
    assert_eq!(ids("/connz?state=all").await, [4, 5, 6, 7]);
    assert_eq!(ids("/connz?acc=B").await, [6]);
    assert_eq!(ids("/connz?user=ann").await, [6]);
    assert_eq!(ids("/connz?user=ann&acc=$G").await, [0; 0]);
    assert_eq!(ids("/connz?user=bob").await, [0; 0]);
    assert_eq!(ids("/connz?cid=7&offset=5&limit=0").await, [7]);
    assert_eq!(ids("/connz?cid=99").await, [0; 0]);
    assert_eq!(ids("/connz?mqtt_client=x").await, [0; 0]);
    assert_eq!(ids("/connz?offset=9223372036854775807&limit=9223372036854775807").await, [0; 0]);
    let closed = &page("/connz?state=closed").await["connections"][0];
    assert_eq!((&closed["reason"], &closed["uptime"]), (&json!("Client Closed"), &json!("1m1s")));
}

#[tokio::test]
async fn connz_lists_subscriptions() {
    let row = &page("/connz?subs=1&cid=5").await["connections"][0];
    assert_eq!(row["subscriptions_list"], json!(["foo.*"]));
    let row = &page("/connz?subs=detail&cid=5").await["connections"][0];
    let detail = json!([{"subject": "foo.*", "qgroup": "q", "sid": "1", "msgs": 3, "max": 9, "cid": 5}]);
    assert_eq!(row["subscriptions_list_detail"], detail);
    let row = &page("/connz?subs=1&cid=7").await["connections"][0];
    assert_eq!(row["subscriptions_list"].as_array().unwrap().len(), 2000);
    assert_eq!(row["subscriptions_list"][10], "many.10");
}

#[tokio::test]
async fn subsz_counts_lists_and_tests() {
    let subsz = page("/subsz").await;
    assert_eq!((&subsz["num_subscriptions"], &subsz["total"]), (&json!(2002), &json!(0)));
    assert_eq!((&subsz["cache_hit_rate"], &subsz["num_removes"]), (&json!(0.25), &json!(2)));
    let subsz = page("/subscriptionsz?subs=1&limit=3&offset=1").await;
    assert_eq!((&subsz["total"], subsz["subscriptions_list"].as_array().unwrap().len()), (&json!(2002), 3));
    let subsz = page("/subsz?subs=1&test=foo.bar").await;
    assert_eq!(subsz["total"], 2);
    assert_eq!(subsz["subscriptions_list"][0]["subject"], "foo.*");
    assert_eq!(subsz["subscriptions_list"][1]["account_tag"], "B");
    assert_eq!(page("/subsz?subs=1&acc=B").await["total"], 1);
}

#[tokio::test]
async fn bad_values_are_refused_with_400() {
    for path in [
        "/connz?subs=2",
        "/connz?offset=x",
        "/connz?limit=99999999999999999999",
        "/connz?cid=-1",
        "/connz?state=ajar",
        "/connz?sort=color",
        "/connz?sort=stop",
        "/connz?sort=reason&state=all",
        "/connz?auth=tRue",
        "/subsz?subs=detail",
        "/subsz?test=foo..bar",
        "/subsz?test=foo.*",
        "/healthz?js-enabled-only=x",
        "/healthz?stream=S",
    ] {
        let (head, body) = get(path).await;
        assert!(head.starts_with("http/1.1 400 "), "{path}: {head}");
        assert!(!body.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn paths_and_methods_are_bounded() {
    let (head, body) = get("/healthz").await;
    assert!(head.starts_with("http/1.1 200 ") && body == r#"{"status":"ok"}"#, "{head} {body}");
    let (head, body) = get("/").await;
    assert!(head.contains("text/html") && body.contains("/varz"), "{head} {body}");
    for path in ["/nope", "/varz/", "//varz", "/%76arz"] {
        assert!(get(path).await.0.starts_with("http/1.1 404 "), "{path}");
    }
    let request = "POST /varz HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
    let (head, _) = exchange(&monitor(true), request).await;
    assert!(head.starts_with("http/1.1 405 ") && head.contains("allow: get, head"), "{head}");
    let request = "HEAD /varz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let (head, body) = exchange(&monitor(true), request).await;
    assert!(head.starts_with("http/1.1 200 ") && body.is_empty(), "{head} {body}");
    let request = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let (head, _) = exchange(&monitor(false), request).await;
    assert!(head.starts_with("http/1.1 500 "), "{head}");
}

#[tokio::test]
async fn a_request_that_is_too_big_is_refused() {
    let long = "x".repeat(64 * 1024);
    for request in [format!("GET /{long} HTTP/1.1\r\n\r\n"), format!("GET / HTTP/1.1\r\na: {long}\r\n\r\n")] {
        let mut stream = connect(&monitor(true));
        // The monitor may close before it has taken all of it.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_closed() {
    let began = Instant::now();
    for begun in ["", "GET /varz HT", "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut stream = connect(&monitor(true));
        stream.write_all(begun.as_bytes()).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn clients_that_do_not_read_free_their_permits() {
    let monitor = monitor(true);
    let mut lazy = Vec::new();
    for _ in 0..8 {
        let mut stream = connect(&monitor);
        stream.write_all(b"GET /subsz?subs=1&limit=5000 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        lazy.push(stream);
    }
    let request = "GET /connz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let (head, _) = exchange(&monitor, request).await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    // Their connections have a longest life, behind them the list is free again.
    let deadline = Instant::now() + Duration::from_secs(120);
    while !exchange(&monitor, request).await.0.starts_with("http/1.1 200 ") {
        assert!(Instant::now() < deadline);
    }
}

#[tokio::test]
async fn the_listener_serves_until_it_is_stopped() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    tasks.spawn(serve(listener, None, monitor(true), tasks.clone(), stop.clone()));
    let mut kept = TcpStream::connect(address).await.unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    kept.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    kept.read_to_end(&mut Vec::new()).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn metrics_are_text_for_prometheus() {
    let (head, text) = get("/metrics").await;
    assert!(head.starts_with("http/1.1 200 ok") && head.contains("text/plain; version=0.0.4"), "{head}");
    for line in [
        "# TYPE embus_connections gauge\nembus_connections 3\n",
        "# TYPE embus_connections_total counter\nembus_connections_total 4\n",
        "embus_connections_closed_total{reason=\"Client Closed\"} 1\n",
        "embus_start_time_seconds 1.5\n",
        "embus_account_connections{account=\"odd \\\"name\\\"\"} 2\n",
        "gnatsd_varz_in_msgs{server_id=\"NID\"} 1\n",
        "gnatsd_varz_slow_consumer_stats_clients{server_id=\"NID\"} 5\n",
        "jetstream_server_jetstream_disabled{server_id=\"NID\",server_name=\"sample\",",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}
