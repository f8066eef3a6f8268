//! Requests: publish with a reply subject, wait for the first answer.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use embus_protocol::headers::HeaderMap;
use embus_protocol::status::StatusCode;
use embus_protocol::subject::{Subject, ToSubject};
use futures_core::Stream;
use tokio::time::timeout;

use super::Client;
use super::inbox::ReplyInbox;
use super::kinds::{Closed, RequestError, RequestErrorKind, SubscribeError};
use super::message::{Message, OutboundMessage};
use super::publish::{engine_headers, publishable};

/// A request with parts of its own choice; everything that is not set is as in [`Client::request`].
#[derive(Debug, Default)]
pub struct Request {
    /// The content; empty if not set.
    pub payload: Option<Bytes>,
    /// The headers.
    pub headers: Option<HeaderMap>,
    /// How long to wait for the answer: `Some(None)` waits forever, `None` as long as [`Client::timeout`] says.
    pub timeout: Option<Option<Duration>>,
    /// Where the answer is to go, instead of the inbox that the client's requests share.
    pub inbox: Option<String>,
}

impl Request {
    /// A request without anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the content.
    pub fn payload(mut self, payload: Bytes) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Sets the headers.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = Some(headers);
        self
    }

    /// Sets how long to wait for the answer; without a limit, the request may wait forever.
    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets where the answer is to go. The request subscribes there just for this answer.
    pub fn inbox(mut self, inbox: String) -> Self {
        self.inbox = Some(inbox);
        self
    }
}

/// # Requests
/// All requests of a client share one inbox, a wildcard subscription made by the first of them. An answer is moved to
/// the request that waits for it on the publisher's thread; no task is involved, and requests do not depend on each
/// other: dropping one, or not polling it, holds nobody up.
///
/// All these methods are cancel-safe in the sense that dropping one loses only its own answer; the request itself was
/// sent when the future was first polled.
impl Client {
    /// Publishes `payload` on `subject` and waits for the first answer, 10 s at most.
    ///
    /// When dropped, the answer is lost; the request was sent at the first poll.
    ///
    /// # Errors
    /// See [`RequestErrorKind`].
    pub async fn request<S: ToSubject>(&self, subject: S, payload: Bytes) -> Result<Message, RequestError> {
        self.send_request(subject, Request::new().payload(payload)).await
    }

    /// Publishes `payload` with `headers` on `subject` and waits for the first answer, 10 s at most.
    ///
    /// When dropped, the answer is lost; the request was sent at the first poll.
    ///
    /// # Errors
    /// See [`RequestErrorKind`].
    pub async fn request_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Message, RequestError> {
        self.send_request(subject, Request::new().headers(headers).payload(payload)).await
    }

    /// Sends `request` to `subject` and waits for the first answer.
    ///
    /// When dropped, the answer is lost; the request was sent at the first poll.
    ///
    /// # Errors
    /// See [`RequestErrorKind`].
    pub async fn send_request<S: ToSubject>(&self, subject: S, request: Request) -> Result<Message, RequestError> {
        let subject = publishable(&subject)?;
        let Request { payload, headers, timeout, inbox } = request;
        let timeout = timeout.unwrap_or(self.shared.request_timeout);
        let payload = payload.unwrap_or_default();
        let answer = match inbox {
            None => self.ask(subject, headers, payload, timeout).await?,
            Some(inbox) => {
                let reply = Some(Subject::from(inbox));
                self.ask_through(OutboundMessage { subject, reply, payload, headers }, timeout).await?
            }
        };
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(RequestErrorKind::NoResponders.into());
        }
        Ok(answer)
    }

    /// Asks through the shared inbox.
    async fn ask(
        &self,
        subject: Subject,
        headers: Option<HeaderMap>,
        payload: Bytes,
        timeout: Option<Duration>,
    ) -> Result<Message, RequestError> {
        let (reply, mut answer) = self.reply_inbox()?.expect_reply();
        // A subscriber that is far behind does not hold the request back: waiting for its answer does.
        self.hand_over(subject, Some(reply), engine_headers(headers), payload)?;
        within(timeout, &mut answer).await?;
        let answer = answer.into_message().ok_or_else(disconnected)?;
        Ok(Message::from_engine(answer, &mut 0))
    }

    /// Asks through a subscription to the reply subject of `message`.
    async fn ask_through(&self, message: OutboundMessage, timeout: Option<Duration>) -> Result<Message, RequestError> {
        let inbox = message.reply.clone().unwrap_or(Subject::from_static(""));
        let mut answers = self.subscribe_now(&inbox, None)?;
        self.hand_over_message(message)?;
        let next = poll_fn(|cx| Pin::new(&mut answers).poll_next(cx));
        within(timeout, next).await?.ok_or_else(disconnected)
    }

    /// The inbox that all requests share, opened by the first. Two that are first at once may both open one; the inbox
    /// of the second is closed again.
    fn reply_inbox(&self) -> Result<&ReplyInbox, SubscribeError> {
        let shared = &self.shared;
        if let Some(inbox) = shared.replies.get() {
            return Ok(inbox);
        }
        let inbox = ReplyInbox::open(&shared.local, &self.new_inbox())?;
        Ok(shared.replies.get_or_init(|| inbox))
    }
}

async fn within<F: Future>(limit: Option<Duration>, answer: F) -> Result<F::Output, RequestError> {
    match limit {
        Some(limit) => {
            timeout(limit, answer).await.map_err(|late| RequestError::with_source(RequestErrorKind::TimedOut, late))
        }
        None => Ok(answer.await),
    }
}

#[cold]
fn disconnected() -> RequestError {
    RequestError::with_source(RequestErrorKind::Other, Closed)
}
