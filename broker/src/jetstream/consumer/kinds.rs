//! Why messages can't be asked for.

use std::fmt;

use crate::client::error::Error;
use crate::jetstream::stream::{ConsumerError, ConsumerErrorKind};

/// Why no messages can be read from a consumer.
pub type StreamError = Error<StreamErrorKind>;

/// What went wrong with reading from a consumer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StreamErrorKind {
    /// It took too long.
    TimedOut,
    /// Something else; see the source.
    Other,
}

impl fmt::Display for StreamErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "timed out",
            Self::Other => "failed",
        })
    }
}

impl From<ConsumerError> for StreamError {
    fn from(error: ConsumerError) -> Self {
        match error.kind() {
            ConsumerErrorKind::TimedOut => Self::new(StreamErrorKind::TimedOut),
            _ => Self::with_source(StreamErrorKind::Other, error),
        }
    }
}
