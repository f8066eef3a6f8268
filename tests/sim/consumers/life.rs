//! What happens while a broker lives: small random steps.

use std::time::Duration;

use embus_engine::stream::SyncPolicy;
use embus_storage::medium::crash::Fault;
use serde_json::json;

use super::config::{Acks, Config, MILLISECOND, NAMES, SLOTS, Slot, stream_json};
use super::model::Model;
use super::pull::Pull;
use super::state::{State, Verb};
use super::stock::Presence;
use super::world::{CLIENTS, Fate, Message, Request, Sabotage, Whom, World, view};
use crate::machine::{Down, catch};
use crate::scenario::pick;

impl World {
    /// The first process, with all streams.
    pub(super) fn begin(&mut self) {
        let begun = self.try_start(false).and_then(|()| {
            for (slot, Slot { name, .. }) in SLOTS.iter().enumerate().take(self.streams.len()) {
                let subject = format!("$JS.API.STREAM.CREATE.{name}");
                let answer = self.ask(&subject, &stream_json(slot))?[0].json();
                assert!(answer["error"].is_null(), "{answer}");
            }
            Ok(())
        });
        assert!(begun.is_ok(), "nothing fails yet");
    }

    /// One process, until it dies or is to be replaced.
    pub(super) fn life(&mut self) -> Result<(), Down> {
        if self.rng.u8(..4) > 0 {
            let call = self.machine.calls() + self.rng.u64(1..800);
            let fault = *pick(&mut self.rng, &[Fault::PowerCut, Fault::Crash]);
            self.trace.note(format_args!("{fault:?} at {call}"));
            self.machine.fail_at(call, fault);
        }
        for _ in 0..self.rng.usize(20..200) {
            self.step()?;
        }
        match self.rng.u8(..3) {
            0 => Ok(()),
            1 => self.heal(),
            _ => self.close(),
        }
    }

    /// Ends in good order: then nothing is forgotten.
    fn close(&mut self) -> Result<(), Down> {
        self.heal()?;
        let engine = self.engine()?;
        self.come_to_rest()?;
        self.trace.note(format_args!("close"));
        self.is_closing = true;
        catch(|| engine.jetstream().into_iter().for_each(|jetstream| jetstream.close()))?;
        self.come_back()?;
        for whom in self.whoms() {
            if let Some(model) = self.place(whom).model() {
                model.confirm(model.moment(), true);
            }
        }
        Ok(())
    }

    /// Nothing is left that the end would have to wait for: jobs run on this thread's turn only.
    fn come_to_rest(&mut self) -> Result<(), Down> {
        let engine = self.engine()?;
        let streams = engine.jetstream().map(|jetstream| jetstream.list(None)).unwrap_or_default();
        for stream in streams.iter().chain(&streams) {
            catch(|| stream.with(|_| ()))?;
            self.come_back()?;
            self.drain()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Down> {
        match self.rng.u32(..1000) {
            0..150 => self.publish_some(),
            150..450 => self.turn(),
            450..600 => self.pull(),
            600..800 => self.say_something(),
            800..835 => self.change_consumer(),
            835..860 => self.remove_message(),
            860..920 => self.pass_time(),
            920..950 => self.drain(),
            950..965 => {
                let place = self.rng.usize(..CLIENTS);
                self.vanish(place)
            }
            965..980 => self.give_up_a_pull(),
            980..990 => {
                self.break_disk();
                Ok(())
            }
            _ => self.heal(),
        }
    }

    fn publish_some(&mut self) -> Result<(), Down> {
        let slot = self.rng.usize(..self.streams.len());
        for _ in 0..self.rng.usize(1..=5) {
            self.publish(slot)?;
        }
        Ok(())
    }

    pub(super) fn publish(&mut self, slot: usize) -> Result<usize, Down> {
        let number = self.messages.len();
        let subject = *pick(&mut self.rng, SLOTS[slot].subjects);
        let len = *pick(&mut self.rng, &[9, 40, 300, 3000]);
        let message = Message {
            slot,
            subject,
            len,
            fate: Fate::Waiting,
            answered_at: usize::MAX,
            is_seen: false,
            is_settled: false,
        };
        self.trace.note(format_args!("publish {number} {subject}"));
        let payload = message.payload(number);
        self.messages.push(message);
        self.send(subject, &payload, Request::Publish(number))?;
        Ok(number)
    }

    /// A consumer that is there for sure.
    fn served(&mut self) -> Option<Whom> {
        let mut whoms = self.whoms();
        whoms.retain(|whom| self.place(*whom).model().is_some());
        (!whoms.is_empty()).then(|| *pick(&mut self.rng, &whoms))
    }

    fn pull(&mut self) -> Result<(), Down> {
        let Some(whom) = self.served() else { return self.change_consumer() };
        let Some(revision) = self.place(whom).model().map(|model| model.config.revision) else { return Ok(()) };
        let (sid, now) = (self.number(), self.now());
        let rng = &mut self.rng;
        let batch = *pick(rng, &[1, 1, 2, 5, 20]);
        let expires = *pick(rng, &[0, 100, 1000, 10_000, 60_000]) * MILLISECOND;
        let no_wait = rng.u8(..3) == 0;
        let max_bytes = if rng.u8(..4) == 0 { rng.u64(100..5000) } else { 0 };
        let client = rng.usize(..CLIENTS);
        let expires_at = (expires > 0).then_some(now + expires);
        let pull =
            Pull { whom, revision, client, batch, expires_at, no_wait, max_bytes, got: 0, bytes: 0, has_ended: false };
        self.trace.note(format_args!("{sid} asks {}: {pull:?}", whom.path()));
        self.pulls.insert(sid, pull);
        let body = json!({ "batch": batch, "expires": expires, "no_wait": no_wait, "max_bytes": max_bytes });
        let (inbox, subject) = (format!("_INBOX.pull.{sid}"), format!("$JS.API.CONSUMER.MSG.NEXT.{}", whom.path()));
        let Self { process, rng, .. } = self;
        let client = &mut process.as_mut().ok_or(Down)?.clients[client];
        catch(|| {
            client.subscribe(sid, &inbox, None, rng);
            client.publish(&subject, Some(&inbox), body.to_string().as_bytes(), rng);
        })?;
        self.come_back()
    }

    /// A client does not wait any more.
    fn give_up_a_pull(&mut self) -> Result<(), Down> {
        let sids: Vec<u64> = self.pulls.keys().copied().collect();
        if sids.is_empty() {
            return Ok(());
        }
        let sid = *pick(&mut self.rng, &sids);
        self.trace.note(format_args!("{sid} is given up"));
        let Some(pull) = self.pulls.remove(&sid) else { return Ok(()) };
        let Self { process, rng, .. } = self;
        let client = &mut process.as_mut().ok_or(Down)?.clients[pull.client];
        catch(|| client.unsubscribe(sid, rng))?;
        self.come_back()
    }

    /// A client acknowledges a message that it got, lately or a while ago, or says something else of it.
    fn say_something(&mut self) -> Result<(), Down> {
        let last = self.held.len();
        if last == 0 {
            return Ok(());
        }
        let from = if self.rng.bool() { last.saturating_sub(5) } else { 0 };
        let held = self.held[self.rng.usize(from..last)].clone();
        let (verb, body) = self.random_verb();
        let now = self.now();
        let super::world::Stream { stock, places, .. } = &mut self.streams[held.whom.slot];
        let Some(model) = places[held.whom.place].model() else { return Ok(()) };
        // Whether the consumer has seen it go is not known, and terminating it would take those before it along or not.
        if (verb, model.config.acks) == (Verb::Term, Acks::All) && !stock.is_here(held.sequence) {
            return Ok(());
        }
        model.see("an acknowledgement", |config, state| {
            state.acknowledge(held.sequence, verb, view(config, stock, now));
            Ok(())
        });
        let must_come = model.is_answering(held.sequence) && !self.is_faulty;
        let done = match (verb, model.config.acks) {
            (Verb::Ack | Verb::Term, Acks::Explicit) => vec![held.sequence],
            (Verb::Ack, Acks::All) => stock.range(0, held.sequence + 1).map(|(sequence, _)| sequence).collect(),
            _ => Vec::new(),
        };
        let (revision, moment) = (model.config.revision, model.moment());
        self.trace.note(format_args!("{} {} {body:?} {moment:?}", held.whom.path(), held.sequence));
        let request = Request::Confirm { whom: held.whom, revision, moment, done, must_come };
        let request = (self.rng.u8(..3) == 0).then_some(request);
        let client = self.rng.usize(..CLIENTS);
        if self.sabotage == Some(Sabotage::Forget) && verb == Verb::Ack {
            return Ok(());
        }
        self.send_by(client, &held.reply, body.as_bytes(), request)
    }

    fn random_verb(&mut self) -> (Verb, String) {
        let delay = self.rng.u64(1..2000) * MILLISECOND;
        match self.rng.u8(..20) {
            0..12 => (Verb::Ack, (*pick(&mut self.rng, &["", "+ACK", "+OK"])).to_owned()),
            12..14 => (Verb::Nak(0), "-NAK".to_owned()),
            14..16 => (Verb::Nak(delay), json!({ "delay": delay }).to_string()).prefixed("-NAK "),
            16..18 => (Verb::Progress, "+WPI".to_owned()),
            18 => (Verb::Term, "+TERM".to_owned()),
            _ => (Verb::Term, "+TERM no good".to_owned()),
        }
    }

    fn change_consumer(&mut self) -> Result<(), Down> {
        let whoms = self.whoms();
        let whom = *pick(&mut self.rng, &whoms);
        let place = self.place(whom);
        match (place.exists, place.is_changing) {
            (Some(false), false) => self.create(whom),
            (Some(true), false) if self.rng.u8(..4) == 0 => {
                self.place(whom).is_changing = true;
                self.trace.note(format_args!("delete {}", whom.path()));
                self.send(&format!("$JS.API.CONSUMER.DELETE.{}", whom.path()), b"", Request::Delete { whom })
            }
            _ => Ok(()),
        }
    }

    fn create(&mut self, whom: Whom) -> Result<(), Down> {
        let revision = u32::try_from(self.number()).unwrap_or(u32::MAX);
        let config = Config::random(whom.slot, revision, &mut self.rng);
        let (stream, name) = (SLOTS[whom.slot].name, NAMES[whom.place]);
        let body = json!({ "stream_name": stream, "config": config.to_json(name) }).to_string();
        let mut model = Model::new(config.clone(), State::begin(1));
        model.has_begun = false;
        let place = self.place(whom);
        place.is_changing = true;
        place.models.push(model);
        self.trace.note(format_args!("create {body}"));
        let subject = format!("$JS.API.CONSUMER.CREATE.{}", whom.path());
        self.send(&subject, body.as_bytes(), Request::Create { whom, config })
    }

    fn remove_message(&mut self) -> Result<(), Down> {
        let slot = self.rng.usize(..self.streams.len());
        let stock = &mut self.streams[slot].stock;
        let here: Vec<u64> = stock.iter().map(|(sequence, _)| sequence).filter(|it| stock.is_here(*it)).collect();
        if here.is_empty() {
            return Ok(());
        }
        let sequence = *pick(&mut self.rng, &here);
        stock.set(sequence, Presence::Doubtful);
        self.trace.note(format_args!("remove {} {sequence}", SLOTS[slot].name));
        let subject = format!("$JS.API.STREAM.MSG.DELETE.{}", SLOTS[slot].name);
        let body = json!({ "seq": sequence, "no_erase": true }).to_string();
        self.send(&subject, body.as_bytes(), Request::Remove { slot, sequence })
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
        self.clock.advance(span);
        self.trace.note(format_args!("{span:?} pass: it is {}", self.now()));
        let engine = self.engine()?;
        catch(|| engine.handle_deadlines())?;
        self.come_back()
    }

    fn break_disk(&mut self) {
        let call = self.machine.calls() + self.rng.u64(1..30);
        // A sync that fails takes what was written before with it: a loss where acknowledgements do not wait for syncs.
        let faults: &[Fault] = match self.policy {
            SyncPolicy::Always => &[Fault::FailedSync, Fault::Full, Fault::ShortWrite],
            _ => &[Fault::Full, Fault::ShortWrite],
        };
        let fault = *pick(&mut self.rng, faults);
        let lasts = self.rng.u8(..3) == 0;
        self.trace.note(format_args!("{fault:?} at {call}, lasts: {lasts}"));
        self.is_hopeless |= self.is_faulty;
        self.is_faulty = true;
        self.was_unsynced |= fault == Fault::FailedSync;
        if lasts { self.machine.fail_from(call, fault) } else { self.machine.fail_at(call, fault) }
    }
}

trait Prefixed {
    fn prefixed(self, prefix: &str) -> Self;
}

impl Prefixed for (Verb, String) {
    fn prefixed(self, prefix: &str) -> Self {
        (self.0, format!("{prefix}{}", self.1))
    }
}
