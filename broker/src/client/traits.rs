//! What a client can do, as traits: code that is generic over them works with this client and with others.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use embus_protocol::subject::ToSubject;

use super::kinds::{PublishError, RequestError, SubscribeError};
use super::message::{Message, OutboundMessage};
use super::request::Request;
use super::stall::settle;
use super::{Client, subscriber};

/// Publishes messages.
pub trait Publisher {
    /// Publishes `payload` on `subject`; answers are to go to `reply`. As [`Client::publish_with_reply`].
    fn publish_with_reply<S, R>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>>
    where
        S: ToSubject,
        R: ToSubject;

    /// Publishes `msg`. For [`Client`]: cancel-safe, the message is handed over at the first poll.
    fn publish_message(&self, msg: OutboundMessage) -> impl Future<Output = Result<(), PublishError>>;
}

/// Subscribes to subjects.
pub trait Subscriber {
    /// Subscribes to all subjects that match `subject`. As [`Client::subscribe`].
    fn subscribe<S>(&self, subject: S) -> impl Future<Output = Result<subscriber::Subscriber, SubscribeError>>
    where
        S: ToSubject;
}

/// Sends requests.
pub trait Requester {
    /// Sends `request` to `subject` and waits for the first answer. As [`Client::send_request`].
    fn send_request<S>(&self, subject: S, request: Request) -> impl Future<Output = Result<Message, RequestError>>
    where
        S: ToSubject;
}

/// Knows how long requests wait.
pub trait TimeoutProvider {
    /// How long a request waits for its answer; nothing means forever.
    fn timeout(&self) -> Option<Duration>;
}

impl Publisher for Client {
    fn publish_with_reply<S, R>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>>
    where
        S: ToSubject,
        R: ToSubject,
    {
        self.publish_with_reply(subject, reply, payload)
    }

    async fn publish_message(&self, msg: OutboundMessage) -> Result<(), PublishError> {
        settle(self.hand_over_message(msg)?).await;
        Ok(())
    }
}

impl Subscriber for Client {
    fn subscribe<S>(&self, subject: S) -> impl Future<Output = Result<subscriber::Subscriber, SubscribeError>>
    where
        S: ToSubject,
    {
        self.subscribe(subject)
    }
}

impl Requester for Client {
    fn send_request<S>(&self, subject: S, request: Request) -> impl Future<Output = Result<Message, RequestError>>
    where
        S: ToSubject,
    {
        self.send_request(subject, request)
    }
}

impl TimeoutProvider for Client {
    fn timeout(&self) -> Option<Duration> {
        self.timeout()
    }
}
