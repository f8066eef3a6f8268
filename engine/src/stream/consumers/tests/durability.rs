//! Who was told that a consumer, or an acknowledgement, is durable finds it after a power cut.

use std::path::PathBuf;

use embus_storage::medium::crash::{CrashMedium, Fault};

use super::fixture::{Fixture, SECOND, durable, stream_config};
use crate::api::error::ApiError;
use crate::consumer::config::ConsumerConfig;
use crate::jetstream::JetStreamOptions;
use crate::stream::config::Retention;
use crate::sync::{Arc, Mutex};

/// What somebody who waits was told, if anything.
type Told = Arc<Mutex<Option<Result<(), ApiError>>>>;

fn on(disk: &CrashMedium) -> Fixture {
    let (medium, dir) = (std::sync::Arc::new(disk.clone()), Some(PathBuf::from("/store")));
    Fixture::with(stream_config(Retention::Limits), |options| JetStreamOptions { medium, dir, ..options })
}

/// What is there when the power comes back.
fn after_power_cut(disk: &CrashMedium) -> Fixture {
    disk.cut_power();
    on(&disk.restart())
}

/// Makes a consumer as the API does. The disk has not done its work yet.
fn begin_create(broker: &Fixture, name: &str) -> Told {
    begin_to_create(broker, durable(name))
}

fn begin_to_create(broker: &Fixture, config: ConsumerConfig) -> Told {
    let witness = broker.stream.witness();
    let name = config.name.clone();
    broker.stream.create_consumer(&name, config).unwrap();
    wait(&witness)
}

fn wait(witness: &crate::stream::Witness) -> Told {
    let told = Told::default();
    let heard = Arc::clone(&told);
    witness.after_consumers(Box::new(move |result| *heard.lock() = Some(result)));
    told
}

fn heard(told: &Told) -> Option<bool> {
    told.lock().as_ref().map(Result::is_ok)
}

#[test]
fn a_consumer_is_written_again_for_who_waits_behind_a_failed_write() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk);
    disk.fail_at(disk.calls() + 1, Fault::Io);
    let told = begin_create(&broker, "C");
    broker.run_jobs();
    assert_eq!(heard(&told), Some(true));
    assert!(after_power_cut(&disk).stream.consumer_config("C").is_some());
}

/// Also one that a start found goes on being written.
#[test]
fn what_happens_after_a_start_survives_the_next_one() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk);
    begin_create(&broker, "C");
    broker.publish("a.b", "1");
    broker.publish("a.b", "2");
    disk.cut_power();
    let disk = disk.restart();
    let broker = on(&disk);
    for sequence in [1, 2] {
        broker.pull("C", "1");
        broker.request(&format!("$JS.ACK.S.C.1.{sequence}.{sequence}.1.0"), Some("in"), "");
        assert_eq!(broker.heard().len(), 2, "a message and a confirmation");
    }
    let state = after_power_cut(&disk).stream.consumer_info("C").unwrap().state;
    assert_eq!((state.delivered.stream_sequence, state.ack_floor.stream_sequence), (2, 2));
}

#[test]
fn a_consumer_is_not_durable_while_the_disk_fails() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk);
    disk.fail_from(disk.calls() + 1, Fault::Io);
    let told = begin_create(&broker, "C");
    broker.run_jobs();
    assert_eq!(heard(&told), Some(false));
    let read = Told::default();
    let slot = Arc::clone(&read);
    broker.stream.witness().after_commit(Box::new(move |result| *slot.lock() = Some(result)));
    assert_eq!(heard(&read), Some(true), "whoever reads the stream does not need its consumers");
    assert!(broker.stream.consumer_config("C").is_none(), "it could not be made");
    let again = begin_create(&broker, "C");
    broker.run_jobs();
    assert_eq!(heard(&again), Some(false));
    disk.forget_faults();
    broker.pass(SECOND);
    assert!(broker.stream.consumer_config("C").is_none());
    assert!(after_power_cut(&disk).stream.consumer_config("C").is_none(), "nor is it written later");
}

#[test]
fn a_consumer_is_made_again_once_the_disk_is_well() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk);
    disk.fail_from(disk.calls() + 1, Fault::Io);
    begin_create(&broker, "C");
    broker.run_jobs();
    disk.forget_faults();
    let again = begin_create(&broker, "C");
    broker.run_jobs();
    assert_eq!(heard(&again), Some(true));
    assert!(after_power_cut(&disk).stream.consumer_config("C").is_some());
}

/// A consumer that is refused was made beside others, and together with a message that is refused.
#[test]
fn a_consumer_goes_with_the_commit_that_fails() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk);
    broker.create(durable("C"));
    disk.fail_from(disk.calls() + 1, Fault::Full);
    broker.begin_request("a.b", None, "1");
    let told = begin_create(&broker, "D");
    broker.run_jobs();
    assert_eq!(heard(&told), Some(false));
    assert_eq!(broker.stream.consumer_names(), ["C"]);
    disk.forget_faults();
    broker.pass(SECOND);
    assert_eq!(after_power_cut(&disk).stream.consumer_names(), ["C"]);
}

/// Nothing of it would have been written, but who asked for it was told that it is not there.
#[test]
fn a_consumer_in_memory_goes_with_the_commit_that_fails() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk);
    disk.fail_from(disk.calls() + 1, Fault::Full);
    broker.begin_request("a.b", None, "1");
    let told = begin_to_create(&broker, ConsumerConfig { memory_storage: true, ..durable("D") });
    broker.run_jobs();
    assert_eq!(heard(&told), Some(false));
    assert!(broker.stream.consumer_names().is_empty());
}

#[test]
fn a_deletion_that_is_not_written_says_that_it_holds() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk);
    broker.create(durable("C"));
    disk.fail_from(disk.calls() + 1, Fault::Io);
    broker.request("$JS.API.CONSUMER.DELETE.S.C", Some("in"), "");
    let heard = broker.heard().concat();
    assert!(heard.contains("the change holds"), "{heard}");
    assert!(broker.stream.consumer_config("C").is_none());
    disk.forget_faults();
    broker.pass(SECOND);
    assert!(after_power_cut(&disk).stream.consumer_config("C").is_none(), "it is written as soon as the disk is well");
}

/// Any answer would tell the client that the acknowledgement stays.
#[test]
fn an_acknowledgement_that_is_not_written_holds_and_is_confirmed_to_who_asks_again() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk);
    broker.create(durable("C"));
    broker.publish("a.b", "1");
    broker.pull("C", "1");
    broker.heard();
    disk.fail_from(disk.calls() + 1, Fault::Io);
    broker.request("$JS.ACK.S.C.1.1.1.1.0", Some("in"), "");
    assert_eq!(broker.heard(), [""; 0]);
    disk.forget_faults();
    broker.pass(60 * SECOND);
    broker.pull("C", r#"{"batch":1,"no_wait":true}"#);
    assert_eq!(broker.heard(), ["HMSG in 1 28 NATS/1.0 404 No Messages||"], "it is not delivered again");
    broker.request("$JS.ACK.S.C.1.1.1.1.0", Some("in"), "");
    assert_eq!(broker.heard(), ["MSG in 1 "]);
    assert_eq!(after_power_cut(&disk).stream.consumer_info("C").unwrap().state.num_ack_pending, 0);
}

#[test]
fn an_acknowledgement_is_confirmed_once_it_stays() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk);
    broker.create(durable("C"));
    broker.publish("a.b", "1");
    broker.pull("C", "1");
    broker.heard();
    // The first call makes room, which may fail.
    disk.fail_at(disk.calls() + 2, Fault::Io);
    broker.begin_request("$JS.ACK.S.C.1.1.1.1.0", Some("in"), "");
    broker.begin_request("$JS.ACK.S.C.1.1.1.1.0", Some("in"), "");
    broker.run_jobs();
    assert_eq!(broker.heard(), ["MSG in 1 "], "who asked while the write that failed was under way");
    let broker = after_power_cut(&disk);
    assert_eq!(broker.stream.consumer_info("C").unwrap().state.num_ack_pending, 0);
    assert_eq!(broker.stream.consumer_info("C").unwrap().state.ack_floor.stream_sequence, 1);
}

/// Else it would be in the stream for ever, and nobody would get it.
#[test]
fn an_acknowledgement_is_not_written_before_the_removal_that_it_brings() {
    let disk = CrashMedium::new(1);
    let (medium, dir) = (std::sync::Arc::new(disk.clone()), Some(PathBuf::from("/store")));
    let broker =
        Fixture::with(stream_config(Retention::WorkQueue), |options| JetStreamOptions { medium, dir, ..options });
    broker.create(durable("C"));
    broker.publish("a.b", "1");
    broker.pull("C", "1");
    disk.fail_from(disk.calls() + 1, Fault::Full);
    broker.request("$JS.ACK.S.C.1.1.1.1.0", None, "");
    disk.forget_faults();
    // Before the stream tries its disk again.
    broker.pass(SECOND / 5);
    let broker = after_power_cut(&disk);
    let messages = broker.stream.look(|core| core.state().messages);
    let state = broker.stream.consumer_info("C").unwrap().state;
    assert_eq!(state.num_pending + state.num_ack_pending, messages);
}

/// Programs, and tests more than they, start and end brokers all the time.
#[test]
fn a_broker_that_has_ended_leaves_nothing_behind() {
    let broker = Fixture::new();
    broker.create(durable("C"));
    broker.publish("a.b", "1");
    broker.pull("C", "1");
    let (engine, stream) = (Arc::downgrade(&broker.engine), Arc::downgrade(&broker.stream));
    drop(broker);
    assert!(stream.upgrade().is_none());
    assert!(engine.upgrade().is_none());
}
