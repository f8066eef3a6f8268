//! Entries that go with time, and what is told of that.

use std::time::Duration;

use embus::jetstream::kv::{Config, CreateErrorKind, Operation};

use crate::kv::scene::{Scene, config, expected, history, keys, next_entry, next_event};
use crate::support::{run, within};

const SECOND: Duration = Duration::from_secs(1);

/// An entry lives at least as long as a mark of the bucket.
fn marked(history: i64) -> Config {
    Config { limit_markers: Some(SECOND), ..config(history) }
}

#[test]
fn what_expires_reaches_watches_and_may_be_created_again() {
    run(async {
        let scene = Scene::new(marked(5)).await;
        let Scene { inside, outside, .. } = &scene;
        let mut watch = inside.watch_all().await.unwrap();
        let mut outside_watch = outside.watch_all().await.unwrap();
        let first = inside.create_with_ttl("a", "1".into(), SECOND).await.unwrap();
        let error = inside.create("a", "2".into()).await.unwrap_err();
        assert_eq!(error.kind(), CreateErrorKind::AlreadyExists);
        assert_eq!(next_entry(&mut watch).await, expected("a", "1", first, Operation::Put));
        assert_eq!(next_entry(&mut watch).await, expected("a", "", first + 1, Operation::Purge));
        assert_eq!(inside.get("a").await.unwrap(), None);
        let marker = inside.entry("a").await.unwrap().unwrap();
        assert_eq!((marker.operation, marker.revision), (Operation::Purge, first + 1));
        crate::support::next(&mut outside_watch).await.unwrap();
        let seen = crate::support::next(&mut outside_watch).await.unwrap();
        assert_eq!(seen.operation, async_nats::jetstream::kv::Operation::Purge);

        // Over the mark, and what is created has its time to live there, too.
        let second = inside.create_with_ttl("a", "2".into(), SECOND).await.unwrap();
        assert_eq!(next_entry(&mut watch).await, expected("a", "2", second, Operation::Put));
        assert_eq!(next_entry(&mut watch).await, expected("a", "", second + 1, Operation::Purge));
        assert_eq!(inside.create("a", "3".into()).await.unwrap(), second + 2);
    });
}

#[test]
fn without_markers_a_key_is_just_gone_and_may_be_created() {
    run(async {
        let age = Duration::from_millis(150);
        let scene = Scene::new(Config { max_age: age, ..config(3) }).await;
        let Scene { inside, .. } = &scene;
        inside.create("a", "1".into()).await.unwrap();
        within("the end of its time", async { while inside.entry("a").await.unwrap().is_some() {} }).await;
        assert_eq!(inside.create("a", "2".into()).await.unwrap(), 2);
        within("the end of its time", async { while inside.get("a").await.unwrap().is_some() {} }).await;
        assert!(history(inside, "a").await.is_empty() && keys(inside).await.is_empty());
    });
}

#[test]
fn a_bucket_with_an_age_and_markers_tells_of_each_key() {
    run(async {
        let age = Duration::from_millis(150);
        let scene = Scene::new(Config { max_age: age, ..marked(1) }).await;
        let Scene { inside, .. } = &scene;
        let mut watch = inside.watch_all().await.unwrap();
        for key in ["a", "b", "c"] {
            inside.put(key, "1".into()).await.unwrap();
        }
        let mut told = Vec::new();
        while told.iter().filter(|(_, operation)| *operation == Operation::Purge).count() < 3 {
            let (key, _, _, operation) = next_entry(&mut watch).await;
            told.push((key, operation));
        }
        for key in ["a", "b", "c"] {
            let of_key = told.iter().filter(|(told, _)| told == key).map(|(_, operation)| *operation);
            assert_eq!(of_key.collect::<Vec<_>>(), [Operation::Put, Operation::Purge], "{key}");
        }
    });
}

#[test]
fn a_mark_of_a_purge_goes_after_its_time() {
    run(async {
        let scene = Scene::new(marked(5)).await;
        let Scene { inside, .. } = &scene;
        inside.put("a", "1".into()).await.unwrap();
        inside.purge_with_ttl("a", SECOND).await.unwrap();
        assert_eq!(history(inside, "a").await, [expected("a", "", 2, Operation::Purge)]);
        within("the end of the mark", async { while inside.entry("a").await.unwrap().is_some() {} }).await;
        assert!(history(inside, "a").await.is_empty());
    });
}

#[test]
fn a_watch_is_complete_though_what_was_there_is_gone() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { inside, .. } = &scene;
        for key in ["a", "b", "c"] {
            inside.put(key, "1".into()).await.unwrap();
        }
        let mut watch = inside.watch_with_history(">").await.unwrap();
        assert!(!watch.is_current());
        let mut keys = inside.keys().await.unwrap();
        inside.stream.purge().await.unwrap();
        assert!(within("the end of the keys", futures_util::StreamExt::next(&mut keys)).await.is_none());
        let mut events = watch.events();
        assert_eq!(next_event(&mut events).await, None);
        inside.put("d", "2".into()).await.unwrap();
        assert_eq!(next_event(&mut events).await, Some(expected("d", "2", 4, Operation::Put)));
        watch = inside.watch_all().await.unwrap();
        assert!(watch.is_current(), "there is nothing to come");
    });
}
