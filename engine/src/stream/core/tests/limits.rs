//! Limits: who leaves, who is refused.

use super::fixture::{Bench, stream};
use crate::stream::config::{Discard, StorageType};

const FULL: &str = "maximum messages exceeded";
const FULL_BYTES: &str = "maximum bytes exceeded";
const FULL_SUBJECT: &str = "maximum messages per subject exceeded";

#[test]
fn oldest_leave() {
    let mut s = stream(|config| config.max_messages = 3);
    for _ in 0..5 {
        s.store("a", &[], "");
    }
    assert_eq!(s.sequences(), [3, 4, 5]);
}

#[test]
fn oldest_on_the_subject_leave() {
    let mut s = stream(|config| config.max_messages_per_subject = 2);
    for subject in ["a", "b", "a", "a", "b"] {
        s.store(subject, &[], "");
    }
    assert_eq!(s.sequences(), [2, 3, 4, 5]);
    s.update(|config| config.max_messages_per_subject = 1);
    assert_eq!(s.sequences(), [4, 5]);
}

#[test]
fn bytes_to_the_last_one() {
    for (storage, fixed) in [(StorageType::File, 30), (StorageType::Memory, 16)] {
        let exact = "x".repeat(200 - fixed - 1);
        let mut s = stream(|config| (config.storage, config.max_bytes) = (storage, 200));
        s.store("a", &[], "0123456789");
        // Larger than everything: it leaves again at once, with all others.
        assert_eq!(s.store("a", &[], &"x".repeat(300)), 2);
        assert_eq!((s.state().messages, s.state().first_sequence, s.state().last_sequence), (0, 3, 2));
        s.store("a", &[], &exact);
        assert_eq!((s.state().messages, s.state().bytes), (1, 200));

        let mut s = stream(|config| {
            (config.storage, config.max_bytes, config.discard) = (storage, 200, Discard::New);
        });
        s.refuse("a", &[], &format!("{exact}x"), 10077, FULL_BYTES);
        s.store("a", &[], &exact);
        s.refuse("a", &[], "", 10077, FULL_BYTES);
    }
}

fn new_per_subject(s: &mut Bench) {
    s.store("a", &[], "");
    s.store("b", &[], "");
}

#[test]
fn new_are_refused() {
    let mut s = stream(|config| (config.max_messages, config.discard) = (2, Discard::New));
    new_per_subject(&mut s);
    s.refuse("a", &[], "", 10077, FULL);
    s.update(|config| config.allow_rollup = true);
    s.refuse("a", &["Nats-Rollup: sub"], "", 10077, FULL);
    s.refuse("a", &["Nats-Rollup: all"], "", 10077, FULL);
}

#[test]
fn full_subject_makes_room_by_itself() {
    let mut s = stream(|config| {
        (config.max_messages, config.max_messages_per_subject, config.discard) = (2, 1, Discard::New);
        config.allow_rollup = true;
    });
    new_per_subject(&mut s);
    assert_eq!(s.store("a", &[], ""), 3);
    s.refuse("c", &[], "", 10077, FULL);
    assert_eq!(s.sequences(), [2, 3]);
    s.update(|config| config.discard_new_per_subject = true);
    s.refuse("a", &[], "", 10077, FULL_SUBJECT);
    s.refuse("c", &[], "", 10077, FULL);
    assert_eq!(s.store("a", &["Nats-Rollup: sub"], ""), 4);
    s.refuse("c", &["Nats-Rollup: sub"], "", 10077, FULL);
    assert_eq!(s.store("a", &["Nats-Rollup: all"], ""), 5);
    assert_eq!(s.sequences(), [5]);
}

#[test]
fn full_subject_makes_room_for_no_more_than_leaves() {
    let mut s = stream(|config| {
        (config.max_bytes, config.max_messages_per_subject, config.discard) = (100, 1, Discard::New);
    });
    s.store("a", &[], &"x".repeat(50));
    s.refuse("a", &[], &"x".repeat(51), 10077, FULL_BYTES);
    s.store("a", &[], &"x".repeat(50));
    s.store("a", &[], &"x".repeat(49));
    assert_eq!((s.state().messages, s.state().bytes), (1, 80));
}

#[test]
fn lowered_limits() {
    let mut s = stream(|config| config.discard = Discard::New);
    for number in 0..6 {
        s.store(["a", "b"][number % 2], &[], "");
    }
    // Nobody leaves because of new ones that are refused.
    s.update(|config| config.max_messages = 3);
    assert_eq!(s.state().messages, 6);
    s.update(|config| config.max_messages_per_subject = 1);
    assert_eq!(s.sequences(), [5, 6]);
    s.update(|config| (config.discard, config.max_messages) = (Discard::Old, 1));
    assert_eq!(s.sequences(), [6]);
}

#[test]
fn rollup_comes_behind_the_limits() {
    let mut s = stream(|config| (config.max_messages, config.allow_rollup) = (3, true));
    for subject in ["x", "a", "a"] {
        s.store(subject, &[], "");
    }
    s.store("a", &["Nats-Rollup: Sub"], "");
    assert_eq!(s.sequences(), [4]);
    s.store("b", &[], "");
    s.store("b", &["Nats-Rollup: sub"], "");
    assert_eq!(s.sequences(), [4, 6]);
    s.store("b", &["Nats-Rollup: ALL"], "");
    assert_eq!(s.sequences(), [7]);
}

#[test]
fn wildcards_in_subjects_are_text() {
    let mut s = stream(|config| (config.max_messages_per_subject, config.allow_rollup) = (2, true));
    for subject in ["a.b", "a.*", "a.*", "a.*", "a.b"] {
        s.store(subject, &[], "");
    }
    assert_eq!(s.sequences(), [1, 3, 4, 5]);
    s.store("a.*", &["Nats-Rollup: sub"], "");
    assert_eq!(s.sequences(), [1, 5, 6]);
    s.update(|config| config.max_messages_per_subject = 1);
    assert_eq!(s.sequences(), [5, 6]);
}

#[test]
fn first_sequence_and_the_last_one() {
    let mut s = stream(|config| config.first_sequence = 100);
    assert_eq!((s.state().first_sequence, s.state().last_sequence), (100, 99));
    assert_eq!(s.store("a", &[], ""), 100);

    let mut s = stream(|config| config.first_sequence = u64::MAX - 1);
    assert_eq!(s.store("a", &[], ""), u64::MAX - 1);
    s.refuse("a", &[], "", 10077, "sequence numbers are used up");
    assert_eq!(s.state().last_sequence, u64::MAX - 1);
    let mut s = stream(|config| config.first_sequence = u64::MAX);
    s.refuse("a", &["A: b"], "", 10077, "sequence numbers are used up");
}

#[test]
fn time_never_decreases() {
    let mut s = stream(|_| {});
    s.store("a", &[], "");
    s.now -= 5;
    s.store("a", &[], "");
    assert_eq!(s.read(2).unwrap().time, s.now + 5);
}
