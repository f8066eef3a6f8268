//! Messages that cannot be read any more are lost, and say so; nobody waits for them.

use std::path::{Path, PathBuf};

use embus_storage::medium::crash::CrashMedium;

use super::fixture::{Fixture, durable, stream_config};
use crate::consumer::config::ConsumerConfig;
use crate::fixtures::flip;
use crate::jetstream::JetStreamOptions;
use crate::stream::config::Retention;

fn on(disk: &CrashMedium) -> Fixture {
    let (medium, dir) = (std::sync::Arc::new(disk.clone()), Some(PathBuf::from("/store")));
    Fixture::with(stream_config(Retention::Limits), |options| JetStreamOptions { medium, dir, ..options })
}

/// A consumer `C` of three messages, the second one damaged.
fn damaged(config: ConsumerConfig) -> Fixture {
    let disk = CrashMedium::new(1);
    let broker = on(&disk);
    for payload in ["first", "second", "third"] {
        broker.publish("a.b", payload);
    }
    broker.create(config);
    assert!(flip(&disk, Path::new("/store"), b"second"), "it lies somewhere");
    broker
}

#[test]
fn who_asked_gets_as_many_as_they_asked_for() {
    let broker = damaged(durable("C"));
    broker.pull("C", "4");
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.1.1.1.2 first", "MSG a.b 1 S.C.1.3.3.0 third"]);
    assert_eq!(broker.stream.look(|core| core.log().state().lost_messages), 1);
    let info = broker.stream.consumer_info("C").unwrap().state;
    assert_eq!((info.num_ack_pending, info.num_waiting), (2, 1));
    broker.publish("a.b", "fourth");
    broker.publish("a.b", "fifth");
    assert_eq!(broker.heard().len(), 2);
    assert_eq!(broker.stream.consumer_info("C").unwrap().state.num_waiting, 0);
}

#[test]
fn a_request_that_ended_with_it_says_so() {
    let broker = damaged(durable("C"));
    broker.pull("C", "1");
    broker.heard();
    broker.pull("C", "1");
    let expected = ["HMSG in 1 81 NATS/1.0 408 Request Timeout|Nats-Pending-Messages: 1|Nats-Pending-Bytes: 0||"];
    assert_eq!(broker.heard(), expected);
}

#[test]
fn it_holds_up_nothing() {
    let broker = damaged(ConsumerConfig { max_ack_pending: 1, ..durable("C") });
    broker.pull("C", "3");
    broker.heard();
    broker.request("$JS.ACK.S.C.1.1.1.1.0", None, "");
    assert_eq!(broker.heard(), ["MSG a.b 1 S.C.1.3.3.0 third"]);
}

#[test]
fn what_was_known_of_a_consumer_that_cannot_be_read_is_kept() {
    let disk = CrashMedium::new(1);
    on(&disk).create(durable("C"));
    disk.crash();
    let disk = disk.restart();
    // It is kept twice.
    let mut hits = 0;
    while flip(&disk, Path::new("/store"), b"durable_name") {
        hits += 1;
    }
    assert!(hits > 0, "its configuration lies somewhere");
    let broker = on(&disk);
    assert!(broker.stream.consumer_config("C").is_none());
    broker.create(durable("D"));
    let is_kept = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "kept");
    assert!(disk.files().iter().any(is_kept), "{:?}", disk.files());
}
