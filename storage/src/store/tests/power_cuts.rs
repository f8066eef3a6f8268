//! A store loses power, or its process, at every call of everything it does: each is done or not done afterwards.

use std::collections::BTreeSet;

use super::*;
use crate::medium::crash::{CrashMedium, Fault};
use crate::stream_dir::DeleteError;

const DIR: &str = "/var/lib/embus";

fn open(medium: &CrashMedium) -> Result<Arc<Store>, StorageError> {
    Store::open(Arc::new(medium.clone()), Path::new(DIR))
}

/// The configurations there are, once everything has been read as a start would.
fn recovered(medium: &CrashMedium) -> Vec<Vec<u8>> {
    let store = open(medium).unwrap();
    let streams = store.streams().unwrap();
    for stream in &streams {
        let config = stream.read_config().unwrap();
        assert_eq!(config.damaged, [""; 0], "a power cut damages nothing");
        let files = medium.list(stream.path()).unwrap();
        assert!(files.iter().all(|name| name.trim_end_matches(".new").starts_with("config.")), "{files:?}");
    }
    let left = store.shared.names().unwrap();
    assert_eq!(left.len(), streams.len(), "not swept: {left:?}");
    configs(&store)
}

/// Lets `act` meet the fault at each of its calls in turn, after `prepare`. What comes up then, on a machine that loses its
/// power once more right behind the start, must be one of `allowed`; and all of them must come up some time.
fn check(fault: Fault, prepare: impl Fn(&Store), act: impl Fn(&Store) -> bool, before: &[&[u8]], after: &[&[u8]]) {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        for call in 1.. {
            let medium = CrashMedium::new(seed * 1000 + call);
            let store = open(&medium).unwrap();
            prepare(&store);
            medium.fail_at(medium.calls() + call, fault);
            let done = act(&store);
            let met = medium.is_down();
            assert!(done || met);
            let medium = medium.restart();
            let found = recovered(&medium);
            assert!(found == after || (found == before && !done), "seed {seed} call {call}: {found:?}");
            medium.cut_power();
            assert_eq!(recovered(&medium.restart()), found, "seed {seed} call {call}: found, and lost again");
            seen.insert(found);
            if !met {
                break;
            }
        }
    }
    assert_eq!(seen.len(), 2);
}

fn check_both(prepare: impl Fn(&Store), act: impl Fn(&Store) -> bool, before: &[&[u8]], after: &[&[u8]]) {
    for fault in [Fault::Crash, Fault::PowerCut] {
        check(fault, &prepare, &act, before, after);
    }
}

fn first(store: &Store) -> Option<StreamDir> {
    store.streams().ok()?.into_iter().next()
}

#[test]
fn a_stream_is_wholly_there_or_not_at_all() {
    let prepare = |store: &Store| drop(publish(store, b"first"));
    let act = |store: &Store| store.begin_stream(b"second").and_then(stream_dir::NewStream::publish).is_ok();
    check_both(prepare, act, &[b"first"], &[b"first", b"second"]);
}

#[test]
fn a_configuration_is_the_old_one_or_the_new_one() {
    let prepare = |store: &Store| drop(publish(store, b"old"));
    let act = |store: &Store| first(store).is_some_and(|stream| stream.write_config(b"new").is_ok());
    check_both(prepare, act, &[b"old"], &[b"new"]);
}

#[test]
fn a_deleted_stream_stays_deleted() {
    let prepare = |store: &Store| drop((publish(store, b"first"), publish(store, b"second")));
    let delete = |store: &Store| first(store).and_then(|stream| stream.delete().ok());
    check_both(prepare, |store| delete(store).is_some(), &[b"first", b"second"], &[b"second"]);
    let sweep = |store: &Store| delete(store).is_some_and(|deleted| deleted.sweep().is_ok());
    check_both(prepare, sweep, &[b"first", b"second"], &[b"second"]);
}

#[test]
fn a_store_is_durable_from_its_first_stream_on() {
    for fault in [Fault::Crash, Fault::PowerCut] {
        for call in 1..60 {
            let medium = CrashMedium::new(call);
            medium.fail_at(call, fault);
            let _ = open(&medium);
            let medium = medium.restart();
            publish(&open(&medium).unwrap(), b"x");
            medium.cut_power();
            assert_eq!(recovered(&medium.restart()), [b"x"], "call {call}");
        }
    }
}

#[test]
fn after_an_error_everything_is_as_it_was_and_goes_on() {
    for fault in [Fault::Io, Fault::Full] {
        for call in 1..60 {
            let medium = CrashMedium::new(call);
            let store = open(&medium).unwrap();
            let old = publish(&store, b"old");
            medium.fail_at(medium.calls() + call, fault);
            let published = store.begin_stream(b"new").and_then(stream_dir::NewStream::publish);
            let deleted = old.delete();
            medium.forget_faults();
            let mut expected = Vec::new();
            expected.extend(deleted.is_err().then(|| b"old".to_vec()));
            expected.extend(published.is_ok().then(|| b"new".to_vec()));
            assert_eq!(configs(&store), expected, "{fault:?} {call}");
            if deleted.is_err() {
                old.write_config(b"old").unwrap();
            }
            drop((published, deleted, old, store));
            assert_eq!(recovered(&medium), expected, "{fault:?} {call}");
        }
    }
}

#[test]
fn on_a_disk_that_fails_again_and_again_no_stream_is_there_in_part() {
    let pairs = (8..14).flat_map(|first| (first + 1..first + 4).map(move |second| [first, second]));
    for (seed, calls) in pairs.flat_map(|calls| (0..400).map(move |seed| (seed, calls))) {
        let medium = CrashMedium::new(seed);
        let store = open(&medium).unwrap();
        for call in calls {
            medium.fail_at(medium.calls() + call, Fault::Io);
        }
        let published = store.begin_stream(b"x").and_then(stream_dir::NewStream::publish);
        let deleted = published.as_ref().ok().map(StreamDir::delete);
        medium.cut_power();
        let found = recovered(&medium.restart());
        match (published, deleted) {
            (Ok(_), Some(Ok(_))) => assert!(found.is_empty(), "{seed} {calls:?}"),
            _ => assert!(found.is_empty() || found == [b"x"], "{seed} {calls:?}"),
        }
    }
}

#[test]
fn a_full_disk_keeps_nobody_from_starting() {
    let medium = CrashMedium::new(0);
    let store = open(&medium).unwrap();
    let stream = publish(&store, b"x");
    medium.set_space(Some(0));
    assert!(matches!(store.begin_stream(b"y"), Err(StorageError::Full { .. })));
    assert!(matches!(stream.write_config(b"y"), Err(StorageError::Full { .. })));
    drop((stream, store));
    assert_eq!(recovered(&medium), [b"x"]);
    medium.set_space(None);
    publish(&open(&medium).unwrap(), b"y");
    assert_eq!(recovered(&medium), [b"x", b"y"]);
}

#[test]
fn a_disk_that_may_only_be_read_is_an_error_that_says_so() {
    let medium = CrashMedium::new(0);
    drop(open(&medium).unwrap());
    medium.set_read_only(true);
    let text = open(&medium).unwrap_err().to_string();
    assert_eq!(text, format!("lock {DIR}: Read-only file system (os error 30)"));
    let medium = CrashMedium::new(0);
    medium.set_read_only(true);
    let text = open(&medium).unwrap_err().to_string();
    assert!(text.starts_with("create directory /var") && text.contains("Read-only"), "{text}");
}

#[test]
fn the_second_to_open_it_is_refused() {
    let medium = CrashMedium::new(0);
    let store = open(&medium).unwrap();
    assert!(matches!(open(&medium), Err(StorageError::Locked { .. })));
    drop(store);
    open(&medium).unwrap();
}

/// A store with one stream, the deletion of which meets errors at these calls.
fn refuse_deletion(seed: u64, calls: &[u64]) -> (CrashMedium, Arc<Store>, StreamDir, DeleteError) {
    let medium = CrashMedium::new(seed);
    let store = open(&medium).unwrap();
    let stream = store.begin_stream(b"config").unwrap().publish().unwrap();
    for call in calls {
        medium.fail_at(medium.calls() + call, Fault::Io);
    }
    let error = stream.delete().unwrap_err();
    medium.forget_faults();
    (medium, store, stream, error)
}

#[test]
fn a_stream_that_was_kept_stays() {
    for seed in 0..40 {
        for calls in [&[1][..], &[2]] {
            let (medium, _, stream, error) = refuse_deletion(seed, calls);
            assert!(matches!(error, DeleteError::Kept(_)), "seed {seed}, {calls:?}");
            stream.write_config(b"changed").unwrap();
            medium.cut_power();
            assert_eq!(recovered(&medium.restart()), [b"changed"], "seed {seed}, {calls:?}");
        }
    }
}

#[test]
fn a_stream_that_is_in_doubt_says_so_and_can_be_deleted_again() {
    for calls in [&[2, 3][..], &[2, 4]] {
        let (medium, _, stream, error) = refuse_deletion(7, calls);
        assert!(matches!(error, DeleteError::InDoubt(_)), "{calls:?}");
        stream.delete().unwrap();
        medium.cut_power();
        assert_eq!(recovered(&medium.restart()), [[0_u8; 0]; 0], "{calls:?}");
    }
}
