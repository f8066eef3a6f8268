//! One error per operation of the client, named as in async-nats, and how the engine's refusals become them.

use std::fmt::{self, Display};

use embus_engine::{PublishRefused, SubscribeRefused};
use thiserror::Error as ThisError;

use super::error::{BoxError, Error};

/// Why a publish was refused; nothing was sent.
pub type PublishError = Error<PublishErrorKind>;

/// What went wrong with a publish.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum PublishErrorKind {
    /// Headers and payload together are longer than [`Client::max_payload`](super::Client::max_payload): send less.
    MaxPayloadExceeded,
    /// The subject or the reply subject is empty or holds a space, tab, CR or LF, or belongs to the broker
    /// itself: use another.
    InvalidSubject,
    /// The client was drained or the broker has stopped: this client never sends again.
    Send,
}

impl Display for PublishErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxPayloadExceeded => "max payload size exceeded",
            Self::InvalidSubject => "invalid subject",
            Self::Send => "failed to send message",
        })
    }
}

/// Why a subscription was refused; nothing was registered.
pub type SubscribeError = Error<SubscribeErrorKind>;

/// What went wrong with a subscription.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum SubscribeErrorKind {
    /// The subject is empty, has an empty token, whitespace, or a `>` that is not the last token: correct it.
    InvalidSubject,
    /// The name of the queue group is empty, holds whitespace or belongs to the broker itself: use another.
    InvalidQueueName,
    /// The client was drained, the broker has stopped, or a limit on subscriptions was reached (see the source).
    Other,
}

impl Display for SubscribeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidSubject => "invalid subject",
            Self::InvalidQueueName => "invalid queue name",
            Self::Other => "subscribe failed",
        })
    }
}

/// Why a request brought no answer.
pub type RequestError = Error<RequestErrorKind>;

/// What went wrong with a request.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum RequestErrorKind {
    /// Somebody listens on the subject, but no answer came in time: try again, or wait longer.
    TimedOut,
    /// Nobody listens on the subject.
    NoResponders,
    /// The subject is empty or holds a space, tab, CR or LF: correct it.
    InvalidSubject,
    /// Headers and payload together are longer than [`Client::max_payload`](super::Client::max_payload): send less.
    MaxPayloadExceeded,
    /// The client was drained, the broker has stopped, or the inbox could not be opened (see the source).
    Other,
}

impl Display for RequestErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "request timed out",
            Self::NoResponders => "no responders",
            Self::InvalidSubject => "invalid subject",
            Self::MaxPayloadExceeded => "max payload size exceeded",
            Self::Other => "request failed",
        })
    }
}

impl From<PublishError> for RequestError {
    fn from(error: PublishError) -> Self {
        let kind = match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => RequestErrorKind::MaxPayloadExceeded,
            PublishErrorKind::InvalidSubject => RequestErrorKind::InvalidSubject,
            PublishErrorKind::Send => RequestErrorKind::Other,
        };
        Self::with_source(kind, error)
    }
}

impl From<SubscribeError> for RequestError {
    fn from(error: SubscribeError) -> Self {
        Self::with_source(RequestErrorKind::Other, error)
    }
}

/// Why a flush failed.
pub type FlushError = Error<FlushErrorKind>;

/// What went wrong with a flush.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum FlushErrorKind {
    /// The client was drained or the broker has stopped.
    SendError,
    /// Kept so that code written for async-nats compiles; an in-process flush cannot fail half-way.
    FlushError,
}

impl Display for FlushErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SendError => "failed to send flush request",
            Self::FlushError => "flush failed",
        })
    }
}

/// The client cannot be drained: it was drained before, or the broker has stopped.
#[derive(Debug, ThisError)]
#[error("failed to send drain: {0}")]
pub struct DrainError(#[source] BoxError);

/// The subscription cannot be ended by hand: its client was drained, or the broker has stopped.
#[derive(Debug, Eq, PartialEq, ThisError)]
#[error("failed to send unsubscribe: {0}")]
pub struct UnsubscribeError(Closed);

/// The client was drained, or the broker has stopped; the source of the errors that say so.
#[derive(Copy, Clone, Debug, Eq, PartialEq, ThisError)]
#[error("the client is closed")]
pub(crate) struct Closed;

impl From<Closed> for DrainError {
    fn from(closed: Closed) -> Self {
        Self(closed.into())
    }
}

impl From<Closed> for UnsubscribeError {
    fn from(closed: Closed) -> Self {
        Self(closed)
    }
}

/// The error for a message that the engine refused.
#[cold]
pub(super) fn publish_refused(refused: PublishRefused) -> PublishError {
    let kind = match refused {
        PublishRefused::MaxPayload { .. } => PublishErrorKind::MaxPayloadExceeded,
        PublishRefused::Reserved => PublishErrorKind::InvalidSubject,
        _ => PublishErrorKind::Send,
    };
    PublishError::with_source(kind, refused)
}

/// The error for a filter that the engine refused to register.
#[cold]
pub(super) fn subscribe_refused(refused: SubscribeRefused) -> SubscribeError {
    let kind = match refused {
        SubscribeRefused::InvalidSubject => SubscribeErrorKind::InvalidSubject,
        SubscribeRefused::Reserved => SubscribeErrorKind::InvalidQueueName,
        _ => SubscribeErrorKind::Other,
    };
    SubscribeError::with_source(kind, refused)
}
