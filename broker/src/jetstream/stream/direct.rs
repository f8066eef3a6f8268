//! Direct gets: one message of a stream that allows them.

use std::fmt::{self, Display};
use std::marker::PhantomData;

use embus_engine::api::selector::Selector;
use embus_protocol::status::StatusCode;

use super::fetch::{FromStored, StreamValue, WithHeaders, WithoutHeaders};
use crate::client::error::Error;
use crate::jetstream::context::{Context, RequestErrorKind};
use crate::jetstream::failure::Failure;
use crate::jetstream::is_valid_subject;
use crate::jetstream::message::{StreamMessage, StreamMessageError};

/// Says which message to get; see [`Stream::direct_get_builder`](super::Stream::direct_get_builder).
#[derive(Debug)]
#[must_use = "nothing is got before `send`"]
pub struct DirectGetBuilder<T = WithHeaders> {
    context: Context,
    stream: String,
    selector: Selector,
    kind: PhantomData<T>,
}

impl DirectGetBuilder<WithHeaders> {
    pub(super) fn new(context: Context, stream: String) -> Self {
        Self { context, stream, selector: Selector::default(), kind: PhantomData }
    }

    /// Gets the message.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`DirectGetErrorKind`].
    pub async fn send(self) -> Result<StreamMessage, DirectGetError> {
        self.get().await
    }
}

impl DirectGetBuilder<WithoutHeaders> {
    /// Gets the content of the message.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`DirectGetErrorKind`].
    pub async fn send(self) -> Result<StreamValue, DirectGetError> {
        self.get().await
    }
}

impl<T> DirectGetBuilder<T> {
    /// The one with this sequence; together with a next subject, the first from there on.
    pub fn sequence(mut self, seq: u64) -> Self {
        self.selector.sequence = seq;
        self
    }

    /// The last one that matches, whatever else was said.
    pub fn last_by_subject<S: Into<String>>(mut self, subject: S) -> Self {
        self.selector.last_by_subject = subject.into();
        self
    }

    /// The first one that matches.
    pub fn next_by_subject<S: Into<String>>(mut self, subject: S) -> Self {
        self.selector.next_by_subject = subject.into();
        self
    }

    async fn get<R: FromStored>(mut self) -> Result<R, DirectGetError> {
        if !self.selector.last_by_subject.is_empty() {
            // As on the wire, where this subject is part of the request's.
            if !is_valid_subject(&self.selector.last_by_subject) {
                return Err(DirectGetErrorKind::InvalidSubject.into());
            }
            self.selector.sequence = 0;
            self.selector.next_by_subject.clear();
        }
        if self.selector.selects_nothing() {
            // The API says 408, which async-nats takes for this.
            return Err(DirectGetErrorKind::InvalidSubject.into());
        }
        let stream = match self.context.find(&self.stream) {
            Ok(stream) if stream.config().allow_direct => stream,
            // Nobody listens.
            Ok(_) | Err(Failure::Api(_)) => return Err(no_responders()),
            Err(failure) => return Err(failure.into()),
        };
        let message = self.context.fetch(&stream, &self.selector.query()).await?;
        Ok(R::from_stored(message.ok_or(DirectGetErrorKind::NotFound)?)?)
    }
}

/// Why no message was got.
pub type DirectGetError = Error<DirectGetErrorKind>;

/// What went wrong with a direct get.
#[derive(Clone, Debug, PartialEq)]
pub enum DirectGetErrorKind {
    /// There is no such message.
    NotFound,
    /// The subject is not valid, or nothing was asked for.
    InvalidSubject,
    /// The answer did not come in time.
    TimedOut,
    /// Kept so that code written for async-nats compiles.
    Request,
    /// 503: there is no such stream, or it does not allow direct gets. Else what the disk said.
    ErrorResponse(StatusCode, String),
    /// Anything else; see the source.
    Other,
}

impl Display for DirectGetErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "message not found",
            Self::InvalidSubject => "invalid subject",
            Self::TimedOut => "timed out",
            Self::Request => "request failed",
            Self::ErrorResponse(status, text) => return write!(f, "unable to get message: {status} {text}"),
            Self::Other => "error getting message",
        })
    }
}

fn no_responders() -> DirectGetError {
    DirectGetErrorKind::ErrorResponse(StatusCode::NO_RESPONDERS, "no responders".to_owned()).into()
}

impl From<Failure> for DirectGetError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Request(error) => match error.kind() {
                RequestErrorKind::NoResponders => no_responders(),
                RequestErrorKind::TimedOut => Self::with_source(DirectGetErrorKind::TimedOut, error),
                RequestErrorKind::InvalidSubject | RequestErrorKind::Other => {
                    Self::with_source(DirectGetErrorKind::Other, error)
                }
            },
            Failure::Api(error) => Self::with_source(DirectGetErrorKind::Other, error),
        }
    }
}

impl From<StreamMessageError> for DirectGetError {
    fn from(error: StreamMessageError) -> Self {
        Self::with_source(DirectGetErrorKind::Other, error)
    }
}
