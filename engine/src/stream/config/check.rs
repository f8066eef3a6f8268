//! The rules of a configuration, in the order in which the reference server checks them, and the defaults it fills in on
//! the way. [reference §3.2]

mod features;
mod values;

use super::{StreamConfig, StreamLimits, metadata, subjects};
use crate::api::error::ApiError;

impl StreamConfig {
    /// The configuration a new stream gets: complete, or refused. `pedantic` refuses what would be silently corrected.
    ///
    /// # Errors
    /// What the API answers.
    pub fn check_create(mut self, pedantic: bool, limits: &StreamLimits) -> Result<Self, ApiError> {
        check_separators(&self.name)?;
        if self.sealed {
            return Err(refused("stream configuration for create can not be sealed"));
        }
        if self.mirror_direct && self.mirror.is_none() {
            return Err(refused("stream has no mirror but does have mirror direct"));
        }
        self.check_consumers(limits)?;
        self.complete(pedantic, limits)?;
        Ok(self)
    }

    /// Every rule that new and updated configurations have in common.
    pub(super) fn complete(&mut self, pedantic: bool, limits: &StreamLimits) -> Result<(), ApiError> {
        metadata::set_required_level(self);
        self.check_texts()?;
        self.check_replicas()?;
        self.unlimit(pedantic)?;
        self.check_ages(pedantic, limits)?;
        self.check_rollup()?;
        self.check_discard()?;
        self.check_marker(pedantic)?;
        self.check_persist_mode()?;
        self.check_supported()?;
        self.check_subjects()?;
        self.check_transform()?;
        self.check_republish(pedantic)?;
        self.check_placement()?;
        self.check_possible()
    }

    /// Whether the account lets it have so many consumers.
    pub(super) fn check_consumers(&self, limits: &StreamLimits) -> Result<(), ApiError> {
        if limits.max_consumers > 0 && self.max_consumers > limits.max_consumers {
            return Err(ApiError::maximum_consumers());
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), ApiError> {
        check_name(&self.name)?;
        if self.description.len() > MAX_DESCRIPTION_BYTES {
            return Err(refused(format!("stream description is too long, maximum allowed is {MAX_DESCRIPTION_BYTES}")));
        }
        let metadata_bytes: usize = self.metadata.iter().map(|(key, text)| key.len() + text.len()).sum();
        if metadata_bytes > MAX_METADATA_BYTES {
            return Err(refused(format!("stream metadata exceeds maximum size of {MAX_METADATA_BYTES} bytes")));
        }
        Ok(())
    }

    fn check_replicas(&mut self) -> Result<(), ApiError> {
        match self.num_replicas {
            0 => self.num_replicas = 1,
            1..=MAX_REPLICAS => {}
            i64::MIN..0 => return Err(ApiError::stream_replicas_negative()),
            _ => return Err(refused(format!("maximum replicas is {MAX_REPLICAS}"))),
        }
        Ok(())
    }

    fn check_subjects(&mut self) -> Result<(), ApiError> {
        if self.subjects.is_empty() {
            self.subjects.push(self.name.clone());
        }
        subjects::check(&self.subjects, self.no_ack)
    }

    fn check_placement(&mut self) -> Result<(), ApiError> {
        let Some(placement) = &self.placement else { return Ok(()) };
        if !placement.preferred.is_empty() {
            return Err(refused("preferred server not permitted in placement"));
        }
        if placement.cluster.is_empty() && placement.tags.is_empty() {
            self.placement = None;
        }
        Ok(())
    }

    /// What the reference server finds out last: what one server can not do.
    fn check_possible(&self) -> Result<(), ApiError> {
        if self.num_replicas > 1 {
            return Err(ApiError::stream_replicas_not_supported());
        }
        // Differs from nats-server: it takes such sequences and wraps around behind the last one.
        if i64::try_from(self.first_sequence).is_err() {
            return Err(refused(format!("first sequence can not be larger than {}", i64::MAX)));
        }
        // nats-server uses the name for a directory, where this fails; it has no place in log files either.
        if self.name.contains('\0') {
            return Err(ApiError::stream_create_failed("error creating store for stream"));
        }
        Ok(())
    }
}

/// What a stream may be called.
fn check_name(name: &str) -> Result<(), ApiError> {
    check_separators(name)?;
    if name.is_empty() || name.contains(['.', '*', '>', ' ', '\t', '\r', '\n', '\u{c}']) {
        return Err(refused(r"stream name is required and can not contain '.', '*', '>', '\', '/'"));
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(refused(format!("stream name is too long, maximum allowed is {MAX_NAME_BYTES}")));
    }
    Ok(())
}

fn check_separators(name: &str) -> Result<(), ApiError> {
    if name.contains(['/', '\\']) {
        return Err(ApiError::stream_name_contains_separators());
    }
    Ok(())
}

/// 10052 with these words.
pub(super) fn refused(text: impl std::fmt::Display) -> ApiError {
    ApiError::stream_invalid_config(text)
}

/// [reference §3.0: names]
const MAX_NAME_BYTES: usize = 255;
/// [reference §3.2]
const MAX_DESCRIPTION_BYTES: usize = 4096;
/// [reference §3.2]
const MAX_METADATA_BYTES: usize = 128 * 1024;
/// [reference §3.2]
const MAX_REPLICAS: i64 = 5;
