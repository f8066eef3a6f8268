//! What a consumer is configured to be, field by field as in async-nats.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::serde::rfc3339;

use crate::Error;
use crate::datetime::DateTime;

/// The configuration of any consumer. Zero and nothing leave the choice to the broker: 30 s
/// for an acknowledgement (`ack_wait`), 1,000 messages that wait for theirs (`max_ack_pending`), 512 requests
/// (`max_waiting`). Most programs use
/// [`pull::Config`](super::pull::Config) or [`push::Config`](super::push::Config), which have the fields that make sense
/// there. [ADR-13, ADR-42]
#[derive(Debug, Default, Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where messages are sent without being asked for; nothing for a pull consumer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver_subject: Option<String>,
    /// The name of a consumer that stays when nobody uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable_name: Option<String>,
    /// Its name; one that is not durable disappears after [`inactive_threshold`](Self::inactive_threshold).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The queue group that shares the messages of `deliver_subject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver_group: Option<String>,
    /// Where in the stream it begins.
    #[serde(flatten)]
    pub deliver_policy: DeliverPolicy,
    /// Which messages have to be acknowledged.
    #[serde(default)]
    pub ack_policy: AckPolicy,
    /// How long an acknowledgement is waited for before the message is delivered again.
    #[serde(default, with = "serde_nanos", skip_serializing_if = "is_default")]
    pub ack_wait: Duration,
    /// How often a message is delivered at most; -1 for any number of times.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_deliver: i64,
    /// Which subjects it wants; all of them if empty.
    #[serde(default, skip_serializing_if = "is_default")]
    pub filter_subject: String,
    /// The same with several filters, which must not overlap.
    #[serde(default, skip_serializing_if = "is_default")]
    pub filter_subjects: Vec<String>,
    /// How fast stored messages are delivered.
    #[serde(default)]
    pub replay_policy: ReplayPolicy,
    /// Bits per second that a push consumer sends at most.
    #[serde(rename = "rate_limit_bps", default, skip_serializing_if = "is_default")]
    pub rate_limit: u64,
    /// Of how many acknowledgements in a hundred a metric is published.
    #[serde(rename = "sample_freq", with = "sample_frequency", default, skip_serializing_if = "is_default")]
    pub sample_frequency: u8,
    /// How many pull requests may wait.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_waiting: i64,
    /// How many messages may wait for their acknowledgement before no more are delivered.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_ack_pending: i64,
    /// Whether messages come without their payloads.
    #[serde(default, skip_serializing_if = "is_default")]
    pub headers_only: bool,
    /// Whether the broker waits until the subscriber has read what was sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flow_control: bool,
    /// How often a push consumer says that it is there when it has nothing to send.
    #[serde(default, with = "serde_nanos", skip_serializing_if = "is_default")]
    pub idle_heartbeat: Duration,
    /// How many messages one pull request may ask for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_batch: i64,
    /// How many bytes one pull request may ask for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_bytes: i64,
    /// How long one pull request may wait.
    #[serde(default, with = "serde_nanos", skip_serializing_if = "is_default")]
    pub max_expires: Duration,
    /// After how long without use it is deleted: it is in use while somebody asks or listens, and while what was delivered
    /// may still be acknowledged in time. Zero: a durable one never, others after 5 s.
    #[serde(default, with = "serde_nanos", skip_serializing_if = "is_default")]
    pub inactive_threshold: Duration,
    /// How many servers hold its state: 0 or 1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub num_replicas: usize,
    /// Whether its state is kept in memory only; it is gone after a restart then.
    #[serde(default, skip_serializing_if = "is_default", rename = "mem_storage")]
    pub memory_storage: bool,
    /// Whatever the program wants to keep with it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metadata: HashMap<String, String>,
    /// How long an acknowledgement is waited for after the first, second… delivery, instead of `ack_wait`.
    #[serde(default, skip_serializing_if = "is_default", with = "serde_nanos")]
    pub backoff: Vec<Duration>,
    /// How pull requests are chosen among.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority_policy: PriorityPolicy,
    /// The names of the groups that pull requests belong to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority_groups: Vec<String>,
    /// How long a client stays pinned without asking for messages.
    #[serde(default, with = "serde_nanos", skip_serializing_if = "is_default")]
    pub priority_timeout: Duration,
    /// Until when nothing is delivered.
    #[serde(default, with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub pause_until: Option<DateTime>,
}

/// Where in the stream a consumer begins.
#[derive(Default, Debug, Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(tag = "deliver_policy")]
#[repr(u8)]
pub enum DeliverPolicy {
    /// With the first message that there is.
    #[default]
    #[serde(rename = "all")]
    All,
    /// With the last one that it wants.
    #[serde(rename = "last")]
    Last,
    /// With the next one to be stored.
    #[serde(rename = "new")]
    New,
    /// With this sequence.
    #[serde(rename = "by_start_sequence")]
    ByStartSequence {
        /// The sequence.
        #[serde(rename = "opt_start_seq")]
        start_sequence: u64,
    },
    /// With the first message stored at this time or later.
    #[serde(rename = "by_start_time")]
    ByStartTime {
        /// The time.
        #[serde(rename = "opt_start_time", with = "rfc3339")]
        start_time: DateTime,
    },
    /// With the last message of each subject that it wants.
    #[serde(rename = "last_per_subject")]
    LastPerSubject,
}

/// Which messages have to be acknowledged.
#[derive(Default, Debug, Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum AckPolicy {
    /// Each one.
    #[default]
    #[serde(rename = "explicit")]
    Explicit = 2,
    /// None.
    #[serde(rename = "none")]
    None = 0,
    /// Acknowledging one acknowledges all before it.
    #[serde(rename = "all")]
    All = 1,
    /// As `All`, by answers to flow control; for servers that copy streams: an answer has to tell what has
    /// arrived.
    #[serde(rename = "flow_control")]
    FlowControl = 3,
}

/// How fast stored messages are delivered.
#[derive(Default, Debug, Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ReplayPolicy {
    /// As fast as they are read.
    #[default]
    #[serde(rename = "instant")]
    Instant = 0,
    /// As far apart as they were stored.
    #[serde(rename = "original")]
    Original = 1,
}

/// How pull requests of several clients are chosen among. [ADR-42]
#[derive(Default, Debug, Serialize, Deserialize, Clone, PartialEq, Eq)]
pub enum PriorityPolicy {
    /// Requests may say from how many waiting messages on they are served.
    #[serde(rename = "overflow")]
    Overflow,
    /// One client gets everything until it no longer asks.
    #[serde(rename = "pinned_client")]
    PinnedClient,
    /// Requests have a number; the lowest is served first.
    #[serde(rename = "prioritized")]
    Prioritized,
    /// In turns.
    #[serde(rename = "none")]
    #[default]
    None,
}

/// What makes a consumer's configuration.
pub trait IntoConsumerConfig {
    /// The configuration with all fields.
    fn into_consumer_config(self) -> Config;
}

/// What can be made of a consumer's configuration, if that is of the right kind.
pub trait FromConsumer {
    /// The fields of the right kind.
    ///
    /// # Errors
    /// The consumer is of another kind: push instead of pull, or the other way round.
    fn try_from_consumer_config(config: Config) -> Result<Self, Error>
    where
        Self: Sized;
}

impl From<&Config> for Config {
    fn from(config: &Config) -> Self {
        config.clone()
    }
}

impl From<&str> for Config {
    /// A durable consumer of this name.
    fn from(name: &str) -> Self {
        Self { durable_name: Some(name.to_owned()), ..Self::default() }
    }
}

impl IntoConsumerConfig for Config {
    fn into_consumer_config(self) -> Config {
        self
    }
}

impl IntoConsumerConfig for &Config {
    fn into_consumer_config(self) -> Config {
        self.clone()
    }
}

impl FromConsumer for Config {
    fn try_from_consumer_config(config: Config) -> Result<Self, Error> {
        Ok(config)
    }
}

pub(super) fn is_default<T: Default + Eq>(value: &T) -> bool {
    *value == T::default()
}

/// A number of percent as text, with the sign or without.
pub(super) mod sample_frequency {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::{Display, FromStr};

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        text.strip_suffix('%').unwrap_or(&text).parse().map_err(de::Error::custom)
    }

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }
}
