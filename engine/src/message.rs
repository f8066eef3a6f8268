//! A message as in-process subscribers get it: shared by reference count, never encoded.

use crate::sync::Arc;
use bytes::{BufMut, Bytes, BytesMut};
use embus_protocol::decode::Publish;
use embus_protocol::headers::{HeaderMap, block};
use embus_protocol::status::StatusCode;
use embus_protocol::subject::Subject;

/// One published message. A clone costs a reference count per field.
///
/// What most messages do not have lies apart, so that a message is moved in a few instructions: it changes hands half a
/// dozen times between an in-process publisher and its subscriber.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it was published.
    pub subject: Subject,
    /// Its body.
    pub payload: Bytes,
    extras: Option<Arc<Extras>>,
}

/// What only some messages have.
#[derive(Debug, Clone, Default)]
struct Extras {
    reply: Option<Subject>,
    headers: Headers,
}

/// Headers of a message: as a wire client sent them, or as a program built them. Neither is converted until asked.
#[derive(Debug, Clone, Default)]
pub enum Headers {
    /// No headers.
    #[default]
    None,
    /// The raw `NATS/1.0` block, not validated, as it came from the wire. [ADR-4]
    Block(Bytes),
    /// Headers that an in-process publisher built.
    Map(HeaderMap),
}

/// What a header block says: the status of its first line, if any, and the headers.
#[derive(Debug, Clone, Default)]
pub struct ParsedHeaders {
    /// Status code and its description, as in `NATS/1.0 503 No Responders`.
    pub status: Option<(StatusCode, Option<String>)>,
    /// The headers, if there is at least one.
    pub map: Option<HeaderMap>,
}

impl Headers {
    /// Length of the encoded block in bytes; 0 without headers.
    #[inline]
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Block(block) => block.len(),
            Self::Map(map) => block::encoded_len(map),
        }
    }

    /// The block in the form of the wire.
    pub fn to_block(&self) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            Self::Block(block) => block.clone(),
            Self::Map(map) => block::encode(map).into(),
        }
    }

    /// Status and headers as values. A block that is not well formed yields neither; its message is still whole.
    pub fn parse(&self) -> ParsedHeaders {
        match self {
            Self::None => ParsedHeaders::default(),
            Self::Map(map) => ParsedHeaders { status: None, map: Some(map.clone()) },
            Self::Block(bytes) => parse_block(bytes),
        }
    }
}

impl Message {
    /// A message; `reply` is where an answer is expected, if anywhere.
    #[inline]
    pub fn new(subject: Subject, reply: Option<Subject>, headers: Headers, payload: Bytes) -> Self {
        let has_extras = reply.is_some() || !matches!(headers, Headers::None);
        let extras = has_extras.then(|| Arc::new(Extras { reply, headers }));
        Self { subject, payload, extras }
    }

    /// Where an answer is expected, if anywhere.
    #[inline]
    pub fn reply(&self) -> Option<&Subject> {
        self.extras.as_ref()?.reply.as_ref()
    }

    /// Its headers, in the form they came in.
    #[inline]
    pub fn headers(&self) -> &Headers {
        self.extras.as_ref().map_or(&Headers::None, |extras| &extras.headers)
    }

    /// Subject, reply subject, headers and payload, as [`new`](Self::new) takes them.
    #[inline]
    pub fn into_parts(self) -> (Subject, Option<Subject>, Headers, Bytes) {
        let Extras { reply, headers } = self.extras.map(Arc::unwrap_or_clone).unwrap_or_default();
        (self.subject, reply, headers, self.payload)
    }

    /// A message of its own from one that lies in a read buffer: one allocation, shared by all its parts. Where `body`
    /// already holds headers and payload (and a line end behind them), those are shared instead of copied.
    pub fn from_publish(publish: &Publish<'_>, body: Option<&Bytes>) -> Self {
        let reply_len = publish.reply.map_or(0, <[u8]>::len);
        let copied = if body.is_some() { &[][..] } else { publish.body };
        let mut bytes = BytesMut::with_capacity(publish.subject.len() + reply_len + copied.len());
        bytes.put_slice(publish.subject);
        bytes.put_slice(publish.reply.unwrap_or_default());
        bytes.put_slice(copied);
        let mut bytes = bytes.freeze();
        let subject = subject_from(&bytes.split_to(publish.subject.len()));
        let reply = publish.reply.map(|_| subject_from(&bytes.split_to(reply_len)));
        let mut payload = body.map_or(bytes, |body| body.slice(..publish.total_len));
        let headers = publish.header_len.map(|len| payload.split_to(len));
        Self::new(subject, reply, headers_from(headers), payload)
    }

    /// Bytes that the message holds: subject, reply subject, headers and payload.
    #[inline]
    pub fn len(&self) -> usize {
        self.subject.len() + self.reply().map_or(0, |reply| reply.len()) + self.body_len()
    }

    /// Whether subject, headers and payload are all empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that count against the payload limit: headers and payload.
    #[inline]
    pub fn body_len(&self) -> usize {
        self.headers().encoded_len() + self.payload.len()
    }
}

/// Subjects of the wire may be any bytes, those of a Rust program are text: bad UTF-8 is replaced, not refused.
fn subject_from(bytes: &Bytes) -> Subject {
    Subject::from_utf8(bytes.clone()).unwrap_or_else(|_| Subject::from(String::from_utf8_lossy(bytes).into_owned()))
}

/// `HPUB` with a header length of zero is a message without headers. [nats-server: HPUB]
fn headers_from(block: Option<Bytes>) -> Headers {
    match block {
        Some(block) if !block.is_empty() => Headers::Block(block),
        _ => Headers::None,
    }
}

fn parse_block(bytes: &[u8]) -> ParsedHeaders {
    match block::parse(bytes) {
        Ok((status, map)) => ParsedHeaders { status, map: (!map.is_empty()).then_some(map) },
        Err(error) => {
            tracing::debug!(%error, "a message carries a malformed header block");
            ParsedHeaders::default()
        }
    }
}
