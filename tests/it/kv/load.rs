//! Watches while much is written: every final value, in the order of the revisions, none twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use embus::jetstream::kv::{Entry, Event, Store};
use embus::{SyncPolicy, jetstream};
use futures_util::future::try_join_all;
use futures_util::{FutureExt, StreamExt, TryStreamExt};

use crate::kv::scene::{Scene, config, history, keys};
use crate::support::{connect, listening, next, run, within};

const KEYS: usize = 50;
const ROUNDS: usize = 40;
/// The key that is written last.
const END: &str = "end";

/// Writes all keys again and again, with four puts on their way at once.
async fn write(bucket: Store) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for round in 0..ROUNDS {
        let keys = (0..KEYS).map(|key| format!("key.{}", (key * 7 + round) % KEYS));
        let puts = keys.clone().map(|key| bucket.put(key, round.to_string().into()));
        let puts: Vec<_> = futures_util::stream::iter(puts).buffer_unordered(4).collect().await;
        assert!(puts.iter().all(Result::is_ok));
        values.extend(keys.map(|key| (key, round.to_string())));
    }
    bucket.put(END, "".into()).await.unwrap();
    values
}

/// What a watcher has learned.
#[derive(Default)]
struct Learned {
    values: BTreeMap<String, String>,
    last: u64,
}

impl Learned {
    fn note(&mut self, entry: Entry) {
        assert!(entry.revision > self.last, "{} behind {}", entry.revision, self.last);
        self.last = entry.revision;
        self.values.insert(entry.key, String::from_utf8(entry.value.to_vec()).unwrap());
    }
}

#[test]
fn a_watcher_that_begins_anew_misses_nothing() {
    run(async {
        let scene = Scene::new(config(2)).await;
        let Scene { inside, .. } = &scene;
        let writer = tokio::spawn(write(inside.clone()));
        let mut learned = Learned::default();
        let mut restarts = 0;
        while !learned.values.contains_key(END) {
            // Each time it reads a little more before it is dropped.
            restarts += 1;
            let mut watch = inside.watch_all_from_revision(learned.last + 1).await.unwrap();
            for _ in 0..restarts * 3 {
                learned.note(next(&mut watch).await.unwrap());
                if learned.values.contains_key(END) {
                    break;
                }
            }
        }
        learned.values.remove(END);
        assert!(restarts > 3);
        assert_eq!(learned.values, writer.await.unwrap());
    });
}

#[test]
fn a_watcher_that_sleeps_misses_no_final_value() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { inside, .. } = &scene;
        inside.put("key.0", "before".into()).await.unwrap();
        let mut watch = inside.watch_with_history(">").await.unwrap();
        let mut learned = Learned::default();
        learned.note(next(&mut watch).await.unwrap());
        let written = write(inside.clone()).await;
        while !learned.values.contains_key(END) {
            learned.note(next(&mut watch).await.unwrap());
        }
        learned.values.remove(END);
        assert_eq!(learned.values, written);
    });
}

#[test]
fn what_is_there_and_what_comes_meet_without_a_seam() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { inside, .. } = &scene;
        let writer = tokio::spawn(write(inside.clone()));
        let mut watchers = Vec::new();
        for _ in 0..8 {
            watchers.push(tokio::spawn(follow(inside.clone())));
            tokio::task::yield_now().await;
        }
        let written = writer.await.unwrap();
        for watcher in watchers {
            let mut learned = watcher.await.unwrap();
            learned.values.remove(END);
            assert_eq!(learned.values, written);
        }
    });
}

/// Learns everything, and is told once that it knows what there was.
async fn follow(bucket: Store) -> Learned {
    let mut events = bucket.watch_with_history(">").await.unwrap().events();
    let (mut learned, mut told) = (Learned::default(), 0);
    while !learned.values.contains_key(END) || told == 0 {
        match next(&mut events).await.unwrap() {
            Event::Entry(entry) => learned.note(entry),
            Event::Current => told += 1,
        }
    }
    assert_eq!(told, 1);
    assert!(events.next().now_or_never().is_none(), "nothing is left");
    learned
}

/// How often listings are asked for while each key is replaced again and again.
const LISTINGS: usize = 20;
const FEW_KEYS: usize = 8;

/// Puts all of a few keys at once, until it is told to stop.
async fn replace(bucket: Store, is_over: Arc<AtomicBool>) {
    let mut round = 0_u64;
    while !is_over.load(Ordering::Relaxed) {
        round += 1;
        let put = |key| bucket.put(format!("key.{key}"), round.to_string().into());
        try_join_all((0..FEW_KEYS).map(put)).await.unwrap();
    }
}

#[test]
fn a_key_that_is_being_replaced_is_there() {
    run(async {
        // Each commit takes its time.
        let dir = tempfile::tempdir().unwrap();
        let broker = listening().store_dir(dir.path()).sync(SyncPolicy::Always).start().await.unwrap();
        let inside = jetstream::new(broker.client()).create_key_value(config(1)).await.unwrap();
        let outside = async_nats::jetstream::new(connect(&broker).await).get_key_value("b").await.unwrap();
        let all: Vec<_> = (0..FEW_KEYS).map(|key| format!("key.{key}")).collect();
        for key in &all {
            inside.put(key, "0".into()).await.unwrap();
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn(replace(inside.clone(), Arc::clone(&is_over)));
        for _ in 0..LISTINGS {
            assert_eq!(keys(&inside).await, all);
            let mut listed: Vec<_> =
                within("keys over TCP", outside.keys().await.unwrap().try_collect()).await.unwrap();
            listed.sort();
            listed.dedup();
            assert_eq!(listed, all, "over TCP");
            assert!(!history(&inside, "key.0").await.is_empty(), "the history of a key");
            let mut entries = within("a history over TCP", outside.history("key.1")).await.unwrap();
            assert!(within("an entry", entries.next()).await.is_some(), "over TCP");
        }
        is_over.store(true, Ordering::Relaxed);
        writer.await.unwrap();
    });
}
