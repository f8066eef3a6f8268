//! A consumer, its log, its time, and those who listen.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use embus_storage::log::{Accounting, Append, Log, LogOptions, RemovalMark, RunLimit};
use embus_storage::medium::Medium;
use embus_storage::medium::memory::Memory;
use embus_storage::message::Timestamp;

use crate::api::time::Nanos;
use crate::consumer::ack::{AckToken, AckVerb};
use crate::consumer::config::{AckPolicy, ConsumerConfig, with};
use crate::consumer::info::ConsumerState;
use crate::consumer::{
    Consumer, ConsumerSetting, Deliver, DeliverRun, Event, PullRequest, Readiness, Scene, Status, Step,
};
use crate::sync::Arc;

pub(super) const SECOND: i64 = 1_000_000_000;
pub(super) const MILLISECOND: i64 = 1_000_000;
/// When tests begin: times have as many digits as today's.
pub(super) const START: Timestamp = 1_795_191_675_000_000_000;

pub(super) struct Rig {
    pub(super) log: Log,
    pub(super) consumer: Consumer,
    pub(super) now: Timestamp,
    pub(super) round: u64,
    /// What finished commits cover.
    pub(super) visible: u64,
    /// From where on removals may come to nothing.
    pub(super) unsettled: Option<RemovalMark>,
    pub(super) gone: BTreeSet<String>,
    pub(super) congested: BTreeSet<String>,
    /// What was written down: the last snapshot, and the deltas behind it.
    pub(super) snapshot: Option<Vec<u8>>,
    pub(super) deltas: Vec<Vec<u8>>,
    /// How many messages it may deliver at once.
    pub(super) run_messages: usize,
}

/// As few that runs end, and as many that there are some.
const RUN_MESSAGES: usize = 5;
/// Some messages of these tests.
const RUN_BYTES: usize = 40;

/// A delivery.
pub(super) struct Sent {
    pub(super) to: String,
    pub(super) sequence: u64,
    pub(super) consumer_sequence: u64,
    pub(super) deliveries: u64,
    pub(super) pending: u64,
    is_pinned: bool,
}

/// A durable pull consumer with explicit acknowledgements, as checks complete it.
pub(super) fn config() -> ConsumerConfig {
    ConsumerConfig {
        durable_name: "C".to_owned(),
        name: "C".to_owned(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Nanos(30 * SECOND),
        max_deliver: -1,
        max_ack_pending: 1000,
        max_waiting: 512,
        ..ConsumerConfig::default()
    }
}

/// The same one, delivering to `push`.
pub(super) fn push_config() -> ConsumerConfig {
    with(ConsumerConfig { max_waiting: 0, ..config() }, |rare| rare.deliver_subject = "push".to_owned())
}

pub(super) fn empty_log() -> Log {
    let options = LogOptions {
        segment_bytes: 1 << 20,
        accounting: Accounting::Memory,
        compress: false,
        synced: false,
        description: Arc::new(Vec::new()),
    };
    let medium = Arc::new(Memory::new());
    medium.create_dir(Path::new("log")).unwrap();
    Log::create(medium, PathBuf::from("log"), options).unwrap()
}

fn setting() -> ConsumerSetting {
    ConsumerSetting {
        id: 1,
        stream: Arc::from("S"),
        name: Arc::from("C"),
        created: START,
        is_persistent: true,
        settles: true,
    }
}

impl Rig {
    /// A hungry consumer is told of a message.
    pub(super) fn offer(&mut self, sequence: u64) {
        self.consumer.offer(sequence, &self.log);
    }

    pub(super) fn new(config: ConsumerConfig) -> Self {
        Self::over(empty_log(), config)
    }

    /// Over a stream that holds a message on each of these subjects, a second apart.
    pub(super) fn with(subjects: &[&str], config: ConsumerConfig) -> Self {
        let mut log = empty_log();
        for (number, subject) in (0..).zip(subjects) {
            append(&mut log, subject, START + number * SECOND);
        }
        Self::over(log, config)
    }

    fn over(mut log: Log, config: ConsumerConfig) -> Self {
        let (now, visible) = (START.max(log.last_time()), log.last_sequence());
        let nobody = &mut |_: &[u8], _: Option<&[u8]>| Readiness::Ready;
        let settled = Some(log.removal_mark());
        let mut scene = Scene { log: &mut log, visible, settled, now, round: 1, interest: nobody };
        let consumer = Consumer::new(setting(), Arc::new(config), &mut scene).unwrap();
        let (gone, congested) = (BTreeSet::new(), BTreeSet::new());
        let (snapshot, deltas, run_messages) = (None, Vec::new(), RUN_MESSAGES);
        Self { log, consumer, now, round: 1, visible, gone, congested, snapshot, deltas, run_messages, unsettled: None }
    }

    pub(super) fn scene<R>(&mut self, act: impl FnOnce(&mut Consumer, &mut Scene<'_>) -> R) -> R {
        let Self { log, consumer, now, round, visible, gone, congested, unsettled, .. } = self;
        let settled = Some(unsettled.unwrap_or(log.removal_mark()));
        let interest = &mut |subject: &[u8], _: Option<&[u8]>| {
            let subject = std::str::from_utf8(subject).unwrap();
            match () {
                () if gone.contains(subject) => Readiness::Gone,
                () if congested.contains(subject) => Readiness::Congested,
                () => Readiness::Ready,
            }
        };
        act(consumer, &mut Scene { log, visible: *visible, settled, now: *now, round: *round, interest })
    }

    /// Publishes and commits.
    pub(super) fn publish(&mut self, subject: &str) -> u64 {
        self.visible = append(&mut self.log, subject, self.now);
        self.visible
    }

    pub(super) fn publish_all(&mut self, subjects: &[&str]) {
        for subject in subjects {
            self.publish(subject);
        }
    }

    /// One thing to do, of which several messages are one.
    pub(super) fn step(&mut self) -> Option<Step> {
        let limit = RunLimit { messages: self.run_messages, bytes: RUN_BYTES };
        self.scene(|consumer, scene| consumer.poll_run(limit, scene)).unwrap()
    }

    pub(super) fn handle_deadline(&mut self) {
        self.scene(Consumer::handle_deadline).unwrap();
    }

    /// Everything that is sent now.
    pub(super) fn poll(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        self.round += 1;
        while let Some(step) = self.step() {
            sent.append(&mut show(&step));
            assert!(sent.len() < 100_000);
        }
        sent
    }

    /// A request, and everything that is sent then.
    pub(super) fn pull(&mut self, reply: &str, body: &str) -> Vec<String> {
        self.round += 1;
        let request = PullRequest::parse(body.as_bytes(), Bytes::copy_from_slice(reply.as_bytes()));
        let refusal = match request {
            Ok(request) => self.scene(|consumer, scene| consumer.handle_pull(request, scene)),
            Err(refusal) => Some(refusal),
        };
        let mut sent: Vec<_> = refusal.iter().map(show_status).collect();
        sent.append(&mut self.poll());
        sent
    }

    /// What is said of a delivery, and everything that is sent then.
    pub(super) fn say(&mut self, stream_sequence: u64, consumer_sequence: u64, body: &str) -> Vec<String> {
        let token = AckToken { deliveries: 1, stream_sequence, consumer_sequence };
        self.consumer.handle_ack(&token, AckVerb::parse(body.as_bytes()), self.now);
        self.poll()
    }

    pub(super) fn ack(&mut self, stream_sequence: u64, consumer_sequence: u64) -> Vec<String> {
        self.say(stream_sequence, consumer_sequence, "")
    }

    /// Lets time pass; everything that is sent meanwhile, each with the milliseconds since the beginning.
    pub(super) fn pass(&mut self, span: i64) -> Vec<String> {
        let (start, end) = (self.now, self.now + span);
        let mut sent = Vec::new();
        for _ in 0..10_000 {
            let Some(deadline) = self.consumer.next_deadline().filter(|deadline| *deadline <= end) else {
                self.now = end;
                return sent;
            };
            self.now = self.now.max(deadline);
            self.round += 1;
            self.handle_deadline();
            let at = (self.now - start) / MILLISECOND;
            sent.extend(self.poll().into_iter().map(|text| format!("{at}: {text}")));
            if self.consumer.is_expired() {
                sent.push(format!("{at}: expired"));
                self.now = end;
                return sent;
            }
        }
        panic!("the next deadline never goes away: {:?}", self.consumer.next_deadline());
    }

    pub(super) fn info(&mut self) -> ConsumerState {
        self.round += 1;
        self.scene(Consumer::info)
    }

    /// Delivered, floor (consumer and stream sequence each), ack pending, redelivered, waiting, pending.
    pub(super) fn numbers(&mut self) -> String {
        let info = self.info();
        let (delivered, floor) = (info.delivered, info.ack_floor);
        format!(
            "{}/{} {}/{} a{} r{} w{} p{}",
            delivered.consumer_sequence,
            delivered.stream_sequence,
            floor.consumer_sequence,
            floor.stream_sequence,
            info.num_ack_pending,
            info.num_redelivered,
            info.num_waiting,
            info.num_pending
        )
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.consumer.take_event()).collect()
    }

    pub(super) fn settled(&mut self) -> Vec<u64> {
        self.consumer.handle_sent();
        std::iter::from_fn(|| self.consumer.take_settled()).collect()
    }

    /// Writes down what changed.
    pub(super) fn save(&mut self) {
        let mut delta = Vec::new();
        if self.consumer.write_delta(&mut delta) {
            self.deltas.push(delta);
        }
        assert!(!self.consumer.is_dirty());
    }

    /// Writes everything down.
    pub(super) fn save_whole(&mut self) {
        let mut snapshot = Vec::new();
        self.consumer.write_snapshot(&mut snapshot);
        self.snapshot = Some(snapshot);
        self.deltas.clear();
    }

    /// A commit failed: the log is read anew, and holds a message on each of these subjects.
    pub(super) fn undo(&mut self, subjects: &[&str]) {
        let mut log = empty_log();
        log.watch_removals(true);
        for subject in subjects {
            append(&mut log, subject, self.now);
        }
        let before = std::mem::replace(&mut self.log, log);
        self.visible = self.log.last_sequence();
        self.consumer.handle_undone(&before, &mut self.log, self.now);
    }

    /// Forgets everything that was not written down.
    pub(super) fn crash(&mut self) {
        let config = Arc::clone(self.consumer.config());
        let (snapshot, deltas) = (self.snapshot.take(), std::mem::take(&mut self.deltas));
        self.visible = self.log.last_sequence();
        let recovered = self.scene(|_, scene| {
            Consumer::recover(setting(), config, snapshot.as_deref(), deltas.iter().map(Vec::as_slice), scene)
        });
        self.consumer = recovered.unwrap();
        (self.snapshot, self.deltas) = (snapshot, deltas);
    }
}

pub(super) fn append(log: &mut Log, subject: &str, time: Timestamp) -> u64 {
    let (headers, payload, subject) = (&b""[..], &b"0123456789"[..], subject.as_bytes());
    let sequence = log.append(&Append { time, subject, headers, payload, marked: false, evict: 0 }).unwrap();
    commit(log);
    sequence
}

pub(super) fn commit(log: &mut Log) {
    if let Some(commit) = log.take_commit(false) {
        log.finish_commit(commit.run()).unwrap();
    }
}

pub(super) fn show(step: &Step) -> Vec<String> {
    if let Step::Status(status) = step {
        return vec![show_status(status)];
    }
    let show = |sent: Sent| {
        let Sent { to, sequence, consumer_sequence, deliveries, pending, is_pinned } = sent;
        let pin = if is_pinned { " pinned" } else { "" };
        format!("{to} #{sequence} d{consumer_sequence} x{deliveries} +{pending}{pin}")
    };
    deliveries(step).into_iter().map(show).collect()
}

/// The deliveries of one step.
pub(super) fn deliveries(step: &Step) -> Vec<Sent> {
    let to = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    match step {
        Step::Status(_) => Vec::new(),
        Step::Deliver(Deliver { to: inbox, locator, consumer_sequence, deliveries, pending, pin_id, .. }) => {
            vec![Sent {
                to: to(inbox),
                sequence: locator.sequence(),
                consumer_sequence: *consumer_sequence,
                deliveries: *deliveries,
                pending: *pending,
                is_pinned: pin_id.is_some(),
            }]
        }
        Step::Run(DeliverRun { to: inbox, run, consumer_sequence, pending }) => {
            let sent = |(number, sequence)| Sent {
                to: to(inbox),
                sequence,
                consumer_sequence: consumer_sequence + number,
                deliveries: 1,
                pending: pending - number,
                is_pinned: false,
            };
            (0..).zip(run.sequences()).map(sent).collect()
        }
    }
}

/// The status and the values of its fields.
pub(super) fn show_status(status: &Status) -> String {
    let text = std::str::from_utf8(&status.headers).unwrap();
    let body = text.strip_prefix("NATS/1.0 ").unwrap().strip_suffix("\r\n\r\n").unwrap();
    let mut lines = body.split("\r\n");
    let mut shown = format!("{} {}", std::str::from_utf8(&status.to).unwrap(), lines.next().unwrap());
    for line in lines {
        shown.push(' ');
        shown.push_str(line.split_once(": ").unwrap().1);
    }
    if let Some(reply) = &status.reply {
        shown.push_str(" ? ");
        shown.push_str(std::str::from_utf8(reply).unwrap());
    }
    shown
}
