//! Changes that programs ask for, and what became of them.

use std::time::Duration;

use embus_kv::Operation;
use fastrand::Rng;

use crate::scenario::pick;

/// The keys of the bucket.
pub(super) const KEYS: [&str; 5] = ["a", "b", "c.1", "c.2", "d/e=f"];

/// One change of a key.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) key: usize,
    pub(super) operation: Operation,
    pub(super) time_to_live: Option<Duration>,
    pub(super) condition: Condition,
    pub(super) fate: Fate,
    /// In nanoseconds.
    pub(super) began_at: u64,
    pub(super) ended_at: u64,
}

/// What has to be so before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Nothing,
    /// The key has no value.
    Absent,
    /// Its last entry is the one that the program reads first.
    Read,
    /// It was this one.
    Last(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Running,
    /// With this revision.
    Stored(u64),
    /// The condition was not met.
    Refused,
    /// The broker went before it answered.
    Unknown,
    /// The same, and it is not there: it never was, or something came behind it.
    Lost,
}

impl Change {
    pub(super) fn random(allows_ttl: bool, now: u64, rng: &mut Rng) -> Self {
        let operation =
            *pick(rng, &[Operation::Put, Operation::Put, Operation::Put, Operation::Delete, Operation::Purge]);
        let condition = match operation {
            Operation::Put => *pick(rng, &[Condition::Nothing, Condition::Absent, Condition::Read]),
            Operation::Delete | Operation::Purge => {
                *pick(rng, &[Condition::Nothing, Condition::Nothing, Condition::Read])
            }
        };
        // What async-nats gives one: what is created, and the mark of a purge.
        let may_expire = allows_ttl && (condition == Condition::Absent || operation == Operation::Purge);
        let time_to_live = (may_expire && rng.bool()).then(|| Duration::from_secs(rng.u64(2..5)));
        let key = rng.usize(..KEYS.len());
        Self { key, operation, time_to_live, condition, fate: Fate::Running, began_at: now, ended_at: u64::MAX }
    }

    pub(super) fn is_put(&self) -> bool {
        self.operation == Operation::Put
    }

    /// Whether it may have expired by then.
    pub(super) fn may_be_over(&self, now: u64) -> bool {
        self.expiry(self.began_at).is_some_and(|at| at <= now)
    }

    /// Whether it must have, once the broker has done what was due.
    pub(super) fn is_over(&self, now: u64) -> bool {
        self.expiry(self.ended_at).is_some_and(|at| at.saturating_add(SLACK) <= now)
    }

    fn expiry(&self, from: u64) -> Option<u64> {
        let span = u64::try_from(self.time_to_live?.as_nanos()).unwrap_or(u64::MAX);
        Some(from.saturating_add(span))
    }
}

/// The value of a change: its number, and something behind it.
pub(super) fn value_of(number: usize, rng: &mut Rng) -> String {
    format!("{number}.{}", "x".repeat(*pick(rng, &[0, 10, 200, 3000])))
}

/// The change of a value.
pub(super) fn number_of(value: &[u8]) -> Option<usize> {
    std::str::from_utf8(value).ok()?.split('.').next()?.parse().ok()
}

/// How late the broker may notice that an entry has expired, in nanoseconds.
const SLACK: u64 = 1_000_000_000;
