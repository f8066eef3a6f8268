//! What happens while a broker lives: small random steps.

use std::time::Duration;

use embus_engine::stream::SyncPolicy;
use embus_storage::medium::crash::Fault;
use serde_json::json;

use super::loss::Removal;
use super::message::{Attempt, Fate, Life, Rollup, Undoing};
use super::model::Model;
use super::slots::{Config, SLOTS};
use super::world::{Down, Request, World, catch};
use crate::scenario::pick;

impl World {
    /// One process, until it dies or is to be replaced.
    pub(super) fn life(&mut self) -> Result<(), Down> {
        if self.rng.u8(..4) > 0 {
            let call = self.machine.calls() + self.rng.u64(1..800);
            let fault = *pick(&mut self.rng, &[Fault::PowerCut, Fault::PowerCut, Fault::Crash]);
            self.trace.note(format_args!("{fault:?} at {call}"));
            self.machine.fail_at(call, fault);
        }
        for _ in 0..self.rng.usize(20..160) {
            self.step()?;
        }
        match self.rng.u8(..3) {
            0 => Ok(()),
            1 => self.heal(),
            _ => {
                self.heal()?;
                let engine = self.engine()?;
                self.come_to_rest()?;
                self.trace.note(format_args!("close"));
                catch(|| engine.jetstream().into_iter().for_each(|jetstream| jetstream.close()))
            }
        }
    }

    /// Nothing is left that the end would have to wait for: jobs run on this thread's turn only.
    fn come_to_rest(&mut self) -> Result<(), Down> {
        let engine = self.engine()?;
        let streams = engine.jetstream().map(|jetstream| jetstream.list(None)).unwrap_or_default();
        for stream in streams.iter().chain(&streams) {
            catch(|| stream.with(|_| ()))?;
            self.drain()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Down> {
        match self.rng.u32(..1000) {
            0..380 => self.publish_some(),
            380..760 => self.turn(),
            760..810 => self.delete_message(),
            810..835 => self.purge(),
            835..885 => self.change_stream(),
            885..920 => self.read_one(),
            920..960 => self.pass_time(),
            960..980 => self.drain(),
            980..993 => {
                self.break_disk();
                Ok(())
            }
            _ => self.heal(),
        }
    }

    fn random_slot(&mut self, exists: bool) -> Option<usize> {
        // Of a stream that may or may not be gone, only the next start knows.
        let is_settled = |slot: usize| !self.streams[slot].is_changing && !self.streams[slot].is_doomed;
        let fits = |&slot: &usize| is_settled(slot) && self.streams[slot].exists == Some(exists);
        let slots: Vec<usize> = self.slots.iter().copied().filter(fits).collect();
        (!slots.is_empty()).then(|| *pick(&mut self.rng, &slots))
    }

    /// One whose messages may be touched: it is there, and stays.
    fn served_slot(&mut self) -> Option<usize> {
        let deleted = |slot: usize| {
            self.requests.values().any(|request| {
            matches!(request, Request::Delete { slot: other } | Request::Create { slot: other } if *other == slot)
        })
        };
        let fits = |&slot: &usize| self.streams[slot].exists == Some(true) && !deleted(slot);
        let slots: Vec<usize> = self.slots.iter().copied().filter(fits).collect();
        (!slots.is_empty()).then(|| *pick(&mut self.rng, &slots))
    }

    fn publish_some(&mut self) -> Result<(), Down> {
        for _ in 0..self.rng.usize(1..=5) {
            let Some(slot) = self.served_slot() else { return self.change_stream() };
            self.publish(slot)?;
        }
        Ok(())
    }

    pub(super) fn publish(&mut self, slot: usize) -> Result<usize, Down> {
        let number = self.attempts.len();
        let id = (self.rng.u8(..4) == 0).then(|| {
            // Often one that was used before.
            let id = if self.rng.bool() { number } else { self.rng.usize(number.saturating_sub(60)..=number) };
            format!("id-{slot}-{id}")
        });
        let kind = &SLOTS[slot];
        let now = self.now();
        let attempt = Attempt {
            slot,
            incarnation: self.streams[slot].model.incarnation,
            subject: (*pick(&mut self.rng, kind.subjects)).to_owned(),
            id,
            life: if kind.allows_ttl() { Life::random(&mut self.rng) } else { Life::Stream },
            rollup: if kind.allows_rollup() { Rollup::random(&mut self.rng) } else { None },
            is_marker: false,
            len: *pick(&mut self.rng, &[9, 30, 100, 700, 3000, 9000]),
            time: now,
            latest: now,
            fate: Fate::Waiting,
            answered_at: usize::MAX,
        };
        let (subject, headers, payload) = (attempt.subject.clone(), attempt.headers(), attempt.payload(number));
        self.trace.note(format_args!(
            "publish {number} {subject} {:?} {:?} {:?}, {} bytes",
            attempt.id, attempt.life, attempt.rollup, attempt.len
        ));
        self.attempts.push(attempt);
        let taken = self.send(subject, headers, payload, Request::Publish(number))?;
        assert_eq!(taken, 1, "no stream took {number}");
        Ok(number)
    }

    fn delete_message(&mut self) -> Result<(), Down> {
        let Some(slot) = self.served_slot() else { return Ok(()) };
        let sequence = self.streams[slot].model.random_sequence(&mut self.rng);
        let removal = Removal::of(None, sequence, sequence + 1, 0);
        let incarnation = self.streams[slot].model.incarnation;
        let (name, covered) = self.streams[slot].model.ask_removal(removal, &self.attempts);
        self.trace.note(format_args!("delete {} {sequence}", SLOTS[slot].name));
        let subject = format!("$JS.API.STREAM.MSG.DELETE.{}", SLOTS[slot].name);
        let body = json!({ "seq": sequence, "no_erase": self.rng.bool() }).to_string();
        let request = Request::Remove { slot, incarnation, name, covered };
        self.send(subject, Vec::new(), body.into(), request).map(drop)
    }

    fn purge(&mut self) -> Result<(), Down> {
        let Some(slot) = self.served_slot() else { return Ok(()) };
        let filter = match self.rng.u8(..5) {
            0..2 => None,
            2 => Some(SLOTS[slot].filter),
            _ => Some(*pick(&mut self.rng, SLOTS[slot].subjects)),
        };
        let filter = filter.map(str::to_owned);
        let below = if self.rng.bool() { self.streams[slot].model.random_sequence(&mut self.rng) } else { 0 };
        // Not beyond the last one: that would use sequences up.
        let below = below.min(self.streams[slot].model.last());
        let keep = if below == 0 && self.rng.bool() { self.rng.u64(1..5) } else { 0 };
        let removal = Removal::of(filter.clone(), 0, if below == 0 { u64::MAX } else { below }, keep);
        self.trace.note(format_args!("purge {} {removal:?}", SLOTS[slot].name));
        let incarnation = self.streams[slot].model.incarnation;
        let (name, covered) = self.streams[slot].model.ask_removal(removal, &self.attempts);
        let body = json!({ "filter": filter.unwrap_or_default(), "seq": below, "keep": keep }).to_string();
        let subject = format!("$JS.API.STREAM.PURGE.{}", SLOTS[slot].name);
        let request = Request::Remove { slot, incarnation, name, covered };
        self.send(subject, Vec::new(), body.into(), request).map(drop)
    }

    fn change_stream(&mut self) -> Result<(), Down> {
        let revision = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX);
        if let Some(slot) = self.random_slot(false) {
            let config = Config::random(slot, revision, &mut self.rng);
            return self.create(slot, config);
        }
        let Some(slot) = self.random_slot(true) else { return Ok(()) };
        let stream = &mut self.streams[slot];
        if self.rng.u8(..3) == 0 {
            stream.is_changing = true;
            return self.api("DELETE", slot, "", Request::Delete { slot });
        }
        let config = stream.configs[0].successor(slot, revision, &mut self.rng);
        stream.is_changing = true;
        stream.model.tighten(&config);
        self.api("UPDATE", slot, &config.to_json(slot), Request::Update { slot, config })
    }

    pub(super) fn create(&mut self, slot: usize, config: Config) -> Result<(), Down> {
        let body = config.to_json(slot);
        let incarnation = self.next_incarnation();
        let stream = &mut self.streams[slot];
        stream.model = Model::new(incarnation, &config);
        stream.model.is_lossy = self.is_lossy;
        stream.configs = vec![config];
        stream.is_changing = true;
        self.api("CREATE", slot, &body, Request::Create { slot })
    }

    fn api(&mut self, verb: &str, slot: usize, body: &str, request: Request) -> Result<(), Down> {
        self.trace.note(format_args!("{verb} {} {body}", SLOTS[slot].name));
        let subject = format!("$JS.API.STREAM.{verb}.{}", SLOTS[slot].name);
        self.send(subject, Vec::new(), body.as_bytes().to_vec(), request).map(drop)
    }

    fn read_one(&mut self) -> Result<(), Down> {
        let Some(slot) = self.served_slot() else { return Ok(()) };
        let sequence = self.streams[slot].model.random_sequence(&mut self.rng);
        let body = if self.rng.u8(..3) == 0 {
            json!({ "last_by_subj": pick(&mut self.rng, SLOTS[slot].subjects) })
        } else {
            json!({ "seq": sequence })
        };
        self.trace.note(format_args!("read {} {body}", SLOTS[slot].name));
        let endpoint = pick(&mut self.rng, &["DIRECT.GET", "STREAM.MSG.GET"]);
        let subject = format!("$JS.API.{endpoint}.{}", SLOTS[slot].name);
        let incarnation = self.streams[slot].model.incarnation;
        self.send(subject, Vec::new(), body.to_string().into(), Request::Read { slot, incarnation }).map(drop)
    }

    fn pass_time(&mut self) -> Result<(), Down> {
        let span = match self.rng.u8(..8) {
            0..5 => Duration::from_micros(self.rng.u64(..50_000)),
            5..7 => Duration::from_millis(self.rng.u64(..1000)),
            _ => Duration::from_secs(self.rng.u64(..40)),
        };
        self.advance(span)
    }

    pub(super) fn advance(&mut self, span: Duration) -> Result<(), Down> {
        self.clock.advance(span);
        self.trace.note(format_args!("{span:?} pass"));
        let engine = self.engine()?;
        catch(|| engine.handle_deadlines())
    }

    fn break_disk(&mut self) {
        let call = self.machine.calls() + self.rng.u64(1..30);
        let faults = [Fault::Io, Fault::FailedSync, Fault::Full, Fault::ShortWrite];
        let fault = *pick(&mut self.rng, &faults);
        let lasts = self.rng.u8(..3) == 0;
        self.trace.note(format_args!("{fault:?} at {call}, lasts: {lasts}"));
        self.undoing = match (self.undoing, fault) {
            _ if self.is_faulty || (lasts && fault == Fault::Io) => Undoing::Open,
            (Undoing::Durable, Fault::FailedSync | Fault::Full) if lasts => Undoing::Cached,
            (undoing, _) => undoing,
        };
        self.is_faulty = true;
        self.note_lossy(fault);
        if lasts {
            self.machine.fail_from(call, fault);
        } else {
            self.machine.fail_at(call, fault);
        }
    }

    /// A sync that fails takes what was written before with it: a loss where acknowledgements don't wait for syncs.
    pub(super) fn note_lossy(&mut self, fault: Fault) {
        let is_synced = self.policy == SyncPolicy::Always;
        self.is_lossy |= !is_synced && matches!(fault, Fault::Io | Fault::FailedSync);
        let is_lossy = self.is_lossy;
        self.streams.iter_mut().for_each(|stream| stream.model.is_lossy |= is_lossy);
    }

    /// The disk is well again: within little time everything works.
    pub(super) fn heal(&mut self) -> Result<(), Down> {
        self.trace.note(format_args!("heal"));
        // Also takes back the end of this process, if one was planned: it comes when the life ends.
        self.machine.forget_faults();
        self.drain()?;
        for slot in self.slots.clone() {
            self.revive(slot)?;
        }
        (self.is_faulty, self.undoing) = (false, Undoing::Durable);
        self.advance(Duration::from_millis(1100))?;
        self.drain()?;
        self.check()?;
        if self.policy != SyncPolicy::Os {
            // A stream that is not served is not synced either: its deletion failed, and nobody knows how far that came.
            let served = self.streams.iter_mut().filter(|stream| stream.exists == Some(true));
            served.for_each(|stream| stream.model.all_durable());
        }
        Ok(())
    }

    /// Whether there is such a stream; who asks for it has it read again, if that was not possible before.
    fn is_there(&mut self, slot: usize) -> Result<bool, Down> {
        for _ in 0..4 {
            if let Some(exists) = self.streams[slot].exists {
                return Ok(exists);
            }
            self.advance(Duration::from_millis(300))?;
            let info = self.info(slot)?;
            match info["error"]["err_code"].as_u64() {
                None => self.streams[slot].exists = Some(true),
                Some(10059) => self.streams[slot].exists = Some(false),
                Some(error) => self.trace.note(format_args!("info: {error}")),
            }
        }
        self.give_up_if_doomed(slot)?;
        panic!("{} says nothing although the disk is well", SLOTS[slot].name);
    }

    fn revive(&mut self, slot: usize) -> Result<(), Down> {
        if !self.is_there(slot)? {
            return Ok(());
        }
        for _ in 0..4 {
            self.advance(Duration::from_millis(300))?;
            let number = self.publish(slot)?;
            self.drain()?;
            let attempt = &self.attempts[number];
            if matches!(attempt.fate, Fate::Stored(_) | Fate::Duplicate(_) | Fate::Full) {
                return Ok(());
            }
        }
        self.give_up_if_doomed(slot)?;
        panic!("{} takes no messages although the disk is well", SLOTS[slot].name);
    }

    /// The folder of a stream was renamed to be swept away, and the disk neither made that durable nor took it back: only
    /// the next start can tell whether the stream is there.
    fn give_up_if_doomed(&self, slot: usize) -> Result<(), Down> {
        if self.streams[slot].is_doomed { Err(Down) } else { Ok(()) }
    }
}
