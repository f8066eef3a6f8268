//! What can go wrong with pulling, with the names of async-nats.

use std::fmt;

use crate::SubscribeError;
use crate::client::error::Error;

/// Why a request for messages was not sent.
pub type BatchRequestError = Error<BatchRequestErrorKind>;

/// What went wrong with sending a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BatchRequestErrorKind {
    /// It could not be published.
    Publish,
    /// Kept so that code written for async-nats compiles.
    Flush,
    /// It could not be written down.
    Serialize,
}

/// Why there is no batch.
pub type BatchError = Error<BatchErrorKind>;

/// What went wrong with a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BatchErrorKind {
    /// There is no inbox for it.
    Subscribe,
    /// It could not be asked for.
    Pull,
    /// Kept so that code written for async-nats compiles.
    Flush,
    /// The request could not be written down.
    Serialize,
    /// A consumer with a pinned client is read with [`Consumer::messages`](crate::jetstream::consumer::Consumer::messages).
    PinnedClient,
}

/// Why a stream of messages failed.
pub type MessagesError = Error<MessagesErrorKind>;

/// What went wrong with a stream of messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MessagesErrorKind {
    /// Something that the consumer sent was lost, as too much waited to be read. Messages that are to be acknowledged come
    /// again; the stream goes on.
    MissingHeartbeat,
    /// The consumer, or its stream, is gone.
    ConsumerDeleted,
    /// No messages could be asked for.
    Pull,
    /// It is a push consumer.
    PushBasedConsumer,
    /// There is no such consumer.
    NoResponders,
    /// The consumer does not allow such requests.
    RequestLimitExceeded,
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
    /// No messages could be asked for.
    Pull,
    /// It is a push consumer.
    PushBasedConsumer,
    /// The consumer could not be made anew.
    Recreate,
    /// There is no such consumer.
    NoResponders,
    /// The consumer does not allow such requests.
    RequestLimitExceeded,
    /// Anything else; see the source.
    Other,
}

/// Why an ordered consumer was not made anew.
pub type ConsumerRecreateError = Error<ConsumerRecreateErrorKind>;

/// What went wrong with making an ordered consumer anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConsumerRecreateErrorKind {
    /// There is no stream.
    GetStream,
    /// Kept so that code written for async-nats compiles.
    Subscription,
    /// The broker refused.
    Recreate,
    /// It took too long.
    TimedOut,
}

impl fmt::Display for BatchRequestErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publish => "publish failed",
            Self::Flush => "flush failed",
            Self::Serialize => "serialize failed",
        })
    }
}

impl fmt::Display for BatchErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subscribe => "subscribe failed",
            Self::Pull => "pull request failed",
            Self::Flush => "flush failed",
            Self::Serialize => "serialize failed",
            Self::PinnedClient => "pinned client consumers need a pull stream",
        })
    }
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
            Self::Pull => "pull request failed",
            Self::PushBasedConsumer => "cannot use with push consumer",
            Self::Recreate => "consumer recreation failed",
            Self::NoResponders => "no responders",
            Self::RequestLimitExceeded => "pull request exceeded consumer limits",
            Self::Other => "error",
        })
    }
}

impl fmt::Display for ConsumerRecreateErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GetStream => "error getting stream",
            Self::Subscription => "failed to resubscribe",
            Self::Recreate => "consumer creation failed",
            Self::TimedOut => "timed out",
        })
    }
}

impl From<MessagesErrorKind> for OrderedErrorKind {
    fn from(kind: MessagesErrorKind) -> Self {
        match kind {
            MessagesErrorKind::MissingHeartbeat => Self::MissingHeartbeat,
            MessagesErrorKind::ConsumerDeleted => Self::ConsumerDeleted,
            MessagesErrorKind::Pull => Self::Pull,
            MessagesErrorKind::PushBasedConsumer => Self::PushBasedConsumer,
            MessagesErrorKind::NoResponders => Self::NoResponders,
            MessagesErrorKind::RequestLimitExceeded => Self::RequestLimitExceeded,
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

impl From<SubscribeError> for BatchError {
    fn from(error: SubscribeError) -> Self {
        Self::with_source(BatchErrorKind::Subscribe, error)
    }
}

impl From<BatchRequestError> for BatchError {
    fn from(error: BatchRequestError) -> Self {
        Self::with_source(BatchErrorKind::Pull, error)
    }
}
