//! Buckets: the same program against both.

mod buckets;
mod entries;
mod watches;

use std::time::Duration;

use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::time::timeout;

use super::super::nats::jetstream::kv::{Config, Entry, Operation, Store, WatcherError};
use super::super::{PATIENCE, Stage};

/// A configuration with the values that the tests need more than once.
fn config(bucket: &str) -> Config {
    Config { bucket: bucket.to_owned(), history: 5, ..Default::default() }
}

/// A bucket that keeps five entries of a key, and lets single ones expire.
async fn bucket(stage: &Stage) -> Store {
    let config = Config { limit_markers: Some(Duration::from_secs(60)), ..config("b") };
    stage.jetstream().create_key_value(config).await.unwrap()
}

/// What comes next, as key, value, revision and operation.
async fn next<W>(watch: &mut W) -> (String, String, u64, Operation)
where
    W: Stream<Item = Result<Entry, WatcherError>> + Unpin,
{
    told(&next_entry(watch).await)
}

async fn next_entry<W>(watch: &mut W) -> Entry
where
    W: Stream<Item = Result<Entry, WatcherError>> + Unpin,
{
    let next = timeout(PATIENCE, watch.next()).await.expect("an entry comes in time");
    next.expect("the watch goes on").unwrap()
}

fn told(entry: &Entry) -> (String, String, u64, Operation) {
    let value = String::from_utf8(entry.value.to_vec()).unwrap();
    (entry.key.clone(), value, entry.revision, entry.operation)
}

fn expected(key: &str, value: &str, revision: u64, operation: Operation) -> (String, String, u64, Operation) {
    (key.to_owned(), value.to_owned(), revision, operation)
}

/// All keys, sorted.
async fn keys(bucket: &Store) -> Vec<String> {
    let keys = bucket.keys().await.unwrap().try_collect::<Vec<_>>();
    let mut keys = timeout(PATIENCE, keys).await.expect("the keys end in time").unwrap();
    keys.sort();
    keys
}

/// The history of a key, as revisions and operations.
async fn history(bucket: &Store, key: &str) -> Vec<(u64, Operation)> {
    let entries = bucket.history(key).await.unwrap().try_collect::<Vec<_>>();
    let entries = timeout(PATIENCE, entries).await.expect("the history ends in time").unwrap();
    entries.iter().map(|entry| (entry.revision, entry.operation)).collect()
}
