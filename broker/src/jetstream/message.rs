//! Messages for streams and out of streams.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use embus_protocol::headers::{self, HeaderMap, HeaderValue, IntoHeaderName, IntoHeaderValue};
use embus_protocol::subject::{Subject, ToSubject};

use crate::client::error::Error;
use crate::datetime::{self, DateTime};
use crate::message;

pub use super::acker::{AckKind, Acker, Message};
pub use super::delivery::Info;

/// A message as it is stored.
#[derive(Debug, Clone)]
pub struct StreamMessage {
    /// Where it was published, or what the stream made of that.
    pub subject: Subject,
    /// Its number in the stream.
    pub sequence: u64,
    /// Its headers; empty if it has none.
    pub headers: HeaderMap,
    /// Its content.
    pub payload: Bytes,
    /// When it was stored.
    pub time: DateTime,
}

/// A message to be published into a stream, with its subject; see
/// [`traits::Publisher`](super::context::traits::Publisher).
#[derive(Debug, Clone)]
pub struct OutboundMessage {
    /// Where to publish it.
    pub subject: Subject,
    /// Its content.
    pub payload: Bytes,
    /// Its headers.
    pub headers: Option<HeaderMap>,
}

impl OutboundMessage {
    /// A message of these parts.
    pub fn new(subject: Subject, payload: Bytes, headers: Option<HeaderMap>) -> Self {
        Self { subject, payload, headers }
    }
}

impl From<OutboundMessage> for message::OutboundMessage {
    fn from(message: OutboundMessage) -> Self {
        let OutboundMessage { subject, payload, headers } = message;
        Self { subject, payload, headers, reply: None }
    }
}

/// A message to be published into a stream, with conditions; see [`Context::send_publish`](super::Context::send_publish).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use embus::jetstream;
/// use embus::jetstream::context::PublishErrorKind;
/// use embus::jetstream::message::PublishMessage;
///
/// let broker = embus::Broker::builder().start().await?;
/// let jetstream = jetstream::new(broker.client());
/// jetstream.create_stream("counters").await?;
///
/// let first = PublishMessage::build().payload("1".into()).expected_last_subject_sequence(0);
/// jetstream.send_publish("counters", first.clone()).await?.await?;
/// let error = jetstream.send_publish("counters", first).await?.await.unwrap_err();
/// assert_eq!(error.kind(), PublishErrorKind::WrongLastSequence);
/// # Ok(())
/// # }
/// ```
#[derive(Default, Clone, Debug)]
pub struct PublishMessage {
    pub(crate) payload: Bytes,
    pub(crate) headers: Option<HeaderMap>,
}

impl PublishMessage {
    /// An empty message without conditions.
    pub fn build() -> Self {
        Self::default()
    }

    /// Sets the content.
    pub fn payload(mut self, payload: Bytes) -> Self {
        self.payload = payload;
        self
    }

    /// Sets all headers, in place of those set before.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = Some(headers);
        self
    }

    /// Sets one header.
    pub fn header<N: IntoHeaderName, V: IntoHeaderValue>(mut self, name: N, value: V) -> Self {
        self.headers.get_or_insert_with(HeaderMap::new).insert(name, value);
        self
    }

    /// Names the message: a second one of that name is not stored within the stream's `duplicate_window`.
    pub fn message_id<T: AsRef<str>>(self, id: T) -> Self {
        self.header(headers::NATS_MESSAGE_ID, id.as_ref())
    }

    /// Store it only if the stream's last message has this name.
    pub fn expected_last_message_id<T: AsRef<str>>(self, last_message_id: T) -> Self {
        self.header(headers::NATS_EXPECTED_LAST_MESSAGE_ID, last_message_id.as_ref())
    }

    /// Store it only if this is the stream's last sequence.
    pub fn expected_last_sequence(self, last_sequence: u64) -> Self {
        self.header(headers::NATS_EXPECTED_LAST_SEQUENCE, HeaderValue::from(last_sequence))
    }

    /// Store it only if this is the sequence of the last message on its subject; 0 means there is none.
    pub fn expected_last_subject_sequence(self, subject_sequence: u64) -> Self {
        self.header(headers::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(subject_sequence))
    }

    /// Store it only in the stream of this name.
    pub fn expected_stream<T: AsRef<str>>(self, stream: T) -> Self {
        self.header(headers::NATS_EXPECTED_STREAM, stream.as_ref())
    }

    /// Removes it after this time, in whole seconds; the stream must allow it (`allow_message_ttl`).
    pub fn ttl(self, ttl: Duration) -> Self {
        self.header(headers::NATS_MESSAGE_TTL, ttl.as_secs().to_string())
    }

    /// The message with a subject, for [`traits::Publisher`](super::context::traits::Publisher).
    #[expect(clippy::needless_pass_by_value, reason = "the signature is that of async-nats")]
    pub fn outbound_message<S: ToSubject>(self, subject: S) -> OutboundMessage {
        OutboundMessage { subject: subject.to_subject(), payload: self.payload, headers: self.headers }
    }
}

/// The answer to a direct get over the wire.
impl TryFrom<message::Message> for StreamMessage {
    type Error = StreamMessageError;

    fn try_from(message: message::Message) -> Result<Self, Self::Error> {
        let missing = |what: &str| StreamMessageError::with_source(StreamMessageErrorKind::MissingHeader, what);
        let headers = message.headers.ok_or_else(|| missing("no headers"))?;
        let sequence = headers.get_last(headers::NATS_SEQUENCE).ok_or_else(|| missing("sequence"))?;
        let sequence = sequence.as_str().parse().map_err(malformed)?;
        let time = headers.get_last(headers::NATS_TIME_STAMP).ok_or_else(|| missing("timestamp"))?;
        let time = datetime::parse_rfc3339(time.as_str()).map_err(malformed)?;
        let subject = headers.get_last(headers::NATS_SUBJECT).ok_or_else(|| missing("subject"))?.as_str().into();
        Ok(Self { subject, sequence, headers, payload: message.payload, time })
    }
}

fn malformed(source: impl Into<crate::Error>) -> StreamMessageError {
    StreamMessageError::with_source(StreamMessageErrorKind::ParseError, source)
}

/// Why a message is not the answer to a direct get.
pub type StreamMessageError = Error<StreamMessageErrorKind>;

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamMessageErrorKind {
    /// It does not tell its place in a stream.
    MissingHeader,
    /// It tells its place in a way that is not understood.
    ParseError,
}

impl fmt::Display for StreamMessageErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingHeader => "missing message header",
            Self::ParseError => "parse error",
        })
    }
}
