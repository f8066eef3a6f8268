//! What a consumer that waits for the next message is told, when it is not served at once.

use super::rig::{Rig, config, push_config};
use crate::consumer::config::with;

#[test]
fn what_it_was_offered_is_not_skipped_because_something_else_came_before_the_poll() {
    let mut rig = Rig::with(&["a"], config());
    assert_eq!(rig.pull("in", r#"{"batch":10}"#), ["in #1 d1 x1 +0"]);
    assert!(rig.consumer.is_hungry());
    let second = rig.publish("a");
    rig.offer(second);
    assert!(!rig.consumer.is_hungry(), "it has something to deliver");
    let third = rig.publish("a");
    rig.offer(third);
    assert_eq!(rig.poll(), ["in #2 d2 x1 +1", "in #3 d3 x1 +0"]);
    assert!(rig.consumer.is_hungry());
}

#[test]
fn what_came_while_nobody_listened_is_not_skipped() {
    let mut rig = Rig::with(&["a"], push_config());
    assert_eq!(rig.poll(), ["push #1 d1 x1 +0"]);
    rig.consumer.handle_interest(false, rig.now);
    rig.publish("a");
    rig.consumer.handle_interest(true, rig.now);
    assert!(!rig.consumer.is_hungry(), "it does not know what came meanwhile");
    let third = rig.publish("a");
    rig.offer(third);
    assert_eq!(rig.poll(), ["push #2 d2 x1 +1", "push #3 d3 x1 +0"]);
}

#[test]
fn what_came_while_it_was_paused_is_not_skipped() {
    let mut rig = Rig::with(&["a"], push_config());
    assert_eq!(rig.poll(), ["push #1 d1 x1 +0"]);
    let until = rig.now + 1_000_000_000;
    rig.scene(|consumer, scene| consumer.pause(until, scene));
    rig.publish("a");
    rig.scene(|consumer, scene| consumer.pause(0, scene));
    assert!(!rig.consumer.is_hungry(), "it does not know what came meanwhile");
    let third = rig.publish("a");
    rig.offer(third);
    assert_eq!(rig.poll(), ["push #2 d2 x1 +1", "push #3 d3 x1 +0"]);
}

#[test]
fn an_update_that_ends_a_pause_skips_nothing() {
    let mut rig = Rig::with(&["a"], push_config());
    assert_eq!(rig.poll(), ["push #1 d1 x1 +0"]);
    let until = rig.now + 1_000_000_000;
    rig.scene(|consumer, scene| consumer.pause(until, scene));
    rig.publish("a");
    let config = with(push_config(), |rare| rare.description = "again".to_owned());
    rig.scene(|consumer, scene| consumer.update(config.into(), scene)).unwrap();
    let third = rig.publish("a");
    rig.offer(third);
    assert_eq!(rig.poll(), ["push #2 d2 x1 +1", "push #3 d3 x1 +0"]);
}
