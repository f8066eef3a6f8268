//! What a stream holds at most, and what goes when there is more; rollups.

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy};

use crate::jetstream::scene::{Scene, code, config, sequences, span, state};
use crate::support::run;

/// Publishes six messages, alternating between `a.x` and `a.y`, and checks which are left and which were refused.
async fn check(name: &str, limited: Config, left: &[u64], refused: usize) {
    let scene = Scene::new().await;
    let stream = scene.stream(Config { name: "A".into(), subjects: vec!["a.*".into()], ..limited }).await;
    let mut errors = 0;
    for number in 1..=6 {
        let subject = if number % 2 == 1 { "a.x" } else { "a.y" };
        let sent = scene.send(subject, PublishMessage::build().payload(format!("payload {number}").into())).await;
        if let Err(error) = sent {
            assert_eq!((error.kind(), code(&error)), (PublishErrorKind::Other, 10077), "{name}");
            errors += 1;
        }
    }
    assert_eq!((sequences(&stream).await.as_slice(), errors), (left, refused), "{name}");
}

#[test]
fn old_messages_make_room() {
    // A subject of 3 bytes and a payload of 9 beside what a record counts for.
    let message_bytes = 30 + 3 + 9;
    run(async {
        let base = Config::default;
        check("messages", Config { max_messages: 2, ..base() }, &[5, 6], 0).await;
        check("bytes", Config { max_bytes: 3 * message_bytes + 1, ..base() }, &[4, 5, 6], 0).await;
        check("per subject", Config { max_messages_per_subject: 1, ..base() }, &[5, 6], 0).await;
        check("both", Config { max_messages_per_subject: 2, max_messages: 3, ..base() }, &[4, 5, 6], 0).await;
    });
}

#[test]
fn new_messages_are_refused() {
    run(async {
        let base = || Config { discard: DiscardPolicy::New, ..Config::default() };
        check("messages", Config { max_messages: 2, ..base() }, &[1, 2], 4).await;
        check("bytes", Config { max_bytes: 100, ..base() }, &[1, 2], 4).await;
        // The limit of a subject makes room all the same.
        check("per subject", Config { max_messages_per_subject: 1, ..base() }, &[5, 6], 0).await;
        let strict = Config { discard_new_per_subject: true, max_messages_per_subject: 1, ..base() };
        check("strict", strict, &[1, 2], 4).await;
    });
}

#[test]
fn one_message_per_subject_is_its_last() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(dir.path()).await;
        let stream = scene.stream(Config { max_messages_per_subject: 1, ..config("KV", &["kv.>"]) }).await;
        for round in 0..5 {
            for key in 0..20 {
                scene.publish(&format!("kv.{key}"), format!("{key} {round}")).await;
            }
        }
        let state = state(&stream).await;
        assert_eq!((state.messages, state.first_sequence, state.subjects_count), (20, 81, 20));
        for key in 0..20 {
            let last = stream.get_last_raw_message_by_subject(&format!("kv.{key}")).await.unwrap();
            assert_eq!((last.payload, last.sequence), (format!("{key} 4").into(), 81 + key));
        }
        scene.stop().await;
    });
}

#[test]
fn a_rollup_takes_the_place_of_what_was_before() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(Config { allow_rollup: true, ..config("A", &["a.*"]) }).await;
        for subject in ["a.x", "a.y", "a.x"] {
            scene.publish(subject, "old").await;
        }
        let rollup = |what: &str| PublishMessage::build().payload("new".into()).header("Nats-Rollup", what);
        assert_eq!(scene.send("a.x", rollup("sub")).await.unwrap().sequence, 4);
        assert_eq!(sequences(&stream).await, [2, 4]);
        assert_eq!(scene.send("a.z", rollup("all")).await.unwrap().sequence, 5);
        assert_eq!(span(&stream).await, (1, 5, 5));
        assert_eq!(code(&scene.send("a.x", rollup("some")).await.unwrap_err()), 10111);
        assert_eq!(span(&stream).await, (1, 5, 5));
    });
}

#[test]
fn a_sealed_stream_stays_as_it_is() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(config("A", &["a"])).await;
        scene.publish("a", "x").await;
        scene.context.update_stream(Config { sealed: true, ..config("A", &["a"]) }).await.unwrap();
        let error = scene.send("a", PublishMessage::build()).await.unwrap_err();
        assert_eq!(code(&error), 10109);
        assert_eq!(scene.api("STREAM.PURGE.A", "").await, 10109);
        assert_eq!(scene.api("STREAM.MSG.DELETE.A", r#"{"seq":1}"#).await, 10109);
        assert_eq!(span(&stream).await, (1, 1, 1));
    });
}
