//! Deadlines of streams come at their time and not without end.

use std::time::Duration;

use embus_storage::medium::crash::{CrashMedium, Fault};

use super::{config, heard, on, wait};
use crate::api::time::Nanos;
use crate::stream::SyncPolicy;
use crate::stream::config::StreamConfig;
use crate::stream::consumers::tests::fixture::{Fixture, SECOND, durable};
use crate::stream::core::Purge;

const POLICIES: [SyncPolicy; 3] = [SyncPolicy::Always, SyncPolicy::Interval(Duration::from_secs(1)), SyncPolicy::Os];

/// A stream of which a message is to expire after a second, on a disk that has failed.
fn in_trouble(disk: &CrashMedium, sync: SyncPolicy) -> Fixture {
    let broker = on(disk, sync, StreamConfig { max_age: Nanos(SECOND), ..config() });
    broker.publish("a.b", "1");
    disk.fail_from(disk.calls() + 1, Fault::Full);
    broker.publish("a.b", "2");
    assert!(broker.stream.trouble().is_some(), "{sync:?}");
    broker
}

#[test]
fn a_stream_whose_disk_fails_waits_before_it_tries_again() {
    for sync in POLICIES {
        let broker = in_trouble(&CrashMedium::new(1), sync);
        for _ in 0..3 {
            broker.pass(2 * SECOND);
            assert!(broker.next_deadline().is_some_and(|left| left > 0), "{sync:?}");
        }
        assert!(broker.stream.trouble().is_some(), "{sync:?}");
    }
}

#[test]
fn a_stream_finds_out_by_itself_that_its_disk_takes_writes_again() {
    for sync in POLICIES {
        let disk = CrashMedium::new(1);
        let broker = in_trouble(&disk, sync);
        broker.pass(2 * SECOND);
        assert_eq!(broker.stream.look(|core| core.state().messages), 1, "{sync:?}");
        disk.forget_faults();
        broker.pass(2 * SECOND);
        assert_eq!(broker.stream.trouble(), None, "{sync:?}");
        broker.pass(SECOND);
        assert_eq!(broker.stream.look(|core| core.state().messages), 0, "{sync:?}");
        assert_eq!(disk.files().iter().filter(|path| path.to_string_lossy().contains("probe")).count(), 0);
    }
}

#[test]
fn a_full_disk_is_not_taken_for_one_that_has_room() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk, SyncPolicy::Os, config());
    broker.publish("a.b", "1");
    disk.set_space(Some(0));
    for _ in 0..20 {
        broker.publish("a.b", &"x".repeat(20_000));
    }
    assert!(broker.stream.trouble().is_some());
    broker.pass(5 * SECOND);
    assert!(broker.stream.trouble().is_some());
    disk.set_space(None);
    broker.pass(5 * SECOND);
    assert_eq!(broker.stream.trouble(), None);
}

#[test]
fn a_sync_that_is_due_while_the_disk_fails_is_not_tried_without_pause() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk, SyncPolicy::Interval(Duration::from_millis(100)), config());
    broker.create(durable("C"));
    broker.publish("a.b", "1");
    broker.publish("a.b", "2");
    broker.pull("C", "1");
    disk.fail_from(disk.calls() + 1, Fault::Io);
    broker.publish("a.b", "3");
    for _ in 0..20 {
        broker.pass(SECOND / 10);
        assert!(broker.next_deadline().is_some_and(|left| left > 0));
    }
    disk.forget_faults();
    broker.pass(5 * SECOND);
    broker.pass(5 * SECOND);
    assert_eq!(broker.stream.trouble(), None);
}

#[test]
fn a_sync_that_is_due_during_a_commit_follows_it() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk, SyncPolicy::Interval(Duration::from_secs(1)), config());
    // The first one makes a segment, and that is synced.
    broker.publish("a.b", "1");
    broker.publish("a.b", "2");
    assert!(broker.next_deadline().is_some());
    // A purge is synced, by a job.
    let told = purge_all(&broker);
    assert!(broker.jobs() > 0, "the commit waits for its thread");
    broker.pass_without_jobs(5 * SECOND);
    assert!(broker.next_deadline().is_none_or(|left| left > 0), "nothing is to be done before the commit has ended");
    broker.begin_request("a.b", None, "3");
    broker.run_jobs();
    assert_eq!(heard(&told), Some(true));
    broker.pass(0);
    assert!(!broker.stream.look(|core| core.log().is_dirty()), "what was due was synced");
}

fn purge_all(broker: &Fixture) -> super::Told {
    let witness = broker.stream.witness();
    broker.stream.purge(&Purge::default()).unwrap();
    wait(&witness)
}
