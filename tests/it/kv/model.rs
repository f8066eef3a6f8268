//! A bucket beside the simplest thing that behaves like one, under random calls and restarts.

use std::collections::BTreeMap;

use embus::jetstream::kv::{Config, CreateErrorKind, Operation, Store, UpdateErrorKind};
use fastrand::Rng;

use crate::kv::restart::bucket_at;
use crate::kv::scene::{Told, config, expected, history, keys, told};
use crate::support::run;

/// What a bucket should be.
struct Model {
    length: usize,
    last: u64,
    keys: BTreeMap<String, Vec<Told>>,
}

impl Model {
    fn history(&self, key: &str) -> &[Told] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    fn last(&self, key: &str) -> Option<&Told> {
        self.history(key).last()
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.last(key).filter(|entry| entry.3 == Operation::Put).map(|entry| entry.1.as_str())
    }

    fn revision(&self, key: &str) -> u64 {
        self.last(key).map_or(0, |entry| entry.2)
    }

    fn add(&mut self, key: &str, value: &str, operation: Operation) -> u64 {
        self.last += 1;
        let history = self.keys.entry(key.to_owned()).or_default();
        if operation == Operation::Purge {
            history.clear();
        }
        history.push(expected(key, value, self.last, operation));
        let surplus = history.len().saturating_sub(self.length);
        history.drain(..surplus);
        self.last
    }
}

#[test]
fn a_bucket_is_a_map_of_histories() {
    run(async {
        for seed in 0..6 {
            let length = [1, 2, 5, 64][usize::try_from(seed % 4).unwrap()];
            play(seed, length).await;
        }
    });
}

async fn play(seed: u64, length: i64) {
    let dir = tempfile::tempdir().unwrap();
    let mut rng = Rng::with_seed(seed);
    let config = Config { compression: seed.is_multiple_of(2), ..config(length) };
    let mut model = Model { length: usize::try_from(length).unwrap(), last: 0, keys: BTreeMap::new() };
    for _ in 0..4 {
        let (broker, store) = bucket_at(dir.path(), config.clone()).await;
        compare(&store, &model).await;
        for step in 0..60 {
            act(&store, &mut model, &mut rng, step).await;
        }
        compare(&store, &model).await;
        // Half of them without saying good bye.
        if rng.bool() {
            broker.shutdown(crate::support::STOP_DEADLINE).await;
        }
    }
}

async fn act(store: &Store, model: &mut Model, rng: &mut Rng, step: u32) {
    let key = ["a", "b", "a.b", "c/d"][rng.usize(..4)];
    let value = step.to_string();
    let revision = if rng.bool() { model.revision(key) } else { rng.u64(0..=model.last + 1) };
    let is_right = revision == model.revision(key);
    match rng.u8(..8) {
        0 | 1 => {
            assert_eq!(store.put(key, value.clone().into()).await.unwrap(), model.add(key, &value, Operation::Put));
        }
        2 => match (store.create(key, value.clone().into()).await, model.value(key).is_some()) {
            (Ok(revision), false) => assert_eq!(revision, model.add(key, &value, Operation::Put)),
            (Err(error), true) => assert_eq!(error.kind(), CreateErrorKind::AlreadyExists),
            (result, exists) => panic!("{result:?}, and it exists: {exists}"),
        },
        3 | 4 => match store.update(key, value.clone().into(), revision).await {
            Ok(updated) => assert_eq!((updated, is_right), (model.add(key, &value, Operation::Put), true)),
            Err(error) => assert_eq!((error.kind(), is_right), (UpdateErrorKind::WrongLastRevision, false)),
        },
        5 => {
            let done = store.delete_expect_revision(key, Some(revision)).await.is_ok();
            assert_eq!(done, is_right);
            done.then(|| model.add(key, "", Operation::Delete));
        }
        6 => {
            store.delete(key).await.unwrap();
            model.add(key, "", Operation::Delete);
        }
        _ => {
            store.purge(key).await.unwrap();
            model.add(key, "", Operation::Purge);
        }
    }
    assert_eq!(store.get(key).await.unwrap().as_deref(), model.value(key).map(str::as_bytes));
}

async fn compare(store: &Store, model: &Model) {
    let with_value: Vec<_> = model.keys.keys().filter(|key| model.value(key).is_some()).cloned().collect();
    assert_eq!(keys(store).await, with_value);
    for key in model.keys.keys() {
        assert_eq!(history(store, key).await, model.history(key));
        for entry in model.history(key) {
            let found = store.entry_for_revision(key, entry.2).await.unwrap();
            assert_eq!(found.as_ref().map(told).as_ref(), Some(entry));
        }
    }
    let entries = model.keys.values().map(Vec::len).sum::<usize>();
    assert_eq!(store.status().await.unwrap().values(), u64::try_from(entries).unwrap());
}
