//! Buckets that a program declares.

use std::time::Duration;

use embus::jetstream::kv::{self, Config, EnsureBucketErrorKind};
use embus::jetstream::stream::StorageType;
use embus::jetstream::{EnsureStreamErrorKind, Ensured};
use embus::{Broker, StartError, jetstream};

use crate::kv::restart::start_at;
use crate::kv::scene::config;
use crate::support::{STOP_DEADLINE, run};

fn of(name: &str) -> Config {
    Config { bucket: name.to_owned(), ..config(3) }
}

#[test]
fn a_broker_starts_with_its_buckets_as_they_are_declared() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let declared = || Broker::builder().store_dir(dir.path()).bucket(of("a")).bucket(of("b"));
        let broker = declared().start().await.unwrap();
        let context = jetstream::new(broker.client());
        let store = context.get_key_value("a").await.unwrap();
        store.put("key", "1".into()).await.unwrap();
        broker.shutdown(STOP_DEADLINE).await;

        let longer = Config { history: 9, ..of("a") };
        let broker = Broker::builder().store_dir(dir.path()).bucket(longer).bucket(of("b")).start().await.unwrap();
        let context = jetstream::new(broker.client());
        let store = context.get_key_value("a").await.unwrap();
        assert_eq!(store.status().await.unwrap().history(), 9);
        assert!(store.get("key").await.unwrap().is_some());
        assert_eq!(context.get_key_value("b").await.unwrap().status().await.unwrap().values(), 0);
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn a_broker_does_not_start_without_a_bucket_as_it_is_declared() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let bad = Config { history: 65, ..of("b") };
        let error = Broker::builder().store_dir(dir.path()).bucket(of("a")).bucket(bad).start().await.unwrap_err();
        let StartError::Bucket { name, source } = error else { panic!("{error}") };
        let long = EnsureBucketErrorKind::Invalid(kv::InvalidBucket::LongHistory(65));
        assert_eq!((name.as_str(), source.kind()), ("b", long));
        let error = Broker::builder().jetstream(false).bucket(of("a")).start().await.unwrap_err();
        assert!(matches!(error, StartError::Config(_)));
        // The directory is free.
        start_at(dir.path()).await.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn what_is_declared_twice_is_the_same() {
    run(async {
        let error =
            Broker::builder().bucket(of("a")).bucket(Config { history: 9, ..of("a") }).start().await.unwrap_err();
        assert_eq!(error.to_string(), "invalid configuration: bucket \"a\" is declared twice, and differently");
        let stream = |max_bytes| jetstream::stream::Config { name: "S".to_owned(), max_bytes, ..Default::default() };
        let error = Broker::builder().stream(stream(1000)).stream(stream(2000)).start().await.unwrap_err();
        assert_eq!(error.to_string(), "invalid configuration: stream \"S\" is declared twice, and differently");
        let twice = Broker::builder().bucket(of("a")).bucket(of("a")).stream(stream(1000)).stream(stream(1000));
        twice.start().await.unwrap().shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn a_bucket_is_made_changed_or_left_while_the_broker_runs() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let Ensured::Created(store) = broker.ensure_bucket(of("a")).await.unwrap() else { panic!() };
        store.put("key", "1".into()).await.unwrap();
        let Ensured::Unchanged(store) = broker.ensure_bucket(of("a")).await.unwrap() else { panic!() };
        assert!(store.get("key").await.unwrap().is_some());
        let longer = Config { history: 9, ..of("a") };
        assert!(matches!(broker.ensure_bucket(longer).await.unwrap(), Ensured::Updated(_)));
        assert_eq!(store.status().await.unwrap().history(), 9);
        broker.shutdown(STOP_DEADLINE).await;
        assert!(broker.ensure_bucket(of("b")).await.is_err());
    });
}

#[test]
fn a_bucket_is_made_changed_or_left() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let context = jetstream::new(broker.client());
        let Ensured::Created(store) = context.ensure_bucket(of("a")).await.unwrap() else { panic!() };
        store.put("key", "1".into()).await.unwrap();
        assert!(matches!(context.ensure_bucket(of("a")).await.unwrap(), Ensured::Unchanged(_)));
        let aged = Config { max_age: Duration::from_secs(60), ..of("a") };
        let updated = context.ensure_bucket(aged.clone()).await.unwrap();
        assert!(matches!(updated, Ensured::Updated(_)));
        assert_eq!(updated.store().status().await.unwrap().max_age(), Duration::from_secs(60));

        let memory = Config { storage: StorageType::Memory, ..aged };
        let error = context.ensure_bucket(memory).await.unwrap_err();
        let EnsureBucketErrorKind::Stream(EnsureStreamErrorKind::Immutable { field, .. }) = error.kind() else {
            panic!("{error}")
        };
        assert_eq!(field, "storage");
        let error = context.ensure_bucket(of("a.b")).await.unwrap_err();
        assert_eq!(error.kind(), EnsureBucketErrorKind::Invalid(kv::InvalidBucket::Name("a.b".to_owned())));
        assert!(store.get("key").await.unwrap().is_some());
    });
}
