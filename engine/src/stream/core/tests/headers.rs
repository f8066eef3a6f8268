//! Headers that are stored otherwise than they came, subjects that are, and copies.

use super::super::*;
use super::fixture::{SECOND, stream};
use crate::api::time::Nanos;
use crate::stream::config::{self, Transform};

#[test]
fn cleaned() {
    let mut s = stream(|_| {});
    for (sent, stored) in [
        ("NATS/1.0 503 No\r\nA: b\r\n\r\n", "NATS/1.0\r\nA: b\r\n\r\n"),
        ("NATS/1.0 503\r\n\r\n", ""),
        ("NATS/1.0\r\nNats-Request-Info: x\r\n\r\n", ""),
        (
            "NATS/1.0\r\nNats-Trace-Dest: foo\r\nA: 1\r\n\r\n",
            "NATS/1.0\r\nNats-Trace-Dest: trace disabled\r\nA: 1\r\n\r\n",
        ),
        ("NATS/1.0\r\n\r\n", "NATS/1.0\r\n\r\n"),
        ("A: 1\r\n\r\n", "A: 1\r\n\r\n"),
        ("NATS/1.0\r\nA: 1", "NATS/1.0\r\nA: 1"),
    ] {
        let Outcome::Stored { sequence } = s.publish_raw("a", sent, "x") else { panic!("{sent:?}") };
        assert_eq!(s.headers(sequence), stored, "{sent:?}");
    }
}

#[test]
fn time_to_live_is_at_least_that_of_markers() {
    let mut s = stream(|config| {
        config.allow_message_ttl = true;
        config.subject_delete_marker_ttl = Nanos(60 * SECOND + SECOND / 2);
    });
    for (sent, stored) in [
        ("5", "NATS/1.0\r\nA: 1\r\nB: 2\r\nNats-TTL: 60\r\n\r\n"),
        ("5s", "NATS/1.0\r\nA: 1\r\nB: 2\r\nNats-TTL: 60\r\n\r\n"),
        ("60s", "NATS/1.0\r\nA: 1\r\nNats-TTL: 60s\r\nB: 2\r\n\r\n"),
        ("never", "NATS/1.0\r\nA: 1\r\nNats-TTL: never\r\nB: 2\r\n\r\n"),
    ] {
        let sequence = s.store("a", &["A: 1", &format!("Nats-TTL: {sent}"), "B: 2"], "");
        assert_eq!(s.headers(sequence), stored);
    }
    s.update(|config| config.max_messages_per_subject = 1);
    let sequence = s.store("a", &["Nats-TTL: 5"], "");
    assert_eq!(s.headers(sequence), "NATS/1.0\r\nNats-TTL: 5\r\n\r\n");
}

fn transformed(headers_only: bool) -> super::fixture::Bench {
    stream(|config| {
        config.subject_transform = Some(Transform { source: "x.*".to_owned(), destination: "y.$1".to_owned() });
        let (source, destination) = ("y.*".to_owned(), "z.$1".to_owned());
        config.republish = Some(config::Republish { source, destination, headers_only });
    })
}

#[track_caller]
fn check_copy(s: &mut super::fixture::Bench, subject: &str, headers: &str, payload: &str) {
    let copy = s.core.take_republish().unwrap();
    assert_eq!(String::from_utf8(copy.subject).unwrap(), subject);
    assert_eq!(String::from_utf8(copy.headers).unwrap(), headers);
    assert_eq!(copy.payload, payload.as_bytes());
    assert_eq!(s.core.take_republish(), None);
}

#[test]
fn transform_and_copies() {
    let mut s = transformed(false);
    s.now += 120_000_000;
    let source = |sequence: u64, last: u64| {
        format!(
            "Nats-Stream: S\r\nNats-Subject: y.1\r\nNats-Sequence: {sequence}\r\n\
             Nats-Time-Stamp: 2023-11-14T22:13:20.12Z\r\nNats-Last-Sequence: {last}\r\n\r\n"
        )
    };
    s.store("x.1", &[], "p");
    assert_eq!(s.read(1).unwrap().subject, "y.1");
    check_copy(&mut s, "z.1", &format!("NATS/1.0\r\n{}", source(1, 0)), "p");
    s.store("x.1", &["A: b", "Nats-Expected-Last-Subject-Sequence: 1"], "p");
    let expected = "NATS/1.0\r\nA: b\r\nNats-Expected-Last-Subject-Sequence: 1\r\n";
    check_copy(&mut s, "z.1", &format!("{expected}{}", source(2, 1)), "p");
    // One that was never finished is.
    assert_eq!(s.publish_raw("x.1", "NATS/1.0\r\nA: 1", ""), Outcome::Stored { sequence: 3 });
    check_copy(&mut s, "z.1", &format!("NATS/1.0\r\nA: 1\r\n{}", source(3, 2)), "");
    // Not transformed, hence not copied; and one that could not be published to.
    assert_eq!(s.store("x.a.b", &[], ""), 4);
    assert_eq!(s.store("x.*", &[], ""), 5);
    assert_eq!(s.core.take_republish(), None);
    assert_eq!(s.read(4).unwrap().subject, "x.a.b");
}

#[test]
fn copies_of_headers_only() {
    let mut s = transformed(true);
    s.store("x.1", &[], "payload");
    let copy = s.core.take_republish().unwrap();
    assert!(copy.headers.ends_with(b"\r\nNats-Last-Sequence: 0\r\nNats-Msg-Size: 7\r\n\r\n"));
    assert!(copy.payload.is_empty());
}

#[test]
fn duplicates_and_refusals_are_not_copied() {
    let mut s = transformed(false);
    s.store("x.1", &["Nats-Msg-Id: 1"], "");
    assert!(s.core.take_republish().is_some());
    s.publish("x.1", &["Nats-Msg-Id: 1"], "");
    s.publish("x.1", &["Nats-Expected-Last-Sequence: 7"], "");
    assert_eq!(s.core.take_republish(), None);
}
