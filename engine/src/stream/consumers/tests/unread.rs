//! A disk that can't read for a moment: nothing is missed, also where nothing is acknowledged.

use std::path::PathBuf;

use embus_storage::medium::crash::{CrashMedium, Fault};

use super::fixture::{Fixture, SECOND, durable, stream_config};
use crate::consumer::config::{AckPolicy, ConsumerConfig, DeliverPolicy};
use crate::jetstream::JetStreamOptions;
use crate::stream::config::Retention;

struct Scene {
    disk: CrashMedium,
    broker: Fixture,
}

impl Scene {
    /// A consumer `C` of three messages that acknowledges nothing.
    fn new(retention: Retention, config: ConsumerConfig) -> Self {
        Self::of(retention, ConsumerConfig { ack_policy: AckPolicy::None, max_ack_pending: 0, ..config })
    }

    fn of(retention: Retention, config: ConsumerConfig) -> Self {
        let disk = CrashMedium::new(1);
        let (medium, dir) = (std::sync::Arc::new(disk.clone()), Some(PathBuf::from("/store")));
        let broker = Fixture::with(stream_config(retention), |options| JetStreamOptions { medium, dir, ..options });
        broker.create(config);
        for (subject, payload) in [("a.x", "first"), ("a.y", "second"), ("a.z", "third")] {
            broker.publish(subject, payload);
        }
        broker.pass(SECOND);
        Self { disk, broker }
    }

    /// Somebody asks while the disk can't read: a block that can't be read is tried once more, message by message.
    fn pull_unread(&self, body: &str) {
        self.disk.fail_from(self.disk.calls() + 1, Fault::Io);
        self.broker.pull("C", body);
        self.disk.forget_faults();
    }

    fn messages(&self) -> u64 {
        self.broker.stream.look(|core| core.log().messages())
    }
}

const ALL: [&str; 3] = ["MSG a.x 1 S.C.1.1.1.2 first", "MSG a.y 1 S.C.1.2.2.1 second", "MSG a.z 1 S.C.1.3.3.0 third"];

#[test]
fn without_acknowledgements_it_comes_a_little_later_and_in_order() {
    let scene = Scene::new(Retention::Limits, durable("C"));
    scene.pull_unread("4");
    assert!(scene.broker.heard().is_empty());
    let info = scene.broker.stream.consumer_info("C").unwrap().state;
    assert_eq!((info.num_pending, info.num_waiting, info.delivered.consumer_sequence), (3, 1, 0));
    scene.broker.pass(SECOND);
    assert_eq!(scene.broker.heard(), ALL);
}

#[test]
fn a_request_that_has_ended_says_what_did_not_come() {
    let scene = Scene::new(Retention::Limits, durable("C"));
    scene.pull_unread("2");
    let expected = ["HMSG in 1 81 NATS/1.0 408 Request Timeout|Nats-Pending-Messages: 2|Nats-Pending-Bytes: 0||"];
    assert_eq!(scene.broker.heard(), expected);
    scene.broker.pass(SECOND);
    scene.broker.pull("C", "3");
    assert_eq!(scene.broker.heard(), ALL);
}

/// They come one by one there: what is behind the one that could not be read was decided with it.
#[test]
fn the_last_messages_of_their_subjects_stay_in_order() {
    let last = DeliverPolicy::LastPerSubject;
    let scene = Scene::new(Retention::Limits, ConsumerConfig { filter_subject: ">".to_owned(), ..durable("D") });
    scene.broker.create(ConsumerConfig {
        ack_policy: AckPolicy::None,
        max_ack_pending: 0,
        deliver_policy: last,
        filter_subject: ">".to_owned(),
        ..durable("C")
    });
    scene.broker.publish("a.y", "fourth");
    scene.pull_unread("9");
    scene.broker.pass(SECOND);
    let behind = "MSG a.y 1 S.C.1.4.4.0 fourth";
    let expected =
        [ALL[0].replace(".2 f", ".3 f"), ALL[1].replace(".1 s", ".2 s"), ALL[2].replace(".0 t", ".1 t"), behind.into()];
    assert_eq!(scene.broker.heard(), expected);
}

#[test]
fn a_stream_that_keeps_what_is_needed_keeps_it_until_it_was_sent() {
    let scene = Scene::new(Retention::Interest, durable("C"));
    scene.pull_unread("4");
    assert_eq!((scene.broker.heard().len(), scene.messages()), (0, 3));
    scene.broker.pass(SECOND);
    assert_eq!(scene.broker.heard(), ALL);
    assert_eq!(scene.messages(), 0);
}

#[test]
fn what_was_not_read_does_not_count_as_a_delivery() {
    let scene = Scene::of(Retention::Limits, ConsumerConfig { max_deliver: 1, ..durable("C") });
    scene.pull_unread("4");
    assert!(scene.broker.heard().is_empty());
    scene.broker.pass(31 * SECOND);
    let expected = ["MSG a.x 1 S.C.1.1.4.0 first", "MSG a.y 1 S.C.1.2.5.0 second", "MSG a.z 1 S.C.1.3.6.0 third"];
    assert_eq!(scene.broker.heard(), expected);
}
