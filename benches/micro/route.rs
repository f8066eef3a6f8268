//! How long does the engine take for one published message, from the bytes of the publisher to the bytes handed to the
//! subscribers' sockets, without any socket?
//!
//! Each iteration is one read turn over 32 KiB of messages; the sockets take everything at once.

use std::hint::black_box;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::SystemTime;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use embus_engine::connection::{ConnectionKind, Peer};
use embus_engine::session::Target;
use embus_engine::{Clock, Engine, Limits, Monotonic, Session, Transport, Worker};
use embus_protocol::encode;
use embus_protocol::info::ServerInfo;

const TURN_BYTES: usize = 32 * 1024;

/// More subjects than the match cache holds.
const MANY_SUBJECTS: usize = 100_000;

/// A socket that takes everything.
#[derive(Debug)]
struct Drain;

impl Transport for Drain {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(black_box(slices).iter().map(|slice| slice.len()).sum())
    }

    fn wake_owner(&self) {}
}

/// A clock that stands still.
#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn monotonic(&self) -> Monotonic {
        Monotonic::default()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

/// An engine, the subscribers of `filter`, and a publisher.
struct Rig {
    engine: Arc<Engine>,
    worker: Box<Worker>,
    publisher: Session,
    _subscribers: Vec<Session>,
}

impl Rig {
    fn new(filter: &str, subscribers: usize) -> Self {
        let engine = Engine::new(Limits::default(), ServerInfo::default(), Arc::new(Stopped), 1);
        let mut worker = engine.workers().take();
        let subscribe = |_| {
            let mut session = open(&engine);
            let mut line = Vec::new();
            encode::subscribe(&mut line, filter.as_bytes(), None, b"1");
            feed(&engine, &mut worker, &mut session, &line);
            session
        };
        let subscribers = (0..subscribers).map(subscribe).collect();
        Self { publisher: open(&engine), engine, worker, _subscribers: subscribers }
    }

    fn publish(&mut self, input: &[u8]) {
        feed(&self.engine, &mut self.worker, &mut self.publisher, input);
    }
}

fn open(engine: &Arc<Engine>) -> Session {
    let peer = Peer { kind: ConnectionKind::Tcp, host: "bench".to_owned(), port: 1 };
    let mut session = Session::open(engine, peer, Arc::new(Drain)).expect("a fresh engine takes connections");
    let connect = b"CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true}\r\n";
    feed(engine, &mut engine.workers().take(), &mut session, connect);
    session
}

/// One read turn.
fn feed(engine: &Engine, worker: &mut Worker, session: &mut Session, input: &[u8]) {
    match session.target(worker) {
        Target::Input(space) => space[..input.len()].copy_from_slice(input),
        Target::Payload(..) => unreachable!("no message here is that large"),
    }
    let turn = session.handle_input(worker, input.len(), engine.now());
    assert!(turn.end.is_none());
}

/// As many messages as fit into a turn, with the subjects that come next.
fn turn(subjects: &mut impl Iterator<Item = String>, payload_len: usize) -> (Vec<u8>, u64) {
    let (mut input, mut count, mut frame_len) = (Vec::new(), 0, 0);
    while input.len() + frame_len <= TURN_BYTES {
        let Some(subject) = subjects.next() else { break };
        let before = input.len();
        encode::publish(&mut input, subject.as_bytes(), None, None, &vec![b'x'; payload_len]);
        frame_len = input.len() - before;
        count += 1;
    }
    (input, count)
}

fn one_subject(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route");
    for (subscribers, payload_len) in [(0, 128), (1, 16), (1, 128), (1, 1024), (8, 128), (64, 128)] {
        let mut rig = Rig::new("orders.created", subscribers);
        let (input, count) = turn(&mut std::iter::repeat("orders.created".to_owned()), payload_len);
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("1 to {subscribers}, {payload_len} B"), |bencher| {
            bencher.iter(|| rig.publish(black_box(&input)));
        });
    }
    group.finish();
}

fn many_subjects(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route");
    let mut rig = Rig::new("orders.*", 1);
    let mut subjects = (0..MANY_SUBJECTS).map(|number| format!("orders.{number:06}"));
    let turns: Vec<_> = std::iter::from_fn(|| Some(turn(&mut subjects, 128)).filter(|(_, count)| *count > 0)).collect();
    group.throughput(Throughput::Elements(turns[0].1));
    let mut next = turns.iter().cycle();
    group.bench_function("100k subjects to 1 wildcard, 128 B", |bencher| {
        bencher.iter(|| next.next().map(|(input, _)| rig.publish(black_box(input))));
    });
    group.finish();
}

criterion_group!(benches, one_subject, many_subjects);
criterion_main!(benches);
