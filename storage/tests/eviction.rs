//! What limits took is not written down with each message, and stays away all the same: by the mark of a clean end, and by
//! what is handed to whoever keeps limits that would not take it again.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::sync::Arc;

use embus_storage::log::{Accounting, Append, Evicted, Log, LogOptions, Replay, Undone};
use embus_storage::medium::Medium;
use embus_storage::medium::crash::{CrashMedium, Fault};

const DIR: &str = "/log";

struct Nothing;

impl Replay for Nothing {
    fn notes(&mut self, _: &[u8]) {}
    fn message(&mut self, _: u64, _: i64, _: &[u8], _: &[u8]) {}
}

fn options(description: &str) -> LogOptions {
    let description = Arc::new(description.as_bytes().to_vec());
    LogOptions { segment_bytes: 1 << 20, accounting: Accounting::File, compress: false, synced: true, description }
}

/// A log of a hundred messages, durably.
fn hundred() -> (CrashMedium, Log) {
    let medium = CrashMedium::new(7);
    medium.create_dir(DIR.as_ref()).unwrap();
    medium.sync_dir("/".as_ref()).unwrap();
    let mut log = Log::create(Arc::new(medium.clone()), DIR.into(), options("first")).unwrap();
    (0..100).for_each(|_| append(&mut log));
    commit(&mut log);
    (medium, log)
}

fn open(medium: &CrashMedium, evicted: Option<Evicted>) -> Log {
    let medium = Arc::new(medium.clone());
    Log::reopen(medium, DIR.into(), options("first"), Undone::of_evicted(evicted), &mut Nothing).unwrap()
}

fn append(log: &mut Log) {
    let append = Append { time: 1, subject: b"s", headers: b"", payload: b"payload", marked: false, evict: 0 };
    log.append(&append).unwrap();
}

fn commit(log: &mut Log) {
    while let Some(commit) = log.take_commit(true) {
        log.finish_commit(commit.run()).unwrap();
    }
}

/// The log as it is read anew when its commit has failed.
fn after_failed_commit(medium: &CrashMedium, mut log: Log) -> Log {
    medium.fail_from(1, Fault::Io);
    let commit = log.take_commit(true).unwrap();
    assert!(log.finish_commit(commit.run()).is_err());
    medium.forget_faults();
    let undone = log.undone();
    Log::reopen(Arc::new(medium.clone()), DIR.into(), options("first"), undone, &mut Nothing).unwrap()
}

fn evict(log: &mut Log, count: u64) {
    (0..count).for_each(|_| assert!(log.evict_first().unwrap()));
}

#[test]
fn a_clean_end_tells_what_left_since_the_start() {
    let (medium, mut log) = hundred();
    log.close(b"").unwrap();
    let mut log = open(&medium, None);
    evict(&mut log, 90);
    log.close(b"").unwrap();
    assert_eq!(open(&medium, None).first_sequence(), 91);
}

#[test]
fn what_limits_took_is_handed_on() {
    let (medium, mut log) = hundred();
    evict(&mut log, 90);
    let evicted = log.evicted();
    assert_eq!(evicted, Some(Evicted { floor: 91, last_sequence: 100 }));
    drop(log);
    // The limit may still be the same, or not.
    assert_eq!(open(&medium, None).first_sequence(), 1);
    let mut log = open(&medium, evicted);
    assert_eq!((log.first_sequence(), log.messages()), (91, 10));
    append(&mut log);
    commit(&mut log);
    assert_eq!(open(&medium, None).first_sequence(), 91);
}

#[test]
fn what_is_kept_comes_with_the_next_commit() {
    let (medium, mut log) = hundred();
    evict(&mut log, 100);
    log.keep_evicted();
    commit(&mut log);
    let log = open(&medium, None);
    assert_eq!((log.first_sequence(), log.last_sequence(), log.messages()), (101, 100, 0));
}

#[test]
fn a_message_that_never_was_takes_none_with_it() {
    let (medium, mut log) = hundred();
    evict(&mut log, 90);
    append(&mut log);
    evict(&mut log, 1);
    assert_eq!(log.evicted(), None);
    commit(&mut log);
    assert_eq!(log.evicted(), Some(Evicted { floor: 92, last_sequence: 101 }));
    let never = Evicted { floor: 95, last_sequence: 102 };
    assert_eq!(open(&medium, Some(never)).first_sequence(), 92);
}

/// If its commit fails it did not happen.
#[test]
fn a_removal_that_waits_is_no_eviction() {
    let (medium, mut log) = hundred();
    log.remove(1).unwrap();
    assert_eq!(log.evicted(), None);
    log.keep_evicted();
    let log = after_failed_commit(&medium, log);
    assert_eq!(log.first_sequence(), 1);
}

/// What a failed commit undoes is read anew, without what the old limits took.
#[test]
fn what_is_kept_survives_a_failure() {
    let (medium, mut log) = hundred();
    evict(&mut log, 90);
    log.keep_evicted();
    let log = after_failed_commit(&medium, log);
    assert_eq!(log.first_sequence(), 91);
}

#[test]
fn the_newest_description_counts() {
    let read = |medium: &CrashMedium| {
        String::from_utf8(Log::read_description(medium, DIR.as_ref()).expect("there is one")).unwrap()
    };
    let (medium, mut log) = hundred();
    assert_eq!(read(&medium), "first");
    for description in ["second", &"long".repeat(1000), "third"] {
        log.set_options(options(description));
        log.note_description();
        commit(&mut log);
        append(&mut log);
        commit(&mut log);
        assert_eq!(read(&medium), description);
    }
    assert_eq!((open(&medium, None).messages(), log.messages()), (103, 103));
}
