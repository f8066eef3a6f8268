//! Headers between wire and in-process clients, in all directions.

use async_nats::HeaderMap as WireHeaders;
use embus::header::HeaderMap;

use crate::support::{Raw, connect, next, run, start, subscribe, text};

fn wire_headers() -> WireHeaders {
    let mut headers = WireHeaders::new();
    headers.insert("Trace-Id", "42");
    headers.append("Color", "red");
    headers.append("Color", "blue");
    headers.insert("Empty", "");
    headers
}

fn own_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Trace-Id", "42");
    headers.append("Color", "red");
    headers.append("Color", "blue");
    headers.insert("Empty", "");
    headers
}

/// Every pair of a map, sorted by name: the order of names on the way is nobody's promise, that of values is.
macro_rules! pairs {
    ($headers:expr) => {{
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, values) in $headers.iter() {
            pairs.extend(values.iter().map(|value| (name.to_string(), value.as_str().to_owned())));
        }
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs
    }};
}

fn expected() -> Vec<(String, String)> {
    let pairs = [("Color", "red"), ("Color", "blue"), ("Empty", ""), ("Trace-Id", "42")];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

#[test]
fn from_wire_to_wire_and_in_process() {
    run(async {
        let broker = start().await;
        let (publisher, client) = (connect(&broker).await, connect(&broker).await);
        let mut over_wire = subscribe(&broker, &client, "h").await;
        let mut in_process = broker.client().subscribe("h").await.unwrap();
        publisher.publish_with_headers("h", wire_headers(), "body".into()).await.unwrap();

        let message = next(&mut over_wire).await;
        assert_eq!(pairs!(message.headers.unwrap()), expected());
        assert_eq!(&message.payload[..], b"body");
        let message = next(&mut in_process).await;
        assert_eq!(pairs!(message.headers.unwrap()), expected());
        assert_eq!(&message.payload[..], b"body");
    });
}

#[test]
fn from_in_process_to_wire_and_in_process() {
    run(async {
        let broker = start().await;
        let client = connect(&broker).await;
        let mut over_wire = subscribe(&broker, &client, "h").await;
        let publisher = broker.client();
        let mut in_process = publisher.subscribe("h").await.unwrap();
        publisher.publish_with_headers("h", own_headers(), "body".into()).await.unwrap();

        let message = next(&mut over_wire).await;
        assert_eq!(pairs!(message.headers.unwrap()), expected());
        assert_eq!(&message.payload[..], b"body");
        let message = next(&mut in_process).await;
        assert_eq!(message.headers.unwrap(), own_headers());
    });
}

#[test]
fn a_large_message_keeps_its_headers() {
    run(async {
        let broker = start().await;
        let (publisher, client) = (connect(&broker).await, connect(&broker).await);
        let mut over_wire = subscribe(&broker, &client, "h").await;
        let mut in_process = broker.client().subscribe("h").await.unwrap();
        let payload = "p".repeat(300_000);
        publisher.publish_with_headers("h", wire_headers(), payload.clone().into()).await.unwrap();
        let message = next(&mut over_wire).await;
        assert_eq!(pairs!(message.headers.unwrap()), expected());
        assert_eq!(text(&message.payload), payload);
        let message = next(&mut in_process).await;
        assert_eq!(pairs!(message.headers.unwrap()), expected());
        assert_eq!(text(&message.payload), payload);
    });
}

#[test]
fn a_client_that_reads_no_headers_gets_the_payload_alone() {
    run(async {
        let broker = start().await;
        let mut raw = Raw::connect(&broker).await.plain().await.subscribed("h").await;
        let publisher = connect(&broker).await;
        publisher.publish_with_headers("h", wire_headers(), "from the wire".into()).await.unwrap();
        raw.expect("MSG h 1 13\r\nfrom the wire\r\n").await;
        broker.client().publish_with_headers("h", own_headers(), "in-process".into()).await.unwrap();
        raw.expect("MSG h 1 10\r\nin-process\r\n").await;
    });
}

#[test]
fn the_block_travels_byte_by_byte() {
    run(async {
        let broker = start().await;
        let mut reader = Raw::connect(&broker).await.modern().await.subscribed("h").await;
        let mut writer = Raw::connect(&broker).await.modern().await;
        writer.send("HPUB h reply.to 25 27\r\nNATS/1.0\r\nodd:  Case \r\n\r\nhi\r\n").await;
        reader.expect("HMSG h 1 reply.to 25 27\r\nNATS/1.0\r\nodd:  Case \r\n\r\nhi\r\n").await;
        // What is no header block at all passes too; only its readers judge it.
        writer.send("HPUB h 4 6\r\nabcdhi\r\n").await;
        reader.expect("HMSG h 1 4 6\r\nabcdhi\r\n").await;
    });
}

#[test]
fn a_malformed_block_costs_an_in_process_reader_the_headers_only() {
    run(async {
        let broker = start().await;
        let mut subscriber = broker.client().subscribe("h").await.unwrap();
        let mut writer = Raw::connect(&broker).await.modern().await;
        writer.send("HPUB h 4 6\r\nabcdhi\r\n").await;
        let message = next(&mut subscriber).await;
        assert_eq!(&message.payload[..], b"hi");
        assert!(message.headers.is_none() && message.status.is_none());
        assert_eq!(subscriber.malformed_headers(), 1);
    });
}
