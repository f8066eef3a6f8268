//! Removals that the disk refuses: what is there again is delivered again, to whoever had not acknowledged it.

use std::path::PathBuf;

use embus_storage::medium::crash::{CrashMedium, Fault};

use super::fixture::{Fixture, SECOND, durable, stream_config};
use crate::consumer::config::{AckPolicy, ConsumerConfig, DeliverPolicy};
use crate::jetstream::JetStreamOptions;
use crate::stream::config::{Retention, StreamConfig};
use crate::stream::core::Purge;

struct Scene {
    disk: CrashMedium,
    broker: Fixture,
}

impl Scene {
    /// A stream with the messages 1 to 4.
    fn of(config: StreamConfig) -> Self {
        let disk = CrashMedium::new(1);
        let (medium, dir) = (std::sync::Arc::new(disk.clone()), Some(PathBuf::from("/store")));
        let broker = Fixture::with(config, |options| JetStreamOptions { medium, dir, ..options });
        (1..=4).for_each(|number| _ = broker.publish("a.b", &number.to_string()));
        Self { disk, broker }
    }

    fn new() -> Self {
        Self::of(stream_config(Retention::Limits))
    }

    /// The next commit fails. What is changed until then is seen by all who look.
    fn refuse(&self, change: impl FnOnce(&Fixture), look: impl FnOnce(&Fixture)) {
        self.disk.fail_from(self.disk.calls() + 1, Fault::Full);
        change(&self.broker);
        look(&self.broker);
        self.broker.run_jobs();
        self.disk.forget_faults();
        self.broker.pass(SECOND);
    }

    fn delete(&self, sequence: u64, look: impl FnOnce(&Fixture)) {
        let delete = |broker: &Fixture| broker.stream.with(|core| core.delete_message(sequence)).unwrap();
        self.refuse(delete, look);
        assert!(self.broker.stream.look(|core| core.log().subject_of(sequence).is_some()), "it is not there again");
    }

    /// The bodies that the client was sent since the last call.
    fn bodies(&self) -> Vec<String> {
        let heard = self.broker.heard();
        heard.iter().filter_map(|line| line.strip_prefix("MSG a.b ")?.rsplit(' ').next().map(str::to_owned)).collect()
    }
}

fn nothing(_: &Fixture) {}

#[test]
fn what_waits_for_its_acknowledgement_waits_on() {
    let scene = Scene::new();
    scene.broker.create(durable("C"));
    scene.broker.pull("C", "2");
    assert_eq!(scene.bodies(), ["1", "2"]);
    let pending = |broker: &Fixture| broker.stream.consumer_info("C").unwrap().state.num_ack_pending;
    scene.delete(1, |broker| assert_eq!(pending(broker), 1));
    assert_eq!(pending(&scene.broker), 2);
    scene.broker.pull("C", "4");
    scene.broker.pass(30 * SECOND);
    assert_eq!(scene.bodies(), ["3", "4", "1", "2"]);
}

#[test]
fn what_was_passed_over_comes_yet() {
    let scene = Scene::new();
    scene.broker.create(durable("C"));
    scene.delete(1, |broker| _ = broker.begin_request("$JS.API.CONSUMER.MSG.NEXT.S.C", Some("in"), "1"));
    assert_eq!(scene.bodies(), ["2"]);
    scene.broker.pull("C", "9");
    assert_eq!(scene.bodies(), ["1", "2", "3", "4"], "what came behind it comes again");
    let state = scene.broker.stream.consumer_info("C").unwrap().state;
    assert_eq!((state.num_pending, state.num_ack_pending, state.ack_floor.stream_sequence), (0, 4, 0));
}

/// What was acknowledged before stays so, whatever comes back in front of it.
#[test]
fn what_was_acknowledged_before_stays_so() {
    let scene = Scene::new();
    scene.broker.create(durable("C"));
    scene.broker.pull("C", "3");
    for sequence in [2, 3] {
        scene.broker.request(&format!("$JS.ACK.S.C.1.{sequence}.{sequence}.1.0"), None, "");
    }
    scene.bodies();
    scene.delete(1, |broker| _ = broker.begin_request("$JS.API.CONSUMER.MSG.NEXT.S.C", Some("in"), "1"));
    assert_eq!(scene.bodies(), ["4"]);
    scene.broker.pull("C", "9");
    scene.broker.pass(31 * SECOND);
    assert_eq!(scene.bodies(), ["1", "4"]);
}

#[test]
fn what_is_acknowledged_while_it_is_gone_does_not_wait_again() {
    let scene = Scene::new();
    scene.broker.create(durable("C"));
    scene.broker.pull("C", "2");
    scene.bodies();
    scene.delete(1, |broker| {
        assert_eq!(broker.stream.consumer_info("C").unwrap().state.num_ack_pending, 1);
        broker.begin_request("$JS.ACK.S.C.1.1.1.1.0", None, "");
    });
    assert_eq!(scene.broker.stream.consumer_info("C").unwrap().state.num_ack_pending, 1);
}

#[test]
fn a_purge_that_is_refused_takes_nothing() {
    let scene = Scene::new();
    for policy in [DeliverPolicy::All, DeliverPolicy::LastPerSubject] {
        let name = format!("{policy:?}");
        scene.broker.create(ConsumerConfig { deliver_policy: policy, ..durable(&name) });
    }
    scene.broker.pull("All", "2");
    scene.bodies();
    scene.refuse(|broker| _ = broker.stream.purge(&Purge::default()).unwrap(), nothing);
    scene.broker.pull("All", "4");
    scene.broker.pass(31 * SECOND);
    assert_eq!(scene.bodies(), ["3", "4", "1", "2"]);
    scene.broker.pull("LastPerSubject", "9");
    assert_eq!(scene.bodies(), ["4"]);
}

/// It takes consumers behind messages that are refused with it; others come with their sequences.
#[test]
fn nothing_that_comes_behind_a_refused_purge_is_skipped() {
    let scene = Scene::new();
    scene.broker.create(durable("C"));
    scene.broker.create(ConsumerConfig { ack_policy: AckPolicy::None, max_ack_pending: 0, ..durable("N") });
    for name in ["C", "N"] {
        _ = scene.broker.pull(name, "4");
    }
    scene.bodies();
    let purge = |broker: &Fixture| {
        (5..=9).for_each(|number| _ = broker.begin_request("a.b", None, &number.to_string()));
        broker.stream.purge(&Purge::default()).unwrap();
    };
    scene.refuse(purge, nothing);
    (10..=12).for_each(|number| _ = scene.broker.publish("a.b", &number.to_string()));
    for name in ["C", "N"] {
        scene.broker.pull(name, "9");
        assert_eq!(scene.bodies(), ["10", "11", "12"], "{name}");
    }
}

#[test]
fn what_a_refused_message_pushed_out_comes_yet() {
    let scene = Scene::of(StreamConfig { max_messages: 4, ..stream_config(Retention::Limits) });
    scene.broker.create(ConsumerConfig { ack_policy: AckPolicy::None, ..durable("C") });
    let publish = |broker: &Fixture| _ = broker.begin_request("a.b", None, "5");
    scene.refuse(publish, |broker| _ = broker.begin_request("$JS.API.CONSUMER.MSG.NEXT.S.C", Some("in"), "1"));
    assert_eq!(scene.bodies(), ["1"]);
    scene.broker.pull("C", "9");
    assert_eq!(scene.bodies(), ["2", "3", "4"]);
}

#[test]
fn a_consumer_that_is_made_meanwhile_gets_it() {
    let scene = Scene::new();
    scene.delete(1, |broker| _ = broker.create(durable("C")));
    // Who asked for it was told that it could not be made.
    scene.broker.create(durable("C"));
    scene.broker.pull("C", "9");
    assert_eq!(scene.bodies(), ["1", "2", "3", "4"]);
}

/// Who waits for the next message is led past all that its filters do not match.
#[test]
fn who_is_led_past_it_gets_it() {
    let bodies = (0..12).find_map(after_a_lost_removal);
    assert_eq!(bodies.expect("one of the calls is of the second commit"), ["5"]);
}

/// Message 5 is removed while the commit that brings it is under way; this call of the disk fails. What is delivered
/// then, if it was the removal that failed.
fn after_a_lost_removal(call: u64) -> Option<Vec<String>> {
    let scene = Scene::new();
    scene.broker.create(durable("C"));
    scene.broker.pull("C", r#"{"batch":9}"#);
    scene.bodies();
    scene.broker.begin_request("a.b", None, "5");
    scene.broker.stream.with(|core| core.delete_message(5)).unwrap();
    scene.broker.begin_request("a.b", None, "6");
    scene.disk.fail_at(scene.disk.calls() + call, Fault::Io);
    scene.broker.run_jobs();
    scene.broker.pass(SECOND);
    let holds = |sequence| scene.broker.stream.look(|core| core.log().subject_of(sequence).is_some());
    (holds(5) && !holds(6)).then(|| scene.bodies())
}

#[test]
fn without_acknowledgements_every_message_comes_once_and_in_order() {
    let scene = Scene::new();
    scene.broker.create(ConsumerConfig { ack_policy: AckPolicy::None, max_ack_pending: 0, ..durable("C") });
    scene.delete(2, |broker| _ = broker.begin_request("$JS.API.CONSUMER.MSG.NEXT.S.C", Some("in"), "9"));
    assert_eq!(scene.bodies(), ["1", "2", "3", "4"]);
}
