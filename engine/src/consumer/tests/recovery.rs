//! What comes back after a crash.

use super::rig::{Rig, SECOND, append, config, empty_log};
use crate::api::time::Nanos;
use crate::consumer::config::{AckPolicy, ConsumerConfig, DeliverPolicy, with};

#[test]
fn it_goes_on_where_it_was() {
    for whole in [true, false] {
        let mut rig = Rig::with(&["a"; 9], ConsumerConfig { ack_wait: Nanos(9 * SECOND), ..config() });
        rig.save();
        rig.pull("in", r#"{"batch":5}"#);
        rig.ack(1, 1);
        rig.ack(2, 2);
        rig.say(3, 3, "-NAK");
        rig.save();
        rig.pull("in", "");
        rig.say(5, 5, "+TERM");
        rig.say(4, 4, "-NAK 20s");
        let before = rig.numbers();
        assert_eq!(before, "6/5 2/2 a2 r1 w0 p4");
        if whole {
            rig.save_whole();
        } else {
            rig.save();
        }
        rig.crash();
        assert_eq!(rig.numbers(), before);
        assert_eq!(rig.pull("in", ""), ["in #6 d7 x1 +3"]);
        rig.pull("in", r#"{"batch":9}"#);
        assert_eq!(
            rig.pass(10 * SECOND),
            [
                "9000: in #3 d11 x3 +0",
                "9000: in #6 d12 x2 +0",
                "9000: in #7 d13 x2 +0",
                "9000: in #8 d14 x2 +0",
                "9000: in #9 d15 x2 +0"
            ]
        );
        assert_eq!(rig.pass(10 * SECOND)[0], "8000: in #3 d16 x4 +0");
    }
}

#[test]
fn what_was_not_written_down_is_delivered_again() {
    let mut rig = Rig::with(&["a"; 3], config());
    rig.save();
    rig.pull("in", "");
    rig.save();
    rig.ack(1, 1);
    rig.pull("in", "");
    rig.crash();
    assert_eq!(rig.numbers(), "1/1 0/0 a1 r0 w0 p2");
    assert_eq!(rig.pull("in", ""), ["in #2 d2 x1 +1"]);
}

#[test]
fn it_is_never_ahead_of_its_stream() {
    let mut rig = Rig::with(&["a"; 9], config());
    rig.save();
    rig.pull("in", r#"{"batch":8}"#);
    rig.ack(1, 1);
    rig.ack(2, 2);
    rig.save();
    // A stream that lost its end and one in the middle.
    rig.log = empty_log();
    (0..5).for_each(|_| _ = append(&mut rig.log, "a", rig.now));
    rig.log.remove(4).unwrap();
    rig.crash();
    assert_eq!(rig.numbers(), "8/5 2/2 a2 r0 w0 p0");
    rig.publish("a");
    assert_eq!(rig.pull("in", ""), ["in #6 d9 x1 +0"]);
}

#[test]
fn a_start_that_lies_ahead_is_kept() {
    let start = ConsumerConfig { deliver_policy: DeliverPolicy::ByStartSequence, ..config() };
    let start = with(start, |rare| rare.start_sequence = 7);
    let mut rig = Rig::with(&["a"; 3], start);
    rig.save();
    rig.crash();
    rig.publish_all(&["a"; 5]);
    assert_eq!(rig.pull("in", ""), ["in #7 d1 x1 +1"]);
}

#[test]
fn the_last_messages_of_their_subjects_are_found_again() {
    let last =
        ConsumerConfig { deliver_policy: DeliverPolicy::LastPerSubject, filter_subject: ">".to_owned(), ..config() };
    let mut rig = Rig::with(&["a", "b", "c", "a", "b"], last);
    rig.save();
    assert_eq!(rig.pull("in", ""), ["in #3 d1 x1 +2"]);
    rig.publish("b");
    rig.save();
    rig.crash();
    let sent = rig.pull("in", r#"{"batch":9}"#);
    assert_eq!(sent, ["in #4 d2 x1 +2", "in #5 d3 x1 +1", "in #6 d4 x1 +0"]);
}

#[test]
fn without_acknowledgements_only_the_place_is_kept() {
    let mut rig = Rig::with(&["a"; 9], ConsumerConfig { ack_policy: AckPolicy::None, max_ack_pending: 0, ..config() });
    rig.save();
    rig.pull("in", r#"{"batch":4}"#);
    rig.save();
    assert!(rig.deltas.last().unwrap().len() < 20);
    rig.crash();
    assert_eq!(rig.numbers(), "4/4 4/4 a0 r0 w0 p5");
}

#[test]
fn one_whose_place_is_lost_skips_nothing() {
    let mut rig = Rig::with(&["a"; 2], ConsumerConfig { deliver_policy: DeliverPolicy::New, ..config() });
    rig.now += 5 * SECOND;
    rig.publish_all(&["a"; 3]);
    rig.crash();
    // It was created at the time of the first one, as far as is known.
    assert_eq!(rig.info().num_pending, 5);
    rig.snapshot = Some(vec![1, 2, 3]);
    rig.deltas = vec![vec![1, 200], vec![3, 2, 1, 0]];
    rig.crash();
    assert_eq!(rig.info().num_pending, 5);
}

#[test]
fn acknowledging_up_to_and_resets_come_back() {
    let mut rig = Rig::with(&["a"; 9], ConsumerConfig { ack_policy: AckPolicy::All, ..config() });
    rig.save();
    rig.pull("in", r#"{"batch":6}"#);
    rig.ack(4, 4);
    rig.save();
    rig.crash();
    assert_eq!(rig.numbers(), "6/6 4/4 a2 r0 w0 p3");
    rig.scene(|consumer, scene| consumer.reset(2, scene)).unwrap();
    rig.save();
    rig.crash();
    assert_eq!(rig.numbers(), "0/1 0/1 a0 r0 w0 p8");
}

#[test]
fn what_is_done_and_is_there_again_is_delivered_once_more() {
    let mut rig = Rig::with(&["a"; 3], config());
    rig.pull("in", r#"{"batch":10}"#);
    rig.ack(1, 1);
    rig.ack(2, 2);
    let is_back = |sequence| sequence == 1 || sequence == 3;
    assert!(rig.scene(|consumer, scene| consumer.take_back_done(is_back, scene.log, scene.now)));
    assert_eq!(rig.numbers(), "3/3 0/0 a2 r0 w1 p0");
    assert_eq!(rig.poll(), ["in #1 d4 x1 +0"]);
    rig.save();
    rig.ack(1, 4);
    rig.ack(3, 3);
    assert_eq!(rig.numbers(), "4/3 4/3 a0 r0 w1 p0");
}
