//! One run: a disk, the brokers that live on it one after the other, clients that publish, listen, ask and acknowledge.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use embus_engine::stream::SyncPolicy;
use embus_engine::{Clock, Engine};
use embus_storage::medium::Medium;
use embus_storage::medium::crash::CrashMedium;
use fastrand::Rng;

use super::config::SLOTS;
use super::listeners::Listener;
use super::member::Member;
use super::ordered::Follower;
use super::pulls::Pull;
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
pub(super) enum Sabotage {
    /// A delivery does not arrive.
    Lose,
    /// An acknowledgement does not reach the broker.
    Forget,
    /// A pause does not.
    Pause,
    /// Commits that were put off are never made.
    Hold,
}

/// The whole of one run.
#[derive(Debug)]
pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) trace: Trace,
    pub(super) clock: Arc<ManualClock>,
    pub(super) machine: CrashMedium,
    /// Which run of the operating system the last process ended in.
    pub(super) last_boot: u128,
    pub(super) policy: SyncPolicy,
    /// Whether clients over the wire share commits.
    pub(super) gathers: bool,
    /// How often one waited for another's.
    pub(super) gathered: u64,
    pub(super) crew: Crew,
    pub(super) process: Option<Process>,
    pub(super) stocks: Vec<Stock>,
    /// By their numbers, which are in their names.
    pub(super) members: BTreeMap<u64, Member>,
    pub(super) followers: Vec<Follower>,
    /// Requests for messages and listeners of push consumers, by their subscriptions.
    pub(super) pulls: BTreeMap<u64, Pull>,
    pub(super) listeners: BTreeMap<u64, Listener>,
    pub(super) messages: Vec<Message>,
    pub(super) requests: BTreeMap<u64, Asked>,
    /// What clients got and may still say something of.
    pub(super) held: Vec<Held>,
    /// Questions of flow control that nobody answered.
    pub(super) questions: Vec<String>,
    /// Answers to requests of the checks themselves.
    pub(super) answers: Vec<Answer>,
    pub(super) last_number: u64,
    /// How often clients looked what came in.
    pub(super) looks: u64,
    pub(super) disk: DiskState,
    /// Whether the broker ends in good order.
    pub(super) is_closing: bool,
    pub(super) sabotage: Option<Sabotage>,
}

/// What may have happened to the disk.
#[allow(clippy::struct_excessive_bools, reason = "each is something that may have happened")]
#[derive(Debug, Default)]
pub(super) struct DiskState {
    /// It may have failed since it was last well.
    pub(super) is_faulty: bool,
    /// It may have failed since the broker started.
    pub(super) was_faulty: bool,
    /// The power was cut since a broker was looked at.
    pub(super) was_cut: bool,
    /// It may have forgotten what was confirmed, since a broker was looked at.
    pub(super) may_have_lost: bool,
    /// Also in front of what was written later.
    pub(super) has_holes: bool,
    /// It may have failed at any time of the run.
    pub(super) was_ever_faulty: bool,
}

/// A broker with its clients.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) clients: Vec<Client>,
    /// The names of their inboxes.
    pub(super) names: Vec<String>,
    pub(super) engine: Arc<Engine>,
}

/// A message that a client got.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) member: u64,
    pub(super) sequence: u64,
    pub(super) reply: String,
}

/// What was published.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) slot: usize,
    pub(super) subject: &'static str,
    pub(super) len: usize,
    pub(super) fate: Fate,
}

/// What its publisher knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Waiting,
    Stored(u64),
    Refused,
    Unknown,
}

/// A request that is not answered yet.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) client: usize,
    pub(super) request: Request,
}

#[derive(Debug, Clone)]
pub(super) enum Request {
    Publish(usize),
    /// An acknowledgement to be confirmed: these are done for good then, unless the consumer has begun anew meanwhile.
    Confirm {
        member: u64,
        done: Vec<u64>,
        resets: u64,
    },
    Create(u64),
    Delete(u64),
    Update(u64),
    Pause {
        member: u64,
        until: u64,
    },
    Reset(u64),
    Unpin(u64),
    Purge(usize),
    /// Of a check, which waits for it.
    Ask,
    /// Nobody minds what it says.
    Ignore,
}

#[derive(Debug, Clone)]
pub(super) struct Answer {
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
}

impl World {
    pub(super) fn sabotaged(seed: u64, sabotage: Sabotage) -> Self {
        Self { sabotage: Some(sabotage), ..Self::new(seed) }
    }

    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let interval = SyncPolicy::Interval(Duration::from_millis(200));
        let policy = *pick(&mut rng, &[SyncPolicy::Always, SyncPolicy::Always, interval, SyncPolicy::Os]);
        let machine = CrashMedium::new(rng.u64(..));
        let clock = Arc::new(ManualClock::default());
        clock.advance(Duration::from_secs(1_700_000_000));
        Self {
            last_boot: machine.boot_id(),
            stocks: SLOTS.iter().map(|_| Stock::default()).collect(),
            machine,
            rng,
            trace: Trace::default(),
            clock,
            policy,
            gathers: seed % 4 == 3,
            gathered: 0,
            crew: Crew::default(),
            process: None,
            members: BTreeMap::new(),
            followers: Vec::new(),
            pulls: BTreeMap::new(),
            listeners: BTreeMap::new(),
            messages: Vec::new(),
            requests: BTreeMap::new(),
            held: Vec::new(),
            questions: Vec::new(),
            answers: Vec::new(),
            last_number: INBOX,
            looks: 0,
            disk: DiskState::default(),
            is_closing: false,
            sabotage: None,
        }
    }

    /// The whole run; returns the hash of what happened.
    pub(super) fn run(&mut self) -> u64 {
        self.trace.note(format_args!("{:?}", self.policy));
        self.begin();
        for _ in 0..self.rng.usize(2..=4) {
            if self.life().is_err() {
                self.trace.note(format_args!("down"));
            }
            self.bury();
            self.start();
        }
        let ended = self.finish();
        assert!(ended.is_ok(), "nothing ends it now");
        self.trace.hash()
    }

    pub(super) fn engine(&self) -> Result<Arc<Engine>, Down> {
        self.process.as_ref().map(|process| Arc::clone(&process.engine)).ok_or(Down)
    }

    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// The manual clock, as the engine has it in its time stamps.
    pub(super) fn now(&self) -> u64 {
        u64::try_from((self.clock.monotonic().since_origin() + Duration::from_secs(1)).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether the disk was well all the time since the broker started.
    pub(super) fn is_strict(&self) -> bool {
        !self.disk.is_faulty && !self.disk.was_faulty
    }

    pub(super) fn member(&mut self, number: u64) -> &mut Member {
        self.members.get_mut(&number).unwrap_or_else(|| panic!("there is no consumer {number}"))
    }

    /// Where requests about a consumer go.
    pub(super) fn path(&self, number: u64) -> String {
        let member = &self.members[&number];
        format!("{}.{}", SLOTS[member.slot].name, member.name)
    }

    /// Publishes by some client; the answer comes some time.
    pub(super) fn send(&mut self, subject: &str, payload: &[u8], request: Request) -> Result<(), Down> {
        let client = self.rng.usize(..CLIENTS);
        let number = self.number();
        let name = &self.process.as_ref().ok_or(Down)?.names[client];
        let reply = format!("_INBOX.{name}.{number}");
        self.requests.insert(number, Asked { client, request });
        self.send_by(client, subject, Some(&reply), payload)
    }

    pub(super) fn send_by(
        &mut self,
        client: usize,
        subject: &str,
        reply: Option<&str>,
        payload: &[u8],
    ) -> Result<(), Down> {
        let Self { process, rng, .. } = self;
        let process = process.as_mut().ok_or(Down)?;
        catch(|| process.clients[client].publish(subject, reply, payload, rng))?;
        self.come_back()
    }

    /// After anything that the broker did.
    pub(super) fn come_back(&mut self) -> Result<(), Down> {
        if self.gathers && self.rng.u8(..3) == 0 {
            self.end_gathering()?;
        }
        self.collect();
        self.read_followers()?;
        self.notice_listeners();
        if self.machine.is_down() { Err(Down) } else { Ok(()) }
    }

    /// Gives one thread its turn.
    pub(super) fn turn(&mut self) -> Result<(), Down> {
        let came_to = self.crew.turn(&mut self.rng);
        self.trace.note(format_args!("turn: {came_to}, {} calls", self.machine.calls()));
        self.come_back()
    }

    /// Makes the commits that clients have put off.
    fn end_gathering(&mut self) -> Result<(), Down> {
        if self.sabotage == Some(Sabotage::Hold) {
            return Ok(());
        }
        for client in self.process.iter_mut().flat_map(|process| &mut process.clients) {
            self.gathered += u64::from(client.is_gathering());
            catch(|| client.end_gathering())?;
        }
        Ok(())
    }

    /// Lets all jobs come to their end.
    pub(super) fn drain(&mut self) -> Result<(), Down> {
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

    /// What is answered to a request of a check.
    pub(super) fn ask(&mut self, subject: &str, payload: &str) -> Result<Vec<Answer>, Down> {
        self.answers.clear();
        self.send(subject, payload.as_bytes(), Request::Ask)?;
        self.drain()?;
        let answers = std::mem::take(&mut self.answers);
        assert!(!answers.is_empty(), "no answer on {subject}");
        self.requests.retain(|_, asked| !matches!(asked.request, Request::Ask));
        Ok(answers)
    }

    /// Takes in what clients got: answers first, since what follows from them is known only then.
    pub(super) fn collect(&mut self) {
        self.looks += 1;
        let Some(process) = &mut self.process else { return };
        let received: Vec<Received> = process.clients.iter_mut().flat_map(Client::receive).collect();
        let (answers, rest): (Vec<_>, Vec<_>) = received.into_iter().partition(|received| received.sid == INBOX);
        for answer in answers {
            self.answer(answer);
        }
        self.take_in(rest);
    }

    fn answer(&mut self, received: Received) {
        let Received { subject, headers, payload, .. } = received;
        let number = subject.rsplit('.').next().and_then(|number| number.parse().ok());
        let number: u64 = number.unwrap_or_else(|| panic!("answers come to reply subjects, not {subject}"));
        let answer = Answer { headers: String::from_utf8_lossy(&headers.unwrap_or_default()).into_owned(), payload };
        match self.requests.get(&number).map(|asked| asked.request.clone()) {
            Some(Request::Ask) => self.answers.push(answer),
            Some(request) => {
                self.requests.remove(&number);
                self.answered(&request, &answer);
            }
            None => panic!("a second answer: {answer:?}"),
        }
    }
}
