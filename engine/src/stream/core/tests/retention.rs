//! Streams whose messages leave when consumers are done with them.

use super::super::*;
use super::fixture::stream;
use embus_protocol::filter;

#[derive(Debug)]
struct Wanted(&'static str);

impl Interest for Wanted {
    fn wants(&self, subject: &[u8]) -> bool {
        filter::matches(self.0.as_bytes(), subject)
    }
}

#[test]
fn nobody_is_interested() {
    let mut s = stream(|config| config.retention = Retention::Interest);
    assert_eq!(s.store("a", &["Nats-Msg-Id: m"], "x"), 1);
    let state = s.state();
    assert_eq!((state.messages, state.bytes, state.first_sequence, state.last_sequence), (0, 0, 2, 1));
    assert_eq!(state.last_time, s.now);
    assert_eq!(s.publish("a", &["Nats-Msg-Id: m"], "x"), Outcome::Duplicate { sequence: 1 });
    let expected = ["Nats-Expected-Last-Sequence: 1", "Nats-Expected-Last-Msg-Id: m"];
    assert_eq!(s.store("a", &expected, "x"), 2);
    // What is not stored has no time to live to read.
    assert_eq!(s.store("a", &["Nats-TTL: x"], "x"), 3);
    s.refuse("a", &["Nats-TTL: 5"], "", 10166, "per-message TTL is disabled");
    s.crash();
    assert_eq!(s.publish("a", &["Nats-Msg-Id: m"], "x"), Outcome::Duplicate { sequence: 1 });
    assert_eq!((s.state().messages, s.state().last_sequence), (0, 3));
}

#[test]
fn some_are_interested() {
    let mut s = stream(|config| config.retention = Retention::Interest);
    s.core.set_interest(Some(Box::new(Wanted("a.*"))));
    s.store("a.1", &[], "x");
    s.store("b", &["Nats-Msg-Id: m"], "x");
    s.store("a.2", &[], "x");
    assert_eq!(s.sequences(), [1, 3]);
    assert!(s.core.remove_for_retention(1).unwrap());
    assert_eq!(s.sequences(), [3]);
    assert!(s.core.removes_acknowledged());
}

#[test]
fn limits_become_interest() {
    let mut s = stream(|_| {});
    for _ in 0..3 {
        s.store("a", &[], "");
    }
    s.update(|config| config.retention = Retention::Interest);
    assert_eq!((s.state().messages, s.state().first_sequence, s.state().last_sequence), (0, 4, 3));
}

#[test]
fn work_queues_store() {
    let mut s = stream(|config| config.retention = Retention::WorkQueue);
    s.store("a", &[], "");
    assert_eq!(s.sequences(), [1]);
}
