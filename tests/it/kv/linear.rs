//! Many clients on a few keys, inside and outside of the process: what each was told has to fit into one order in which
//! every call takes effect at once, between its start and its end.
//!
//! The search is that of Wing and Gong with Lowe's memory: take a call that no unfinished one has to precede, see whether
//! it fits, go on; never visit the same set of calls with the same state twice.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::jetstream::kv as remote;
use embus::jetstream::kv::{CreateErrorKind, Operation, Store, UpdateErrorKind};
use fastrand::Rng;

use crate::kv::scene::{Scene, Told, config, told, told_outside};
use crate::support::{connect, run};

const CLIENTS: u64 = 16;
const STEPS: usize = 40;
const KEYS: [&str; 3] = ["a", "b.c", "d"];

/// A call and what came of it.
#[derive(Debug, Clone)]
struct Call {
    key: &'static str,
    what: What,
    began: u64,
    ended: u64,
}

#[derive(Debug, Clone)]
enum What {
    /// A value was written at this revision, whatever was there.
    Put {
        value: String,
        revision: u64,
    },
    /// A value was written where there was none.
    Created {
        value: String,
        revision: u64,
    },
    /// It was not, since there was one.
    Exists,
    /// A value was written over this revision.
    Updated {
        value: String,
        over: u64,
        revision: u64,
    },
    /// It was not, since there was another one.
    NotUpdated {
        over: u64,
    },
    Deleted,
    /// What was read: value, revision, operation.
    Read(Option<(String, u64, Operation)>),
}

/// What a key is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State {
    Never,
    Value(String, u64),
    /// Removed, at a revision above this one.
    Removed(u64),
}

impl State {
    /// What it is behind a call, if what the call was told fits.
    fn after(&self, what: &What) -> Option<Self> {
        let last = match self {
            Self::Never => 0,
            Self::Value(_, revision) | Self::Removed(revision) => *revision,
        };
        let exists = matches!(self, Self::Value(..));
        let written = |value: &String, revision: u64| (revision > last).then(|| Self::Value(value.clone(), revision));
        match what {
            What::Put { value, revision } => written(value, *revision),
            What::Created { value, revision } if !exists => written(value, *revision),
            What::Updated { value, over, revision } if exists && *over == last => written(value, *revision),
            What::Exists if exists => Some(self.clone()),
            What::NotUpdated { over } if !exists || *over != last => Some(self.clone()),
            What::Deleted => Some(Self::Removed(last)),
            What::Read(read) => self.fits(read.as_ref()).then(|| self.clone()),
            _ => None,
        }
    }

    fn fits(&self, read: Option<&(String, u64, Operation)>) -> bool {
        match (self, read) {
            (Self::Never, None) => true,
            (Self::Value(value, revision), Some((seen, at, Operation::Put))) => value == seen && revision == at,
            (Self::Removed(above), Some((_, at, Operation::Delete))) => at > above,
            _ => false,
        }
    }
}

/// Whether there is an order that explains all calls on one key.
fn is_linear(calls: &[Call]) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![(vec![false; calls.len()], State::Never)];
    while let Some((done, state)) = open.pop() {
        let left = || calls.iter().enumerate().filter(|(at, _)| !done[*at]);
        let Some(first_end) = left().map(|(_, call)| call.ended).min() else { return true };
        for (at, call) in left().filter(|(_, call)| call.began < first_end) {
            let Some(next) = state.after(&call.what) else { continue };
            let mut done = done.clone();
            done[at] = true;
            if seen.insert((done.clone(), next.clone())) {
                open.push((done, next));
            }
        }
    }
    false
}

/// A client inside or outside.
#[derive(Clone)]
enum Client {
    Inside(Store),
    Outside(remote::Store),
}

impl Client {
    async fn put(&self, key: &str, value: &str) -> u64 {
        match self {
            Self::Inside(store) => store.put(key, value.to_owned().into()).await.unwrap(),
            Self::Outside(store) => store.put(key, value.to_owned().into()).await.unwrap(),
        }
    }

    async fn create(&self, key: &str, value: &str) -> Option<u64> {
        match self {
            Self::Inside(store) => match store.create(key, value.to_owned().into()).await {
                Ok(revision) => Some(revision),
                Err(error) => {
                    assert_eq!(error.kind(), CreateErrorKind::AlreadyExists);
                    None
                }
            },
            // It may also fail since somebody created and deleted the key meanwhile: that is no statement of the broker.
            Self::Outside(store) => store.create(key, value.to_owned().into()).await.ok(),
        }
    }

    async fn update(&self, key: &str, value: &str, over: u64) -> Option<u64> {
        match self {
            Self::Inside(store) => match store.update(key, value.to_owned().into(), over).await {
                Ok(revision) => Some(revision),
                Err(error) => {
                    assert_eq!(error.kind(), UpdateErrorKind::WrongLastRevision);
                    None
                }
            },
            Self::Outside(store) => match store.update(key, value.to_owned().into(), over).await {
                Ok(revision) => Some(revision),
                Err(error) => {
                    assert_eq!(error.kind(), remote::UpdateErrorKind::WrongLastRevision);
                    None
                }
            },
        }
    }

    async fn delete(&self, key: &str) {
        match self {
            Self::Inside(store) => store.delete(key).await.unwrap(),
            Self::Outside(store) => store.delete(key).await.unwrap(),
        }
    }

    async fn read(&self, key: &str) -> Option<Told> {
        match self {
            Self::Inside(store) => store.entry(key).await.unwrap().as_ref().map(told),
            Self::Outside(store) => store.entry(key).await.unwrap().as_ref().map(told_outside),
        }
    }

    async fn call(&self, key: &str, value: String, rng: &mut Rng, known: &mut u64) -> Option<What> {
        let what = match rng.u8(..10) {
            0 | 1 => What::Put { revision: self.put(key, &value).await, value },
            2 => match (self.create(key, &value).await, self) {
                (Some(revision), _) => What::Created { value, revision },
                (None, Self::Inside(_)) => What::Exists,
                (None, Self::Outside(_)) => return None,
            },
            3 | 4 => match self.update(key, &value, *known).await {
                Some(revision) => What::Updated { value, over: *known, revision },
                None => What::NotUpdated { over: *known },
            },
            5 => {
                self.delete(key).await;
                What::Deleted
            }
            _ => What::Read(self.read(key).await.map(|(_, value, revision, operation)| (value, revision, operation))),
        };
        match &what {
            What::Put { revision, .. } | What::Created { revision, .. } | What::Updated { revision, .. } => {
                *known = *revision;
            }
            What::Read(Some((_, revision, Operation::Put))) => *known = *revision,
            _ => {}
        }
        Some(what)
    }
}

async fn work(client: Client, number: u64, time: Arc<AtomicU64>) -> Vec<Call> {
    let mut rng = Rng::with_seed(number);
    let mut known = [u64::MAX; KEYS.len()];
    let mut calls = Vec::new();
    for step in 0..STEPS {
        let at = rng.usize(..KEYS.len());
        let began = time.fetch_add(1, Ordering::SeqCst);
        let what = client.call(KEYS[at], format!("{number}.{step}"), &mut rng, &mut known[at]).await;
        let ended = time.fetch_add(1, Ordering::SeqCst);
        calls.extend(what.map(|what| Call { key: KEYS[at], what, began, ended }));
    }
    calls
}

#[test]
fn sixteen_clients_see_one_order() {
    run(async {
        let scene = Scene::new(config(3)).await;
        let Scene { broker, inside, .. } = &scene;
        let time = Arc::default();
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let client = if number % 2 == 0 {
                Client::Inside(inside.clone())
            } else {
                let context = async_nats::jetstream::new(connect(broker).await);
                Client::Outside(context.get_key_value("b").await.unwrap())
            };
            clients.push(tokio::spawn(work(client, number, Arc::clone(&time))));
        }
        let mut calls = Vec::new();
        for client in clients {
            calls.extend(client.await.unwrap());
        }
        for key in KEYS {
            let calls: Vec<_> = calls.iter().filter(|call| call.key == key).cloned().collect();
            assert!(is_linear(&calls), "{key}: {calls:#?}");
        }
    });
}

fn call(what: What, began: u64, ended: u64) -> Call {
    Call { key: "a", what, began, ended }
}

fn put(value: &str, revision: u64) -> What {
    What::Put { value: value.to_owned(), revision }
}

fn read(value: &str, revision: u64) -> What {
    What::Read(Some((value.to_owned(), revision, Operation::Put)))
}

#[test]
fn the_checker_finds_what_does_not_fit() {
    assert!(is_linear(&[call(put("1", 1), 0, 3), call(read("1", 1), 1, 2)]));
    assert!(is_linear(&[call(put("1", 1), 0, 3), call(What::Read(None), 1, 2)]));
    // A stale read.
    assert!(!is_linear(&[call(put("1", 1), 0, 1), call(What::Read(None), 2, 3)]));
    assert!(!is_linear(&[call(put("1", 1), 0, 1), call(put("2", 2), 2, 3), call(read("1", 1), 4, 5)]));
    // A lost update.
    let update = |revision| What::Updated { value: "x".to_owned(), over: 1, revision };
    assert!(!is_linear(&[call(put("1", 1), 0, 1), call(update(2), 2, 5), call(update(3), 3, 4)]));
    assert!(is_linear(&[call(put("1", 1), 0, 1), call(update(2), 2, 5), call(What::NotUpdated { over: 1 }, 3, 4)]));
    // Two that read in different orders.
    let (first, second) = (call(put("1", 1), 0, 9), call(put("2", 2), 0, 9));
    let fits = [call(read("1", 1), 1, 2), call(read("2", 2), 3, 4)];
    let odd = [call(read("2", 2), 1, 2), call(read("1", 1), 3, 4)];
    assert!(is_linear(&[&[first.clone(), second.clone()], &fits[..]].concat()));
    assert!(!is_linear(&[&[first, second], &odd[..]].concat()));
}
