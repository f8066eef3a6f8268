//! What does a consumer cost per message: deciding who gets it, and taking its acknowledgement in? Fetches of 500 messages
//! over a log of a million in memory, as a pump and a client's turn would do it, but for reading, encoding and sending.
//!
//! The target is 200 ns for both together.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use embus_engine::consumer::ack::{AckToken, AckVerb};
use embus_engine::consumer::config::{AckPolicy, ConsumerConfig};
use embus_engine::consumer::{Consumer, ConsumerSetting, PullRequest, Readiness, Scene, Step};
use embus_storage::log::{Accounting, Append, Log, LogOptions};
use embus_storage::medium::Medium;
use embus_storage::medium::memory::Memory;
use nix::time::{ClockId, clock_gettime};

const MESSAGES: u64 = 1_000_000;
const FETCH: i64 = 500;
const NOW: i64 = 1_795_191_675_000_000_000;

struct World {
    log: Log,
    consumer: Consumer,
    now: i64,
    round: u64,
    replies: Vec<Vec<u8>>,
    delta: Vec<u8>,
}

fn log() -> Log {
    let description = Arc::new(Vec::new());
    let options = LogOptions {
        segment_bytes: 64 << 20,
        accounting: Accounting::File,
        compress: false,
        synced: false,
        description,
    };
    let medium = Arc::new(Memory::new());
    medium.create_dir(Path::new("log")).expect("memory has room");
    let mut log = Log::create(medium, PathBuf::from("log"), options).expect("memory has room");
    for number in 0..MESSAGES {
        let subject = format!("events.{}", number % 10);
        let message = Append {
            time: NOW,
            subject: subject.as_bytes(),
            headers: b"",
            payload: &[b'x'; 128],
            marked: false,
            evict: 0,
        };
        log.append(&message).expect("memory has room");
        if number % 1000 == 999 {
            let commit = log.take_commit(false).expect("there is something to commit");
            log.finish_commit(commit.run()).expect("memory has room");
        }
    }
    log
}

impl World {
    fn new(ack_policy: AckPolicy, filter: &str) -> Self {
        let mut log = log();
        let mut config = ConsumerConfig::default();
        config.durable_name.push('C');
        config.filter_subject.push_str(filter);
        (config.ack_policy, config.max_deliver, config.max_waiting) = (ack_policy, -1, 512);
        config.max_ack_pending = if ack_policy == AckPolicy::None { 0 } else { 1000 };
        let setting = ConsumerSetting {
            id: 1,
            stream: Arc::from("S"),
            name: Arc::from("C"),
            created: NOW,
            is_persistent: true,
            settles: false,
        };
        let listens = &mut |_: &[u8], _: Option<&[u8]>| Readiness::Ready;
        let mut scene =
            Scene { log: &mut log, visible: MESSAGES, settled: None, now: NOW, round: 1, interest: listens };
        let consumer = Consumer::new(setting, Arc::new(config), &mut scene).expect("memory can be read");
        Self { log, consumer, now: NOW, round: 1, replies: Vec::new(), delta: Vec::new() }
    }

    /// Everything begins anew when the log is at its end.
    fn rewind(&mut self, count: u64) {
        let listens = &mut |_: &[u8], _: Option<&[u8]>| Readiness::Ready;
        let mut scene = Scene {
            log: &mut self.log,
            visible: MESSAGES,
            settled: None,
            now: self.now,
            round: self.round,
            interest: listens,
        };
        if self.consumer.info(&mut scene).num_pending < count {
            self.consumer.reset(1, &mut scene).expect("it delivers all");
        }
    }

    fn fetch(&mut self) -> u64 {
        let listens = &mut |_: &[u8], _: Option<&[u8]>| Readiness::Ready;
        self.now += 1_000_000;
        self.round += 1;
        let Self { log, consumer, now, round, .. } = self;
        let mut scene = Scene { log, visible: MESSAGES, settled: None, now: *now, round: *round, interest: listens };
        let request =
            PullRequest { batch: FETCH, expires: 1_000_000_000, ..PullRequest::one(Bytes::from_static(b"_INBOX.a.b")) };
        assert!(consumer.handle_pull(request, &mut scene).is_none());
        let mut sent = 0;
        while let Some(step) = consumer.poll(&mut scene).expect("memory can be read") {
            if let Step::Deliver(deliver) = black_box(step) {
                let stream_sequence = deliver.locator.sequence();
                let token = AckToken { deliveries: 1, stream_sequence, consumer_sequence: deliver.consumer_sequence };
                if self.replies.len() <= sent {
                    self.replies.push(Vec::new());
                }
                self.replies[sent].clear();
                token.write_reply(&mut self.replies[sent], b"S", b"C", NOW, deliver.pending);
                sent += 1;
            }
        }
        sent as u64
    }

    fn acknowledge(&mut self) {
        for reply in &self.replies {
            let (_, _, token) = AckToken::parse(reply).expect("it was written so");
            self.consumer.handle_ack(&token, AckVerb::parse(b""), self.now);
        }
        self.delta.clear();
        self.consumer.write_delta(&mut self.delta);
        black_box(self.consumer.next_deadline());
    }
}

/// What this thread has used: others may use the machine as well.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("threads have a clock").into()
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("consumer, per message");
    group.throughput(Throughput::Elements(FETCH.unsigned_abs()));
    for (name, policy, filter) in [
        ("no acks", AckPolicy::None, ""),
        ("explicit acks", AckPolicy::Explicit, ""),
        ("explicit acks, one subject of ten", AckPolicy::Explicit, "events.3"),
        ("explicit acks, wildcard", AckPolicy::Explicit, "events.*"),
    ] {
        let mut world = World::new(policy, filter);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let start = processor_time();
                for _ in 0..rounds {
                    world.rewind(FETCH.unsigned_abs());
                    assert_eq!(world.fetch(), FETCH.unsigned_abs());
                    if policy != AckPolicy::None {
                        world.acknowledge();
                    }
                }
                processor_time().saturating_sub(start)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
