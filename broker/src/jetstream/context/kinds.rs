//! What can go wrong, with the names of async-nats.

use std::error::Error as _;
use std::fmt::{self, Display};

use crate::client::error::Error;
use crate::jetstream::errors::{self, ErrorCode};
use crate::jetstream::failure::Failure;

/// Why a message was not published, or not stored.
pub type PublishError = Error<PublishErrorKind>;

impl PublishError {
    /// What the stream said, if it was the stream that refused the message: 10077 if it is full, or could not be written,
    /// 10054 if the message is larger than it takes, and so on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let jetstream = embus::jetstream::new(broker.client());
    /// use embus::jetstream::{ErrorCode, stream};
    ///
    /// let small = stream::Config { name: "S".into(), subjects: vec!["s".into()], max_message_size: 4, ..Default::default() };
    /// jetstream.create_stream(small).await?;
    /// let error = jetstream.publish("s", "12345".into()).await?.await.unwrap_err();
    /// assert_eq!(error.error_code(), Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM));
    /// # Ok(())
    /// # }
    /// ```
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.source()?.downcast_ref::<errors::Error>().map(errors::Error::error_code)
    }
}

/// What went wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PublishErrorKind {
    /// No stream wants messages on this subject.
    StreamNotFound,
    /// The stream's last message has another id than was expected.
    WrongLastMessageId,
    /// The last sequence is another one than was expected.
    WrongLastSequence,
    /// The acknowledgement did not come in time: the message may be stored or not.
    TimedOut,
    /// Kept so that code written for async-nats compiles; there is no connection that could break.
    BrokenPipe,
    /// As many acknowledgements are outstanding as the context allows.
    MaxAckPending,
    /// Headers and payload together are longer than [`Client::max_payload`](crate::Client::max_payload).
    MaxPayloadExceeded,
    /// Anything else; see the source, and [`error_code`](PublishError::error_code).
    Other,
}

impl Display for PublishErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StreamNotFound => "no stream found for given subject",
            Self::WrongLastMessageId => "wrong last message id",
            Self::WrongLastSequence => "wrong last sequence",
            Self::TimedOut => "timed out: didn't receive ack in time",
            Self::BrokenPipe => "broken pipe",
            Self::MaxAckPending => "max ack pending reached",
            Self::MaxPayloadExceeded => "max payload size exceeded",
            Self::Other => "publish failed",
        })
    }
}

impl From<crate::PublishError> for PublishError {
    fn from(error: crate::PublishError) -> Self {
        let kind = match error.kind() {
            crate::PublishErrorKind::MaxPayloadExceeded => PublishErrorKind::MaxPayloadExceeded,
            crate::PublishErrorKind::InvalidSubject | crate::PublishErrorKind::Send => PublishErrorKind::Other,
        };
        Self::with_source(kind, error)
    }
}

/// Why a call was not answered, or not as it should.
pub type RequestError = Error<RequestErrorKind>;

/// What went wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RequestErrorKind {
    /// The broker has no JetStream, or not the domain of the context.
    NoResponders,
    /// The answer did not come in time.
    TimedOut,
    /// The subject of the request is not valid.
    InvalidSubject,
    /// The API refused, the client was drained, or the broker has stopped; see the source.
    Other,
}

impl Display for RequestErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoResponders => "requested JetStream resource does not exist",
            Self::TimedOut => "timed out",
            Self::InvalidSubject => "invalid subject",
            Self::Other => "request failed",
        })
    }
}

impl From<crate::RequestError> for RequestError {
    fn from(error: crate::RequestError) -> Self {
        let kind = match error.kind() {
            crate::RequestErrorKind::TimedOut => RequestErrorKind::TimedOut,
            crate::RequestErrorKind::NoResponders => RequestErrorKind::NoResponders,
            crate::RequestErrorKind::InvalidSubject => RequestErrorKind::InvalidSubject,
            crate::RequestErrorKind::MaxPayloadExceeded | crate::RequestErrorKind::Other => RequestErrorKind::Other,
        };
        Self::with_source(kind, error)
    }
}

impl From<errors::Error> for RequestError {
    fn from(error: errors::Error) -> Self {
        Self::with_source(RequestErrorKind::Other, error)
    }
}

/// Why a list of streams ends early.
pub type StreamsError = RequestError;

/// What went wrong with a list of streams.
pub type StreamsErrorKind = RequestErrorKind;

/// Why a stream was not made or changed.
pub type CreateStreamError = Error<CreateStreamErrorKind>;

/// What went wrong with making or changing a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum CreateStreamErrorKind {
    /// It has no name.
    EmptyStreamName,
    /// Its name holds a dot, white space or a wildcard.
    InvalidStreamName,
    /// A source has both a domain and an external prefix.
    DomainAndExternalSet,
    /// The broker has no JetStream, or not the domain of the context.
    JetStreamUnavailable,
    /// The API refused.
    JetStream(errors::Error),
    /// The answer did not come in time: the stream may be made or not.
    TimedOut,
    /// Anything else; see the source.
    Response,
    /// There is no such stream.
    NotFound,
    /// Kept so that code written for async-nats compiles: nothing is parsed.
    ResponseParse,
}

impl Display for CreateStreamErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyStreamName => "stream name cannot be empty",
            Self::InvalidStreamName => "stream name cannot contain `.`, `*`, `>` or white space",
            Self::DomainAndExternalSet => "domain and external are both set",
            Self::JetStreamUnavailable => "jetstream unavailable",
            Self::JetStream(error) => return write!(f, "jetstream error: {error}"),
            Self::TimedOut => "jetstream request timed out",
            Self::Response => "response error",
            Self::NotFound => "stream not found",
            Self::ResponseParse => "failed to parse server response",
        })
    }
}

impl From<errors::Error> for CreateStreamError {
    fn from(error: errors::Error) -> Self {
        match error.error_code() {
            ErrorCode::STREAM_NOT_FOUND => Self::new(CreateStreamErrorKind::NotFound),
            _ => Self::new(CreateStreamErrorKind::JetStream(error)),
        }
    }
}

impl From<RequestError> for CreateStreamError {
    fn from(error: RequestError) -> Self {
        let kind = match error.kind() {
            RequestErrorKind::NoResponders => CreateStreamErrorKind::JetStreamUnavailable,
            RequestErrorKind::TimedOut => CreateStreamErrorKind::TimedOut,
            RequestErrorKind::InvalidSubject => CreateStreamErrorKind::InvalidStreamName,
            RequestErrorKind::Other => CreateStreamErrorKind::Response,
        };
        Self::with_source(kind, error)
    }
}

impl From<Failure> for CreateStreamError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Request(error) => error.into(),
            Failure::Api(error) => error.into(),
        }
    }
}

/// Why a stream was not changed.
pub type UpdateStreamError = CreateStreamError;

/// What went wrong with changing a stream.
pub type UpdateStreamErrorKind = CreateStreamErrorKind;

/// Why a stream was not found.
pub type GetStreamError = Error<GetStreamErrorKind>;

/// What went wrong with finding a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum GetStreamErrorKind {
    /// The name is empty.
    EmptyName,
    /// There was no answer; see the source.
    Request,
    /// The name holds a dot, white space or a wildcard.
    InvalidStreamName,
    /// The API refused.
    JetStream(errors::Error),
}

impl Display for GetStreamErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyName => "stream name cannot be empty",
            Self::Request => "request error",
            Self::InvalidStreamName => "invalid stream name",
            Self::JetStream(error) => return write!(f, "jetstream error: {error}"),
        })
    }
}

impl From<Failure> for GetStreamError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Request(error) => Self::with_source(GetStreamErrorKind::Request, error),
            Failure::Api(error) => Self::new(GetStreamErrorKind::JetStream(error)),
        }
    }
}

/// Why a stream was not deleted.
pub type DeleteStreamError = GetStreamError;

/// What went wrong with deleting a stream.
pub type DeleteStreamErrorKind = GetStreamErrorKind;

/// Why no stream was found for a subject.
pub type GetStreamByNameError = Error<GetStreamByNameErrorKind>;

/// What went wrong with finding a stream for a subject.
#[derive(Clone, Debug, PartialEq)]
pub enum GetStreamByNameErrorKind {
    /// There was no answer; see the source.
    Request,
    /// No stream wants messages on this subject.
    NotFound,
    /// The subject is not valid.
    InvalidSubject,
    /// The API refused.
    JetStream(errors::Error),
}

impl Display for GetStreamByNameErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request error",
            Self::NotFound => "stream not found",
            Self::InvalidSubject => "invalid subject",
            Self::JetStream(error) => return write!(f, "jetstream error: {error}"),
        })
    }
}

/// Why nothing is known of the account.
pub type AccountError = Error<AccountErrorKind>;

/// What went wrong with asking for the account.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountErrorKind {
    /// The answer did not come in time.
    TimedOut,
    /// The API refused.
    JetStream(errors::Error),
    /// The broker has no JetStream, or not the domain of the context.
    JetStreamUnavailable,
    /// Anything else; see the source.
    Other,
}

impl Display for AccountErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "timed out",
            Self::JetStream(error) => return write!(f, "JetStream error: {error}"),
            Self::JetStreamUnavailable => "JetStream unavailable",
            Self::Other => "error",
        })
    }
}

impl From<RequestError> for AccountError {
    fn from(error: RequestError) -> Self {
        let kind = match error.kind() {
            RequestErrorKind::NoResponders => AccountErrorKind::JetStreamUnavailable,
            RequestErrorKind::TimedOut => AccountErrorKind::TimedOut,
            RequestErrorKind::InvalidSubject | RequestErrorKind::Other => AccountErrorKind::Other,
        };
        Self::with_source(kind, error)
    }
}

/// Why nothing is known of a consumer.
pub type ConsumerInfoError = Error<ConsumerInfoErrorKind>;

/// What went wrong with asking for a consumer.
#[derive(Clone, Debug, PartialEq)]
pub enum ConsumerInfoErrorKind {
    /// The name can't be one.
    InvalidName,
    /// It is there but can't be used; no consumer of embus is.
    Offline,
    /// There is no such consumer.
    NotFound,
    /// There is no such stream.
    StreamNotFound,
    /// There was no answer; see the source.
    Request,
    /// The API refused.
    JetStream(errors::Error),
    /// The answer did not come in time.
    TimedOut,
    /// The broker has no JetStream, or not the domain of the context.
    NoResponders,
}

impl Display for ConsumerInfoErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidName => "invalid consumer name",
            Self::Offline => "consumer is offline",
            Self::NotFound => "consumer not found",
            Self::StreamNotFound => "stream not found",
            Self::Request => "request error",
            Self::JetStream(error) => return write!(f, "jetstream error: {error}"),
            Self::TimedOut => "timed out",
            Self::NoResponders => "no responders",
        })
    }
}

impl From<errors::Error> for ConsumerInfoError {
    fn from(error: errors::Error) -> Self {
        Self::new(match error.error_code() {
            ErrorCode::CONSUMER_NOT_FOUND => ConsumerInfoErrorKind::NotFound,
            ErrorCode::STREAM_NOT_FOUND => ConsumerInfoErrorKind::StreamNotFound,
            ErrorCode::CONSUMER_OFFLINE => ConsumerInfoErrorKind::Offline,
            _ => ConsumerInfoErrorKind::JetStream(error),
        })
    }
}

impl From<RequestError> for ConsumerInfoError {
    fn from(error: RequestError) -> Self {
        match error.kind() {
            RequestErrorKind::TimedOut => Self::new(ConsumerInfoErrorKind::TimedOut),
            RequestErrorKind::NoResponders => Self::new(ConsumerInfoErrorKind::NoResponders),
            RequestErrorKind::InvalidSubject => Self::with_source(ConsumerInfoErrorKind::InvalidName, error),
            RequestErrorKind::Other => Self::with_source(ConsumerInfoErrorKind::Request, error),
        }
    }
}
