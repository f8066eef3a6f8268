//! What a look at everything finds.

use std::collections::BTreeMap;

use serde_json::Value;

use super::config::{Acks, Demand, INTEREST, LIMITS, QUEUE, SLOTS};
use super::deliver::number_of;
use super::member::{Member, Pause};
use super::stock::{Presence, Stock};
use super::time::SECOND;
use super::world::{Answer, Fate, Request, World};
use crate::machine::{Down, catch};

/// What is in a stream: the numbers of its messages.
type Present = BTreeMap<u64, usize>;

impl World {
    /// What a broker found when it started.
    pub(super) fn check_start(&mut self) -> Result<(), Down> {
        let now = self.now();
        if self.disk.may_have_lost {
            self.members.values_mut().for_each(|member| member.confirmed.clear());
        }
        let infos = self.look()?;
        for (number, info) in infos {
            self.adopt(number, info, now);
        }
        (self.disk.was_cut, self.disk.may_have_lost, self.disk.has_holes) = (false, false, false);
        Ok(())
    }

    /// Looks at everything while the disk is well and nobody is at work.
    pub(super) fn check(&mut self) -> Result<(), Down> {
        let infos = self.look()?;
        for (number, info) in infos {
            match info {
                Some(info) => self.check_member(number, &info),
                None => self.check_absence(number),
            }
        }
        self.check_answers();
        Ok(())
    }

    /// Reads all streams and all consumers.
    fn look(&mut self) -> Result<Vec<(u64, Option<Value>)>, Down> {
        let engine = self.engine()?;
        catch(|| engine.handle_deadlines())?;
        self.come_back()?;
        self.drain()?;
        for slot in 0..SLOTS.len() {
            let present = self.read_all(slot)?;
            self.compare(slot, &present);
        }
        // Also what was asked by those who vanished is done.
        self.members.values_mut().for_each(|member| member.changing = 0);
        let numbers: Vec<u64> = self.members.keys().copied().collect();
        let mut infos = Vec::new();
        for number in numbers {
            if self.members[&number].exists != Some(false) || self.disk.may_have_lost {
                infos.push((number, self.info(number)?));
            }
        }
        Ok(infos)
    }

    /// The messages of a stream, with their numbers.
    pub(super) fn read_all(&mut self, slot: usize) -> Result<Present, Down> {
        let subject = format!("$JS.API.DIRECT.GET.{}", SLOTS[slot].name);
        let answers = self.ask(&subject, r#"{"seq":1,"batch":100000,"max_bytes":500000000}"#)?;
        let (end, messages) = answers.split_last().expect("there is an answer");
        let is_whole = end.status().is_some_and(|status| status.starts_with("204") || status.starts_with("404"));
        assert!(is_whole, "the batch has no end: {:?}", end.headers);
        let entry = |message: &Answer| {
            let sequence = message.header("Nats-Sequence").and_then(|text| text.parse().ok()).expect("a sequence");
            let number = number_of(&message.payload).unwrap_or_else(|| panic!("nobody published {message:?}"));
            assert_eq!(message.payload, self.messages[number].payload(number), "message {number} is altered");
            (sequence, number)
        };
        let present: Present = messages.iter().map(entry).collect();
        let info = self.ask(&format!("$JS.API.STREAM.INFO.{}", SLOTS[slot].name), "")?[0].json();
        assert_eq!(info["state"]["messages"], present.len(), "{info}");
        self.stocks[slot].last = info["state"]["last_seq"].as_u64().expect("a number");
        self.trace.note(format_args!("{} holds {present:?}", SLOTS[slot].name));
        Ok(present)
    }

    /// Compares a stream with what is known of it.
    fn compare(&mut self, slot: usize, present: &Present) {
        for (sequence, number) in present {
            let message = &mut self.messages[*number];
            assert_ne!(message.fate, Fate::Refused, "{number} at {sequence} was refused, and is there");
            message.fate = Fate::Stored(*sequence);
            let stock = &mut self.stocks[slot];
            stock.own(*sequence, *number, message.subject);
            let entry = stock.entries.get_mut(sequence).expect("it was put there");
            let is_back = entry.presence == Presence::Gone && !self.disk.may_have_lost;
            assert!(!is_back, "{sequence} was gone, and is there again");
            entry.presence = Presence::Here;
        }
        self.stocks[slot].is_purging = false;
        self.stocks[slot].present =
            present.iter().map(|(sequence, number)| (*sequence, self.messages[*number].subject)).collect();
        let last = present.keys().next_back().copied().unwrap_or(0);
        let missing = self.stocks[slot].entries.iter().filter(|(sequence, _)| !present.contains_key(sequence));
        let missing: Vec<_> =
            missing.map(|(sequence, entry)| (*sequence, entry.presence, entry.number, entry.subject)).collect();
        for (sequence, presence, number, subject) in missing {
            // A failed sync takes what was written before, while others publish on.
            let is_lost = self.disk.may_have_lost && (sequence > last || self.disk.has_holes);
            let may_go = presence != Presence::Here || is_lost || self.may_be_unneeded(slot, sequence, number, subject);
            assert!(may_go, "{sequence} of {} is lost: {:?}", SLOTS[slot].name, self.members);
            if let Some(entry) = self.stocks[slot].entries.get_mut(&sequence) {
                entry.presence = Presence::Gone;
            }
        }
    }

    /// Whether nobody may need a message any more of a stream that keeps what is needed: for sure one is needed that some
    /// durable consumer has never delivered.
    fn may_be_unneeded(&self, slot: usize, sequence: u64, number: usize, subject: &str) -> bool {
        let needs = |member: &Member| {
            let is_sure = member.exists == Some(true) && !member.is_loose && member.config.threshold.is_none();
            let is_before = member.start.is_some_and(|start| start <= sequence) && member.needs_from <= number;
            let is_new = !member.delivered.contains(&sequence) && !member.config.is_in_memory;
            member.slot == slot && is_sure && is_before && is_new && member.config.wants(subject)
        };
        slot == INTEREST && !self.members.values().any(needs)
    }

    /// A consumer as the broker shows it, if it is there.
    fn info(&mut self, number: u64) -> Result<Option<Value>, Down> {
        let answer = self.ask(&format!("$JS.API.CONSUMER.INFO.{}", self.path(number)), "")?[0].json();
        self.trace.note(format_args!("{number} is {answer}"));
        if answer["error"].is_null() {
            return Ok(Some(answer));
        }
        assert_eq!(answer["error"]["err_code"], 10014, "{answer}");
        Ok(None)
    }

    fn check_absence(&mut self, number: u64) {
        let may_have_left = self.may_have_left(number);
        let slot = self.members[&number].slot;
        let member = self.member(number);
        assert!(member.exists != Some(true) || may_have_left, "a consumer is lost: {member:?}");
        member.exists = Some(false);
        self.want_less(slot);
    }

    /// A broker that has just started shows a consumer.
    fn adopt(&mut self, number: u64, info: Option<Value>, now: u64) {
        let (may_have_lost, looks) = (self.disk.may_have_lost, self.looks);
        let slot = self.members[&number].slot;
        let Some(info) = info else {
            let member = self.member(number);
            let may_go = may_have_lost || member.config.is_in_memory || member.config.threshold.is_some();
            assert!(may_go || member.exists != Some(true), "a consumer is lost: {member:?}");
            member.exists = Some(false);
            return self.want_less(slot);
        };
        let (last, published) = (self.stocks[slot].last, self.messages.len());
        let member = self.member(number);
        member.needs_from = member.needs_from.min(published);
        let is_open = member.exists != Some(false) || may_have_lost;
        assert!(is_open, "a consumer is there again: {member:?}");
        (member.exists, member.is_loose) = (Some(true), false);
        member.waiting.clear();
        member.done = member.confirmed.clone();
        member.waited_before = number_in(&info, "num_ack_pending");
        member.adopt_place(&info, last);
        member.adopt_config(&info);
        (member.used_at, member.waited_at, member.heard_at, member.pin) = (now, now, now, None);
        member.is_resetting = false;
        member.takes_back = may_have_lost && slot == QUEUE;
        let is_paused = info["paused"] == true;
        if let Pause::Until { time, .. } = member.pause {
            assert!(is_paused || may_have_lost || time <= now, "the pause is forgotten: {info}");
        }
        let time = now + info["pause_remaining"].as_u64().unwrap_or(0);
        member.pause = if is_paused { Pause::Until { time, since: looks } } else { Pause::No };
    }

    /// A consumer at rest.
    fn check_member(&mut self, number: u64, info: &Value) {
        let (now, is_strict) = (self.now(), self.is_strict());
        let slot = self.members[&number].slot;
        let (has_demand, is_heard) = (self.has_demand(number), self.is_listened_to(number));
        let Self { members, stocks, messages, .. } = self;
        let (member, stock) = (members.get_mut(&number).expect("it is asked for"), &stocks[slot]);
        assert_ne!(member.exists, Some(false), "a consumer is there again: {info}");
        member.exists = Some(true);
        member.needs_from = member.needs_from.min(messages.len());
        let is_known = !member.is_loose && member.changing == 0;
        if is_known {
            let is_last = member.last.is_none_or(|last| last == number_of_last(info));
            // What a disk that fails could not read is delivered to nobody.
            assert!(is_last || !is_strict, "{info} is not {member:?}");
            member.check_pending(info, stock, now, is_strict);
        }
        if std::mem::take(&mut member.is_resetting) {
            member.restart(1);
            member.start = None;
        }
        if !is_known {
            member.waited_before = number_in(info, "num_ack_pending");
        }
        member.adopt_place(info, stock.last);
        member.adopt_config(info);
        member.is_loose = false;
        let is_paused = info["paused"] == true;
        if !is_paused && member.pause.until() <= now {
            member.pause = Pause::No;
        }
        let is_silent = is_heard && member.heard_at + 2 * member.heartbeat() + SECOND < now;
        assert!(!is_silent || member.heartbeat() == 0 || !is_strict, "no heartbeat at {now}: {member:?}");
        if is_known && has_demand && !is_paused {
            member.check_idle(info, stock, now, is_strict);
        }
    }

    /// Whether somebody takes whatever the consumer has.
    fn has_demand(&self, number: u64) -> bool {
        let (now, member) = (self.now(), &self.members[&number]);
        match member.config.demand {
            Demand::Push { flow, .. } => self.is_listened_to(number) && !flow,
            Demand::Pull(super::config::Priority::Pinned) => false,
            Demand::Pull(_) => self.pulls.values().any(|pull| pull.member == number && pull.is_open(now)),
        }
    }

    /// Everything that must be answered is, and requests have ended that are over.
    fn check_answers(&mut self) {
        let now = self.now();
        for (sid, pull) in &self.pulls {
            let is_over = pull.expires_at.is_some_and(|expires_at| expires_at <= now);
            let is_there = self.members[&pull.member].exists == Some(true) && !self.may_have_left(pull.member);
            assert!(pull.has_ended || !is_over || !is_there, "{sid} should have ended at {now}: {pull:?}");
        }
        for asked in self.requests.values() {
            let may_stay = matches!(
                asked.request,
                Request::Confirm { .. } | Request::Ignore | Request::Purge(_) | Request::Reset(_)
            );
            assert!(may_stay, "no answer: {asked:?}");
        }
    }
}

impl Member {
    /// Where it is, from what the broker shows.
    fn adopt_place(&mut self, info: &Value, last: u64) {
        self.last = Some(number_of_last(info));
        self.reached = delivered(info);
        if self.start.is_none() {
            let is_next_known = self.is_in_order() && !self.had_other_filters;
            self.start = Some(if is_next_known { self.reached + 1 } else { last + 1 });
        }
    }

    /// How long it may be silent; 0 for ever.
    fn heartbeat(&self) -> u64 {
        match self.config.demand {
            Demand::Push { heartbeat, .. } => heartbeat,
            Demand::Pull(_) => 0,
        }
    }

    /// What may have been changed without anybody being told.
    fn adopt_config(&mut self, info: &Value) {
        let config = &info["config"];
        let one = config["filter_subject"].as_str();
        if let (Some(filter), 1) = (one, self.config.filters.len()) {
            let known = SLOTS[self.slot].subjects.iter().chain([&SLOTS[self.slot].filter]).find(|it| **it == filter);
            self.config.filters = vec![known.expect("somebody asked for it")];
        }
        if self.config.acks != Acks::None {
            self.config.max_ack_pending =
                config["max_ack_pending"].as_i64().and_then(|it| u64::try_from(it).ok()).unwrap_or(0);
        }
    }

    /// What the broker counts is what there is.
    fn check_pending(&self, info: &Value, stock: &Stock, now: u64, is_strict: bool) {
        let pending = number_in(info, "num_pending");
        if self.is_in_order() {
            let wanted = self.pending(info, stock);
            let is_right = pending == wanted || (self.had_other_filters && pending < wanted);
            assert!(is_right, "{pending} pending behind {}, not {wanted}: {info}, {self:?}", delivered(info));
        }
        let waiting = number_in(info, "num_ack_pending");
        let certain = self.certain_waiting(stock, now);
        let most = self.waiting.len() as u64 + self.waited_before;
        let is_right = (certain..=most).contains(&waiting) || !is_strict;
        assert!(is_right, "{waiting} wait, and not {certain} to {most}: {info}, {self:?}");
    }

    /// How many messages it has before it.
    fn pending(&self, info: &Value, stock: &Stock) -> u64 {
        let behind = stock.present.range(delivered(info) + 1..);
        behind.filter(|(_, subject)| self.config.wants(subject)).count() as u64
    }

    /// Somebody takes whatever there is: then nothing is left.
    fn check_idle(&self, info: &Value, stock: &Stock, now: u64, is_strict: bool) {
        let waiting = number_in(info, "num_ack_pending");
        let may_wait = self.config.max_ack_pending > 0 && waiting >= self.config.max_ack_pending;
        let is_idle = number_in(info, "num_pending") == 0 || may_wait || self.config.is_replay;
        assert!(is_idle, "nothing is delivered although somebody waits: {info}, {self:?}");
        let is_due = |(sequence, wait): &(&u64, &super::member::Wait)| {
            wait.late <= now && stock.present.contains_key(*sequence) && self.config.may_redeliver(wait.deliveries)
        };
        // Whatever comes next waits for its time, where messages follow each other as they came.
        let due = self.waiting.iter().find(is_due).filter(|_| is_strict && !self.config.is_replay);
        assert!(due.is_none(), "{due:?} should have come again at {now}: {info}, {self:?}");
    }

    pub(super) fn has_left_over(&self, stock: &Stock) -> Option<u64> {
        let start = self.start?;
        let due = |sequence: u64| {
            sequence >= start && !self.delivered.contains(&sequence) && !self.confirmed.contains(&sequence)
        };
        let wanted = stock.present.iter().filter(|(_, subject)| self.config.wants(subject));
        wanted.map(|(sequence, _)| *sequence).find(|sequence| due(*sequence))
    }
}

fn delivered(info: &Value) -> u64 {
    info["delivered"]["stream_seq"].as_u64().expect("a number")
}

fn number_of_last(info: &Value) -> u64 {
    info["delivered"]["consumer_seq"].as_u64().expect("a number")
}

fn number_in(info: &Value, name: &str) -> u64 {
    info[name].as_u64().expect("a number")
}

/// Of streams that remove what is done.
pub(super) fn removes(slot: usize) -> bool {
    slot != LIMITS
}
