//! Messages under other subjects: transformed on their way in, republished when they are stored.

use async_nats::jetstream::stream::{Config, Republish, SubjectTransform};

use crate::jetstream::scene::{Scene, config, span};
use crate::support::{connect, next, run, subscribe, text};

fn republish(source: &str, destination: &str, headers_only: bool) -> Republish {
    Republish { source: source.into(), destination: destination.into(), headers_only }
}

#[test]
fn subjects_are_transformed_before_they_are_stored() {
    run(async {
        let scene = Scene::new().await;
        let subject_transform =
            Some(SubjectTransform { source: "in.*.*".into(), destination: "stored.{{wildcard(2)}}.$1".into() });
        let stream = scene.stream(Config { subject_transform, ..config("A", &["in.>"]) }).await;
        scene.publish("in.a.b", "moved").await;
        scene.publish("in.a", "kept").await;
        assert_eq!(stream.get_raw_message(1).await.unwrap().subject.as_str(), "stored.b.a");
        assert_eq!(stream.get_raw_message(2).await.unwrap().subject.as_str(), "in.a");
        assert_eq!(stream.direct_get_last_for_subject("stored.b.a").await.unwrap().payload, "moved");
    });
}

#[test]
fn stored_messages_are_republished() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(dir.path()).await;
        scene
            .stream(Config {
                republish: Some(republish("a.*", "copy.{{wildcard(1)}}", false)),
                ..config("A", &["a.>"])
            })
            .await;
        let reader = connect(&scene.broker).await;
        let mut copies = subscribe(&scene.broker, &reader, "copy.>").await;
        scene.publish("a.x", "one").await;
        scene.publish("a.x.y", "not this one").await;
        scene.publish("a.x", "two").await;
        for (payload, sequence, before) in [("one", "1", "0"), ("two", "3", "1")] {
            let copy = next(&mut copies).await;
            let header = |name: &str| copy.headers.as_ref().unwrap().get(name).unwrap().as_str().to_owned();
            assert_eq!((copy.subject.as_str(), text(&copy.payload).as_str()), ("copy.x", payload));
            assert_eq!((header("Nats-Stream"), header("Nats-Subject")), ("A".into(), "a.x".into()));
            assert_eq!((header("Nats-Sequence"), header("Nats-Last-Sequence")), (sequence.into(), before.into()));
        }
        scene.stop().await;
    });
}

#[test]
fn republishing_may_leave_the_payload_out() {
    run(async {
        let scene = Scene::new().await;
        scene.stream(Config { republish: Some(republish(">", "copy.>", true)), ..config("A", &["a"]) }).await;
        let reader = connect(&scene.broker).await;
        let mut copies = subscribe(&scene.broker, &reader, "copy.>").await;
        scene.publish("a", "12345").await;
        let copy = next(&mut copies).await;
        assert_eq!((copy.payload.len(), copy.subject.as_str()), (0, "copy.a"));
        assert_eq!(copy.headers.unwrap().get("Nats-Msg-Size").unwrap().as_str(), "5");
    });
}

#[test]
fn rings_are_refused_or_come_to_rest() {
    run(async {
        let scene = Scene::new().await;
        let own = Config { republish: Some(republish(">", "a.copy", false)), ..config("A", &["a.>"]) };
        assert!(scene.context.create_stream(own).await.is_err());
        let first = scene.stream(Config { republish: Some(republish("a", "b", false)), ..config("A", &["a"]) }).await;
        let back = Config { republish: Some(republish("b", "a", false)), ..config("B", &["b"]) };
        if let Ok(second) = scene.context.create_stream(back).await {
            scene.publish("a", "round").await;
            assert!(span(&second).await.0 < 20);
        } else {
            scene.stream(config("B", &["b"])).await;
            scene.publish("a", "once").await;
        }
        assert!(span(&first).await.0 < 20);
    });
}
