//! What is refused, with which error, and which of several comes first.

use super::super::*;
use super::fixture::stream;
use crate::stream::publish::Headroom;

#[test]
fn each_refusal() {
    let mut s = stream(|_| {});
    s.store("a", &[], "1");
    let disabled = "message schedules is disabled";
    for (headers, code, text) in [
        (&["Nats-Batch-Id: x"][..], 10174, "atomic publish is disabled"),
        (&["Nats-Incr: 1"], 10168, "message counters is disabled"),
        (&["Nats-Incr: x"], 10171, "message counter increment is invalid"),
        (&["Nats-Expected-Stream: T"], 10060, "expected stream does not match"),
        (&["Nats-TTL: 5"], 10166, "per-message TTL is disabled"),
        (&["Nats-TTL: never"], 10166, "per-message TTL is disabled"),
        (&["Nats-TTL: x"], 10165, "invalid per-message TTL"),
        (&["Nats-TTL: 0"], 10165, "invalid per-message TTL"),
        (&["Nats-Expected-Last-Subject-Sequence: 0"], 10071, "wrong last sequence: 1"),
        (&["Nats-Expected-Last-Subject-Sequence: x"], 10071, "wrong last sequence: 1"),
        (
            &["Nats-Expected-Last-Subject-Sequence: 1", "Nats-Expected-Last-Subject-Sequence-Subject: b"],
            10071,
            "wrong last sequence: 0",
        ),
        (
            &["Nats-Expected-Last-Subject-Sequence: 2", "Nats-Expected-Last-Subject-Sequence-Subject: *"],
            10071,
            "wrong last sequence: 1",
        ),
        (
            &["Nats-Expected-Last-Subject-Sequence-Subject: a"],
            10193,
            "missing sequence for expected last sequence per subject",
        ),
        (&["Nats-Expected-Last-Sequence: 7"], 10071, "wrong last sequence: 1"),
        (&["Nats-Schedule: @at 2030-01-01T00:00:00Z"], 10188, disabled),
        (&["Nats-Schedule-Time-Zone: x"], 10188, disabled),
        (&["Nats-Schedule-Next: purge", "Nats-Scheduler: b"], 10188, disabled),
        (&["Nats-Scheduler: b"], 10212, "message schedules invalid scheduler"),
        (&["Nats-Stream-Source: a"], 10227, "message stream source header is not allowed"),
        (&["Nats-Expected-Last-Msg-Id: zz"], 10070, "wrong last msg ID: "),
        (&["Nats-Rollup: sub"], 10111, "rollup not permitted"),
    ] {
        s.refuse("a", headers, "", code, text);
    }
    assert_eq!(s.state().last_sequence, 1);
}

#[test]
fn empty_headers_and_unknown_ones_are_stored() {
    let mut s = stream(|_| {});
    for name in ["Batch-Id", "Incr", "Schedule", "Scheduler", "Stream-Source", "TTL", "Rollup", "Expected-Last-Msg-Id"]
    {
        s.store("a", &[&format!("Nats-{name}: ")], "x");
    }
    for header in ["Nats-Batch-Sequence: 1", "Nats-Batch-Commit: 1", "Nats-Schedule-Target: a", "Nats-Marker-Reason: x"]
    {
        s.store("a", &[header], "x");
    }
}

/// Pairs of faults: the first one of the list that a message has is the one it is refused for.
#[test]
fn order_of_checks() {
    let mut s = stream(|config| {
        config.max_message_size = 600;
        config.allow_rollup = true;
    });
    s.store("a", &["Nats-Msg-Id: known"], "");
    let faults: [(&[&str], u16); 14] = [
        (&["Big: "], 10054),
        (&["Nats-Batch-Id: x"], 10174),
        (&["Nats-Incr: x"], 10171),
        (&["Nats-Expected-Stream: T"], 10060),
        (&["Nats-TTL: 5"], 10166),
        (&["Nats-Expected-Last-Subject-Sequence: 9"], 10071),
        (&["Nats-Expected-Last-Subject-Sequence-Subject: x"], 10193),
        (&["Nats-Expected-Last-Sequence: 9"], 10071),
        (&["Nats-Schedule: x"], 10188),
        (&["Nats-Scheduler: b"], 10212),
        (&["Nats-Stream-Source: x"], 10227),
        (&["Nats-Msg-Id: known"], 0),
        (&["Nats-Expected-Last-Msg-Id: x"], 10070),
        (&["Nats-Rollup: x"], 10111),
    ];
    let big = "x".repeat(600);
    for first in 0..faults.len() {
        for second in first..faults.len() {
            // A sequence for a subject and no sequence exclude each other.
            if (first, second) == (5, 6) {
                continue;
            }
            let headers = [faults[second].0, faults[first].0].concat();
            let payload = if first == 0 { &*big } else { "" };
            let code = match s.publish("a", &headers, payload) {
                Outcome::Refused(error) => error.err_code,
                Outcome::Duplicate { sequence: 1 } => 0,
                other => panic!("{headers:?}: {other:?}"),
            };
            assert_eq!(code, faults[first].1, "{headers:?}");
        }
    }
}

#[test]
fn sizes() {
    let mut s = stream(|config| config.max_message_size = 100);
    s.store("a", &[], &"x".repeat(100));
    s.refuse("a", &[], &"x".repeat(101), 10054, "message size exceeds maximum allowed");
    s.refuse("a", &["A: b"], &"x".repeat(90), 10054, "message size exceeds maximum allowed");
    // A status is not stored and does not count.
    let status = s.publish_raw("a", "NATS/1.0 503\r\n\r\n", &"x".repeat(100));
    assert_eq!(status, Outcome::Stored { sequence: 2 });
    let mut s = stream(|_| {});
    let long = format!("A: {}", "x".repeat(66_000));
    s.refuse("a", &[&long], "", 10097, "header size exceeds maximum allowed of 64k");
}

#[test]
fn records_beyond_what_a_file_takes() {
    let large = "x".repeat(32 * 1024 * 1024);
    stream(|config| config.max_message_size = 10).refuse("a", &[], &large, 10077, "message too large");
    stream(|config| config.sealed = true).refuse("a", &["A: b"], &large, 10077, "message too large");
}

#[test]
fn sealed() {
    let mut s = stream(|config| config.sealed = true);
    s.refuse("a", &[], "", 10109, "invalid operation on sealed stream");
    s.refuse("a", &["Nats-Batch-Id: 1"], "", 10174, "atomic publish is disabled");
    s.refuse("a", &["Nats-Incr: 1"], "", 10109, "invalid operation on sealed stream");
}

#[test]
fn rollup_values() {
    let mut s = stream(|config| config.allow_rollup = true);
    s.refuse("a", &["Nats-Rollup: Fo\"o"], "", 10111, "rollup value invalid: \"fo\\\"o\"");
    s.update(|config| config.deny_purge = true);
    s.refuse("a", &["Nats-Rollup: sub"], "", 10111, "rollup not permitted");
}

#[test]
fn headroom() {
    let mut s = stream(|_| {});
    let now = s.now;
    let mut publish = |headers: &[u8], room| {
        let incoming = Incoming { subject: b"a", headers, payload: b"12345" };
        match s.core.publish_within(room, &incoming, now) {
            Outcome::Refused(error) => error.err_code,
            _ => 0,
        }
    };
    for (headers, size) in [(&b""[..], 36), (b"NATS/1.0\r\nA: b\r\n\r\n", 58)] {
        assert_eq!(publish(headers, Headroom { server_full: true, account_bytes: 0 }), 10023);
        assert_eq!(publish(headers, Headroom { server_full: false, account_bytes: size - 1 }), 10002);
        assert_eq!(publish(headers, Headroom { server_full: false, account_bytes: size }), 0);
    }
}

#[test]
fn expectations_that_hold() {
    let mut s = stream(|_| {});
    s.store("a", &["Nats-Expected-Last-Sequence: 0", "Nats-Expected-Last-Subject-Sequence: 0"], "");
    s.store("b", &["Nats-Msg-Id: one", "Nats-Expected-Stream: S", "Nats-Expected-Last-Sequence: 1"], "");
    s.store("a", &["Nats-Expected-Last-Subject-Sequence: 1", "Nats-Expected-Last-Msg-Id: one"], "");
    let other = "Nats-Expected-Last-Subject-Sequence-Subject:";
    s.store("c", &["Nats-Expected-Last-Subject-Sequence: 2", &format!("{other} b")], "");
    s.store("c", &["Nats-Expected-Last-Subject-Sequence: 4", &format!("{other} *")], "");
    s.store("c", &["Nats-Expected-Last-Subject-Sequence: 0", &format!("{other} x.>")], "");
    s.refuse("a", &["Nats-Expected-Last-Msg-Id: one"], "", 10070, "wrong last msg ID: ");
    s.store("a", &["Nats-Msg-Id: two"], "");
    s.refuse("a", &["Nats-Expected-Last-Msg-Id: one"], "", 10070, "wrong last msg ID: two");
}

#[test]
fn duplicates() {
    let mut s = stream(|_| {});
    assert_eq!(s.store("a", &["Nats-Msg-Id: x"], ""), 1);
    assert_eq!(s.publish("b", &["Nats-Msg-Id: x"], ""), Outcome::Duplicate { sequence: 1 });
    s.pass(120 * super::fixture::SECOND);
    assert_eq!(s.store("b", &["Nats-Msg-Id: x"], ""), 2);
    s.update(|config| config.duplicate_window = crate::api::time::Nanos::ZERO);
    assert_eq!(s.store("b", &["Nats-Msg-Id: x"], ""), 3);
}

#[test]
fn fast_batches_are_told_by_their_reply() {
    assert!(is_fast_batch(b"pre.id.10.fail.1.0.$FI") && !is_fast_batch(b"_INBOX.$FIX"));
}
