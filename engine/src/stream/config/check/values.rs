//! Numbers and spans of time.

use super::refused;
use crate::api::error::ApiError;
use crate::api::time::Nanos;
use crate::stream::config::{StreamConfig, StreamLimits};

impl StreamConfig {
    /// Zero and everything below says unlimited; kept as −1.
    pub(super) fn unlimit(&mut self, pedantic: bool) -> Result<(), ApiError> {
        let mut size = i64::from(self.max_message_size);
        for (limit, name) in [
            (&mut self.max_messages, "max_msgs"),
            (&mut self.max_messages_per_subject, "max_msgs_per_subject"),
            (&mut self.max_bytes, "max_bytes"),
            (&mut size, "max_msg_size"),
            (&mut self.max_consumers, "max_consumers"),
        ] {
            if pedantic && *limit < -1 {
                return Err(ApiError::pedantic(format!("{name} must be set to -1")));
            }
            if *limit <= 0 {
                *limit = -1;
            }
        }
        if size < 0 {
            self.max_message_size = -1;
        }
        Ok(())
    }

    pub(super) fn check_ages(&mut self, pedantic: bool, limits: &StreamLimits) -> Result<(), ApiError> {
        if self.max_age < Nanos::ZERO {
            return Err(refused("max age can not be negative"));
        }
        if !self.max_age.is_zero() && self.max_age < SHORTEST {
            return Err(refused("max age needs to be >= 100ms"));
        }
        if self.duplicate_window.is_zero() {
            self.duplicate_window = self.default_window(pedantic, limits)?;
        }
        self.check_window(limits)
    }

    /// Two minutes, unless something else is shorter.
    fn default_window(&self, pedantic: bool, limits: &StreamLimits) -> Result<Nanos, ApiError> {
        let mut window = DEFAULT_WINDOW;
        if !limits.max_duplicate_window.is_zero() && limits.max_duplicate_window < window {
            if pedantic {
                return Err(ApiError::pedantic("duplicate window limits are higher than current limits"));
            }
            window = limits.max_duplicate_window;
        }
        if !self.max_age.is_zero() && self.max_age < window {
            if pedantic {
                return Err(ApiError::pedantic("duplicate window cannot be bigger than max age"));
            }
            window = self.max_age;
        }
        Ok(window)
    }

    fn check_window(&self, limits: &StreamLimits) -> Result<(), ApiError> {
        let window = self.duplicate_window;
        if window < Nanos::ZERO {
            return Err(refused("duplicates window can not be negative"));
        }
        if !self.max_age.is_zero() && window > self.max_age {
            return Err(refused("duplicates window can not be larger then max age"));
        }
        let most = limits.max_duplicate_window;
        if !most.is_zero() && window > most {
            return Err(refused(format!("duplicates window can not be larger then server limit of {most}")));
        }
        if window < SHORTEST {
            return Err(refused("duplicates window needs to be >= 100ms"));
        }
        Ok(())
    }
}

/// The shortest `max_age` and `duplicate_window`. [reference §3.2]
const SHORTEST: Nanos = Nanos(100 * Nanos::MILLISECOND.0);
/// [reference §3.2]
const DEFAULT_WINDOW: Nanos = Nanos(120 * Nanos::SECOND.0);
