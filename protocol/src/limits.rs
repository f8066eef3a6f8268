//! Bounds and default times of the protocol, each with its unit. Implements the defaults of nats-server 2.15.
//!
//! Only numbers live here; who enforces them is said beside each.

use std::time::Duration;

/// TCP port that clients try first. [nats-server: `port`]
pub const DEFAULT_PORT: u16 = 4222;

/// Port of the HTTP monitoring listener, off unless asked for. [nats-server: `http_port`]
pub const DEFAULT_MONITOR_PORT: u16 = 8222;

/// Longest argument part of a control line in bytes, without the verb and the line end; enforced by
/// [`decode`](crate::decode::decode). [nats-server: `max_control_line`]
pub const MAX_CONTROL_LINE_BYTES: usize = 4096;

/// Largest message in bytes, header block included, unless configured otherwise. [nats-server: `max_payload`]
pub const DEFAULT_MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// Bytes that may wait for one client before it is a slow consumer. [nats-server: `max_pending`]
pub const DEFAULT_MAX_PENDING_BYTES: usize = 64 * 1024 * 1024;

/// Most digits of a size on a control line; a longer number does not parse. [nats-server: parser]
pub const MAX_SIZE_DIGITS: usize = 9;

/// Time between two PINGs of the server to a quiet client. [nats-server: `ping_interval`]
pub const PING_INTERVAL: Duration = Duration::from_secs(120);

/// Longest wait before the first PING to a new client. [nats-server: first ping]
pub const FIRST_PING_INTERVAL: Duration = Duration::from_secs(2);

/// Unanswered PINGs after which a connection is stale. [nats-server: `ping_max`]
pub const PING_MAX: u32 = 2;

/// Time a client has for CONNECT when a login is required. [nats-server: `authorization.timeout`]
pub const AUTH_TIMEOUT: Duration = Duration::from_secs(2);

/// Time a write may stay blocked before its client is a slow consumer. [nats-server: `write_deadline`]
pub const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// Clients connected at once. [nats-server: `max_connections`]
pub const MAX_CONNECTIONS: usize = 65_536;

/// Time over which lame duck mode sheds its clients. [nats-server: `lame_duck_duration`]
pub const LAME_DUCK_DURATION: Duration = Duration::from_secs(120);

/// Time between the lame duck INFO and the first closed client. [nats-server: `lame_duck_grace_period`]
pub const LAME_DUCK_GRACE: Duration = Duration::from_secs(10);
