//! What answers tell, and what a look at everything finds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::message::{Fate, number_of};
use super::model::Leniency;
use super::slots::{SLOTS, WINDOW};
use super::world::{Answer, Down, Request, World};

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn status(&self) -> Option<&str> {
        self.headers.lines().next()?.strip_prefix("NATS/1.0 ")
    }
}

impl World {
    pub(super) fn answered(&mut self, request: Request, answer: &Answer) {
        match request {
            Request::Publish(number) => self.published(number, answer),
            Request::Remove { slot, incarnation, covered } => {
                let answer = answer.json();
                self.trace.note(format_args!("removed: {answer}"));
                if answer["success"] == true && self.streams[slot].model.incarnation == incarnation {
                    self.streams[slot].model.removed(&covered);
                }
            }
            Request::Create { slot } => self.changed(slot, answer, true),
            Request::Delete { slot } => self.changed(slot, answer, false),
            Request::Update { slot, config } => {
                let answer = answer.json();
                self.trace.note(format_args!("updated: {}", answer["error"]));
                let stream = &mut self.streams[slot];
                stream.is_changing = false;
                if answer["error"].is_null() {
                    stream.configs = vec![config];
                } else {
                    assert!(self.is_faulty, "{answer}");
                    stream.configs.push(config);
                }
            }
            Request::Read { slot, incarnation } => self.read(slot, incarnation, answer),
            Request::Ask => {}
        }
    }

    fn changed(&mut self, slot: usize, answer: &Answer, exists: bool) {
        let answer = answer.json();
        self.trace.note(format_args!("changed: {}", answer["error"]));
        let stream = &mut self.streams[slot];
        stream.is_changing = false;
        if answer["error"].is_null() {
            stream.exists = Some(exists);
        } else {
            assert!(self.is_faulty, "{answer}");
            stream.exists = None;
            stream.is_doomed |= !exists && self.is_hopeless;
            if exists {
                stream.ghosts.extend(stream.configs.clone());
            }
        }
    }

    fn published(&mut self, number: usize, answer: &Answer) {
        assert!(!answer.payload.is_empty(), "{number}: {answer:?}");
        let answer = answer.json();
        self.trace.note(format_args!("published {number}: {answer}"));
        let (slot, incarnation) = (self.attempts[number].slot, self.attempts[number].incarnation);
        assert_eq!(answer["stream"], SLOTS[slot].name);
        self.attempts[number].answered_at = self.attempts.len();
        if !answer["error"].is_null() {
            let text = answer["error"]["description"].as_str().unwrap_or_default();
            let is_full = text.contains("maximum") && self.streams[slot].configs.iter().any(|it| it.discard_new);
            // Its stream may be deleted meanwhile, and its files with it.
            let stream = &self.streams[slot];
            let is_ending =
                stream.is_changing || stream.exists != Some(true) || stream.model.incarnation != incarnation;
            assert!(self.is_faulty || is_full || is_ending, "{answer}");
            self.attempts[number].fate = match (is_full, self.is_hopeless) {
                (true, _) => Fate::Full,
                (false, true) => Fate::Unknown,
                (false, false) => Fate::Refused,
            };
            return;
        }
        let sequence = answer["seq"].as_u64().expect("a sequence");
        let is_duplicate = answer["duplicate"] == true;
        self.attempts[number].fate = if is_duplicate { Fate::Duplicate(sequence) } else { Fate::Stored(sequence) };
        if self.streams[slot].model.incarnation != incarnation {
            return;
        }
        let id = self.attempts[number].id.clone();
        if is_duplicate {
            let id = id.expect("without id there is no duplicate");
            return self.streams[slot].model.promise(sequence, &id, &self.attempts);
        }
        self.streams[slot].model.acknowledge(sequence, number);
        self.check_no_duplicate(number);
    }

    /// Stored: so no message of its id was acknowledged a short while ago.
    fn check_no_duplicate(&self, number: usize) {
        let attempt = &self.attempts[number];
        let window = u64::try_from(WINDOW.as_nanos()).unwrap_or(u64::MAX);
        let twin = self.attempts[..number].iter().position(|other| {
            other.id.is_some()
                && other.id == attempt.id
                && other.incarnation == attempt.incarnation
                && matches!(other.fate, Fate::Stored(_))
                && other.answered_at <= number
                && attempt.time - other.time < window
        });
        assert!(twin.is_none(), "{number} is a duplicate of {twin:?} and was stored");
    }

    fn read(&mut self, slot: usize, incarnation: u32, answer: &Answer) {
        if self.streams[slot].model.incarnation != incarnation {
            return;
        }
        let (sequence, number) = if answer.payload.starts_with(b"{") {
            let answer = answer.json();
            if !answer["error"].is_null() {
                self.trace.note(format_args!("read: {}", answer["error"]));
                return;
            }
            self.parse_json(&answer["message"])
        } else if let Some(status) = answer.status() {
            self.trace.note(format_args!("read: {status}"));
            return;
        } else {
            self.parse_direct(answer)
        };
        self.trace.note(format_args!("read: {sequence} is {number}"));
        self.streams[slot].model.own(sequence, number);
    }

    /// Sequence and number of a message, which is as it was published.
    fn parse_direct(&self, answer: &Answer) -> (u64, usize) {
        let number = number_of(&answer.payload).unwrap_or_else(|| panic!("nobody published {answer:?}"));
        let attempt = &self.attempts[number];
        assert_eq!(answer.payload, attempt.payload(number), "message {number} is altered");
        assert_eq!(answer.header("Nats-Subject"), Some(attempt.subject.as_str()));
        assert_eq!(answer.header("Nats-Msg-Id"), attempt.id.as_deref());
        assert_eq!(answer.header("Nats-Stream"), Some(attempt.stream()));
        (answer.header("Nats-Sequence").and_then(|text| text.parse().ok()).expect("a sequence"), number)
    }

    fn parse_json(&self, message: &Value) -> (u64, usize) {
        let bytes = |name: &str| decode(message[name].as_str().unwrap_or_default());
        let payload = bytes("data");
        let number = number_of(&payload).unwrap_or_else(|| panic!("nobody published {message}"));
        let attempt = &self.attempts[number];
        assert_eq!(payload, attempt.payload(number), "message {number} is altered");
        assert_eq!(message["subject"], attempt.subject);
        assert_eq!(bytes("hdrs"), attempt.headers());
        (message["seq"].as_u64().expect("a sequence"), number)
    }

    /// Looks at all streams, of which nobody wants anything just now.
    pub(super) fn check(&mut self) -> Result<(), Down> {
        let leniency = self.leniency;
        for slot in 0..SLOTS.len() {
            self.check_stream(slot, leniency)?;
        }
        self.leniency = Leniency::None;
        Ok(())
    }

    pub(super) fn info(&mut self, slot: usize) -> Result<Value, Down> {
        Ok(self.ask(&format!("$JS.API.STREAM.INFO.{}", SLOTS[slot].name), "")?[0].json())
    }

    /// The same of a stream that may have to be read again first, as the disk failed a moment ago.
    fn settled_info(&mut self, slot: usize) -> Result<Value, Down> {
        for _ in 0..4 {
            let info = self.info(slot)?;
            if !self.is_faulty || info["error"].is_null() || info["error"]["err_code"] == 10059 {
                return Ok(info);
            }
            self.advance(Duration::from_millis(300))?;
        }
        self.info(slot)
    }

    fn check_stream(&mut self, slot: usize, leniency: Leniency) -> Result<(), Down> {
        let name = SLOTS[slot].name;
        let info = self.settled_info(slot)?;
        let exists = info["error"].is_null();
        assert!(exists || info["error"]["err_code"] == 10059, "{info}");
        let stream = &mut self.streams[slot];
        let expected = *stream.exists.get_or_insert(exists);
        assert_eq!(exists, expected, "whether {name} is there");
        if !exists {
            return Ok(());
        }
        let is_known = stream.configs.iter().any(|config| config.is(&info["config"]));
        assert!(is_known, "{name} has another configuration: {} instead of {:?}", info["config"], stream.configs);
        let present = self.read_all(slot)?;
        self.trace.note(format_args!("{name} holds {present:?}"));
        assert_eq!(info["state"]["messages"], present.len(), "{name}: {info}");
        let Self { streams, attempts, .. } = self;
        let Some(stream) = streams.get_mut(slot) else { return Ok(()) };
        stream.model.look(&present, &stream.configs, leniency, attempts);
        if leniency == Leniency::None {
            assert!(info["state"]["last_seq"].as_u64() >= Some(stream.model.last()), "{name}: {info}");
        }
        self.check_samples(slot, &present)
    }

    fn read_all(&mut self, slot: usize) -> Result<BTreeMap<u64, usize>, Down> {
        let subject = format!("$JS.API.DIRECT.GET.{}", SLOTS[slot].name);
        let answers = self.ask(&subject, r#"{"seq":1,"batch":100000,"max_bytes":50000000}"#)?;
        let (end, messages) = answers.split_last().expect("there is an answer");
        let is_whole = end.status().is_some_and(|status| status.starts_with("204") || status.starts_with("404"));
        assert!(is_whole, "the batch has no end: {:?}", end.headers);
        let mut present = BTreeMap::new();
        for message in messages {
            let (sequence, number) = self.parse_direct(message);
            assert_eq!(self.attempts[number].slot, slot);
            assert!(present.insert(sequence, number).is_none(), "{sequence} came twice");
        }
        Ok(present)
    }

    /// Other ways to read find the same.
    fn check_samples(&mut self, slot: usize, present: &BTreeMap<u64, usize>) -> Result<(), Down> {
        let name = SLOTS[slot].name;
        for _ in 0..3 {
            let sequence = self.rng.u64(1..=self.streams[slot].model.last() + 1);
            let body = format!("{{\"seq\":{sequence}}}");
            let answer = self.ask(&format!("$JS.API.STREAM.MSG.GET.{name}"), &body)?[0].json();
            let found = answer["error"].is_null().then(|| self.parse_json(&answer["message"]).1);
            assert_eq!(found, present.get(&sequence).copied(), "{name} {sequence}: {answer}");
            let answer = self.ask(&format!("$JS.API.DIRECT.GET.{name}"), &body)?.remove(0);
            let found = answer.status().is_none().then(|| self.parse_direct(&answer).1);
            assert_eq!(found, present.get(&sequence).copied(), "{name} {sequence}");
        }
        let subject = SLOTS[slot].subjects[self.rng.usize(..SLOTS[slot].subjects.len())];
        let last = present.values().rev().find(|number| self.attempts[**number].subject == subject);
        let answer = self.ask(&format!("$JS.API.DIRECT.GET.{name}.{subject}"), "")?.remove(0);
        let found = answer.status().is_none().then(|| self.parse_direct(&answer).1);
        assert_eq!(found, last.copied(), "the last of {subject}");
        Ok(())
    }
}

/// Base64 of the standard alphabet.
fn decode(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'=').map(digit).collect();
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}
