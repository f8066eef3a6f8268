//! What a stream knows after a restart or a crash.

use embus_storage::medium::crash::{CrashMedium, Fault};

use super::super::*;
use super::fixture::{Bench, SECOND, configured, stream};
use crate::api::time::Nanos;
use crate::stream::config::Discard;
use crate::stream::dedupe::Noted;
use crate::stream::notes::Notes;

fn with_everything() -> Bench {
    let mut s = stream(|config| {
        (config.allow_message_ttl, config.allow_rollup) = (true, true);
        config.max_age = Nanos(3600 * SECOND);
    });
    s.store("a", &["Nats-Msg-Id: one"], "");
    s.store("b", &["Nats-TTL: never"], "");
    s.store("c", &["Nats-TTL: 60", "Nats-Msg-Id: two"], "");
    s
}

#[track_caller]
fn check_everything(s: &mut Bench) {
    assert_eq!(s.publish("a", &["Nats-Msg-Id: one"], ""), Outcome::Duplicate { sequence: 1 });
    assert_eq!(s.publish("a", &["Nats-Msg-Id: two"], ""), Outcome::Duplicate { sequence: 3 });
    s.refuse("a", &["Nats-Expected-Last-Msg-Id: x"], "", 10070, "wrong last msg ID: two");
    s.pass(60 * SECOND);
    assert_eq!(s.sequences(), [1, 2]);
    s.pass(3600 * SECOND);
    assert_eq!(s.sequences(), [2]);
}

#[test]
fn ids_and_times_survive() {
    for _ in 0..2 {
        let mut s = with_everything();
        s.crash();
        s.crash();
        check_everything(&mut s);
        let mut s = with_everything();
        s.restart();
        s.restart();
        check_everything(&mut s);
    }
}

/// As long as their records are there: a segment without live messages leaves with all its ids, as in nats-server.
#[test]
fn ids_of_removed_messages_survive() {
    let mut s = with_everything();
    s.core.delete_message(3).unwrap();
    s.core.delete_message(1).unwrap();
    s.crash();
    assert_eq!(s.publish("a", &["Nats-Msg-Id: one"], ""), Outcome::Duplicate { sequence: 1 });
    assert_eq!(s.core.expiries.all_never(), [2]);
    assert!(s.core.expiries.all_due().is_empty());
}

#[test]
fn ids_beyond_the_window_are_gone() {
    let mut s = with_everything();
    s.commit();
    s.now += 120 * SECOND;
    s.crash();
    assert_eq!(s.store("a", &["Nats-Msg-Id: one"], ""), 4);
}

#[test]
fn what_expired_meanwhile_leaves() {
    let mut s = with_everything();
    s.commit();
    s.now += 60 * SECOND;
    s.crash();
    assert_eq!(s.sequences(), [1, 2]);
}

#[test]
fn evictions_are_not_undone() {
    let mut s = stream(|config| (config.max_messages, config.max_messages_per_subject) = (4, 2));
    for number in 0..20 {
        s.store(["a", "b", "c"][number % 3], &[], "");
    }
    let before = s.sequences();
    s.crash();
    assert_eq!(s.sequences(), before);
    assert_eq!(s.store("a", &[], ""), 21);
}

#[test]
fn notes_read_back() {
    let s = with_everything();
    let notes = Notes::decode(&s.core.notes()).unwrap();
    let entry = |id: &str, sequence| Noted { id: id.as_bytes().to_vec(), sequence, time: s.now };
    assert_eq!(notes.last_id, (3, b"two".to_vec()));
    assert_eq!(notes.ids, [entry("one", 1), entry("two", 3)]);
    assert_eq!(notes.due, [(3, s.now + 60 * SECOND)]);
    assert_eq!(notes.never, [2]);
}

#[test]
fn damaged_notes_are_none() {
    let notes = with_everything().core.notes();
    for end in 0..notes.len() {
        assert_eq!(Notes::decode(&notes[..end]), None);
    }
    assert_eq!(Notes::decode(&[&notes[..], b"x"].concat()), None);
    // A number without the items it promises.
    assert_eq!(Notes::decode(b"\x01\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), None);
}

/// Where a full subject refuses messages, one that a removal made room for is not found without the removal: that would
/// push out an older one.
#[test]
fn room_is_not_taken_before_it_is_made() {
    for (len, call) in (2000..4200).flat_map(|len| (1..4).map(move |call| (len, call))) {
        let disk = CrashMedium::new(len);
        disk.create_dir("/s".as_ref()).unwrap();
        disk.sync_dir("/".as_ref()).unwrap();
        let config = configured(|config| {
            config.max_messages_per_subject = 2;
            (config.discard, config.discard_new_per_subject) = (Discard::New, true);
        });
        let config = Arc::new(config);
        let mut core = Core::create(Arc::new(disk.clone()), "/s".into(), Arc::clone(&config), 0, true).unwrap();
        // A page may end within the removal.
        let body = vec![b'x'; usize::try_from(len).unwrap()];
        let publish = |core: &mut Core| {
            let message = Incoming { subject: b"a", headers: b"", payload: &body };
            assert!(matches!(core.publish(&message, 0), Outcome::Stored { .. }));
        };
        let commit = |core: &mut Core| core.log_mut().take_commit(true).is_some_and(|it| it.run().error().is_none());
        publish(&mut core);
        publish(&mut core);
        let first = core.log_mut().take_commit(true).unwrap().run();
        core.log_mut().finish_commit(first).unwrap();
        core.delete_message(2).unwrap();
        publish(&mut core);
        disk.fail_at(disk.calls() + call, Fault::Crash);
        commit(&mut core);
        disk.crash();
        let disk = Arc::new(disk.restart());
        let mut core = Core::open(disk, "/s".into(), config, 0, true, Undone::default(), 0).unwrap();
        assert!(core.log_mut().locate(1).unwrap().is_some(), "{len} bytes, call {call}");
    }
}
