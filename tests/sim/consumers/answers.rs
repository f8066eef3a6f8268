//! What answers tell.

use serde_json::Value;

use super::config::{Config, SLOTS};
use super::model::Model;
use super::state::{Info, State};
use super::stock::Presence;
use super::world::{Answer, Fate, Request, Whom, World};

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
    pub(super) fn answered(&mut self, request: Request, answer: &Answer) {
        match request {
            Request::Publish(number) => self.published(number, answer),
            Request::Confirm { whom, revision, moment, ref done, .. } => {
                assert!(answer.payload.is_empty() && answer.headers.is_empty(), "{answer:?}");
                self.trace.note(format_args!("confirmed to {}: {moment:?}", whom.path()));
                let is_synced = self.is_synced();
                self.with_model(whom, revision, |model, _, _| {
                    model.confirm(moment, is_synced);
                    model.confirmed.extend(done);
                });
            }
            Request::Create { whom, config } => self.created(whom, config, &answer.json()),
            Request::Delete { whom } => self.deleted(whom, &answer.json()),
            Request::Remove { slot, sequence } => {
                let answer = answer.json();
                self.trace.note(format_args!("removed {sequence}: {answer}"));
                if answer["success"] == true {
                    self.streams[slot].stock.set(sequence, Presence::Gone);
                }
            }
            Request::Ask => {}
        }
    }

    fn published(&mut self, number: usize, answer: &Answer) {
        let answer = answer.json();
        self.trace.note(format_args!("published {number}: {answer}"));
        let published = self.messages.len();
        let message = &mut self.messages[number];
        message.answered_at = published;
        if !answer["error"].is_null() {
            assert!(self.is_faulty && !message.is_seen, "{answer}, {message:?}");
            message.fate = Fate::Refused;
            self.streams[message.slot].refused += 1;
            return;
        }
        assert_eq!(answer["stream"], SLOTS[message.slot].name);
        let sequence = answer["seq"].as_u64().expect("a sequence");
        message.fate = Fate::Stored(sequence);
        self.streams[message.slot].stock.own(sequence, number, message.subject);
    }

    fn created(&mut self, whom: Whom, config: Config, answer: &Value) {
        self.trace.note(format_args!("created {}: {answer}", whom.path()));
        let (is_synced, is_faulty) = (self.is_synced(), self.is_faulty);
        let place = self.place(whom);
        place.is_changing = false;
        if !answer["error"].is_null() {
            assert!(is_faulty, "{answer}");
            // It may come up with the next broker.
            (place.exists, place.is_doubtful) = (Some(false), true);
            return;
        }
        (place.exists, place.is_doubtful) = (Some(true), false);
        let info = info_of(answer);
        assert_eq!((info.sequence, info.ack_pending), (0, 0), "{answer}");
        let mut model = Model::new(config, State::begin(info.delivered + 1));
        model.confirm(model.moment(), is_synced);
        if is_synced {
            place.models.clear();
        }
        place.models.retain(|other| other.config.revision != model.config.revision);
        place.models.push(model);
    }

    fn deleted(&mut self, whom: Whom, answer: &Value) {
        self.trace.note(format_args!("deleted {}: {answer}", whom.path()));
        let (is_synced, is_faulty) = (self.is_synced(), self.is_faulty);
        let place = self.place(whom);
        place.is_changing = false;
        if answer["success"] == true {
            (place.exists, place.is_doubtful) = (Some(false), false);
            if is_synced {
                place.models.clear();
            }
        } else {
            let is_told = answer["error"]["description"].as_str().is_some_and(|text| text.contains("the change holds"));
            assert!(is_faulty && is_told, "{answer}");
            (place.exists, place.is_doubtful) = (Some(false), true);
        }
    }
}

/// What an answer tells of a consumer.
pub(super) fn info_of(answer: &Value) -> Info {
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("no number: {answer}"));
    Info {
        sequence: number(&answer["delivered"]["consumer_seq"]),
        delivered: number(&answer["delivered"]["stream_seq"]),
        floor: number(&answer["ack_floor"]["stream_seq"]),
        ack_pending: number(&answer["num_ack_pending"]),
        redelivered: number(&answer["num_redelivered"]),
        pending: number(&answer["num_pending"]),
    }
}
