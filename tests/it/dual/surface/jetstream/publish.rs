//! Publishing, acknowledgements and conditions.

use std::time::Duration;

use super::super::nats::HeaderMap;
use super::super::nats::jetstream::context::traits::Publisher;
use super::super::nats::jetstream::context::{ContextBuilder, PublishErrorKind};
use super::super::nats::jetstream::message::PublishMessage;
use super::super::nats::jetstream::publish::PublishAck;
use super::super::nats::jetstream::stream::{Config, DiscardPolicy};
use super::super::{MAX_PAYLOAD, Stage};
use super::config;

#[tokio::test]
async fn messages_are_acknowledged_in_order() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    jetstream.create_stream(config("S")).await.unwrap();

    let ack = jetstream.publish("s.1", "one".into()).await.unwrap().await.unwrap();
    assert_eq!(ack, PublishAck { stream: "S".to_owned(), sequence: 1, ..Default::default() });

    let mut acks = Vec::new();
    for n in 2..=200 {
        acks.push((n, jetstream.publish(format!("s.{n}"), "more".into()).await.unwrap()));
    }
    for (n, ack) in acks {
        assert_eq!(ack.await.unwrap().sequence, n);
    }
    jetstream.publish("s.201", "nobody waits".into()).await.unwrap();
    jetstream.wait_for_acks().await;
    assert_eq!(jetstream.get_stream("S").await.unwrap().cached_info().state.messages, 201);
}

#[tokio::test]
async fn without_a_stream_there_is_no_acknowledgement() {
    let stage = Stage::start().await;
    let ack = stage.jetstream().publish("nowhere", "x".into()).await.unwrap();
    let error = ack.await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::StreamNotFound);
    assert_eq!(error.to_string(), "no stream found for given subject");
}

#[tokio::test]
async fn what_can_not_be_published_fails_at_once() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    jetstream.create_stream(config("S")).await.unwrap();
    let error = jetstream.publish("s.large", vec![0; MAX_PAYLOAD + 1].into()).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded);
    for bad in ["", "s. x"] {
        assert_eq!(jetstream.publish(bad, "x".into()).await.unwrap_err().kind(), PublishErrorKind::Other, "{bad:?}");
    }
    assert_eq!(jetstream.publish("s.1", "x".into()).await.unwrap().await.unwrap().sequence, 1);
}

#[tokio::test]
async fn headers_are_stored() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let stream = jetstream.create_stream(config("S")).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Color", "red");
    headers.insert("Size", "L");
    jetstream.publish_with_headers("s.1", headers.clone(), "chair".into()).await.unwrap().await.unwrap();
    assert_eq!(stream.get_raw_message(1).await.unwrap().headers, headers);
}

#[tokio::test]
async fn a_message_id_is_taken_once() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    jetstream.create_stream(config("S")).await.unwrap();
    let message = PublishMessage::build().payload("x".into()).message_id("one");
    let first = jetstream.send_publish("s.1", message.clone()).await.unwrap().await.unwrap();
    let second = jetstream.send_publish("s.1", message).await.unwrap().await.unwrap();
    assert_eq!((first.sequence, first.duplicate), (1, false));
    assert_eq!((second.sequence, second.duplicate), (1, true));
}

#[tokio::test]
async fn conditions_that_do_not_hold() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    jetstream.create_stream(config("S")).await.unwrap();
    let first = PublishMessage::build().message_id("first").expected_last_sequence(0).expected_stream("S");
    assert_eq!(jetstream.send_publish("s.a", first).await.unwrap().await.unwrap().sequence, 1);

    let message = || PublishMessage::build().payload("x".into());
    for (message, kind, text) in [
        (message().expected_last_sequence(7), PublishErrorKind::WrongLastSequence, "10071"),
        (message().expected_last_subject_sequence(0), PublishErrorKind::WrongLastSequence, "10071"),
        (message().expected_last_message_id("other"), PublishErrorKind::WrongLastMessageId, "10070"),
        (message().expected_stream("T"), PublishErrorKind::Other, "10060"),
        (message().ttl(Duration::from_secs(5)), PublishErrorKind::Other, "10166"),
        (message().header("Nats-Schedule", "@at 2030-01-01T00:00:00Z"), PublishErrorKind::Other, "10188"),
    ] {
        let error = jetstream.send_publish("s.a", message).await.unwrap().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error} has no {text}");
    }
    let good = message().expected_last_message_id("first").expected_last_subject_sequence(1).header("K", "v");
    assert_eq!(jetstream.send_publish("s.a", good).await.unwrap().await.unwrap().sequence, 2);
}

#[tokio::test]
async fn a_full_stream_refuses() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let full = Config { max_messages: 1, discard: DiscardPolicy::New, ..config("S") };
    jetstream.create_stream(full).await.unwrap();
    jetstream.publish("s.1", "x".into()).await.unwrap().await.unwrap();
    let error = jetstream.publish("s.2", "x".into()).await.unwrap().await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::Other);
    assert!(error.to_string().contains("maximum messages exceeded (code 503, error code 10077)"), "{error}");
}

#[tokio::test]
async fn a_time_to_live_is_a_header() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let stream = jetstream.create_stream(Config { allow_message_ttl: true, ..config("S") }).await.unwrap();
    let brief = PublishMessage::build().payload("x".into()).ttl(Duration::from_secs(1));
    jetstream.send_publish("s.1", brief).await.unwrap().await.unwrap();
    assert_eq!(stream.get_raw_message(1).await.unwrap().headers.get("Nats-TTL").unwrap().as_str(), "1");
}

#[tokio::test]
async fn contexts_with_settings() {
    let stage = Stage::start().await;
    let builder = ContextBuilder::new()
        .timeout(Duration::from_secs(30))
        .ack_timeout(Duration::from_secs(30))
        .max_ack_inflight(2)
        .backpressure_on_inflight(true)
        .concurrency_limit(Some(1));
    let jetstream = builder.build(stage.client.clone());
    jetstream.create_stream(config("S")).await.unwrap();
    for _ in 0..10 {
        // Nobody awaits the acknowledgements: as they arrive, there is room for more.
        jetstream.publish("s.1", "x".into()).await.unwrap();
    }
    jetstream.wait_for_acks().await;
    assert_eq!(jetstream.publish("s.1", "x".into()).await.unwrap().await.unwrap().sequence, 11);
}

#[tokio::test]
async fn messages_that_know_their_subject() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    jetstream.create_stream(config("S")).await.unwrap();
    let message = PublishMessage::build().payload("x".into()).message_id("one").outbound_message("s.1");
    let ack = Publisher::publish_message(&jetstream, message).await.unwrap().await.unwrap();
    assert_eq!(ack.sequence, 1);
}
