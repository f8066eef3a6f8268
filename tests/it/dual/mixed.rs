//! In-process clients and clients on the wire talk to each other through one broker.

#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::time::Duration;

use embus::Broker;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// A listening broker, a client inside and a client outside.
async fn stage() -> (Broker, embus::Client, async_nats::Client) {
    let broker = Broker::builder().listen("127.0.0.1:0").start().await.unwrap();
    let remote = async_nats::connect(broker.client_url().unwrap()).await.unwrap();
    let embedded = broker.client();
    (broker, embedded, remote)
}

async fn next<S: StreamExt + Unpin>(subscriber: &mut S) -> S::Item {
    timeout(PATIENCE, subscriber.next()).await.expect("a message arrives in time").expect("the stream goes on")
}

#[tokio::test]
async fn a_message_comes_in_from_the_wire() {
    let (_broker, embedded, remote) = stage().await;
    let mut subscriber = embedded.subscribe("in.*").await.unwrap();
    let mut headers = async_nats::HeaderMap::new();
    headers.append("Color", "red");
    headers.append("Color", "blue");
    remote.publish_with_reply("in.plain", "back", "1".into()).await.unwrap();
    remote.publish_with_headers("in.headers", headers, "2".into()).await.unwrap();

    let plain = next(&mut subscriber).await;
    assert_eq!((plain.subject.as_str(), plain.reply.as_deref()), ("in.plain", Some("back")));
    assert_eq!((&plain.payload[..], plain.headers, plain.length), (&b"1"[..], None, "in.plainback1".len()));
    let message = next(&mut subscriber).await;
    let received = message.headers.unwrap();
    assert_eq!(received.get_all("Color").map(ToString::to_string).collect::<Vec<_>>(), ["red", "blue"]);
    let block = "NATS/1.0\r\nColor: red\r\nColor: blue\r\n\r\n";
    assert_eq!(message.length, "in.headers".len() + block.len() + "2".len());
}

#[tokio::test]
async fn a_message_goes_out_to_the_wire_and_to_a_neighbour() {
    let (broker, embedded, remote) = stage().await;
    let mut outside = remote.subscribe("out.*").await.unwrap();
    broker.wait_for_interest("out.headers").await;
    let mut inside = embedded.subscribe("out.headers").await.unwrap();
    let mut headers = embus::HeaderMap::new();
    headers.insert("Color", "red");
    embedded.publish_with_reply_and_headers("out.headers", "back", headers.clone(), "2".into()).await.unwrap();
    embedded.publish("out.large", vec![7; 100_000].into()).await.unwrap();

    let message = next(&mut outside).await;
    assert_eq!((message.subject.as_str(), message.reply.as_deref()), ("out.headers", Some("back")));
    assert_eq!(message.headers.unwrap().get("Color").map(ToString::to_string).as_deref(), Some("red"));
    assert_eq!(next(&mut outside).await.payload, vec![7; 100_000]);
    assert_eq!(next(&mut inside).await.headers, Some(headers));
}

#[tokio::test]
async fn requests_cross_the_border_both_ways() {
    let (broker, embedded, remote) = stage().await;
    let (mut inside, mut outside) =
        (embedded.subscribe("inside").await.unwrap(), remote.subscribe("outside").await.unwrap());
    broker.wait_for_interest("outside").await;
    let (service_inside, service_outside) = (embedded.clone(), remote.clone());
    tokio::spawn(async move {
        while let Some(request) = inside.next().await {
            service_inside.publish(request.reply.unwrap(), request.payload).await.unwrap();
        }
    });
    tokio::spawn(async move {
        while let Some(request) = outside.next().await {
            service_outside.publish(request.reply.unwrap(), request.payload).await.unwrap();
        }
    });
    for number in 0..100 {
        let question = number.to_string();
        assert_eq!(remote.request("inside", question.clone().into()).await.unwrap().payload, question);
        assert_eq!(embedded.request("outside", question.clone().into()).await.unwrap().payload, question);
    }
}

#[tokio::test]
async fn malformed_headers_cost_an_embedded_subscriber_the_headers_only() {
    let (broker, embedded, _remote) = stage().await;
    let mut subscriber = embedded.subscribe("in").await.unwrap();
    let mut raw = TcpStream::connect(broker.local_addr().unwrap()).await.unwrap();
    let sent =
        b"CONNECT {\"verbose\":false,\"headers\":true}\r\nHPUB in 11 13\r\nGARBAGE\r\n\r\nhi\r\nPUB in 2\r\nho\r\n";
    raw.write_all(sent).await.unwrap();
    let message = next(&mut subscriber).await;
    assert_eq!((&message.payload[..], message.headers, message.status), (&b"hi"[..], None, None));
    assert_eq!(subscriber.malformed_headers(), 1);
    assert_eq!(next(&mut subscriber).await.payload, "ho");
    assert_eq!(subscriber.malformed_headers(), 1);
}
