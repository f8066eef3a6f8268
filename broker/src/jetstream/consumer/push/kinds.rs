//! What can go wrong with reading from a push consumer.

use std::fmt;

use crate::client::error::Error;

/// Why a stream of messages failed.
pub type MessagesError = Error<MessagesErrorKind>;

/// What went wrong with a stream of messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MessagesErrorKind {
    /// The consumer said nothing for twice its heartbeat.
    MissingHeartbeat,
    /// The consumer, or its stream, is gone.
    ConsumerDeleted,
    /// It is a pull consumer.
    PullBasedConsumer,
    /// Anything else; see the source.
    Other,
}

/// Why an ordered stream of messages failed.
pub type OrderedError = Error<OrderedErrorKind>;

/// What went wrong with an ordered stream of messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OrderedErrorKind {
    /// The consumer said nothing for twice its heartbeat.
    MissingHeartbeat,
    /// The consumer, or its stream, is gone.
    ConsumerDeleted,
    /// It is a pull consumer.
    PullBasedConsumer,
    /// The consumer could not be made anew.
    Recreate,
    /// Anything else; see the source.
    Other,
}

impl fmt::Display for MessagesErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        OrderedErrorKind::from(*self).fmt(f)
    }
}

impl fmt::Display for OrderedErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingHeartbeat => "missed idle heartbeat",
            Self::ConsumerDeleted => "consumer deleted",
            Self::PullBasedConsumer => "cannot use with pull consumer",
            Self::Recreate => "consumer recreation failed",
            Self::Other => "error",
        })
    }
}

impl From<MessagesErrorKind> for OrderedErrorKind {
    fn from(kind: MessagesErrorKind) -> Self {
        match kind {
            MessagesErrorKind::MissingHeartbeat => Self::MissingHeartbeat,
            MessagesErrorKind::ConsumerDeleted => Self::ConsumerDeleted,
            MessagesErrorKind::PullBasedConsumer => Self::PullBasedConsumer,
            MessagesErrorKind::Other => Self::Other,
        }
    }
}

impl From<MessagesError> for OrderedError {
    fn from(error: MessagesError) -> Self {
        let kind = error.kind().into();
        match error.into_source() {
            Some(source) => Self::with_source(kind, source),
            None => Self::new(kind),
        }
    }
}
