//! Messages that go with time: `max_age`, `Nats-TTL`, and the markers they leave. The time is advanced by hand.

use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Config;
use embus::TestBroker;

use crate::jetstream::scene::{Scene, code, config, sequences, span};
use crate::support::run;

fn message(time_to_live: &str) -> PublishMessage {
    PublishMessage::build().payload("x".into()).header("Nats-TTL", time_to_live)
}

async fn scene() -> (TestBroker, Scene) {
    let broker = TestBroker::start().await.unwrap();
    let scene = Scene::of(broker.broker()).await;
    (broker, scene)
}

#[test]
fn old_messages_expire() {
    run(async {
        let (broker, scene) = scene().await;
        let age = Duration::from_secs(60);
        let stream = scene.stream(Config { max_age: age, ..config("A", &["a"]) }).await;
        scene.publish("a", "1").await;
        broker.advance(age).await;
        assert_eq!(span(&stream).await, (0, 2, 1));
        assert_eq!(scene.publish("a", "2").await, 2);
        broker.advance(age).await;
        assert_eq!(span(&stream).await, (0, 3, 2));
    });
}

#[test]
fn a_message_may_have_a_time_of_its_own() {
    run(async {
        let (broker, scene) = scene().await;
        let stream = scene.stream(Config { allow_message_ttl: true, ..config("A", &["a"]) }).await;
        scene.send("a", message("never")).await.unwrap();
        scene.send("a", message("1s")).await.unwrap();
        scene.send("a", message("1h")).await.unwrap();
        for bad in ["soon", "-1s", "1ms", "99999999999999999999"] {
            assert_eq!(code(&scene.send("a", message(bad)).await.unwrap_err()), 10165, "{bad:?}");
        }
        broker.advance(Duration::from_secs(1)).await;
        assert_eq!(sequences(&stream).await, [1, 3]);
    });
}

#[test]
fn the_last_message_of_a_subject_leaves_a_marker() {
    run(async {
        let (broker, scene) = scene().await;
        let with_markers = Config { subject_delete_marker_ttl: Some(Duration::from_secs(60)), ..config("A", &["a.*"]) };
        let stream = scene.stream(Config { max_age: Duration::from_secs(600), ..with_markers }).await;
        scene.publish("a.1", "x").await;
        broker.advance(Duration::from_secs(600)).await;
        let marker = stream.get_raw_message(2).await.unwrap();
        assert_eq!((marker.subject.as_str(), marker.payload.len()), ("a.1", 0));
        assert_eq!(marker.headers.get("Nats-Marker-Reason").unwrap().as_str(), "MaxAge");
        assert_eq!(marker.headers.get("Nats-TTL").unwrap().as_str(), "1m0s");
        assert_eq!(span(&stream).await, (1, 2, 2));
    });
}
