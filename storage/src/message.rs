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

/// A stored message in memory that is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageView<'a> {
    /// Its number in the log, from 1.
    pub sequence: u64,
    /// When it was stored.
    pub time: Timestamp,
    /// Where it was published.
    pub subject: &'a [u8],
    /// The raw header block, empty without headers.
    pub headers: &'a [u8],
    /// Its body.
    pub payload: &'a [u8],
}

impl StoredMessage {
    /// The message without its memory.
    pub fn view(&self) -> MessageView<'_> {
        let Self { sequence, time, subject, headers, payload } = self;
        MessageView { sequence: *sequence, time: *time, subject, headers, payload }
    }
}
