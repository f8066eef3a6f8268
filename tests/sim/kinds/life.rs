//! What happens while a broker lives: small random steps.

use std::time::Duration;

use embus_engine::stream::SyncPolicy;
use embus_storage::medium::crash::Fault;

use super::config::{SLOTS, stream_json};
use super::pulls::Pull;
use super::time::SECOND;
use super::world::{CLIENTS, Fate, Message, Request, World};
use crate::machine::{Down, catch};
use crate::scenario::pick;

impl World {
    /// The first process, with all streams.
    pub(super) fn begin(&mut self) {
        let begun = self.try_start(false).and_then(|()| {
            for (slot, stream) in SLOTS.iter().enumerate() {
                let answer = self.ask(&format!("$JS.API.STREAM.CREATE.{}", stream.name), &stream_json(slot))?[0].json();
                assert!(answer["error"].is_null(), "{answer}");
            }
            self.begin_followers();
            Ok(())
        });
        assert!(begun.is_ok(), "nothing fails yet");
    }

    /// One process, until it dies or is to be replaced.
    pub(super) fn life(&mut self) -> Result<(), Down> {
        if self.rng.u8(..4) > 0 {
            let call = self.machine.calls() + self.rng.u64(1..1500);
            let fault = *pick(&mut self.rng, &[Fault::PowerCut, Fault::Crash]);
            self.trace.note(format_args!("{fault:?} at {call}"));
            self.machine.fail_at(call, fault);
        }
        let fails = self.rng.bool();
        for _ in 0..self.rng.usize(50..300) {
            self.step(fails)?;
        }
        match self.rng.u8(..3) {
            0 => Ok(()),
            1 => self.heal(),
            _ => self.close(),
        }
    }

    fn step(&mut self, fails: bool) -> Result<(), Down> {
        match self.rng.u32(..1000) {
            0..150 => self.publish_some(),
            150..420 => self.turn(),
            420..560 => self.want_messages(),
            560..740 => self.say_something(),
            740..760 => self.answer_a_question(),
            760..820 => self.change_something(),
            820..840 => self.remove_message(),
            840..845 => self.purge(),
            845..915 => self.pass_time(),
            915..940 => self.drain(),
            940..955 => {
                let place = self.rng.usize(..CLIENTS);
                self.vanish(place)
            }
            955..970 => self.give_up_a_pull(),
            970..980 => self.stop_listening(),
            980..990 if fails => {
                self.break_disk();
                Ok(())
            }
            990..995 => self.revive_followers(),
            995..1000 => self.heal(),
            _ => Ok(()),
        }
    }

    fn publish_some(&mut self) -> Result<(), Down> {
        let slot = self.rng.usize(..SLOTS.len());
        for _ in 0..self.rng.usize(1..=5) {
            self.publish(slot)?;
        }
        Ok(())
    }

    pub(super) fn publish(&mut self, slot: usize) -> Result<usize, Down> {
        let number = self.messages.len();
        let subject = *pick(&mut self.rng, SLOTS[slot].subjects);
        let len = if self.rng.u8(..30) == 0 { 400_000 } else { *pick(&mut self.rng, &[9, 40, 300, 3000]) };
        self.trace.note(format_args!("publish {number} {subject}"));
        let message = Message { slot, subject, len, fate: Fate::Waiting };
        let payload = message.payload(number);
        self.messages.push(message);
        self.send(subject, &payload, Request::Publish(number))?;
        Ok(number)
    }

    /// Somebody asks a consumer for messages, or listens where it delivers.
    fn want_messages(&mut self) -> Result<(), Down> {
        let Some(number) = self.served() else { return self.change_something() };
        if self.members[&number].config.is_push() {
            return self.listen(number);
        }
        let pull = self.random_pull(number);
        self.pull(pull)
    }

    fn pass_time(&mut self) -> Result<(), Down> {
        let span = match self.rng.u8(..8) {
            0..3 => Duration::from_micros(self.rng.u64(..50_000)),
            3..7 => Duration::from_millis(self.rng.u64(..1000)),
            _ => Duration::from_secs(self.rng.u64(..10)),
        };
        self.advance(span)
    }

    pub(super) fn advance(&mut self, span: Duration) -> Result<(), Down> {
        self.note_use();
        self.clock.advance(span);
        self.trace.note(format_args!("{span:?} pass: it is {}", self.now()));
        let engine = self.engine()?;
        catch(|| engine.handle_deadlines())?;
        self.come_back()
    }

    /// Those are in use whom somebody waits for just now.
    fn note_use(&mut self) {
        let now = self.now();
        let Self { pulls, listeners, members, .. } = self;
        for pull in pulls.values().filter(|pull| !pull.has_ended) {
            members.get_mut(&pull.member).expect("it has a number").waited_at = now;
        }
        for listener in listeners.values().filter(|listener| listener.is_noticed) {
            members.get_mut(&listener.member).expect("it has a number").touch(now);
        }
    }

    fn break_disk(&mut self) {
        let call = self.machine.calls() + self.rng.u64(1..30);
        let fault = *pick(&mut self.rng, &[Fault::FailedSync, Fault::Full, Fault::ShortWrite, Fault::Io]);
        let lasts = self.rng.u8(..3) == 0;
        self.trace.note(format_args!("{fault:?} at {call}, lasts: {lasts}"));
        (self.disk.is_faulty, self.disk.was_faulty, self.disk.was_ever_faulty) = (true, true, true);
        // A sync that fails takes what was written before with it: a loss where acknowledgements do not wait for syncs.
        if matches!(fault, Fault::FailedSync | Fault::Io) && self.policy != SyncPolicy::Always {
            (self.disk.may_have_lost, self.disk.has_holes) = (true, true);
            self.members.values_mut().for_each(|member| member.confirmed.clear());
        }
        if lasts { self.machine.fail_from(call, fault) } else { self.machine.fail_at(call, fault) }
    }

    /// Ends in good order: then nothing is forgotten.
    fn close(&mut self) -> Result<(), Down> {
        self.heal()?;
        let engine = self.engine()?;
        let streams = engine.jetstream().map(|jetstream| jetstream.list(None)).unwrap_or_default();
        // Nothing is left that the end would have to wait for: jobs run on this thread's turn only.
        for stream in streams.iter().chain(&streams) {
            catch(|| stream.with(|_| ()))?;
            self.come_back()?;
            self.drain()?;
        }
        self.trace.note(format_args!("close"));
        self.is_closing = true;
        catch(|| engine.jetstream().into_iter().for_each(|jetstream| jetstream.close()))?;
        self.come_back()
    }

    /// The disk is well again: within little time everything works.
    pub(super) fn heal(&mut self) -> Result<(), Down> {
        self.trace.note(format_args!("heal"));
        // Also takes back the end of this process, if one was planned: it comes when the life ends.
        self.machine.forget_faults();
        self.drain()?;
        for slot in 0..SLOTS.len() {
            self.revive(slot)?;
        }
        self.disk.is_faulty = false;
        for _ in 0..3 {
            self.advance(Duration::from_millis(400))?;
            self.drain()?;
        }
        self.check()
    }

    fn revive(&mut self, slot: usize) -> Result<(), Down> {
        for _ in 0..4 {
            self.advance(Duration::from_millis(300))?;
            let number = self.publish(slot)?;
            self.drain()?;
            if matches!(self.messages[number].fate, Fate::Stored(_)) {
                return Ok(());
            }
        }
        panic!("{} takes no messages although the disk is well", SLOTS[slot].name);
    }

    /// Whether a consumer that nobody used may have left by now.
    pub(super) fn may_have_left(&self, number: u64) -> bool {
        let (now, member) = (self.now(), &self.members[&number]);
        let is_waiting = |pull: &Pull| !pull.has_ended && pull.expires_at.is_none_or(|expires_at| expires_at > now);
        let is_awaited = self.pulls.values().any(|pull| pull.member == number && is_waiting(pull));
        let is_unused = |threshold| member.used_at + threshold <= now + SECOND / 1000;
        !is_awaited && member.config.threshold.is_some_and(is_unused)
    }
}
