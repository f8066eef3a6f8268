//! What a bucket is after its broker was stopped or dropped.

use std::path::Path;
use std::time::Duration;

use embus::jetstream::kv::{Config, Operation, Store};
use embus::{Broker, StartError, jetstream};

use crate::kv::scene::{config, expected, history, keys, next_entry};
use crate::support::{STOP_DEADLINE, run, within};

/// A broker that keeps its buckets here; the one before may be about to let go.
pub(crate) async fn start_at(dir: &Path) -> Broker {
    let start = async {
        loop {
            match Broker::builder().store_dir(dir).start().await {
                Ok(broker) => return broker,
                Err(StartError::Store(error)) if error.to_string().contains("in use") => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    within("the directory of a dropped broker", start).await
}

pub(crate) async fn bucket_at(dir: &Path, config: Config) -> (Broker, Store) {
    let broker = start_at(dir).await;
    let store = jetstream::new(broker.client()).create_or_update_key_value(config).await.unwrap();
    (broker, store)
}

#[test]
fn everything_is_there_again() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let second = Some(Duration::from_secs(1));
        let config = Config { compression: true, max_bytes: 16 << 20, limit_markers: second, ..config(3) };
        let (broker, store) = bucket_at(dir.path(), config.clone()).await;
        for value in 1..=5 {
            store.put("a", value.to_string().into()).await.unwrap();
        }
        store.delete("b").await.unwrap();
        store.create_with_ttl("c", "short".into(), Duration::from_secs(2)).await.unwrap();
        broker.shutdown(STOP_DEADLINE).await;

        // The same configuration is no change.
        let broker = start_at(dir.path()).await;
        let store = jetstream::new(broker.client()).create_key_value(config).await.unwrap();
        let kept = [3, 4, 5].map(|value| expected("a", &value.to_string(), value, Operation::Put));
        assert_eq!(history(&store, "a").await, kept);
        assert_eq!(history(&store, "b").await, [expected("b", "", 6, Operation::Delete)]);
        // Its time goes on, or is over already.
        let mut watch = store.watch_with_history("c").await.unwrap();
        while next_entry(&mut watch).await.3 != Operation::Purge {}
        assert_eq!(keys(&store).await, ["a"]);
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn a_dropped_broker_has_kept_what_it_said() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let mut last = 0;
        for round in 1..=5 {
            let (_broker, store) = bucket_at(dir.path(), config(10)).await;
            let revision = store.put("a", round.to_string().into()).await.unwrap();
            assert!(revision > last);
            last = revision;
            assert_eq!(history(&store, "a").await.len(), round);
        }
    });
}
