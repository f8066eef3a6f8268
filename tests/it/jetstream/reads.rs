//! Messages read back one at a time: over the API and directly. [reference §6.1, §6.2]

use async_nats::HeaderMap;
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{Config, DirectGetErrorKind, RawMessageErrorKind, Stream};
use bytes::Bytes;

use crate::jetstream::scene::{Scene, config};
use crate::support::{Raw, run};

/// Reads the same in both ways.
async fn both(stream: &Stream, sequence: u64) -> StreamMessage {
    let raw = stream.get_raw_message(sequence).await.unwrap();
    let direct = stream.direct_get(sequence).await.unwrap();
    assert_eq!((&raw.subject, &raw.payload, raw.time), (&direct.subject, &direct.payload, direct.time));
    assert_eq!(raw.sequence, direct.sequence);
    raw
}

#[test]
fn bytes_come_back_as_they_went_in() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(dir.path()).await;
        let stream = scene.stream(config("A", &["a.>"])).await;
        let binary: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let payloads = [Bytes::new(), Bytes::from_static(b"\r\n\0"), Bytes::from(binary)];
        let mut headers = HeaderMap::new();
        headers.insert("Color", "blue green");
        headers.insert("Empty", "");
        for payload in &payloads {
            let plain = PublishMessage::build().payload(payload.clone());
            let sequence = scene.send("a.plain", plain.clone()).await.unwrap().sequence;
            assert_eq!(both(&stream, sequence).await.payload, payload);
            let sequence = scene.send("a.b.c", plain.headers(headers.clone())).await.unwrap().sequence;
            let message = both(&stream, sequence).await;
            assert_eq!((message.subject.as_str(), &message.payload), ("a.b.c", payload));
            assert_eq!(message.headers.get("Color").unwrap().as_str(), "blue green");
            assert_eq!(message.headers.get("Empty").unwrap().as_str(), "");
        }
        scene.stop().await;
    });
}

/// async-nats keeps the last of several values itself, so this is looked at by hand.
#[test]
fn header_blocks_are_kept_as_they_are() {
    run(async {
        let scene = Scene::new().await;
        scene.stream(config("A", &["a"])).await;
        let mut raw = Raw::connect(&scene.broker).await.modern().await.subscribed("in").await;
        let block = "NATS/1.0\r\nColor: red\r\nColor:green\r\nEMPTY:\r\n\r\n";
        raw.send(format!("HPUB a {} {}\r\n{block}hi\r\n", block.len(), block.len() + 2)).await;
        raw.send("PUB $JS.API.DIRECT.GET.A in 9\r\n{\"seq\":1}\r\n").await;
        assert!(raw.line().await.starts_with("HMSG in 1 "));
        raw.expect("NATS/1.0\r\nColor: red\r\nColor:green\r\nEMPTY:\r\nNats-Stream: A\r\n").await;
    });
}

#[test]
fn messages_are_found_by_subject() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(config("A", &["a.*"])).await;
        for (subject, payload) in [("a.x", "1"), ("a.y", "2"), ("a.x", "3"), ("a.y", "4")] {
            scene.publish(subject, payload).await;
        }
        let last = stream.get_last_raw_message_by_subject("a.x").await.unwrap();
        let direct = stream.direct_get_last_for_subject("a.x").await.unwrap();
        assert_eq!((last.sequence, direct.sequence, last.payload), (3, 3, direct.payload));
        assert_eq!(stream.get_last_raw_message_by_subject("a.*").await.unwrap().sequence, 4);
        assert_eq!(stream.get_next_raw_message_by_subject("a.y").await.unwrap().sequence, 2);
        assert_eq!(stream.get_first_raw_message_by_subject("a.y", 3).await.unwrap().sequence, 4);
        assert_eq!(stream.direct_get_first_for_subject("a.y").await.unwrap().sequence, 2);
        assert_eq!(stream.direct_get_next_for_subject("a.*", Some(2)).await.unwrap().sequence, 2);
        assert_eq!(stream.direct_get_next_for_subject("a.x", Some(2)).await.unwrap().sequence, 3);
    });
}

#[test]
fn what_is_not_there_is_not_found() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(config("A", &["a.*"])).await;
        scene.publish("a.x", "1").await;
        for sequence in [2, u64::MAX] {
            assert_eq!(stream.direct_get(sequence).await.unwrap_err().kind(), DirectGetErrorKind::NotFound);
            let kind = stream.get_raw_message(sequence).await.unwrap_err().kind();
            assert_eq!(kind, RawMessageErrorKind::NoMessageFound, "{sequence}");
        }
        assert_eq!(stream.direct_get_last_for_subject("a.y").await.unwrap_err().kind(), DirectGetErrorKind::NotFound);
        assert_eq!(scene.api("STREAM.MSG.GET.A", "{}").await, 10003);
        assert_eq!(scene.api("STREAM.MSG.GET.A", r#"{"last_by_subj":"a.y"}"#).await, 10037);
        assert_eq!(scene.api("STREAM.MSG.GET.B", r#"{"seq":1}"#).await, 10059);
        // Only a stream that allows it answers directly.
        scene.context.update_stream(Config { allow_direct: false, ..config("A", &["a.*"]) }).await.unwrap();
        assert!(stream.direct_get(1).await.is_err() && stream.get_raw_message(1).await.is_ok());
    });
}

#[test]
fn a_batch_comes_in_one_go() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(config("A", &["a.*"])).await;
        for number in 1..=6 {
            scene.publish(&format!("a.{}", number % 3), format!("{number}")).await;
        }
        stream.delete_message(2).await.unwrap();
        let mut raw = Raw::connect(&scene.broker).await.modern().await.subscribed("in").await;
        let payloads = async |raw: &mut Raw, body: &str| {
            raw.send(format!("PUB $JS.API.DIRECT.GET.A in {}\r\n{body}\r\n", body.len())).await;
            let mut payloads = String::new();
            loop {
                let line = raw.line().await;
                if line.starts_with("NATS/1.0 ") {
                    return payloads + &line[9..12];
                }
                if line.len() == 3 {
                    payloads.push_str(line.trim_end());
                }
            }
        };
        assert_eq!(payloads(&mut raw, r#"{"seq":1,"batch":3}"#).await, "134204");
        assert_eq!(payloads(&mut raw, r#"{"next_by_subj":"a.1","seq":2,"batch":9}"#).await, "4204");
        assert_eq!(payloads(&mut raw, r#"{"multi_last":["a.>"]}"#).await, "456204");
        assert_eq!(payloads(&mut raw, r#"{"multi_last":["a.0","a.1"],"up_to_seq":5}"#).await, "34204");
        assert_eq!(payloads(&mut raw, r#"{"seq":9,"batch":3}"#).await, "404");
        assert_eq!(payloads(&mut raw, "nonsense").await, "408");
    });
}
