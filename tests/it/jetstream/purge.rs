//! Messages that are taken out: purges in all their forms, single messages. [reference §6.2, §6.3]

use async_nats::jetstream::stream::{Config, DeleteMessageErrorKind, Stream};

use crate::jetstream::scene::{Scene, api_code, config, sequences, span};
use crate::support::run;

/// Six messages, alternating between two subjects.
async fn six(scene: &Scene) -> Stream {
    let stream = scene.stream(config("A", &["a.*"])).await;
    for number in 1..=6 {
        scene.publish(if number % 2 == 1 { "a.x" } else { "a.y" }, format!("{number}")).await;
    }
    stream
}

#[test]
fn a_purge_takes_what_its_form_says() {
    let forms: [(&str, u64, &[u64], u64); 13] = [
        ("", 6, &[], 7),
        ("{}", 6, &[], 7),
        (r#"{"keep":0}"#, 6, &[], 7),
        (r#"{"seq":1}"#, 0, &[1, 2, 3, 4, 5, 6], 7),
        (r#"{"seq":4}"#, 3, &[4, 5, 6], 7),
        (r#"{"seq":100}"#, 6, &[], 100),
        (r#"{"keep":2}"#, 4, &[5, 6], 7),
        (r#"{"keep":10}"#, 0, &[1, 2, 3, 4, 5, 6], 7),
        (r#"{"filter":"a.x"}"#, 3, &[2, 4, 6], 7),
        (r#"{"filter":"a.x","keep":1}"#, 2, &[2, 4, 5, 6], 7),
        (r#"{"filter":"a.x","seq":4}"#, 2, &[2, 4, 5, 6], 7),
        (r#"{"filter":">"}"#, 6, &[], 7),
        (r#"{"filter":"b"}"#, 0, &[1, 2, 3, 4, 5, 6], 7),
    ];
    run(async {
        for (form, purged, left, next) in forms {
            let scene = Scene::new().await;
            let stream = six(&scene).await;
            let reply = scene.request("$JS.API.STREAM.PURGE.A", form).await;
            assert_eq!((&reply["success"], reply["purged"].as_u64()), (&true.into(), Some(purged)), "{form}");
            assert_eq!(sequences(&stream).await, left, "{form}");
            assert_eq!(scene.publish("a.x", "next").await, next, "{form}");
        }
    });
}

#[test]
fn purges_by_builder() {
    run(async {
        let scene = Scene::new().await;
        let stream = six(&scene).await;
        assert_eq!(stream.purge().filter("a.y").keep(2).await.unwrap().purged, 1);
        assert_eq!(stream.purge().sequence(4).await.unwrap().purged, 2);
        assert_eq!(sequences(&stream).await, [4, 5, 6]);
        assert_eq!(stream.purge().await.unwrap().purged, 3);
        assert_eq!(span(&stream).await, (0, 7, 6));
    });
}

/// A message between others that is gone; one in front of all or behind all.
const NOT_THERE: (usize, u64) = (400, 10043);
const NEVER: (usize, u64) = (500, 10057);

#[test]
fn one_message_is_deleted() {
    run(async {
        let scene = Scene::new().await;
        let stream = six(&scene).await;
        for (sequence, left) in [(5, (5, 1, 6)), (3, (4, 1, 6)), (1, (3, 2, 6)), (2, (2, 4, 6))] {
            assert!(stream.delete_message(sequence).await.unwrap());
            assert_eq!(span(&stream).await, left, "{sequence}");
            assert!(stream.get_raw_message(sequence).await.is_err() && stream.direct_get(sequence).await.is_err());
        }
        for (sequence, expected) in [(5, NOT_THERE), (3, NEVER), (0, NEVER), (7, NEVER), (u64::MAX, NEVER)] {
            match stream.delete_message(sequence).await.unwrap_err().kind() {
                DeleteMessageErrorKind::JetStream(error) => assert_eq!((error.code(), api_code(&error)), expected),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(scene.publish("a.x", "").await, 7);
    });
}

#[test]
fn a_stream_may_forbid_it() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(Config { deny_delete: true, deny_purge: true, ..config("A", &["a"]) }).await;
        scene.publish("a", "x").await;
        assert_eq!(scene.api("STREAM.PURGE.A", "").await, 10110);
        assert_eq!(scene.api("STREAM.MSG.DELETE.A", r#"{"seq":1}"#).await, 10057);
        assert_eq!(span(&stream).await, (1, 1, 1));
    });
}
