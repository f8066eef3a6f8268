//! What reaches the streams of a broker.

mod bucket_kinds;
mod buckets;
mod builder;
mod consumers;
mod kinds;
mod lists;
mod manage;
mod object_stores;
pub mod traits;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use embus_engine::api::error::ApiError;
use embus_engine::jetstream::JetStream;
use embus_engine::stream::Witness;
use embus_protocol::headers::HeaderMap;
use embus_protocol::subject::{Subject, ToSubject};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client::{Closed, settle};
use crate::jetstream::account::Account;
use crate::jetstream::ack::AckWindow;
use crate::jetstream::failure::{Failure, Stopped};
use crate::jetstream::message::PublishMessage;
use crate::{Client, Request};

pub use self::bucket_kinds::{
    CreateKeyValueError, CreateKeyValueErrorKind, KeyValueError, KeyValueErrorKind, UpdateKeyValueError,
    UpdateKeyValueErrorKind,
};
pub use self::builder::{ContextBuilder, No, ToAssign, Yes};
pub use self::kinds::{
    AccountError, AccountErrorKind, ConsumerInfoError, ConsumerInfoErrorKind, CreateStreamError, CreateStreamErrorKind,
    DeleteStreamError, DeleteStreamErrorKind, GetStreamByNameError, GetStreamByNameErrorKind, GetStreamError,
    GetStreamErrorKind, PublishError, PublishErrorKind, RequestError, RequestErrorKind, StreamsError, StreamsErrorKind,
    UpdateStreamError, UpdateStreamErrorKind,
};
pub use self::lists::{StreamNames, Streams};
pub(crate) use self::manage::checked;
pub use self::object_stores::{
    CreateObjectStoreError, CreateObjectStoreErrorKind, DeleteObjectStore, DeleteObjectStoreKind, ObjectStoreError,
    ObjectStoreErrorKind,
};
pub use super::ack::{AckWait, PublishAckFuture};

/// The same as [`PublishMessage`], under the name that it had once.
#[deprecated(note = "use jetstream::message::PublishMessage instead")]
pub type Publish = PublishMessage;

/// How long an acknowledgement is waited for if the context does not say. [async-nats]
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// What the API's subjects begin with.
pub(crate) const API_PREFIX: &str = "$JS.API";

/// Publishes into streams, makes and finds them. A context is a cheap handle; clones share what they wait for.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use embus::jetstream::{self, stream};
///
/// let broker = embus::Broker::builder().start().await?;
/// let jetstream = jetstream::new(broker.client());
/// let config = stream::Config { name: "EVENTS".into(), subjects: vec!["events.*".into()], ..Default::default() };
/// jetstream.create_stream(config).await?;
///
/// // Two messages on their way at once.
/// let first = jetstream.publish("events.a", "1".into()).await?;
/// let second = jetstream.publish("events.b", "2".into()).await?;
/// assert_eq!((first.await?.sequence, second.await?.sequence), (1, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Context {
    client: Client,
    prefix: String,
    timeout: Option<Duration>,
    acks: Arc<AckWindow>,
    backpressure: bool,
}

impl Context {
    /// The client under it.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Sets how long calls and acknowledgements are waited for, for this handle and those made from it from now on. See
    /// [`ContextBuilder::timeout`].
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = Some(timeout);
    }

    pub(crate) fn timeout_or_default(&self) -> Duration {
        self.timeout.unwrap_or(ACK_TIMEOUT)
    }

    /// Waits until no acknowledgement is outstanding, those of messages included that are published meanwhile.
    ///
    /// Cancel-safe.
    pub async fn wait_for_acks(&self) {
        self.acks.all_settled().await;
    }

    /// Publishes `payload` on `subject`. Await what this returns to know that a stream has the message, on the disk if its
    /// policy says so; or publish more meanwhile.
    ///
    /// Cancel-safe: dropped before it returns, the message was published or not.
    ///
    /// # Errors
    /// See [`PublishErrorKind`]; nothing was published. That no stream wants the message is told by the acknowledgement.
    pub async fn publish<S: ToSubject>(&self, subject: S, payload: Bytes) -> Result<PublishAckFuture, PublishError> {
        self.send(subject, None, payload).await
    }

    /// The same with headers.
    ///
    /// Cancel-safe: dropped before it returns, the message was published or not.
    ///
    /// # Errors
    /// See [`PublishErrorKind`]; nothing was published.
    pub async fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<PublishAckFuture, PublishError> {
        self.send(subject, Some(headers), payload).await
    }

    /// Publishes a message with conditions.
    ///
    /// Cancel-safe: dropped before it returns, the message was published or not.
    ///
    /// # Errors
    /// See [`PublishErrorKind`]; nothing was published. That a condition does not hold is told by the acknowledgement.
    pub async fn send_publish<S: ToSubject>(
        &self,
        subject: S,
        publish: PublishMessage,
    ) -> Result<PublishAckFuture, PublishError> {
        self.send(subject, publish.headers, publish.payload).await
    }

    async fn send<S: ToSubject>(
        &self,
        subject: S,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<PublishAckFuture, PublishError> {
        let subject = subject.to_subject();
        let ticket = self.acks.ticket(self.backpressure).await?;
        let congestion = self.client.hand_over_with_ticket(subject, headers, payload, &ticket)?;
        let ack = PublishAckFuture::new(ticket, self.timeout_or_default());
        settle(congestion).await;
        Ok(ack)
    }

    /// What the account uses and may use.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`AccountErrorKind`].
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn query_account(&self) -> Result<Account, AccountError> {
        Ok(self.store()?.account().into())
    }

    /// Sends a request to the API as JSON and reads the answer, for what has no method here. `subject` is what follows
    /// the prefix, such as `STREAM.INFO.orders`.
    ///
    /// When dropped, the answer is lost; the request was sent at the first poll.
    ///
    /// # Errors
    /// See [`RequestErrorKind`]. That the API refuses is an answer: [`Response`](super::response::Response) reads it.
    pub async fn request<S, T, V>(&self, subject: S, payload: &T) -> Result<V, RequestError>
    where
        S: ToSubject,
        T: ?Sized + Serialize,
        V: DeserializeOwned,
    {
        let other = |error| RequestError::with_source(RequestErrorKind::Other, error);
        let body = serde_json::to_vec(payload).map_err(other)?;
        let subject = format!("{}.{}", self.prefix, subject.to_subject());
        let request = self.with_timeout(Request::new().payload(body.into()));
        let answer = self.client.send_request(subject, request).await?;
        serde_json::from_slice(&answer.payload).map_err(other)
    }

    /// Sends a request to the API and does not wait for the answer, which goes to its inbox.
    ///
    /// Cancel-safe: sent at the first poll.
    ///
    /// # Errors
    /// See [`PublishErrorKind`](crate::PublishErrorKind); nothing was sent.
    pub async fn send_request<S: ToSubject>(&self, subject: S, request: Request) -> Result<(), crate::PublishError> {
        let subject = format!("{}.{}", self.prefix, subject.to_subject());
        let inbox = request.inbox.unwrap_or_else(|| self.client.new_inbox());
        let payload = request.payload.unwrap_or_default();
        match request.headers {
            Some(headers) => self.client.publish_with_reply_and_headers(subject, inbox, headers, payload).await,
            None => self.client.publish_with_reply(subject, inbox, payload).await,
        }
    }

    /// Where messages of a consumer are asked for.
    pub(crate) fn next_subject(&self, stream: &str, consumer: &str) -> Subject {
        format!("{}.CONSUMER.MSG.NEXT.{stream}.{consumer}", self.prefix).into()
    }

    /// The request, bounded by the context if it does not say otherwise.
    fn with_timeout(&self, mut request: Request) -> Request {
        if request.timeout.is_none() {
            request.timeout = self.timeout.map(Some);
        }
        request
    }

    /// The streams of the broker, if this context reaches them.
    pub(crate) fn store(&self) -> Result<&Arc<JetStream>, RequestError> {
        let local = self.client.local();
        if local.is_closed() {
            return Err(RequestError::with_source(RequestErrorKind::Other, Closed));
        }
        let owner = if local.engine().has_jetstream() { "account" } else { "broker" };
        let jetstream =
            local.jetstream().ok_or_else(|| unreachable_because(format!("the {owner} has no JetStream")))?;
        if !local.may_use_api() {
            // Requests that go by the protocol are checked one by one; these calls act at once.
            return Err(unreachable_because("the user may not publish to all of `$JS.API.>`"));
        }
        if self.prefix != API_PREFIX && !is_prefix_of_domain(&self.prefix, jetstream.domain()) {
            return Err(unreachable_because(format!("the API of this broker does not answer on `{}`", self.prefix)));
        }
        Ok(jetstream)
    }

    /// A stream as it is now: changes made from here on are known to be durable, or undone, by it.
    pub(crate) fn find(&self, name: &str) -> Result<Witness, Failure> {
        Ok(self.store()?.get(name).ok_or_else(ApiError::stream_not_found)?.witness())
    }

    /// Does what blocks: one at a time, on another thread. It is done even if nobody waits for it any more.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Arc<JetStream>) -> T + Send + 'static,
    ) -> Result<T, RequestError> {
        let jetstream = Arc::clone(self.store()?);
        let (sender, receiver) = oneshot::channel();
        let shared = Arc::clone(&jetstream);
        jetstream.serial().spawn(Box::new(move || {
            // Nobody waits any more: fine.
            let _ = sender.send(act(&shared));
        }));
        self.within(receiver).await
    }

    /// Waits until everything that was changed so far can not be undone any more.
    pub(crate) async fn committed(&self, stream: &Witness) -> Result<(), Failure> {
        let (sender, receiver) = oneshot::channel();
        stream.after_commit(Box::new(move |committed| {
            let _ = sender.send(committed);
        }));
        Ok(self.within(receiver).await??)
    }

    async fn within<T>(&self, mut answer: oneshot::Receiver<T>) -> Result<T, RequestError> {
        // Mostly it is there already.
        if let Ok(answer) = answer.try_recv() {
            return Ok(answer);
        }
        let answer = match self.timeout.or(self.client.timeout()) {
            Some(limit) => timeout(limit, answer)
                .await
                .map_err(|late| RequestError::with_source(RequestErrorKind::TimedOut, late))?,
            None => answer.await,
        };
        answer.map_err(|_| Stopped.into())
    }
}

fn is_prefix_of_domain(prefix: &str, domain: Option<&str>) -> bool {
    let named = prefix.strip_prefix("$JS.").and_then(|rest| rest.strip_suffix(".API"));
    named.is_some() && named == domain
}

#[cold]
fn unreachable_because(why: impl Into<crate::Error>) -> RequestError {
    RequestError::with_source(RequestErrorKind::NoResponders, why)
}
