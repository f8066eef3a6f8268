//! Requests: what they get, and which status ends them.

use super::rig::{Rig, SECOND, commit, config};
use crate::api::time::Nanos;
use crate::consumer::Closing;
use crate::consumer::config::{ConsumerConfig, with};
use embus_storage::log::Append;

#[test]
fn a_batch_that_is_not_filled_times_out() {
    let mut rig = Rig::with(&["a"; 2], config());
    assert_eq!(rig.pull("in", r#"{"batch":3,"expires":1000000000}"#), ["in #1 d1 x1 +1", "in #2 d2 x1 +0"]);
    assert_eq!(rig.pass(2 * SECOND), ["1000: in 408 Request Timeout 1 0"]);
    assert_eq!(rig.numbers(), "2/2 0/0 a2 r0 w0 p0");
    rig.publish("a");
    assert_eq!(rig.poll(), [""; 0]);
    assert_eq!(rig.pull("in", r#"{"batch":2,"expires":-5}"#), ["in 408 Request Timeout 2 0"]);
}

#[test]
fn odd_batches_ask_for_one() {
    let mut rig = Rig::with(&["a"; 5], config());
    for body in [r#"{"batch":0}"#, r#"{"batch":-7}"#, "-3", "junk"] {
        assert_eq!(rig.pull("in", body).len(), 1, "{body}");
    }
}

#[test]
fn requests_that_do_not_wait() {
    let mut rig = Rig::with(&["a"; 2], config());
    let sent = rig.pull("in", r#"{"batch":5,"no_wait":true}"#);
    assert_eq!(sent, ["in #1 d1 x1 +1", "in #2 d2 x1 +0", "in 404 No Messages"]);
    assert_eq!(rig.pull("in", r#"{"batch":5,"no_wait":true}"#), ["in 404 No Messages"]);
    assert_eq!(rig.pull("in", r#"{"batch":5,"no_wait":true,"expires":300000000}"#), [""; 0]);
    assert_eq!(rig.pass(SECOND), ["300: in 408 Request Timeout 5 0"]);
    rig.pull("in", r#"{"batch":5,"no_wait":true,"expires":300000000}"#);
    rig.publish("a");
    assert_eq!(rig.poll(), ["in #3 d3 x1 +0", "in 404 No Messages"]);
}

#[test]
fn who_does_not_wait_does_not_overtake() {
    let mut rig = Rig::new(config());
    rig.congested.insert("slow".to_owned());
    rig.pull("slow", r#"{"batch":3}"#);
    rig.publish_all(&["a", "a"]);
    assert_eq!(rig.pull("in", r#"{"batch":1,"no_wait":true}"#), ["in 408 Requests Pending"]);
    rig.congested.clear();
    assert_eq!(rig.poll(), ["slow #1 d1 x1 +1", "slow #2 d2 x1 +0"]);
    assert_eq!(rig.pull("in", r#"{"batch":1,"no_wait":true}"#), ["in 404 No Messages"]);
}

#[test]
fn bytes_are_counted_with_subject_and_reply() {
    let mut rig = Rig::with(&["a.x"; 6], config());
    // 3 + 39 + 10 bytes each.
    let sent = rig.pull("in", r#"{"batch":1,"max_bytes":1000}"#);
    assert_eq!(sent, ["in #1 d1 x1 +5", "in 409 Batch Completed 0 948"]);
    let sent = rig.pull("in", r#"{"batch":5,"max_bytes":100}"#);
    assert_eq!(sent, ["in #2 d2 x1 +4", "in 409 Message Size Exceeds MaxBytes 4 48"]);
    assert_eq!(rig.pull("in", r#"{"batch":5,"max_bytes":52}"#), ["in #3 d3 x1 +3"]);
    assert_eq!(rig.pull("in", r#"{"batch":5,"max_bytes":10}"#), ["in 409 Message Size Exceeds MaxBytes 5 10"]);
    assert_eq!(rig.numbers(), "3/3 0/0 a3 r0 w0 p3");
}

#[test]
fn clients_take_turns() {
    let mut rig = Rig::new(config());
    rig.pull("one", r#"{"batch":3}"#);
    rig.pull("two", r#"{"batch":2}"#);
    rig.publish_all(&["a"; 5]);
    let receivers: Vec<_> = rig.poll().iter().map(|text| text[..3].to_owned()).collect();
    assert_eq!(receivers, ["one", "two", "one", "two", "one"]);
}

#[test]
fn whoever_is_gone_gets_nothing_and_whoever_is_slow_gets_it_later() {
    let mut rig = Rig::new(config());
    for reply in ["gone", "slow", "in"] {
        rig.pull(reply, r#"{"batch":2}"#);
    }
    rig.gone.insert("gone".to_owned());
    rig.congested.insert("slow".to_owned());
    rig.publish_all(&["a"; 4]);
    assert_eq!(rig.poll(), ["in #1 d1 x1 +3", "in #2 d2 x1 +2"]);
    assert_eq!(rig.info().num_waiting, 1);
    rig.congested.clear();
    assert_eq!(rig.poll(), ["slow #3 d3 x1 +1", "slow #4 d4 x1 +0"]);
}

#[test]
fn limits_of_the_configuration() {
    let limits = with(ConsumerConfig { max_waiting: 2, ..config() }, |rare| {
        (rare.max_batch, rare.max_expires, rare.max_bytes) = (5, Nanos(1_500_000_000), 100);
    });
    let mut rig = Rig::new(limits);
    assert_eq!(rig.pull("in", r#"{"batch":6}"#), ["in 409 Exceeded MaxRequestBatch of 5"]);
    assert_eq!(rig.pull("in", r#"{"expires":1600000000}"#), ["in 409 Exceeded MaxRequestExpires of 1.5s"]);
    assert_eq!(rig.pull("in", r#"{"max_bytes":101}"#), ["in 409 Exceeded MaxRequestMaxBytes of 100"]);
    rig.pull("one", r#"{"expires":1000000000}"#);
    rig.pull("two", "");
    assert_eq!(rig.pull("in", ""), ["in 409 Exceeded MaxWaiting"]);
    assert_eq!(rig.pull("in", r#"{"expires":1000000000,"idle_heartbeat":500000000}"#), [""; 0]);
    assert_eq!(rig.info().num_waiting, 2);
    rig.gone.insert("two".to_owned());
    assert_eq!(rig.pull("in", ""), [""; 0]);
    assert_eq!(rig.info().num_waiting, 2);
}

#[test]
fn heartbeats_tell_how_far_it_is() {
    let mut rig = Rig::with(&["a"], config());
    rig.pull("in", r#"{"batch":5,"expires":1000000000,"idle_heartbeat":300000000}"#);
    assert_eq!(rig.pass(200_000_000), [""; 0]);
    rig.publish("a");
    rig.poll();
    let sent = rig.pass(SECOND);
    assert_eq!(
        sent,
        ["300: in 100 Idle Heartbeat 2 2", "600: in 100 Idle Heartbeat 2 2", "800: in 408 Request Timeout 3 0"]
    );
    rig.pull("gone", r#"{"expires":1000000000,"idle_heartbeat":300000000}"#);
    rig.gone.insert("gone".to_owned());
    assert_eq!(rig.pass(2 * SECOND), [""; 0]);
}

#[test]
fn those_who_wait_are_told_when_it_ends() {
    let mut rig = Rig::new(config());
    rig.pull("in", r#"{"batch":5,"max_bytes":100}"#);
    let close = |rig: &mut Rig, why| rig.consumer.close(why).iter().map(super::rig::show_status).collect::<Vec<_>>();
    assert_eq!(close(&mut rig, Closing::Shutdown), ["in 409 Server Shutdown 5 100"]);
    rig.pull("in", "");
    assert_eq!(close(&mut rig, Closing::Deleted), ["in 409 Consumer Deleted"]);
}

#[test]
fn who_does_not_wait_does_not_stand_behind_those_who_left() {
    let mut rig = Rig::with(&["a"], ConsumerConfig { max_ack_pending: 1, ..config() });
    assert_eq!(rig.pull("gone", r#"{"batch":1000}"#).len(), 1);
    rig.publish("a");
    rig.gone.insert("gone".to_owned());
    let body = r#"{"batch":1,"no_wait":true,"expires":2000000000}"#;
    assert_eq!(rig.pull("in", body), [""; 0]);
    assert_eq!(rig.ack(1, 1), ["in #2 d2 x1 +0"]);
}

#[test]
fn without_payloads_only_what_is_sent_counts() {
    let mut rig = Rig::with(&["s.a"; 2], ConsumerConfig { headers_only: true, ..config() });
    let big = [b'x'; 1000];
    for headers in [&b""[..], b"NATS/1.0\r\nA: b\r\n\r\n"] {
        let message = Append { time: rig.now, subject: b"s.a", headers, payload: &big, marked: false, evict: 0 };
        rig.visible = rig.log.append(&message).unwrap();
        commit(&mut rig.log);
    }
    // Subject, reply, and a header block that tells the size: 3 + 39 + 31, of the larger ones 3 + 39 + 33 and 39.
    assert_eq!(rig.pull("in", r#"{"batch":1,"max_bytes":1000}"#), ["in #1 d1 x1 +3", "in 409 Batch Completed 0 927"]);
    assert_eq!(rig.pull("in", r#"{"batch":1,"max_bytes":1000}"#), ["in #2 d2 x1 +2", "in 409 Batch Completed 0 927"]);
    assert_eq!(rig.pull("in", r#"{"batch":1,"max_bytes":1000}"#), ["in #3 d3 x1 +1", "in 409 Batch Completed 0 925"]);
    assert_eq!(rig.pull("in", r#"{"batch":9,"max_bytes":100}"#), ["in #4 d4 x1 +0"]);
    assert_eq!(rig.pull("in", r#"{"batch":9,"max_bytes":10}"#), [""; 0]);
}

#[test]
fn a_request_that_is_over_is_told_so_also_when_the_consumer_ends_just_then() {
    let mut rig = Rig::new(config());
    rig.pull("in", r#"{"batch":3,"expires":1000000000}"#);
    rig.pull("later", "");
    rig.now += 2 * SECOND;
    rig.handle_deadline();
    let statuses = rig.consumer.close(Closing::Deleted);
    let statuses: Vec<_> = statuses.iter().map(super::rig::show_status).collect();
    assert_eq!(statuses, ["in 408 Request Timeout 3 0", "later 409 Consumer Deleted"]);
}
