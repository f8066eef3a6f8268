//! What can go wrong with consumers, with the names of async-nats.

use std::fmt::{self, Display};

use crate::client::error::Error;
use crate::jetstream::context::{RequestError, RequestErrorKind};
use crate::jetstream::errors::{self, ErrorCode};

/// Why a consumer was not made, or nothing done with it.
pub type ConsumerError = Error<ConsumerErrorKind>;

/// What went wrong with a consumer.
#[derive(Clone, Debug, PartialEq)]
pub enum ConsumerErrorKind {
    /// The answer did not come in time.
    TimedOut,
    /// There was no answer; see the source.
    Request,
    /// The consumer is of another kind.
    InvalidConsumerType,
    /// The name can't be one.
    InvalidName,
    /// The API refused.
    JetStream(errors::Error),
    /// Anything else; see the source.
    Other,
}

/// Why a consumer was not made.
pub type ConsumerCreateStrictError = Error<ConsumerCreateStrictErrorKind>;

/// What went wrong with making a consumer.
#[derive(Clone, Debug, PartialEq)]
pub enum ConsumerCreateStrictErrorKind {
    /// The answer did not come in time.
    TimedOut,
    /// There was no answer; see the source.
    Request,
    /// The consumer is of another kind.
    InvalidConsumerType,
    /// The name can't be one.
    InvalidName,
    /// There is one of that name, configured differently.
    AlreadyExists,
    /// The API refused.
    JetStream(errors::Error),
    /// Anything else; see the source.
    Other,
}

/// Why a consumer was not changed.
pub type ConsumerUpdateError = Error<ConsumerUpdateErrorKind>;

/// What went wrong with changing a consumer.
#[derive(Clone, Debug, PartialEq)]
pub enum ConsumerUpdateErrorKind {
    /// The answer did not come in time.
    TimedOut,
    /// There was no answer; see the source.
    Request,
    /// The consumer is of another kind.
    InvalidConsumerType,
    /// The name can't be one.
    InvalidName,
    /// There is none of that name.
    DoesNotExist,
    /// The API refused.
    JetStream(errors::Error),
    /// Anything else; see the source.
    Other,
}

/// Why a consumer does not begin anew.
pub type ConsumerResetError = Error<ConsumerResetErrorKind>;

/// What went wrong with having a consumer begin anew.
#[derive(Clone, Debug, PartialEq)]
pub enum ConsumerResetErrorKind {
    /// The answer did not come in time.
    TimedOut,
    /// There was no answer; see the source.
    Request,
    /// There is no such consumer or stream.
    NotFound,
    /// The consumer can't begin there.
    InvalidReset,
    /// The API refused.
    JetStream(errors::Error),
}

impl Display for ConsumerErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "timed out",
            Self::Request => "request failed",
            Self::InvalidConsumerType => "invalid consumer type",
            Self::InvalidName => "invalid consumer name",
            Self::JetStream(error) => return write!(f, "JetStream error: {error}"),
            Self::Other => "consumer error",
        })
    }
}

impl Display for ConsumerCreateStrictErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyExists => f.write_str("consumer already exists"),
            other => ConsumerErrorKind::from(other.clone()).fmt(f),
        }
    }
}

impl Display for ConsumerUpdateErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoesNotExist => f.write_str("consumer does not exist"),
            other => ConsumerErrorKind::from(other.clone()).fmt(f),
        }
    }
}

impl Display for ConsumerResetErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "timed out",
            Self::Request => "request failed",
            Self::NotFound => "stream or consumer not found",
            Self::InvalidReset => "invalid reset",
            Self::JetStream(error) => return write!(f, "JetStream error: {error}"),
        })
    }
}

/// The two stricter enums have one kind more each than the plain one.
macro_rules! stricter {
    ($kind:ident, $error:ident, $extra:ident, $code:ident) => {
        impl From<$kind> for ConsumerErrorKind {
            fn from(kind: $kind) -> Self {
                match kind {
                    $kind::TimedOut => Self::TimedOut,
                    $kind::Request => Self::Request,
                    $kind::InvalidConsumerType => Self::InvalidConsumerType,
                    $kind::InvalidName => Self::InvalidName,
                    $kind::JetStream(error) => Self::JetStream(error),
                    $kind::$extra | $kind::Other => Self::Other,
                }
            }
        }

        impl From<ConsumerErrorKind> for $kind {
            fn from(kind: ConsumerErrorKind) -> Self {
                match kind {
                    ConsumerErrorKind::TimedOut => Self::TimedOut,
                    ConsumerErrorKind::Request => Self::Request,
                    ConsumerErrorKind::InvalidConsumerType => Self::InvalidConsumerType,
                    ConsumerErrorKind::InvalidName => Self::InvalidName,
                    ConsumerErrorKind::JetStream(error) if error.error_code() == ErrorCode::$code => Self::$extra,
                    ConsumerErrorKind::JetStream(error) => Self::JetStream(error),
                    ConsumerErrorKind::Other => Self::Other,
                }
            }
        }

        impl From<ConsumerError> for $error {
            fn from(error: ConsumerError) -> Self {
                let kind = error.kind().into();
                match error.into_source() {
                    Some(source) => Self::with_source(kind, source),
                    None => Self::new(kind),
                }
            }
        }
    };
}

stricter!(ConsumerCreateStrictErrorKind, ConsumerCreateStrictError, AlreadyExists, CONSUMER_ALREADY_EXISTS);
stricter!(ConsumerUpdateErrorKind, ConsumerUpdateError, DoesNotExist, CONSUMER_DOES_NOT_EXIST);

impl From<errors::Error> for ConsumerError {
    fn from(error: errors::Error) -> Self {
        Self::new(ConsumerErrorKind::JetStream(error))
    }
}

impl From<RequestError> for ConsumerError {
    fn from(error: RequestError) -> Self {
        match error.kind() {
            RequestErrorKind::TimedOut => Self::new(ConsumerErrorKind::TimedOut),
            _ => Self::with_source(ConsumerErrorKind::Request, error),
        }
    }
}

impl From<errors::Error> for ConsumerResetError {
    fn from(error: errors::Error) -> Self {
        Self::new(match error.error_code() {
            ErrorCode::CONSUMER_INVALID_RESET => ConsumerResetErrorKind::InvalidReset,
            ErrorCode::CONSUMER_NOT_FOUND | ErrorCode::STREAM_NOT_FOUND => ConsumerResetErrorKind::NotFound,
            _ => ConsumerResetErrorKind::JetStream(error),
        })
    }
}

impl From<RequestError> for ConsumerResetError {
    fn from(error: RequestError) -> Self {
        match error.kind() {
            RequestErrorKind::TimedOut => Self::new(ConsumerResetErrorKind::TimedOut),
            RequestErrorKind::NoResponders => Self::new(ConsumerResetErrorKind::NotFound),
            _ => Self::with_source(ConsumerResetErrorKind::Request, error),
        }
    }
}
