//! Messages and values with a type, by serde: published, subscribed to, appended to streams and replayed. Beyond
//! async-nats. For buckets, see [`kv::Bucket`](crate::jetstream::kv::Bucket).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use futures_util::StreamExt;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Order {
//!     chairs: u32,
//! }
//!
//! let broker = embus::Broker::builder().start().await?;
//! let client = broker.client();
//! let mut orders = client.subscribe("orders").await?.typed::<Order>();
//! client.publish_typed("orders", &Order { chairs: 2 }).await?;
//! let order = orders.next().await.expect("it goes on")?;
//! assert_eq!((order.value.chairs, order.message.subject.as_str()), (2, "orders"));
//! # Ok(())
//! # }
//! ```
//!
//! Values are JSON; whoever wants another form brings a [`Codec`]. A message that is none of the type is an error that holds
//! the message, and the stream goes on.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use embus_protocol::subject::ToSubject;
use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::jetstream::context::{Context, PublishAckFuture};
use crate::jetstream::message::StreamMessage;
use crate::jetstream::stream::{Replay, ReplayError};
use crate::{Client, Message, Subscriber};

pub use embus_kv::codec::{Codec, CodecError, Json};

/// A value, and the message that it came in.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let client = broker.client();
/// use futures_util::StreamExt;
/// let mut scores = client.subscribe("scores.*").await?.typed::<u32>();
/// client.publish_typed("scores.ada", &1).await?;
/// let received = scores.next().await.expect("it goes on")?;
/// assert_eq!((received.value, received.message.subject.as_str()), (1, "scores.ada"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Received<T, M> {
    /// The value.
    pub value: T,
    /// The message, payload included.
    pub message: M,
}

/// A message whose payload is no value of the type.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let client = broker.client();
/// use futures_util::StreamExt;
/// let mut scores = client.subscribe("scores").await?.typed::<u32>();
/// client.publish("scores", "three".into()).await?;
/// let error = scores.next().await.expect("it goes on").unwrap_err();
/// assert_eq!(error.message.payload, "three");
/// assert_eq!(error.to_string(), "a message on \"scores\" can't be read");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Undecodable<M> {
    /// The message.
    pub message: M,
    /// What the codec said.
    pub source: CodecError,
}

/// Why a value was not published.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let client = broker.client();
/// use futures_util::StreamExt;
/// use embus::typed::PublishTypedError;
///
/// let odd = std::collections::HashMap::from([([1, 2], 3)]);
/// let error = client.publish_typed("scores", &odd).await.unwrap_err();
/// assert!(matches!(error, PublishTypedError::Encode(_)), "a key of JSON is a text");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum PublishTypedError<E> {
    /// It can't be written down.
    #[error("the value can't be written down")]
    Encode(#[source] CodecError),
    /// It was not published.
    #[error(transparent)]
    Publish(E),
}

/// What goes wrong with a replay of values.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let client = broker.client();
/// use futures_util::StreamExt;
/// use embus::typed::ReplayTypedError;
///
/// let jetstream = embus::jetstream::new(client);
/// let stream = jetstream.create_stream("scores").await?;
/// jetstream.publish("scores", "three".into()).await?.await?;
/// let error = stream.replay_last("", 1).await?.typed::<u32>().next().await.expect("it goes on").unwrap_err();
/// assert!(matches!(error, ReplayTypedError::Undecodable(_)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum ReplayTypedError {
    /// A message is none of the type. The replay goes on.
    #[error(transparent)]
    Undecodable(#[from] Undecodable<StreamMessage>),
    /// The stream or the broker is gone.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// The values of a stream of messages: of a [`Subscriber`] or a [`Replay`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let client = broker.client();
/// use futures_util::StreamExt;
/// use embus::Subscriber;
/// use embus::typed::Typed;
///
/// async fn sum(scores: Typed<Subscriber, u32>, count: usize) -> u32 {
///     scores.take(count).filter_map(async |score| score.ok()).map(|score| score.value).fold(0, async |sum, it| sum + it).await
/// }
///
/// let scores = client.subscribe("scores").await?.typed();
/// for score in [1, 2, 3] {
///     client.publish_typed("scores", &score).await?;
/// }
/// assert_eq!(sum(scores, 3).await, 6);
/// # Ok(())
/// # }
/// ```
pub struct Typed<S, T, C = Json> {
    messages: S,
    codec: C,
    value: PhantomData<fn() -> T>,
}

impl<S, T, C> Typed<S, T, C> {
    fn new(messages: S, codec: C) -> Self {
        Self { messages, codec, value: PhantomData }
    }

    /// The messages under it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let client = broker.client();
    /// use futures_util::StreamExt;
    /// let mut scores = client.subscribe("scores").await?.typed::<u32>();
    /// scores.get_mut().unsubscribe().await?;
    /// assert!(scores.next().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.messages
    }
}

impl<S, T, C: Codec<T>> Typed<S, T, C> {
    fn read<M>(&self, message: M, payload: impl Fn(&M) -> &Bytes) -> Result<Received<T, M>, Undecodable<M>> {
        match self.codec.decode(payload(&message)) {
            Ok(value) => Ok(Received { value, message }),
            Err(source) => Err(Undecodable { message, source }),
        }
    }
}

impl Subscriber {
    /// Reads the messages as JSON.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let client = broker.client();
    /// use futures_util::StreamExt;
    /// let mut scores = client.subscribe("scores").await?.typed::<u32>();
    /// client.publish("scores", "7".into()).await?;
    /// assert_eq!(scores.next().await.expect("it goes on")?.value, 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn typed<T: Serialize + DeserializeOwned>(self) -> Typed<Self, T> {
        self.with_codec(Json)
    }

    /// Reads the messages in another form.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let client = broker.client();
    /// use bytes::Bytes;
    /// use embus::typed::{Codec, CodecError};
    /// use futures_util::StreamExt;
    ///
    /// /// Numbers as so many bytes.
    /// struct Unary;
    ///
    /// impl Codec<usize> for Unary {
    ///     fn encode(&self, value: &usize) -> Result<Bytes, CodecError> {
    ///         Ok(vec![b'1'; *value].into())
    ///     }
    ///
    ///     fn decode(&self, bytes: &Bytes) -> Result<usize, CodecError> {
    ///         Ok(bytes.len())
    ///     }
    /// }
    ///
    /// let mut scores = client.subscribe("scores").await?.with_codec(Unary);
    /// client.publish("scores", "111".into()).await?;
    /// assert_eq!(scores.next().await.expect("it goes on")?.value, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_codec<T, C: Codec<T>>(self, codec: C) -> Typed<Self, T, C> {
        Typed::new(self, codec)
    }
}

impl Replay {
    /// Reads the messages as JSON.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let jetstream = embus::jetstream::new(broker.client());
    /// use futures_util::StreamExt;
    ///
    /// let stream = jetstream.create_stream("scores").await?;
    /// jetstream.publish_typed("scores", &vec![3, 1]).await?.await?;
    /// let mut scores = stream.replay_last("scores", 10).await?.typed::<Vec<u32>>();
    /// assert_eq!(scores.next().await.expect("it goes on")?.value, [3, 1]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn typed<T: Serialize + DeserializeOwned>(self) -> Typed<Self, T> {
        self.with_codec(Json)
    }

    /// Reads the messages in another form.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let client = broker.client();
    /// use bytes::Bytes;
    /// use embus::typed::{Codec, CodecError};
    /// use futures_util::StreamExt;
    ///
    /// /// Numbers as so many bytes.
    /// struct Unary;
    ///
    /// impl Codec<usize> for Unary {
    ///     fn encode(&self, value: &usize) -> Result<Bytes, CodecError> {
    ///         Ok(vec![b'1'; *value].into())
    ///     }
    ///
    ///     fn decode(&self, bytes: &Bytes) -> Result<usize, CodecError> {
    ///         Ok(bytes.len())
    ///     }
    /// }
    ///
    /// let jetstream = embus::jetstream::new(client);
    /// let stream = jetstream.create_stream("scores").await?;
    /// jetstream.publish("scores", "111".into()).await?.await?;
    /// let mut scores = stream.replay_last("", 1).await?.with_codec(Unary);
    /// assert_eq!(scores.next().await.expect("it goes on")?.value, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_codec<T, C: Codec<T>>(self, codec: C) -> Typed<Self, T, C> {
        Typed::new(self, codec)
    }
}

impl Client {
    /// Publishes a value as JSON. For other forms, publish what your [`Codec`] makes of it.
    ///
    /// Cancel-safe: handed over at the first poll.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let client = broker.client();
    /// use futures_util::StreamExt;
    /// let mut hears = client.subscribe("scores").await?;
    /// client.publish_typed("scores", &[1, 2]).await?;
    /// assert_eq!(hears.next().await.expect("it goes on").payload, "[1,2]");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`PublishTypedError`]; nothing was published.
    pub async fn publish_typed<S: ToSubject, T: Serialize + ?Sized>(
        &self,
        subject: S,
        value: &T,
    ) -> Result<(), PublishTypedError<crate::PublishError>> {
        self.publish(subject, json(value)?).await.map_err(PublishTypedError::Publish)
    }
}

impl Context {
    /// Appends a value as JSON to the stream of this subject. Await what this returns to know that it is there.
    ///
    /// Cancel-safe: dropped before it returns, the message was published or not.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let client = broker.client();
    /// let jetstream = embus::jetstream::new(client);
    /// jetstream.create_stream("scores").await?;
    /// let ack = jetstream.publish_typed("scores", &7).await?.await?;
    /// assert_eq!(ack.sequence, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`PublishTypedError`]; nothing was published.
    pub async fn publish_typed<S: ToSubject, T: Serialize + ?Sized>(
        &self,
        subject: S,
        value: &T,
    ) -> Result<PublishAckFuture, PublishTypedError<crate::jetstream::context::PublishError>> {
        self.publish(subject, json(value)?).await.map_err(PublishTypedError::Publish)
    }
}

fn json<T: Serialize + ?Sized, E>(value: &T) -> Result<Bytes, PublishTypedError<E>> {
    match serde_json::to_vec(value) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(PublishTypedError::Encode(error.into())),
    }
}

impl<T, C: Codec<T> + Unpin> Stream for Typed<Subscriber, T, C> {
    type Item = Result<Received<T, Message>, Undecodable<Message>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.messages).poll_next(cx);
        polled.map(|message| Some(this.read(message?, |message| &message.payload)))
    }
}

impl<T, C: Codec<T> + Unpin> Stream for Typed<Replay, T, C> {
    type Item = Result<Received<T, StreamMessage>, ReplayTypedError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.messages).poll_next(cx);
        polled.map(|message| {
            Some(match message? {
                Ok(message) => this.read(message, |message| &message.payload).map_err(ReplayTypedError::from),
                Err(error) => Err(error.into()),
            })
        })
    }
}

impl<S: fmt::Debug, T, C> fmt::Debug for Typed<S, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Typed").field(&self.messages).finish()
    }
}

/// Without the payload, which may be a secret.
impl fmt::Display for Undecodable<Message> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message on {:?} can't be read", self.message.subject.as_str())
    }
}

impl fmt::Display for Undecodable<StreamMessage> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StreamMessage { subject, sequence, .. } = &self.message;
        write!(f, "message {sequence}, on {:?}, can't be read", subject.as_str())
    }
}

impl std::error::Error for Undecodable<Message> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

impl std::error::Error for Undecodable<StreamMessage> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
