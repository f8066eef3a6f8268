//! Messages that leave with the last acknowledgement.

use std::path::PathBuf;

use embus_storage::medium::crash::CrashMedium;

use super::fixture::{Fixture, durable, stream_config};
use crate::consumer::config::ConsumerConfig;
use crate::jetstream::JetStreamOptions;
use crate::stream::config::Retention;

fn ack(broker: &Fixture, consumer: &str, sequence: u64) {
    broker.request(&format!("$JS.ACK.S.{consumer}.1.{sequence}.{sequence}.1.0"), None, "");
}

fn messages(broker: &Fixture) -> u64 {
    broker.stream.look(|core| core.log().messages())
}

#[test]
fn a_work_queue_removes_what_was_acknowledged() {
    let broker = Fixture::of(stream_config(Retention::WorkQueue));
    broker.publish("a.b", "1");
    broker.publish("a.b", "2");
    assert_eq!(messages(&broker), 2, "they wait for somebody");
    broker.create(durable("C"));
    broker.pull("C", "2");
    ack(&broker, "C", 2);
    assert_eq!(messages(&broker), 1);
    ack(&broker, "C", 1);
    assert_eq!(messages(&broker), 0);
}

#[test]
fn interest_removes_what_all_have_acknowledged() {
    let broker = Fixture::of(stream_config(Retention::Interest));
    broker.publish("a.b", "nobody");
    assert_eq!(messages(&broker), 0);
    broker.create(durable("A"));
    broker.create(ConsumerConfig { filter_subject: "a.x".to_owned(), ..durable("B") });
    broker.publish("a.x", "both");
    broker.publish("a.y", "one");
    broker.pull("A", "2");
    broker.pull("B", "2");
    broker.request("$JS.ACK.S.A.1.2.1.1.0", None, "");
    broker.request("$JS.ACK.S.A.1.3.2.1.0", None, "");
    assert_eq!(messages(&broker), 1);
    broker.request("$JS.ACK.S.B.1.2.1.1.0", None, "");
    assert_eq!(messages(&broker), 0);
}

#[test]
fn a_consumer_that_goes_needs_nothing_any_more() {
    let broker = Fixture::of(stream_config(Retention::Interest));
    broker.create(durable("A"));
    broker.create(durable("B"));
    for _ in 0..3 {
        broker.publish("a.x", "");
    }
    broker.pull("A", "2");
    ack(&broker, "A", 1);
    ack(&broker, "A", 2);
    assert_eq!(messages(&broker), 3);
    broker.stream.delete_consumer("B");
    broker.run_jobs();
    assert_eq!(messages(&broker), 1);
    broker.stream.delete_consumer("A");
    broker.run_jobs();
    assert_eq!(messages(&broker), 0);
    broker.publish("a.x", "nobody");
    assert_eq!(messages(&broker), 0);
}

#[test]
fn a_stream_that_comes_to_keep_what_is_needed_lets_go_of_the_rest() {
    let broker = Fixture::new();
    broker.create(ConsumerConfig { filter_subject: "a.x".to_owned(), ..durable("A") });
    for subject in ["a.x", "a.x", "a.x", "a.y"] {
        broker.publish(subject, "");
    }
    broker.pull("A", "3");
    ack(&broker, "A", 1);
    assert_eq!(messages(&broker), 4);
    update(&broker, Retention::Interest);
    assert_eq!(messages(&broker), 2, "what was acknowledged before, and what nobody wants");
    ack(&broker, "A", 2);
    assert_eq!(messages(&broker), 1);
    update(&broker, Retention::Limits);
    ack(&broker, "A", 3);
    assert_eq!(messages(&broker), 1);
}

fn update(broker: &Fixture, retention: Retention) {
    broker.engine.jetstream().unwrap().update(stream_config(retention), false).unwrap();
    broker.run_jobs();
}

#[test]
fn a_filter_that_is_narrowed_needs_less() {
    let broker = Fixture::of(stream_config(Retention::Interest));
    broker.create(durable("A"));
    for subject in ["a.x", "a.y", "a.x", "a.y"] {
        broker.publish(subject, "");
    }
    let config = ConsumerConfig { filter_subject: "a.x".to_owned(), ..durable("A") };
    broker.stream.update_consumer("A", config).unwrap();
    broker.run_jobs();
    assert_eq!(messages(&broker), 2);
    broker.pull("A", "9");
    assert_eq!(broker.heard(), ["MSG a.x 1 S.A.1.1.1.1 ", "MSG a.x 1 S.A.1.3.2.0 "]);
}

#[test]
fn what_is_published_while_its_consumer_goes_does_not_stay() {
    let disk = CrashMedium::new(1);
    let (medium, dir) = (std::sync::Arc::new(disk), Some(PathBuf::from("/store")));
    let change = |options| JetStreamOptions { medium, dir, ..options };
    let broker = Fixture::with(stream_config(Retention::Interest), change);
    broker.create(durable("A"));
    broker.create(ConsumerConfig { filter_subject: "a.y".to_owned(), ..durable("B") });
    broker.begin_request("a.x", None, "");
    broker.begin_request("a.y", None, "");
    broker.stream.delete_consumer("A");
    broker.run_jobs();
    assert_eq!(messages(&broker), 1);
    broker.pull("B", "");
    assert_eq!(broker.heard(), ["MSG a.y 1 S.B.1.2.1.0 "]);
}

#[test]
fn a_consumer_that_is_set_forward_needs_nothing_before_that() {
    let broker = Fixture::of(stream_config(Retention::Interest));
    broker.create(durable("A"));
    for _ in 0..3 {
        broker.publish("a.x", "");
    }
    broker.request("$JS.API.CONSUMER.RESET.S.A", Some("in"), r#"{"seq":3}"#);
    assert_eq!(messages(&broker), 1);
}
