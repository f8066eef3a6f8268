//! A broker, a stream, and one client on a wire that keeps what it is given.

use bytes::Bytes;
use embus_protocol::info::ServerInfo;
use embus_protocol::subject::Subject;
use embus_storage::message::Timestamp;

use crate::clock::Clock;
use crate::connection::{ClientId, Connection, ConnectionKind, Peer};
use crate::consumer::config::{AckPolicy, ConsumerConfig};
use crate::consumer::info::ConsumerInfo;
use crate::engine::Engine;
use crate::fixtures::{ByHand, ByHandClock, Recorder, outbox, subscription};
use crate::jetstream::JetStreamOptions;
use crate::jobs::Executor;
use crate::limits::Limits;
use crate::local::LocalClient;
use crate::message::{Headers, Message};
use crate::stream::Stream;
use crate::stream::config::{Retention, StreamConfig};
use crate::subscription::Subscription;
use crate::sync::{Arc, Mutex};

pub(in crate::stream) struct Fixture {
    pub(in crate::stream) engine: Arc<Engine>,
    pub(in crate::stream) stream: Arc<Stream>,
    clock: Arc<ByHandClock>,
    jobs: Arc<ByHand>,
    client: Arc<Connection>,
    publisher: Arc<LocalClient>,
    heard: Arc<Recorder>,
    seen: Mutex<usize>,
}

pub(in crate::stream) const SECOND: Timestamp = 1_000_000_000;

/// A stream that takes `a.>`.
pub(in crate::stream) fn stream_config(retention: Retention) -> StreamConfig {
    StreamConfig { name: "S".to_owned(), subjects: vec!["a.>".to_owned()], retention, ..StreamConfig::default() }
}

/// A durable pull consumer of everything, with explicit acknowledgements.
pub(in crate::stream) fn durable(name: &str) -> ConsumerConfig {
    ConsumerConfig {
        durable_name: name.to_owned(),
        name: name.to_owned(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: crate::api::time::Nanos(30 * SECOND),
        max_deliver: -1,
        max_waiting: 512,
        max_ack_pending: 1000,
        ..ConsumerConfig::default()
    }
}

impl Fixture {
    pub(in crate::stream) fn new() -> Self {
        Self::of(stream_config(Retention::Limits))
    }

    pub(in crate::stream) fn of(config: StreamConfig) -> Self {
        Self::with(config, |options| options)
    }

    pub(in crate::stream) fn with(
        config: StreamConfig,
        change: impl FnOnce(JetStreamOptions) -> JetStreamOptions,
    ) -> Self {
        Self::within(Limits::default(), config, change)
    }

    pub(in crate::stream) fn within(
        limits: Limits,
        config: StreamConfig,
        change: impl FnOnce(JetStreamOptions) -> JetStreamOptions,
    ) -> Self {
        let clock = Arc::new(ByHandClock(Mutex::new(SECOND)));
        let engine = Engine::new(limits, ServerInfo::default(), Arc::clone(&clock) as Arc<dyn Clock>, 1);
        let jobs = Arc::new(ByHand::default());
        let options = JetStreamOptions::in_memory(Arc::clone(&jobs) as Arc<dyn Executor>);
        engine.start_jetstream(change(options)).unwrap();
        let jetstream = engine.jetstream().unwrap();
        let stream = jetstream.get(&config.name).unwrap_or_else(|| jetstream.create(config, false).unwrap().stream);
        let (outbox, heard) = outbox(7);
        outbox.set_headers(true);
        let peer = Peer { kind: ConnectionKind::Stream, host: String::new(), port: 0 };
        let client = Arc::new(Connection::wire(ClientId(7), peer, &*clock, outbox));
        let publisher = LocalClient::connect(&engine);
        let fixture = Self { engine, stream, clock, jobs, client, publisher, heard, seen: Mutex::default() };
        fixture.subscribe("in", None);
        fixture.run_jobs();
        fixture
    }

    pub(in crate::stream) fn subscribe(&self, filter: &str, group: Option<&str>) -> Arc<Subscription> {
        let subscription = self.begin_subscribe(filter, group);
        self.run_jobs();
        subscription
    }

    /// The same without the jobs that come of it.
    pub(in crate::stream) fn begin_subscribe(&self, filter: &str, group: Option<&str>) -> Arc<Subscription> {
        let subscription = subscription(&self.client, "1", filter, group);
        self.engine.global_account().subscribe(Arc::clone(&subscription));
        subscription
    }

    /// How many jobs wait.
    pub(in crate::stream) fn jobs(&self) -> usize {
        self.jobs.len()
    }

    pub(in crate::stream) fn unsubscribe(&self, subscription: &Arc<Subscription>) {
        self.engine.global_account().unsubscribe(subscription);
        self.run_jobs();
    }

    pub(in crate::stream) fn run_jobs(&self) {
        self.jobs.run();
    }

    /// Publishes; says how many took it.
    pub(in crate::stream) fn publish(&self, subject: &str, payload: &str) -> usize {
        self.request(subject, None, payload)
    }

    pub(in crate::stream) fn request(&self, subject: &str, reply: Option<&str>, payload: &str) -> usize {
        let delivered = self.begin_request(subject, reply, payload);
        self.run_jobs();
        delivered
    }

    /// The same without the jobs that come of it.
    pub(in crate::stream) fn begin_request(&self, subject: &str, reply: Option<&str>, payload: &str) -> usize {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        let message = Message::new(Subject::from(subject), reply.map(Subject::from), Headers::None, payload);
        self.publisher.publish(message).unwrap().delivered
    }

    /// Asks a consumer for messages.
    pub(in crate::stream) fn pull(&self, consumer: &str, body: &str) -> usize {
        self.request(&format!("$JS.API.CONSUMER.MSG.NEXT.S.{consumer}"), Some("in"), body)
    }

    pub(in crate::stream) fn create(&self, config: ConsumerConfig) -> ConsumerInfo {
        let name = config.name.clone();
        let witness = self.stream.witness();
        let info = self.stream.create_consumer(&name, config).unwrap();
        witness.after_consumers(Box::new(|_| ()));
        self.run_jobs();
        info
    }

    /// Lets time pass.
    pub(in crate::stream) fn pass(&self, span: Timestamp) {
        *self.clock.0.lock() += span;
        self.engine.handle_deadlines();
        self.run_jobs();
    }

    /// Lets time pass; what is due is done, but no job is run that waits by then.
    pub(in crate::stream) fn pass_without_jobs(&self, span: Timestamp) {
        *self.clock.0.lock() += span;
        let now = self.engine.timestamp();
        for stream in self.engine.deadlines().take_due(now) {
            stream.on_deadline(&self.engine, now);
        }
    }

    /// Nanoseconds until a stream wants to be called; 0 for at once.
    pub(in crate::stream) fn next_deadline(&self) -> Option<Timestamp> {
        let next = self.engine.deadlines().next(std::task::Waker::noop());
        next.map(|deadline| deadline.saturating_sub(self.engine.timestamp()).max(0))
    }

    /// What the client was sent since the last call: a line each, without the body's line ends and the time in the
    /// subject of the acknowledgement.
    pub(in crate::stream) fn heard(&self) -> Vec<String> {
        let text = self.heard.text();
        let mut seen = self.seen.lock();
        let new = text[std::mem::replace(&mut *seen, text.len())..].to_owned();
        let mut lines = Vec::new();
        let mut rest = new.as_str();
        while let Some((line, behind)) = rest.split_once("\r\n") {
            let len: usize = line.rsplit(' ').next().unwrap().parse().unwrap();
            lines.push(format!("{} {}", without_time(line), behind[..len].replace("\r\n", "|")));
            rest = &behind[len + 2..];
        }
        lines
    }
}

fn without_time(line: &str) -> String {
    let words = line.split(' ').map(|word| match word.strip_prefix("$JS.ACK.") {
        Some(token) => {
            let tokens: Vec<_> = token.split('.').collect();
            [&tokens[..5], &tokens[6..]].concat().join(".")
        }
        None => word.to_owned(),
    });
    // The length says no more than the body does.
    let mut words: Vec<_> = words.collect();
    words.pop();
    words.join(" ")
}
