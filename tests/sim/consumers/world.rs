//! One run: a disk, the brokers that live on it one after the other, clients that publish, ask, read and acknowledge.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use embus_engine::stream::SyncPolicy;
use embus_engine::{Clock, Engine};
use embus_storage::medium::Medium;
use embus_storage::medium::crash::CrashMedium;
use fastrand::Rng;

use super::config::{Config, NAMES, SLOTS};
use super::model::{Model, Moment};
use super::pull::Pull;
use super::state::View;
use super::stock::Stock;
use crate::clock::ManualClock;
use crate::frame::Received;
use crate::machine::client::{Client, INBOX};
use crate::machine::crew::Crew;
use crate::machine::{Down, catch};
use crate::scenario::pick;
use crate::trace::Trace;

/// What a run does wrong on purpose, to show that it is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// A delivery does not arrive.
    Lose,
    /// A delivery arrives twice.
    Repeat,
    /// An acknowledgement does not reach the broker.
    Forget,
}

/// The whole of one run.
#[allow(clippy::struct_excessive_bools, reason = "each is something that may have happened to the disk or the broker")]
#[derive(Debug)]
pub(crate) struct World {
    pub(super) rng: Rng,
    pub(crate) trace: Trace,
    pub(super) clock: Arc<ManualClock>,
    pub(super) machine: CrashMedium,
    /// Which run of the operating system the last process ended in.
    pub(super) last_boot: u128,
    pub(super) policy: SyncPolicy,
    pub(super) crew: Crew,
    pub(super) process: Option<Process>,
    pub(super) streams: Vec<Stream>,
    pub(super) messages: Vec<Message>,
    pub(super) requests: BTreeMap<u64, Asked>,
    /// By the subscriptions that they deliver to.
    pub(super) pulls: BTreeMap<u64, Pull>,
    /// What clients got and may still say something of.
    pub(super) held: Vec<Held>,
    /// Of requests, subscriptions, clients and consumers.
    pub(super) last_number: u64,
    /// Answers to requests of the checks themselves.
    pub(super) asked: Vec<Answer>,
    /// Whether the disk may have failed since it was last well.
    pub(super) is_faulty: bool,
    /// Whether it may have failed again, so that not even what failed before was taken back.
    pub(super) is_hopeless: bool,
    /// Whether it did since the last time that all was looked at.
    pub(super) was_faulty: bool,
    /// Whether the power was cut since a broker was looked at.
    pub(super) was_cut: bool,
    /// Whether a sync may have failed since then: that takes what was written before and not synced.
    pub(super) was_unsynced: bool,
    /// Whether the broker ends in good order.
    pub(super) is_closing: bool,
    pub(super) sabotage: Option<Sabotage>,
}

/// A broker with its clients.
#[derive(Debug)]
pub(crate) struct Process {
    pub(super) clients: Vec<Client>,
    /// The names of their inboxes.
    pub(super) names: Vec<String>,
    pub(super) engine: Arc<Engine>,
}

/// A stream and its consumers.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(super) stock: Stock,
    /// What was known when clients were looked after last.
    pub(super) known_to: u64,
    /// How many messages were refused in this moment: consumers without acknowledgements counted them until then.
    pub(super) refused: u64,
    pub(super) places: [Place; NAMES.len()],
}

/// A name that a consumer may have.
#[derive(Debug)]
pub(crate) struct Place {
    /// Whether there is a consumer; nothing if nobody knows.
    pub(super) exists: Option<bool>,
    /// A request to create or delete it is under way.
    pub(super) is_changing: bool,
    /// Nobody knows what of that the disk has.
    pub(super) is_doubtful: bool,
    /// Those that there may be, the last one made last.
    pub(super) models: Vec<Model>,
}

/// Which consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Whom {
    pub(super) slot: usize,
    pub(super) place: usize,
}

/// A message that a client got.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(super) whom: Whom,
    pub(super) sequence: u64,
    pub(super) reply: String,
}

/// What was published.
#[derive(Debug)]
pub(crate) struct Message {
    pub(super) slot: usize,
    pub(super) subject: &'static str,
    pub(super) len: usize,
    pub(super) fate: Fate,
    /// How many had been published when it was answered.
    pub(super) answered_at: usize,
    /// Somebody got it.
    pub(super) is_seen: bool,
    /// Whether it is in its stream was found out when its fate was known.
    pub(super) is_settled: bool,
}

/// What its publisher knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Waiting,
    Stored(u64),
    Refused,
    Unknown,
}

/// A request that is not answered yet.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(super) client: usize,
    pub(super) request: Request,
}

#[derive(Debug, Clone)]
pub(crate) enum Request {
    Publish(usize),
    /// An acknowledgement to be confirmed: then what was so at that moment stays.
    Confirm {
        whom: Whom,
        revision: u32,
        moment: Moment,
        /// What is done then.
        done: Vec<u64>,
        must_come: bool,
    },
    Create {
        whom: Whom,
        config: Config,
    },
    Delete {
        whom: Whom,
    },
    Remove {
        slot: usize,
        sequence: u64,
    },
    /// Of a check, which waits for it.
    Ask,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(super) headers: String,
    pub(super) payload: Vec<u8>,
}

/// Clients in the process and over the wire.
pub(super) const CLIENTS: usize = 4;

impl Message {
    pub(super) fn payload(&self, number: usize) -> Vec<u8> {
        let mut bytes = format!("{number:08}|").into_bytes();
        bytes.resize(self.len.max(bytes.len()), b'x');
        bytes
    }

    /// Whether it may be in its stream without anybody knowing it.
    pub(super) fn is_unsure(&self) -> bool {
        !self.is_settled && matches!(self.fate, Fate::Waiting | Fate::Unknown)
    }
}

impl Default for Place {
    fn default() -> Self {
        Self { exists: Some(false), is_changing: false, is_doubtful: false, models: Vec::new() }
    }
}

impl Place {
    /// The consumer that is there for sure, if nobody is about to change that.
    pub(super) fn model(&mut self) -> Option<&mut Model> {
        if self.exists == Some(true) && !self.is_changing { self.models.last_mut() } else { None }
    }

    /// The one of that revision, if it may still be there.
    pub(super) fn of(&mut self, revision: u32) -> Option<&mut Model> {
        self.models.iter_mut().find(|model| model.config.revision == revision)
    }
}

impl World {
    pub(crate) fn sabotaged(seed: u64, sabotage: Sabotage) -> Self {
        Self { sabotage: Some(sabotage), ..Self::new(seed) }
    }

    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let interval = SyncPolicy::Interval(Duration::from_millis(200));
        let policy = *pick(&mut rng, &[SyncPolicy::Always, SyncPolicy::Always, interval, SyncPolicy::Os]);
        let machine = CrashMedium::new(rng.u64(..));
        let clock = Arc::new(ManualClock::default());
        // A time like today's: times of messages have as many digits, which count where bytes are counted.
        clock.advance(Duration::from_secs(1_700_000_000));
        Self {
            last_boot: machine.boot_id(),
            streams: (0..rng.usize(1..=SLOTS.len())).map(|_| Stream::default()).collect(),
            machine,
            rng,
            trace: Trace::default(),
            clock,
            policy,
            crew: Crew::default(),
            process: None,
            messages: Vec::new(),
            requests: BTreeMap::new(),
            pulls: BTreeMap::new(),
            held: Vec::new(),
            last_number: INBOX,
            asked: Vec::new(),
            is_faulty: false,
            is_hopeless: false,
            was_faulty: false,
            was_cut: false,
            was_unsynced: false,
            is_closing: false,
            sabotage: None,
        }
    }

    /// The whole run; returns the hash of what happened.
    pub(crate) fn run(&mut self) -> u64 {
        self.trace.note(format_args!("{:?}", self.policy));
        self.begin();
        for _ in 0..self.rng.usize(2..=5) {
            match self.life() {
                Ok(()) => {}
                Err(Down) => self.trace.note(format_args!("down")),
            }
            self.bury();
            self.start();
        }
        let ended = self.heal();
        assert!(ended.is_ok(), "nothing ends it now");
        self.trace.hash()
    }

    pub(super) fn engine(&self) -> Result<Arc<Engine>, Down> {
        self.process.as_ref().map(|process| Arc::clone(&process.engine)).ok_or(Down)
    }

    /// Whether what is confirmed survives the end of the power.
    pub(super) fn is_synced(&self) -> bool {
        self.policy == SyncPolicy::Always
    }

    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// The manual clock, as the engine has it in its time stamps.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.clock.monotonic().since_origin().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) fn place(&mut self, whom: Whom) -> &mut Place {
        &mut self.streams[whom.slot].places[whom.place]
    }

    pub(super) fn whoms(&self) -> Vec<Whom> {
        let of = |slot: usize| (0..NAMES.len()).map(move |place| Whom { slot, place });
        (0..self.streams.len()).flat_map(of).collect()
    }

    /// Runs `act` with one consumer and what it is looked at with.
    pub(super) fn with_model<T>(
        &mut self,
        whom: Whom,
        revision: u32,
        act: impl FnOnce(&mut Model, &Stock, u64) -> T,
    ) -> Option<T> {
        let now = self.now();
        let Stream { stock, places, .. } = &mut self.streams[whom.slot];
        places[whom.place].of(revision).map(|model| act(model, stock, now))
    }

    /// Publishes by some client; the answer comes some time.
    pub(super) fn send(&mut self, subject: &str, payload: &[u8], request: Request) -> Result<(), Down> {
        let client = self.rng.usize(..CLIENTS);
        self.send_by(client, subject, payload, Some(request))
    }

    pub(super) fn send_by(
        &mut self,
        client: usize,
        subject: &str,
        payload: &[u8],
        request: Option<Request>,
    ) -> Result<(), Down> {
        let number = self.number();
        let Self { process, rng, requests, .. } = self;
        let process = process.as_mut().ok_or(Down)?;
        let reply = request.map(|request| {
            requests.insert(number, Asked { client, request });
            format!("_INBOX.{}.{number}", process.names[client])
        });
        catch(|| process.clients[client].publish(subject, reply.as_deref(), payload, rng))?;
        self.come_back()
    }

    /// After anything that the broker did.
    pub(super) fn come_back(&mut self) -> Result<(), Down> {
        self.collect();
        if self.machine.is_down() { Err(Down) } else { Ok(()) }
    }

    /// Gives one thread its turn.
    pub(super) fn turn(&mut self) -> Result<(), Down> {
        let came_to = self.crew.turn(&mut self.rng);
        self.trace.note(format_args!("turn: {came_to}, {} calls", self.machine.calls()));
        self.come_back()
    }

    /// Lets all jobs come to their end.
    pub(super) fn drain(&mut self) -> Result<(), Down> {
        while self.crew.has_work() {
            self.turn()?;
        }
        Ok(())
    }

    /// What is answered to a request of a check.
    pub(super) fn ask(&mut self, subject: &str, payload: &str) -> Result<Vec<Answer>, Down> {
        self.asked.clear();
        self.send_by(0, subject, payload.as_bytes(), Some(Request::Ask))?;
        self.drain()?;
        let answers = std::mem::take(&mut self.asked);
        assert!(!answers.is_empty(), "no answer on {subject}");
        self.requests.retain(|_, asked| !matches!(asked.request, Request::Ask));
        Ok(answers)
    }

    /// Takes in what clients got: answers first, since what follows from them is known only then, and deliveries in the
    /// order in which they were made.
    pub(super) fn collect(&mut self) {
        for stream in &mut self.streams {
            stream.refused = 0;
            stream.known_to = stream.stock.iter().next_back().map_or(0, |(sequence, _)| sequence);
        }
        let received = self
            .process
            .as_mut()
            .map(|process| process.clients.iter_mut().flat_map(Client::receive).collect::<Vec<_>>());
        let (answers, rest): (Vec<_>, Vec<_>) =
            received.unwrap_or_default().into_iter().partition(|received| received.sid == INBOX);
        for answer in answers {
            self.answer(answer);
        }
        self.take_pulled(rest);
    }

    fn answer(&mut self, received: Received) {
        let Received { subject, headers, payload, .. } = received;
        let number = subject.rsplit('.').next().and_then(|number| number.parse().ok());
        let number: u64 = number.unwrap_or_else(|| panic!("answers come to reply subjects, not {subject}"));
        let answer = Answer { headers: String::from_utf8_lossy(&headers.unwrap_or_default()).into_owned(), payload };
        match self.requests.get(&number).map(|asked| asked.request.clone()) {
            Some(Request::Ask) => self.asked.push(answer),
            Some(request) => {
                self.requests.remove(&number);
                self.answered(request, &answer);
            }
            None => panic!("a second answer: {answer:?}"),
        }
    }
}

impl Whom {
    pub(super) fn path(self) -> String {
        format!("{}.{}", SLOTS[self.slot].name, NAMES[self.place])
    }
}

/// What a consumer of `config` is looked at with.
pub(super) fn view<'a>(config: &'a Config, stock: &'a Stock, now: u64) -> View<'a> {
    View { config, stock, now }
}
