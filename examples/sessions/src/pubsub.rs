//! What a page needs of a broker, and no more, so that any backend will do.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, Stream, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What goes wrong in a backend; pages show that it did, and no more.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A subscription: whoever drops it has unsubscribed, so one that a page reads ends with the page.
pub type Subscription = BoxStream<'static, Bytes>;

/// Messages from some to all who listen.
pub trait PubSub: Send + Sync {
    /// Gives `data` to all who listen to `subject` now.
    fn publish<'a>(&'a self, subject: &'a str, data: Bytes) -> BoxFuture<'a, Result<(), Error>>;

    /// Listens from when it returns on. `subject` may have wildcards: `*` for a token, `>` for all that follow.
    fn subscribe<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Subscription, Error>>;

    /// The last `limit` messages of a subject, the oldest first; none, if the backend keeps none.
    fn replay<'a>(&'a self, subject: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<Bytes>, Error>>;

    /// Ends all subscriptions, and lets nothing through any more.
    fn close(&self) -> BoxFuture<'_, Result<(), Error>>;
}

/// Publishes a value, as JSON.
///
/// # Errors
/// What the backend says, or why the value has no JSON.
pub async fn publish<T: Serialize>(pubsub: &dyn PubSub, subject: &str, value: &T) -> Result<(), Error> {
    pubsub.publish(subject, serde_json::to_vec(value)?.into()).await
}

/// Listens to values. What is none is passed over: anybody may publish anything.
///
/// # Errors
/// What the backend says.
pub async fn subscribe<T: DeserializeOwned>(
    pubsub: &dyn PubSub,
    subject: &str,
) -> Result<impl Stream<Item = T> + Send + use<T>, Error> {
    let messages = pubsub.subscribe(subject).await?;
    Ok(messages.filter_map(async |data| serde_json::from_slice(&data).ok()))
}

/// The last values of a subject, the oldest first, for whoever comes later.
///
/// # Errors
/// What the backend says.
pub async fn replay_history<T: DeserializeOwned>(
    pubsub: &dyn PubSub,
    subject: &str,
    limit: usize,
) -> Result<Vec<T>, Error> {
    let messages = pubsub.replay(subject, limit).await?;
    Ok(messages.iter().filter_map(|data| serde_json::from_slice(data).ok()).collect())
}
