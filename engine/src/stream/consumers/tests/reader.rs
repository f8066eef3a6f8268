//! A program that reads a consumer by itself sees each message once and in order, and learns of its end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embus_storage::medium::crash::{CrashMedium, Fault};

use super::fixture::{Fixture, SECOND, durable, stream_config};
use crate::api::time::Nanos;
use crate::consumer::Closing;
use crate::consumer::config::{AckPolicy, ConsumerConfig};
use crate::fixtures::flip;
use crate::jetstream::JetStreamOptions;
use crate::stream::config::Retention;
use crate::stream::{ConsumerReader, ReaderEnd};
use crate::sync::Arc;

#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Program {
    broker: Fixture,
    reader: ConsumerReader,
    calls: Arc<Calls>,
}

fn config(filter: &str) -> ConsumerConfig {
    let (ack_policy, filter_subject, max_ack_pending) = (AckPolicy::None, filter.to_owned(), 0);
    ConsumerConfig { ack_policy, filter_subject, max_ack_pending, ..durable("C") }
}

fn on(broker: Fixture, messages: usize, config: ConsumerConfig) -> Program {
    let mut program = Program { broker, reader: ConsumerReader::new(), calls: Arc::default() };
    program.publish(messages);
    program.broker.create(config);
    program
}

fn program(messages: usize, filter: &str) -> Program {
    on(Fixture::new(), messages, config(filter))
}

impl Program {
    /// Messages on `a.0`, `a.1`, `a.2` and so on.
    fn publish(&mut self, count: usize) {
        for number in 0..count {
            self.broker.publish(&format!("a.{}", number % 3), "payload");
        }
    }

    fn poll(&mut self) -> Poll<Result<(), ReaderEnd>> {
        let waker = Waker::from(Arc::clone(&self.calls));
        self.broker.stream.poll_consumer("C", &mut self.reader, &mut Context::from_waker(&waker))
    }

    /// What can be read of what was taken.
    fn taken(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.reader.next_message()).map(|message| message.sequence).collect()
    }

    /// Everything until it has to wait.
    fn read(&mut self) -> Vec<u64> {
        let mut read = self.taken();
        while let Poll::Ready(taken) = self.poll() {
            taken.unwrap();
            read.append(&mut self.taken());
        }
        read
    }

    fn calls(&self) -> usize {
        self.calls.0.load(Ordering::Relaxed)
    }
}

#[test]
fn it_reads_everything_and_then_what_comes() {
    let mut program = program(3000, "");
    assert_eq!(program.read(), (1..=3000).collect::<Vec<_>>());
    let info = program.broker.stream.consumer_info("C").unwrap().state;
    assert_eq!((info.num_pending, info.delivered.stream_sequence, info.delivered.consumer_sequence), (0, 3000, 3000));
    assert_eq!(program.calls(), 0);
    program.publish(1);
    assert_eq!(program.calls(), 1);
    program.publish(2);
    assert_eq!(program.calls(), 1, "it knows");
    assert_eq!(program.read(), [3001, 3002, 3003]);
    assert_eq!(program.read(), [0; 0]);
}

#[test]
fn it_reads_what_its_filter_matches() {
    let mut program = program(3000, "a.1");
    assert_eq!(program.read(), (1..=3000).filter(|it| it % 3 == 2).collect::<Vec<_>>());
    program.broker.publish("a.0", "");
    assert_eq!(program.calls(), 0);
    program.broker.publish("a.1", "");
    assert_eq!(program.calls(), 1);
    assert_eq!(program.read(), [3002]);
}

#[test]
fn what_is_removed_meanwhile_is_not_read() {
    let mut program = program(5000, "");
    assert!(matches!(program.poll(), Poll::Ready(Ok(()))));
    let mut read = program.taken();
    let taken = read.len() as u64;
    assert!((1..5000).contains(&taken), "a part of it");
    for sequence in [taken + 1, taken + 2, taken + 77] {
        program.broker.request("$JS.API.STREAM.MSG.DELETE.S", None, &format!(r#"{{"seq":{sequence}}}"#));
    }
    assert!(matches!(program.poll(), Poll::Ready(Ok(()))));
    read.append(&mut program.taken());
    program.broker.request("$JS.API.STREAM.PURGE.S", None, r#"{"seq":4000}"#);
    program.broker.run_jobs();
    let reached = *read.last().unwrap();
    read.append(&mut program.read());
    let gone = [taken + 1, taken + 2, taken + 77];
    let expected = (1..=5000).filter(|it| !gone.contains(it) && (*it <= reached || *it >= 4000));
    assert_eq!(read, expected.collect::<Vec<_>>());
    program.broker.request("$JS.API.STREAM.PURGE.S", None, "");
    program.publish(1);
    assert_eq!(program.read(), [5001]);
}

#[test]
fn one_that_reads_slowly_holds_little() {
    let mut program = on(Fixture::new(), 0, config(""));
    let payload = "x".repeat(10_000);
    for _ in 0..500 {
        program.broker.publish("a.b", &payload);
    }
    assert!(matches!(program.poll(), Poll::Ready(Ok(()))));
    let held = program.reader.held_bytes();
    assert!((100_000..300_000).contains(&held), "{held}");
    assert_eq!(program.read().len(), 500);
}

#[test]
fn it_learns_that_its_consumer_is_gone() {
    let mut program = program(2, "");
    assert_eq!(program.read(), [1, 2]);
    program.broker.stream.delete_consumer("C");
    assert_eq!(program.calls(), 1);
    assert!(matches!(program.poll(), Poll::Ready(Err(ReaderEnd::Gone))));
    // Another one of that name is not its own.
    program.publish(1);
    program.broker.create(config(""));
    assert!(matches!(program.poll(), Poll::Ready(Err(ReaderEnd::Gone))));
}

#[test]
fn it_learns_that_the_broker_stops() {
    let mut program = program(1, "");
    assert_eq!(program.read(), [1]);
    program.broker.stream.close_consumers(Closing::Shutdown);
    assert_eq!(program.calls(), 1);
    assert!(matches!(program.poll(), Poll::Ready(Err(ReaderEnd::Stopped))));
}

#[test]
fn only_a_consumer_without_acknowledgements_is_read() {
    let mut program = on(Fixture::new(), 1, durable("C"));
    assert!(matches!(program.poll(), Poll::Ready(Err(ReaderEnd::Gone))));
}

#[test]
fn who_waits_keeps_the_consumer() {
    let mut config = config("");
    (config.durable_name, config.inactive_threshold) = (String::new(), Nanos(5 * SECOND));
    let mut program = on(Fixture::new(), 1, config);
    assert_eq!(program.read(), [1]);
    program.broker.pass(60 * SECOND);
    program.publish(1);
    assert_eq!(program.read(), [2]);
    // Who does not read does not.
    program.publish(1);
    for _ in 0..4 {
        program.broker.pass(5 * SECOND);
    }
    assert!(matches!(program.poll(), Poll::Ready(Err(ReaderEnd::Gone))));
}

#[test]
fn a_paused_consumer_gives_nothing_until_it_goes_on() {
    let mut program = program(1, "");
    program.broker.stream.pause_consumer("C", 11 * SECOND).unwrap();
    assert_eq!(program.read(), [0; 0]);
    program.publish(1);
    assert_eq!(program.calls(), 0);
    program.broker.pass(11 * SECOND);
    assert!(program.calls() > 0);
    assert_eq!(program.read(), [1, 2]);
}

#[test]
fn what_nobody_needs_any_more_leaves_the_stream() {
    let mut program = on(Fixture::of(stream_config(Retention::Interest)), 0, config(""));
    program.publish(5);
    assert_eq!(program.read(), [1, 2, 3, 4, 5]);
    assert_eq!(program.broker.stream.look(|core| core.log().state().messages), 0);
}

#[test]
fn what_is_damaged_is_left_out() {
    let disk = CrashMedium::new(1);
    let (medium, dir) = (std::sync::Arc::new(disk.clone()), Some(PathBuf::from("/store")));
    let broker = Fixture::with(stream_config(Retention::Limits), |options| JetStreamOptions { medium, dir, ..options });
    for payload in ["first", "second", "third"] {
        broker.publish("a.b", payload);
    }
    let mut program = on(broker, 0, config(""));
    assert!(flip(&disk, Path::new("/store"), b"second"), "it lies somewhere");
    assert_eq!(program.read(), [1, 3]);
    assert_eq!(program.broker.stream.look(|core| core.log().state().lost_messages), 1);
}

#[test]
fn what_the_disk_cannot_read_for_a_moment_comes_when_it_is_asked_for_again() {
    for retention in [Retention::Limits, Retention::Interest] {
        let disk = CrashMedium::new(1);
        let (medium, dir) = (std::sync::Arc::new(disk.clone()), Some(PathBuf::from("/store")));
        let config_of = stream_config(retention);
        let broker = Fixture::with(config_of, |options| JetStreamOptions { medium, dir, ..options });
        let mut program = on(broker, 0, config(""));
        program.publish(3);
        disk.fail_from(disk.calls() + 1, Fault::Io);
        assert!(matches!(program.poll(), Poll::Ready(Ok(()))));
        disk.forget_faults();
        assert!(matches!(program.poll(), Poll::Ready(Err(ReaderEnd::Failed(_)))));
        assert_eq!(program.broker.stream.look(|core| core.log().messages()), 3);
        assert_eq!(program.read(), [1, 2, 3]);
        let left = program.broker.stream.look(|core| core.log().messages());
        assert_eq!(left, if retention == Retention::Limits { 3 } else { 0 });
    }
}
