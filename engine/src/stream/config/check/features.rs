//! What goes together, and what is not there yet.

use super::refused;
use crate::api::error::ApiError;
use crate::api::time::Nanos;
use crate::stream::config::{Discard, PersistMode, StorageType, StreamConfig};

impl StreamConfig {
    pub(super) fn check_rollup(&self) -> Result<(), ApiError> {
        if self.deny_purge && self.allow_rollup {
            return Err(refused("roll-ups require the purge permission"));
        }
        Ok(())
    }

    pub(super) fn check_discard(&self) -> Result<(), ApiError> {
        if !self.discard_new_per_subject {
            return Ok(());
        }
        if self.discard != Discard::New {
            return Err(refused("discard new per subject requires discard new policy to be set"));
        }
        if self.max_messages_per_subject <= 0 {
            return Err(refused("discard new per subject requires max msgs per subject > 0"));
        }
        Ok(())
    }

    /// Markers replace what is left of a subject and expire themselves, so they need roll-ups and TTLs.
    pub(super) fn check_marker(&mut self, pedantic: bool) -> Result<(), ApiError> {
        let ttl = self.subject_delete_marker_ttl;
        if ttl.is_zero() {
            return Ok(());
        }
        if ttl < Nanos::ZERO {
            return Err(refused("subject delete marker TTL must not be negative"));
        }
        if ttl < Nanos::SECOND {
            return Err(refused("subject delete marker TTL must be at least 1 second"));
        }
        if pedantic && !self.allow_message_ttl {
            return Err(refused("subject delete marker cannot be set if message TTLs are disabled"));
        }
        if pedantic && !self.allow_rollup {
            return Err(refused("subject delete marker cannot be set if roll-ups are disabled"));
        }
        (self.allow_message_ttl, self.allow_rollup, self.deny_purge) = (true, true, false);
        Ok(())
    }

    pub(super) fn check_persist_mode(&self) -> Result<(), ApiError> {
        if self.persist_mode == PersistMode::Default {
            return Ok(());
        }
        if self.storage != StorageType::File {
            return Err(refused("async persist mode is only supported on file storage"));
        }
        if self.num_replicas > 1 {
            return Err(refused("async persist mode is not supported on replicated streams"));
        }
        if self.allow_atomic_publish {
            return Err(refused("async persist mode is not supported with atomic batch publish"));
        }
        Ok(())
    }

    /// Differs from nats-server: what is not built is refused, never ignored.
    pub(super) fn check_supported(&self) -> Result<(), ApiError> {
        for (is_wanted, what) in [
            (self.mirror.is_some(), "mirrors"),
            (!self.sources.is_empty(), "sources"),
            (self.allow_message_counter, "message counters"),
            (self.allow_atomic_publish, "atomic publishing"),
            (self.allow_message_schedules, "message schedules"),
            (self.allow_batch_publish, "batch publishing"),
        ] {
            if is_wanted {
                return Err(refused(format!("embus does not support {what}")));
            }
        }
        Ok(())
    }
}
