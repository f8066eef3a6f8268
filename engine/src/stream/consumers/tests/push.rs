//! Push consumers: they deliver while somebody listens.

use super::fixture::{Fixture, SECOND, durable};
use crate::api::time::Nanos;
use crate::consumer::config::{AckPolicy, ConsumerConfig, with};

fn push(name: &str) -> ConsumerConfig {
    with(ConsumerConfig { max_waiting: 0, ..durable(name) }, |rare| rare.deliver_subject = "to".to_owned())
}

#[test]
fn messages_come_once_somebody_listens() {
    let broker = Fixture::new();
    broker.publish("a.b", "one");
    let info = broker.create(push("P"));
    assert!(!info.state.push_bound);
    assert!(broker.heard().is_empty());
    let subscription = broker.subscribe("to", None);
    assert_eq!(broker.heard(), ["MSG a.b 1 S.P.1.1.1.0 one"]);
    assert!(broker.stream.consumer_info("P").unwrap().state.push_bound);
    broker.publish("a.b", "two");
    assert_eq!(broker.heard(), ["MSG a.b 1 S.P.1.2.2.0 two"]);
    broker.unsubscribe(&subscription);
    assert!(!broker.stream.consumer_info("P").unwrap().state.push_bound);
    broker.publish("a.b", "three");
    assert!(broker.heard().is_empty());
    broker.subscribe("t*", None);
    broker.subscribe("*", None);
    let heard = broker.heard();
    assert_eq!(heard.first().map(String::as_str), Some("MSG a.b 1 S.P.1.3.3.0 three"), "a wildcard listens, too");
}

#[test]
fn a_group_is_served_if_somebody_is_in_it() {
    let broker = Fixture::new();
    broker.create(with(push("P"), |rare| rare.deliver_group = "g".to_owned()));
    broker.publish("a.b", "one");
    broker.subscribe("to", Some("h"));
    assert!(broker.heard().is_empty());
    broker.subscribe("to", Some("g"));
    assert!(broker.heard().contains(&"MSG a.b 1 S.P.1.1.1.0 one".to_owned()));
}

#[test]
fn it_says_that_it_is_alive() {
    let broker = Fixture::new();
    broker.create(with(push("P"), |rare| rare.idle_heartbeat = Nanos(SECOND)));
    broker.subscribe("to", None);
    broker.publish("a.b", "one");
    broker.heard();
    broker.pass(2 * SECOND);
    let expected = "HMSG to 1 75 NATS/1.0 100 Idle Heartbeat|Nats-Last-Consumer: 1|Nats-Last-Stream: 1||";
    assert_eq!(broker.heard().first().map(String::as_str), Some(expected));
}

#[test]
fn one_that_nobody_listens_to_ends() {
    let broker = Fixture::new();
    let ephemeral = ConsumerConfig {
        durable_name: String::new(),
        inactive_threshold: Nanos(5 * SECOND),
        ack_policy: AckPolicy::None,
        ..push("E")
    };
    broker.create(ephemeral);
    broker.subscribe("$JS.EVENT.ADVISORY.CONSUMER.>", None);
    let subscription = broker.subscribe("to", None);
    broker.pass(60 * SECOND);
    assert_eq!(broker.stream.consumer_count(), 1);
    broker.unsubscribe(&subscription);
    broker.pass(7 * SECOND);
    broker.pass(7 * SECOND);
    assert_eq!(broker.stream.consumer_count(), 0);
    let heard = broker.heard();
    assert!(heard.iter().any(|line| line.contains("CONSUMER.DELETED.S.E")), "{heard:?}");
    assert_eq!(broker.engine.jetstream().unwrap().account().consumers, 0);
}

#[test]
fn headers_only() {
    let broker = Fixture::new();
    broker.create(ConsumerConfig { headers_only: true, ..push("P") });
    broker.subscribe("to", None);
    broker.publish("a.b", "hello");
    assert_eq!(broker.heard(), ["HMSG a.b 1 S.P.1.1.1.0 30 NATS/1.0|Nats-Msg-Size: 5||"]);
}

#[test]
fn changes_of_interest_wait_once() {
    let broker = Fixture::new();
    for number in 0..300 {
        let config = with(push(&format!("P{number}")), |rare| rare.deliver_subject = format!("to.{number}.x"));
        broker.create(config);
    }
    broker.publish("a.b", "one");
    broker.begin_subscribe("to.7.x", None);
    broker.begin_subscribe("other.*.x", None);
    assert_eq!(broker.jobs(), 1);
    broker.run_jobs();
    assert_eq!(broker.heard(), ["MSG a.b 1 S.P7.1.1.1.0 one"]);
    for filter in ["to.*.x", "*.8.>", ">"] {
        broker.begin_subscribe(filter, None);
        assert_eq!(broker.jobs(), 1);
    }
    broker.run_jobs();
    let heard = broker.heard();
    let of = |name: &str| heard.iter().filter(|line| line.contains(&format!(" S.{name}.1.1.1.0 one"))).count();
    assert_eq!((of("P6"), of("P8"), of("P299"), of("P7")), (2, 3, 2, 0));
}
