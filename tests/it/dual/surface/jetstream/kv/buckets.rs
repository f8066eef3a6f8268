//! Buckets as a whole.

use std::time::Duration;

use super::super::super::Stage;
use super::super::super::nats::jetstream::context::{
    CreateKeyValueErrorKind, KeyValueErrorKind, UpdateKeyValueErrorKind,
};
use super::super::super::nats::jetstream::kv::Config;
use super::super::super::nats::jetstream::kv::bucket::Status;
use super::super::super::nats::jetstream::stream::{Compression, DiscardPolicy, Republish, Source, StorageType};
use super::{bucket, config};

#[tokio::test]
async fn a_bucket_is_a_stream() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let hour = Duration::from_secs(3600);
    let republish = Republish { source: ">".into(), destination: "copies.>".into(), headers_only: true };
    let full = Config {
        description: "all there is".into(),
        max_value_size: 1000,
        max_age: hour,
        max_bytes: 16 * 1024 * 1024,
        storage: StorageType::Memory,
        num_replicas: 1,
        republish: Some(republish.clone()),
        limit_markers: Some(hour),
        ..config("full")
    };
    let store = jetstream.create_key_value(full.clone()).await.unwrap();
    assert_eq!((store.name.as_str(), store.stream_name.as_str()), ("full", "KV_full"));
    assert_eq!((store.prefix.as_str(), store.put_prefix.as_deref()), ("$KV.full.", None));
    assert!(!store.use_jetstream_prefix);

    let made = jetstream.get_stream("KV_full").await.unwrap().cached_info().config.clone();
    assert_eq!((made.subjects, made.description), (vec!["$KV.full.>".to_owned()], Some("all there is".to_owned())));
    assert_eq!((made.max_messages_per_subject, made.max_message_size, made.max_bytes), (5, 1000, 16 * 1024 * 1024));
    assert_eq!((made.max_age, made.discard, made.storage), (hour, DiscardPolicy::New, StorageType::Memory));
    assert!(made.allow_rollup && made.deny_delete && !made.deny_purge && made.allow_direct);
    assert!(made.allow_message_ttl && made.subject_delete_marker_ttl == Some(hour));
    assert_eq!(made.republish, Some(republish));
    // The same once more is as good.
    jetstream.create_key_value(full).await.unwrap();
}

#[tokio::test]
async fn what_is_left_out_is_chosen() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    jetstream.create_key_value(Config { bucket: "bare".into(), ..Default::default() }).await.unwrap();
    let made = jetstream.get_stream("KV_bare").await.unwrap().cached_info().config.clone();
    assert_eq!((made.max_messages_per_subject, made.max_bytes, made.max_message_size), (1, -1, -1));
    assert_eq!((made.max_age, made.num_replicas, made.storage), (Duration::ZERO, 1, StorageType::File));
    assert!(!made.allow_message_ttl && made.subject_delete_marker_ttl.is_none());
    jetstream.create_key_value(Config { compression: true, ..config("small") }).await.unwrap();
    let made = jetstream.get_stream("KV_small").await.unwrap().cached_info().config.clone();
    assert_eq!(made.compression, Some(Compression::S2));
}

#[tokio::test]
async fn a_bucket_is_found_changed_and_removed() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    jetstream.create_key_value(config("b")).await.unwrap().put("key", "1".into()).await.unwrap();
    let found = jetstream.get_key_value("b").await.unwrap();
    assert_eq!(found.get("key").await.unwrap().as_deref(), Some(&b"1"[..]));

    let changed = jetstream.update_key_value(Config { history: 9, ..config("b") }).await.unwrap();
    assert_eq!(changed.status().await.unwrap().history(), 9);
    let changed = jetstream.create_or_update_key_value(Config { history: 7, ..config("b") }).await.unwrap();
    assert_eq!(changed.status().await.unwrap().history(), 7);
    let made = jetstream.create_or_update_key_value(config("new")).await.unwrap();
    assert_eq!(made.status().await.unwrap().history(), 5);

    assert!(jetstream.delete_key_value("b").await.unwrap().success);
    let error = jetstream.get_key_value("b").await.unwrap_err();
    assert_eq!(error.kind(), KeyValueErrorKind::GetBucket);
    let error = jetstream.delete_key_value("b").await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), KeyValueErrorKind::JetStream);
    let error = jetstream.update_key_value(config("b")).await.unwrap_err();
    assert_eq!(error.kind(), UpdateKeyValueErrorKind::NotFound);
}

#[tokio::test]
async fn a_status_tells_what_is_there() {
    let stage = Stage::start().await;
    let store = bucket(&stage).await;
    store.put("a", "1".into()).await.unwrap();
    store.put("a", "2".into()).await.unwrap();
    store.delete("b").await.unwrap();
    let status: Status = stage.jetstream().get_key_value("b").await.unwrap().status().await.unwrap();
    assert_eq!((status.bucket(), status.values(), status.history()), ("b", 3, 5));
    assert_eq!((status.max_age(), status.info.state.messages), (Duration::ZERO, 3));
}

#[tokio::test]
async fn what_is_no_bucket() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    for name in ["", "a.b", "a b", "*", "ä"] {
        let error = jetstream.create_key_value(config(name)).await.unwrap_err();
        assert_eq!(error.kind(), CreateKeyValueErrorKind::InvalidStoreName, "{name}");
        let error = jetstream.create_or_update_key_value(config(name)).await.unwrap_err();
        assert_eq!(error.kind(), CreateKeyValueErrorKind::InvalidStoreName, "{name}");
        let error = jetstream.update_key_value(config(name)).await.unwrap_err();
        assert_eq!(error.kind(), UpdateKeyValueErrorKind::InvalidStoreName, "{name}");
        let error = jetstream.get_key_value(name).await.unwrap_err();
        assert_eq!(error.kind(), KeyValueErrorKind::InvalidStoreName, "{name}");
        let error = jetstream.delete_key_value(name).await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), KeyValueErrorKind::InvalidStoreName, "{name}");
    }
    let error = jetstream.create_key_value(Config { history: 65, ..config("b") }).await.unwrap_err();
    assert_eq!(error.kind(), CreateKeyValueErrorKind::TooLongHistory);
    let error = jetstream.update_key_value(Config { history: 65, ..config("b") }).await.unwrap_err();
    assert_eq!(error.kind(), UpdateKeyValueErrorKind::TooLongHistory);
    // A stream of that name that is none of a bucket.
    jetstream.create_stream(super::super::config("KV_x")).await.unwrap();
    let error = jetstream.get_key_value("x").await.unwrap_err();
    assert_eq!(error.kind(), KeyValueErrorKind::InvalidStoreName);
}

#[tokio::test]
async fn copies_of_other_buckets_are_refused() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let source = || Source { name: "origin".into(), ..Default::default() };
    let mirror = Config { mirror: Some(source()), ..config("b") };
    let error = jetstream.create_key_value(mirror).await.unwrap_err();
    assert_eq!(error.kind(), CreateKeyValueErrorKind::BucketCreate);
    let sources = Config { sources: Some(vec![source()]), ..config("b") };
    let error = jetstream.create_key_value(sources).await.unwrap_err();
    assert_eq!(error.kind(), CreateKeyValueErrorKind::BucketCreate);
    assert!(jetstream.get_key_value("b").await.is_err());
}
