//! One bucket, written on one side and read on the other.

use std::time::Duration;

use embus::jetstream::kv::{Config, Operation};
use futures_util::TryStreamExt;

use crate::kv::scene::{Scene, config, expected, history, keys, next_entry, next_event, told, told_outside};
use crate::support::{connect, listening, next, run};

#[test]
fn written_outside_and_read_inside() {
    run(async {
        let scene = Scene::new(config(5)).await;
        let Scene { inside, outside, .. } = &scene;
        let mut watch = inside.watch_with_history(">").await.unwrap().events();
        assert_eq!(next_event(&mut watch).await, None, "there is nothing yet");
        assert_eq!(outside.put("a", "1".into()).await.unwrap(), 1);
        assert_eq!(outside.create("b.c", "2".into()).await.unwrap(), 2);
        assert_eq!(outside.update("a", "3".into(), 1).await.unwrap(), 3);
        outside.delete("b.c").await.unwrap();
        outside.purge("d").await.unwrap();

        assert_eq!(inside.get("a").await.unwrap().as_deref(), Some(&b"3"[..]));
        assert_eq!(inside.get("b.c").await.unwrap(), None);
        assert_eq!(keys(inside).await, ["a"]);
        let all = [
            expected("a", "1", 1, Operation::Put),
            expected("b.c", "2", 2, Operation::Put),
            expected("a", "3", 3, Operation::Put),
            expected("b.c", "", 4, Operation::Delete),
            expected("d", "", 5, Operation::Purge),
        ];
        assert_eq!(history(inside, "a").await, [all[0].clone(), all[2].clone()]);
        for entry in all {
            assert_eq!(next_event(&mut watch).await, Some(entry));
        }
    });
}

#[test]
fn written_inside_and_read_outside() {
    run(async {
        let scene = Scene::new(config(5)).await;
        let Scene { inside, outside, .. } = &scene;
        inside.put("before", "0".into()).await.unwrap();
        let mut watch = outside.watch_with_history(">").await.unwrap();
        assert_eq!(told_outside(&next(&mut watch).await.unwrap()), expected("before", "0", 1, Operation::Put));
        assert_eq!(inside.create("a", "1".into()).await.unwrap(), 2);
        assert_eq!(inside.update("a", "2".into(), 2).await.unwrap(), 3);
        inside.delete("a").await.unwrap();
        inside.purge("before").await.unwrap();

        assert_eq!(outside.get("a").await.unwrap(), None);
        let entries: Vec<_> = outside.history("a").await.unwrap().try_collect().await.unwrap();
        let all = [
            expected("a", "1", 2, Operation::Put),
            expected("a", "2", 3, Operation::Put),
            expected("a", "", 4, Operation::Delete),
        ];
        assert_eq!(entries.iter().map(told_outside).collect::<Vec<_>>(), all);
        for entry in all {
            assert_eq!(told_outside(&next(&mut watch).await.unwrap()), entry);
        }
        assert_eq!(told_outside(&next(&mut watch).await.unwrap()), expected("before", "", 5, Operation::Purge));
    });
}

#[test]
fn buckets_of_async_nats_are_those_of_embus() {
    run(async {
        let broker = listening().start().await.unwrap();
        let outside = async_nats::jetstream::new(connect(&broker).await);
        let theirs = async_nats::jetstream::kv::Config {
            bucket: "b".to_owned(),
            description: "either".to_owned(),
            history: 3,
            max_age: Duration::from_secs(3600),
            max_bytes: 1 << 20,
            compression: true,
            limit_markers: Some(Duration::from_secs(5)),
            ..Default::default()
        };
        let ours = Config {
            bucket: "b".to_owned(),
            description: "either".to_owned(),
            history: 3,
            max_age: Duration::from_secs(3600),
            max_bytes: 1 << 20,
            compression: true,
            limit_markers: Some(Duration::from_secs(5)),
            ..Default::default()
        };
        outside.create_key_value(theirs.clone()).await.unwrap();
        let context = embus::jetstream::new(broker.client());
        // Only a stream of just this configuration can be created again.
        let inside = context.create_key_value(ours).await.unwrap();
        outside.create_key_value(theirs).await.unwrap();
        assert_eq!(inside.status().await.unwrap().history(), 3);
    });
}

#[test]
fn a_revision_is_one_on_both_sides() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { inside, outside, .. } = &scene;
        let revision = inside.put("a", "1".into()).await.unwrap();
        let revision = outside.update("a", "2".into(), revision).await.unwrap();
        let entry = inside.entry("a").await.unwrap().unwrap();
        assert_eq!(told(&entry), expected("a", "2", revision, Operation::Put));
        assert_eq!(outside.entry("a").await.unwrap().unwrap().created, entry.created);
        let mut watch = inside.watch_from_revision("a", revision).await.unwrap();
        assert_eq!(next_entry(&mut watch).await, expected("a", "2", revision, Operation::Put));
    });
}
