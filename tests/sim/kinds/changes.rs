//! Consumers and messages that come and go, and consumers that are changed.

use serde_json::json;

use super::config::{Config, INTEREST, QUEUE, SLOTS};
use super::member::{Member, Pause};
use super::time::{MILLISECOND, SECOND, rfc3339};
use super::world::{Request, Sabotage, World};
use crate::machine::Down;
use crate::scenario::pick;

impl World {
    /// Some consumer that is there for sure.
    pub(super) fn served(&mut self) -> Option<u64> {
        let ours: Vec<u64> = self.followers.iter().filter_map(|follower| follower.member).collect();
        let there = self
            .members
            .iter()
            .filter(|(number, member)| member.exists == Some(true) && member.changing == 0 && !ours.contains(number));
        let numbers: Vec<u64> = there.map(|(number, _)| *number).collect();
        (!numbers.is_empty()).then(|| *pick(&mut self.rng, &numbers))
    }

    pub(super) fn change_something(&mut self) -> Result<(), Down> {
        let count = self.members.values().filter(|member| member.exists != Some(false)).count();
        let some = self.served();
        match (self.rng.u8(..10), some) {
            (0..4, _) | (_, None) if count < MAX_MEMBERS => self.create_some(),
            (4, Some(number)) => self.delete(number),
            (5, Some(number)) => self.update(number),
            (6..8, Some(number)) => self.pause(number),
            (8, Some(number)) => self.reset(number),
            (9, Some(number)) => self.unpin(number),
            _ => Ok(()),
        }
    }

    fn create_some(&mut self) -> Result<(), Down> {
        let slot = self.rng.usize(..SLOTS.len());
        let there = self.members.values().filter(|member| member.slot == slot && member.exists != Some(false));
        let taken: Vec<&str> = there.flat_map(|member| member.config.filters.iter().copied()).collect();
        let last = self.stocks[slot].entries.keys().next_back().copied().unwrap_or(0);
        let now = self.now();
        let config = Config::random(slot, &taken, last, now, &mut self.rng);
        let number = self.number();
        self.create(number, slot, config)
    }

    pub(super) fn create(&mut self, number: u64, slot: usize, config: Config) -> Result<(), Down> {
        let (name, now) = (format!("k{number}"), self.now());
        let body = json!({ "stream_name": SLOTS[slot].name, "config": config.to_json(&name) }).to_string();
        self.trace.note(format_args!("create {body}"));
        self.members.insert(number, Member::new(slot, name, config, now));
        let subject = format!("$JS.API.CONSUMER.CREATE.{}", self.path(number));
        self.send(&subject, body.as_bytes(), Request::Create(number))
    }

    /// A request about a consumer is made: until it is answered, nobody knows how it is.
    fn begin_change(&mut self, number: u64, what: &str) {
        self.trace.note(format_args!("{what} of {number}"));
        let member = self.member(number);
        member.changing += 1;
        member.is_loose = true;
    }

    pub(super) fn delete(&mut self, number: u64) -> Result<(), Down> {
        self.begin_change(number, "end");
        self.member(number).exists = None;
        let subject = format!("$JS.API.CONSUMER.DELETE.{}", self.path(number));
        self.send(&subject, b"", Request::Delete(number))
    }

    /// Other filters, and another number of messages that may wait.
    fn update(&mut self, number: u64) -> Result<(), Down> {
        let slot = self.members[&number].slot;
        let mut config = self.members[&number].config.clone();
        if slot != QUEUE && config.filters.len() == 1 {
            config.filters = vec![*pick(&mut self.rng, SLOTS[slot].subjects)];
            self.member(number).had_other_filters = true;
        }
        if config.max_ack_pending > 0 {
            config.max_ack_pending = self.rng.u64(1..10);
        }
        self.begin_change(number, "update");
        self.member(number).start = None;
        let config = config.to_json(&self.members[&number].name);
        let body = json!({ "stream_name": SLOTS[slot].name, "config": config, "action": "update" }).to_string();
        let subject = format!("$JS.API.CONSUMER.CREATE.{}", self.path(number));
        self.send(&subject, body.as_bytes(), Request::Update(number))
    }

    fn pause(&mut self, number: u64) -> Result<(), Down> {
        if self.members[&number].is_pausing {
            return Ok(());
        }
        let now = self.now();
        let until = if self.rng.u8(..4) == 0 { 0 } else { now + self.rng.u64(100..8000) * MILLISECOND };
        self.trace.note(format_args!("pause of {number} until {until}"));
        let looks = self.looks;
        if self.sabotage == Some(Sabotage::Pause) {
            self.member(number).pause = Pause::Until { time: now + 100 * SECOND, since: looks };
            return Ok(());
        }
        let member = self.member(number);
        member.is_pausing = true;
        member.pause = Pause::Perhaps(until.max(member.pause.until()));
        let body = json!({ "pause_until": rfc3339(until) }).to_string();
        let body = if until == 0 { String::new() } else { body };
        let subject = format!("$JS.API.CONSUMER.PAUSE.{}", self.path(number));
        self.send(&subject, body.as_bytes(), Request::Pause { member: number, until })
    }

    fn reset(&mut self, number: u64) -> Result<(), Down> {
        let last = self.members[&number].reached;
        self.begin_change(number, "reset");
        let member = self.member(number);
        member.restart(1);
        (member.start, member.is_resetting) = (None, true);
        member.resets += 1;
        let body =
            if self.rng.bool() { String::new() } else { json!({ "seq": self.rng.u64(1..last + 3) }).to_string() };
        let subject = format!("$JS.API.CONSUMER.RESET.{}", self.path(number));
        self.send(&subject, body.as_bytes(), Request::Reset(number))
    }

    fn unpin(&mut self, number: u64) -> Result<(), Down> {
        self.begin_change(number, "unpinning");
        let subject = format!("$JS.API.CONSUMER.UNPIN.{}", self.path(number));
        self.send(&subject, br#"{"group":"g"}"#, Request::Unpin(number))
    }

    pub(super) fn remove_message(&mut self) -> Result<(), Down> {
        let slot = self.rng.usize(..SLOTS.len());
        let here: Vec<u64> = self.stocks[slot].here().map(|(sequence, _)| sequence).collect();
        if here.is_empty() {
            return Ok(());
        }
        let sequence = *pick(&mut self.rng, &here);
        self.stocks[slot].doubt(sequence);
        self.trace.note(format_args!("remove {} {sequence}", SLOTS[slot].name));
        let subject = format!("$JS.API.STREAM.MSG.DELETE.{}", SLOTS[slot].name);
        let body = json!({ "seq": sequence, "no_erase": true }).to_string();
        self.send(&subject, body.as_bytes(), Request::Ignore)
    }

    pub(super) fn purge(&mut self) -> Result<(), Down> {
        let slot = self.rng.usize(..SLOTS.len());
        let last = self.stocks[slot].entries.keys().next_back().copied().unwrap_or(1);
        let body = match self.rng.u8(..4) {
            0 => json!({}),
            1 => json!({ "filter": pick(&mut self.rng, SLOTS[slot].subjects) }),
            2 => json!({ "keep": self.rng.u64(1..10) }),
            _ => json!({ "seq": self.rng.u64(1..=last + 1) }),
        };
        self.trace.note(format_args!("purge {} {body}", SLOTS[slot].name));
        self.stocks[slot].doubt_all();
        self.stocks[slot].is_purging = true;
        let subject = format!("$JS.API.STREAM.PURGE.{}", SLOTS[slot].name);
        self.send(&subject, body.to_string().as_bytes(), Request::Purge(slot))
    }

    /// Nobody may want any more what some consumer alone wanted.
    pub(super) fn want_less(&mut self, slot: usize) {
        if slot == INTEREST {
            self.stocks[slot].doubt_all();
        }
    }
}

impl Pause {
    pub(super) fn until(self) -> u64 {
        match self {
            Self::No => 0,
            Self::Until { time, .. } | Self::Perhaps(time) => time,
        }
    }
}

/// Of one run at a time.
const MAX_MEMBERS: usize = 7;
