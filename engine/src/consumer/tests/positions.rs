//! Where consumers begin, what they count, and how they follow their stream.

use super::rig::{Rig, SECOND, START, append, config};
use crate::api::time::Time;
use crate::consumer::config::{AckPolicy, ConsumerConfig, DeliverPolicy, with};
use crate::consumer::{Consumer, Event, ResetError};

const SUBJECTS: [&str; 5] = ["a.1", "a.2", "a.1", "b.1", "a.3"];

fn deliver(deliver_policy: DeliverPolicy, filter: &str) -> ConsumerConfig {
    ConsumerConfig { deliver_policy, filter_subject: filter.to_owned(), ..config() }
}

#[track_caller]
fn check(config: ConsumerConfig, numbers: &str, sequences: &[u64]) {
    let mut rig = Rig::with(&SUBJECTS, config);
    assert_eq!(rig.numbers(), numbers);
    rig.publish("a.2");
    let sent = rig.pull("in", r#"{"batch":10,"expires":1000}"#);
    let found: Vec<u64> = sent.iter().map(|text| text.split(['#', ' ']).nth(2).unwrap().parse().unwrap()).collect();
    assert_eq!(found, sequences);
    assert_eq!(rig.info().num_pending, 0);
}

#[test]
fn deliver_policies() {
    check(deliver(DeliverPolicy::All, ""), "0/0 0/0 a0 r0 w0 p5", &[1, 2, 3, 4, 5, 6]);
    check(deliver(DeliverPolicy::All, "a.*"), "0/0 0/0 a0 r0 w0 p4", &[1, 2, 3, 5, 6]);
    check(deliver(DeliverPolicy::Last, ""), "0/4 0/4 a0 r0 w0 p1", &[5, 6]);
    check(deliver(DeliverPolicy::Last, "b.*"), "0/3 0/3 a0 r0 w0 p1", &[4]);
    check(deliver(DeliverPolicy::New, ""), "0/5 0/5 a0 r0 w0 p0", &[6]);
    check(deliver(DeliverPolicy::LastPerSubject, "a.>"), "0/1 0/1 a0 r0 w0 p3", &[2, 3, 5, 6]);
    check(deliver(DeliverPolicy::Last, "z.*"), "0/5 0/5 a0 r0 w0 p0", &[]);
    check(deliver(DeliverPolicy::LastPerSubject, "z.*"), "0/4 0/4 a0 r0 w0 p0", &[]);
    let start = |first| with(deliver(DeliverPolicy::ByStartSequence, ""), |rare| rare.start_sequence = first);
    check(start(3), "0/2 0/2 a0 r0 w0 p3", &[3, 4, 5, 6]);
    check(start(100), "0/99 0/99 a0 r0 w0 p0", &[]);
    let at = |seconds: i64| {
        let start_time = Some(Time::from(START + seconds * SECOND));
        with(deliver(DeliverPolicy::ByStartTime, ""), |rare| rare.start_time = start_time)
    };
    check(at(2), "0/2 0/2 a0 r0 w0 p3", &[3, 4, 5, 6]);
    check(at(-2), "0/0 0/0 a0 r0 w0 p5", &[1, 2, 3, 4, 5, 6]);
    check(at(99), "0/5 0/5 a0 r0 w0 p0", &[6]);
}

#[test]
fn several_filters() {
    let filter_subjects = vec!["a.1".to_owned(), "b.>".to_owned()];
    check(with(config(), |rare| rare.filter_subjects = filter_subjects), "0/0 0/0 a0 r0 w0 p3", &[1, 3, 4]);
}

#[test]
fn nothing_that_is_not_committed_is_delivered() {
    let mut rig = Rig::with(&SUBJECTS, deliver(DeliverPolicy::LastPerSubject, "a.>"));
    rig.visible = 2;
    assert_eq!(rig.pull("in", r#"{"batch":10}"#), ["in #2 d1 x1 +2"]);
    assert!(rig.consumer.is_hungry());
    rig.visible = 4;
    assert_eq!(rig.poll(), ["in #3 d2 x1 +1"]);
    rig.visible = 5;
    assert_eq!(rig.poll(), ["in #5 d3 x1 +0"]);
}

/// Puts a message in the place of another one; nothing of it is committed.
fn replace(rig: &mut Rig, sequence: u64, subject: &str) {
    rig.log.remove(sequence).unwrap();
    append(&mut rig.log, subject, rig.now);
}

#[test]
fn a_message_without_acknowledgements_that_is_replaced_is_always_before_its_consumer() {
    for policy in [DeliverPolicy::All, DeliverPolicy::LastPerSubject] {
        let config = ConsumerConfig { ack_policy: AckPolicy::None, ..deliver(policy, "a.*") };
        let mut rig = Rig::with(&["a.1", "a.2", "a.3"], config);
        replace(&mut rig, 1, "a.1");
        assert_eq!(rig.info().num_pending, 3);
        replace(&mut rig, 3, "a.3");
        assert_eq!(rig.pull("in", r#"{"batch":10}"#), ["in #2 d1 x1 +2"]);
        assert!(rig.consumer.is_hungry());
        rig.visible = 4;
        rig.offer(4);
        assert_eq!(rig.poll(), ["in #4 d2 x1 +1"]);
        rig.publish("b.1");
        rig.offer(5);
        assert_eq!(rig.poll(), ["in #5 d3 x1 +0"]);
    }
}

#[test]
fn what_never_was_is_not_before_a_consumer_and_what_has_its_sequence_is() {
    for policy in [DeliverPolicy::All, DeliverPolicy::LastPerSubject] {
        let config = ConsumerConfig { ack_policy: AckPolicy::None, ..deliver(policy, "a.*") };
        for subject in ["b.1", "a.4"] {
            let mut rig = Rig::with(&["a.1", "a.2", "a.3"], config.clone());
            rig.visible = 2;
            assert_eq!(rig.info().num_pending, 3);
            rig.undo(&["a.1", "a.2"]);
            assert_eq!(rig.info().num_pending, 2);
            rig.publish(subject);
            let wanted = u64::from(subject == "a.4");
            assert_eq!(rig.info().num_pending, 2 + wanted);
            let sent = rig.pull("in", r#"{"batch":10,"expires":1000}"#);
            assert_eq!(sent.len(), 2 + usize::from(subject == "a.4"), "{sent:?}");
            assert_eq!(rig.info().num_pending, 0);
        }
    }
}

#[test]
fn other_filters_count_for_the_last_messages_of_their_subjects_too() {
    let mut rig = Rig::with(&["a.1", "b.1", "a.2", "b.2", "b.3"], deliver(DeliverPolicy::LastPerSubject, "a.*"));
    assert_eq!(rig.pull("in", ""), ["in #1 d1 x1 +1"]);
    let config = deliver(DeliverPolicy::LastPerSubject, "b.*").into();
    rig.scene(|consumer, scene| consumer.update(config, scene)).unwrap();
    assert_eq!(rig.info().num_pending, 2);
    rig.log.remove(5).unwrap();
    assert_eq!(rig.pull("in", r#"{"batch":5}"#), ["in #4 d2 x1 +0"]);
}

#[test]
fn without_acknowledgements_it_passes_over_nothing_that_may_come_back() {
    for policy in [DeliverPolicy::All, DeliverPolicy::LastPerSubject] {
        let config = ConsumerConfig { ack_policy: AckPolicy::None, ..deliver(policy, ">") };
        let mut rig = Rig::with(&["a", "b", "c", "d"], config);
        rig.unsettled = Some(rig.log.removal_mark());
        rig.log.remove(2).unwrap();
        assert_eq!(rig.pull("in", r#"{"batch":2}"#), ["in #1 d1 x1 +2"]);
        assert!(rig.consumer.is_held() && !rig.consumer.is_hungry());
        rig.unsettled = None;
        assert_eq!(rig.poll(), ["in #3 d2 x1 +1"]);
        assert!(!rig.consumer.is_held());
    }
}

#[test]
fn what_is_removed_is_counted_out() {
    let mut rig = Rig::with(&SUBJECTS, deliver(DeliverPolicy::All, "a.*"));
    rig.log.remove(2).unwrap();
    rig.log.remove(4).unwrap();
    assert_eq!(rig.info().num_pending, 3);
    rig.log.evict_first().unwrap();
    assert_eq!(rig.info().num_pending, 2);
    assert_eq!(rig.pull("in", ""), ["in #3 d1 x1 +1"]);
    rig.log.remove_below(6).unwrap();
    assert_eq!(rig.info().num_pending, 0);
    rig.publish("a.9");
    assert_eq!(rig.numbers(), "1/3 1/3 a0 r0 w0 p1");
}

#[test]
fn last_messages_that_are_removed_are_counted_out_once() {
    let mut rig = Rig::with(&SUBJECTS, deliver(DeliverPolicy::LastPerSubject, "a.>"));
    rig.log.remove(3).unwrap();
    rig.log.remove(1).unwrap();
    assert_eq!(rig.info().num_pending, 2);
    assert_eq!(rig.pull("in", r#"{"batch":10,"expires":1000}"#), ["in #2 d1 x1 +1", "in #5 d2 x1 +0"]);
    rig.publish("a.1");
    assert_eq!(rig.poll(), ["in #6 d3 x1 +0"]);
}

#[test]
fn a_hungry_one_is_told_what_comes_next() {
    let mut rig = Rig::with(&SUBJECTS, deliver(DeliverPolicy::New, "a.1"));
    assert!(!rig.consumer.is_hungry());
    rig.pull("in", r#"{"batch":2}"#);
    assert!(rig.consumer.is_hungry());
    rig.publish_all(&["b.1", "a.1", "b.1", "a.1"]);
    rig.offer(7);
    assert_eq!(rig.poll(), ["in #7 d1 x1 +1", "in #9 d2 x1 +0"]);
    assert!(!rig.consumer.is_hungry());
}

#[test]
fn a_purge_is_followed_without_a_word() {
    let mut rig = Rig::with(&["a"; 6], config());
    rig.pull("in", r#"{"batch":4}"#);
    rig.log.remove(2).unwrap();
    rig.poll();
    let deleted = |stream_sequence, consumer_sequence| Event::Terminated {
        consumer_sequence,
        stream_sequence,
        deliveries: 1,
        reason: "Unacknowledged message was deleted".to_owned(),
    };
    assert_eq!(rig.events(), [deleted(2, 2)]);
    assert_eq!(rig.numbers(), "4/4 0/0 a3 r0 w0 p2");
    rig.log.remove(1).unwrap();
    assert_eq!(rig.numbers(), "4/4 2/2 a2 r0 w0 p2");
    rig.events();
    rig.log.remove_below(4).unwrap();
    rig.scene(Consumer::handle_purge);
    assert_eq!(rig.numbers(), "4/4 3/3 a1 r0 w0 p2");
    rig.log.remove_below(7).unwrap();
    rig.scene(Consumer::handle_purge);
    assert_eq!(rig.numbers(), "4/6 4/6 a0 r0 w0 p0");
    assert_eq!(rig.events(), []);
    rig.publish("a");
    assert_eq!(rig.pull("in", ""), ["in #7 d5 x1 +0"]);
}

#[test]
fn what_limits_take_while_it_waits_is_terminated() {
    let mut rig = Rig::with(&["a"; 3], config());
    rig.pull("in", r#"{"batch":2}"#);
    rig.publish("a");
    rig.log.evict_first().unwrap();
    assert_eq!(rig.numbers(), "2/2 1/1 a1 r0 w0 p2");
    for _ in 0..5 {
        rig.publish("a");
        rig.log.evict_first().unwrap();
    }
    assert_eq!(rig.numbers(), "2/2 2/2 a0 r0 w0 p3");
    assert_eq!(rig.events().len(), 2);
    assert_eq!(rig.pull("in", ""), ["in #7 d3 x1 +2"]);
}

#[test]
fn without_acknowledgements_the_floor_follows() {
    let mut rig = Rig::with(&["a"; 6], ConsumerConfig { ack_policy: AckPolicy::None, max_ack_pending: 0, ..config() });
    rig.pull("in", r#"{"batch":4}"#);
    assert_eq!(rig.numbers(), "4/4 4/4 a0 r0 w0 p2");
    assert_eq!(rig.settled(), [1, 2, 3, 4]);
}

#[test]
fn filters_can_change() {
    let mut rig = Rig::with(&SUBJECTS, deliver(DeliverPolicy::All, "a.1"));
    assert_eq!(rig.pull("in", ""), ["in #1 d1 x1 +1"]);
    rig.scene(|consumer, scene| consumer.update(deliver(DeliverPolicy::All, "a.*").into(), scene)).unwrap();
    assert_eq!(
        rig.pull("in", r#"{"batch":9,"no_wait":true}"#),
        ["in #2 d2 x1 +2", "in #3 d3 x1 +1", "in #5 d4 x1 +0", "in 404 No Messages"]
    );
}

#[test]
fn resets() {
    let mut rig = Rig::with(&SUBJECTS, config());
    rig.pull("in", r#"{"batch":3}"#);
    rig.ack(1, 1);
    let mut reset = |sequence| rig.scene(|consumer, scene| consumer.reset(sequence, scene));
    assert_eq!(reset(0), Ok(2));
    assert_eq!(rig.numbers(), "0/1 0/1 a0 r0 w0 p4");
    assert_eq!(rig.pull("in", ""), ["in #2 d1 x1 +3"]);
    let mut rig =
        Rig::with(&SUBJECTS, with(deliver(DeliverPolicy::ByStartSequence, ""), |rare| rare.start_sequence = 3));
    let mut reset = |sequence| rig.scene(|consumer, scene| consumer.reset(sequence, scene));
    assert_eq!(reset(2), Err(ResetError::BelowStartSequence));
    assert_eq!(reset(4), Ok(4));
    let start_time = Some(Time::from(START + 2 * SECOND));
    let mut rig =
        Rig::with(&SUBJECTS, with(deliver(DeliverPolicy::ByStartTime, ""), |rare| rare.start_time = start_time));
    let mut reset = |sequence| rig.scene(|consumer, scene| consumer.reset(sequence, scene));
    assert_eq!(reset(2), Err(ResetError::BelowStartTime));
    assert_eq!(reset(3), Ok(3));
    let mut rig = Rig::with(&SUBJECTS, deliver(DeliverPolicy::New, ""));
    let mut reset = |sequence| rig.scene(|consumer, scene| consumer.reset(sequence, scene));
    assert_eq!(reset(2), Err(ResetError::NotAllowed));
}

#[test]
fn a_purge_up_to_a_place_takes_from_the_count_only_what_was_there() {
    let mut rig = Rig::with(&["a"; 10], config());
    assert_eq!(rig.pull("in", ""), ["in #1 d1 x1 +9"]);
    rig.log.remove_below(5).unwrap();
    rig.scene(Consumer::handle_purge);
    assert_eq!(rig.numbers(), "1/4 1/4 a0 r0 w0 p6");
    let mut rig = Rig::with(&["a", "b", "a", "b", "a", "b", "a"], deliver(DeliverPolicy::All, "b"));
    assert_eq!(rig.info().num_pending, 3);
    rig.log.remove_below(4).unwrap();
    rig.scene(Consumer::handle_purge);
    assert_eq!(rig.info().num_pending, 2);
}
