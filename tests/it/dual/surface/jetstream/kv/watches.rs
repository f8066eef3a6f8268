//! Watches.

use futures_util::StreamExt;

use super::super::super::Stage;
use super::super::super::nats::jetstream::kv::{History, Keys, Operation, Watch};
use super::{bucket, expected, next, next_entry};

#[tokio::test]
async fn a_watch_tells_what_happens() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    store.put("a.b", "before".into()).await.unwrap();
    let mut one: Watch = store.watch("a.b").await.unwrap();
    let mut some = store.watch("a.*").await.unwrap();
    let mut all = store.watch_all().await.unwrap();
    store.put("a.b", "1".into()).await.unwrap();
    store.put("c", "2".into()).await.unwrap();
    store.delete("a.b").await.unwrap();
    store.purge("a.d").await.unwrap();

    let put = expected("a.b", "1", 2, Operation::Put);
    let other = expected("c", "2", 3, Operation::Put);
    let deleted = expected("a.b", "", 4, Operation::Delete);
    let purged = expected("a.d", "", 5, Operation::Purge);
    assert_eq!([next(&mut one).await, next(&mut one).await], [put.clone(), deleted.clone()]);
    assert_eq!(
        [next(&mut some).await, next(&mut some).await, next(&mut some).await],
        [put.clone(), deleted.clone(), purged.clone()]
    );
    for entry in [put, other, deleted, purged] {
        assert_eq!(next(&mut all).await, entry);
    }
}

#[tokio::test]
async fn a_watch_may_begin_with_what_is_there() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    for (key, value) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
        store.put(key, value.into()).await.unwrap();
    }
    let mut watch = store.watch_with_history(">").await.unwrap();
    let entries = [next_entry(&mut watch).await, next_entry(&mut watch).await, next_entry(&mut watch).await];
    let seen: Vec<_> = entries.iter().map(|entry| (&entry.key[..], entry.revision, entry.seen_current)).collect();
    assert_eq!(seen, [("b", 2, false), ("a", 3, false), ("c", 4, true)]);
    assert_eq!(entries.map(|entry| entry.delta), [2, 1, 0]);
    store.put("a", "5".into()).await.unwrap();
    let entry = next_entry(&mut watch).await;
    assert_eq!((&entry.key[..], entry.seen_current), ("a", true));

    let mut watch = store.watch_many_with_history(["a", "c"]).await.unwrap();
    assert_eq!(next(&mut watch).await, expected("c", "4", 4, Operation::Put));
    assert_eq!(next(&mut watch).await, expected("a", "5", 5, Operation::Put));
}

#[tokio::test]
async fn a_watch_may_begin_with_a_revision() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
        store.put(key, value.into()).await.unwrap();
    }
    let mut watch = store.watch_all_from_revision(2).await.unwrap();
    assert_eq!(next(&mut watch).await, expected("b", "2", 2, Operation::Put));
    assert_eq!(next(&mut watch).await, expected("a", "3", 3, Operation::Put));
    let mut watch = store.watch_from_revision("a", 2).await.unwrap();
    assert_eq!(next(&mut watch).await, expected("a", "3", 3, Operation::Put));
    store.put("a", "4".into()).await.unwrap();
    assert_eq!(next(&mut watch).await, expected("a", "4", 4, Operation::Put));
}

#[tokio::test]
async fn several_patterns_at_once() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    let mut watch = store.watch_many(["a", "b.*"]).await.unwrap();
    for key in ["x", "a", "c", "b.1"] {
        store.put(key, "".into()).await.unwrap();
    }
    assert_eq!(next(&mut watch).await.0, "a");
    assert_eq!(next(&mut watch).await.0, "b.1");
}

#[tokio::test]
async fn a_watch_is_told_when_its_bucket_is_gone() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    store.put("a", "1".into()).await.unwrap();
    let (history, keys): (History, Keys) = (store.history("a").await.unwrap(), store.keys().await.unwrap());
    assert_eq!((history.count().await, keys.count().await), (1, 1));
    stage.jetstream().delete_key_value("b").await.unwrap();
    assert!(store.watch("a").await.is_err());
    assert!(store.put("a", "2".into()).await.is_err());
    assert!(store.get("a").await.is_err());
}
