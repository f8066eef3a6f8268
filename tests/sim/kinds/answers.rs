//! What answers tell.

use serde_json::Value;

use super::config::{INTEREST, QUEUE, SLOTS};
use super::member::Pause;
use super::world::{Answer, Fate, Request, World};

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(super) fn status(&self) -> Option<&str> {
        self.headers.lines().next()?.strip_prefix("NATS/1.0 ")
    }
}

impl World {
    pub(super) fn answered(&mut self, request: &Request, answer: &Answer) {
        match *request {
            Request::Publish(number) => self.published(number, answer),
            Request::Confirm { member, ref done, resets } => self.confirmed(member, done, resets, answer),
            Request::Create(number) => self.created(number, &self.told("created", number, answer)),
            Request::Delete(number) => self.deleted(number, &self.told("deleted", number, answer)),
            Request::Pause { member, until } => self.paused(member, until, &self.told("paused", member, answer)),
            Request::Update(number) | Request::Reset(number) | Request::Unpin(number) => {
                if std::mem::take(&mut self.member(number).is_resetting) {
                    self.member(number).restart(1);
                    self.member(number).start = None;
                }
                let answer = self.told("changed", number, answer);
                let is_refused = !answer["error"].is_null();
                assert!(!is_refused || self.disk.is_faulty || is_not_allowed(&answer), "{answer}");
                self.end_change(number);
                let slot = self.members[&number].slot;
                self.want_less(slot);
            }
            Request::Purge(slot) => self.stocks[slot].doubt_all(),
            Request::Ask | Request::Ignore => {}
        }
    }

    fn told(&self, what: &str, number: u64, answer: &Answer) -> Value {
        // Nobody answers for a consumer that is gone.
        let answer = if answer.payload.is_empty() { Value::Null } else { answer.json() };
        assert!(self.members.contains_key(&number), "{what}: {answer}");
        answer
    }

    fn published(&mut self, number: usize, answer: &Answer) {
        let answer = answer.json();
        self.trace.note(format_args!("published {number}: {answer}"));
        let message = &mut self.messages[number];
        if !answer["error"].is_null() {
            assert!(self.disk.is_faulty, "{answer}, {message:?}");
            message.fate = Fate::Refused;
            return;
        }
        let sequence = answer["seq"].as_u64().expect("a sequence");
        message.fate = Fate::Stored(sequence);
        let (slot, subject) = (message.slot, message.subject);
        assert_eq!(answer["stream"], SLOTS[slot].name);
        self.stocks[slot].own(sequence, number, subject);
        let is_wanted = |member: &super::member::Member| {
            member.slot == slot && member.exists == Some(true) && !member.is_loose && member.config.wants(subject)
        };
        let is_done = self.members.values().any(|member| member.slot == slot && member.done.contains(&sequence));
        if slot == INTEREST && !self.members.values().any(is_wanted) || slot != 0 && is_done {
            self.stocks[slot].doubt(sequence);
        }
    }

    fn confirmed(&mut self, number: u64, done: &[u64], resets: u64, answer: &Answer) {
        let is_gone = answer.headers.starts_with("NATS/1.0 503");
        assert!(is_gone || (answer.payload.is_empty() && answer.headers.is_empty()), "{answer:?}");
        self.trace.note(format_args!("confirmed {done:?} of {number}"));
        let member = self.member(number);
        // A reset that was carried out before this was told has it all come again.
        if !is_gone && member.changing == 0 && member.resets == resets {
            member.confirmed.extend(done);
        }
    }

    fn end_change(&mut self, number: u64) {
        let member = self.member(number);
        member.changing = member.changing.saturating_sub(1);
        member.pin = None;
    }

    fn created(&mut self, number: u64, answer: &Value) {
        self.trace.note(format_args!("created {number}: {answer}"));
        self.end_change(number);
        self.note_created(number, answer);
        self.end_waiting_for(number);
    }

    fn note_created(&mut self, number: u64, answer: &Value) {
        let (is_faulty, published) = (self.disk.is_faulty, self.messages.len());
        let member = self.member(number);
        if !answer["error"].is_null() {
            assert!(is_faulty || member.slot == QUEUE, "{answer}");
            member.exists = if is_faulty { None } else { Some(false) };
            return;
        }
        (member.exists, member.needs_from) = (Some(true), published);
        let delivered = answer["delivered"]["stream_seq"].as_u64().expect("a number");
        assert_eq!(answer["delivered"]["consumer_seq"], 0, "{answer}");
        member.last.get_or_insert(0);
        member.reached = member.reached.max(delivered);
        member.start = member.is_in_order().then_some(delivered + 1);
        member.is_loose = false;
    }

    fn deleted(&mut self, number: u64, answer: &Value) {
        self.trace.note(format_args!("deleted {number}: {answer}"));
        self.end_change(number);
        let slot = self.members[&number].slot;
        self.want_less(slot);
        let is_faulty = self.disk.is_faulty;
        let member = self.member(number);
        if answer["success"] == true || is_missing(answer) {
            assert!(answer["success"] == true || member.config.threshold.is_some(), "{answer}");
            member.exists = Some(false);
        } else {
            assert!(is_faulty, "{answer}");
        }
    }

    fn paused(&mut self, number: u64, until: u64, answer: &Value) {
        self.trace.note(format_args!("paused {number}: {answer}"));
        let (is_faulty, looks, now) = (self.disk.is_faulty, self.looks, self.now());
        let member = self.member(number);
        member.is_pausing = false;
        if answer["error"].is_null() {
            // It may be over already.
            let is_paused = until > now;
            assert!(answer["paused"] == true || !is_paused, "{answer}");
            member.pause = if is_paused { Pause::Until { time: until, since: looks } } else { Pause::No };
        } else {
            assert!(is_faulty || is_missing(answer), "{answer}");
        }
    }
}

fn is_missing(answer: &Value) -> bool {
    answer["error"]["err_code"] == 10014
}

/// Not every consumer can be reset, and one that is gone can't be changed.
fn is_not_allowed(answer: &Value) -> bool {
    let code = &answer["error"]["err_code"];
    is_missing(answer) || [10204, 10149, 10160, 10161].iter().any(|refusal| code == refusal)
}
