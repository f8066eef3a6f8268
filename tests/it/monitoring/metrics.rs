//! Numbers for who collects them: `/metrics`, as a Prometheus reads it, and `Broker::metrics`.

use std::time::Duration;

use async_nats::jetstream::{self, consumer::pull, stream};
use embus::statistics::CloseReason;
use prometheus_parse::{Scrape, Value};

use super::{get, monitored};
use crate::support::{Raw, connect, eventually, next, run, subscribe};

async fn scrape(broker: &embus::Broker, path: &str) -> Scrape {
    let (status, text) = get(broker, path).await;
    assert_eq!(status, 200, "{text}");
    for family in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        assert_eq!(text.matches(&format!("# TYPE {family}\n")).count(), 1, "{family} twice");
    }
    Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap()
}

/// The one row of this name with these labels.
#[track_caller]
fn value(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    let is_it = |sample: &&prometheus_parse::Sample| {
        sample.metric == name && labels.iter().all(|(label, value)| sample.labels.get(label) == Some(*value))
    };
    let found: Vec<_> = scrape.samples.iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
    match found[0].value {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => value,
        ref other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn prometheus_reads_what_happens() {
    run(async {
        let broker = monitored().await;
        let client = connect(&broker).await;
        let mut subscriber = subscribe(&broker, &client, "m").await;
        client.publish("m", "12345".into()).await.unwrap();
        next(&mut subscriber).await;
        let mut gone = Raw::connect(&broker).await;
        gone.send("FOO\r\n").await;
        gone.rest().await;
        eventually("one client to be left", || broker.connections().len() == 1).await;
        let scrape = scrape(&broker, "/metrics").await;
        for (name, expected) in [
            ("embus_connections", 1.0),
            ("embus_connections_total", 2.0),
            ("embus_received_messages_total", 1.0),
            ("embus_received_bytes_total", 5.0),
            ("embus_sent_messages_total", 1.0),
            ("embus_accepting", 1.0),
            ("gnatsd_varz_connections", 1.0),
            ("gnatsd_varz_in_bytes", 5.0),
        ] {
            assert!((value(&scrape, name, &[]) - expected).abs() < 0.1, "{name}");
        }
        let parse_errors = value(&scrape, "embus_connections_closed_total", &[("reason", "Parse Error")]);
        assert!((parse_errors - 1.0).abs() < 0.1);
        let id = broker.server_info().server_id;
        assert!(value(&scrape, "embus_info", &[("server_id", &id), ("server_name", "watched")]) > 0.5);
        assert!(value(&scrape, "embus_account_received_messages_total", &[("account", "$G")]) > 0.5);
    });
}

#[test]
fn streams_and_consumers_have_rows_when_they_are_asked_for() {
    run(async {
        let broker = monitored().await;
        let context = jetstream::new(connect(&broker).await);
        let config = stream::Config { name: "S".to_owned(), subjects: vec!["s".to_owned()], ..Default::default() };
        let stream = context.create_stream(config).await.unwrap();
        for _ in 0..3 {
            context.publish("s", "12".into()).await.unwrap().await.unwrap();
        }
        let durable = pull::Config { durable_name: Some("C".to_owned()), ..Default::default() };
        stream.create_consumer(durable).await.unwrap();
        let plain = scrape(&broker, "/metrics").await;
        assert!((value(&plain, "embus_jetstream_messages", &[("account", "$G")]) - 3.0).abs() < 0.1);
        assert!((value(&plain, "jetstream_server_total_messages", &[]) - 3.0).abs() < 0.1);
        assert!(plain.samples.iter().all(|sample| !sample.metric.starts_with("jetstream_stream_")));
        let full = scrape(&broker, "/metrics?consumers=1").await;
        let of_stream = [("account", "$G"), ("stream_name", "S")];
        assert!((value(&full, "jetstream_stream_total_messages", &of_stream) - 3.0).abs() < 0.1);
        let of_consumer = [("stream_name", "S"), ("consumer_name", "C"), ("is_consumer_leader", "true")];
        assert!((value(&full, "jetstream_consumer_num_pending", &of_consumer) - 3.0).abs() < 0.1);
        assert_eq!(get(&broker, "/metrics?streams=x").await.0, 400);
    });
}

#[test]
fn a_program_has_the_same_numbers() {
    run(async {
        let broker = monitored().await;
        let client = broker.client();
        let mut raw = Raw::connect(&broker).await.plain().await;
        raw.send("PUB a 3\r\nabc\r\n").await;
        assert_eq!(raw.fence().await, "");
        let metrics = broker.metrics();
        assert_eq!((metrics.connections, metrics.total_connections, metrics.in_process_clients), (1, 1, 1));
        assert_eq!((metrics.traffic.in_msgs, metrics.traffic.in_bytes), (1, 3));
        assert_eq!(metrics.closed, []);
        assert_eq!(metrics.accounts.iter().map(|account| &*account.name).collect::<Vec<_>>(), ["$G", "$SYS"]);
        assert_eq!(metrics.jetstream.unwrap().accounts[0].streams, 0);
        raw.end_sending().await;
        eventually("the client to be gone", || !broker.metrics().closed.is_empty()).await;
        assert_eq!(broker.metrics().closed, [(CloseReason::ClientClosed, 1)]);
        drop(client);
        broker.shutdown(Duration::from_secs(5)).await;
    });
}
