//! The HTTP monitoring port, asked by hand.

mod metrics;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream;
use embus::Broker;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Raw, STOP_DEADLINE, connect, eventually, listening, next, run, subscribe, within};

async fn monitored() -> Broker {
    listening().server_name("watched").monitor("127.0.0.1:0").start().await.unwrap()
}

/// Asks for `path`; returns the status and the body.
async fn get(broker: &Broker, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: monitor\r\nConnection: close\r\n\r\n");
    let answer = ask(broker, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Sends bytes to the monitoring port and returns all that comes back.
async fn ask(broker: &Broker, request: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(broker.monitor_addr().unwrap()).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        // A close by reset is a close too.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    within("an answer over HTTP", exchange).await
}

async fn json(broker: &Broker, path: &str) -> serde_json::Value {
    let (status, body) = get(broker, path).await;
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error} in {body}"))
}

#[test]
fn varz_counts_what_happens() {
    run(async {
        let broker = monitored().await;
        let client = connect(&broker).await;
        let mut subscriber = subscribe(&broker, &client, "m.*").await;
        for _ in 0..3 {
            broker.client().publish("m.1", "12345".into()).await.unwrap();
            next(&mut subscriber).await;
        }
        let varz = json(&broker, "/varz").await;
        assert_eq!(varz["server_name"], "watched");
        assert_eq!(varz["server_id"], broker.server_info().server_id);
        assert_eq!(varz["port"], broker.local_addr().unwrap().port());
        assert_eq!(varz["connections"], 1);
        assert_eq!(varz["subscriptions"], 1);
        assert_eq!((&varz["in_msgs"], &varz["in_bytes"]), (&3.into(), &15.into()));
        assert_eq!((&varz["out_msgs"], &varz["out_bytes"]), (&3.into(), &15.into()));
        assert_eq!(varz["slow_consumers"], 0);
        assert_eq!(varz["max_payload"], 1024 * 1024);
    });
}

#[test]
fn connz_and_subsz_list_clients_and_subscriptions() {
    run(async {
        let broker = monitored().await;
        let mut raw = Raw::connect(&broker).await.plain().await;
        raw.send("SUB a.* 1\r\nSUB b.> workers two\r\n").await;
        raw.fence().await;
        drop(Raw::connect(&broker).await);
        eventually("the other one is gone", || broker.closed_connections().len() == 1).await;

        let connz = json(&broker, "/connz?subs=detail").await;
        assert_eq!(connz["num_connections"], 1);
        let connection = &connz["connections"][0];
        assert_eq!((&connection["ip"], &connection["subscriptions"]), (&"127.0.0.1".into(), &2.into()));
        let details = connection["subscriptions_list_detail"].as_array().unwrap();
        assert!(details.iter().any(|detail| detail["subject"] == "b.>" && detail["qgroup"] == "workers"), "{connz}");

        let closed = json(&broker, "/connz?state=closed").await;
        assert_eq!(closed["connections"][0]["reason"], "Client Closed");
        let subsz = json(&broker, "/subsz?subs=1").await;
        assert_eq!(subsz["num_subscriptions"], 2);
        assert_eq!(subsz["subscriptions_list"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn healthz_follows_the_life_of_the_broker() {
    run(async {
        let broker = monitored().await;
        assert_eq!(json(&broker, "/healthz").await["status"], "ok");
        // Polled once: the broker is a lame duck, and lives on for its grace period as it has a client.
        let _client = Raw::connect(&broker).await;
        assert!(futures_util::FutureExt::now_or_never(broker.lame_duck()).is_none());
        let (status, body) = get(&broker, "/healthz").await;
        assert_ne!(status, 200, "{body}");
        broker.shutdown(STOP_DEADLINE).await;
        TcpListener::bind(broker.monitor_addr().unwrap()).await.expect("the monitoring port is free");
    });
}

#[test]
fn jsz_tells_of_consumers_when_asked() {
    run(async {
        let broker = listening().jetstream(true).monitor("127.0.0.1:0").start().await.unwrap();
        let context = async_nats::jetstream::new(connect(&broker).await);
        let stream = context.create_stream(stream::Config { name: "S".into(), ..Default::default() }).await.unwrap();
        let config = pull::Config { durable_name: Some("c".into()), ..Default::default() };
        stream.create_consumer(config).await.unwrap();
        let jsz = json(&broker, "/jsz?streams=1").await;
        assert_eq!(jsz["consumers"], 1);
        let detail = &jsz["account_details"][0]["stream_detail"][0];
        assert_eq!((&detail["state"]["consumer_count"], &detail["consumer_detail"]), (&1.into(), &Value::Null));
        let jsz = json(&broker, "/jsz?consumers=1").await;
        let consumer = &jsz["account_details"][0]["stream_detail"][0]["consumer_detail"][0];
        assert_eq!((&consumer["stream_name"], &consumer["name"]), (&"S".into(), &"c".into()));
        assert_eq!((&consumer["num_pending"], &consumer["config"]), (&0.into(), &Value::Null));
        let jsz = json(&broker, "/jsz?consumers=1&config=1").await;
        let consumer = &jsz["account_details"][0]["stream_detail"][0]["consumer_detail"][0];
        assert_eq!(consumer["config"]["durable_name"], "c");
    });
}

#[test]
fn bad_requests_cost_nobody_else() {
    run(async {
        let broker = monitored().await;
        assert_eq!(get(&broker, "/nothing/here").await.0, 404);
        assert_eq!(get(&broker, "/connz?limit=many").await.0, 400);
        ask(&broker, b"\x00\xff\x16\x03\x01 binary noise\r\n\r\n").await;
        ask(&broker, format!("GET /varz HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000)).as_bytes()).await;
        // A client of the wrong port.
        ask(&broker, b"CONNECT {}\r\nPING\r\n\r\n").await;
        // Somebody who connects and says nothing does not hold the end up.
        let silent = TcpStream::connect(broker.monitor_addr().unwrap()).await.unwrap();
        assert_eq!(json(&broker, "/healthz").await["status"], "ok");
        within("the end", broker.shutdown(STOP_DEADLINE)).await;
        drop(silent);
    });
}

#[test]
fn accounts_show_on_their_pages() {
    use embus::auth::{Account, Credential, Export, Import, JetStreamLimits, User};
    run(async {
        let streams = JetStreamLimits { max_storage: Some(1 << 20), ..JetStreamLimits::default() };
        let broker = listening()
            .monitor("127.0.0.1:0")
            .account(Account::new("A").jetstream(streams).export(Export::stream("s.>")))
            .account(Account::new("B").import(Import::stream("A", "s.>").with_prefix("p")))
            .user(User::new(Credential::password("a", "x")).in_account("A"))
            .start()
            .await
            .unwrap();
        let options = async_nats::ConnectOptions::with_user_and_password("a".into(), "x".into());
        let client = crate::support::connect_with(&broker, options).await;
        let context = async_nats::jetstream::new(client);
        context.create_stream(stream::Config { name: "S".into(), ..Default::default() }).await.unwrap();
        context.publish("S", "1".into()).await.unwrap().await.unwrap();
        let page = json(&broker, "/accountz").await;
        assert_eq!(page["accounts"], serde_json::json!(["$G", "$SYS", "A", "B"]));
        assert_eq!(page["system_account"], "$SYS");
        let detail = &json(&broker, "/accountz?acc=B").await["account_detail"];
        assert_eq!((&detail["account_name"], &detail["jetstream_enabled"]), (&"B".into(), &false.into()));
        let import = serde_json::json!({"subject": "s.>", "account": "A", "local_subject": "p.s.>", "type": "stream",
            "invalid": false, "share": false, "tracking": false});
        assert_eq!(detail["imports"], serde_json::json!([import]));
        assert_eq!(get(&broker, "/accountz?acc=C").await, (400, "Account C does not exist".to_owned()));
        let rows = &json(&broker, "/accstatz").await["account_statz"];
        assert_eq!(
            (rows.as_array().map(Vec::len), &rows[0]["acc"], &rows[0]["conns"]),
            (Some(1), &"A".into(), &1.into())
        );
        assert!(rows[0]["received"]["msgs"].as_u64() >= Some(2), "{rows}");
        let all = json(&broker, "/accstatz?unused=1").await;
        assert_eq!(all["account_statz"].as_array().map(Vec::len), Some(4));
        let jsz = json(&broker, "/jsz?accounts=1").await;
        assert_eq!((&jsz["accounts"], &jsz["streams"], &jsz["messages"]), (&2.into(), &1.into(), &1.into()));
        assert_eq!(jsz["account_details"][1]["reserved_storage"], 1 << 20);
        let one = json(&broker, "/jsz?acc=A&streams=1").await;
        assert_eq!(one["account_details"][0]["stream_detail"][0]["name"], "S");
        assert_eq!(get(&broker, "/healthz?account=A&stream=S").await.0, 200);
        assert_eq!(get(&broker, "/healthz?account=B").await.0, 404);
    });
}
