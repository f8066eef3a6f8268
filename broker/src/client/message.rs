//! The messages that the client hands out and takes in.

use bytes::Bytes;
use embus_engine::{Headers, Message as EngineMessage};

use embus_protocol::headers::{HeaderMap, block};
use embus_protocol::status::StatusCode;
use embus_protocol::subject::Subject;
use serde::{Deserialize, Serialize};

/// A message as a [`Subscriber`](super::Subscriber) or a request yields it. A clone copies no payload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// The subject that it was published to (not the filter that it matched).
    pub subject: Subject,
    /// Where the publisher expects answers, if it does.
    pub reply: Option<Subject>,
    /// The content, any bytes.
    pub payload: Bytes,
    /// The headers, if there are any.
    ///
    /// A publisher in another process may have sent a block that is not `NATS/1.0`. async-nats drops the connection
    /// when it receives one; an in-process subscriber gets the message without headers instead, and the subscriber
    /// [counts it](super::Subscriber::malformed_headers).
    pub headers: Option<HeaderMap>,
    /// The status in the first header line, such as 503 when nobody listens to a request.
    pub status: Option<StatusCode>,
    /// The text behind the status, if there is one.
    pub description: Option<String>,
    /// The length of subject, reply subject, headers and payload together, in bytes.
    pub length: usize,
}

/// A message to be published: what a [`Message`] has without that what only a server adds.
#[derive(Clone, Debug)]
pub struct OutboundMessage {
    /// Where to publish it.
    pub subject: Subject,
    /// Where answers are expected, if they are.
    pub reply: Option<Subject>,
    /// The content, any bytes.
    pub payload: Bytes,
    /// The headers; an empty map is as good as none.
    pub headers: Option<HeaderMap>,
}

/// What the headers of a delivered message turned out to be.
#[derive(Default)]
struct Parsed {
    headers: Option<HeaderMap>,
    status: Option<StatusCode>,
    description: Option<String>,
    encoded_len: usize,
    malformed: bool,
}

impl Message {
    /// The message as the API shows it, and whether its header block was malformed.
    #[inline]
    pub(super) fn from_engine(message: EngineMessage) -> (Self, bool) {
        let EngineMessage { subject, reply, headers, payload } = message;
        let parsed = match headers {
            Headers::None => Parsed::default(),
            Headers::Map(map) => {
                Parsed { encoded_len: block::encoded_len(&map), headers: Some(map), ..Parsed::default() }
            }
            Headers::Block(block) => parse(&subject, &block),
        };
        let length = subject.len() + reply.as_ref().map_or(0, |reply| reply.len()) + parsed.encoded_len + payload.len();
        let Parsed { headers, status, description, malformed, .. } = parsed;
        (Self { subject, reply, payload, headers, status, description, length }, malformed)
    }
}

/// Parses a block that came over the wire, at the moment somebody reads the message and not before.
fn parse(subject: &Subject, block: &Bytes) -> Parsed {
    let encoded_len = block.len();
    match block::parse(block) {
        Ok((status, headers)) => {
            let (status, description) = status.map_or((None, None), |(status, text)| (Some(status), text));
            Parsed { headers: Some(headers), status, description, encoded_len, malformed: false }
        }
        Err(error) => {
            tracing::debug!(%subject, %error, "a message with malformed headers is delivered without them");
            Parsed { encoded_len, malformed: true, ..Parsed::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine_message(headers: Headers) -> EngineMessage {
        let reply = Some(Subject::from_static("r.1"));
        EngineMessage { subject: Subject::from_static("a.b"), reply, headers, payload: Bytes::from_static(b"data") }
    }

    #[test]
    fn a_plain_message_keeps_its_parts() {
        let (message, malformed) = Message::from_engine(engine_message(Headers::None));
        assert!(!malformed);
        assert_eq!(message.subject.as_str(), "a.b");
        assert_eq!(message.reply.as_deref(), Some("r.1"));
        assert_eq!(&message.payload[..], b"data");
        assert!(message.headers.is_none() && message.status.is_none() && message.description.is_none());
        assert_eq!(message.length, 10);
    }

    #[test]
    fn a_header_map_passes_through() {
        let mut headers = HeaderMap::new();
        headers.insert("Color", "red");
        let (message, malformed) = Message::from_engine(engine_message(Headers::Map(headers.clone())));
        assert!(!malformed);
        assert_eq!(message.headers, Some(headers));
        assert_eq!(message.length, 10 + "NATS/1.0\r\nColor: red\r\n\r\n".len());
    }

    #[test]
    fn a_block_is_parsed_with_its_status() {
        let block = Bytes::from_static(b"NATS/1.0 404 No Messages\r\nA: 1\r\n\r\n");
        let length = 10 + block.len();
        let (message, malformed) = Message::from_engine(engine_message(Headers::Block(block)));
        assert!(!malformed);
        assert_eq!(message.status, Some(StatusCode::NOT_FOUND));
        assert_eq!(message.description.as_deref(), Some("No Messages"));
        assert_eq!(message.headers.unwrap().get("A").map(|value| value.as_str().to_owned()).as_deref(), Some("1"));
        assert_eq!(message.length, length);
    }

    #[test]
    fn a_malformed_block_costs_the_headers_only() {
        let block = Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\n");
        let (message, malformed) = Message::from_engine(engine_message(Headers::Block(block)));
        assert!(malformed);
        assert!(message.headers.is_none() && message.status.is_none());
        assert_eq!(&message.payload[..], b"data");
    }
}
