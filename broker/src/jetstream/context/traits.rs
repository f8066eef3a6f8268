//! What a context can do, as traits: code that is generic over them works with this context and with others.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use embus_protocol::subject::ToSubject;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::traits as client;
use crate::jetstream::context::{Context, PublishAckFuture, PublishError, RequestError};
use crate::jetstream::message::OutboundMessage;
use crate::{Client, Request};

/// Sends requests to the API as JSON.
pub trait Requester {
    /// As [`Context::request`].
    fn request<S, T, V>(&self, subject: S, payload: &T) -> impl Future<Output = Result<V, RequestError>>
    where
        S: ToSubject,
        T: ?Sized + Serialize,
        V: DeserializeOwned;
}

/// Sends requests to the API and does not wait for answers.
pub trait RequestSender {
    /// As [`Context::send_request`].
    fn send_request<S: ToSubject>(
        &self,
        subject: S,
        request: Request,
    ) -> impl Future<Output = Result<(), crate::PublishError>>;
}

/// Publishes into streams.
pub trait Publisher {
    /// As [`Context::publish`].
    fn publish<S>(&self, subject: S, payload: Bytes) -> impl Future<Output = Result<PublishAckFuture, PublishError>>
    where
        S: ToSubject;

    /// Publishes a message that knows its subject.
    fn publish_message(&self, message: OutboundMessage)
    -> impl Future<Output = Result<PublishAckFuture, PublishError>>;
}

/// Knows the client under it.
pub trait ClientProvider {
    /// The client.
    fn client(&self) -> Client;
}

/// Knows how long acknowledgements are waited for.
pub trait TimeoutProvider {
    /// That long; 5 seconds unless it was set.
    fn timeout(&self) -> Duration;
}

impl Requester for Context {
    fn request<S, T, V>(&self, subject: S, payload: &T) -> impl Future<Output = Result<V, RequestError>>
    where
        S: ToSubject,
        T: ?Sized + Serialize,
        V: DeserializeOwned,
    {
        self.request(subject, payload)
    }
}

impl RequestSender for Context {
    fn send_request<S: ToSubject>(
        &self,
        subject: S,
        request: Request,
    ) -> impl Future<Output = Result<(), crate::PublishError>> {
        self.send_request(subject, request)
    }
}

impl Publisher for Context {
    fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> {
        self.publish(subject, payload)
    }

    fn publish_message(
        &self,
        message: OutboundMessage,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> {
        let OutboundMessage { subject, payload, headers } = message;
        self.send(subject, headers, payload)
    }
}

impl ClientProvider for Context {
    fn client(&self) -> Client {
        self.client()
    }
}

impl TimeoutProvider for Context {
    fn timeout(&self) -> Duration {
        self.timeout_or_default()
    }
}

/// Requests to any subject, bounded by the context's timeout.
impl client::Requester for Context {
    fn send_request<S: ToSubject>(
        &self,
        subject: S,
        request: Request,
    ) -> impl Future<Output = Result<crate::Message, crate::RequestError>> {
        self.client.send_request(subject, self.with_timeout(request))
    }
}

/// Publishing without an acknowledgement.
impl client::Publisher for Context {
    fn publish_with_reply<S, R>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), crate::PublishError>>
    where
        S: ToSubject,
        R: ToSubject,
    {
        self.client.publish_with_reply(subject, reply, payload)
    }

    fn publish_message(
        &self,
        msg: crate::message::OutboundMessage,
    ) -> impl Future<Output = Result<(), crate::PublishError>> {
        client::Publisher::publish_message(&self.client, msg)
    }
}
