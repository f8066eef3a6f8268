//! Push consumers: interest, flow control, heartbeats, rate.

use super::rig::{Rig, SECOND, push_config};
use crate::api::time::Nanos;
use crate::consumer::config::{AckPolicy, ConsumerConfig, with};

#[test]
fn it_delivers_while_somebody_listens() {
    let mut rig = Rig::with(&["a"; 3], push_config());
    rig.gone.insert("push".to_owned());
    assert_eq!(rig.poll(), [""; 0]);
    assert!(!rig.info().push_bound && !rig.consumer.is_hungry());
    rig.gone.clear();
    rig.consumer.handle_interest(true, rig.now);
    assert_eq!(rig.poll(), ["push #1 d1 x1 +2", "push #2 d2 x1 +1", "push #3 d3 x1 +0"]);
    assert!(rig.info().push_bound && rig.consumer.is_hungry());
    rig.gone.insert("push".to_owned());
    rig.consumer.handle_interest(false, rig.now);
    rig.publish("a");
    assert!(!rig.consumer.is_hungry());
    assert_eq!(rig.poll(), [""; 0]);
    assert_eq!(rig.pull("in", ""), ["in 409 Consumer is push based"]);
}

#[test]
fn a_slow_one_gets_it_later() {
    let mut rig = Rig::with(&["a"; 2], push_config());
    rig.congested.insert("push".to_owned());
    assert_eq!(rig.poll(), [""; 0]);
    assert!(rig.info().push_bound);
    rig.congested.clear();
    assert_eq!(rig.poll().len(), 2);
}

#[test]
fn heartbeats_come_when_nothing_else_does() {
    let mut rig = Rig::with(&["a"], with(push_config(), |rare| rare.idle_heartbeat = Nanos(SECOND)));
    rig.poll();
    assert_eq!(rig.pass(1_500_000_000), ["1000: push 100 Idle Heartbeat 1 1"]);
    rig.publish("a");
    rig.poll();
    assert_eq!(rig.pass(2_500_000_000), ["1000: push 100 Idle Heartbeat 2 2", "2000: push 100 Idle Heartbeat 2 2"]);
    rig.gone.insert("push".to_owned());
    rig.consumer.handle_interest(false, rig.now);
    assert_eq!(rig.pass(5 * SECOND), [""; 0]);
}

#[test]
fn a_full_window_waits_for_its_answer() {
    let ack_policy = AckPolicy::None;
    let config = ConsumerConfig { ack_policy, flow_control: true, max_ack_pending: 0, ..push_config() };
    let config = with(config, |rare| rare.idle_heartbeat = Nanos(SECOND));
    let mut rig = Rig::with(&vec!["a"; 45_000], config);
    let mut sent = 0;
    let mut question = None;
    loop {
        let step = rig.step();
        match step {
            Some(crate::consumer::Step::Deliver(_)) => sent += 1,
            Some(crate::consumer::Step::Run(run)) => sent += run.run.len(),
            Some(crate::consumer::Step::Status(status)) => {
                assert_eq!(super::rig::show_status(&status), "push 100 FlowControl Request ? $JS.FC.S.C.0001");
                assert!(question.replace((sent, status.reply.unwrap())).is_none());
            }
            None => break,
        }
    }
    // About 61 bytes each: half a window of 2 MiB, and all of it.
    let (asked_at, question) = question.unwrap();
    assert!((16_000..18_000).contains(&asked_at), "{asked_at}");
    assert!((33_000..36_000).contains(&sent), "{sent}");
    assert!(!rig.consumer.is_hungry());
    let stalled = format!("1000: push 100 Idle Heartbeat {sent} {sent} $JS.FC.S.C.0001");
    assert_eq!(rig.pass(SECOND), [stalled]);
    rig.consumer.handle_flow(b"$JS.FC.S.C.9999", None, rig.now);
    assert_eq!(rig.poll(), [""; 0]);
    rig.consumer.handle_flow(&question, None, rig.now);
    assert!(rig.poll().len() >= 45_000 - sent);
    assert_eq!(rig.info().num_pending, 0);
}

#[test]
fn no_faster_than_its_rate() {
    // 8 MiB/s; the first MiB is free: about 17,000 messages.
    let config = ConsumerConfig { ack_policy: AckPolicy::None, max_ack_pending: 0, ..push_config() };
    let config = with(config, |rare| rare.rate_limit = 8 << 20);
    let mut rig = Rig::with(&vec!["a"; 45_000], config);
    let mut sent = 0;
    while rig.step().is_some() {
        sent += 1;
    }
    assert!((16_000..18_000).contains(&sent), "{sent}");
    assert!(rig.consumer.next_deadline().is_some());
    let more = rig.pass(SECOND / 100).len();
    assert!((150..250).contains(&more), "{more}");
}

#[test]
fn answers_of_flow_control_acknowledge() {
    let config = ConsumerConfig {
        ack_policy: AckPolicy::FlowControl,
        ack_wait: Nanos(0),
        flow_control: true,
        max_ack_pending: 10,
        ..push_config()
    };
    let config = with(config, |rare| rare.idle_heartbeat = Nanos(SECOND));
    let mut rig = Rig::with(&["a"; 3], config);
    assert_eq!(rig.poll().len(), 3);
    let asked = ["1000: push 100 Idle Heartbeat 3 3", "1000: push 100 FlowControl Request ? $JS.FC.S.C.0001"];
    assert_eq!(rig.pass(SECOND), asked);
    rig.ack(3, 3);
    rig.consumer.handle_flow(b"$JS.FC.S.C.zzzz", Some(2), rig.now);
    assert_eq!(rig.numbers(), "3/3 0/0 a3 r0 w0 p0", "only answers to what was asked count");
    rig.consumer.handle_flow(b"$JS.FC.S.C.0001", Some(2), rig.now);
    assert_eq!(rig.numbers(), "3/3 2/2 a1 r0 w0 p0");
    assert_eq!(rig.settled(), [1, 2]);
    rig.pass(SECOND);
    rig.consumer.handle_flow(b"$JS.FC.S.C.0002", Some(400), rig.now);
    assert_eq!(rig.numbers(), "3/3 3/3 a0 r0 w0 p0");
    rig.publish_all(&["a"; 12]);
    let sent = rig.poll();
    assert_eq!(sent.len(), 11);
    assert_eq!(sent[10], "push 100 FlowControl Request ? $JS.FC.S.C.0003", "as many are out as may be");
    rig.consumer.handle_flow(b"$JS.FC.S.C.0003", None, rig.now);
    assert_eq!(rig.poll(), [""; 0], "it says nothing of what has arrived");
    let asked = ["1000: push 100 Idle Heartbeat 13 13", "1000: push 100 FlowControl Request ? $JS.FC.S.C.0004"];
    assert_eq!(rig.pass(SECOND), asked);
    rig.consumer.handle_flow(b"$JS.FC.S.C.0004", Some(13), rig.now);
    assert_eq!(rig.poll().len(), 2);
    assert_eq!(rig.numbers(), "15/15 13/13 a2 r0 w0 p0", "and nothing is delivered again, however long it takes");
}
