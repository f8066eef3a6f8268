//! What streams and consumers of a run are asked to be.

use embus_protocol::filter;
use fastrand::Rng;
use serde_json::{Value, json};

use super::time::{MILLISECOND, SECOND, rfc3339};
use crate::scenario::pick;

/// A stream that there is in every run.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: &'static str,
    pub(super) filter: &'static str,
    pub(super) subjects: &'static [&'static str],
    pub(super) retention: &'static str,
}

pub(super) const SLOTS: [Slot; 3] = [
    Slot { name: "LIM", filter: "lim.>", subjects: &["lim.a", "lim.a.b", "lim.c"], retention: "limits" },
    Slot { name: "QUE", filter: "que.*", subjects: &["que.x", "que.y", "que.z"], retention: "workqueue" },
    Slot { name: "INT", filter: "int.>", subjects: &["int.a", "int.b"], retention: "interest" },
];

/// The stream that keeps everything.
pub(super) const LIMITS: usize = 0;
/// The stream that hands each message to one worker.
pub(super) const QUEUE: usize = 1;
/// The stream that keeps what somebody has yet to be done with.
pub(super) const INTEREST: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acks {
    None,
    All,
    Explicit,
}

/// Where a consumer begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    All,
    Last,
    New,
    Sequence(u64),
    Time(u64),
    LastPerSubject,
}

/// Who gets messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Demand {
    Pull(Priority),
    Push { group: bool, heartbeat: u64, flow: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Priority {
    None,
    Overflow,
    Pinned,
    Prioritized,
}

/// A consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) demand: Demand,
    pub(super) acks: Acks,
    pub(super) start: Start,
    pub(super) filters: Vec<&'static str>,
    /// In nanoseconds; how long the first, second, … delivery waits.
    pub(super) waits: Vec<u64>,
    /// 0 for any number.
    pub(super) max_deliver: u64,
    pub(super) max_ack_pending: u64,
    /// As fast as messages came, and no faster.
    pub(super) is_replay: bool,
    /// How long it stays unused, in nanoseconds; nothing for a durable one.
    pub(super) threshold: Option<u64>,
    pub(super) is_in_memory: bool,
}

/// How long a pinned client may be silent.
pub(super) const PIN_TIMEOUT: u64 = 3 * SECOND;

impl Config {
    pub(super) fn random(slot: usize, taken: &[&str], last: u64, now: u64, rng: &mut Rng) -> Self {
        let acks = *pick(rng, &[Acks::Explicit, Acks::Explicit, Acks::Explicit, Acks::All, Acks::None]);
        let mut config = Self {
            demand: random_demand(rng),
            acks,
            start: random_start(last, now, rng),
            filters: random_filters(slot, rng),
            waits: vec![*pick(rng, &[300, 1000, 5000])],
            max_deliver: *pick(rng, &[0, 0, 0, 2, 4]),
            max_ack_pending: *pick(rng, &[0, 0, 1, 3, 10]),
            is_replay: rng.u8(..10) == 0,
            threshold: (rng.u8(..4) == 0).then(|| rng.u64(1..5) * SECOND),
            is_in_memory: rng.u8(..8) == 0,
        };
        if slot == QUEUE {
            (config.acks, config.start) = (Acks::Explicit, Start::All);
            let free: Vec<_> =
                SLOTS[slot].subjects.iter().copied().filter(|subject| !taken.contains(subject)).collect();
            config.filters = vec![if free.is_empty() { SLOTS[slot].subjects[0] } else { *pick::<&str>(rng, &free) }];
        }
        if config.acks != Acks::None && rng.u8(..4) == 0 {
            config.waits = vec![100, 400, 2000];
            config.max_deliver = *pick(rng, &[0, 4, 5]);
        }
        config.waits.iter_mut().for_each(|wait| *wait *= MILLISECOND);
        if config.acks == Acks::None {
            (config.max_deliver, config.max_ack_pending) = (0, 0);
        }
        if config.start == Start::LastPerSubject && config.filters.is_empty() {
            config.filters = vec![SLOTS[slot].filter];
        }
        config
    }

    /// How long the delivery with this number waits.
    pub(super) fn wait(&self, deliveries: u64) -> u64 {
        let place = usize::try_from(deliveries.saturating_sub(1)).unwrap_or(usize::MAX);
        self.waits[place.min(self.waits.len() - 1)]
    }

    pub(super) fn may_redeliver(&self, deliveries: u64) -> bool {
        self.max_deliver == 0 || deliveries < self.max_deliver
    }

    pub(super) fn wants(&self, subject: &str) -> bool {
        let matches = |filter: &&str| filter::matches(filter.as_bytes(), subject.as_bytes());
        self.filters.is_empty() || self.filters.iter().any(matches)
    }

    pub(super) fn priority(&self) -> Priority {
        match self.demand {
            Demand::Pull(priority) => priority,
            Demand::Push { .. } => Priority::None,
        }
    }

    pub(super) fn is_push(&self) -> bool {
        matches!(self.demand, Demand::Push { .. })
    }

    pub(super) fn to_json(&self, name: &str) -> Value {
        let acks = match self.acks {
            Acks::None => "none",
            Acks::All => "all",
            Acks::Explicit => "explicit",
        };
        let mut config = json!({
            "name": name, "ack_policy": acks, "max_deliver": number_or_any(self.max_deliver),
            "mem_storage": self.is_in_memory, "ack_wait": self.waits[0],
            "replay_policy": if self.is_replay { "original" } else { "instant" },
        });
        if self.acks != Acks::None {
            config["max_ack_pending"] = json!(number_or_any(self.max_ack_pending));
        }
        match self.threshold {
            Some(threshold) => config["inactive_threshold"] = json!(threshold),
            None => config["durable_name"] = json!(name),
        }
        if self.waits.len() > 1 {
            config["backoff"] = json!(self.waits);
        }
        match &self.filters[..] {
            [] => {}
            [one] => config["filter_subject"] = json!(one),
            many => config["filter_subjects"] = json!(many),
        }
        self.put_start(&mut config);
        self.put_demand(name, &mut config);
        config
    }

    fn put_start(&self, config: &mut Value) {
        let policy = match self.start {
            Start::All => "all",
            Start::Last => "last",
            Start::New => "new",
            Start::LastPerSubject => "last_per_subject",
            Start::Sequence(sequence) => {
                config["opt_start_seq"] = json!(sequence);
                "by_start_sequence"
            }
            Start::Time(time) => {
                config["opt_start_time"] = json!(rfc3339(time));
                "by_start_time"
            }
        };
        config["deliver_policy"] = json!(policy);
    }

    fn put_demand(&self, name: &str, config: &mut Value) {
        match self.demand {
            Demand::Push { group, heartbeat, flow } => {
                config["deliver_subject"] = json!(push_subject(name));
                if group {
                    config["deliver_group"] = json!(GROUP);
                }
                if heartbeat > 0 {
                    config["idle_heartbeat"] = json!(heartbeat);
                }
                config["flow_control"] = json!(flow);
            }
            Demand::Pull(Priority::None) => {}
            Demand::Pull(priority) => {
                config["priority_groups"] = json!([GROUP]);
                config["priority_policy"] = json!(match priority {
                    Priority::Overflow => "overflow",
                    Priority::Pinned => "pinned_client",
                    Priority::Prioritized | Priority::None => "prioritized",
                });
                if priority == Priority::Pinned {
                    config["priority_timeout"] = json!(PIN_TIMEOUT);
                }
            }
        }
    }
}

/// Where a push consumer delivers to.
pub(super) fn push_subject(name: &str) -> String {
    format!("push.{name}")
}

/// The name of all groups.
pub(super) const GROUP: &str = "g";

fn number_or_any(number: u64) -> i64 {
    if number == 0 { -1 } else { i64::try_from(number).unwrap_or(i64::MAX) }
}

fn random_demand(rng: &mut Rng) -> Demand {
    if rng.bool() {
        let priorities = [Priority::None, Priority::None, Priority::Overflow, Priority::Pinned, Priority::Prioritized];
        return Demand::Pull(*pick(rng, &priorities));
    }
    let heartbeat = *pick(rng, &[0, 500, 2000]) * MILLISECOND;
    let group = rng.u8(..3) == 0;
    Demand::Push { group, heartbeat, flow: !group && heartbeat > 0 && rng.bool() }
}

fn random_start(last: u64, now: u64, rng: &mut Rng) -> Start {
    match rng.u8(..8) {
        0 => Start::Last,
        1 => Start::New,
        2 => Start::Sequence(rng.u64(1..last + 4)),
        3 => Start::Time(now - rng.u64(..20) * SECOND),
        4 => Start::LastPerSubject,
        _ => Start::All,
    }
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

pub(super) fn stream_json(slot: usize) -> String {
    let Slot { name, filter, retention, .. } = &SLOTS[slot];
    json!({
        "name": name, "subjects": [filter], "storage": "file", "retention": retention, "allow_direct": true,
        "num_replicas": 1,
    })
    .to_string()
}
