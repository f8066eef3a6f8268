//! One run: a disk, the brokers that live on it one after the other, programs, chance.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use embus_engine::stream::SyncPolicy;
use embus_engine::{Clock, Engine, LocalClient, LocalSubscription, QueueBounds};
use embus_kv::shape::Shape;
use embus_protocol::headers::HeaderMap;
use embus_protocol::subject::Subject;
use embus_storage::medium::crash::{CrashMedium, Fault};
use fastrand::Rng;
use serde_json::json;

use super::bucket::{INBOX, SimBucket};
use super::model::Model;
use super::program::Program;
use crate::clock::ManualClock;
use crate::machine::crew::Crew;
use crate::machine::{Down, boot, catch};
use crate::scenario::pick;
use crate::trace::Trace;

/// The whole of one run.
pub(crate) struct World {
    pub(super) rng: Rng,
    pub(crate) trace: Trace,
    pub(super) clock: Arc<ManualClock>,
    pub(super) machine: CrashMedium,
    pub(super) crew: Crew,
    pub(super) process: Option<Process>,
    /// Those that are at work.
    pub(super) programs: Vec<Program>,
    pub(super) model: Model,
    /// How long marks stay of what has expired, if there are any.
    pub(super) markers: Option<Duration>,
    compress: bool,
    pub(super) sabotage: Option<Sabotage>,
}

/// A broker with a client in its process.
pub(super) struct Process {
    pub(super) bucket: SimBucket,
    inbox: LocalSubscription,
    pub(super) engine: Arc<Engine>,
}

/// What is done to what is read, to see that the checks notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    LoseEntry,
    LoseKey,
}

impl World {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let limit = *pick(&mut rng, &[1, 1, 2, 5]);
        Self {
            machine: CrashMedium::new(rng.u64(..)),
            markers: *pick(&mut rng, &[None, Some(Duration::from_secs(1)), Some(Duration::from_secs(2))]),
            compress: rng.u8(..4) == 0,
            rng,
            trace: Trace::default(),
            clock: Arc::default(),
            crew: Crew::default(),
            process: None,
            programs: Vec::new(),
            model: Model::new(limit),
            sabotage,
        }
    }

    /// The whole run; returns the hash of what happened.
    pub(crate) fn run(&mut self) -> u64 {
        self.start();
        for _ in 0..self.rng.usize(2..=4) {
            match self.life() {
                Ok(()) => {}
                Err(Down) => self.trace.note(format_args!("down")),
            }
            self.bury();
            self.start();
        }
        self.trace.hash()
    }

    /// Starts a broker and checks what it found; a start may be cut short, too.
    fn start(&mut self) {
        for attempt in 0.. {
            let is_hit = attempt < 3 && self.rng.u8(..6) == 0;
            if is_hit {
                let call = self.machine.calls() + self.rng.u64(1..60);
                let fault = *pick(&mut self.rng, &[Fault::PowerCut, Fault::Crash]);
                self.trace.note(format_args!("{fault:?} at {call} of a start"));
                self.machine.fail_at(call, fault);
            }
            if self.try_start(is_hit).is_ok() {
                self.machine.forget_faults();
                if self.check().is_ok() {
                    return;
                }
            }
            self.bury();
        }
    }

    fn try_start(&mut self, is_hit: bool) -> Result<(), Down> {
        let engine = boot(&self.machine, &self.crew, &self.clock, SyncPolicy::Always, is_hit, &mut self.rng)?;
        let client = LocalClient::connect(&engine);
        let bounds = QueueBounds { messages: 1 << 20, bytes: 1 << 30 };
        let inbox = client.subscribe(&Subject::from(format!("{INBOX}.*")), None, bounds).expect("the client is new");
        self.process = Some(Process { bucket: SimBucket::new(client), inbox, engine });
        let (subject, body) = self.creation();
        let bucket = self.bucket()?;
        let create = catch(|| bucket.ask(&subject, HeaderMap::new(), body))?;
        let answer = self.complete(create)?;
        let answer: serde_json::Value = serde_json::from_slice(&answer.payload).expect("an answer is JSON");
        assert!(answer["error"].is_null() || is_hit, "{answer}");
        if answer["error"].is_null() { Ok(()) } else { Err(Down) }
    }

    /// One that is there just like that is as good.
    fn creation(&self) -> (String, Bytes) {
        let limit = i64::try_from(self.model.limit).expect("a small number");
        let shape = Shape::of("b", limit, self.markers).expect("a bucket may be like that");
        let body = json!({
            "name": shape.stream, "subjects": [shape.subjects], "storage": "file", "retention": "limits",
            "max_msgs_per_subject": shape.history, "discard": "new", "allow_rollup_hdrs": true, "deny_delete": true,
            "allow_direct": true, "num_replicas": 1, "compression": if self.compress { "s2" } else { "none" },
            "allow_msg_ttl": shape.allow_message_ttl,
            "subject_delete_marker_ttl": u64::try_from(shape.marker_ttl.unwrap_or_default().as_nanos()).unwrap_or(0),
        });
        (format!("$JS.API.STREAM.CREATE.{}", shape.stream), body.to_string().into())
    }

    /// The process is dead, or dies now: what it told before counts, what was under way may be done or not.
    fn bury(&mut self) {
        if !self.machine.is_down() {
            if self.rng.bool() { self.machine.cut_power() } else { self.machine.crash() }
        }
        self.collect();
        self.crew.kill();
        let now = self.now();
        for program in std::mem::take(&mut self.programs) {
            let _ = catch(|| drop(program));
        }
        self.model.end(now);
        let process = self.process.take();
        let _ = catch(|| drop(process));
        self.machine = self.machine.restart();
        self.trace.note(format_args!("restart"));
    }

    pub(super) fn bucket(&self) -> Result<SimBucket, Down> {
        self.process.as_ref().map(|process| process.bucket.clone()).ok_or(Down)
    }

    /// Nanoseconds.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.clock.monotonic().since_origin().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Gives one thread its turn.
    pub(super) fn turn(&mut self) -> Result<(), Down> {
        let came_to = self.crew.turn(&mut self.rng);
        self.trace.note(format_args!("turn: {came_to}, {} calls", self.machine.calls()));
        self.collect();
        self.alive()
    }

    pub(super) fn alive(&self) -> Result<(), Down> {
        if self.machine.is_down() { Err(Down) } else { Ok(()) }
    }

    /// Runs a call of a check to its end.
    pub(super) fn complete<F: Future>(&mut self, call: F) -> Result<F::Output, Down> {
        let mut call = Box::pin(call);
        for _ in 0..MAX_TURNS {
            let polled = catch(|| call.as_mut().poll(&mut Context::from_waker(Waker::noop())))?;
            if let Poll::Ready(output) = polled {
                return Ok(output);
            }
            self.turn()?;
        }
        panic!("a call never ends");
    }

    /// Takes in what was answered.
    pub(super) fn collect(&mut self) {
        let Some(Process { inbox, bucket, .. }) = &mut self.process else { return };
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(message)) = inbox.poll_next(&mut context) {
            bucket.deliver(&message);
        }
    }
}

/// A call is done long before.
pub(super) const MAX_TURNS: usize = 10_000;
