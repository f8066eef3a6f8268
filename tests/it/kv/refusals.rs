//! What a bucket does not do: a typed error, and nothing changed.

use std::error::Error;
use std::time::Duration;

use embus::jetstream::context::{CreateKeyValueErrorKind, UpdateKeyValueErrorKind};
use embus::jetstream::kv::{
    Config, CreateErrorKind, PurgeErrorKind, PutErrorKind, StatusErrorKind, UpdateErrorKind, WatchErrorKind,
    WatcherErrorKind,
};
use embus::jetstream::{Error as ApiError, kv, object_store};

use crate::kv::scene::{Scene, config, next_entry};
use crate::support::{STOP_DEADLINE, next, run, within};

/// What caused an error, of some type.
#[track_caller]
fn cause<E: Error + Clone + 'static>(error: &dyn Error) -> E {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref::<E>() {
            return found.clone();
        }
        source = error.source();
    }
    panic!("{error:?} has no such cause")
}

#[test]
fn times_to_live() {
    run(async {
        let scene = Scene::new(Config { limit_markers: Some(Duration::from_secs(9)), ..config(1) }).await;
        let Scene { inside, .. } = &scene;
        inside.put("kept", "1".into()).await.unwrap();
        for ttl in [Duration::ZERO, Duration::from_millis(999), Duration::from_millis(1500), Duration::MAX] {
            let error = inside.create_with_ttl("a", "1".into(), ttl).await.unwrap_err();
            assert_eq!(error.kind(), CreateErrorKind::Other);
            assert_eq!(cause::<kv::InvalidTtl>(&error), kv::InvalidTtl(ttl));
            let error = inside.purge_with_ttl("kept", ttl).await.unwrap_err();
            assert_eq!(error.kind(), PurgeErrorKind::Other);
            assert_eq!(cause::<kv::InvalidTtl>(&error), kv::InvalidTtl(ttl));
        }
        assert_eq!(inside.status().await.unwrap().values(), 1);
        assert!(inside.get("kept").await.unwrap().is_some());
    });
}

#[test]
fn configurations() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { context, .. } = &scene;
        let short = Duration::from_millis(500);
        for (bad, reason) in [
            (Config { history: -1, ..config(1) }, kv::InvalidBucket::NegativeHistory(-1)),
            (Config { limit_markers: Some(short), ..config(1) }, kv::InvalidBucket::ShortMarkers(short)),
        ] {
            let bad = Config { bucket: "other".to_owned(), ..bad };
            let error = context.create_key_value(bad.clone()).await.unwrap_err();
            assert_eq!((error.kind(), cause(&error)), (CreateKeyValueErrorKind::BucketCreate, reason.clone()));
            let error = context.update_key_value(bad).await.unwrap_err();
            assert_eq!((error.kind(), cause(&error)), (UpdateKeyValueErrorKind::BucketUpdate, reason));
        }
        // What the stream checks, in its own words.
        let young = Config { bucket: "other".to_owned(), max_age: Duration::from_millis(1), ..config(1) };
        let error = context.create_key_value(young).await.unwrap_err();
        assert_eq!(error.kind(), CreateKeyValueErrorKind::BucketCreate);
        assert!(context.get_key_value("other").await.is_err());
    });
}

#[test]
fn values_that_have_no_room() {
    run(async {
        let scene = Scene::new(Config { max_value_size: 10, max_bytes: 200, ..config(1) }).await;
        let Scene { inside, .. } = &scene;
        let error = inside.put("a", vec![0; 11].into()).await.unwrap_err();
        assert_eq!((error.kind(), api_code(&error)), (PutErrorKind::Ack, 10054));
        assert_eq!(error.refusal(), Some(kv::Refusal::TooLarge));
        // The headers of its entry count, too.
        let error = inside.update("a", "1".into(), 0).await.unwrap_err();
        assert_eq!((error.kind(), error.refusal()), (UpdateErrorKind::Other, Some(kv::Refusal::TooLarge)));
        assert_eq!(inside.create("a", "1".into()).await.unwrap_err().refusal(), Some(kv::Refusal::TooLarge));
        let mut last = inside.put("a", "1".into()).await;
        for key in 0..100 {
            last = inside.put(format!("key.{key}"), "0123456789".into()).await;
            if last.is_err() {
                break;
            }
        }
        let error = last.unwrap_err();
        assert_eq!((api_code(&error), error.refusal()), (10077, Some(kv::Refusal::Full)));
        assert_eq!(
            error.to_string(),
            "ack error: the bucket is full: maximum bytes exceeded (code 503, error code 10077)"
        );
        assert_eq!(inside.get("a").await.unwrap().as_deref(), Some(&b"1"[..]));
        let error = inside.put("k".repeat(100_000), "1".into()).await.unwrap_err();
        assert_eq!(error.kind(), PutErrorKind::Ack);
    });
}

#[test]
fn a_full_bucket_has_no_room_for_marks_either() {
    run(async {
        let scene = Scene::new(Config { max_bytes: 300, ..config(1) }).await;
        let Scene { inside, context, .. } = &scene;
        inside.put("a", vec![b'x'; 220].into()).await.unwrap();
        for removed in [inside.delete("b").await, inside.purge("b").await] {
            let error = removed.unwrap_err();
            assert_eq!((error.kind(), error.refusal()), (UpdateErrorKind::Other, Some(kv::Refusal::Full)));
        }
        // One that takes the place of a larger entry has some.
        inside.delete("a").await.unwrap();
        inside.put("b", vec![b'x'; 100].into()).await.unwrap();
        // And there is room when its stream is purged, or may hold more.
        inside.stream.purge().filter("$KV.b.b").await.unwrap();
        inside.put("b", vec![b'x'; 100].into()).await.unwrap();
        context.update_key_value(Config { max_bytes: 3000, ..config(1) }).await.unwrap();
        inside.purge("c").await.unwrap();
    });
}

#[test]
fn texts_say_what_is_wrong_and_once() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { inside, context, .. } = &scene;
        let revision = inside.put("a", "1".into()).await.unwrap();
        let text = |error: &dyn Error| error.to_string();
        assert_eq!(
            text(&inside.update("a", "2".into(), 7).await.unwrap_err()),
            format!("wrong last revision: the last entry of the key has revision {revision}")
        );
        assert_eq!(
            text(&inside.update("b", "2".into(), 7).await.unwrap_err()),
            "wrong last revision: the key has no entry"
        );
        assert_eq!(
            text(&inside.put("ä", "1".into()).await.unwrap_err()),
            "not a valid key: a key consists of ASCII letters and digits, `-`, `/`, `_`, `=` and `.`, not of 'ä'"
        );
        let error = inside.create_with_ttl("c", "1".into(), Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.refusal(), Some(kv::Refusal::NoTimeToLive));
        assert!(text(&error).contains("the bucket has no `limit_markers`"), "{error}");
        assert_eq!(
            text(&context.get_key_value("a.b").await.unwrap_err()),
            "invalid bucket name: the name of a bucket is made of ASCII letters and digits, `-` and `_`, which \"a.b\" is not"
        );
        assert_eq!(
            text(&context.get_key_value("nope").await.unwrap_err()),
            "failed to get the bucket: there is no bucket \"nope\""
        );
        context.delete_key_value("b").await.unwrap();
        assert_eq!(text(&inside.get("a").await.unwrap_err()), "failed getting entry: there is no bucket \"b\"");
        assert_eq!(text(&inside.put("a", "1".into()).await.unwrap_err()), "ack error: there is no bucket \"b\"");
        assert_eq!(text(&inside.watch_all().await.unwrap_err()), "watch failed: there is no bucket \"b\"");
        assert!(text(&inside.status().await.unwrap_err()).contains("there is no bucket \"b\""));
        assert_eq!(
            text(&context.get_object_store("nope").await.unwrap_err()),
            "failed to get the object store: there is no bucket \"nope\""
        );
    });
}

#[test]
fn limits_are_not_negative() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { context, .. } = &scene;
        let of = |max_bytes, max_value_size| Config { bucket: "c".to_owned(), max_bytes, max_value_size, ..config(1) };
        for (bad, field, value) in [(of(-5, 0), "max_bytes", -5), (of(0, -2), "max_value_size", -2)] {
            let error = context.create_key_value(bad).await.unwrap_err();
            assert_eq!(error.kind(), CreateKeyValueErrorKind::BucketCreate);
            assert_eq!(cause::<kv::InvalidBucket>(&error), kv::InvalidBucket::NegativeLimit { field, value });
        }
        context.create_key_value(of(-1, -1)).await.unwrap().put("a", vec![0; 10_000].into()).await.unwrap();
        let bad = object_store::Config { bucket: "o".to_owned(), max_bytes: -5, ..Default::default() };
        let error = context.create_object_store(bad).await.unwrap_err();
        assert!(error.to_string().contains("`max_bytes`"), "{error}");
    });
}

#[track_caller]
fn api_code(error: &kv::PutError) -> u64 {
    let source = error.source().unwrap();
    cause::<ApiError>(source).error_code().0
}

#[test]
fn patterns() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { inside, .. } = &scene;
        for (pattern, reason) in [
            ("", kv::InvalidKey::Empty),
            ("a..b", kv::InvalidKey::EmptyPart),
            ("a*", kv::InvalidKey::Wildcard),
            (">.a", kv::InvalidKey::Wildcard),
            ("a b", kv::InvalidKey::Character(' ')),
        ] {
            let error = inside.watch(pattern).await.unwrap_err();
            assert_eq!((error.kind(), cause(&error)), (WatchErrorKind::InvalidKey, reason), "{pattern}");
        }
        let error = inside.watch_many::<&str, _>([]).await.unwrap_err();
        assert_eq!(cause::<kv::InvalidKey>(&error), kv::InvalidKey::NoPattern);
        let error = inside.watch_many(["a.*", ">"]).await.unwrap_err();
        assert_eq!(error.kind(), WatchErrorKind::Other);
        assert_eq!(inside.stream.get_info().await.unwrap().state.consumer_count, 0);
    });
}

#[test]
fn a_watch_ends_with_an_error_when_its_bucket_is_deleted() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { context, inside, .. } = &scene;
        let mut watch = inside.watch_all().await.unwrap();
        inside.put("a", "1".into()).await.unwrap();
        next_entry(&mut watch).await;
        context.delete_key_value("b").await.unwrap();
        assert_eq!(next(&mut watch).await.unwrap_err().kind(), WatcherErrorKind::Consumer);
        assert!(within("the end", futures_util::StreamExt::next(&mut watch)).await.is_none());
        let error = inside.status().await.unwrap_err();
        assert!(matches!(error.kind(), StatusErrorKind::JetStream(error) if error.code() == 404));
    });
}

#[test]
fn a_watch_ends_with_an_error_when_the_broker_stops() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { broker, inside, .. } = &scene;
        let mut watch = inside.watch_all().await.unwrap();
        let waiting = tokio::spawn(async move { (next(&mut watch).await, watch) });
        broker.shutdown(STOP_DEADLINE).await;
        let (told, mut watch) = waiting.await.unwrap();
        assert!(told.is_err());
        assert!(within("the end", futures_util::StreamExt::next(&mut watch)).await.is_none());
        assert!(inside.put("a", "1".into()).await.is_err() && inside.get("a").await.is_err());
        assert!(matches!(inside.status().await.unwrap_err().kind(), StatusErrorKind::JetStream(_)));
    });
}

#[test]
fn a_watch_that_is_dropped_leaves_nothing() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { inside, .. } = &scene;
        let watch = inside.watch_all().await.unwrap();
        let consumers = async || inside.stream.get_info().await.unwrap().state.consumer_count;
        assert_eq!(consumers().await, 1);
        drop(watch);
        within("the end of the consumer", async { while consumers().await > 0 {} }).await;
    });
}

#[test]
fn a_bucket_that_is_made_anew_is_another_one() {
    run(async {
        let Scene { context, inside, broker: _broker, .. } = Scene::new(config(5)).await;
        inside.put("a", "1".into()).await.unwrap();
        let mut watch = inside.watch_with_history(">").await.unwrap();
        assert_eq!(next_entry(&mut watch).await.0, "a");
        context.delete_key_value("b").await.unwrap();
        let again = context.create_key_value(config(5)).await.unwrap();
        again.put("b", "2".into()).await.unwrap();
        let error = next(&mut watch).await.unwrap_err();
        assert!(error.to_string().contains("another one"), "{error}");
        assert!(within("the end", futures_util::StreamExt::next(&mut watch)).await.is_none());
    });
}
