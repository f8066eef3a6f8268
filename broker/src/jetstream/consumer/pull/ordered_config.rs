//! The configuration of an ordered pull consumer.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::jetstream::consumer::config::{is_default, sample_frequency};
use crate::jetstream::consumer::{
    self, AckPolicy, DeliverPolicy, FromConsumer, IntoConsumerConfig, ReplayPolicy, pull,
};

/// The configuration of an ordered pull consumer: it delivers every message once and in order, and is made anew by the
/// client when something is missing.
#[derive(Debug, Default, Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct OrderedConfig {
    /// Its name; one that is not durable disappears after some time without use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
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
    /// Whether messages come without their payloads.
    #[serde(default, skip_serializing_if = "is_default")]
    pub headers_only: bool,
    /// Where in the stream it begins.
    #[serde(flatten)]
    pub deliver_policy: DeliverPolicy,
    /// How many pull requests may wait.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_waiting: i64,
    /// Whatever the program wants to keep with it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metadata: HashMap<String, String>,
    /// How many messages one pull request may ask for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_batch: i64,
    /// How many bytes one pull request may ask for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_bytes: i64,
    /// How long one pull request may wait.
    #[serde(default, with = "serde_nanos", skip_serializing_if = "is_default")]
    pub max_expires: Duration,
}

impl From<OrderedConfig> for pull::Config {
    fn from(config: OrderedConfig) -> Self {
        Self {
            name: config.name,
            description: config.description,
            filter_subject: config.filter_subject,
            filter_subjects: config.filter_subjects,
            replay_policy: config.replay_policy,
            rate_limit: config.rate_limit,
            sample_frequency: config.sample_frequency,
            headers_only: config.headers_only,
            deliver_policy: config.deliver_policy,
            max_waiting: config.max_waiting,
            metadata: config.metadata,
            max_batch: config.max_batch,
            max_bytes: config.max_bytes,
            max_expires: config.max_expires,
            max_deliver: 1,
            inactive_threshold: Duration::from_secs(30),
            num_replicas: 1,
            memory_storage: true,
            ack_policy: AckPolicy::None,
            ..Self::default()
        }
    }
}

impl IntoConsumerConfig for OrderedConfig {
    fn into_consumer_config(self) -> consumer::Config {
        pull::Config::from(self).into_consumer_config()
    }
}

impl FromConsumer for OrderedConfig {
    fn try_from_consumer_config(config: consumer::Config) -> Result<Self, Error> {
        Ok(Self {
            name: config.name,
            description: config.description,
            filter_subject: config.filter_subject,
            filter_subjects: config.filter_subjects,
            replay_policy: config.replay_policy,
            rate_limit: config.rate_limit,
            sample_frequency: config.sample_frequency,
            headers_only: config.headers_only,
            deliver_policy: config.deliver_policy,
            max_waiting: config.max_waiting,
            metadata: config.metadata,
            max_batch: config.max_batch,
            max_bytes: config.max_bytes,
            max_expires: config.max_expires,
        })
    }
}
