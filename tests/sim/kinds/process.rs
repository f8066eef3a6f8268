//! One process after the other on the same disk: how they start, and what their end leaves behind.

use embus_engine::stream::SyncPolicy;
use embus_storage::medium::Medium;
use embus_storage::medium::crash::Fault;

use super::listeners::Listener;
use super::member::Pause;
use super::world::{CLIENTS, DiskState, Fate, Process, Request, World};
use crate::machine::client::Client;
use crate::machine::{Down, boot, catch};
use crate::scenario::pick;

impl World {
    /// Starts a broker and checks what it found; a start may be cut short, too.
    pub(super) fn start(&mut self) {
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
                if self.check_start().is_ok() {
                    return;
                }
            }
            self.bury();
        }
    }

    pub(super) fn try_start(&mut self, is_hit: bool) -> Result<(), Down> {
        let engine = boot(&self.machine, &self.crew, &self.clock, self.policy, is_hit, &mut self.rng)?;
        self.process = Some(Process { clients: Vec::new(), names: Vec::new(), engine });
        (0..CLIENTS).try_for_each(|place| self.connect(place))
    }

    /// A client comes, or takes the place of one that vanishes.
    fn connect(&mut self, place: usize) -> Result<(), Down> {
        let name = format!("x{}", self.number());
        let Self { process, rng, gathers, .. } = self;
        let process = process.as_mut().ok_or(Down)?;
        let mut client = catch(|| Client::connect(&process.engine, place % 2 == 1, &name, rng))?;
        if *gathers {
            client.allow_gathering();
        }
        if place < process.clients.len() {
            process.names[place] = name;
            let gone = std::mem::replace(&mut process.clients[place], client);
            return catch(|| drop(gone));
        }
        process.clients.push(client);
        process.names.push(name);
        Ok(())
    }

    /// A client goes without a word: it learns nothing any more.
    pub(super) fn vanish(&mut self, place: usize) -> Result<(), Down> {
        self.trace.note(format_args!("client {place} vanishes"));
        self.pulls.retain(|_, pull| pull.client != place);
        let gone: Vec<Listener> =
            self.listeners.values().filter(|listener| listener.client == place).cloned().collect();
        for listener in &gone {
            self.note_end(listener);
        }
        self.listeners.retain(|_, listener| listener.client != place);
        self.leave_followers(&gone.iter().map(|listener| listener.member).collect::<Vec<_>>());
        self.connect(place)?;
        self.come_back()?;
        let theirs = self.requests.iter().filter(|(_, asked)| asked.client == place);
        let theirs: Vec<u64> = theirs.map(|(number, _)| *number).collect();
        for number in theirs {
            if let Some(asked) = self.requests.remove(&number) {
                self.forget(&asked.request);
            }
        }
        Ok(())
    }

    /// The process is dead, or dies now: what it told before counts, what was under way may be done or not.
    pub(super) fn bury(&mut self) {
        if !self.machine.is_down() {
            if self.rng.bool() { self.machine.cut_power() } else { self.machine.crash() }
        }
        self.collect();
        let process = self.process.take();
        // Whoever goes makes the commits that it has put off, and finds the disk gone.
        _ = catch(|| drop(process));
        self.crew.kill();
        self.pulls.clear();
        self.listeners.clear();
        self.questions.clear();
        for asked in std::mem::take(&mut self.requests).into_values() {
            self.forget(&asked.request);
        }
        self.answers.clear();
        self.bury_followers();
        let boot = self.machine.boot_id();
        self.machine = self.machine.restart();
        let is_cut = self.last_boot != boot;
        let Self { disk, messages, policy, .. } = self;
        // What a failed commit left was taken back, but not durably until something behind it is.
        if disk.was_faulty || is_cut {
            let refused = messages.iter_mut().filter(|message| message.fate == Fate::Refused);
            refused.for_each(|message| message.fate = Fate::Unknown);
        }
        let was_cut = disk.was_cut || is_cut;
        let may_have_lost = disk.may_have_lost || (was_cut && *policy != SyncPolicy::Always);
        let DiskState { has_holes, was_ever_faulty, .. } = *disk;
        *disk = DiskState { was_cut, may_have_lost, has_holes, was_ever_faulty, ..DiskState::default() };
        self.last_boot = boot;
        self.is_closing = false;
        self.trace.note(format_args!("restart, power cut {was_cut}"));
    }

    fn forget(&mut self, request: &Request) {
        match *request {
            Request::Publish(number) => self.messages[number].fate = Fate::Unknown,
            Request::Create(number) | Request::Delete(number) => {
                let member = self.member(number);
                (member.exists, member.is_loose) = (None, true);
            }
            Request::Update(number) | Request::Reset(number) | Request::Unpin(number) => {
                self.member(number).is_loose = true;
            }
            Request::Pause { member, .. } => {
                let member = self.member(member);
                member.pause = Pause::Perhaps(member.pause.until());
                member.is_pausing = false;
            }
            Request::Purge(slot) => self.stocks[slot].doubt_all(),
            Request::Confirm { .. } | Request::Ask | Request::Ignore => {}
        }
    }
}
