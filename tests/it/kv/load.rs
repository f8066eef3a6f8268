//! Watches while much is written: every final value, in the order of the revisions, none twice.

use std::collections::BTreeMap;

use embus::jetstream::kv::{Entry, Event, Store};
use futures_util::{FutureExt, StreamExt};

use crate::kv::scene::{Scene, config};
use crate::support::{next, run};

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
