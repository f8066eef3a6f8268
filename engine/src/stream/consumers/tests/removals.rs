//! Messages that leave the stream while they wait for their acknowledgement.

use super::fixture::{Fixture, SECOND, durable, stream_config};
use crate::consumer::config::ConsumerConfig;
use crate::stream::config::{Retention, StreamConfig};

/// A consumer that may have one message out.
fn one_at_a_time(name: &str) -> ConsumerConfig {
    ConsumerConfig { max_ack_pending: 1, ..durable(name) }
}

/// With one message at the client and more before it.
fn blocked(broker: &Fixture) {
    broker.create(one_at_a_time("C"));
    broker.publish("a.b", "one");
    broker.publish("a.b", "two");
    broker.pull("C", "5");
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.1.1.1.1 one"]);
}

#[test]
fn what_is_deleted_makes_room() {
    let broker = Fixture::new();
    blocked(&broker);
    broker.subscribe("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>", None);
    broker.request("$JS.API.STREAM.MSG.DELETE.S", None, r#"{"seq":1}"#);
    let heard = broker.heard();
    assert!(heard.contains(&"MSG a.b 1 S.C.1.2.2.0 two".to_owned()), "{heard:?}");
    assert!(heard.iter().any(|line| line.contains("MSG_TERMINATED.S.C")), "{heard:?}");
}

#[test]
fn what_a_limit_takes_makes_room() {
    let broker = Fixture::of(StreamConfig { max_messages: 2, ..stream_config(Retention::Limits) });
    blocked(&broker);
    broker.publish("a.b", "three");
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.1.2.2.1 two"]);
}

#[test]
fn what_expires_makes_room() {
    let max_age = crate::api::time::Nanos(10 * SECOND);
    let broker = Fixture::of(StreamConfig { max_age, ..stream_config(Retention::Limits) });
    broker.create(one_at_a_time("C"));
    broker.publish("a.b", "one");
    broker.pull("C", "5");
    broker.pass(5 * SECOND);
    broker.publish("a.b", "two");
    broker.heard();
    broker.pass(6 * SECOND);
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.1.2.2.0 two"]);
}

#[test]
fn what_is_purged_makes_room() {
    let broker = Fixture::new();
    blocked(&broker);
    let purge = crate::stream::core::Purge { sequence: Some(2), ..Default::default() };
    assert_eq!(broker.stream.purge(&purge), Ok(1));
    broker.run_jobs();
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.1.2.2.0 two"]);
}

#[test]
fn whoever_looks_at_a_consumer_takes_nothing_from_those_who_wait() {
    let broker = Fixture::new();
    blocked(&broker);
    // A removal that is not committed yet.
    broker.stream.look(|core| core.log_mut().remove(1)).unwrap();
    assert_eq!(broker.stream.consumer_info("C").unwrap().state.num_ack_pending, 0);
    broker.run_jobs();
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.1.2.2.0 two"]);
}

#[test]
fn those_that_do_not_wait_for_it_are_left_alone() {
    let broker = Fixture::new();
    for name in ["C", "D"] {
        broker.create(durable(name));
    }
    broker.publish("a.b", "one");
    broker.publish("a.b", "two");
    broker.pull("C", "");
    broker.heard();
    broker.request("$JS.API.STREAM.MSG.DELETE.S", None, r#"{"seq":1}"#);
    let pending = |name| broker.stream.consumer_info(name).unwrap().state;
    assert_eq!((pending("C").num_ack_pending, pending("C").num_pending), (0, 1));
    assert_eq!((pending("D").num_ack_pending, pending("D").num_pending), (0, 1));
}
