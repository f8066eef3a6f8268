//! What one broker allows. Defaults are nats-server's, where it has the limit. [reference §1.5]

use std::time::Duration;

use embus_protocol::limits as wire;

/// Bounds of a broker; all of them hold for each connection but where said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of headers and payload in one message.
    pub max_payload: usize,
    /// Bytes of a control line's arguments.
    pub max_control_line: usize,
    /// Connections to the broker at once; in-process clients do not count.
    pub max_connections: usize,
    /// Subscriptions of one connection; 0 means no bound.
    pub max_subscriptions: usize,
    /// Bytes that may wait for one reader before it is cut as a slow consumer.
    pub max_pending: usize,
    /// Bytes that may wait for all readers together, again as many for messages that are half received, and again as
    /// many that wait for disks in all streams together.
    pub max_buffered: usize,
    /// Time between pings of an idle connection.
    pub ping_interval: Duration,
    /// Pings that may stay unanswered.
    pub ping_max: u32,
    /// How long a reader may accept nothing at all while bytes wait for it.
    pub write_deadline: Duration,
}

/// Default for [`Limits::max_buffered`]: four readers at their own bound.
pub const DEFAULT_MAX_BUFFERED_BYTES: usize = 256 * 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_payload: wire::DEFAULT_MAX_PAYLOAD_BYTES,
            max_control_line: wire::MAX_CONTROL_LINE_BYTES,
            max_connections: wire::MAX_CONNECTIONS,
            max_subscriptions: 0,
            max_pending: wire::DEFAULT_MAX_PENDING_BYTES,
            max_buffered: DEFAULT_MAX_BUFFERED_BYTES,
            ping_interval: wire::PING_INTERVAL,
            ping_max: wire::PING_MAX,
            write_deadline: wire::WRITE_DEADLINE,
        }
    }
}
