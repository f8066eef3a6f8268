//! A broker with a bucket, seen from inside and from outside.

use async_nats::jetstream::kv as remote;
use embus::jetstream::kv::{Config, Entry, Event, Operation, Store, WatcherError};
use embus::{Broker, jetstream};
use futures_util::{Stream, TryStreamExt};

use crate::support::{connect, listening, next, within};

/// A broker, and one bucket of it, twice.
pub(crate) struct Scene {
    pub(crate) broker: Broker,
    pub(crate) context: jetstream::Context,
    /// In the process.
    pub(crate) inside: Store,
    /// Through async-nats.
    pub(crate) outside: remote::Store,
}

impl Scene {
    pub(crate) async fn new(config: Config) -> Self {
        let broker = listening().start().await.unwrap();
        let context = jetstream::new(broker.client());
        let name = config.bucket.clone();
        let inside = context.create_key_value(config).await.unwrap();
        let outside = async_nats::jetstream::new(connect(&broker).await).get_key_value(name).await.unwrap();
        Self { broker, context, inside, outside }
    }
}

/// A bucket `b` that keeps so many entries of a key.
pub(crate) fn config(history: i64) -> Config {
    Config { bucket: "b".to_owned(), history, ..Config::default() }
}

/// An entry as the tests compare it.
pub(crate) type Told = (String, String, u64, Operation);

pub(crate) fn told(entry: &Entry) -> Told {
    let value = String::from_utf8(entry.value.to_vec()).unwrap();
    (entry.key.clone(), value, entry.revision, entry.operation)
}

pub(crate) fn expected(key: &str, value: &str, revision: u64, operation: Operation) -> Told {
    (key.to_owned(), value.to_owned(), revision, operation)
}

/// What async-nats says of an entry, in the words of embus.
pub(crate) fn told_outside(entry: &remote::Entry) -> Told {
    let operation = match entry.operation {
        remote::Operation::Put => Operation::Put,
        remote::Operation::Delete => Operation::Delete,
        remote::Operation::Purge => Operation::Purge,
    };
    (entry.key.clone(), String::from_utf8(entry.value.to_vec()).unwrap(), entry.revision, operation)
}

/// What comes next, which is an entry.
pub(crate) async fn next_entry<W: Stream<Item = Result<Entry, WatcherError>> + Unpin>(watch: &mut W) -> Told {
    told(&next(watch).await.unwrap())
}

/// What comes next: an entry, or that everything has come.
pub(crate) async fn next_event<W: Stream<Item = Result<Event, WatcherError>> + Unpin>(watch: &mut W) -> Option<Told> {
    match next(watch).await.unwrap() {
        Event::Entry(entry) => Some(told(&entry)),
        Event::Current => None,
    }
}

/// The history of a key.
pub(crate) async fn history(bucket: &Store, key: &str) -> Vec<Told> {
    let entries = bucket.history(key).await.unwrap().try_collect::<Vec<_>>();
    within("the end of a history", entries).await.unwrap().iter().map(told).collect()
}

/// The keys that have a value, sorted.
pub(crate) async fn keys(bucket: &Store) -> Vec<String> {
    let keys = bucket.keys().await.unwrap().try_collect::<Vec<_>>();
    let mut keys = within("the end of the keys", keys).await.unwrap();
    keys.sort();
    keys
}
