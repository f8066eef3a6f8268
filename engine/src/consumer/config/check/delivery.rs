//! What push and pull consumers may have.

use embus_protocol::filter;

use crate::api::error::ApiError;
use crate::api::time::Nanos;
use crate::consumer::config::{AckPolicy, ConsumerConfig};
use crate::stream::config::{Retention, StreamConfig, subjects};

impl ConsumerConfig {
    pub(super) fn check_delivery(&self, stream: &StreamConfig) -> Result<(), ApiError> {
        if self.is_push() { self.check_push(stream) } else { self.check_pull(stream) }
    }

    fn check_push(&self, stream: &StreamConfig) -> Result<(), ApiError> {
        check_deliver_subject(self.deliver_subject.as_bytes(), stream)?;
        if self.max_waiting != 0 {
            return Err(ApiError::consumer_push_max_waiting());
        }
        if self.max_ack_pending > 0 && !self.has_acks() {
            return Err(ApiError::consumer_max_pending_requires_acks());
        }
        if !self.idle_heartbeat.is_zero() && self.idle_heartbeat < SHORTEST_HEARTBEAT {
            return Err(ApiError::consumer_small_heartbeat());
        }
        Ok(())
    }

    fn check_pull(&self, stream: &StreamConfig) -> Result<(), ApiError> {
        if self.ack_policy == AckPolicy::None && stream.retention == Retention::WorkQueue {
            return Err(ApiError::consumer_pull_requires_acks());
        }
        if self.rate_limit > 0 {
            return Err(ApiError::consumer_pull_with_rate_limit());
        }
        if !self.idle_heartbeat.is_zero() {
            return Err(ApiError::consumer_heartbeat_requires_push());
        }
        if self.flow_control {
            return Err(ApiError::consumer_flow_control_requires_push());
        }
        if !self.max_expires.is_zero() && self.max_expires < Nanos::MILLISECOND {
            return Err(ApiError::consumer_max_expires_too_small());
        }
        Ok(())
    }

    pub(super) fn check_flow_control(&self) -> Result<(), ApiError> {
        if self.flow_control && self.idle_heartbeat.is_zero() {
            return Err(ApiError::consumer_flow_control_needs_heartbeats());
        }
        Ok(())
    }
}

fn check_deliver_subject(subject: &[u8], stream: &StreamConfig) -> Result<(), ApiError> {
    if subject.split(|byte| *byte == b'.').any(|token| matches!(token, b"*" | b">")) {
        return Err(ApiError::consumer_deliver_to_wildcards());
    }
    // Differs from nats-server: what a consumer delivers is no request to the broker.
    if !subjects::is_valid(subject) || is_request(subject) {
        return Err(ApiError::consumer_invalid_deliver_subject());
    }
    if stream.subjects.iter().any(|filter| filter::overlap(filter.as_bytes(), subject)) {
        return Err(ApiError::consumer_deliver_cycle());
    }
    Ok(())
}

/// Whether the broker would take a message there as a request; the API has a place for its domain, too.
fn is_request(subject: &[u8]) -> bool {
    let mut tokens = subject.split(|byte| *byte == b'.');
    match tokens.next() {
        Some(b"$JS") => tokens.take(2).any(|token| token == b"API"),
        Some(b"$SYS") => true,
        _ => false,
    }
}

/// [reference §3.4]
const SHORTEST_HEARTBEAT: Nanos = Nanos(100 * Nanos::MILLISECOND.0);
