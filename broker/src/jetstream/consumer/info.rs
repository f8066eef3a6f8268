//! What is known of a consumer at one moment.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use time::serde::rfc3339;

use super::config::Config;
use crate::datetime::{DateTime, parse_rfc3339};
use crate::jetstream::stream::ClusterInfo;

/// What is known of a consumer: its configuration, completed by the broker, and how far it has come.
#[derive(Debug, Deserialize, Clone, PartialEq, Eq)]
pub struct Info {
    /// The stream that it reads.
    pub stream_name: String,
    /// Its name.
    pub name: String,
    /// When it was created.
    #[serde(with = "rfc3339")]
    pub created: DateTime,
    /// How it is configured.
    pub config: Config,
    /// The last message that was delivered.
    pub delivered: SequenceInfo,
    /// The last message up to which all are acknowledged.
    pub ack_floor: SequenceInfo,
    /// How many messages wait for their acknowledgement.
    pub num_ack_pending: usize,
    /// How many of those were delivered more than once.
    pub num_redelivered: usize,
    /// How many pull requests wait for messages.
    pub num_waiting: usize,
    /// How many messages are still to be delivered.
    pub num_pending: u64,
    /// Who leads it; nobody has to be asked here.
    pub cluster: Option<ClusterInfo>,
    /// Whether somebody listens on the deliver subject.
    #[serde(default)]
    pub push_bound: bool,
    /// Whether it is paused.
    #[serde(default)]
    pub paused: bool,
    /// For how long it still is.
    #[serde(default, with = "serde_nanos")]
    pub pause_remaining: Option<Duration>,
    /// Its priority groups, and which client is pinned in each.
    #[serde(default)]
    pub priority_groups: Vec<PriorityGroupState>,
}

/// One priority group of a consumer.
#[derive(Debug, Deserialize, Clone, PartialEq, Eq)]
pub struct PriorityGroupState {
    /// Its name.
    pub group: String,
    /// The id of the client that gets the messages, if one is pinned.
    pub pinned_client_id: Option<String>,
    /// Since when.
    #[serde(default, deserialize_with = "year_one_as_none")]
    pub pinned_ts: Option<DateTime>,
}

/// A message as the consumer and as the stream numbers it.
#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
pub struct SequenceInfo {
    /// Among the deliveries of the consumer, redeliveries included.
    #[serde(rename = "consumer_seq")]
    pub consumer_sequence: u64,
    /// Its sequence in the stream.
    #[serde(rename = "stream_seq")]
    pub stream_sequence: u64,
    /// When that was.
    #[serde(default, with = "rfc3339::option")]
    pub last_active: Option<DateTime>,
}

/// In Go a time that is not set is the start of the year 1.
fn year_one_as_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let text = text.filter(|text| text != "0001-01-01T00:00:00Z");
    text.map(|text| parse_rfc3339(&text).map_err(de::Error::custom)).transpose()
}
