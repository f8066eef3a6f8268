//! Publishing: acknowledgements, what is refused and why, duplicates, expectations.

use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind::{Other, StreamNotFound, WrongLastMessageId, WrongLastSequence};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Config;
use futures_util::future::join_all;

use crate::jetstream::scene::{Scene, code, config, span};
use crate::support::{Raw, connect, run};

fn message(payload: &str) -> PublishMessage {
    PublishMessage::build().payload(payload.to_owned().into())
}

#[test]
fn an_acknowledgement_is_byte_for_byte_that_of_nats_server() {
    run(async {
        let scene = Scene::new().await;
        scene.stream(config("S", &["s.*"])).await;
        let mut raw = Raw::connect(&scene.broker).await.modern().await.subscribed("reply").await;
        raw.send("PUB s.a reply 2\r\nhi\r\n").await;
        raw.expect("MSG reply 1 22\r\n{\"stream\":\"S\",\"seq\":1}\r\n").await;
        let publish = "HPUB s.a reply 27 29\r\nNATS/1.0\r\nNats-Msg-Id:1\r\n\r\nhi\r\n";
        raw.send([publish, publish].concat()).await;
        raw.expect("MSG reply 1 22\r\n{\"stream\":\"S\",\"seq\":2}\r\n").await;
        raw.expect("MSG reply 1 40\r\n{\"stream\":\"S\",\"seq\":2,\"duplicate\": true}\r\n").await;
        // Without a reply subject there is nobody to tell.
        raw.send("PUB s.a 2\r\nhi\r\n").await;
        assert_eq!(raw.fence().await, "");
    });
}

#[test]
fn a_message_that_no_stream_takes_has_no_responders() {
    run(async {
        let scene = Scene::new().await;
        scene.stream(config("A", &["a"])).await;
        assert_eq!(scene.send("b", message("x")).await.unwrap_err().kind(), StreamNotFound);
    });
}

#[test]
fn many_in_flight_are_stored_in_order() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(dir.path()).await;
        let stream = scene.stream(config("A", &["a.*"])).await;
        let mut acks = Vec::new();
        for number in 1..=500_u64 {
            acks.push(scene.context.publish(format!("a.{}", number % 7), number.to_string().into()).await.unwrap());
        }
        for (number, ack) in (1..).zip(acks) {
            assert_eq!(ack.await.unwrap().sequence, number);
        }
        for number in [1, 250, 500] {
            assert_eq!(stream.get_raw_message(number).await.unwrap().payload, number.to_string());
        }
        scene.stop().await;
    });
}

#[test]
fn an_id_counts_once_within_the_window() {
    run(async {
        let scene = Scene::new().await;
        let window = Duration::from_millis(200);
        let stream = scene.stream(Config { duplicate_window: window, ..config("A", &["a.*"]) }).await;
        let first = scene.send("a.1", message("x").message_id("id")).await.unwrap();
        assert!(!first.duplicate && first.sequence == 1);
        // Other subjects make no difference, other ids do.
        let again = scene.send("a.2", message("y").message_id("id")).await.unwrap();
        assert!(again.duplicate && again.sequence == 1);
        assert_eq!(scene.send("a.2", message("y").message_id("ID")).await.unwrap().sequence, 2);
        assert_eq!(span(&stream).await, (2, 1, 2));
        // The window closes.
        while scene.send("a.1", message("z").message_id("id")).await.unwrap().duplicate {}
        assert_eq!(span(&stream).await, (3, 1, 3));
    });
}

#[test]
fn expectations_hold_or_nothing_is_stored() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(config("A", &["a.*"])).await;
        let kind = async |message| scene.send("a.1", message).await.unwrap_err().kind();
        scene.send("a.1", message("1").expected_last_sequence(0).message_id("one")).await.unwrap();
        assert_eq!(kind(message("2").expected_last_sequence(0)).await, WrongLastSequence);
        assert_eq!(kind(message("2").expected_last_sequence(u64::MAX)).await, WrongLastSequence);
        assert_eq!(kind(message("2").expected_last_subject_sequence(0)).await, WrongLastSequence);
        assert_eq!(kind(message("2").expected_last_message_id("two")).await, WrongLastMessageId);
        let error = scene.send("a.1", message("2").expected_stream("B")).await.unwrap_err();
        assert_eq!((error.kind(), code(&error)), (Other, 10060));
        assert_eq!(span(&stream).await, (1, 1, 1));
        let all = message("2").expected_stream("A").expected_last_message_id("one").expected_last_sequence(1);
        scene.send("a.1", all.expected_last_subject_sequence(1)).await.unwrap();
        scene.send("a.2", message("3").expected_last_subject_sequence(0)).await.unwrap();
        let of_all = message("4").header("Nats-Expected-Last-Subject-Sequence-Subject", "a.*");
        assert_eq!(scene.send("a.3", of_all.expected_last_subject_sequence(3)).await.unwrap().sequence, 4);
    });
}

#[test]
fn of_many_that_expect_the_same_one_wins() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(config("A", &["a"])).await;
        let mut clients = Vec::new();
        for _ in 0..4 {
            clients.push(async_nats::jetstream::new(connect(&scene.broker).await));
        }
        for round in 0..20 {
            let race = clients.iter().map(async |client| {
                let message = message(&round.to_string()).expected_last_sequence(round);
                client.send_publish("a", message).await.unwrap().await.map(|ack| ack.sequence).ok()
            });
            let won: Vec<u64> = join_all(race).await.into_iter().flatten().collect();
            assert_eq!(won, [round + 1]);
        }
        assert_eq!(span(&stream).await, (20, 1, 20));
    });
}

#[test]
fn what_is_too_large_is_refused() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(Config { max_message_size: 100, ..config("A", &["a"]) }).await;
        scene.publish("a", vec![0; 100]).await;
        let error = scene.send("a", PublishMessage::build().payload(vec![0; 101].into())).await.unwrap_err();
        assert_eq!((code(&error), span(&stream).await), (10054, (1, 1, 1)));
        let error = scene.send("a", message("").header("x", "y".repeat(100).as_str())).await.unwrap_err();
        assert_eq!((code(&error), span(&stream).await), (10054, (1, 1, 1)));
        scene.stream(config("B", &["b"])).await;
        let error = scene.send("b", message("").header("x", "y".repeat(65_536).as_str())).await.unwrap_err();
        assert_eq!(code(&error), 10097);
    });
}

#[test]
fn a_stream_without_acknowledgements_stores_in_silence() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(Config { no_ack: true, ..config("A", &["a"]) }).await;
        let mut raw = Raw::connect(&scene.broker).await.modern().await.subscribed("reply").await;
        raw.send("PUB a reply 2\r\nhi\r\n").await;
        assert_eq!(raw.fence().await, "");
        assert_eq!(span(&stream).await, (1, 1, 1));
        assert_eq!(raw.fence().await, "");
    });
}

#[test]
fn what_is_not_there_yet_is_refused_not_ignored() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(config("A", &["a"])).await;
        for (name, value) in [
            ("Nats-Incr", "1"),
            ("Nats-TTL", "1s"),
            ("Nats-Rollup", "sub"),
            ("Nats-Rollup", "nonsense"),
            ("Nats-Batch-Id", "b"),
            ("Nats-Schedule", "@at 2030-01-01T00:00:00Z"),
            ("Nats-Expected-Last-Sequence", "one"),
        ] {
            let sent = scene.send("a", message("x").header(name, value)).await;
            assert!(sent.is_err(), "{name}: {value}");
        }
        assert_eq!(span(&stream).await, (0, 0, 0));
    });
}
