//! The consumers of a stream: made, changed, found, removed.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_core::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::serde::rfc3339;

use super::consumer_kinds::{
    ConsumerCreateStrictError, ConsumerError, ConsumerErrorKind, ConsumerResetError, ConsumerUpdateError,
};
use super::{DeleteStatus, Stream};
use crate::datetime::DateTime;
use crate::jetstream::consumer::{Consumer, FromConsumer, Info, IntoConsumerConfig};
use crate::jetstream::context::{ConsumerInfoError, ConsumerInfoErrorKind, Context, RequestError, StreamsError};
use crate::jetstream::is_valid_name;
use crate::jetstream::response::Response;

/// Whether a consumer is paused.
#[derive(Debug, Deserialize, Clone)]
pub struct PauseResponse {
    /// It is.
    pub paused: bool,
    /// Until when; the start of the year 1 if it is not.
    #[serde(with = "rfc3339")]
    pub pause_until: DateTime,
    /// For how long still.
    #[serde(default, with = "serde_nanos")]
    pub pause_remaining: Option<Duration>,
}

/// A consumer that begins anew.
#[derive(Debug, Deserialize, Clone)]
pub struct ConsumerResetResponse {
    /// What is known of it now.
    #[serde(flatten)]
    pub info: Info,
    /// The sequence of the stream that it begins behind or with.
    pub reset_seq: u64,
}

/// # Consumers
/// What is changed is durable when the call returns, and done even if its future is dropped after the first poll.
impl<I> Stream<I> {
    /// Makes a consumer, or changes the one of this name.
    ///
    /// # Errors
    /// See [`ConsumerErrorKind`].
    pub async fn create_consumer<C>(&self, config: C) -> Result<Consumer<C>, ConsumerError>
    where
        C: IntoConsumerConfig + FromConsumer,
    {
        self.context.create_consumer_on_stream(config, &self.name).await
    }

    /// Changes a consumer that is there.
    ///
    /// # Errors
    /// See [`ConsumerUpdateErrorKind`](super::ConsumerUpdateErrorKind).
    pub async fn update_consumer<C>(&self, config: C) -> Result<Consumer<C>, ConsumerUpdateError>
    where
        C: IntoConsumerConfig + FromConsumer,
    {
        self.context.update_consumer_on_stream(config, &self.name).await
    }

    /// Makes a consumer; one that is there with just this configuration is as good.
    ///
    /// # Errors
    /// See [`ConsumerCreateStrictErrorKind`](super::ConsumerCreateStrictErrorKind).
    pub async fn create_consumer_strict<C>(&self, config: C) -> Result<Consumer<C>, ConsumerCreateStrictError>
    where
        C: IntoConsumerConfig + FromConsumer,
    {
        self.context.create_consumer_strict_on_stream(config, &self.name).await
    }

    /// What is known of a consumer.
    ///
    /// # Errors
    /// See [`ConsumerInfoErrorKind`].
    pub async fn consumer_info<T: AsRef<str>>(&self, name: T) -> Result<Info, ConsumerInfoError> {
        if !is_valid_name(name.as_ref()) {
            return Err(ConsumerInfoErrorKind::InvalidName.into());
        }
        self.context.consumer_info_of(&self.name, name.as_ref()).await
    }

    /// A consumer that is there.
    ///
    /// # Errors
    /// There is none of this name, or it is of another kind.
    pub async fn get_consumer<T>(&self, name: &str) -> Result<Consumer<T>, crate::Error>
    where
        T: FromConsumer + IntoConsumerConfig,
    {
        let info = self.consumer_info(name).await?;
        let config = T::try_from_consumer_config(info.config.clone())?;
        Ok(Consumer::new(config, info, self.context.clone()))
    }

    /// A consumer that is there, however it is configured; else it is made.
    ///
    /// # Errors
    /// See [`ConsumerErrorKind`].
    pub async fn get_or_create_consumer<T>(&self, name: &str, config: T) -> Result<Consumer<T>, ConsumerError>
    where
        T: FromConsumer + IntoConsumerConfig,
    {
        let subject = format!("CONSUMER.INFO.{}.{name}", self.name);
        match self.context.request(subject, &json!({})).await? {
            Response::Err { error } if error.code() == 404 => self.create_consumer(config).await,
            Response::Err { error } => Err(error.into()),
            Response::Ok::<Info>(info) => {
                let wrong = |error| ConsumerError::with_source(ConsumerErrorKind::InvalidConsumerType, error);
                let config = T::try_from_consumer_config(info.config.clone()).map_err(wrong)?;
                Ok(Consumer::new(config, info, self.context.clone()))
            }
        }
    }

    /// Removes a consumer.
    ///
    /// # Errors
    /// See [`ConsumerErrorKind`].
    pub async fn delete_consumer(&self, name: &str) -> Result<DeleteStatus, ConsumerError> {
        self.ask_consumer("DELETE", name, &json!({})).await
    }

    /// Has a consumer deliver nothing until `pause_until`.
    ///
    /// # Errors
    /// See [`ConsumerErrorKind`].
    pub async fn pause_consumer(&self, name: &str, pause_until: DateTime) -> Result<PauseResponse, ConsumerError> {
        self.ask_consumer("PAUSE", name, &Pause { pause_until }).await
    }

    /// Ends the pause of a consumer.
    ///
    /// # Errors
    /// See [`ConsumerErrorKind`].
    pub async fn resume_consumer(&self, name: &str) -> Result<PauseResponse, ConsumerError> {
        self.ask_consumer("PAUSE", name, &json!({})).await
    }

    /// Takes the pin of a group from the client that has it. [ADR-42]
    ///
    /// # Errors
    /// See [`ConsumerErrorKind`].
    pub async fn unpin_consumer(&self, name: &str, group: &str) -> Result<(), ConsumerError> {
        if !is_valid_name(name) {
            return Err(ConsumerErrorKind::InvalidName.into());
        }
        let unpinned = self.ask_consumer::<IgnoredAny, _>("UNPIN", name, &json!({ "group": group })).await;
        unpinned.map(|IgnoredAny| ())
    }

    /// Has a consumer begin anew; see [`Consumer::reset`].
    ///
    /// # Errors
    /// See [`ConsumerResetErrorKind`](super::ConsumerResetErrorKind).
    pub async fn reset_consumer(
        &self,
        name: &str,
        seq: Option<u64>,
    ) -> Result<ConsumerResetResponse, ConsumerResetError> {
        self.context.reset_consumer_of(&self.name, name, seq).await
    }

    /// The names of all consumers.
    pub fn consumer_names(&self) -> ConsumerNames {
        ConsumerNames(pages(self.context.clone(), format!("CONSUMER.NAMES.{}", self.name)))
    }

    /// All consumers.
    pub fn consumers(&self) -> Consumers {
        Consumers(pages(self.context.clone(), format!("CONSUMER.LIST.{}", self.name)))
    }

    async fn ask_consumer<A, B>(&self, verb: &str, name: &str, body: &B) -> Result<A, ConsumerError>
    where
        A: DeserializeOwned,
        B: Serialize,
    {
        match self.context.request(format!("CONSUMER.{verb}.{}.{name}", self.name), body).await? {
            Response::Ok(answer) => Ok(answer),
            Response::Err { error } => Err(error.into()),
        }
    }
}

#[derive(Serialize)]
struct Pause {
    #[serde(with = "rfc3339")]
    pause_until: DateTime,
}

/// The names of the consumers of a stream; see [`Stream::consumer_names`].
pub struct ConsumerNames(BoxStream<'static, Result<String, StreamsError>>);

/// The consumers of a stream; see [`Stream::consumers`].
pub struct Consumers(BoxStream<'static, Result<Info, StreamsError>>);

/// Why a list of consumers can't be read.
pub type ConsumersError = StreamsError;

/// What went wrong with a list of consumers.
pub type ConsumersErrorKind = crate::jetstream::context::StreamsErrorKind;

/// One page of a list.
#[derive(Deserialize)]
struct ListPage<T> {
    total: usize,
    consumers: Option<Vec<T>>,
}

/// All pages of a list, one item after the other; an error ends it.
fn pages<T>(context: Context, subject: String) -> BoxStream<'static, Result<T, StreamsError>>
where
    T: DeserializeOwned + Send + 'static,
{
    let next = move |offset: Option<usize>| {
        let (context, subject) = (context.clone(), subject.clone());
        async move {
            let Some(offset) = offset else { return Ok(None) };
            let page: ListPage<T> = page(&context, subject, offset).await?;
            let items = page.consumers.unwrap_or_default();
            let end = offset + items.len();
            let following = (!items.is_empty() && end < page.total).then_some(end);
            Ok::<_, StreamsError>(Some((stream::iter(items.into_iter().map(Ok)), following)))
        }
    };
    stream::try_unfold(Some(0), next).try_flatten().boxed()
}

async fn page<T: DeserializeOwned>(context: &Context, subject: String, offset: usize) -> Result<T, RequestError> {
    use crate::jetstream::context::RequestErrorKind::Other;
    match context.request(subject, &json!({ "offset": offset })).await? {
        Response::Ok(page) => Ok(page),
        Response::Err { error } => Err(RequestError::with_source(Other, error)),
    }
}

impl futures_core::Stream for ConsumerNames {
    type Item = Result<String, StreamsError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl futures_core::Stream for Consumers {
    type Item = Result<Info, StreamsError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl fmt::Debug for ConsumerNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerNames").finish_non_exhaustive()
    }
}

impl fmt::Debug for Consumers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumers").finish_non_exhaustive()
    }
}
