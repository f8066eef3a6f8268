//! How calls fail inside: the API refused, or was not reached. Each public error is made from this.

use embus_engine::api::error::ApiError;

use super::errors;
use crate::jetstream::context::{RequestError, RequestErrorKind};

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There was no answer.
    Request(RequestError),
    /// The answer is an error.
    Api(errors::Error),
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(error.into())
    }
}

impl From<Failure> for RequestError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Request(error) => error,
            Failure::Api(error) => error.into(),
        }
    }
}

/// The broker is gone, or goes.
#[derive(Debug, thiserror::Error)]
#[error("the broker has stopped")]
pub(crate) struct Stopped;

impl From<Stopped> for RequestError {
    fn from(stopped: Stopped) -> Self {
        Self::with_source(RequestErrorKind::Other, stopped)
    }
}

/// Makes an error with the kinds `Request`, `TimedOut` and `JetStream` from a failure.
macro_rules! from_failure {
    ($error:ident, $kind:ident) => {
        impl From<$crate::jetstream::failure::Failure> for $error {
            fn from(failure: $crate::jetstream::failure::Failure) -> Self {
                use $crate::jetstream::context::RequestErrorKind;
                use $crate::jetstream::failure::Failure;
                match failure {
                    Failure::Api(error) => Self::new($kind::JetStream(error)),
                    Failure::Request(error) if error.kind() == RequestErrorKind::TimedOut => {
                        Self::with_source($kind::TimedOut, error)
                    }
                    Failure::Request(error) => Self::with_source($kind::Request, error),
                }
            }
        }
    };
}
pub(crate) use from_failure;
