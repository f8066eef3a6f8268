//! What a broker allows, and how it goes.

use std::time::Duration;

use embus_engine::trace::TraceOptions;

use super::Builder;
use crate::broker::LameDuck;
use crate::error::StartError;

impl Builder {
    /// Bytes of headers and payload that one message may have; 1 MiB by default, 64 MiB at most.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.limits.max_payload = bytes;
        self
    }

    /// Bytes that a control line's arguments may have; 4096 by default.
    pub fn max_control_line(mut self, bytes: usize) -> Self {
        self.limits.max_control_line = bytes;
        self
    }

    /// Connections at once, in-process clients not counted; 65,536 by default, and 0 refuses all.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.max_connections = connections;
        self
    }

    /// Subscriptions of one client; 0, the default, means no bound.
    pub fn max_subscriptions(mut self, subscriptions: usize) -> Self {
        self.limits.max_subscriptions = subscriptions;
        self
    }

    /// Bytes that may wait for one client before it is cut as a slow consumer; 64 MiB by default.
    pub fn max_pending(mut self, bytes: usize) -> Self {
        self.limits.max_pending = bytes;
        self
    }

    /// Bytes that may wait for all clients together before the slowest is cut, again as many of messages that are half
    /// received, and again as many that wait for disks in all streams; 256 MiB by default, and more than `max_payload`
    /// at least.
    pub fn max_buffered(mut self, bytes: usize) -> Self {
        self.limits.max_buffered = bytes;
        self
    }

    /// Time between pings of an idle client; 2 minutes by default.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.limits.ping_interval = interval;
        self
    }

    /// Pings that may stay unanswered before a client is cut; 2 by default.
    pub fn ping_max(mut self, pings: u32) -> Self {
        self.limits.ping_max = pings;
        self
    }

    /// How long a client may take nothing at all while bytes wait for it; 10 seconds by default.
    pub fn write_deadline(mut self, deadline: Duration) -> Self {
        self.limits.write_deadline = deadline;
        self
    }

    /// Has all that clients say and hear be told of, through `tracing` at the level `TRACE` under the target
    /// `embus::protocol`, in nats-server's form: `<<- [SUB foo 1]`. For looking for faults only: it is slow, and payloads show.
    /// Passwords, tokens, JWTs and signatures do not.
    pub fn trace(mut self, options: impl Into<Option<TraceOptions>>) -> Self {
        self.trace = options.into();
        self
    }

    /// How long [`Broker::lame_duck`](crate::Broker::lame_duck) takes to close all clients, and how long it waits before the first.
    pub fn lame_duck(mut self, duration: Duration, grace: Duration) -> Self {
        self.lame_duck = LameDuck { duration, grace };
        self
    }

    pub(super) fn check_limits(&self) -> Result<(), StartError> {
        let refuse = |text: &str| Err(StartError::Config(text.to_owned()));
        let limits = &self.limits;
        if limits.max_payload > limits.max_pending {
            return refuse("max_payload must not exceed max_pending");
        }
        if limits.max_payload > MAX_MAX_PAYLOAD_BYTES {
            return refuse("max_payload must not exceed 64 MiB");
        }
        if limits.max_control_line == 0 || limits.max_control_line > MAX_MAX_CONTROL_LINE_BYTES {
            return refuse("max_control_line must be between 1 and 32768");
        }
        if limits.max_payload.saturating_add(CRLF_BYTES) > limits.max_buffered {
            return refuse("max_buffered must be more than max_payload");
        }
        if limits.ping_interval.is_zero() || limits.write_deadline.is_zero() {
            return refuse("ping_interval and write_deadline must not be zero");
        }
        if limits.ping_max == 0 {
            return refuse("ping_max must not be zero: no client could ever answer");
        }
        if self.lame_duck.grace >= self.lame_duck.duration {
            return refuse("the lame duck grace period must be shorter than its duration");
        }
        Ok(())
    }
}

/// What follows a payload on the wire.
const CRLF_BYTES: usize = 2;

/// More than this in one message is what streams of smaller ones are for. [nats-server: `max_payload`]
const MAX_MAX_PAYLOAD_BYTES: usize = 64 * 1024 * 1024;

/// A control line must fit the read buffer with room to spare.
const MAX_MAX_CONTROL_LINE_BYTES: usize = 32 * 1024;
