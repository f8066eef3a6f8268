//! One process after the other on the same disk: how they start, and what their end leaves behind.

use embus_engine::stream::SyncPolicy;
use embus_storage::medium::Medium;
use embus_storage::medium::crash::Fault;

use super::world::{CLIENTS, Fate, Message, Process, Request, World};
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
    pub(super) fn connect(&mut self, place: usize) -> Result<(), Down> {
        let name = format!("x{}", self.number());
        let Self { process, rng, .. } = self;
        let process = process.as_mut().ok_or(Down)?;
        let client = catch(|| Client::connect(&process.engine, place % 2 == 1, &name, rng))?;
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
        self.connect(place)?;
        self.come_back()?;
        self.pulls.retain(|_, pull| pull.client != place);
        let theirs = |(_, asked): &(&u64, &super::world::Asked)| asked.client == place;
        let theirs: Vec<u64> = self.requests.iter().filter(theirs).map(|(number, _)| *number).collect();
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
        self.crew.kill();
        self.process = None;
        self.pulls.clear();
        for asked in std::mem::take(&mut self.requests).into_values() {
            self.forget(&asked.request);
        }
        self.asked.clear();
        let boot = self.machine.boot_id();
        self.machine = self.machine.restart();
        let is_cut = self.last_boot != boot;
        if is_cut || self.is_hopeless {
            self.doubt_refusals();
        }
        self.was_cut |= is_cut;
        self.last_boot = boot;
        (self.is_faulty, self.is_hopeless) = (false, false);
        self.is_closing = false;
        self.trace.note(format_args!("restart, power cut {}", self.was_cut));
    }

    /// Whether the last end may have taken what was confirmed.
    pub(super) fn may_have_lost(&self) -> bool {
        self.was_cut && self.policy != SyncPolicy::Always
    }

    /// What a failed commit left was taken back, but not durably until something behind it is: whoever was refused
    /// knows no more than one who was not answered at all.
    fn doubt_refusals(&mut self) {
        for number in 0..self.messages.len() {
            let Message { slot, answered_at, fate, .. } = self.messages[number];
            let behind = self.messages.iter().skip(answered_at).filter(|message| message.slot == slot);
            let is_settled = self.is_synced() && behind.into_iter().any(|it| matches!(it.fate, Fate::Stored(_)));
            if fate == Fate::Refused && !is_settled {
                self.messages[number].fate = Fate::Unknown;
            }
        }
    }

    fn forget(&mut self, request: &Request) {
        match *request {
            Request::Publish(number) => self.messages[number].fate = Fate::Unknown,
            Request::Create { whom, .. } | Request::Delete { whom } => {
                let place = self.place(whom);
                (place.exists, place.is_changing, place.is_doubtful) = (None, false, true);
            }
            Request::Confirm { .. } | Request::Remove { .. } | Request::Ask => {}
        }
    }
}
