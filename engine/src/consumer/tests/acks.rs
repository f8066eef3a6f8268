//! Acknowledgements, redelivery and its ends.

use super::rig::{Rig, SECOND, config};
use crate::api::time::Nanos;
use crate::consumer::Event;
use crate::consumer::ack::{AckToken, AckVerb};
use crate::consumer::config::{AckPolicy, ConsumerConfig, with};

#[test]
fn the_floor_follows_what_is_done_in_order() {
    let mut rig = Rig::with(&["a"; 5], config());
    rig.pull("in", r#"{"batch":3}"#);
    rig.say(3, 3, "-NAK");
    rig.say(1, 1, "-NAK");
    assert_eq!(rig.numbers(), "3/3 0/0 a3 r0 w0 p2");
    assert_eq!(rig.pull("in", r#"{"batch":3}"#), ["in #3 d4 x2 +2", "in #1 d5 x2 +2", "in #4 d6 x1 +1"]);
    assert_eq!(rig.numbers(), "6/4 0/0 a4 r2 w0 p1");
    rig.ack(1, 5);
    assert_eq!(rig.numbers(), "6/4 1/1 a3 r1 w0 p1");
    rig.ack(2, 2);
    assert_eq!(rig.numbers(), "6/4 2/2 a2 r1 w0 p1");
    rig.ack(3, 3);
    assert_eq!(rig.numbers(), "6/4 5/3 a1 r0 w0 p1");
    rig.events();
    rig.say(4, 6, "+TERM why so");
    let reason = "why so".to_owned();
    let event = Event::Terminated { consumer_sequence: 6, stream_sequence: 4, deliveries: 1, reason };
    assert_eq!(rig.events(), [event]);
    assert_eq!(rig.numbers(), "6/4 6/4 a0 r0 w0 p1");
    assert_eq!(rig.settled(), [1, 2, 3, 4]);
}

#[test]
fn what_was_never_delivered_is_not_answered() {
    let mut rig = Rig::with(&["a"; 5], config());
    rig.pull("in", r#"{"batch":2}"#);
    let mut handle = |sequence, verb| {
        let token = AckToken { deliveries: 1, stream_sequence: sequence, consumer_sequence: 1 };
        rig.consumer.handle_ack(&token, verb, rig.now)
    };
    assert!(handle(1, AckVerb::Ack));
    assert!(handle(1, AckVerb::Ack));
    assert!(handle(1, AckVerb::Nak { delay: None }));
    assert!(handle(2, AckVerb::Unknown));
    assert!(!handle(3, AckVerb::Ack));
    assert!(!handle(u64::MAX, AckVerb::Ack));
    assert!(handle(0, AckVerb::Ack));
    assert_eq!(rig.numbers(), "2/2 1/1 a1 r0 w0 p3");
}

#[test]
fn one_for_all_before_it() {
    let mut rig = Rig::with(&["a"; 6], ConsumerConfig { ack_policy: AckPolicy::All, ..config() });
    rig.pull("in", r#"{"batch":4}"#);
    rig.ack(2, 2);
    assert_eq!(rig.numbers(), "4/4 2/2 a2 r0 w0 p2");
    assert_eq!(rig.settled(), [1, 2]);
    assert!(rig.consumer.has_settled(2) && !rig.consumer.has_settled(3));
    rig.say(3, 3, "-NAK");
    assert_eq!(rig.pull("in", ""), ["in #3 d5 x2 +2"]);
    rig.ack(1, 1);
    assert_eq!(rig.numbers(), "5/4 2/2 a2 r1 w0 p2");
    // Differs from nats-server: the floor of the consumer does not run ahead of what waits.
    rig.ack(3, 5);
    assert_eq!(rig.numbers(), "5/4 3/3 a1 r0 w0 p2");
    rig.ack(4, 4);
    assert_eq!(rig.numbers(), "5/4 5/4 a0 r0 w0 p2");
}

#[test]
fn a_wait_ends_in_another_delivery() {
    let mut rig = Rig::with(&["a"; 3], ConsumerConfig { ack_wait: Nanos(SECOND), ..config() });
    rig.pull("in", r#"{"batch":2}"#);
    rig.ack(1, 1);
    assert_eq!(rig.pull("in", r#"{"batch":1,"expires":100000000}"#), ["in #3 d3 x1 +0"]);
    assert_eq!(rig.pass(SECOND - 1), [""; 0]);
    rig.pull("in", r#"{"batch":9}"#);
    assert_eq!(
        rig.pass(3 * SECOND / 2),
        ["0: in #2 d4 x2 +0", "0: in #3 d5 x2 +0", "1000: in #2 d6 x3 +0", "1000: in #3 d7 x3 +0"]
    );
    assert!(!rig.consumer.has_settled(2));
}

#[test]
fn waits_grow_with_a_backoff_and_end_with_the_last_delivery() {
    let backoff = vec![Nanos(SECOND), Nanos(3 * SECOND)];
    let mut rig = Rig::with(&["a"], with(ConsumerConfig { max_deliver: 4, ..config() }, |rare| rare.backoff = backoff));
    rig.pull("in", r#"{"batch":9}"#);
    assert_eq!(rig.pass(9 * SECOND), ["1000: in #1 d2 x2 +0", "4000: in #1 d3 x3 +0", "7000: in #1 d4 x4 +0"]);
    assert_eq!(rig.numbers(), "4/1 0/0 a1 r1 w1 p0");
    assert_eq!(rig.pass(9 * SECOND), [""; 0]);
    assert_eq!(rig.events(), [Event::MaxDeliveries { stream_sequence: 1, deliveries: 4 }]);
    assert_eq!(rig.numbers(), "4/1 4/1 a0 r0 w1 p0");
    assert_eq!(rig.settled(), [0; 0]);
}

#[test]
fn refusing_the_last_delivery_ends_it() {
    let mut rig = Rig::with(&["a"; 2], ConsumerConfig { max_deliver: 1, ..config() });
    rig.pull("in", "");
    rig.say(1, 1, "-NAK");
    let naked = Event::Naked { consumer_sequence: 1, stream_sequence: 1, deliveries: 1 };
    assert_eq!(rig.events(), [naked, Event::MaxDeliveries { stream_sequence: 1, deliveries: 1 }]);
    assert_eq!(rig.pull("in", ""), ["in #2 d2 x1 +0"]);
}

#[test]
fn a_delay_counts_instead_of_the_wait() {
    let mut rig = Rig::with(&["a"; 2], config());
    rig.pull("in", r#"{"batch":2}"#);
    rig.say(1, 1, "-NAK 45s");
    rig.say(2, 2, r#"-NAK {"delay":1000000000}"#);
    rig.pull("in", r#"{"batch":9}"#);
    assert_eq!(rig.pass(44 * SECOND), ["1000: in #2 d3 x2 +0", "31000: in #2 d4 x3 +0"]);
    assert_eq!(rig.pass(2 * SECOND), ["1000: in #1 d5 x2 +0"]);
}

#[test]
fn work_in_progress_waits_anew() {
    let mut rig = Rig::with(&["a"], config());
    rig.pull("in", r#"{"batch":9}"#);
    rig.pass(20 * SECOND);
    rig.say(1, 1, "+WPI");
    rig.pass(29 * SECOND);
    rig.say(1, 1, "+WPI");
    assert_eq!(rig.pass(29 * SECOND), [""; 0]);
    assert_eq!(rig.pass(SECOND), ["1000: in #1 d2 x2 +0"]);
}

#[test]
fn as_many_wait_as_may() {
    let mut rig = Rig::with(&["a"; 5], ConsumerConfig { max_ack_pending: 2, ack_wait: Nanos(SECOND), ..config() });
    assert_eq!(rig.pull("in", r#"{"batch":9,"expires":9000000000}"#).len(), 2);
    assert!(!rig.consumer.is_hungry());
    assert_eq!(rig.pull("no", r#"{"batch":9,"no_wait":true}"#), ["no 408 Requests Pending"]);
    assert_eq!(rig.ack(2, 2), ["in #3 d3 x1 +2"]);
    assert_eq!(rig.pass(SECOND), ["1000: in #1 d4 x2 +2", "1000: in #3 d5 x2 +2"]);
}

#[test]
fn some_acknowledgements_are_measured() {
    let mut rig = Rig::with(&["a"; 10], with(config(), |rare| rare.sample_frequency = "30%".to_owned()));
    rig.pull("in", r#"{"batch":10}"#);
    rig.pass(SECOND);
    (1..=10).for_each(|sequence| _ = rig.ack(sequence, sequence));
    let events = rig.events();
    assert_eq!(events.len(), 3);
    let sample = Event::AckSample { consumer_sequence: 4, stream_sequence: 4, deliveries: 1, ack_time: SECOND };
    assert_eq!(events[0], sample);
}
