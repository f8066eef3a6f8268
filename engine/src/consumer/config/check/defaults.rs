//! What is filled in and silently corrected; the pedantic are told instead.

use super::{Surroundings, invalid};
use crate::api::error::ApiError;
use crate::api::time::Nanos;
use crate::consumer::config::{AckPolicy, ConsumerConfig, PriorityPolicy};

impl ConsumerConfig {
    pub(super) fn complete(&mut self, around: &Surroundings<'_>) -> Result<(), ApiError> {
        let pedantic = around.pedantic;
        self.complete_numbers(pedantic)?;
        self.complete_spans(pedantic)?;
        self.complete_ack_wait(pedantic)?;
        self.complete_max_ack_pending(around)?;
        self.complete_threshold(around)?;
        if self.priority_policy == PriorityPolicy::PinnedClient && self.priority_timeout.is_zero() {
            self.priority_timeout = DEFAULT_PRIORITY_TIMEOUT;
        }
        self.complete_flow_acks(pedantic);
        Ok(())
    }

    fn complete_numbers(&mut self, pedantic: bool) -> Result<(), ApiError> {
        unlimited(&mut self.max_deliver, "max_deliver", pedantic)?;
        if self.max_deliver == 0 {
            self.max_deliver = -1;
        }
        not_negative(&mut self.max_waiting, "max_waiting", pedantic)?;
        if self.max_waiting == 0 && !self.is_push() {
            self.max_waiting = DEFAULT_MAX_WAITING;
        }
        unlimited(&mut self.max_ack_pending, "max_ack_pending", pedantic)?;
        not_negative(&mut self.max_batch, "max_batch", pedantic)?;
        not_negative(&mut self.max_expires.0, "max_expires", pedantic)?;
        not_negative(&mut self.max_bytes, "max_bytes", pedantic)
    }

    fn complete_spans(&mut self, pedantic: bool) -> Result<(), ApiError> {
        not_negative(&mut self.idle_heartbeat.0, "idle_heartbeat", pedantic)?;
        not_negative(&mut self.inactive_threshold.0, "inactive_threshold", pedantic)?;
        not_negative(&mut self.priority_timeout.0, "priority_timeout", pedantic)
    }

    /// The first element of a `backoff` is what a message waits first.
    fn complete_ack_wait(&mut self, pedantic: bool) -> Result<(), ApiError> {
        if let Some(first) = self.backoff.first() {
            if pedantic && self.ack_wait != *first {
                return Err(ApiError::pedantic("first backoff value has to equal batch AckWait"));
            }
            self.ack_wait = *first;
        } else if self.ack_wait.is_zero() && matches!(self.ack_policy, AckPolicy::Explicit | AckPolicy::All) {
            self.ack_wait = DEFAULT_ACK_WAIT;
        }
        Ok(())
    }

    /// Without a threshold a consumer has its stream's limit. What others get is for the plan: it depends on whether the
    /// consumer is new.
    fn complete_threshold(&mut self, around: &Surroundings<'_>) -> Result<(), ApiError> {
        let limit = around.stream.consumer_limits.inactive_threshold;
        if self.inactive_threshold.is_zero() && limit > Nanos::ZERO {
            if around.pedantic {
                let text = "inactive_threshold must be set if it's configured in stream limits";
                return Err(ApiError::pedantic(text));
            }
            self.inactive_threshold = limit;
        }
        Ok(())
    }

    fn complete_max_ack_pending(&mut self, around: &Surroundings<'_>) -> Result<(), ApiError> {
        if self.max_ack_pending != 0 {
            return Ok(());
        }
        let limit = around.stream.consumer_limits.max_ack_pending;
        if limit > 0 {
            if around.pedantic {
                return Err(ApiError::pedantic("max_ack_pending must be set if it's configured in stream limits"));
            }
            self.max_ack_pending = limit;
        } else if self.has_acks() {
            let most = if around.max_ack_pending > 0 { around.max_ack_pending } else { i64::MAX };
            self.max_ack_pending = DEFAULT_MAX_ACK_PENDING.min(most);
        }
        Ok(())
    }

    /// Acknowledging by flow control brings what it needs along.
    fn complete_flow_acks(&mut self, pedantic: bool) {
        if self.ack_policy == AckPolicy::FlowControl && self.is_push() && !pedantic {
            self.flow_control = true;
            self.idle_heartbeat = FLOW_HEARTBEAT;
        }
    }

    /// The last thing that is wrong with the pedantic's flow control.
    pub(super) fn check_flow_heartbeat(&self) -> Result<(), ApiError> {
        if self.idle_heartbeat == FLOW_HEARTBEAT {
            return Ok(());
        }
        Err(invalid("flow control ack policy heartbeat needs to be 1s"))
    }
}

/// Everything below −1 says unlimited, too.
fn unlimited(number: &mut i64, name: &str, pedantic: bool) -> Result<(), ApiError> {
    if *number >= -1 {
        return Ok(());
    }
    if pedantic {
        return Err(ApiError::pedantic(format!("{name} must be set to -1")));
    }
    *number = -1;
    Ok(())
}

/// What is negative is as if it were not there.
fn not_negative(number: &mut i64, name: &str, pedantic: bool) -> Result<(), ApiError> {
    if *number >= 0 {
        return Ok(());
    }
    if pedantic {
        return Err(ApiError::pedantic(format!("{name} must not be negative")));
    }
    *number = 0;
    Ok(())
}

/// [reference §3.4]
const DEFAULT_MAX_WAITING: i64 = 512;
/// [reference §3.4]
const DEFAULT_MAX_ACK_PENDING: i64 = 1000;
/// How long a consumer that is not durable stays while nobody uses it. [reference §3.4]
pub(in crate::consumer::config) const DEFAULT_THRESHOLD: Nanos = Nanos(5 * Nanos::SECOND.0);
/// [reference §3.4]
const DEFAULT_ACK_WAIT: Nanos = Nanos(30 * Nanos::SECOND.0);
/// [reference §3.4]
const DEFAULT_PRIORITY_TIMEOUT: Nanos = Nanos(120 * Nanos::SECOND.0);
/// [reference §5.6]
const FLOW_HEARTBEAT: Nanos = Nanos::SECOND;
