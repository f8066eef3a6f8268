//! A configuration as requests and the store spell it.

use std::num::{IntErrorKind, ParseIntError};

use embus_storage::message::Timestamp;
use serde::Serialize;

use super::ConsumerConfig;
use crate::api::json::{self, fields};
use crate::api::time::Time;

/// A consumer as the store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StoredConsumer {
    /// Its name, which its configuration may not tell.
    pub name: String,
    /// What it is configured to be.
    pub config: ConsumerConfig,
    /// When it was created.
    created: Time,
}

impl StoredConsumer {
    /// What is to be kept.
    pub fn new(name: String, config: ConsumerConfig, created: Timestamp) -> Self {
        Self { name, config, created: Time::from(created) }
    }

    /// When it was created.
    pub fn created(&self) -> Timestamp {
        self.created.as_timestamp()
    }

    /// As bytes for the store.
    pub fn to_bytes(&self) -> Vec<u8> {
        json::to_string(self).into_bytes()
    }

    /// What [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let stored: Self = json::decode(bytes).map_err(|error| error.description.into_owned())?;
        if stored.name.is_empty() { Err("a consumer without a name".to_owned()) } else { Ok(stored) }
    }
}

fields!(StoredConsumer, "embus.StoredConsumer", {
    "name" => name,
    "config" => config,
    "created" => created,
});

fields!(ConsumerConfig, "server.ConsumerConfig", {
    "durable_name" => durable_name,
    "name" => name,
    "description" => description,
    "deliver_policy" => deliver_policy,
    "opt_start_seq" => start_sequence,
    "opt_start_time" => start_time,
    "ack_policy" => ack_policy,
    "ack_wait" => ack_wait,
    "max_deliver" => max_deliver via json::int,
    "backoff" => backoff,
    "filter_subject" => filter_subject,
    "filter_subjects" => filter_subjects,
    "replay_policy" => replay_policy,
    "rate_limit_bps" => rate_limit,
    "sample_freq" => sample_frequency,
    "max_waiting" => max_waiting via json::int,
    "max_ack_pending" => max_ack_pending via json::int,
    "flow_control" => flow_control,
    "headers_only" => headers_only,
    "max_batch" => max_batch via json::int,
    "max_expires" => max_expires,
    "max_bytes" => max_bytes via json::int,
    "deliver_subject" => deliver_subject,
    "deliver_group" => deliver_group,
    "idle_heartbeat" => idle_heartbeat,
    "inactive_threshold" => inactive_threshold,
    "num_replicas" => num_replicas via json::int,
    "mem_storage" => memory_storage,
    "direct" => direct,
    "sourcing" => sourcing,
    "metadata" => metadata,
    "pause_until" => pause_until,
    "priority_groups" => priority_groups,
    "priority_policy" => priority_policy,
    "priority_timeout" => priority_timeout,
});

/// Reads `30` or `30%`; nothing is 0.
///
/// # Errors
/// Go's text for what is no such number.
pub(super) fn sample_percent(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let digits = text.strip_suffix('%').unwrap_or(text);
    let refusal = |what| format!("strconv.Atoi: parsing {}: {what}", json::quote(digits.as_bytes()));
    let percent: i64 = digits.parse().map_err(|error: ParseIntError| {
        let too_far = matches!(error.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow);
        refusal(if too_far { "value out of range" } else { "invalid syntax" })
    })?;
    // Go prints the error that there is none.
    u64::try_from(percent).map_err(|_| "<nil>".to_owned())
}
