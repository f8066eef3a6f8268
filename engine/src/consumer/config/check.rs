//! The rules of a configuration, in the order in which the reference server checks them. [reference §3.4]

mod defaults;
mod delivery;
mod filters;
mod flow;
mod priority;
mod start;

use std::fmt::Display;

use super::{ConsumerConfig, metadata, parse};
use crate::api::error::ApiError;
use crate::stream::config::{Retention, StreamConfig};

pub(super) use defaults::DEFAULT_THRESHOLD;
pub use priority::check_group;

/// What a configuration is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The stream's configuration.
    pub stream: &'a StreamConfig,
    /// The most `max_ack_pending` of the account; −1 or 0 means any number.
    pub max_ack_pending: i64,
    /// Whether what would be silently corrected is refused.
    pub pedantic: bool,
}

impl ConsumerConfig {
    /// The configuration a consumer gets: complete, or refused. What depends on other consumers is for
    /// [`plan`](super::plan).
    ///
    /// # Errors
    /// What the API answers.
    pub fn check(mut self, around: &Surroundings<'_>) -> Result<Self, ApiError> {
        self.check_separators()?;
        self.check_possible_replicas()?;
        if self.name.is_empty() {
            self.name.clone_from(&self.durable_name);
        }
        self.complete(around)?;
        self.check_name()?;
        self.check_replicas(around.stream)?;
        self.check_backoff()?;
        self.check_flow_acks()?;
        self.check_deliveries()?;
        self.check_description()?;
        self.check_delivery(around.stream)?;
        self.check_limits(around)?;
        self.check_direct()?;
        self.check_filters()?;
        self.check_start()?;
        self.check_sampling()?;
        self.check_flow_control()?;
        self.check_metadata()?;
        self.check_priority()?;
        self.check_durable_length()?;
        metadata::set_required_level(&mut self);
        Ok(self)
    }

    /// # Errors
    /// 10127.
    pub fn check_separators(&self) -> Result<(), ApiError> {
        if [&self.name, &self.durable_name].iter().any(|name| name.contains(['/', '\\'])) {
            return Err(ApiError::consumer_name_contains_separators());
        }
        Ok(())
    }

    /// What one server can not do is said before it is looked for the stream. [nats-server: consumer create]
    ///
    /// # Errors
    /// 10074.
    pub fn check_possible_replicas(&self) -> Result<(), ApiError> {
        if self.num_replicas > 1 { Err(ApiError::stream_replicas_not_supported()) } else { Ok(()) }
    }

    fn check_name(&self) -> Result<(), ApiError> {
        if self.name.contains(['.', '*', '>', ' ', '\t', '\r', '\n', '\u{c}']) {
            return Err(invalid(r"consumer name can not contain '.', '*', '>', '\', '/'"));
        }
        if !self.durable_name.is_empty() && self.name != self.durable_name {
            return Err(ApiError::consumer_durable_and_name_mismatch());
        }
        Ok(())
    }

    fn check_replicas(&self, stream: &StreamConfig) -> Result<(), ApiError> {
        if self.num_replicas < 0 {
            return Err(ApiError::stream_replicas_negative());
        }
        if self.num_replicas > stream.num_replicas {
            return Err(ApiError::consumer_replicas_exceed_stream());
        }
        let must_match = stream.retention != Retention::Limits && self.num_replicas != 0;
        if must_match && self.num_replicas != stream.num_replicas {
            return Err(ApiError::consumer_replicas_must_match());
        }
        Ok(())
    }

    fn check_description(&self) -> Result<(), ApiError> {
        if self.description.len() > MAX_DESCRIPTION_BYTES {
            return Err(ApiError::consumer_description_too_long(MAX_DESCRIPTION_BYTES));
        }
        Ok(())
    }

    /// What account and stream allow.
    fn check_limits(&self, around: &Surroundings<'_>) -> Result<(), ApiError> {
        let limits = around.stream.consumer_limits;
        for limit in [around.max_ack_pending, limits.max_ack_pending] {
            if limit > 0 && self.max_ack_pending > limit {
                return Err(ApiError::consumer_max_pending_excess(limit));
            }
        }
        let threshold = limits.inactive_threshold;
        if !threshold.is_zero() && self.inactive_threshold > threshold {
            return Err(ApiError::consumer_inactive_threshold_excess(threshold));
        }
        Ok(())
    }

    fn check_direct(&self) -> Result<(), ApiError> {
        if !self.direct {
            return Ok(());
        }
        if !self.is_push() {
            return Err(ApiError::consumer_direct_requires_push());
        }
        if self.is_durable() { Err(ApiError::consumer_direct_requires_ephemeral()) } else { Ok(()) }
    }

    fn check_sampling(&self) -> Result<(), ApiError> {
        parse::sample_percent(&self.sample_frequency).map(drop).map_err(ApiError::consumer_sampling_invalid)
    }

    fn check_metadata(&self) -> Result<(), ApiError> {
        let bytes: usize = self.metadata.iter().map(|(key, text)| key.len() + text.len()).sum();
        if bytes > MAX_METADATA_BYTES {
            return Err(ApiError::consumer_metadata_too_large("128KB"));
        }
        Ok(())
    }

    fn check_durable_length(&self) -> Result<(), ApiError> {
        if self.durable_name.len() > MAX_NAME_BYTES {
            return Err(ApiError::consumer_name_too_long(MAX_NAME_BYTES));
        }
        Ok(())
    }
}

/// 10052 with that text.
fn invalid(text: impl Display) -> ApiError {
    ApiError::stream_invalid_config(text)
}

/// [reference §3.0: names]
pub(super) const MAX_NAME_BYTES: usize = 255;
/// [reference §3.4]
const MAX_DESCRIPTION_BYTES: usize = 4096;
/// [reference §3.4]
const MAX_METADATA_BYTES: usize = 128 * 1024;
