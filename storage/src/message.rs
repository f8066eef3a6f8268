//! A message as it rests in a log.

use bytes::Bytes;

/// Nanoseconds since the Unix epoch. Within one log they never decrease.
pub type Timestamp = i64;

/// A stored message, read back and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its number in the log, from 1.
    pub sequence: u64,
    /// When it was stored.
    pub time: Timestamp,
    /// Where it was published.
    pub subject: Bytes,
    /// The raw header block, empty without headers.
    pub headers: Bytes,
    /// Its body.
    pub payload: Bytes,
}
