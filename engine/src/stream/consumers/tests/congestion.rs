//! A reader that does not read is not fed.

use std::io::{self, IoSlice};

use super::fixture::{Fixture, durable};
use crate::budget::Budget;
use crate::chunks::BufferPool;
use crate::connection::{ClientId, Connection, ConnectionKind, Peer};
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

#[test]
fn a_slow_reader_gets_the_rest_when_it_has_read() {
    let broker = Fixture::new();
    let payload = "x".repeat(BYTES);
    for _ in 0..MESSAGES {
        broker.publish("a.b", &payload);
    }
    broker.create(durable("C"));
    let config = crate::consumer::config::ConsumerConfig { max_ack_pending: -1, ..durable("C") };
    broker.stream.update_consumer("C", config).unwrap();
    let gate = Arc::new(Gate::default());
    let budget = Arc::new(Budget::new(1 << 30));
    let outbox = Outbox::new(9, 64 << 20, budget, Arc::clone(&gate) as Arc<dyn Transport>);
    let outbox = Arc::new(outbox);
    let peer = Peer { kind: ConnectionKind::Stream, host: String::new(), port: 0 };
    let client = Arc::new(Connection::wire(ClientId(9), peer, &Noon, Arc::clone(&outbox)));
    broker.engine.global_account().subscribe(subscription(&client, "1", "slow", None));
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
