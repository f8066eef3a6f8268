//! A reader that does not read is not fed.

use std::io::{self, IoSlice};

use super::fixture::{Fixture, durable};
use crate::budget::Budget;
use crate::chunks::BufferPool;
use crate::connection::{ClientId, Connection, ConnectionKind, Peer};
use crate::consumer::config::{ConsumerConfig, with};
use crate::fixtures::{Noon, subscription};
use crate::outbox::{Outbox, Transport};
use crate::relief::STALL_HIGH_BYTES;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A socket that takes everything, or nothing.
#[derive(Debug, Default)]
struct Gate {
    is_open: AtomicBool,
    written: AtomicUsize,
}

impl Transport for Gate {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.is_open.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = slices.iter().map(|slice| slice.len()).sum();
        self.written.fetch_add(len, Ordering::Relaxed);
        Ok(len)
    }

    fn wake_owner(&self) {}
}

const MESSAGES: usize = 2000;
const BYTES: usize = 4096;

/// Somebody who reads nothing until the gate is opened.
fn slow_reader(broker: &Fixture, filters: &[&str]) -> (Arc<Outbox>, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let budget = Arc::new(Budget::new(1 << 30));
    let outbox = Arc::new(Outbox::new(9, 64 << 20, budget, Arc::clone(&gate) as Arc<dyn Transport>));
    let peer = Peer { kind: ConnectionKind::Stream, host: String::new(), port: 0 };
    let client = Arc::new(Connection::wire(ClientId(9), peer, &Noon, Arc::clone(&outbox)));
    for filter in filters {
        broker.engine.global_account().subscribe(subscription(&client, "1", filter, None));
    }
    (outbox, gate)
}

/// The same with more waiting than it should have.
fn congested_reader(broker: &Fixture, filter: &str) -> Arc<Outbox> {
    let (outbox, _) = slow_reader(broker, &[filter, "fill"]);
    let payload = "x".repeat(BYTES);
    while outbox.pending_bytes() <= STALL_HIGH_BYTES {
        broker.publish("fill", &payload);
    }
    outbox
}

#[test]
fn a_spectator_who_does_not_read_holds_nobody_up() {
    let broker = Fixture::new();
    broker.publish("a.b", "1");
    broker.create(durable("C"));
    let spectator = congested_reader(&broker, ">");
    broker.pull("C", "1");
    assert_eq!(broker.heard().len(), 1);
    assert!(spectator.is_open());
}

#[test]
fn one_of_two_who_does_not_read_does_not_stop_the_other() {
    let broker = Fixture::new();
    broker.publish("a.b", "1");
    congested_reader(&broker, "in");
    broker
        .create(with(ConsumerConfig { max_waiting: 0, ..durable("C") }, |rare| rare.deliver_subject = "in".to_owned()));
    assert_eq!(broker.heard().len(), 1);
}

#[test]
fn a_spectator_who_reads_does_not_have_others_flooded() {
    let broker = Fixture::new();
    broker.publish("a.b", "1");
    broker.create(durable("C"));
    congested_reader(&broker, "slow");
    broker.subscribe(">", None);
    broker.request("$JS.API.CONSUMER.MSG.NEXT.S.C", Some("slow"), "1");
    assert_eq!(broker.stream.consumer_info("C").unwrap().state.num_pending, 1);
}

#[test]
fn a_slow_reader_gets_the_rest_when_it_has_read() {
    let broker = Fixture::new();
    let payload = "x".repeat(BYTES);
    for _ in 0..MESSAGES {
        broker.publish("a.b", &payload);
    }
    broker.create(durable("C"));
    let config = ConsumerConfig { max_ack_pending: -1, ..durable("C") };
    broker.stream.update_consumer("C", config).unwrap();
    let (outbox, gate) = slow_reader(&broker, &["slow"]);
    broker.request("$JS.API.CONSUMER.MSG.NEXT.S.C", Some("slow"), &MESSAGES.to_string());
    let most = STALL_HIGH_BYTES + 1024 * 1024 + 256 * 256;
    assert!(outbox.pending_bytes() > STALL_HIGH_BYTES);
    assert!(outbox.pending_bytes() < most, "{} bytes wait", outbox.pending_bytes());
    broker.pull("C", "3");
    assert_eq!(broker.heard().len(), 3, "others are served meanwhile");
    gate.is_open.store(true, Ordering::Relaxed);
    for _ in 0..100 {
        let _ = outbox.flush_with(|slices| gate.try_write(slices), &mut BufferPool::default());
        broker.run_jobs();
    }
    assert!(gate.written.load(Ordering::Relaxed) > (MESSAGES - 3) * BYTES);
    assert_eq!(broker.stream.consumer_info("C").unwrap().state.num_pending, 0);
}
