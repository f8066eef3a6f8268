//! Which consumers a new message wakes.

use super::fixture::{Fixture, SECOND, durable};
use crate::consumer::config::{ConsumerConfig, with};

fn of(name: &str, filter: &str) -> ConsumerConfig {
    ConsumerConfig { filter_subject: filter.to_owned(), ..durable(name) }
}

#[test]
fn a_message_goes_to_those_who_want_its_subject() {
    let broker = Fixture::new();
    for (name, filter) in [("A", "a.x"), ("B", "a.y"), ("C", "a.*"), ("D", "")] {
        broker.create(of(name, filter));
        broker.pull(name, "10");
    }
    broker.publish("a.y", "1");
    let mut heard = broker.heard();
    heard.sort();
    assert_eq!(heard, ["MSG a.y 1 S.B.1.1.1.0 1", "MSG a.y 1 S.C.1.1.1.0 1", "MSG a.y 1 S.D.1.1.1.0 1"]);
    broker.publish("a.x", "2");
    broker.publish("a.y", "3");
    let mut heard = broker.heard();
    heard.sort();
    let expected = [
        "MSG a.x 1 S.A.1.2.1.0 2",
        "MSG a.x 1 S.C.1.2.2.0 2",
        "MSG a.x 1 S.D.1.2.2.0 2",
        "MSG a.y 1 S.B.1.3.2.0 3",
        "MSG a.y 1 S.C.1.3.3.0 3",
        "MSG a.y 1 S.D.1.3.3.0 3",
    ];
    assert_eq!(heard, expected);
}

#[test]
fn several_filters_of_one_consumer() {
    let broker = Fixture::new();
    let filters = ["a.x", "a.y"].map(str::to_owned).to_vec();
    broker.create(with(durable("C"), |rare| rare.filter_subjects = filters));
    broker.pull("C", "10");
    for (number, subject) in ["a.x", "a.z", "a.y", "a.y", "a.x"].into_iter().enumerate() {
        broker.publish(subject, &number.to_string());
    }
    let expected =
        ["MSG a.x 1 S.C.1.1.1.0 0", "MSG a.y 1 S.C.1.3.2.0 2", "MSG a.y 1 S.C.1.4.3.0 3", "MSG a.x 1 S.C.1.5.4.0 4"];
    assert_eq!(broker.heard(), expected);
}

#[test]
fn another_filter_counts_from_the_update_on() {
    let broker = Fixture::new();
    broker.create(of("C", "a.x"));
    broker.pull("C", "10");
    broker.stream.update_consumer("C", of("C", "a.y")).unwrap();
    broker.publish("a.x", "1");
    broker.publish("a.y", "2");
    assert_eq!(broker.heard(), ["MSG a.y 1 S.C.1.2.1.0 2"]);
}

#[test]
fn a_request_that_waits_too_long_is_told() {
    let broker = Fixture::new();
    broker.create(durable("C"));
    broker.pull("C", r#"{"batch":3,"expires":1000000000}"#);
    broker.publish("a.b", "1");
    broker.heard();
    broker.pass(SECOND / 2);
    assert!(broker.heard().is_empty());
    broker.pass(SECOND);
    let expected = "HMSG in 1 81 NATS/1.0 408 Request Timeout|Nats-Pending-Messages: 2|Nats-Pending-Bytes: 0||";
    assert_eq!(broker.heard(), [expected]);
}

#[test]
fn what_is_not_acknowledged_comes_again() {
    let broker = Fixture::new();
    broker.create(durable("C"));
    broker.publish("a.b", "1");
    broker.pull("C", "2");
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.1.1.1.0 1"]);
    broker.pass(31 * SECOND);
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.2.1.2.0 1"]);
    broker.request("$JS.ACK.S.C.2.1.2.1.0", None, "");
    broker.pull("C", "2");
    broker.pass(100 * SECOND);
    assert!(broker.heard().is_empty());
}

#[test]
fn a_purge_takes_what_was_not_delivered_and_what_waits() {
    let broker = Fixture::new();
    broker.create(durable("C"));
    for number in 1..=5 {
        broker.publish("a.b", &number.to_string());
    }
    broker.pull("C", "2");
    broker.heard();
    assert_eq!(broker.stream.purge(&crate::stream::core::Purge::default()), Ok(5));
    broker.run_jobs();
    let state = broker.stream.consumer_info("C").unwrap().state;
    assert_eq!((state.num_pending, state.num_ack_pending), (0, 0));
    broker.pull("C", "2");
    broker.publish("a.b", "6");
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.1.6.3.0 6"]);
}
