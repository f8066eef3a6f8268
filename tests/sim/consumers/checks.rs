//! What a look at everything finds, when nobody wants anything just now.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answers::info_of;
use super::config::SLOTS;
use super::model::Model;
use super::pull::number_of;
use super::state::{Info, State};
use super::stock::Presence;
use super::world::{Fate, Whom, World};
use crate::machine::{Down, catch};

impl World {
    /// What a broker found when it started.
    pub(super) fn check_start(&mut self) -> Result<(), Down> {
        let engine = self.engine()?;
        catch(|| engine.handle_deadlines())?;
        self.come_back()?;
        self.drain()?;
        for slot in 0..self.streams.len() {
            let last = self.look(slot, self.may_have_lost())?;
            for whom in self.whoms().into_iter().filter(|whom| whom.slot == slot) {
                self.recover(whom, last)?;
            }
        }
        self.streams.iter_mut().for_each(|stream| stream.stock.settle());
        (self.was_cut, self.was_unsynced) = (false, false);
        Ok(())
    }

    /// Compares a stream with what is known of it; says which sequence was given out last.
    fn look(&mut self, slot: usize, may_have_lost: bool) -> Result<u64, Down> {
        let present = self.read_all(slot)?;
        self.trace.note(format_args!("{} holds {present:?}", SLOTS[slot].name));
        for (sequence, number) in &present {
            let message = &mut self.messages[*number];
            assert_eq!(message.slot, slot);
            assert_ne!(message.fate, Fate::Refused, "{number} at {sequence} was refused, and is there");
            message.fate = Fate::Stored(*sequence);
            let stock = &mut self.streams[slot].stock;
            stock.own(*sequence, *number, message.subject);
            // One that nobody knew of yet is there now.
            let was = stock.presence(*sequence);
            assert!(was != Presence::Gone || may_have_lost, "{sequence} was removed, and is there again");
            let is_back = was == Presence::Back || (may_have_lost && was != Presence::Here);
            stock.set(*sequence, if is_back { Presence::Back } else { Presence::Here });
        }
        let last = present.keys().next_back().copied().unwrap_or(0);
        let stock = &mut self.streams[slot].stock;
        let missing = stock.iter().filter(|(sequence, _)| !present.contains_key(sequence));
        let missing: Vec<_> = missing.map(|(sequence, entry)| (sequence, entry.presence)).collect();
        for (sequence, presence) in missing {
            let is_lost = may_have_lost && sequence > last;
            assert!(presence != Presence::Here || is_lost, "{sequence} is lost, {present:?} are there");
            stock.set(sequence, Presence::Gone);
        }
        for message in self.messages.iter_mut().filter(|message| message.slot == slot) {
            message.is_settled |= message.fate != Fate::Waiting;
        }
        let info = self.ask(&format!("$JS.API.STREAM.INFO.{}", SLOTS[slot].name), "")?[0].json();
        assert_eq!(info["state"]["messages"], present.len(), "{info}");
        Ok(info["state"]["last_seq"].as_u64().expect("a number"))
    }

    fn read_all(&mut self, slot: usize) -> Result<BTreeMap<u64, usize>, Down> {
        let subject = format!("$JS.API.DIRECT.GET.{}", SLOTS[slot].name);
        let answers = self.ask(&subject, r#"{"seq":1,"batch":100000,"max_bytes":50000000}"#)?;
        let (end, messages) = answers.split_last().expect("there is an answer");
        let is_whole = end.status().is_some_and(|status| status.starts_with("204") || status.starts_with("404"));
        assert!(is_whole, "the batch has no end: {:?}", end.headers);
        let entry = |message: &super::world::Answer| {
            let sequence = message.header("Nats-Sequence").and_then(|text| text.parse().ok()).expect("a sequence");
            let number = number_of(&message.payload).unwrap_or_else(|| panic!("nobody published {message:?}"));
            assert_eq!(message.payload, self.messages[number].payload(number), "message {number} is altered");
            (sequence, number)
        };
        Ok(messages.iter().map(entry).collect())
    }

    /// The consumer of a place, if there is one: its description and what it looks like.
    fn info(&mut self, whom: Whom) -> Result<Option<(String, Info)>, Down> {
        let answer = self.ask(&format!("$JS.API.CONSUMER.INFO.{}", whom.path()), "")?[0].json();
        self.trace.note(format_args!("{} is {answer}", whom.path()));
        if !answer["error"].is_null() {
            assert_eq!(answer["error"]["err_code"], 10014, "{answer}");
            return Ok(None);
        }
        let description = answer["config"]["description"].as_str().unwrap_or_default().to_owned();
        Ok(Some((description, info_of(&answer))))
    }

    /// What came back of a consumer.
    fn recover(&mut self, whom: Whom, last: u64) -> Result<(), Down> {
        let found = self.info(whom)?;
        let (was_cut, may_have_lost, now) = (self.was_cut || self.was_unsynced, self.may_have_lost(), self.now());
        let super::world::Stream { stock, places, .. } = &mut self.streams[whom.slot];
        let place = &mut places[whom.place];
        let is_open = place.is_doubtful || may_have_lost;
        let Some((description, info)) = found else {
            assert!(is_open || place.exists != Some(true), "{} is lost", whom.path());
            place.exists = Some(false);
            return Ok(());
        };
        assert!(is_open || place.exists != Some(false), "{} is there again", whom.path());
        place.exists = Some(true);
        let found = place.models.iter().position(|model| model.config.description() == description);
        let found = found.unwrap_or_else(|| panic!("{} is another one: {description}", whom.path()));
        place.models.truncate(found + 1);
        let model = &mut place.models[found];
        let is_new = (info.sequence, info.ack_pending) == (0, 0);
        assert!(is_new || model.has_begun, "nobody used it");
        // Where all was lost but its configuration, it begins anew.
        if is_new && (!model.has_begun || may_have_lost) {
            *model = Model::new(model.config.clone(), State::begin(info.delivered + 1));
        }
        if may_have_lost {
            model.confirmed.clear();
        }
        model.recover(was_cut, (stock, now), |view, state| {
            state.recover(last, view);
            state.come_to_rest(view)?;
            state.check_info(&info, view)
        });
        Ok(())
    }

    /// Looks at everything while the disk is well and nobody is at work.
    pub(super) fn check(&mut self) -> Result<(), Down> {
        let engine = self.engine()?;
        catch(|| engine.handle_deadlines())?;
        self.come_back()?;
        self.drain()?;
        for slot in 0..self.streams.len() {
            self.look(slot, false)?;
        }
        for whom in self.whoms() {
            self.check_consumer(whom)?;
        }
        self.streams.iter_mut().for_each(|stream| stream.stock.settle());
        self.check_answers();
        Ok(())
    }

    fn check_consumer(&mut self, whom: Whom) -> Result<(), Down> {
        let found = self.info(whom)?;
        let place = self.place(whom);
        let exists = *place.exists.get_or_insert(found.is_some());
        assert_eq!(exists, found.is_some(), "whether {} is there", whom.path());
        let Some((description, info)) = found else { return Ok(()) };
        let model = place.models.last_mut().expect("it was created");
        assert_eq!(model.config.description(), description);
        if !model.has_begun {
            *model = Model::new(model.config.clone(), State::begin(info.delivered + 1));
        }
        let revision = model.config.revision;
        let has_demand = self.pulls.values().any(|pull| pull.wants_of(whom, revision));
        self.with_model(whom, revision, |model, stock, now| {
            model.see_anew(&format!("{} at rest at {now}", whom.path()), (stock, now), |view, state| {
                state.come_to_rest(view)?;
                state.check_info(&info, view)?;
                if has_demand { state.check_idle(view) } else { Ok(()) }
            });
        });
        Ok(())
    }

    /// Everything that must be answered is, and requests have ended that are over.
    fn check_answers(&mut self) {
        let now = self.now();
        for (sid, pull) in &self.pulls {
            let is_over = pull.expires_at.is_some_and(|expires_at| expires_at <= now);
            assert!(pull.has_ended || !is_over, "the request {sid} should have ended at {now}: {pull:?}");
        }
        for asked in self.requests.values() {
            if let super::world::Request::Confirm { must_come, .. } = &asked.request {
                assert!(!must_come || self.was_faulty, "no confirmation: {asked:?}");
            } else {
                panic!("no answer: {asked:?}");
            }
        }
        self.was_faulty = false;
        self.requests.clear();
    }

    /// The disk is well again: within little time everything works, and all that happened before is written.
    pub(super) fn heal(&mut self) -> Result<(), Down> {
        self.trace.note(format_args!("heal"));
        // Also takes back the end of this process, if one was planned: it comes when the life ends.
        self.machine.forget_faults();
        self.drain()?;
        for slot in 0..self.streams.len() {
            self.revive(slot)?;
        }
        self.was_faulty |= self.is_faulty;
        (self.is_faulty, self.is_hopeless) = (false, false);
        let moments = self.moments();
        for _ in 0..3 {
            self.advance(Duration::from_millis(400))?;
            self.drain()?;
        }
        self.check()?;
        let is_synced = self.policy != embus_engine::stream::SyncPolicy::Os;
        let is_interval = is_synced && !self.is_synced();
        for (whom, revision, moment) in moments {
            self.with_model(whom, revision, |model, _, _| model.confirm(moment, is_interval));
        }
        Ok(())
    }

    fn moments(&mut self) -> Vec<(Whom, u32, super::model::Moment)> {
        let mut moments = Vec::new();
        for whom in self.whoms() {
            if let Some(model) = self.place(whom).model() {
                moments.push((whom, model.config.revision, model.moment()));
            }
        }
        moments
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
}
