//! How a log keeps its messages, and what they count as.

use std::sync::Arc;

use super::Describe;

/// How a log keeps its messages.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// Segments are closed at about this size.
    pub segment_bytes: u32,
    /// What a message counts as beyond its subject, headers and payload.
    pub accounting: Accounting,
    /// Whether closed segments are compressed.
    pub compress: bool,
    /// Whether every commit is synced before it counts; decides how a recovery judges the tail.
    pub synced: bool,
    /// What is kept at the head of every segment, so that the configuration survives damage to its own files.
    pub description: Arc<dyn Describe>,
}

/// How the size of a message is counted in `State::bytes` and limits. [reference §3.3]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accounting {
    /// 30 + subject + payload, and 4 + headers if it has any.
    File,
    /// 16 + subject + headers + payload.
    Memory,
}

impl Accounting {
    /// What one message counts as.
    pub fn size(self, subject: usize, headers: usize, payload: usize) -> u64 {
        self.fixed(headers > 0) + subject as u64 + headers as u64 + payload as u64
    }

    /// What a message counts as beyond its parts.
    pub(crate) fn fixed(self, has_headers: bool) -> u64 {
        match self {
            Self::File if has_headers => 34,
            Self::File => 30,
            Self::Memory => 16,
        }
    }
}

impl LogOptions {
    /// With sizes that the format can hold.
    pub(super) fn clamped(self) -> Self {
        Self { segment_bytes: self.segment_bytes.clamp(MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES), ..self }
    }
}

/// A header block and a little.
const MIN_SEGMENT_BYTES: u32 = 8 * 1024;
/// What a recovery can judge in little time, and what offsets have room for.
pub(super) const MAX_SEGMENT_BYTES: u32 = 128 << 20;
