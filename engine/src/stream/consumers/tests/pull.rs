//! Requests for messages.

use super::fixture::{Fixture, durable};

#[test]
fn what_is_asked_for_is_delivered() {
    let broker = Fixture::new();
    for payload in ["one", "two", "three"] {
        assert_eq!(broker.publish("a.b", payload), 1);
    }
    broker.create(durable("C"));
    assert_eq!(broker.pull("C", "2"), 1);
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.1.1.1.2 one", "MSG a.b 1 S.C.1.2.2.1 two"]);
    broker.pull("C", "2");
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.1.3.3.0 three"]);
    broker.publish("a.c", "four");
    assert_eq!(broker.heard(), ["MSG a.c 1 S.C.1.4.4.0 four"], "it waited");
    broker.publish("a.c", "five");
    assert!(broker.heard().is_empty(), "nobody asked for it");
}

#[test]
fn nobody_answers_for_a_consumer_that_is_not_there() {
    let broker = Fixture::new();
    assert_eq!(broker.pull("C", ""), 0);
    broker.create(durable("C"));
    assert_eq!(broker.pull("C", ""), 1);
    assert_eq!(broker.request("$JS.ACK.S.D.1.1.1.1.0", Some("in"), ""), 0);
    assert_eq!(broker.request("$JS.API.CONSUMER.MSG.NEXT.T.C", Some("in"), ""), 0);
    assert_eq!(broker.request("$JS.hub.API.CONSUMER.MSG.NEXT.S.C", Some("in"), ""), 0, "that is another domain");
    assert!(broker.stream.delete_consumer("C"));
    assert_eq!(broker.heard(), ["HMSG in 1 33 NATS/1.0 409 Consumer Deleted||"]);
    assert_eq!(broker.pull("C", ""), 0);
}

#[test]
fn whoever_asks_for_it_is_told_that_an_acknowledgement_was_taken() {
    let broker = Fixture::new();
    broker.create(durable("C"));
    broker.publish("a.b", "one");
    broker.pull("C", "");
    broker.heard();
    assert_eq!(broker.request("$JS.ACK.S.C.1.1.1.1.0", Some("in"), "+ACK"), 1);
    assert_eq!(broker.heard(), ["MSG in 1 "]);
    assert_eq!(broker.request("$JS.ACK.S.C.1.1.1.1.0", None, ""), 1);
    assert!(broker.heard().is_empty());
}

#[test]
fn a_stream_that_goes_tells_those_who_wait() {
    let broker = Fixture::new();
    broker.create(durable("C"));
    broker.pull("C", "");
    broker.engine.jetstream().unwrap().delete("S").unwrap();
    broker.run_jobs();
    assert_eq!(broker.heard(), ["HMSG in 1 33 NATS/1.0 409 Consumer Deleted||"]);
    assert_eq!(broker.pull("C", ""), 0);
}
