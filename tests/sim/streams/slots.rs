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
    /// No limit; rollups.
    Plain,
    /// Few messages on each subject; rollups.
    LastPerSubject,
    /// Few messages, with either way to discard.
    Capped,
    /// Few bytes.
    Ring,
    /// Messages expire, in their time or the stream's, and leave markers or not.
    Expiring,
    /// A subject that is full takes no more.
    Full,
}

pub(crate) const SLOTS: [Slot; 6] = [
    Slot { name: "LOG", filter: "log.>", subjects: &["log.a", "log.a.b", "log.c"], kind: Kind::Plain },
    Slot {
        name: "KV",
        filter: "kv.*",
        subjects: &["kv.1", "kv.2", "kv.3", "kv.4", "kv.5", "kv.6"],
        kind: Kind::LastPerSubject,
    },
    Slot { name: "CAP", filter: "cap.>", subjects: &["cap.x", "cap.y"], kind: Kind::Capped },
    Slot { name: "RING", filter: "ring.*", subjects: &["ring.1", "ring.2", "ring.3"], kind: Kind::Ring },
    Slot { name: "TTL", filter: "ttl.*", subjects: &["ttl.1", "ttl.2", "ttl.3", "ttl.4"], kind: Kind::Expiring },
    Slot { name: "FULL", filter: "full.*", subjects: &["full.1", "full.2", "full.3"], kind: Kind::Full },
];

impl Slot {
    pub(crate) fn allows_rollup(&self) -> bool {
        matches!(self.kind, Kind::Plain | Kind::LastPerSubject)
    }

    pub(crate) fn may_refuse(&self) -> bool {
        matches!(self.kind, Kind::Capped | Kind::Full)
    }

    pub(crate) fn allows_ttl(&self) -> bool {
        self.kind == Kind::Expiring
    }
}

/// What a stream is asked to be; -1 for no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) max_messages: i64,
    pub(crate) max_per_subject: i64,
    pub(crate) max_bytes: i64,
    /// In seconds, 0 for none.
    pub(crate) max_age: u64,
    /// How long a marker stays, in seconds; 0 for no markers.
    pub(crate) marker: u64,
    pub(crate) discard_new: bool,
    pub(crate) refuses_on_full_subject: bool,
    pub(crate) revision: u32,
    pub(crate) compress: bool,
}

/// How long ids are known.
pub(crate) const WINDOW: Duration = Duration::from_secs(30);

/// In nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;

impl Config {
    pub(crate) fn random(slot: usize, revision: u32, rng: &mut Rng) -> Self {
        let kind = SLOTS[slot].kind;
        let limit = |is_limited: bool, values: &[i64], rng: &mut Rng| if is_limited { *pick(rng, values) } else { -1 };
        let max_per_subject: &[i64] = match kind {
            Kind::LastPerSubject => &[1, 1, 1, 3],
            Kind::Expiring => &[-1, 1, 4],
            Kind::Full => &[2, 4, 9],
            _ => &[-1],
        };
        let is_expiring = kind == Kind::Expiring;
        Self {
            max_messages: limit(kind == Kind::Capped, &[5, 12, 30], rng),
            max_per_subject: *pick(rng, max_per_subject),
            max_bytes: limit(kind == Kind::Ring, &[20_000, 150_000, 400_000], rng),
            // Not shorter than ids are known.
            max_age: if is_expiring { *pick(rng, &[0, 31, 60]) } else { 0 },
            marker: if is_expiring { *pick(rng, &[0, 3, 12]) } else { 0 },
            discard_new: kind == Kind::Full || kind == Kind::Capped && rng.u8(..4) == 0,
            refuses_on_full_subject: kind == Kind::Full,
            compress: rng.u8(..4) == 0,
            revision,
        }
    }

    /// Another one for a stream that has this one.
    pub(crate) fn successor(&self, slot: usize, revision: u32, rng: &mut Rng) -> Self {
        Self { compress: self.compress, marker: self.marker, ..Self::random(slot, revision, rng) }
    }

    pub(crate) fn to_json(&self, slot: usize) -> String {
        let Slot { name, filter, .. } = &SLOTS[slot];
        json!({
            "name": name, "subjects": [filter], "storage": "file", "retention": "limits",
            "max_msgs": self.max_messages, "max_msgs_per_subject": self.max_per_subject, "max_bytes": self.max_bytes,
            "max_age": self.max_age * SECOND, "subject_delete_marker_ttl": self.marker * SECOND,
            "discard": if self.discard_new { "new" } else { "old" },
            "discard_new_per_subject": self.refuses_on_full_subject,
            "allow_msg_ttl": SLOTS[slot].allows_ttl(),
            "allow_rollup_hdrs": SLOTS[slot].allows_rollup() || SLOTS[slot].allows_ttl(),
            "allow_direct": true, "num_replicas": 1,
            "compression": if self.compress { "s2" } else { "none" },
            "duplicate_window": u64::try_from(WINDOW.as_nanos()).unwrap_or(u64::MAX),
            "description": format!("revision {}", self.revision),
        })
        .to_string()
    }

    /// Whether the broker says that its stream is like that.
    pub(crate) fn is(&self, config: &Value) -> bool {
        config["max_msgs"] == self.max_messages
            && config["max_msgs_per_subject"] == self.max_per_subject
            && config["max_bytes"] == self.max_bytes
            && config["max_age"] == self.max_age * SECOND
            && config["subject_delete_marker_ttl"].as_u64().unwrap_or(0) == self.marker * SECOND
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
    /// In nanoseconds.
    pub(crate) max_age: u64,
}

impl Bounds {
    pub(crate) const NONE: Self =
        Self { messages: u64::MAX, per_subject: u64::MAX, bytes: u64::MAX, max_age: u64::MAX };

    fn of(config: &Config) -> Self {
        let limit = |limit: i64| u64::try_from(limit).unwrap_or(u64::MAX);
        // What refuses new messages keeps the old ones, also when it is given a lower limit.
        let unless_new = |it: i64| if config.discard_new { u64::MAX } else { limit(it) };
        Self {
            messages: unless_new(config.max_messages),
            per_subject: limit(config.max_per_subject),
            bytes: unless_new(config.max_bytes),
            max_age: if config.max_age > 0 { config.max_age * SECOND } else { u64::MAX },
        }
    }

    pub(crate) fn tighten(&mut self, config: &Config) {
        let other = Self::of(config);
        self.messages = self.messages.min(other.messages);
        self.per_subject = self.per_subject.min(other.per_subject);
        self.bytes = self.bytes.min(other.bytes);
        self.max_age = self.max_age.min(other.max_age);
    }

    /// The tightest that make room for a new message: where that is refused instead, old ones stay.
    pub(crate) fn evicting(config: &Config) -> Self {
        let mut bounds = Self::NONE;
        bounds.tighten(config);
        if config.refuses_on_full_subject {
            bounds.per_subject = u64::MAX;
        }
        bounds
    }

    pub(crate) fn loosest(configs: &[Config]) -> Self {
        let none = Self { messages: 0, per_subject: 0, bytes: 0, max_age: 0 };
        configs.iter().map(Self::of).fold(none, |a, b| Self {
            messages: a.messages.max(b.messages),
            per_subject: a.per_subject.max(b.per_subject),
            bytes: a.bytes.max(b.bytes),
            max_age: a.max_age.max(b.max_age),
        })
    }
}
