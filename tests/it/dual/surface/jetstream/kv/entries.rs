//! Entries: written, read, removed.

use std::time::Duration;

use futures_util::StreamExt;

use super::super::super::Stage;
use super::super::super::nats::jetstream::kv::{
    Config, CreateErrorKind, DeleteErrorKind, EntryErrorKind, HistoryErrorKind, Operation, ParseOperationError,
    PurgeErrorKind, PutErrorKind, UpdateErrorKind,
};
use super::{bucket, config, history, keys};

#[tokio::test]
async fn a_value_is_put_and_got() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    assert_eq!(store.get("a").await.unwrap(), None);
    assert!(store.entry("a").await.unwrap().is_none());
    assert_eq!(store.put("a", "1".into()).await.unwrap(), 1);
    assert_eq!(store.put("b/c=d.e-f_G", "2".into()).await.unwrap(), 2);
    assert_eq!(store.put("a".to_owned(), "3".into()).await.unwrap(), 3);
    assert_eq!(store.get("a").await.unwrap().as_deref(), Some(&b"3"[..]));
    assert_eq!(store.get("b/c=d.e-f_G".to_owned()).await.unwrap().as_deref(), Some(&b"2"[..]));

    let entry = store.entry("a").await.unwrap().unwrap();
    assert_eq!((entry.bucket.as_str(), entry.key.as_str(), &entry.value[..]), ("b", "a", &b"3"[..]));
    assert_eq!((entry.revision, entry.delta, entry.operation, entry.seen_current), (3, 0, Operation::Put, false));
    let entry = store.entry_for_revision("a", 1).await.unwrap().unwrap();
    assert_eq!((&entry.value[..], entry.revision), (&b"1"[..], 1));
    assert!(store.entry_for_revision("a", 2).await.unwrap().is_none(), "it is one of another key");
    assert!(store.entry_for_revision("a", 9).await.unwrap().is_none());
    store.put("empty", "".into()).await.unwrap();
    assert_eq!(store.get("empty").await.unwrap().as_deref(), Some(&b""[..]));
}

#[tokio::test]
async fn only_the_last_revision_is_updated() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    let first = store.create("a", "1".into()).await.unwrap();
    let second = store.update("a", "2".into(), first).await.unwrap();
    let error = store.update("a", "3".into(), first).await.unwrap_err();
    assert_eq!(error.kind(), UpdateErrorKind::WrongLastRevision);
    let error = store.update("new", "3".into(), 7).await.unwrap_err();
    assert_eq!(error.kind(), UpdateErrorKind::WrongLastRevision);
    assert_eq!(store.update("new", "3".into(), 0).await.unwrap(), second + 1);
    let error = store.create("a", "3".into()).await.unwrap_err();
    assert_eq!(error.kind(), CreateErrorKind::AlreadyExists);
    assert_eq!(store.get("a").await.unwrap().as_deref(), Some(&b"2"[..]));

    let error = store.delete_expect_revision("a", Some(first)).await.unwrap_err();
    assert_eq!(error.kind(), DeleteErrorKind::WrongLastRevision);
    let error = store.purge_expect_revision("a", Some(first)).await.unwrap_err();
    assert_eq!(error.kind(), PurgeErrorKind::WrongLastRevision);
    let error = store.purge_expect_revision_with_ttl("a", first, Duration::from_secs(9)).await.unwrap_err();
    assert_eq!(error.kind(), PurgeErrorKind::WrongLastRevision);
    assert_eq!(history(&store, "a").await, [(first, Operation::Put), (second, Operation::Put)]);
    store.delete_expect_revision("a", Some(second)).await.unwrap();
}

#[tokio::test]
async fn a_removed_key_leaves_a_mark_and_may_be_created_again() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    for removal in ["delete", "purge", "purge with a time to live"] {
        store.create("a", "1".into()).await.unwrap();
        match removal {
            "delete" => store.delete("a").await.unwrap(),
            "purge" => store.purge("a").await.unwrap(),
            _ => store.purge_with_ttl("a", Duration::from_secs(60)).await.unwrap(),
        }
        assert_eq!(store.get("a").await.unwrap(), None);
        let entry = store.entry("a").await.unwrap().unwrap();
        let operation = if removal == "delete" { Operation::Delete } else { Operation::Purge };
        assert_eq!((entry.operation, entry.value.is_empty()), (operation, true), "{removal}");
    }
    store.create_with_ttl("a", "2".into(), Duration::from_secs(60)).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().as_deref(), Some(&b"2"[..]));
}

#[tokio::test]
async fn a_purge_takes_the_history() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    for value in 1..=7 {
        store.put("a", value.to_string().into()).await.unwrap();
    }
    store.delete("a").await.unwrap();
    let puts = (4..=7).map(|revision| (revision, Operation::Put));
    assert_eq!(history(&store, "a").await, puts.chain([(8, Operation::Delete)]).collect::<Vec<_>>());
    store.purge("a").await.unwrap();
    assert_eq!(history(&store, "a").await, [(9, Operation::Purge)]);
    assert!(history(&store, "b").await.is_empty());
    let error = store.history("a b").await.map(drop).unwrap_err();
    assert_eq!(error.kind(), HistoryErrorKind::InvalidKey);
}

#[tokio::test]
async fn keys_are_those_that_have_a_value() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    assert!(keys(&store).await.is_empty());
    for key in ["a", "b.c", "d", "e"] {
        store.put(key, "1".into()).await.unwrap();
        store.put(key, "2".into()).await.unwrap();
    }
    store.delete("d").await.unwrap();
    store.purge("e").await.unwrap();
    assert_eq!(keys(&store).await, ["a", "b.c"]);
    let mut few = store.keys().await.unwrap();
    assert!(few.next().await.unwrap().is_ok());
}

#[tokio::test]
async fn what_is_no_key() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    let second = Duration::from_secs(1);
    for key in ["", ".a", "a.", "a b", "a*", ">", "ä", "a:b"] {
        assert_eq!(store.put(key, "1".into()).await.unwrap_err().kind(), PutErrorKind::InvalidKey, "{key}");
        assert_eq!(store.create(key, "1".into()).await.unwrap_err().kind(), CreateErrorKind::InvalidKey, "{key}");
        let error = store.create_with_ttl(key, "1".into(), second).await.unwrap_err();
        assert_eq!(error.kind(), CreateErrorKind::InvalidKey, "{key}");
        assert_eq!(store.update(key, "1".into(), 1).await.unwrap_err().kind(), UpdateErrorKind::InvalidKey, "{key}");
        assert_eq!(store.get(key).await.unwrap_err().kind(), EntryErrorKind::InvalidKey, "{key}");
        assert_eq!(store.entry(key).await.unwrap_err().kind(), EntryErrorKind::InvalidKey, "{key}");
        let error = store.entry_for_revision(key, 1).await.unwrap_err();
        assert_eq!(error.kind(), EntryErrorKind::InvalidKey, "{key}");
        assert_eq!(store.delete(key).await.unwrap_err().kind(), DeleteErrorKind::InvalidKey, "{key}");
        assert_eq!(store.purge(key).await.unwrap_err().kind(), PurgeErrorKind::InvalidKey, "{key}");
    }
    assert_eq!(stage.jetstream().get_key_value("b").await.unwrap().status().await.unwrap().values(), 0);
}

#[tokio::test]
async fn a_bucket_has_limits() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let limited = Config { max_value_size: 10, max_bytes: 300, ..config("limited") };
    let store = jetstream.create_key_value(limited).await.unwrap();
    assert_eq!(store.put("a", vec![b'x'; 11].into()).await.unwrap_err().kind(), PutErrorKind::Ack);
    let too_large = vec![b'x'; super::super::super::MAX_PAYLOAD + 1];
    assert!(store.put("a", too_large.into()).await.is_err());
    assert_eq!(store.get("a").await.unwrap(), None);
    let mut held = 0;
    while store.put(format!("key.{held}"), "1234567890".into()).await.is_ok() {
        held += 1;
        assert!(held < 300, "it is never full");
    }
    assert_eq!(keys(&store).await.len(), held, "what is full refuses what is new");
    // Without limit markers there is no time to live.
    assert!(store.create_with_ttl("t", "".into(), Duration::from_secs(9)).await.is_err());
    assert_eq!(store.get("t").await.unwrap(), None);
}

#[test]
fn operations_have_names() {
    assert_eq!("PUT".parse::<Operation>().unwrap(), Operation::Put);
    assert_eq!("DEL".parse::<Operation>().unwrap(), Operation::Delete);
    assert_eq!("PURGE".parse::<Operation>().unwrap(), Operation::Purge);
    let error: ParseOperationError = "put".parse::<Operation>().unwrap_err();
    assert!(!error.to_string().is_empty());
}
