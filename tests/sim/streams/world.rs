//! One run: a disk, the brokers that live on it one after the other, clients, chance.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use embus_engine::stream::SyncPolicy;
use embus_engine::{Clock, Engine, Headers, LocalClient, LocalSubscription, Message};
use embus_protocol::subject::Subject;
use embus_storage::medium::Medium;
use embus_storage::medium::crash::CrashMedium;
use fastrand::Rng;

use super::message::{Attempt, Undoing};
use super::model::{Leniency, Model};
use super::slots::{Config, SLOTS};
use crate::clock::ManualClock;
use crate::machine::crew::Crew;
use crate::machine::wire::WireClient;
pub(super) use crate::machine::{Down, catch};
use crate::scenario::pick;
use crate::trace::Trace;

/// The whole of one run.
pub(crate) struct World {
    pub(super) rng: Rng,
    pub(crate) trace: Trace,
    pub(super) clock: Arc<ManualClock>,
    pub(super) machine: CrashMedium,
    /// Which run of the operating system the last process ended in.
    pub(super) last_boot: u128,
    pub(super) policy: SyncPolicy,
    /// Whether clients over the wire share commits.
    pub(super) gathers: bool,
    pub(super) crew: Crew,
    pub(super) process: Option<Process>,
    /// The streams there may be.
    pub(super) slots: Vec<usize>,
    pub(super) streams: Vec<Known>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) requests: BTreeMap<u64, Request>,
    last_request: u64,
    /// Answers to requests of the checks themselves.
    pub(super) asked: Vec<Answer>,
    /// Whether the disk may have failed since it was last well.
    pub(super) is_faulty: bool,
    /// What became of what was refused since then: it may have failed again when that was to be taken back.
    pub(super) undoing: Undoing,
    /// Whether a sync may have failed that nobody waited for.
    pub(super) is_lossy: bool,
    /// What the last end of a process may have cost.
    pub(super) leniency: Leniency,
    last_incarnation: u32,
}

/// A broker with a client in its process, and others.
pub(super) struct Process {
    pub(super) inbox: LocalSubscription,
    pub(super) client: Arc<LocalClient>,
    pub(super) wires: Vec<WireClient>,
    pub(super) engine: Arc<Engine>,
}

/// What is known of a stream from outside.
#[derive(Debug)]
pub(crate) struct Known {
    /// Nothing if nobody knows.
    pub(super) exists: Option<bool>,
    /// One, or those that may be in force.
    pub(super) configs: Vec<Config>,
    /// A request to create, update or delete it is under way.
    pub(super) is_changing: bool,
    /// What failed to be created on a disk that may have refused to take that back: it may come up at the next start.
    pub(super) ghosts: Vec<Config>,
    /// It could not be deleted on a disk that may have refused to take that back: it may be gone at the next start.
    pub(super) is_doomed: bool,
    pub(super) model: Model,
}

/// A request that is not answered yet.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Publish(usize),
    Remove {
        slot: usize,
        incarnation: u32,
        name: u64,
        covered: Vec<u64>,
    },
    Create {
        slot: usize,
    },
    Update {
        slot: usize,
        config: Config,
    },
    Delete {
        slot: usize,
    },
    Read {
        slot: usize,
        incarnation: u32,
    },
    /// Of a check, which waits for it.
    Ask,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(super) headers: String,
    pub(super) payload: Bytes,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let policies =
            [SyncPolicy::Always, SyncPolicy::Always, SyncPolicy::Interval(Duration::from_millis(200)), SyncPolicy::Os];
        let policy = *pick(&mut rng, &policies);
        let config = Config::random(0, 0, &mut rng);
        let mut slots: Vec<usize> = (0..SLOTS.len()).collect();
        rng.shuffle(&mut slots);
        slots.truncate(rng.usize(2..=4));
        let unknown = |_| Known {
            exists: Some(false),
            configs: Vec::new(),
            is_changing: false,
            ghosts: Vec::new(),
            is_doomed: false,
            model: Model::new(0, &config),
        };
        let machine = CrashMedium::new(rng.u64(..));
        Self {
            last_boot: machine.boot_id(),
            machine,
            rng,
            trace: Trace::default(),
            clock: Arc::default(),
            policy,
            gathers: seed % 4 == 3,
            crew: Crew::default(),
            process: None,
            slots,
            streams: (0..SLOTS.len()).map(unknown).collect(),
            attempts: Vec::new(),
            requests: BTreeMap::new(),
            last_request: 0,
            asked: Vec::new(),
            is_faulty: false,
            undoing: Undoing::Durable,
            is_lossy: false,
            leniency: Leniency::None,
            last_incarnation: 0,
        }
    }

    /// The whole run; returns the hash of what happened.
    pub(crate) fn run(&mut self) -> u64 {
        self.trace.note(format_args!("{:?}", self.policy));
        for _ in 0..self.rng.usize(2..=5) {
            self.start();
            match self.life() {
                Ok(()) => {}
                Err(Down) => self.trace.note(format_args!("down")),
            }
            self.bury();
        }
        self.start();
        self.trace.hash()
    }

    pub(super) fn engine(&self) -> Result<Arc<Engine>, Down> {
        self.process.as_ref().map(|process| Arc::clone(&process.engine)).ok_or(Down)
    }

    pub(super) fn next_incarnation(&mut self) -> u32 {
        self.last_incarnation += 1;
        self.last_incarnation
    }

    /// Nanoseconds.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.clock.monotonic().since_origin().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Publishes; the answer comes some time. Says how many took it.
    pub(super) fn send(
        &mut self,
        subject: String,
        headers: Vec<u8>,
        payload: Vec<u8>,
        request: Request,
    ) -> Result<usize, Down> {
        self.last_request += 1;
        let is_check = matches!(request, Request::Ask);
        self.requests.insert(self.last_request, request);
        let wire = if is_check { 2 * WIRES } else { self.rng.usize(..2 * WIRES) };
        let delivered = if wire < WIRES {
            self.send_over(wire, &subject, &headers, &payload)?;
            1
        } else {
            self.send_within(subject, headers, payload)?
        };
        self.come_back().map(|()| delivered)
    }

    fn send_within(&mut self, subject: String, headers: Vec<u8>, payload: Vec<u8>) -> Result<usize, Down> {
        let reply = Subject::from(format!("_INBOX.sim.{}", self.last_request));
        let headers = if headers.is_empty() { Headers::None } else { Headers::Block(headers.into()) };
        let message = Message::new(Subject::from(subject), Some(reply), headers, payload.into());
        let client = self.process.as_ref().map(|process| Arc::clone(&process.client)).ok_or(Down)?;
        let published = catch(|| client.publish(message))?;
        Ok(published.expect("nothing is wrong with the message").delivered)
    }

    fn send_over(&mut self, wire: usize, subject: &str, headers: &[u8], payload: &[u8]) -> Result<(), Down> {
        let reply = format!("_INBOX.wire{wire}.{}", self.last_request);
        let Self { process, rng, .. } = self;
        let client = &mut process.as_mut().ok_or(Down)?.wires[wire];
        catch(|| client.publish(subject, &reply, headers, payload, rng))
    }

    /// Makes the commits that wires have put off.
    fn end_gathering(&mut self) -> Result<(), Down> {
        let mut wires = self.process.iter_mut().flat_map(|process| &mut process.wires);
        wires.try_for_each(|wire| catch(|| wire.end_gathering()))
    }

    /// After anything that the broker did.
    fn come_back(&mut self) -> Result<(), Down> {
        if self.gathers && self.rng.u8(..3) == 0 {
            self.end_gathering()?;
        }
        self.collect();
        if self.machine.is_down() { Err(Down) } else { Ok(()) }
    }

    /// Everything comes to its end.
    fn finish_work(&mut self) -> Result<(), Down> {
        loop {
            if self.gathers {
                self.end_gathering()?;
                self.come_back()?;
            }
            if !self.crew.has_work() {
                return Ok(());
            }
            self.turn()?;
        }
    }

    /// Gives one thread its turn.
    pub(super) fn turn(&mut self) -> Result<(), Down> {
        let came_to = self.crew.turn(&mut self.rng);
        self.trace.note(format_args!("turn: {came_to}, {} calls", self.machine.calls()));
        self.come_back()
    }

    /// Lets all jobs come to their end: then everybody is answered.
    pub(super) fn drain(&mut self) -> Result<(), Down> {
        self.finish_work()?;
        assert!(self.requests.is_empty(), "no answer to {:?}", self.requests);
        Ok(())
    }

    /// What is answered to a request of a check.
    pub(super) fn ask(&mut self, subject: &str, payload: &str) -> Result<Vec<Answer>, Down> {
        self.asked.clear();
        self.send(subject.to_owned(), Vec::new(), payload.as_bytes().to_vec(), Request::Ask)?;
        self.finish_work()?;
        let answers = std::mem::take(&mut self.asked);
        assert!(!answers.is_empty(), "no answer on {subject}");
        self.requests.retain(|_, request| !matches!(request, Request::Ask));
        Ok(answers)
    }

    /// Takes in what was answered.
    pub(super) fn collect(&mut self) {
        for (subject, answer) in self.process.as_mut().map(Process::receive).unwrap_or_default() {
            let number = subject.rsplit('.').next().and_then(|number| number.parse().ok());
            let number: u64 = number.expect("answers come to reply subjects");
            match self.requests.get(&number).cloned() {
                Some(Request::Ask) => self.asked.push(answer),
                Some(request) => {
                    self.requests.remove(&number);
                    self.answered(request, &answer);
                }
                None => panic!("a second answer: {answer:?}"),
            }
        }
    }
}

impl Process {
    /// All that came to its clients, with the subjects.
    fn receive(&mut self) -> Vec<(String, Answer)> {
        let mut answers = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(message)) = self.inbox.poll_next(&mut context) {
            let headers = String::from_utf8_lossy(&message.headers().to_block()).into_owned();
            answers.push((message.subject.to_string(), Answer { headers, payload: message.payload }));
        }
        for received in self.wires.iter_mut().flat_map(WireClient::receive) {
            let headers = String::from_utf8_lossy(&received.headers.unwrap_or_default()).into_owned();
            answers.push((received.subject, Answer { headers, payload: received.payload.into() }));
        }
        answers
    }
}

/// Clients over the wire.
pub(super) const WIRES: usize = 2;
