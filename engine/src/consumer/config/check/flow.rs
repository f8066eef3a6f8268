//! Acknowledgements: their spans, and those that flow control gives.

use crate::api::error::ApiError;
use crate::api::time::Nanos;
use crate::consumer::config::{AckPolicy, ConsumerConfig};

impl ConsumerConfig {
    pub(super) fn check_backoff(&self) -> Result<(), ApiError> {
        if self.backoff.iter().any(|span| *span < Nanos::ZERO) {
            return Err(ApiError::consumer_backoff_negative());
        }
        if self.ack_wait < Nanos::ZERO { Err(ApiError::consumer_ack_wait_negative()) } else { Ok(()) }
    }

    pub(super) fn check_flow_acks(&self) -> Result<(), ApiError> {
        if self.ack_policy != AckPolicy::FlowControl {
            return Ok(());
        }
        if !self.is_push() {
            return Err(ApiError::consumer_flow_acks_require_push());
        }
        if !self.flow_control {
            return Err(ApiError::consumer_flow_acks_require_flow_control());
        }
        if self.max_ack_pending <= 0 {
            return Err(ApiError::consumer_flow_acks_require_max_pending());
        }
        if !self.ack_wait.is_zero() || !self.backoff.is_empty() {
            return Err(ApiError::consumer_flow_acks_with_ack_wait());
        }
        if self.max_deliver > 0 {
            return Err(ApiError::consumer_flow_acks_with_max_deliver());
        }
        self.check_flow_heartbeat()
    }

    pub(super) fn check_deliveries(&self) -> Result<(), ApiError> {
        let steps = i64::try_from(self.backoff.len()).unwrap_or(i64::MAX);
        if steps > 0 && self.max_deliver != -1 && steps > self.max_deliver {
            return Err(ApiError::consumer_max_deliver_below_backoff());
        }
        Ok(())
    }
}
