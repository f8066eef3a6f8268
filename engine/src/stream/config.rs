//! What a stream is configured to be: read from requests, checked, completed with defaults, compared, written out again.
//!
//! Life of a configuration: [`from_request`](StreamConfig::from_request) takes what a client sent as it is;
//! [`check_create`](StreamConfig::check_create) or [`check_update`](StreamConfig::check_update) refuses it or makes it
//! whole; only a whole one reaches a stream. Its fields stand in the order of the API's JSON. [reference §3.2]

mod check;
mod choices;
mod ensure;
pub(crate) mod metadata;
mod parse;
mod republish;
mod stored;
pub(crate) mod subjects;
mod update;

#[cfg(test)]
mod tests;

use litemap::LiteMap;
use serde::Serialize;

use crate::api::json;
use crate::api::time::{Nanos, Time};

pub use choices::{Compression, Discard, PersistMode, Retention, StorageType};
pub use metadata::Metadata;
pub use republish::republish_cycle;
pub use stored::StoredStream;

/// The configuration of a stream. Names of fields equal async-nats's. In one that was checked −1 says unlimited.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(clippy::struct_excessive_bools, reason = "they are the fields of the API")]
pub struct StreamConfig {
    /// The stream's name: no white space, separators or wildcards.
    pub name: String,
    /// A text for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The filters of what it stores; none means the stream's name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// When messages leave it.
    pub retention: Retention,
    /// How many consumers it may have.
    pub max_consumers: i64,
    /// How many messages it holds.
    #[serde(rename = "max_msgs")]
    pub max_messages: i64,
    /// How many bytes it holds, counted as the reference server does.
    pub max_bytes: i64,
    /// How long it holds a message; zero means for ever.
    pub max_age: Nanos,
    /// How many messages it holds of one subject.
    #[serde(rename = "max_msgs_per_subject")]
    pub max_messages_per_subject: i64,
    /// How many bytes the headers and payload of a message may have.
    #[serde(rename = "max_msg_size")]
    pub max_message_size: i32,
    /// What makes room when a limit is reached.
    pub discard: Discard,
    /// Where messages are kept.
    pub storage: StorageType,
    /// How many servers hold a copy: one.
    pub num_replicas: i64,
    /// Whether publishers get no acknowledgement.
    #[serde(skip_serializing_if = "is_default")]
    pub no_ack: bool,
    /// How long a `Nats-Msg-Id` is remembered; zero means not at all.
    #[serde(skip_serializing_if = "is_default")]
    pub duplicate_window: Nanos,
    /// Where in a cluster it should live: kept, without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Box<Placement>>,
    /// The stream it copies. Not supported yet: refused by the checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Box<Source>>,
    /// The streams it collects from. Not supported yet: refused by the checks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Option<Source>>,
    /// How closed segments are compressed.
    pub compression: Compression,
    /// The sequence of its first message; zero means one.
    #[serde(rename = "first_seq", skip_serializing_if = "is_default")]
    pub first_sequence: u64,
    /// How the subject of a message is changed before it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_transform: Option<Transform>,
    /// Where copies of stored messages are published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub republish: Option<Republish>,
    /// Whether direct gets are answered.
    pub allow_direct: bool,
    /// Whether a mirror answers direct gets of its origin.
    pub mirror_direct: bool,
    /// Whether `max_messages_per_subject` refuses new messages too; needs [`Discard::New`].
    #[serde(skip_serializing_if = "is_default")]
    pub discard_new_per_subject: bool,
    /// Whether nothing can be changed any more.
    pub sealed: bool,
    /// Whether messages can not be deleted through the API.
    pub deny_delete: bool,
    /// Whether it can not be purged through the API.
    pub deny_purge: bool,
    /// Whether `Nats-Rollup` is obeyed.
    #[serde(rename = "allow_rollup_hdrs")]
    pub allow_rollup: bool,
    /// What its consumers may ask for.
    pub consumer_limits: ConsumerLimits,
    /// Whether `Nats-TTL` is obeyed.
    #[serde(rename = "allow_msg_ttl")]
    pub allow_message_ttl: bool,
    /// How long a marker stays that says a subject's last message expired; zero means no markers.
    #[serde(skip_serializing_if = "is_default")]
    pub subject_delete_marker_ttl: Nanos,
    /// Whether it counts. Not supported yet: refused by the checks.
    #[serde(rename = "allow_msg_counter", skip_serializing_if = "is_default")]
    pub allow_message_counter: bool,
    /// Whether batches are stored whole or not at all. Not supported yet: refused by the checks.
    #[serde(rename = "allow_atomic", skip_serializing_if = "is_default")]
    pub allow_atomic_publish: bool,
    /// Whether messages can be scheduled. Not supported yet: refused by the checks.
    #[serde(rename = "allow_msg_schedules", skip_serializing_if = "is_default")]
    pub allow_message_schedules: bool,
    /// Whether an acknowledgement waits for the disk.
    #[serde(skip_serializing_if = "is_default")]
    pub persist_mode: PersistMode,
    /// Whether fast batches are taken. Not supported yet: refused by the checks.
    #[serde(rename = "allow_batched", skip_serializing_if = "is_default")]
    pub allow_batch_publish: bool,
    /// Texts of the user, and those the API adds.
    #[serde(skip_serializing_if = "LiteMap::is_empty")]
    pub metadata: Metadata,
}

/// Where in a cluster a stream should live.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Placement {
    /// The name of the cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// What its servers must be tagged with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The server that should lead; never accepted from a client.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub preferred: String,
}

/// A stream to copy from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// The first sequence to copy.
    #[serde(rename = "opt_start_seq", skip_serializing_if = "is_default")]
    pub start_sequence: u64,
    /// The time of the first message to copy.
    #[serde(rename = "opt_start_time", skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// Which subjects to copy.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter_subject: String,
    /// Which subjects to copy, and under what names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subject_transforms: Vec<Transform>,
    /// Where it is, if not in this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// The consumer to copy through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<SourceConsumer>,
}

/// A stream of another account or domain.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct External {
    /// What its API's subjects begin with.
    #[serde(rename = "api")]
    pub api_prefix: String,
    /// What the subjects of its deliveries begin with.
    #[serde(rename = "deliver")]
    pub delivery_prefix: String,
}

/// A consumer made beforehand to copy through.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SourceConsumer {
    /// Its name.
    pub name: String,
    /// Where it delivers.
    pub deliver_subject: String,
}

/// From which subjects to which.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Transform {
    /// The filter of what is changed; empty means all.
    #[serde(rename = "src")]
    pub source: String,
    /// What it becomes.
    #[serde(rename = "dest")]
    pub destination: String,
}

/// Where copies of stored messages go.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Republish {
    /// The filter of what is copied; empty means all.
    #[serde(rename = "src", skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The copies' subject.
    #[serde(rename = "dest")]
    pub destination: String,
    /// Whether copies have no payload.
    #[serde(skip_serializing_if = "is_default")]
    pub headers_only: bool,
}

/// The most that consumers of a stream may ask for; zero means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ConsumerLimits {
    /// How long a consumer may be unused.
    #[serde(skip_serializing_if = "is_default")]
    pub inactive_threshold: Nanos,
    /// How many messages may wait for an acknowledgement.
    #[serde(skip_serializing_if = "is_default")]
    pub max_ack_pending: i64,
}

impl ConsumerLimits {
    /// Whether a consumer may be configured so.
    pub(crate) fn allow(&self, inactive_threshold: Nanos, max_ack_pending: i64) -> bool {
        (self.inactive_threshold.is_zero() || inactive_threshold <= self.inactive_threshold)
            && (self.max_ack_pending <= 0 || max_ack_pending <= self.max_ack_pending)
    }
}

/// What the account and the server allow the configuration of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamLimits {
    /// The most consumers a stream may have; −1 means any number.
    pub max_consumers: i64,
    /// The most consumers' `max_ack_pending` may be; −1 or 0 means any number.
    pub max_ack_pending: i64,
    /// The longest `duplicate_window`, and the default one if it is shorter than two minutes; zero means any.
    pub max_duplicate_window: Nanos,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self { max_consumers: -1, max_ack_pending: -1, max_duplicate_window: Nanos::ZERO }
    }
}

impl StreamConfig {
    /// As responses show it; `with_version` adds what they say about the server to the metadata. Write it with
    /// [`to_json`](Self::to_json), or with the escapes of the API as a part of a response.
    pub fn shown(&self, with_version: bool) -> Self {
        let mut shown = self.clone();
        if with_version {
            metadata::add_version(&mut shown.metadata);
        }
        shown
    }

    /// Exactly the JSON of a response. [reference §3.3]
    pub fn to_json(&self, with_version: bool) -> String {
        json::to_string(&self.shown(with_version))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
