//! Updates that fail half-way: whatever call the disk refuses, the stream is as the reply says, at once and after the next
//! start.

use std::sync::mpsc;

use embus_storage::medium::crash::{CrashMedium, Fault, Rot};

use super::crash::{try_open, try_publish};
use super::*;
use crate::api::time::Nanos;

fn before() -> StreamConfig {
    StreamConfig { description: "before".to_owned(), ..stream("A", &["a.>"]) }
}

/// Takes messages away in each way that an update can.
fn after() -> StreamConfig {
    let description = "after".to_owned();
    StreamConfig {
        description,
        max_messages: 3,
        max_messages_per_subject: 2,
        allow_direct: true,
        ..stream("A", &["b", "a.>"])
    }
}

/// What can be seen: the configuration, what leads to the stream, and the payloads that it holds.
fn picture(jetstream: &JetStream) -> String {
    let found = jetstream.get("A").expect("no update loses the stream");
    let config = found.config();
    let (taken, state) = (jetstream.names(Some("b")).len(), found.look(|core| core.log().state()));
    let limits = (config.max_messages, config.max_messages_per_subject);
    let held = (state.messages, state.first_sequence, state.last_sequence);
    format!("{} {:?} {limits:?} {taken} {held:?}", config.description, config.subjects)
}

/// A stream with some messages.
fn begin(disk: &CrashMedium) -> Fixture {
    let jetstream = try_open(disk).unwrap();
    let stream = jetstream.create(before(), false).unwrap().stream;
    for subject in ["a.1", "a.1", "a.1", "a.2", "a.1", "a.3"] {
        try_publish(&stream, subject).unwrap();
    }
    jetstream
}

/// Asks for the update as the API does: the reply waits until what it removes is durable. If the disk refuses that, the
/// configuration stands all the same, and the limits are kept anew.
fn update(jetstream: &JetStream) -> Result<(), ApiError> {
    update_to(jetstream, after())
}

fn update_to(jetstream: &JetStream, config: StreamConfig) -> Result<(), ApiError> {
    let witness = jetstream.get("A").expect("it was created").witness();
    jetstream.update(config, false)?;
    let (sender, receiver) = mpsc::channel();
    witness.after_commit(Box::new(move |done| drop(sender.send(done))));
    let _ = receiver.recv().expect("an answer always comes");
    Ok(())
}

/// The calls of an update, and what is seen before and behind it.
fn rehearse() -> (std::ops::RangeInclusive<u64>, [String; 2]) {
    let disk = CrashMedium::new(7);
    let jetstream = begin(&disk);
    let (first, seen) = (disk.calls() + 1, picture(&jetstream));
    update(&jetstream).unwrap();
    let calls = first..=disk.calls();
    (calls, [seen, picture(&jetstream)])
}

#[test]
fn an_update_is_done_or_not_done_wherever_the_disk_fails() {
    let (calls, [old, new]) = rehearse();
    assert!(calls.clone().count() > 8 && old != new, "{calls:?} {old} {new}");
    let mut refused = 0;
    for fault in [Fault::Io, Fault::Full, Fault::ShortWrite, Fault::FailedSync] {
        for call in calls.clone() {
            let disk = CrashMedium::new(7);
            let jetstream = begin(&disk);
            disk.fail_at(call, fault);
            let reply = update(&jetstream);
            refused += u32::from(reply.is_err());
            let expected = if reply.is_ok() { &new } else { &old };
            assert_eq!(&picture(&jetstream), expected, "{fault:?} at {call}: {reply:?}");
            disk.forget_faults();
            if call % 2 == 0 {
                jetstream.close();
                assert_eq!(&picture(&try_open(&disk).unwrap()), expected, "{fault:?} at {call}, closed: {reply:?}");
            } else {
                disk.cut_power();
                let found = picture(&try_open(&disk.restart()).unwrap());
                assert_eq!(&found, expected, "{fault:?} at {call}, cut: {reply:?}");
            }
        }
    }
    assert!(refused > 0);
}

/// The disk refuses everything for a while, what would take the update back included: then that is done at the end.
#[test]
fn an_update_that_could_not_be_taken_back_is_at_the_end() {
    let (calls, [old, new]) = rehearse();
    for fault in [Fault::Io, Fault::Full, Fault::FailedSync] {
        for call in calls.clone() {
            let disk = CrashMedium::new(7);
            let jetstream = begin(&disk);
            disk.fail_from(call, fault);
            let reply = update(&jetstream);
            disk.forget_faults();
            let expected = if reply.is_ok() { &new } else { &old };
            jetstream.close();
            assert_eq!(&picture(&try_open(&disk).unwrap()), expected, "{fault:?} from {call}: {reply:?}");
        }
    }
}

fn limited(max_messages: i64) -> StreamConfig {
    StreamConfig { max_messages, ..stream("A", &["a.>"]) }
}

/// Messages, the first and the last one.
fn held(jetstream: &JetStream) -> (u64, u64, u64) {
    let state = jetstream.get("A").expect("it was created").look(|core| core.log().state());
    (state.messages, state.first_sequence, state.last_sequence)
}

/// A stream of which a limit took all but the last ten messages.
fn begin_limited(disk: &CrashMedium) -> Fixture {
    let jetstream = try_open(disk).unwrap();
    let stream = jetstream.create(limited(-1), false).unwrap().stream;
    (0..30).for_each(|_| try_publish(&stream, "a.1").unwrap());
    update_to(&jetstream, limited(10)).unwrap();
    assert_eq!(held(&jetstream), (10, 21, 30));
    jetstream
}

#[test]
fn what_a_limit_took_stays_away_when_it_is_raised() {
    let disk = CrashMedium::new(7);
    let jetstream = begin_limited(&disk);
    let first = disk.calls() + 1;
    update_to(&jetstream, limited(-1)).unwrap();
    for call in first..=disk.calls() + 1 {
        for fault in [Fault::Crash, Fault::PowerCut] {
            let disk = CrashMedium::new(7 + call);
            let jetstream = begin_limited(&disk);
            disk.fail_at(call, fault);
            let raised = update_to(&jetstream, limited(-1)).is_ok();
            let disk = disk.restart();
            let jetstream = try_open(&disk).unwrap();
            assert_eq!(held(&jetstream), (10, 21, 30), "{fault:?} at {call}, raised: {raised}");
            let stream = jetstream.get("A").unwrap();
            (0..5).for_each(|_| try_publish(&stream, "a.1").unwrap());
            let expected = held(&jetstream);
            assert_eq!(held(&try_open(&disk.restart()).unwrap()), expected, "{fault:?} at {call}, raised: {raised}");
        }
    }
}

#[test]
fn what_expired_stays_away_when_messages_may_stay_longer() {
    let aged = |seconds: i64| StreamConfig { max_age: Nanos(seconds * 1_000_000_000), ..stream("A", &["a.>"]) };
    for is_closed in [false, true] {
        let disk = CrashMedium::new(7);
        let jetstream = try_open(&disk).unwrap();
        let stream = jetstream.create(aged(3600), false).unwrap().stream;
        (0..10).for_each(|_| try_publish(&stream, "a.1").unwrap());
        jetstream.close();
        let disk = disk.restart();
        let jetstream = try_open(&disk).unwrap();
        jetstream.get("A").unwrap().with(|core| core.expire(4000 * 1_000_000_000));
        assert_eq!(held(&jetstream), (0, 11, 10));
        jetstream.update(aged(1_000_000), false).unwrap();
        if is_closed {
            jetstream.close();
        }
        assert_eq!(held(&try_open(&disk.restart()).unwrap()), (0, 11, 10), "closed: {is_closed}");
    }
}

/// With both copies of the configuration gone, the log tells it: not an older one, whose limits would take messages.
#[test]
fn a_restored_configuration_is_the_newest_one() {
    let disk = CrashMedium::new(7);
    let jetstream = try_open(&disk).unwrap();
    let stream = jetstream.create(limited(3), false).unwrap().stream;
    (0..5).for_each(|_| try_publish(&stream, "a.1").unwrap());
    jetstream.update(limited(100), false).unwrap();
    (0..5).for_each(|_| try_publish(&stream, "a.1").unwrap());
    let expected = held(&jetstream);
    jetstream.close();
    let disk = disk.restart();
    for path in disk.files() {
        if path.file_stem().is_some_and(|stem| stem == "config") {
            disk.rot(&path, &Rot::Zero(0..64)).unwrap();
        }
    }
    let jetstream = try_open(&disk).unwrap();
    assert_eq!(jetstream.get("A").unwrap().config().max_messages, 100);
    assert_eq!(held(&jetstream), expected);
}
