//! What streams and consumers of a run are asked to be.

use embus_protocol::filter;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::scenario::pick;

/// A stream that there is in every run.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: &'static str,
    pub(crate) filter: &'static str,
    pub(crate) subjects: &'static [&'static str],
}

pub(crate) const SLOTS: [Slot; 2] = [
    Slot { name: "ONE", filter: "one.>", subjects: &["one.a", "one.a.b", "one.c"] },
    Slot { name: "TWO", filter: "two.*", subjects: &["two.x", "two.y"] },
];

/// The names that consumers of a stream may have.
pub(crate) const NAMES: [&str; 3] = ["c0", "c1", "c2"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acks {
    None,
    All,
    Explicit,
}

/// A consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) acks: Acks,
    pub(crate) filters: Vec<&'static str>,
    /// In nanoseconds; how long the first, second, … delivery waits.
    pub(crate) waits: Vec<u64>,
    /// 0 for any number.
    pub(crate) max_deliver: u64,
    pub(crate) max_ack_pending: u64,
    /// No other consumer of the run has it.
    pub(crate) revision: u32,
}

pub(crate) const MILLISECOND: u64 = 1_000_000;

impl Config {
    pub(crate) fn random(slot: usize, revision: u32, rng: &mut Rng) -> Self {
        let acks = *pick(rng, &[Acks::Explicit, Acks::Explicit, Acks::Explicit, Acks::All, Acks::None]);
        let mut config = Self {
            acks,
            filters: random_filters(slot, rng),
            waits: vec![*pick(rng, &[200, 1000, 5000])],
            max_deliver: *pick(rng, &[0, 0, 0, 2, 4]),
            max_ack_pending: *pick(rng, &[0, 0, 1, 3, 10]),
            revision,
        };
        if acks != Acks::None && rng.u8(..4) == 0 {
            config.waits = vec![100, 400, 2000];
            config.max_deliver = *pick(rng, &[0, 4, 5]);
        }
        config.waits.iter_mut().for_each(|wait| *wait *= MILLISECOND);
        if acks == Acks::None {
            (config.max_deliver, config.max_ack_pending) = (0, 0);
        }
        config
    }

    /// How long the delivery with this number waits.
    pub(crate) fn wait(&self, deliveries: u64) -> u64 {
        let place = usize::try_from(deliveries - 1).unwrap_or(usize::MAX);
        self.waits[place.min(self.waits.len() - 1)]
    }

    pub(crate) fn may_redeliver(&self, deliveries: u64) -> bool {
        self.max_deliver == 0 || deliveries < self.max_deliver
    }

    pub(crate) fn wants(&self, subject: &str) -> bool {
        let matches = |filter: &&str| filter::matches(filter.as_bytes(), subject.as_bytes());
        self.filters.is_empty() || self.filters.iter().any(matches)
    }

    pub(crate) fn to_json(&self, name: &str) -> Value {
        let acks = match self.acks {
            Acks::None => "none",
            Acks::All => "all",
            Acks::Explicit => "explicit",
        };
        let mut config = json!({
            "durable_name": name, "name": name, "ack_policy": acks, "deliver_policy": "all",
            "ack_wait": self.waits[0], "max_deliver": number_or_any(self.max_deliver),
            "max_ack_pending": number_or_any(self.max_ack_pending), "description": self.description(),
        });
        if self.waits.len() > 1 {
            config["backoff"] = json!(self.waits);
        }
        match &self.filters[..] {
            [] => {}
            [one] => config["filter_subject"] = json!(one),
            many => config["filter_subjects"] = json!(many),
        }
        config
    }

    pub(crate) fn description(&self) -> String {
        format!("consumer {}", self.revision)
    }
}

fn number_or_any(number: u64) -> i64 {
    if number == 0 { -1 } else { i64::try_from(number).unwrap_or(i64::MAX) }
}

fn random_filters(slot: usize, rng: &mut Rng) -> Vec<&'static str> {
    let Slot { filter, subjects, .. } = &SLOTS[slot];
    match rng.u8(..6) {
        0..3 => Vec::new(),
        3 => vec![filter],
        4 => vec![subjects[rng.usize(..subjects.len())]],
        _ => subjects[..2].to_vec(),
    }
}

pub(crate) fn stream_json(slot: usize) -> String {
    let Slot { name, filter, .. } = &SLOTS[slot];
    json!({
        "name": name, "subjects": [filter], "storage": "file", "retention": "limits", "allow_direct": true,
        "num_replicas": 1,
    })
    .to_string()
}
