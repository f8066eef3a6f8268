//! What a log does when the disk refuses: errors at once, reads go on, and a new start finds everything that counted.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use embus_storage::error::StorageError;
use embus_storage::log::{Accounting, Append, Log, LogOptions, Position, Replay, Undone, Upkeep};
use embus_storage::medium::Medium;
use embus_storage::medium::crash::{CrashMedium, Fault, Rot};
use embus_storage::segment::SegmentName;

const DIR: &str = "/log";

struct Nothing;

impl Replay for Nothing {
    fn notes(&mut self, _: &[u8]) {}
    fn message(&mut self, _: u64, _: i64, _: &[u8], _: &[u8]) {}
}

fn options(synced: bool) -> LogOptions {
    let description = Arc::new(b"d".to_vec());
    LogOptions { segment_bytes: 1 << 20, accounting: Accounting::File, compress: false, synced, description }
}

/// A log with the messages 1 to 3, durably.
fn log() -> (CrashMedium, Log) {
    log_of(7, true)
}

fn log_of(seed: u64, synced: bool) -> (CrashMedium, Log) {
    let medium = CrashMedium::new(seed);
    medium.create_dir(DIR.as_ref()).unwrap();
    medium.sync_dir("/".as_ref()).unwrap();
    let mut log = Log::create(Arc::new(medium.clone()), DIR.into(), options(synced)).unwrap();
    for _ in 0..3 {
        append(&mut log).unwrap();
    }
    commit(&mut log).unwrap();
    (medium, log)
}

fn open(medium: &CrashMedium) -> Log {
    open_as(medium, true)
}

fn open_as(medium: &CrashMedium, synced: bool) -> Log {
    Log::open(Arc::new(medium.clone()), DIR.into(), options(synced), &mut Nothing).unwrap()
}

fn append(log: &mut Log) -> Result<u64, StorageError> {
    log.append(&Append { time: 1, subject: b"s", headers: b"", payload: b"payload", marked: false, evict: 0 })
}

fn commit(log: &mut Log) -> Result<Position, StorageError> {
    let commit = log.take_commit(true).expect("something waits");
    log.finish_commit(commit.run())
}

/// One that need not be durable.
fn write(log: &mut Log) -> Result<Position, StorageError> {
    let commit = log.take_commit(false).expect("something waits");
    log.finish_commit(commit.run())
}

fn readable(log: &mut Log) -> Vec<u64> {
    let all = 1..=log.last_sequence();
    all.filter(|&it| log.locate(it).unwrap().is_some_and(|it| it.read().is_ok())).collect()
}

/// A commit fails; whatever comes of it, what counted before is there, and what comes after gets new sequences.
fn check(fault: Fault) {
    let (medium, mut log) = log();
    append(&mut log).unwrap();
    medium.fail_at(medium.calls() + 1, fault);
    assert!(commit(&mut log).is_err(), "{fault:?}");
    assert!(append(&mut log).is_err() && log.remove(1).is_err() && log.take_commit(true).is_none());
    assert_eq!(readable(&mut log)[..3], [1, 2, 3]);

    let mut log = open(&medium);
    assert_eq!(readable(&mut log)[..3], [1, 2, 3]);
    let next = append(&mut log).unwrap();
    assert!(next >= 4, "{fault:?}");
    commit(&mut log).unwrap();
    // Nothing that counts now may depend on the sync that failed.
    medium.cut_power();
    let mut log = open(&medium.restart());
    let found = readable(&mut log);
    assert!(found.starts_with(&[1, 2, 3]) && found.ends_with(&[next]), "{fault:?}: {found:?}");
}

#[test]
fn a_commit_that_fails_is_an_error_and_no_more() {
    for fault in [Fault::Io, Fault::Full, Fault::FailedSync] {
        check(fault);
    }
}

/// Nothing becomes durable any more: what was removed together with what was refused does not go without it.
#[test]
fn a_removal_that_was_refused_does_not_come_alone() {
    for seed in 0..64 {
        let (medium, mut log) = log_of(seed, true);
        if seed % 2 == 0 {
            append(&mut log).unwrap();
        }
        log.remove_below(3).unwrap();
        log.remove(3).unwrap();
        medium.fail_from(medium.calls() + 1, Fault::FailedSync);
        assert!(commit(&mut log).is_err());
        medium.crash();
        let mut log = open(&medium.restart());
        assert_eq!(readable(&mut log), [1, 2, 3], "seed {seed}");
    }
}

/// A power cut may leave any sectors of what was not synced: the message without what is written behind it, too.
#[test]
fn what_was_removed_as_it_came_never_turns_up() {
    for seed in 0..256 {
        let (medium, mut log) = log_of(seed, false);
        for _ in 0..40 {
            let removed = Append { time: 1, subject: b"s", headers: b"", payload: b"", marked: true, evict: 0 };
            log.append_removed(&removed).unwrap();
            append(&mut log).unwrap();
            write(&mut log).unwrap();
        }
        medium.cut_power();
        let mut log = open_as(&medium.restart(), false);
        let found = readable(&mut log);
        assert!(found.iter().all(|sequence| *sequence <= 3 || sequence % 2 == 1), "seed {seed}: {found:?}");
        assert!(append(&mut log).unwrap() > *found.last().unwrap());
    }
}

/// What was acknowledged without a sync goes with the sync that fails, and so does the mark that tells of it, with each
/// sync that fails again. The next process does not know of that: no sequence is given out once more all the same.
#[test]
fn no_sequence_comes_again_after_syncs_that_failed() {
    for seed in 0..64 {
        let (medium, mut log) = log_of(seed, false);
        for _ in 0..3 {
            append(&mut log).unwrap();
            write(&mut log).unwrap();
        }
        medium.fail_from(medium.calls() + 1, Fault::FailedSync);
        assert!(commit(&mut log).is_err());
        medium.crash();
        let mut log = open_as(&medium.restart(), false);
        let next = append(&mut log).unwrap();
        assert!(next > 6, "seed {seed}: {next} is given out again");
    }
}

#[test]
fn a_full_disk_is_readable_and_goes_on_by_itself() {
    let (medium, mut log) = log();
    medium.fail_from(1, Fault::Full);
    append(&mut log).unwrap();
    assert!(matches!(commit(&mut log), Err(StorageError::Full { .. })));
    for _ in 0..3 {
        let mut log = open(&medium);
        assert_eq!(readable(&mut log), [1, 2, 3]);
        append(&mut log).unwrap();
        assert!(matches!(commit(&mut log), Err(StorageError::Full { .. })));
    }
    medium.forget_faults();
    let mut log = open(&medium);
    append(&mut log).unwrap();
    commit(&mut log).unwrap();
    assert_eq!(readable(&mut log).len(), 4);
    assert!(medium.list(Path::new(DIR)).unwrap().iter().all(|name| SegmentName::parse(name).is_some()));
}

#[test]
fn the_last_sequences_are_used_up_without_wrapping() {
    let (medium, mut log) = log();
    assert_eq!(log.remove_below(u64::MAX - 1).unwrap(), 3);
    assert_eq!(append(&mut log).unwrap(), u64::MAX - 1);
    assert!(matches!(append(&mut log), Err(StorageError::SequenceExhausted)));
    commit(&mut log).unwrap();
    let mut log = open(&medium);
    assert_eq!((log.first_sequence(), log.last_sequence()), (u64::MAX - 1, u64::MAX - 1));
    assert!(matches!(append(&mut log), Err(StorageError::SequenceExhausted)));
    assert_eq!(log.remove_below(u64::MAX).unwrap(), 1);
    assert!(log.evict_first().is_ok_and(|evicted| !evicted));
    commit(&mut log).unwrap();
    assert_eq!(open(&medium).state().first_sequence, u64::MAX);
}

#[test]
fn what_is_too_large_is_refused_without_a_trace() {
    let (_, mut log) = log();
    let bytes = vec![b'x'; 65_536];
    let append = Append { time: 1, subject: b"s", headers: b"", payload: b"", marked: false, evict: 0 };
    for refused in
        [Append { subject: &bytes, ..append }, Append { headers: &bytes, ..append }, Append { subject: b"", ..append }]
    {
        assert!(matches!(log.append(&refused), Err(StorageError::TooLarge)));
    }
    assert_eq!(log.append(&Append { subject: &bytes[1..], headers: &bytes[1..], ..append }).unwrap(), 4);
    assert_eq!(log.locate(4).unwrap().unwrap().read().unwrap().headers.len(), 65_535);
}

#[test]
fn a_mark_that_is_torn_gives_no_sequence_again() {
    for seed in 0..300 {
        let (medium, mut log) = log_of(seed, false);
        medium.fail_at(medium.calls() + 1 + seed % 8, Fault::ShortWrite);
        for _ in 0..4 {
            append(&mut log).unwrap();
            write(&mut log).unwrap();
        }
        let told = log.last_sequence();
        medium.cut_power();
        let mut log = open_as(&medium.restart(), false);
        assert!(append(&mut log).unwrap() > told, "seed {seed}");
    }
}

#[test]
fn without_a_mark_no_sequence_is_given_again() {
    for seed in 0..100 {
        let (medium, mut log) = log_of(seed, false);
        for _ in 0..4 {
            append(&mut log).unwrap();
            write(&mut log).unwrap();
        }
        let told = log.last_sequence();
        medium.cut_power();
        let medium = medium.restart();
        for path in medium.files() {
            medium.rot(&path, &Rot::Zero(3072..4096)).unwrap();
        }
        let mut log = open_as(&medium, false);
        assert!(append(&mut log).unwrap() > told, "seed {seed}");
    }
}

#[test]
fn what_limits_took_stays_gone_when_a_commit_fails() {
    for fault in [Fault::Full, Fault::Io] {
        let (medium, mut log) = log_of(7, false);
        assert!(log.evict_first().unwrap());
        append(&mut log).unwrap();
        write(&mut log).unwrap();
        assert!(log.evict_first().unwrap());
        append(&mut log).unwrap();
        medium.fail_at(medium.calls() + 1, fault);
        assert!(write(&mut log).is_err());
        let mut log = open_as(&medium, false);
        assert_eq!(readable(&mut log), [2, 3, 4], "{fault:?}");
        assert_eq!(append(&mut log).unwrap(), 6, "{fault:?}");
    }
}

#[test]
fn no_room_to_come_is_no_reason_to_fail() {
    for fault in [Fault::Full, Fault::TooLarge] {
        let (medium, mut log) = log();
        let payload = vec![0; 200_000];
        log.append(&Append { time: 1, subject: b"s", headers: b"", payload: &payload, marked: false, evict: 0 })
            .unwrap();
        // The call before the write.
        medium.fail_at(medium.calls() + 1, fault);
        commit(&mut log).unwrap();
        assert_eq!(readable(&mut open(&medium)), [1, 2, 3, 4], "{fault:?}");
    }
}

/// Opens a log in place of one that failed.
fn reopen(medium: &CrashMedium, failed: &Log) -> Log {
    let disk = Arc::new(medium.clone());
    Log::reopen(disk, DIR.into(), options(true), failed.undone(), &mut Nothing).unwrap()
}

/// Each call from the `first` one of a commit on fails, for so many calls: also those that are to take the commit back.
fn fail_through(medium: &CrashMedium, first: u64, calls: u64) {
    for call in first..first + calls {
        medium.fail_at(medium.calls() + call, Fault::Io);
    }
}

#[test]
fn what_was_refused_stays_away_though_the_disk_keeps_it() {
    for (seed, first, calls) in
        (0..20).flat_map(|seed| (1..6).flat_map(move |first| (1..8).map(move |calls| (seed, first, calls))))
    {
        let what = format!("seed {seed}, call {first}, {calls} calls");
        let (medium, mut log) = log_of(seed, true);
        append(&mut log).unwrap();
        log.remove(1).unwrap();
        fail_through(&medium, first, calls);
        if commit(&mut log).is_ok() {
            continue;
        }
        medium.forget_faults();
        let mut log = reopen(&medium, &log);
        assert_eq!(readable(&mut log), [1, 2, 3], "{what}");
        // Once more: what the first one left is still to be taken back.
        append(&mut log).unwrap();
        fail_through(&medium, 1, 3);
        assert!(commit(&mut log).is_err(), "{what}");
        medium.forget_faults();
        let mut log = reopen(&medium, &log);
        assert_eq!(readable(&mut log), [1, 2, 3], "{what}");
        let next = append(&mut log).unwrap();
        commit(&mut log).unwrap();
        medium.cut_power();
        assert_eq!(readable(&mut open(&medium.restart())), [1, 2, 3, next], "{what}");
    }
}

#[test]
fn a_segment_that_was_refused_stays_away() {
    for (first, calls) in (1..14).flat_map(|first| (1..12).map(move |calls| (first, calls))) {
        let what = format!("call {first}, {calls} calls");
        let (medium, mut log) = log();
        for _ in 0..3 {
            let payload = vec![0; 600_000];
            log.append(&Append { time: 1, subject: b"s", headers: b"", payload: &payload, marked: false, evict: 0 })
                .unwrap();
        }
        fail_through(&medium, first, calls);
        if commit(&mut log).is_ok() {
            continue;
        }
        medium.forget_faults();
        let mut log = reopen(&medium, &log);
        assert_eq!(readable(&mut log), [1, 2, 3], "{what}");
        let next = append(&mut log).unwrap();
        commit(&mut log).unwrap();
        assert_eq!(readable(&mut open(&medium)), [1, 2, 3, next], "{what}");
    }
}

/// The next work in the background, with so many messages at most.
fn next_upkeep(log: &mut Log, most: u64) -> Option<(u64, Upkeep)> {
    (1..=most).find_map(|count| {
        append(log).unwrap();
        commit(log).unwrap();
        Some((count, log.take_upkeep(&mut Vec::new)?))
    })
}

#[test]
fn upkeep_that_failed_is_not_tried_again_at_once() {
    let medium = CrashMedium::new(7);
    medium.create_dir(DIR.as_ref()).unwrap();
    let small = LogOptions { segment_bytes: 8192, ..options(true) };
    let mut log = Log::create(Arc::new(medium.clone()), DIR.into(), small).unwrap();
    let (_, upkeep) = next_upkeep(&mut log, 10_000).expect("a checkpoint is due some time");
    medium.fail_from(0, Fault::Io);
    log.finish_upkeep(upkeep.run());
    medium.forget_faults();
    assert!(log.failure().is_none() && log.take_upkeep(&mut Vec::new).is_none() && log.take_commit(true).is_none());
    let (count, upkeep) = next_upkeep(&mut log, 10_000).expect("it is due still");
    assert!(count > 500, "tried again after {count} changes");
    log.finish_upkeep(upkeep.run());
    // What succeeded is not held back.
    assert!(next_upkeep(&mut log, 10_000).is_some());
}

fn large(synced: bool, compress: bool) -> LogOptions {
    LogOptions { segment_bytes: 32 << 20, compress, ..options(synced) }
}

fn append_large(log: &mut Log) {
    let payload = vec![b'x'; 40_000];
    log.append(&Append { time: 1, subject: b"s", headers: b"", payload: &payload, marked: false, evict: 0 }).unwrap();
}

/// A log that is not always synced, of several MiB that are written only.
fn large_log(seed: u64) -> (CrashMedium, Log) {
    let medium = CrashMedium::new(seed);
    medium.create_dir(DIR.as_ref()).unwrap();
    medium.sync_dir("/".as_ref()).unwrap();
    let mut log = Log::create(Arc::new(medium.clone()), DIR.into(), large(false, false)).unwrap();
    append(&mut log).unwrap();
    commit(&mut log).unwrap();
    for _ in 0..80 {
        append_large(&mut log);
        write(&mut log).unwrap();
    }
    assert!(log.is_dirty());
    (medium, log)
}

/// The disk says once that it could not write it down, and never again.
#[test]
fn however_much_was_written_a_failed_sync_is_not_made_good_by_another() {
    for seed in 0..20 {
        let (medium, mut log) = large_log(seed);
        medium.fail_at(medium.calls() + 1, Fault::FailedSync);
        assert!(commit(&mut log).is_err());
        let undone = log.undone();
        drop(log);
        // The process may know of it, or not any more.
        let (medium, undone) = if seed % 2 == 0 { (medium, undone) } else { (medium.restart(), Undone::default()) };
        let opened = Log::reopen(Arc::new(medium.clone()), DIR.into(), large(false, false), undone, &mut Nothing);
        let mut log = opened.unwrap();
        let found = readable(&mut log);
        append_large(&mut log);
        commit(&mut log).unwrap();
        medium.cut_power();
        let medium = Arc::new(medium.restart());
        let mut log = Log::open(medium, DIR.into(), large(false, false), &mut Nothing).unwrap();
        assert!(readable(&mut log).starts_with(&found), "seed {seed}");
    }
}

/// What is compressed is never written to, also where damage left it at the end of the log.
#[test]
fn a_purge_goes_on_behind_a_compressed_segment() {
    let medium = CrashMedium::new(7);
    medium.create_dir(DIR.as_ref()).unwrap();
    let small = LogOptions { segment_bytes: 64 << 10, ..large(false, true) };
    let mut log = Log::create(Arc::new(medium.clone()), DIR.into(), small.clone()).unwrap();
    (0..12).for_each(|_| append_large(&mut log));
    commit(&mut log).unwrap();
    for _ in 0..40 {
        if let Some(upkeep) = log.take_upkeep(&mut Vec::new) {
            log.finish_upkeep(upkeep.run());
        }
        if let Some(commit) = log.take_commit(true) {
            log.finish_commit(commit.run()).unwrap();
        }
    }
    drop(log);
    let medium = medium.restart();
    let names = medium.list(DIR.as_ref()).unwrap();
    let last = names.iter().filter_map(|name| SegmentName::parse(name)).max_by_key(|name| name.base).unwrap();
    medium.remove(&Path::new(DIR).join(last.file_name())).unwrap();
    let mut log = Log::open(Arc::new(medium.clone()), DIR.into(), small.clone(), &mut Nothing).unwrap();
    assert!(log.messages() > 0);
    let next = log.last_sequence() + 1;
    log.remove_below(next).unwrap();
    commit(&mut log).unwrap();
    append_large(&mut log);
    commit(&mut log).unwrap();
    let mut log = Log::open(Arc::new(medium.restart()), DIR.into(), small, &mut Nothing).unwrap();
    assert_eq!(readable(&mut log), [next]);
}

/// A message that does not tell its time fails nothing for ever: it counts as lost, and the search goes on.
#[test]
fn a_search_by_time_goes_on_behind_damage() {
    for damaged in 1..=20_u64 {
        let (medium, mut log) = log();
        for number in 4..=20 {
            let append =
                Append { time: number, subject: b"s", headers: b"", payload: b"payload", marked: false, evict: 0 };
            log.append(&append).unwrap();
        }
        commit(&mut log).unwrap();
        let file = medium.files().into_iter().find(|path| path.extension().is_some_and(|it| it == "seg")).unwrap();
        let offset = 4096 + (damaged - 1) * (28 + 1 + 7);
        medium.rot(&file, &Rot::Zero(offset..offset + 8)).unwrap();
        for time in 4..=20_i64 {
            let sequence = log.sequence_at(time).unwrap();
            assert!(sequence == time.unsigned_abs() || sequence == damaged + 1, "{time} with {damaged} damaged");
        }
        // The times of the first ones are known from when they were appended.
        let is_told = log.time_of(damaged).unwrap().is_some();
        assert_eq!(log.state().lost_messages, u64::from(!is_told), "{damaged}");
        assert!(!is_told || damaged <= 16, "{damaged}");
    }
}

/// Zeros are written where the next records will lie: whatever a power cut leaves of them, they are no records.
#[test]
fn zeros_written_ahead_are_no_records() {
    let (mut medium, mut log) = log();
    let mut count = 3;
    let payload = vec![1; 1000];
    while count < 300 {
        for _ in 0..40 {
            let message = Append { time: 1, subject: b"s", headers: b"", payload: &payload, marked: false, evict: 0 };
            log.append(&message).unwrap();
            commit(&mut log).unwrap();
            count += 1;
        }
        medium.cut_power();
        medium = medium.restart();
        log = open(&medium);
        assert_eq!(readable(&mut log).len(), count);
    }
}
