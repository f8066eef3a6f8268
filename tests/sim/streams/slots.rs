//! The streams of a run: names, subjects, configurations.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::scenario::pick;

/// A stream that may be there or not.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: &'static str,
    pub(crate) filter: &'static str,
    pub(crate) subjects: &'static [&'static str],
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    LastPerSubject,
    Capped,
    Ring,
}

pub(crate) const SLOTS: [Slot; 4] = [
    Slot { name: "LOG", filter: "log.>", subjects: &["log.a", "log.a.b", "log.c"], kind: Kind::Plain },
    Slot {
        name: "KV",
        filter: "kv.*",
        subjects: &["kv.1", "kv.2", "kv.3", "kv.4", "kv.5", "kv.6"],
        kind: Kind::LastPerSubject,
    },
    Slot { name: "CAP", filter: "cap.>", subjects: &["cap.x", "cap.y"], kind: Kind::Capped },
    Slot { name: "RING", filter: "ring.*", subjects: &["ring.1", "ring.2", "ring.3"], kind: Kind::Ring },
];

/// What a stream is asked to be; -1 for no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) max_messages: i64,
    pub(crate) max_per_subject: i64,
    pub(crate) max_bytes: i64,
    pub(crate) discard_new: bool,
    pub(crate) revision: u32,
    pub(crate) compress: bool,
}

/// How long ids are known.
pub(crate) const WINDOW: Duration = Duration::from_secs(30);

impl Config {
    pub(crate) fn random(slot: usize, revision: u32, rng: &mut Rng) -> Self {
        let kind = SLOTS[slot].kind;
        let limit = |is_limited: bool, values: &[i64], rng: &mut Rng| if is_limited { *pick(rng, values) } else { -1 };
        Self {
            max_messages: limit(kind == Kind::Capped, &[5, 12, 30], rng),
            max_per_subject: limit(kind == Kind::LastPerSubject, &[1, 1, 1, 3], rng),
            max_bytes: limit(kind == Kind::Ring, &[20_000, 150_000, 400_000], rng),
            discard_new: kind == Kind::Capped && rng.u8(..4) == 0,
            compress: rng.u8(..4) == 0,
            revision,
        }
    }

    pub(crate) fn to_json(&self, slot: usize) -> String {
        json!({
            "name": SLOTS[slot].name, "subjects": [SLOTS[slot].filter], "storage": "file", "retention": "limits",
            "max_msgs": self.max_messages, "max_msgs_per_subject": self.max_per_subject, "max_bytes": self.max_bytes,
            "discard": if self.discard_new { "new" } else { "old" }, "allow_direct": true, "num_replicas": 1,
            "compression": if self.compress { "s2" } else { "none" },
            "duplicate_window": u64::try_from(WINDOW.as_nanos()).unwrap_or(u64::MAX), "description": format!("revision {}", self.revision),
        })
        .to_string()
    }

    /// Whether the broker says that its stream is like that.
    pub(crate) fn is(&self, config: &Value) -> bool {
        config["max_msgs"] == self.max_messages
            && config["max_msgs_per_subject"] == self.max_per_subject
            && config["max_bytes"] == self.max_bytes
            && config["description"] == format!("revision {}", self.revision)
            && config["discard"] == if self.discard_new { "new" } else { "old" }
            && config["compression"] == if self.compress { "s2" } else { "none" }
    }
}

/// The tightest or the loosest of several configurations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) messages: u64,
    pub(crate) per_subject: u64,
    pub(crate) bytes: u64,
}

impl Bounds {
    pub(crate) const NONE: Self = Self { messages: u64::MAX, per_subject: u64::MAX, bytes: u64::MAX };

    fn of(config: &Config) -> Self {
        // What refuses new messages keeps the old ones, also when it is given a lower limit.
        let limit = |limit: i64| u64::try_from(limit).ok().filter(|_| !config.discard_new).unwrap_or(u64::MAX);
        Self {
            messages: limit(config.max_messages),
            per_subject: limit(config.max_per_subject),
            bytes: limit(config.max_bytes),
        }
    }

    pub(crate) fn tighten(&mut self, config: &Config) {
        let other = Self::of(config);
        self.messages = self.messages.min(other.messages);
        self.per_subject = self.per_subject.min(other.per_subject);
        self.bytes = self.bytes.min(other.bytes);
    }

    pub(crate) fn loosest(configs: &[Config]) -> Self {
        configs.iter().map(Self::of).fold(Self { messages: 0, per_subject: 0, bytes: 0 }, |a, b| Self {
            messages: a.messages.max(b.messages),
            per_subject: a.per_subject.max(b.per_subject),
            bytes: a.bytes.max(b.bytes),
        })
    }
}
