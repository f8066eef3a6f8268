//! Updates that fail half-way: whatever call the disk refuses, the stream is as the reply says, at once and after the next
//! start.

use std::sync::mpsc;

use embus_storage::medium::crash::{CrashMedium, Fault};

use super::crash::{try_open, try_publish};
use super::*;

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
    let witness = jetstream.get("A").expect("it was created").witness();
    jetstream.update(after(), false)?;
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
