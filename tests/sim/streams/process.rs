//! One process after the other on the same disk: how they start, and what their end leaves behind.

use embus_engine::stream::SyncPolicy;
use embus_engine::{LocalClient, QueueBounds};
use embus_protocol::subject::Subject;
use embus_storage::medium::Medium;
use embus_storage::medium::crash::Fault;

use super::message::{Attempt, Fate, Undoing};
use super::model::{Leniency, Model};
use super::slots::SLOTS;
use super::world::{Down, Process, Request, WIRES, World};
use crate::machine::wire::WireClient;
use crate::machine::{boot, catch};
use crate::scenario::pick;

impl World {
    /// Starts a broker and checks what it found; a start may be cut short, too.
    pub(super) fn start(&mut self) {
        for attempt in 0.. {
            let is_hit = attempt < 3 && self.rng.u8(..6) == 0;
            if is_hit {
                let call = self.machine.calls() + self.rng.u64(1..60);
                let fault = *pick(&mut self.rng, &[Fault::PowerCut, Fault::Crash, Fault::Io]);
                self.trace.note(format_args!("{fault:?} at {call} of a start"));
                self.machine.fail_at(call, fault);
                self.is_faulty = true;
                self.note_lossy(fault);
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

    pub(super) fn try_start(&mut self, is_hit: bool) -> Result<(), Down> {
        let engine = boot(&self.machine, &self.crew, &self.clock, self.policy, is_hit, &mut self.rng)?;
        let client = LocalClient::connect(&engine);
        let bounds = QueueBounds { messages: 1 << 20, bytes: 1 << 30 };
        let inbox = client.subscribe(&Subject::from_static("_INBOX.sim.*"), None, bounds).expect("the client is new");
        let connect = |wire| WireClient::connect(&engine, &format!("_INBOX.wire{wire}.*"), &mut self.rng);
        let mut wires: Vec<_> = (0..WIRES).map(connect).collect();
        wires.iter_mut().filter(|_| self.gathers).for_each(WireClient::allow_gathering);
        self.process = Some(Process { inbox, client, wires, engine });
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
        for request in std::mem::take(&mut self.requests).into_values() {
            self.forget(request);
        }
        self.asked.clear();
        let boot = self.machine.boot_id();
        let restarted = self.machine.restart();
        let is_cut = self.last_boot != boot;
        self.last_boot = boot;
        self.machine = restarted;
        if is_cut && self.policy != SyncPolicy::Always {
            self.leniency = self.leniency.max(Leniency::Suffix);
        }
        self.doubt_refusals(is_cut);
        self.streams.iter_mut().for_each(|stream| stream.model.end(is_cut));
        (self.is_faulty, self.undoing) = (false, Undoing::Durable);
        for slot in 0..SLOTS.len() {
            self.expect_ghosts(slot);
        }
        self.trace.note(format_args!("restart, power cut {is_cut}"));
    }

    /// What a failed commit left was taken back, but not durably, or not even that: a disk that fails, and then fails
    /// again or loses its power before anything else was stored, keeps what it likes. Whoever was refused in that moment
    /// knows no more than one who was not answered at all.
    fn doubt_refusals(&mut self, is_cut: bool) {
        for number in 0..self.attempts.len() {
            let attempt = &self.attempts[number];
            let answered_at = attempt.answered_at.min(self.attempts.len());
            let is_proof = |other: &Attempt| other.is_beside(attempt) && matches!(other.fate, Fate::Stored(_));
            let is_settled = || self.attempts[answered_at..].iter().any(is_proof);
            if matches!(attempt.fate, Fate::Refused(undoing) if undoing.is_doubtful(is_cut)) && !is_settled() {
                self.attempts[number].fate = Fate::Unknown;
            }
        }
    }

    fn expect_ghosts(&mut self, slot: usize) {
        if std::mem::take(&mut self.streams[slot].is_doomed) {
            self.streams[slot].exists = None;
        }
        let ghosts = std::mem::take(&mut self.streams[slot].ghosts);
        if self.streams[slot].exists.is_none() {
            self.streams[slot].configs.extend(ghosts);
            return;
        }
        if self.streams[slot].exists == Some(false) && !ghosts.is_empty() {
            let incarnation = self.next_incarnation();
            let stream = &mut self.streams[slot];
            (stream.exists, stream.model) = (None, Model::new(incarnation, &ghosts[0]));
            stream.configs = ghosts;
        }
    }

    fn forget(&mut self, request: Request) {
        match request {
            Request::Publish(number) => self.attempts[number].fate = Fate::Unknown,
            Request::Create { slot } | Request::Delete { slot } => {
                self.streams[slot].exists = None;
                self.streams[slot].is_changing = false;
            }
            Request::Update { slot, config } => {
                self.streams[slot].configs.push(config);
                self.streams[slot].is_changing = false;
            }
            Request::Remove { .. } | Request::Read { .. } | Request::Ask => {}
        }
    }
}
