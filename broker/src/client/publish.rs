//! Publishing: check, hand over, wait if a subscriber is far behind.

use std::sync::Arc;

use bytes::Bytes;
use embus_engine::stream::ticket::Ticket;
use embus_engine::{Congestion, Headers, Message as EngineMessage};
use embus_protocol::headers::HeaderMap;
use embus_protocol::subject::{Subject, SubjectError, ToSubject};

use super::Client;
use super::kinds::{PublishError, PublishErrorKind, publish_refused};
use super::message::OutboundMessage;
use super::stall::settle;

/// # Publishing
/// A publish matches and delivers on the task that calls it: when it returns, the message is in the queue of every
/// in-process subscriber and in the outbound buffer of every connection that wants it.
///
/// Subjects of the broker itself are refused as invalid: `$NRG.…` and `_GR_.…`, and `_R_.…`, `$JS.ACK.…` and `_GR_.…` as
/// reply subjects. [nats-server: reserved subjects]
///
/// All these methods are cancel-safe: the message is handed over when the future is first polled. What follows is only
/// waiting, which may be dropped without loss: at most 10 ms while a subscriber is far behind but reading, and a yield
/// to the runtime now and then, so that a loop of publishes does not keep other tasks from running.
impl Client {
    /// Publishes `payload` on `subject`.
    ///
    /// Cancel-safe: the message is handed over at the first poll.
    ///
    /// # Errors
    /// See [`PublishErrorKind`]; nothing was sent.
    pub async fn publish<S: ToSubject>(&self, subject: S, payload: Bytes) -> Result<(), PublishError> {
        let subject = publishable(&subject)?;
        settle(self.hand_over(subject, None, Headers::None, payload)?).await;
        Ok(())
    }

    /// Publishes `payload` with `headers` on `subject`. Headers in an empty map are as good as none.
    ///
    /// In-process subscribers share the map by reference count; it is encoded only for connections.
    ///
    /// Cancel-safe: the message is handed over at the first poll.
    ///
    /// # Errors
    /// See [`PublishErrorKind`]; nothing was sent.
    pub async fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let subject = publishable(&subject)?;
        settle(self.hand_over(subject, None, engine_headers(Some(headers)), payload)?).await;
        Ok(())
    }

    /// Publishes `payload` on `subject`; answers are to go to `reply`.
    ///
    /// Cancel-safe: the message is handed over at the first poll.
    ///
    /// # Errors
    /// See [`PublishErrorKind`]; nothing was sent.
    pub async fn publish_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let (subject, reply) = (publishable(&subject)?, publishable(&reply)?);
        settle(self.hand_over(subject, Some(reply), Headers::None, payload)?).await;
        Ok(())
    }

    /// Publishes `payload` with `headers` on `subject`; answers are to go to `reply`.
    ///
    /// Cancel-safe: the message is handed over at the first poll.
    ///
    /// # Errors
    /// See [`PublishErrorKind`]; nothing was sent.
    pub async fn publish_with_reply_and_headers<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let (subject, reply) = (publishable(&subject)?, publishable(&reply)?);
        settle(self.hand_over(subject, Some(reply), engine_headers(Some(headers)), payload)?).await;
        Ok(())
    }

    /// Hands a message over; the stream that takes it answers to `ticket`.
    pub(crate) fn hand_over_with_ticket(
        &self,
        subject: Subject,
        headers: Option<HeaderMap>,
        payload: Bytes,
        ticket: &Arc<Ticket>,
    ) -> Result<Option<Congestion>, PublishError> {
        check_publishable(&subject)?;
        let message = EngineMessage::new(subject, None, engine_headers(headers), payload);
        Ok(self.shared.local.publish_with_ticket(message, ticket).map_err(publish_refused)?.congestion)
    }

    /// Hands a message over without waiting for slow subscribers: for the few words of a consumer's client.
    pub(crate) fn publish_now(
        &self,
        subject: Subject,
        reply: Option<Subject>,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        check_publishable(&subject)?;
        self.hand_over(subject, reply, Headers::None, payload)?;
        Ok(())
    }

    /// Checks the subjects of `message` and hands it over.
    pub(super) fn hand_over_message(&self, message: OutboundMessage) -> Result<Option<Congestion>, PublishError> {
        let OutboundMessage { subject, reply, payload, headers } = message;
        check_publishable(&subject)?;
        reply.as_deref().map_or(Ok(()), check_publishable)?;
        self.hand_over(subject, reply, engine_headers(headers), payload)
    }

    /// Gives a message with checked subjects to the engine.
    #[inline]
    pub(super) fn hand_over(
        &self,
        subject: Subject,
        reply: Option<Subject>,
        headers: Headers,
        payload: Bytes,
    ) -> Result<Option<Congestion>, PublishError> {
        let message = EngineMessage::new(subject, reply, headers, payload);
        Ok(self.shared.local.publish(message).map_err(publish_refused)?.congestion)
    }
}

/// The headers as the engine takes them.
pub(super) fn engine_headers(headers: Option<HeaderMap>) -> Headers {
    match headers {
        Some(headers) if !headers.is_empty() => Headers::Map(headers),
        _ => Headers::None,
    }
}

/// The subject, if a message may be published on it.
#[inline]
pub(super) fn publishable<S: ToSubject>(subject: &S) -> Result<Subject, PublishError> {
    let subject = subject.to_subject();
    check_publishable(&subject)?;
    Ok(subject)
}

/// What async-nats checks: a subject that cannot tear a control line apart. Empty tokens are no error; nobody can
/// subscribe to them.
#[inline]
fn check_publishable(subject: &str) -> Result<(), PublishError> {
    // No early exit: short subjects are scanned faster as a whole.
    let torn = subject.bytes().fold(false, |torn, byte| torn | matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    if torn || subject.is_empty() { Err(invalid_subject()) } else { Ok(()) }
}

#[cold]
fn invalid_subject() -> PublishError {
    PublishError::with_source(PublishErrorKind::InvalidSubject, SubjectError::InvalidFormat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_that_would_tear_a_line_are_refused() {
        for bad in ["", " ", "a b", "a\tb", "a\rb", "a\nb", "a.b "] {
            assert_eq!(publishable(&bad).unwrap_err().kind(), PublishErrorKind::InvalidSubject, "{bad:?}");
        }
        for good in ["a", "a.b", "a..b", ".", "a.*", ">", "ä.ö", "$SYS.x"] {
            assert_eq!(publishable(&good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn an_empty_header_map_is_no_headers() {
        assert!(matches!(engine_headers(None), Headers::None));
        assert!(matches!(engine_headers(Some(HeaderMap::new())), Headers::None));
        let mut headers = HeaderMap::new();
        headers.insert("A", "1");
        assert!(matches!(engine_headers(Some(headers)), Headers::Map(_)));
    }
}
