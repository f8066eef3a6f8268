//! The messages that the client hands out and takes in.

use bytes::Bytes;
use embus_engine::{Headers, Message as EngineMessage};

use embus_protocol::headers::{HeaderMap, block};
use embus_protocol::status::StatusCode;
use embus_protocol::subject::Subject;
use serde::{Deserialize, Serialize};

/// A message as a [`Subscriber`](crate::Subscriber) or a request yields it. A clone copies no payload.
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
    /// [counts it](crate::Subscriber::malformed_headers).
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

impl Message {
    /// The message as the API shows it. `malformed` counts header blocks that are not `NATS/1.0`.
    #[inline]
    pub(crate) fn from_engine(message: EngineMessage, malformed: &mut u64) -> Self {
        let (subject, reply, headers, payload) = message.into_parts();
        let length = subject.len() + reply.as_ref().map_or(0, |reply| reply.len()) + payload.len();
        let plain = Self { subject, reply, payload, headers: None, status: None, description: None, length };
        match headers {
            Headers::None => plain,
            headers => plain.with_headers(headers, malformed),
        }
    }

    fn with_headers(mut self, headers: Headers, malformed: &mut u64) -> Self {
        self.length += headers.encoded_len();
        match headers {
            Headers::None => {}
            Headers::Map(map) => self.headers = Some(map),
            Headers::Block(block) => self.parse(&block, malformed),
        }
        self
    }

    /// Parses a block that came over the wire, at the moment somebody reads the message and not before.
    fn parse(&mut self, block: &[u8], malformed: &mut u64) {
        match block::parse(block) {
            Ok((status, headers)) => {
                (self.status, self.description) = status.map_or((None, None), |(status, text)| (Some(status), text));
                self.headers = Some(headers);
            }
            Err(error) => {
                *malformed += 1;
                tracing::debug!(subject = %self.subject, %error, "a message with malformed headers comes without them");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with `headers` as the API shows it, and how many header blocks were malformed.
    fn shown(headers: Headers) -> (Message, u64) {
        let (subject, reply) = (Subject::from_static("a.b"), Some(Subject::from_static("r.1")));
        let message = EngineMessage::new(subject, reply, headers, Bytes::from_static(b"data"));
        let mut malformed = 0;
        (Message::from_engine(message, &mut malformed), malformed)
    }

    #[test]
    fn a_plain_message_keeps_its_parts() {
        let (message, malformed) = shown(Headers::None);
        assert_eq!(malformed, 0);
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
        let (message, malformed) = shown(Headers::Map(headers.clone()));
        assert_eq!(malformed, 0);
        assert_eq!(message.headers, Some(headers));
        assert_eq!(message.length, 10 + "NATS/1.0\r\nColor: red\r\n\r\n".len());
    }

    #[test]
    fn a_block_is_parsed_with_its_status() {
        let block = Bytes::from_static(b"NATS/1.0 404 No Messages\r\nA: 1\r\n\r\n");
        let length = 10 + block.len();
        let (message, malformed) = shown(Headers::Block(block));
        assert_eq!(malformed, 0);
        assert_eq!(message.status, Some(StatusCode::NOT_FOUND));
        assert_eq!(message.description.as_deref(), Some("No Messages"));
        assert_eq!(message.headers.unwrap().get("A").map(|value| value.as_str().to_owned()).as_deref(), Some("1"));
        assert_eq!(message.length, length);
    }

    #[test]
    fn a_malformed_block_costs_the_headers_only() {
        let block = Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\n");
        let (message, malformed) = shown(Headers::Block(block));
        assert_eq!(malformed, 1);
        assert!(message.headers.is_none() && message.status.is_none());
        assert_eq!(&message.payload[..], b"data");
    }
}
