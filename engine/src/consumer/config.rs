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
mod rare;
mod update;
mod write;

#[cfg(test)]
mod tests;

use std::ops::{Deref, DerefMut};

use crate::api::json;
use crate::api::time::{Nanos, Time};
use crate::stream::config::Metadata;
use crate::sync::Arc;

pub use check::{Surroundings, check_group};
pub use choices::{AckPolicy, DeliverPolicy, PriorityPolicy, ReplayPolicy};
pub use neighbours::{Neighbours, Others};
pub use parse::StoredConsumer;
pub use plan::{Action, Existing, Plan, plan};
pub(crate) use rare::Rare;
pub use rare::RareConfig;
#[cfg(test)]
pub(crate) use rare::with;

/// The configuration of a consumer. Names of fields equal async-nats's, but for what Rust's enums hold there. What few
/// consumers have are the fields of [`RareConfig`]: they are read and written as if they stood here.
///
/// In one that was checked: `max_deliver` is −1 or at least 1; `max_ack_pending` is −1, at least 1, or 0 without
/// acknowledgements; `max_waiting` is at least 1 for pull consumers; with a `backoff`, `ack_wait` is its first element;
/// no number is negative otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "they are the fields of the API")]
pub struct ConsumerConfig {
    /// The name of one that stays while nobody uses it; empty for others.
    pub durable_name: String,
    /// Its name; empty if the server chose one.
    pub name: String,
    /// Where in the stream it begins.
    pub deliver_policy: DeliverPolicy,
    /// What counts as an acknowledgement.
    pub ack_policy: AckPolicy,
    /// How long a message waits for its acknowledgement before it is delivered again.
    pub ack_wait: Nanos,
    /// How often a message is delivered; −1 means any number.
    pub max_deliver: i64,
    /// The only filter of what it wants; empty means all, or [`filter_subjects`](RareConfig::filter_subjects).
    pub filter_subject: String,
    /// How fast messages follow each other.
    pub replay_policy: ReplayPolicy,
    /// How many requests may wait at a pull consumer.
    pub max_waiting: i64,
    /// How many messages may wait for an acknowledgement; −1 means any number.
    pub max_ack_pending: i64,
    /// Whether a push consumer waits for answers of its subscriber.
    pub flow_control: bool,
    /// Whether messages come without their payload.
    pub headers_only: bool,
    /// How long it stays while nobody uses it; zero means for ever.
    pub inactive_threshold: Nanos,
    /// How many servers hold a copy of its state: one; zero means as its stream.
    pub num_replicas: i64,
    /// Whether its state is kept in memory only.
    pub memory_storage: bool,
    /// Whether another stream copies through it.
    pub direct: bool,
    /// Whether a durable for other streams to copy through.
    pub sourcing: bool,
    /// Texts of the user, and those the API adds.
    pub metadata: Metadata,
    /// Which requests are served first.
    pub priority_policy: PriorityPolicy,
    /// Everything else.
    pub(crate) rare: Rare,
}

impl Deref for ConsumerConfig {
    type Target = RareConfig;

    #[inline]
    fn deref(&self) -> &RareConfig {
        &self.rare
    }
}

impl DerefMut for ConsumerConfig {
    fn deref_mut(&mut self) -> &mut RareConfig {
        &mut self.rare
    }
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
        let mut config = self.clone();
        config.pause_until = until;
        metadata::set_required_level(&mut config);
        config
    }

    /// For those who keep it: it takes no more memory than it needs.
    pub fn into_shared(mut self) -> Arc<Self> {
        self.rare.compact();
        Arc::new(self)
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
