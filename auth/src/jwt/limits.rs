//! What an account may have, as its JWT says it: a number below 0 is no bound.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What the operator lets an account have. What is left out is 0, which most often is none at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AccountLimits {
    /// Subscriptions of one client.
    pub subs: i64,
    /// Bytes of one message.
    pub payload: i64,
    /// Bytes; counted by nobody. [nats-server: not read either]
    pub data: i64,
    /// Imports.
    pub imports: i64,
    /// Exports.
    pub exports: i64,
    /// Whether exports may have wildcards, if their number is bounded.
    pub wildcards: bool,
    /// Whether users may not be bearer tokens.
    pub disallow_bearer: bool,
    /// Connections at once.
    pub conn: i64,
    /// Leaf nodes at once, of which there are none.
    pub leaf: i64,
    /// Streams, whatever their number of replicas.
    #[serde(flatten)]
    pub streams: StreamLimits,
    /// The same by numbers of replicas, `R1` and so on, in place of `streams`.
    pub tiered_limits: BTreeMap<String, StreamLimits>,
}

/// What streams of an account may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StreamLimits {
    /// Bytes of all streams in memory.
    pub mem_storage: i64,
    /// Bytes of all streams on disk.
    pub disk_storage: i64,
    /// How many streams; 0 is no bound.
    pub streams: i64,
    /// How many consumers each may have; 0 is no bound.
    pub consumer: i64,
    /// Unacknowledged messages of each consumer; 0 is no bound.
    pub max_ack_pending: i64,
    /// `max_bytes` of one stream in memory; 0 is no bound.
    pub mem_max_stream_bytes: i64,
    /// `max_bytes` of one stream on disk; 0 is no bound.
    pub disk_max_stream_bytes: i64,
    /// Whether every stream must say how much it may hold.
    pub max_bytes_required: bool,
}

/// The tier of streams with one replica, which are the only ones here.
const TIER: &str = "R1";

impl AccountLimits {
    /// What streams may have; nothing when the account has none.
    pub fn jetstream(&self) -> Option<&StreamLimits> {
        let limits = if self.tiered_limits.is_empty() { &self.streams } else { self.tiered_limits.get(TIER)? };
        (limits.mem_storage != 0 || limits.disk_storage != 0).then_some(limits)
    }
}
