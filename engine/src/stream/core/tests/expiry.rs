//! Messages that leave with time.

use embus_storage::medium::crash::{CrashMedium, Fault};

use super::super::*;
use super::fixture::{Bench, SECOND, configured, stream};
use crate::api::time::Nanos;
use crate::stream::config::Discard;

const MARKER: &str = "NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: 2s\r\nNats-Rollup: sub\r\n\r\n";

fn with_times_to_live(change: impl FnOnce(&mut StreamConfig)) -> Bench {
    stream(|config| {
        config.allow_message_ttl = true;
        change(config);
    })
}

fn with_markers(change: impl FnOnce(&mut StreamConfig)) -> Bench {
    with_times_to_live(|config| {
        (config.subject_delete_marker_ttl, config.allow_rollup) = (Nanos(2 * SECOND), true);
        change(config);
    })
}

#[test]
fn by_age() {
    let mut s = stream(|config| config.max_age = Nanos(10 * SECOND));
    assert_eq!(s.core.next_expiry(), None);
    s.store("a", &[], "");
    assert_eq!(s.core.next_expiry(), Some(s.now + 10 * SECOND));
    s.pass(5 * SECOND);
    s.store("a", &[], "");
    s.pass(5 * SECOND);
    assert_eq!(s.sequences(), [2]);
    s.pass(5 * SECOND);
    assert_eq!(s.sequences(), [0; 0]);
    assert_eq!(s.core.next_expiry(), None);
}

#[test]
fn by_own_time() {
    let mut s = with_times_to_live(|_| {});
    s.store("a", &[], "");
    s.store("a", &["Nats-TTL: 5"], "");
    s.store("a", &["Nats-TTL: 1.9s"], "");
    assert_eq!(s.core.next_expiry(), Some(s.now + SECOND));
    s.pass(SECOND);
    assert_eq!(s.sequences(), [1, 2]);
    s.pass(4 * SECOND);
    assert_eq!(s.sequences(), [1]);
    assert_eq!(s.core.next_expiry(), None);
}

#[test]
fn the_earlier_of_both_and_never() {
    let mut s = with_times_to_live(|config| config.max_age = Nanos(10 * SECOND));
    s.store("n", &["Nats-TTL: never"], "");
    s.store("a", &["Nats-TTL: 1h"], "");
    s.store("n", &["Nats-TTL: never"], "");
    s.store("b", &["Nats-TTL: 5"], "");
    s.pass(5 * SECOND);
    s.store("c", &[], "");
    assert_eq!(s.sequences(), [1, 2, 3, 5]);
    s.pass(5 * SECOND);
    assert_eq!(s.sequences(), [1, 3, 5]);
    assert_eq!(s.core.next_expiry(), Some(s.now + 5 * SECOND));
    s.pass(5 * SECOND);
    assert_eq!(s.sequences(), [1, 3]);
    // Later ones behind those that never expire.
    s.store("d", &[], "");
    s.pass(10 * SECOND);
    assert_eq!(s.sequences(), [1, 3]);
}

#[test]
fn deadlines_are_apart() {
    let mut s = stream(|config| config.max_age = Nanos(SECOND));
    for _ in 0..3 {
        s.store("a", &[], "");
        s.now += 1000;
    }
    s.now += SECOND - 3000;
    assert_eq!(s.core.expire(s.now), 1);
    assert_eq!(s.core.next_expiry(), Some(s.now + 50_000_000));
}

#[test]
fn one_call_is_short() {
    let mut s = stream(|config| config.max_age = Nanos(SECOND));
    for _ in 0..5000 {
        s.store("a", &[], "");
    }
    s.now += SECOND;
    assert_eq!(s.core.expire(s.now), 4096);
    assert!(s.core.next_expiry().unwrap() <= s.now);
    assert_eq!(s.core.expire(s.now), 904);
}

#[test]
fn markers() {
    let mut s = with_markers(|_| {});
    let ttl = "Nats-TTL: 2";
    s.store("a", &[], "old");
    s.store("a", &[ttl], "");
    s.store("b", &[ttl, "KV-Operation: PURGE"], "");
    s.store("c", &[ttl], "");
    s.store("c", &[], "second");
    s.store("d", &[ttl, "KV-Operation: DEL"], "");
    s.store("e", &[ttl, "Nats-Marker-Reason: foo"], "");
    s.store("f", &[ttl], "");
    s.pass(2 * SECOND);
    // Only where the last message of a subject went, and was none itself.
    let live = s.live();
    let live: Vec<_> = live.iter().map(|(sequence, subject)| (*sequence, subject.as_str())).collect();
    assert_eq!(live, [(1, "a"), (5, "c"), (9, "d"), (10, "f")]);
    assert_eq!(s.headers(9), MARKER);
    s.pass(2 * SECOND);
    assert_eq!(s.sequences(), [1, 5]);
}

#[test]
fn markers_by_age() {
    let mut s = with_markers(|config| config.max_age = Nanos(SECOND));
    s.store("n", &["Nats-TTL: never"], "");
    s.store("x", &[], "1");
    s.store("x", &[], "2");
    s.store("m", &[], "");
    s.store("m", &["Nats-TTL: never"], "");
    s.pass(SECOND);
    assert_eq!(s.sequences(), [1, 5, 6]);
    assert_eq!(s.headers(6), MARKER);
    s.pass(2 * SECOND);
    assert_eq!(s.sequences(), [1, 5]);
}

#[test]
fn markers_keep_the_limits_and_need_no_room() {
    // Differs from nats-server, which keeps expired messages here.
    let mut s = with_markers(|config| (config.max_messages, config.discard) = (2, Discard::New));
    s.store("a", &["Nats-TTL: 2"], "");
    s.store("b", &["Nats-TTL: 2"], "");
    s.pass(2 * SECOND);
    assert_eq!(s.sequences(), [3, 4]);
    let mut s = with_markers(|_| {});
    s.store("a", &["Nats-TTL: 2"], "");
    s.update(|config| config.sealed = true);
    s.pass(2 * SECOND);
    assert_eq!(s.sequences(), [0; 0]);
}

#[test]
fn many_overwritten_times_to_live_are_forgotten() {
    let mut s = with_times_to_live(|config| config.max_messages_per_subject = 1);
    for number in 0..5000 {
        s.store(["a", "b"][number % 2], &["Nats-TTL: 1h"], "");
    }
    assert!(s.core.expiries.all_due().len() < 1000);
    s.pass(3600 * SECOND);
    assert_eq!(s.sequences(), [0; 0]);
}

#[test]
fn ids_are_forgotten() {
    let mut s = stream(|_| {});
    s.store("a", &["Nats-Msg-Id: 1"], "");
    let deadline = s.core.next_expiry().unwrap();
    assert_eq!(deadline, s.now + 135 * SECOND);
    s.pass(135 * SECOND);
    assert_eq!(s.core.next_expiry(), None);
}

/// Not knowing when a message was stored once made it as old as can be.
#[test]
fn a_disk_that_fails_makes_no_message_old() {
    let disk = CrashMedium::new(1);
    disk.create_dir("/s".as_ref()).unwrap();
    let config = Arc::new(configured(|config| config.max_age = Nanos(10 * SECOND)));
    let now = 1_700_000_000 * SECOND;
    let mut core = Core::create(Arc::new(disk.clone()), "/s".into(), Arc::clone(&config), 0, true).unwrap();
    core.publish(&Incoming { subject: b"a", headers: &[], payload: b"" }, now);
    let commit = core.log_mut().take_commit(true).unwrap();
    core.log_mut().finish_commit(commit.run()).unwrap();
    drop(core);
    let disk = disk.restart();
    // Recovery finds out about the time as well, at its end.
    let later = now + SECOND;
    for call in 1.. {
        disk.forget_faults();
        disk.fail_at(disk.calls() + call, Fault::Io);
        let (medium, undone) = (Arc::new(disk.clone()), Undone::default());
        let opened = Core::open(medium, "/s".into(), Arc::clone(&config), 0, true, undone, later);
        let Ok(mut core) = opened else { continue };
        core.expire(later);
        assert_eq!(core.state().messages, 1, "call {call}");
        if call > 200 {
            return;
        }
    }
}
