//! The configuration of a push consumer.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::serde::rfc3339;

use crate::Error;
use crate::datetime::DateTime;
use crate::jetstream::consumer::config::{is_default, sample_frequency};
use crate::jetstream::consumer::{self, AckPolicy, DeliverPolicy, FromConsumer, IntoConsumerConfig, ReplayPolicy};

/// The configuration of a push consumer: the broker sends to [`deliver_subject`](Self::deliver_subject) while somebody
/// listens there. Zero and nothing leave the choice to the broker: 30 s
/// for an acknowledgement (`ack_wait`), 1,000 messages that wait for theirs (`max_ack_pending`), 512 requests
/// (`max_waiting`).
#[derive(Debug, Default, Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where messages are sent.
    #[serde(default)]
    pub deliver_subject: String,
    /// The name of a consumer that stays when nobody uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable_name: Option<String>,
    /// Its name; one that is not durable disappears after some time without use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The queue group that shares the messages.
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
    /// Whether the broker waits until the subscriber has read what was sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flow_control: bool,
    /// How often it says that it is there when it has nothing to send.
    #[serde(default, with = "serde_nanos", skip_serializing_if = "is_default")]
    pub idle_heartbeat: Duration,
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
    /// After how long without use it is deleted: it is in use while somebody asks or listens, and while what was delivered
    /// may still be acknowledged in time. Zero: a durable one never, others after 5 s.
    #[serde(default, with = "serde_nanos", skip_serializing_if = "is_default")]
    pub inactive_threshold: Duration,
    /// Until when nothing is delivered.
    #[serde(default, with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub pause_until: Option<DateTime>,
}

impl IntoConsumerConfig for Config {
    fn into_consumer_config(self) -> consumer::Config {
        consumer::Config {
            deliver_subject: Some(self.deliver_subject),
            durable_name: self.durable_name,
            name: self.name,
            description: self.description,
            deliver_group: self.deliver_group,
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
            flow_control: self.flow_control,
            idle_heartbeat: self.idle_heartbeat,
            num_replicas: self.num_replicas,
            memory_storage: self.memory_storage,
            metadata: self.metadata,
            backoff: self.backoff,
            inactive_threshold: self.inactive_threshold,
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
        let Some(deliver_subject) = config.deliver_subject else { return Err(NO_DELIVER_SUBJECT.into()) };
        Ok(Self {
            deliver_subject,
            durable_name: config.durable_name,
            name: config.name,
            description: config.description,
            deliver_group: config.deliver_group,
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
            flow_control: config.flow_control,
            idle_heartbeat: config.idle_heartbeat,
            num_replicas: config.num_replicas,
            memory_storage: config.memory_storage,
            metadata: config.metadata,
            backoff: config.backoff,
            inactive_threshold: config.inactive_threshold,
            pause_until: config.pause_until,
        })
    }
}

pub(super) const NO_DELIVER_SUBJECT: &str = "a push consumer needs a deliver subject";
