//! The configuration of a pull consumer.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::serde::rfc3339;

use crate::Error;
use crate::datetime::DateTime;
use crate::jetstream::consumer::config::{is_default, sample_frequency};
use crate::jetstream::consumer::{
    self, AckPolicy, DeliverPolicy, FromConsumer, IntoConsumerConfig, PriorityPolicy, ReplayPolicy,
};

/// The configuration of a pull consumer: clients ask for messages, as many as they can take. Zero and nothing leave the
/// choice to the broker.
///
/// ```
/// use std::time::Duration;
/// use embus::jetstream::consumer::pull::Config;
///
/// let workers = Config {
///     durable_name: Some("workers".into()),
///     ack_wait: Duration::from_secs(5),
///     max_deliver: 3,
///     ..Default::default()
/// };
/// ```
#[derive(Debug, Default, Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Config {
    /// The name of a consumer that stays when nobody uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable_name: Option<String>,
    /// Its name; one that is not durable disappears after some time without use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
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
    /// Bits per second that it sends at most; for push consumers only.
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
    #[serde(rename = "mem_storage", default, skip_serializing_if = "is_default")]
    pub memory_storage: bool,
    /// Whatever the program wants to keep with it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metadata: HashMap<String, String>,
    /// How long an acknowledgement is waited for after the first, second… delivery, instead of `ack_wait`.
    #[serde(default, with = "serde_nanos", skip_serializing_if = "is_default")]
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

impl IntoConsumerConfig for Config {
    fn into_consumer_config(self) -> consumer::Config {
        consumer::Config {
            durable_name: self.durable_name,
            name: self.name,
            description: self.description,
            deliver_policy: self.deliver_policy,
            ack_policy: self.ack_policy,
            ack_wait: self.ack_wait,
            max_deliver: self.max_deliver,
            filter_subject: self.filter_subject,
            filter_subjects: self.filter_subjects,
            replay_policy: self.replay_policy,
            rate_limit: self.rate_limit,
            sample_frequency: self.sample_frequency,
            max_waiting: self.max_waiting,
            max_ack_pending: self.max_ack_pending,
            headers_only: self.headers_only,
            max_batch: self.max_batch,
            max_bytes: self.max_bytes,
            max_expires: self.max_expires,
            inactive_threshold: self.inactive_threshold,
            num_replicas: self.num_replicas,
            memory_storage: self.memory_storage,
            metadata: self.metadata,
            backoff: self.backoff,
            priority_policy: self.priority_policy,
            priority_groups: self.priority_groups,
            priority_timeout: self.priority_timeout,
            pause_until: self.pause_until,
            ..consumer::Config::default()
        }
    }
}

impl IntoConsumerConfig for &Config {
    fn into_consumer_config(self) -> consumer::Config {
        self.clone().into_consumer_config()
    }
}

impl FromConsumer for Config {
    fn try_from_consumer_config(config: consumer::Config) -> Result<Self, Error> {
        if config.deliver_subject.is_some() {
            return Err(HAS_DELIVER_SUBJECT.into());
        }
        Ok(Self {
            durable_name: config.durable_name,
            name: config.name,
            description: config.description,
            deliver_policy: config.deliver_policy,
            ack_policy: config.ack_policy,
            ack_wait: config.ack_wait,
            max_deliver: config.max_deliver,
            filter_subject: config.filter_subject,
            filter_subjects: config.filter_subjects,
            replay_policy: config.replay_policy,
            rate_limit: config.rate_limit,
            sample_frequency: config.sample_frequency,
            max_waiting: config.max_waiting,
            max_ack_pending: config.max_ack_pending,
            headers_only: config.headers_only,
            max_batch: config.max_batch,
            max_bytes: config.max_bytes,
            max_expires: config.max_expires,
            inactive_threshold: config.inactive_threshold,
            num_replicas: config.num_replicas,
            memory_storage: config.memory_storage,
            metadata: config.metadata,
            backoff: config.backoff,
            priority_policy: config.priority_policy,
            priority_groups: config.priority_groups,
            priority_timeout: config.priority_timeout,
            pause_until: config.pause_until,
        })
    }
}

const HAS_DELIVER_SUBJECT: &str = "a pull consumer has no deliver subject";
