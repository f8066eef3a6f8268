//! Priority groups.

use super::rig::{Rig, SECOND, config};
use crate::api::time::Nanos;
use crate::consumer::config::{ConsumerConfig, PriorityPolicy, with};
use crate::consumer::{Event, UnpinReason};

fn group(priority_policy: PriorityPolicy) -> ConsumerConfig {
    with(ConsumerConfig { priority_policy, ..config() }, |rare| {
        (rare.priority_groups, rare.priority_timeout) = (vec!["g".to_owned()], Nanos(SECOND));
    })
}

#[test]
fn what_does_not_fit_is_refused() {
    #[track_caller]
    fn check(policy: PriorityPolicy, body: &str, expected: &str) {
        let config = if policy == PriorityPolicy::None { config() } else { group(policy) };
        let sent = Rig::new(config).pull("in", body);
        let expected: Vec<_> = expected.lines().map(|why| format!("in 400 Bad Request - {why}")).collect();
        assert_eq!(sent, expected, "{policy:?} {body}");
    }
    let (none, overflow, pinned) = (PriorityPolicy::None, PriorityPolicy::Overflow, PriorityPolicy::PinnedClient);
    check(none, r#"{"min_pending":1}"#, "Not a Overflow Priority consumer");
    check(none, r#"{"id":"x"}"#, "Not a Pinned Client Priority consumer");
    check(none, r#"{"group":"x","priority":9}"#, "");
    check(none, r#"{"priority":44}"#, "Priority must be between 0 and 9");
    check(overflow, "{}", "Priority Group missing");
    check(overflow, r#"{"group":"h"}"#, "Invalid Priority Group");
    check(overflow, r#"{"group":"g","id":"x"}"#, "Not a Pinned Client Priority consumer");
    check(overflow, r#"{"group":"g","priority":-1}"#, "Priority must be between 0 and 9");
    check(overflow, r#"{"group":"g","min_pending":1}"#, "");
    check(overflow, "1", "");
    check(pinned, r#"{"group":"g","min_pending":1}"#, "Not a Overflow Priority consumer");
}

#[test]
fn overflow_is_served_when_enough_waits() {
    let mut rig = Rig::with(&["a"; 5], group(PriorityPolicy::Overflow));
    let sent = rig.pull("all", r#"{"group":"g","min_pending":2,"min_ack_pending":3}"#);
    assert_eq!(sent, ["all #1 d1 x1 +4"]);
    assert_eq!(rig.pull("pend", r#"{"group":"g","min_pending":5,"expires":1000000000}"#), [""; 0]);
    assert_eq!(rig.pull("acks", r#"{"group":"g","min_pending":9,"min_ack_pending":1}"#), ["acks #2 d2 x1 +3"]);
    assert_eq!(rig.pull("four", r#"{"group":"g","min_pending":3}"#), ["four #3 d3 x1 +2"]);
    assert_eq!(rig.pull("free", r#"{"group":"g"}"#), ["free #4 d4 x1 +1"]);
    assert_eq!(rig.pass(2 * SECOND), ["1000: pend 408 Request Timeout 1 0"]);
}

#[test]
fn the_lowest_number_is_served_first() {
    let mut rig = Rig::new(group(PriorityPolicy::Prioritized));
    for (reply, priority) in [("c5", 5), ("a1", 1), ("d5", 5), ("b1", 1)] {
        rig.pull(reply, &format!(r#"{{"group":"g","batch":2,"priority":{priority}}}"#));
    }
    rig.publish_all(&["a"; 8]);
    let receivers: Vec<_> = rig.poll().iter().map(|text| text[..2].to_owned()).collect();
    assert_eq!(receivers, ["a1", "b1", "a1", "b1", "c5", "d5", "c5", "d5"]);
}

#[test]
fn one_client_is_pinned_while_it_asks() {
    let mut rig = Rig::with(&["a"; 9], group(PriorityPolicy::PinnedClient));
    assert_eq!(rig.pull("one", r#"{"group":"g"}"#), ["one #1 d1 x1 +8 pinned"]);
    let id = rig.info().priority_groups[0].pinned_client_id.clone();
    assert_eq!(id.len(), 22);
    let pinned = Event::Pinned { group: "g".to_owned(), pin_id: id.clone().into_bytes().into() };
    assert_eq!(rig.events(), [pinned]);
    let with_id = format!(r#"{{"group":"g","id":"{id}"}}"#);
    assert_eq!(rig.pull("two", r#"{"group":"g"}"#), [""; 0]);
    rig.pass(900_000_000);
    assert_eq!(rig.pull("one", &with_id), ["one #2 d2 x1 +7 pinned"]);
    assert_eq!(rig.pull("bad", r#"{"group":"g","id":"x"}"#), ["bad 423 Nats-Pin-Id mismatch"]);
    let sent = rig.pass(SECOND);
    assert_eq!(sent, ["1000: two #3 d3 x1 +6 pinned"]);
    let events = rig.events();
    assert_eq!(events[0], Event::Unpinned { group: "g".to_owned(), reason: UnpinReason::Timeout });
    assert!(matches!(&events[1], Event::Pinned { pin_id, .. } if *pin_id != id.as_bytes()));
    assert_eq!(rig.pull("one", &with_id), ["one 423 Nats-Pin-Id mismatch"]);
    assert!(rig.consumer.unpin("g"));
    assert!(!rig.consumer.unpin("g"));
    assert_eq!(rig.events(), [Event::Unpinned { group: "g".to_owned(), reason: UnpinReason::Admin }]);
    assert_eq!(rig.pull("one", &with_id), ["one 423 Nats-Wrong-Pin-Id 1 0"]);
    assert_eq!(rig.info().priority_groups[0].pinned_client_id, "");
}

/// It would take memory for as long as it waits.
#[test]
fn what_can_be_no_pin_does_not_wait() {
    let mut rig = Rig::new(group(PriorityPolicy::PinnedClient));
    let long = format!(r#"{{"group":"g","id":"{}"}}"#, "x".repeat(23));
    assert_eq!(rig.pull("in", &long), ["in 423 Nats-Pin-Id mismatch"]);
    assert_eq!(rig.info().num_waiting, 0);
}
