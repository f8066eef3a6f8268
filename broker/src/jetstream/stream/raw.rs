//! Gets through the API: one message of any stream.

use std::fmt::{self, Display};
use std::marker::PhantomData;

use embus_engine::api::error::ApiError;
use embus_engine::api::selector::Selector;

use super::fetch::{FromStored, StreamValue, WithHeaders, WithoutHeaders};
use crate::client::error::Error;
use crate::jetstream::context::Context;
use crate::jetstream::errors::{self, ErrorCode};
use crate::jetstream::failure::Failure;
use crate::jetstream::is_valid_subject;
use crate::jetstream::message::StreamMessage;

/// Says which message to get; see [`Stream::raw_message_builder`](super::Stream::raw_message_builder).
#[derive(Debug)]
#[must_use = "nothing is got before `send`"]
pub struct RawMessageBuilder<T = WithHeaders> {
    context: Context,
    stream: String,
    selector: Selector,
    kind: PhantomData<T>,
}

impl RawMessageBuilder<WithHeaders> {
    pub(super) fn new(context: Context, stream: String) -> Self {
        Self { context, stream, selector: Selector::default(), kind: PhantomData }
    }

    /// Gets the message.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`RawMessageErrorKind`].
    pub async fn send(self) -> Result<StreamMessage, RawMessageError> {
        self.get().await
    }
}

impl RawMessageBuilder<WithoutHeaders> {
    /// Gets the content of the message.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`RawMessageErrorKind`].
    pub async fn send(self) -> Result<StreamValue, RawMessageError> {
        self.get().await
    }
}

impl<T> RawMessageBuilder<T> {
    /// The one with this sequence; together with a next subject, the first from there on.
    pub fn sequence(mut self, seq: u64) -> Self {
        self.selector.sequence = seq;
        self
    }

    /// The last one that matches.
    pub fn last_by_subject<S: Into<String>>(mut self, subject: S) -> Self {
        self.selector.last_by_subject = subject.into();
        self
    }

    /// The first one that matches.
    pub fn next_by_subject<S: Into<String>>(mut self, subject: S) -> Self {
        self.selector.next_by_subject = subject.into();
        self
    }

    async fn get<R: FromStored>(self) -> Result<R, RawMessageError> {
        let subjects = [&self.selector.last_by_subject, &self.selector.next_by_subject];
        if subjects.into_iter().any(|subject| !subject.is_empty() && !is_valid_subject(subject)) {
            return Err(LastRawMessageErrorKind::InvalidSubject.into());
        }
        Ok(self.got().await?)
    }

    async fn got<R: FromStored>(self) -> Result<R, Failure> {
        if self.selector.selects_nothing() || self.selector.contradicts_itself() {
            return Err(ApiError::bad_request().into());
        }
        let stream = self.context.find(&self.stream)?;
        let message = self.context.fetch(&stream, &self.selector.query()).await?;
        R::from_stored(message.ok_or_else(ApiError::no_message_found)?)
    }
}

/// Why no message was got.
pub type LastRawMessageError = Error<LastRawMessageErrorKind>;

/// Why no message was got.
pub type RawMessageError = LastRawMessageError;

/// What went wrong with a get.
#[derive(Clone, Debug, PartialEq)]
pub enum LastRawMessageErrorKind {
    /// There is no such message.
    NoMessageFound,
    /// The subject is not valid.
    InvalidSubject,
    /// The API refused.
    JetStream(errors::Error),
    /// Anything else; see the source.
    Other,
}

/// What went wrong with a get.
pub type RawMessageErrorKind = LastRawMessageErrorKind;

impl Display for LastRawMessageErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoMessageFound => "no message found",
            Self::InvalidSubject => "invalid subject",
            Self::JetStream(error) => return write!(f, "JetStream error: {error}"),
            Self::Other => "failed to get last raw message",
        })
    }
}

impl From<Failure> for LastRawMessageError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Api(error) if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => {
                LastRawMessageErrorKind::NoMessageFound.into()
            }
            Failure::Api(error) => LastRawMessageErrorKind::JetStream(error).into(),
            Failure::Request(error) => Self::with_source(LastRawMessageErrorKind::Other, error),
        }
    }
}
