//! What the account uses and may use.

use std::collections::HashMap;

use embus_engine::engine::API_LEVEL;
use embus_engine::jetstream::{AccountInfo, AccountLimits};
use serde::{Deserialize, Deserializer, Serialize};

/// What the account may use.
#[derive(Debug, Default, Deserialize, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all streams in memory.
    #[serde(deserialize_with = "negative_as_none")]
    pub max_memory: Option<i64>,
    /// Bytes of all file streams.
    #[serde(deserialize_with = "negative_as_none")]
    pub max_storage: Option<i64>,
    /// How many streams.
    #[serde(deserialize_with = "negative_as_none")]
    pub max_streams: Option<i64>,
    /// How many consumers each stream may have.
    #[serde(deserialize_with = "negative_as_none")]
    pub max_consumers: Option<i64>,
    /// Whether every stream must say how many bytes it may hold.
    pub max_bytes_required: bool,
    /// Unacknowledged messages that each consumer may have; −1 means any number.
    pub max_ack_pending: i64,
    /// `max_bytes` of each stream in memory.
    #[serde(deserialize_with = "negative_as_none")]
    pub memory_max_stream_bytes: Option<i64>,
    /// `max_bytes` of each file stream; −1 means any number.
    pub storage_max_stream_bytes: Option<i64>,
}

/// Requests to the API over the wire, and what the API can do.
#[derive(Debug, Default, Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
pub struct Requests {
    /// Requests so far, those that failed among them.
    pub total: u64,
    /// Requests that failed.
    pub errors: u64,
    /// The level of the API; clients gate features on it.
    #[serde(default)]
    pub level: usize,
    /// Requests that are not answered yet.
    #[serde(default)]
    pub inflight: u64,
}

/// What one tier of replication uses; there are none in one broker.
#[derive(Debug, Default, Deserialize, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Bytes in memory.
    pub memory: u64,
    /// Bytes in files.
    pub storage: u64,
    /// Bytes in memory that streams keep for themselves.
    pub reserved_memory: u64,
    /// Bytes in files that streams keep for themselves.
    pub reserved_storage: u64,
    /// How many streams.
    pub streams: usize,
    /// How many consumers.
    pub consumers: usize,
    /// What it may use.
    pub limits: Limits,
}

/// What the account uses and may use; see [`Context::query_account`](super::Context::query_account).
#[derive(Debug, Default, Deserialize, Clone, PartialEq, Eq)]
pub struct Account {
    /// Bytes of all streams in memory.
    pub memory: u64,
    /// Bytes of all file streams.
    pub storage: u64,
    /// What streams in memory keep for themselves by their `max_bytes`.
    pub reserved_memory: u64,
    /// What file streams keep for themselves by their `max_bytes`.
    pub reserved_storage: u64,
    /// How many streams.
    pub streams: usize,
    /// How many consumers, of all streams.
    pub consumers: usize,
    /// The broker's domain.
    pub domain: Option<String>,
    /// What the account may use.
    pub limits: Limits,
    /// Requests over the wire.
    #[serde(rename = "api")]
    pub requests: Requests,
    /// Usage by tier: none.
    #[serde(default)]
    pub tiers: HashMap<String, Tier>,
}

fn negative_as_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = i64::deserialize(deserializer)?;
    Ok((number >= 0).then_some(number))
}

impl From<AccountLimits> for Limits {
    fn from(limits: AccountLimits) -> Self {
        Self {
            max_memory: limits.max_memory.map(signed),
            max_storage: limits.max_storage.map(signed),
            max_streams: limits.max_streams.map(signed),
            max_consumers: limits.max_consumers.map(signed),
            max_bytes_required: limits.max_bytes_required,
            max_ack_pending: limits.max_ack_pending.map_or(-1, signed),
            memory_max_stream_bytes: limits.memory_max_stream_bytes.map(signed),
            // As it stands on the wire; async-nats does not translate this one.
            storage_max_stream_bytes: Some(limits.storage_max_stream_bytes.map_or(-1, signed)),
        }
    }
}

impl From<AccountInfo> for Account {
    fn from(info: AccountInfo) -> Self {
        Self {
            memory: info.memory,
            storage: info.storage,
            reserved_memory: info.reserved_memory,
            reserved_storage: info.reserved_storage,
            streams: info.streams,
            consumers: info.consumers,
            domain: info.domain,
            limits: info.limits.into(),
            requests: Requests {
                total: info.api_total.saturating_sub(info.api_inflight),
                errors: info.api_errors,
                level: usize::try_from(API_LEVEL).unwrap_or(usize::MAX),
                inflight: info.api_inflight,
            },
            tiers: HashMap::new(),
        }
    }
}

fn signed<T>(number: T) -> i64
where
    i64: TryFrom<T>,
{
    i64::try_from(number).unwrap_or(i64::MAX)
}
