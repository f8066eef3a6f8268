//! What answers tell, and what a look at everything finds.

use std::collections::BTreeMap;
use std::time::Duration;

use embus_engine::stream::SyncPolicy;
use serde_json::Value;

use super::message::{Attempt, Fate, Life, Undoing, number_of};
use super::model::{Leniency, Look};
use super::slots::{SLOTS, WINDOW};
use super::world::{Answer, Down, Known, Request, World, catch};

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
            Request::Remove { slot, incarnation, name, covered } => {
                let answer = answer.json();
                self.trace.note(format_args!("removed: {answer}"));
                let model = &mut self.streams[slot].model;
                if model.incarnation != incarnation {
                    return;
                }
                if answer["success"] == true {
                    model.removed(name, &covered, self.attempts.len(), self.is_lossy);
                } else {
                    model.refused_removal(name, self.undoing);
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
            assert!(self.is_faulty || stream.is_doomed, "{answer}");
            stream.exists = None;
            stream.is_doomed |= !exists && self.undoing == Undoing::Open;
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
            let is_full = text.contains("maximum") && SLOTS[slot].may_refuse();
            // Its stream may be deleted meanwhile, and its files with it.
            let stream = &self.streams[slot];
            let is_ending = stream.is_doomed
                || stream.is_changing
                || stream.exists != Some(true)
                || stream.model.incarnation != incarnation;
            assert!(self.is_faulty || is_full || is_ending, "{answer}");
            self.attempts[number].fate = if is_full { Fate::Full } else { Fate::Refused(self.undoing) };
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
        self.streams[slot].model.acknowledge(sequence, number, &self.attempts);
        if self.policy == SyncPolicy::Always && !self.is_faulty {
            self.streams[slot].model.settle_removals(number);
        }
        self.check_no_duplicate(number);
    }

    /// Stored: so no message of its id was acknowledged a short while ago.
    fn check_no_duplicate(&self, number: usize) {
        let attempt = &self.attempts[number];
        let window = u64::try_from(WINDOW.as_nanos()).unwrap_or(u64::MAX);
        let model = &self.streams[attempt.slot].model;
        let may_be_lost = |sequence| self.is_lossy && model.is_in_doubt(sequence);
        let twin = self.attempts[..number].iter().position(|other| {
            other.id.is_some()
                && other.id == attempt.id
                && other.incarnation == attempt.incarnation
                && matches!(other.fate, Fate::Stored(sequence) if !may_be_lost(sequence))
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
            self.parse_json(slot, &answer["message"])
        } else if let Some(status) = answer.status() {
            self.trace.note(format_args!("read: {status}"));
            return;
        } else {
            self.parse_direct(slot, answer)
        };
        self.trace.note(format_args!("read: {sequence} is {number}"));
        self.streams[slot].model.own(sequence, number, &self.attempts);
    }

    /// Sequence and number of a message, which is as it was published.
    fn parse_direct(&mut self, slot: usize, answer: &Answer) -> (u64, usize) {
        let sequence = answer.header("Nats-Sequence").and_then(|text| text.parse().ok()).expect("a sequence");
        let subject = answer.header("Nats-Subject").expect("a subject");
        if answer.header("Nats-Marker-Reason").is_some() {
            return (sequence, self.marker(slot, sequence, subject, answer));
        }
        let number = number_of(&answer.payload).unwrap_or_else(|| panic!("nobody published {answer:?}"));
        let attempt = &self.attempts[number];
        assert_eq!(answer.payload, attempt.payload(number), "message {number} is altered");
        assert_eq!(subject, attempt.subject);
        assert_eq!(answer.header("Nats-Stream"), Some(attempt.stream()));
        let headers = attempt.headers();
        let lines = headers.strip_prefix(b"NATS/1.0\r\n").and_then(|lines| lines.strip_suffix(b"\r\n"));
        let lines = String::from_utf8_lossy(lines.unwrap_or_default());
        assert!(answer.headers.contains(&*lines), "{lines:?} in {answer:?}");
        (sequence, number)
    }

    fn parse_json(&mut self, slot: usize, message: &Value) -> (u64, usize) {
        let bytes = |name: &str| decode(message[name].as_str().unwrap_or_default());
        let (payload, headers) = (bytes("data"), bytes("hdrs"));
        let sequence = message["seq"].as_u64().expect("a sequence");
        let answer = Answer { headers: String::from_utf8_lossy(&headers).into_owned(), payload: payload.into() };
        if answer.header("Nats-Marker-Reason").is_some() {
            let subject = message["subject"].as_str().unwrap_or_default();
            return (sequence, self.marker(slot, sequence, subject, &answer));
        }
        let number = number_of(&answer.payload).unwrap_or_else(|| panic!("nobody published {message}"));
        let attempt = &self.attempts[number];
        assert_eq!(answer.payload, attempt.payload(number), "message {number} is altered");
        assert_eq!(message["subject"], attempt.subject);
        assert_eq!(headers, attempt.headers());
        (sequence, number)
    }

    /// The number of a marker: the broker put it there since the last look, or it is known.
    fn marker(&mut self, slot: usize, sequence: u64, subject: &str, answer: &Answer) -> usize {
        let Known { model, configs, .. } = &self.streams[slot];
        let attempts = &self.attempts;
        if let Some(owner) = model.owner(sequence) {
            assert!(attempts[owner].is_marker && attempts[owner].subject == subject, "{answer:?} at {sequence}");
            return owner;
        }
        let life = answer.header("Nats-TTL").and_then(|text| text.strip_suffix('s')?.parse().ok());
        let life = life.expect("a marker expires");
        assert!(configs.iter().any(|config| config.marker == life), "{answer:?} but {configs:?}");
        assert!(answer.payload.is_empty(), "{answer:?}");
        let marker = Attempt {
            slot,
            incarnation: model.incarnation,
            subject: subject.to_owned(),
            id: None,
            life: Life::Seconds(life),
            rollup: None,
            is_marker: true,
            len: 0,
            time: model.looked_at,
            latest: self.now(),
            fate: Fate::Stored(sequence),
            answered_at: attempts.len(),
        };
        let is_expired = |other: &Attempt| {
            let is_here = other.is_beside(&marker) && other.subject == subject && !other.is_marker;
            is_here && other.time.saturating_add(other.life.span(model.tight.max_age)) <= marker.latest
        };
        assert!(
            attempts.iter().any(is_expired),
            "a marker on {subject}, where nothing expired: {marker:?}, {answer:?}"
        );
        self.attempts.push(marker);
        self.attempts.len() - 1
    }

    /// Looks at all streams, of which nobody wants anything just now.
    pub(super) fn check(&mut self) -> Result<(), Down> {
        let engine = self.engine()?;
        catch(|| engine.handle_deadlines())?;
        self.drain()?;
        self.is_lossy = false;
        for slot in self.slots.clone() {
            self.check_stream(slot)?;
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

    fn check_stream(&mut self, slot: usize) -> Result<(), Down> {
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
        let (now, is_settled) = (self.now(), !self.is_faulty);
        let Known { model, configs, .. } = &mut self.streams[slot];
        // Of a stream that was not there for a while, what a sync lost shows later than elsewhere.
        let leniency = if model.is_lossy { Leniency::Holes } else { self.leniency };
        model.look(Look { present: &present, configs, leniency, now, is_settled }, &mut self.attempts);
        if leniency == Leniency::None {
            assert!(info["state"]["last_seq"].as_u64() >= Some(model.last_that_counts()), "{name}: {info}");
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
            let (sequence, number) = self.parse_direct(slot, message);
            assert_eq!(self.attempts[number].slot, slot);
            assert!(present.insert(sequence, number).is_none(), "{sequence} came twice");
        }
        Ok(present)
    }

    /// Other ways to read find the same.
    fn check_samples(&mut self, slot: usize, present: &BTreeMap<u64, usize>) -> Result<(), Down> {
        let name = SLOTS[slot].name;
        for _ in 0..2 {
            let sequence = self.rng.u64(1..=self.streams[slot].model.last() + 1);
            let body = format!("{{\"seq\":{sequence}}}");
            let answer = self.ask(&format!("$JS.API.STREAM.MSG.GET.{name}"), &body)?[0].json();
            let found = answer["error"].is_null().then(|| self.parse_json(slot, &answer["message"]).1);
            assert_eq!(found, present.get(&sequence).copied(), "{name} {sequence}: {answer}");
            let answer = self.ask(&format!("$JS.API.DIRECT.GET.{name}"), &body)?.remove(0);
            let found = answer.status().is_none().then(|| self.parse_direct(slot, &answer).1);
            assert_eq!(found, present.get(&sequence).copied(), "{name} {sequence}");
        }
        let subject = SLOTS[slot].subjects[self.rng.usize(..SLOTS[slot].subjects.len())];
        let last = present.values().rev().find(|number| self.attempts[**number].subject == subject);
        let answer = self.ask(&format!("$JS.API.DIRECT.GET.{name}.{subject}"), "")?.remove(0);
        let found = answer.status().is_none().then(|| self.parse_direct(slot, &answer).1);
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
