//! What programs do with the bucket: one call of `embus-kv` each.

use std::fmt::Debug;
use std::pin::Pin;

use bytes::Bytes;
use embus_kv::error::WriteError;
use embus_kv::write::{self, Removal};
use embus_kv::{Entry, Operation, read, watch};
use futures_util::TryStreamExt;

use super::bucket::{Refused, SimBucket};
use super::change::{Change, Condition, KEYS};
use super::model::Before;

/// A program that waits for its call.
pub(super) struct Program {
    pub(super) task: Task,
    pub(super) before: Before,
    pub(super) future: Pin<Box<dyn Future<Output = Outcome>>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    Change(usize),
    Read(usize),
    History(usize),
    List,
}

#[derive(Debug)]
pub(super) enum Outcome {
    /// With this revision, behind that one if it was read.
    Stored(u64, Option<u64>),
    NotMet,
    Found(Option<Entry>),
    Entries(Vec<Entry>),
    Keys(Vec<String>),
}

pub(super) async fn change(bucket: SimBucket, change: Change, value: Bytes) -> Outcome {
    let key = KEYS[change.key];
    let expected = match change.condition {
        Condition::Read => {
            let entry = well(read::entry(&bucket, key, None).await);
            Some(entry.map_or(0, |entry| entry.revision))
        }
        _ => None,
    };
    let ttl = change.time_to_live;
    let stored = match (change.operation, change.condition, expected) {
        (Operation::Put, Condition::Absent, _) => write::create(&bucket, key, value, ttl).await,
        (Operation::Put, _, Some(expected)) => write::update(&bucket, key, value, expected, ttl).await,
        (Operation::Put, ..) => write::put(&bucket, key, value).await,
        (Operation::Delete, ..) => write::remove(&bucket, key, Removal::Delete, expected).await,
        (Operation::Purge, ..) => write::remove(&bucket, key, Removal::Purge { time_to_live: ttl }, expected).await,
    };
    match stored {
        Ok(revision) => Outcome::Stored(revision, expected),
        Err(WriteError::Exists | WriteError::WrongRevision(_)) => Outcome::NotMet,
        Err(error) => panic!("{change:?}: {error:?}"),
    }
}

pub(super) async fn find(bucket: SimBucket, key: usize) -> Outcome {
    let found = well(read::entry(&bucket, KEYS[key], None).await);
    Outcome::Found(found.map(|stored| stored.into_entry("b", KEYS[key].to_owned())))
}

pub(super) async fn history(bucket: SimBucket, key: usize) -> Outcome {
    let history = well(watch::history(&bucket, KEYS[key]).await);
    Outcome::Entries(well::<_, Refused>(history.try_collect().await))
}

pub(super) async fn list(bucket: SimBucket) -> Outcome {
    let keys = well(watch::keys(&bucket).await);
    Outcome::Keys(well::<_, Refused>(keys.try_collect().await))
}

/// The disk is well, or the process ends.
fn well<T, E: Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("a read failed: {error:?}"))
}
