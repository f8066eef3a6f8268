//! What a consumer is configured to be: read from requests, completed with defaults, checked, compared, written out again.
//!
//! Life of a configuration: it is decoded from a request as it is; the checks refuse it or make it whole; only a whole one
//! reaches a consumer. Its fields stand in the order of the API's JSON. [reference §3.4]

mod check;
mod choices;
mod metadata;
mod neighbours;
mod parse;
mod plan;
mod update;

#[cfg(test)]
mod tests;

use litemap::LiteMap;
use serde::Serialize;

use crate::api::json;
use crate::api::time::{Nanos, Time};
use crate::stream::config::Metadata;

pub use check::{Surroundings, check_group};
pub use choices::{AckPolicy, DeliverPolicy, PriorityPolicy, ReplayPolicy};
pub use neighbours::{Neighbours, Others};
pub use parse::StoredConsumer;
pub use plan::{Action, Existing, Plan, plan};

/// The configuration of a consumer. Names of fields equal async-nats's, but for what Rust's enums hold there.
///
/// In one that was checked: `max_deliver` is −1 or at least 1; `max_ack_pending` is −1, at least 1, or 0 without
/// acknowledgements; `max_waiting` is at least 1 for pull consumers; with a `backoff`, `ack_wait` is its first element;
/// no number is negative otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(clippy::struct_excessive_bools, reason = "they are the fields of the API")]
pub struct ConsumerConfig {
    /// The name of one that stays while nobody uses it; empty for others.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub durable_name: String,
    /// Its name; empty if the server chose one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// A text for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Where in the stream it begins.
    pub deliver_policy: DeliverPolicy,
    /// The first sequence, with [`DeliverPolicy::ByStartSequence`].
    #[serde(rename = "opt_start_seq", skip_serializing_if = "is_default")]
    pub start_sequence: u64,
    /// The first time, with [`DeliverPolicy::ByStartTime`].
    #[serde(rename = "opt_start_time", skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// What counts as an acknowledgement.
    pub ack_policy: AckPolicy,
    /// How long a message waits for its acknowledgement before it is delivered again.
    #[serde(skip_serializing_if = "is_default")]
    pub ack_wait: Nanos,
    /// How often a message is delivered; −1 means any number.
    #[serde(skip_serializing_if = "is_default")]
    pub max_deliver: i64,
    /// How long the first, second, … delivery waits for its acknowledgement; the last one counts for all further ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backoff: Vec<Nanos>,
    /// The only filter of what it wants; empty means all, or [`filter_subjects`](Self::filter_subjects).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter_subject: String,
    /// Several filters of what it wants.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filter_subjects: Vec<String>,
    /// How fast messages follow each other.
    pub replay_policy: ReplayPolicy,
    /// Bits per second of a push consumer; zero means no limit.
    #[serde(rename = "rate_limit_bps", skip_serializing_if = "is_default")]
    pub rate_limit: u64,
    /// How many percent of acknowledgements are measured, as `30` or `30%`; empty means none.
    #[serde(rename = "sample_freq", skip_serializing_if = "String::is_empty")]
    pub sample_frequency: String,
    /// How many requests may wait at a pull consumer.
    #[serde(skip_serializing_if = "is_default")]
    pub max_waiting: i64,
    /// How many messages may wait for an acknowledgement; −1 means any number.
    #[serde(skip_serializing_if = "is_default")]
    pub max_ack_pending: i64,
    /// Whether a push consumer waits for answers of its subscriber.
    #[serde(skip_serializing_if = "is_default")]
    pub flow_control: bool,
    /// Whether messages come without their payload.
    #[serde(skip_serializing_if = "is_default")]
    pub headers_only: bool,
    /// How many messages one request may ask for; zero means any number.
    #[serde(skip_serializing_if = "is_default")]
    pub max_batch: i64,
    /// How long one request may wait; zero means for ever.
    #[serde(skip_serializing_if = "is_default")]
    pub max_expires: Nanos,
    /// How many bytes one request may ask for; zero means any number.
    #[serde(skip_serializing_if = "is_default")]
    pub max_bytes: i64,
    /// Where a push consumer delivers to; empty makes it a pull consumer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub deliver_subject: String,
    /// The queue group of those who listen there; empty means none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub deliver_group: String,
    /// How long a push consumer is silent before it says that it is alive; zero means it never says so.
    #[serde(skip_serializing_if = "is_default")]
    pub idle_heartbeat: Nanos,
    /// How long it stays while nobody uses it; zero means for ever.
    #[serde(skip_serializing_if = "is_default")]
    pub inactive_threshold: Nanos,
    /// How many servers hold a copy of its state: one; zero means as its stream.
    pub num_replicas: i64,
    /// Whether its state is kept in memory only.
    #[serde(rename = "mem_storage", skip_serializing_if = "is_default")]
    pub memory_storage: bool,
    /// Whether another stream copies through it.
    #[serde(skip_serializing_if = "is_default")]
    pub direct: bool,
    /// Whether a durable for other streams to copy through.
    #[serde(skip_serializing_if = "is_default")]
    pub sourcing: bool,
    /// Texts of the user, and those the API adds.
    #[serde(skip_serializing_if = "LiteMap::is_empty")]
    pub metadata: Metadata,
    /// Until when it delivers nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_until: Option<Time>,
    /// The groups that requests belong to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub priority_groups: Vec<String>,
    /// Which requests are served first.
    #[serde(skip_serializing_if = "is_default")]
    pub priority_policy: PriorityPolicy,
    /// How long a pinned client may be silent.
    #[serde(rename = "priority_timeout", skip_serializing_if = "is_default")]
    pub priority_timeout: Nanos,
}

impl ConsumerConfig {
    /// As responses show it; `with_version` adds what they say about the server to the metadata.
    pub fn shown(&self, with_version: bool) -> Self {
        let mut shown = self.clone();
        if with_version {
            metadata::add_version(&mut shown.metadata);
        }
        shown
    }

    /// Exactly the JSON of a response. [reference §3.5]
    pub fn to_json(&self, with_version: bool) -> String {
        json::to_string(&self.shown(with_version))
    }

    /// The same with another pause.
    #[must_use]
    pub fn paused(&self, until: Option<Time>) -> Self {
        let mut config = Self { pause_until: until, ..self.clone() };
        metadata::set_required_level(&mut config);
        config
    }

    /// Whether it delivers to a subject without being asked.
    pub fn is_push(&self) -> bool {
        !self.deliver_subject.is_empty()
    }

    /// Whether it stays while nobody uses it, unless it has a threshold.
    pub fn is_durable(&self) -> bool {
        !self.durable_name.is_empty()
    }

    /// Whether it keeps track of what was acknowledged.
    pub fn has_acks(&self) -> bool {
        self.ack_policy != AckPolicy::None
    }

    /// The filters of what it wants; none means all.
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        let one = (!self.filter_subject.is_empty()).then_some(self.filter_subject.as_str());
        one.into_iter().chain(self.filter_subjects.iter().map(String::as_str))
    }

    /// How many of a hundred acknowledgements are measured; above 100 means all. None if the text is none.
    pub fn sample_percent(&self) -> Option<u64> {
        parse::sample_percent(&self.sample_frequency).ok()
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
