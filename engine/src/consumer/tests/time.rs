//! What time does to a consumer: pauses, replays, the end of those that nobody uses.

use super::rig::{Rig, SECOND, config, push_config};
use crate::api::time::Nanos;
use crate::consumer::Event;
use crate::consumer::config::{ConsumerConfig, ReplayPolicy, with};

#[test]
fn paused_it_delivers_nothing_and_takes_everything_in() {
    let mut rig = Rig::with(&["a"; 3], ConsumerConfig { ack_wait: Nanos(SECOND), ..config() });
    rig.pull("in", r#"{"batch":2}"#);
    let until = rig.now + 3 * SECOND;
    rig.scene(|consumer, scene| consumer.pause(until, scene));
    assert_eq!(rig.events(), [Event::Paused { until: Some(until) }]);
    assert_eq!(rig.info().paused_until, until);
    rig.ack(2, 2);
    rig.pull("on", r#"{"batch":5,"no_wait":true}"#);
    rig.pull("in", r#"{"batch":5,"expires":2000000000}"#);
    assert!(!rig.consumer.is_hungry());
    assert_eq!(
        rig.pass(4 * SECOND),
        [
            "2000: in 408 Request Timeout 5 0",
            "3000: on #1 d3 x2 +1",
            "3000: on #3 d4 x1 +0",
            "3000: on 404 No Messages",
        ]
    );
    assert_eq!(rig.events(), [Event::Paused { until: None }]);
    assert_eq!(rig.info().paused_until, 0);
}

#[test]
fn paused_it_still_says_that_it_is_alive() {
    let mut rig = Rig::with(&["a"], with(push_config(), |rare| rare.idle_heartbeat = Nanos(SECOND)));
    rig.consumer.handle_interest(true, rig.now);
    let until = rig.now + 3 * SECOND;
    rig.scene(|consumer, scene| consumer.pause(until, scene));
    assert_eq!(rig.pass(5 * SECOND / 2), ["1000: push 100 Idle Heartbeat 0 0", "2000: push 100 Idle Heartbeat 0 0"]);
    rig.scene(|consumer, scene| consumer.pause(0, scene));
    assert_eq!(rig.poll(), ["push #1 d1 x1 +0"]);
}

#[test]
fn replayed_at_the_pace_at_which_they_came() {
    let mut rig = Rig::with(&["a"; 3], ConsumerConfig { replay_policy: ReplayPolicy::Original, ..config() });
    rig.pass(100 * SECOND);
    assert_eq!(rig.pull("in", r#"{"batch":9}"#), ["in #1 d1 x1 +2"]);
    assert!(!rig.consumer.is_hungry());
    assert_eq!(rig.pass(SECOND / 2), [""; 0]);
    assert_eq!(rig.pass(5 * SECOND), ["500: in #2 d2 x1 +1", "1500: in #3 d3 x1 +0"]);
    rig.publish("a");
    assert_eq!(rig.poll(), ["in #4 d4 x1 +0"]);
    rig.pass(9 * SECOND);
    rig.publish("a");
    assert_eq!(rig.poll(), ["in #5 d5 x1 +0"]);
}

fn ephemeral(threshold: i64) -> ConsumerConfig {
    ConsumerConfig { durable_name: String::new(), inactive_threshold: Nanos(threshold), ..config() }
}

#[test]
fn nobody_asks() {
    assert_eq!(Rig::new(ephemeral(SECOND)).pass(9 * SECOND), ["1000: expired"]);
    assert_eq!(Rig::new(ephemeral(0)).pass(9 * SECOND), ["5000: expired"]);
    assert_eq!(Rig::new(config()).pass(9999 * SECOND), [""; 0]);
    let durable = ConsumerConfig { inactive_threshold: Nanos(SECOND), ..config() };
    assert_eq!(Rig::new(durable).pass(9 * SECOND), ["1000: expired"]);
}

#[test]
fn who_waits_keeps_it() {
    let mut rig = Rig::new(ephemeral(SECOND));
    rig.pull("in", r#"{"expires":2500000000}"#);
    assert_eq!(rig.pass(9 * SECOND), ["2500: in 408 Request Timeout 1 0", "3500: expired"]);
    let mut rig = Rig::new(ephemeral(SECOND));
    rig.pull("in", "");
    assert_eq!(rig.pass(SECOND * 5 / 2), [""; 0]);
    rig.gone.insert("in".to_owned());
    assert_eq!(rig.pass(9 * SECOND), ["500: expired"]);
}

/// Also where somebody asked how it is before its own clock came to see that.
#[test]
fn who_waited_kept_it_until_then() {
    let mut rig = Rig::new(ephemeral(SECOND));
    rig.pull("in", r#"{"expires":500000000}"#);
    rig.now += 600_000_000;
    rig.info();
    assert_eq!(rig.pass(9 * SECOND), ["900: in 408 Request Timeout 1 0", "900: expired"]);
}

#[test]
fn heartbeats_are_no_flood() {
    let mut rig = Rig::new(config());
    rig.pull("in", r#"{"expires":50000000,"idle_heartbeat":1}"#);
    assert_eq!(rig.pass(SECOND).len(), 5);
}

#[test]
fn what_waits_for_its_acknowledgement_keeps_it() {
    let mut rig = Rig::with(&["a"; 2], ConsumerConfig { ack_wait: Nanos(3 * SECOND), ..ephemeral(SECOND) });
    rig.pull("in", r#"{"batch":2}"#);
    rig.pass(2 * SECOND);
    rig.ack(1, 1);
    assert_eq!(rig.pass(9 * SECOND), ["2000: expired"]);
    let mut rig = Rig::with(&["a"; 2], ephemeral(SECOND));
    rig.pull("in", r#"{"batch":2}"#);
    rig.pass(SECOND / 2);
    rig.ack(1, 1);
    rig.ack(2, 2);
    assert_eq!(rig.pass(9 * SECOND), ["1000: expired"]);
}

#[test]
fn nobody_listens() {
    let config = with(ephemeral(SECOND), |rare| rare.deliver_subject = "push".to_owned());
    let mut rig = Rig::new(config.clone());
    rig.gone.insert("push".to_owned());
    assert_eq!(rig.pass(9 * SECOND), ["1000: expired"]);
    let mut rig = Rig::new(config);
    rig.consumer.handle_interest(true, rig.now);
    assert_eq!(rig.pass(9 * SECOND), [""; 0]);
    rig.gone.insert("push".to_owned());
    rig.consumer.handle_interest(false, rig.now);
    assert_eq!(rig.pass(9 * SECOND), ["1000: expired"]);
}

#[test]
fn a_burst_does_not_keep_its_memory() {
    let mut rig = Rig::with(&["a"; 500], config());
    rig.pull("in", r#"{"batch":500}"#);
    (1..=500).for_each(|sequence| _ = rig.ack(sequence, sequence));
    assert!(rig.consumer.next_deadline().is_some());
    rig.pass(20 * SECOND);
    assert_eq!(rig.consumer.next_deadline(), None);
}
