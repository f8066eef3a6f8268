//! What a stream is configured to be, field by field as in async-nats.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use time::serde::rfc3339;

use crate::datetime::DateTime;

/// The configuration of a stream. Zero and nothing leave the choice to the broker; without subjects, a stream stores
/// messages on its name.
///
/// ```
/// use std::time::Duration;
/// use embus::jetstream::stream::{Config, DiscardPolicy};
///
/// let config = Config {
///     name: "ORDERS".into(),
///     subjects: vec!["orders.>".into()],
///     max_bytes: 1 << 30,
///     max_age: Duration::from_secs(7 * 24 * 3600),
///     discard: DiscardPolicy::New,
///     ..Default::default()
/// };
/// ```
#[derive(Debug, Default, Serialize, Deserialize, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the fields of the API")]
pub struct Config {
    /// The stream's name: no dots, white space, wildcards or slashes.
    pub name: String,
    /// How many bytes it holds.
    #[serde(default)]
    pub max_bytes: i64,
    /// How many messages it holds.
    #[serde(default, rename = "max_msgs")]
    pub max_messages: i64,
    /// How many messages it holds of one subject.
    #[serde(default, rename = "max_msgs_per_subject")]
    pub max_messages_per_subject: i64,
    /// What makes room when a limit is reached.
    pub discard: DiscardPolicy,
    /// Whether `max_messages_per_subject` refuses new messages too; needs [`DiscardPolicy::New`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub discard_new_per_subject: bool,
    /// The filters of what it stores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// When messages leave it.
    pub retention: RetentionPolicy,
    /// How many consumers it may have.
    #[serde(default)]
    pub max_consumers: i32,
    /// How long it holds a message.
    #[serde(default, with = "serde_nanos")]
    pub max_age: Duration,
    /// How many bytes the headers and payload of a message may have.
    #[serde(default, skip_serializing_if = "is_default", rename = "max_msg_size")]
    pub max_message_size: i32,
    /// Where messages are kept.
    pub storage: StorageType,
    /// How many servers hold a copy: one.
    pub num_replicas: usize,
    /// Whether publishers over the wire get no acknowledgement.
    #[serde(default, skip_serializing_if = "is_default")]
    pub no_ack: bool,
    /// How long a `Nats-Msg-Id` is remembered; two minutes by default, or `max_age` if that is shorter.
    #[serde(default, skip_serializing_if = "is_default", with = "serde_nanos")]
    pub duplicate_window: Duration,
    /// Templates are gone from the API: refused unless it is empty.
    #[serde(default, skip_serializing_if = "is_default")]
    pub template_owner: String,
    /// Whether nothing can be changed any more.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sealed: bool,
    /// A text for people.
    #[serde(default, skip_serializing_if = "is_default")]
    pub description: Option<String>,
    /// Whether `Nats-Rollup` is obeyed.
    #[serde(default, rename = "allow_rollup_hdrs", skip_serializing_if = "is_default")]
    pub allow_rollup: bool,
    /// Whether messages can not be deleted through the API.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deny_delete: bool,
    /// Whether it can not be purged through the API.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deny_purge: bool,
    /// Where copies of stored messages are published.
    #[serde(default, skip_serializing_if = "is_default")]
    pub republish: Option<Republish>,
    /// Whether direct gets are answered.
    #[serde(default, skip_serializing_if = "is_default")]
    pub allow_direct: bool,
    /// Whether a mirror answers direct gets of its origin.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mirror_direct: bool,
    /// The stream it copies. Not supported yet: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Source>,
    /// The streams it collects from. Not supported yet: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<Source>>,
    /// Texts of the user; the broker adds some that begin with `_nats.`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metadata: HashMap<String, String>,
    /// How the subject of a message is changed before it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_transform: Option<SubjectTransform>,
    /// How what is not written to any more is compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// What its consumers may ask for.
    #[serde(default, deserialize_with = "default_as_none")]
    pub consumer_limits: Option<ConsumerLimits>,
    /// The sequence of its first message.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "first_seq")]
    pub first_sequence: Option<u64>,
    /// Where in a cluster it should live: kept, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Whether an acknowledgement waits for the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persist_mode: Option<PersistenceMode>,
    /// Streams can not be paused: refused unless there is none.
    #[serde(default, with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub pause_until: Option<DateTime>,
    /// Whether `Nats-TTL` is obeyed.
    #[serde(default, skip_serializing_if = "is_default", rename = "allow_msg_ttl")]
    pub allow_message_ttl: bool,
    /// How long a marker stays that says a subject's last message expired; none means no markers.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serde_nanos")]
    pub subject_delete_marker_ttl: Option<Duration>,
    /// Whether batches are stored whole or not at all. Not supported yet: refused.
    #[serde(default, skip_serializing_if = "is_default", rename = "allow_atomic")]
    pub allow_atomic_publish: bool,
    /// Whether messages can be scheduled. Not supported yet: refused.
    #[serde(default, skip_serializing_if = "is_default", rename = "allow_msg_schedules")]
    pub allow_message_schedules: bool,
    /// Whether it counts. Not supported yet: refused.
    #[serde(default, skip_serializing_if = "is_default", rename = "allow_msg_counter")]
    pub allow_message_counter: bool,
    /// Whether fast batches are taken. Not supported yet: refused.
    #[serde(default, skip_serializing_if = "is_default", rename = "allow_batched")]
    pub allow_batch_publish: bool,
}

impl From<&Config> for Config {
    fn from(config: &Config) -> Self {
        config.clone()
    }
}

impl From<&str> for Config {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// What makes room when a limit is reached.
#[derive(Default, Debug, Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DiscardPolicy {
    /// The oldest messages go.
    #[default]
    #[serde(rename = "old")]
    Old = 0,
    /// New messages are refused.
    #[serde(rename = "new")]
    New = 1,
}

/// When messages leave a stream, besides its limits.
#[derive(Default, Debug, Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum RetentionPolicy {
    /// Only by the limits.
    #[default]
    #[serde(rename = "limits")]
    Limits = 0,
    /// When all consumers are done with them.
    #[serde(rename = "interest")]
    Interest = 1,
    /// When one consumer is done with them.
    #[serde(rename = "workqueue")]
    WorkQueue = 2,
}

/// Where messages are kept.
#[derive(Default, Debug, Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum StorageType {
    /// On the disk; in memory if the broker has no directory.
    #[default]
    #[serde(rename = "file")]
    File = 0,
    /// In memory.
    #[serde(rename = "memory")]
    Memory = 1,
}

/// Whether an acknowledgement waits for the disk.
#[derive(Default, Debug, Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PersistenceMode {
    /// As the broker is set up: see [`Builder::sync`](crate::Builder::sync).
    #[default]
    #[serde(rename = "default")]
    Default = 0,
    /// It does not.
    #[serde(rename = "async")]
    Async = 1,
}

/// How what is not written to any more is compressed.
#[derive(Serialize, Deserialize, Debug, Clone, Eq, PartialEq)]
pub enum Compression {
    /// With S2.
    #[serde(rename = "s2")]
    S2,
    /// Not at all.
    #[serde(rename = "none")]
    None,
}

/// The most that consumers of a stream may ask for.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Default)]
pub struct ConsumerLimits {
    /// How long a consumer may be unused.
    #[serde(default, with = "serde_nanos")]
    pub inactive_threshold: Duration,
    /// How many messages may wait for an acknowledgement.
    #[serde(default)]
    pub max_ack_pending: i64,
}

/// From which subjects to which.
#[derive(Serialize, Deserialize, Debug, Clone, Eq, PartialEq)]
pub struct SubjectTransform {
    /// The filter of what is changed.
    #[serde(rename = "src")]
    pub source: String,
    /// What it becomes.
    #[serde(rename = "dest")]
    pub destination: String,
}

/// Where copies of stored messages go.
#[derive(Serialize, Deserialize, Debug, Clone, Eq, PartialEq)]
pub struct Republish {
    /// The filter of what is copied.
    #[serde(rename = "src")]
    pub source: String,
    /// The copies' subject.
    #[serde(rename = "dest")]
    pub destination: String,
    /// Whether copies have no payload.
    #[serde(default)]
    pub headers_only: bool,
}

/// Where in a cluster a stream should live.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Placement {
    /// The name of the cluster.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cluster: Option<String>,
    /// What its servers must be tagged with.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tags: Vec<String>,
}

/// A stream to copy from.
#[derive(Clone, Debug, Serialize, Deserialize, Eq, PartialEq, Default)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// The first sequence to copy.
    #[serde(default, rename = "opt_start_seq", skip_serializing_if = "is_default")]
    pub start_sequence: Option<u64>,
    /// The time of the first message to copy.
    #[serde(default, rename = "opt_start_time", skip_serializing_if = "is_default", with = "rfc3339::option")]
    pub start_time: Option<DateTime>,
    /// Which subjects to copy.
    #[serde(default, skip_serializing_if = "is_default")]
    pub filter_subject: Option<String>,
    /// Where it is, if not in this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// The domain it is in; short for an external prefix.
    #[serde(default, skip_serializing_if = "is_default")]
    pub domain: Option<String>,
    /// Which subjects to copy, and under what names.
    #[serde(default, skip_serializing_if = "is_default")]
    pub subject_transforms: Vec<SubjectTransform>,
    /// The consumer to copy through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<StreamConsumerSource>,
}

/// A consumer made beforehand to copy through.
#[derive(Clone, Debug, Serialize, Deserialize, Eq, PartialEq, Default)]
pub struct StreamConsumerSource {
    /// Its name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: String,
    /// Where it delivers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deliver_subject: String,
}

impl StreamConsumerSource {
    /// A consumer of this name that delivers there.
    pub fn new(name: impl Into<String>, deliver_subject: impl Into<String>) -> Self {
        Self { name: name.into(), deliver_subject: deliver_subject.into() }
    }
}

/// A stream of another account or domain.
#[derive(Clone, Debug, Serialize, Deserialize, Eq, PartialEq, Default)]
pub struct External {
    /// What its API's subjects begin with.
    #[serde(rename = "api")]
    pub api_prefix: String,
    /// What the subjects of its deliveries begin with.
    #[serde(rename = "deliver", skip_serializing_if = "is_default")]
    pub delivery_prefix: Option<String>,
}

fn default_as_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ConsumerLimits>, D::Error> {
    let limits = Option::<ConsumerLimits>::deserialize(deserializer)?;
    Ok(limits.filter(|limits| *limits != ConsumerLimits::default()))
}

fn is_default<T: Default + Eq>(value: &T) -> bool {
    *value == T::default()
}
