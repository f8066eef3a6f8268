//! Pull consumers: clients ask for messages, as many as they can take. [ADR-13]

mod batch;
mod batch_config;
mod builders;
mod config;
mod kinds;
mod ordered;
mod ordered_config;
mod sequence;
mod status;
mod stream;

use embus_protocol::subject::Subject;

use super::{Consumer, PriorityPolicy, StreamError};

pub use self::batch::Batch;
pub use self::batch_config::BatchConfig;
pub use self::builders::{BatchBuilder, FetchBuilder, StreamBuilder};
pub use self::config::Config;
pub use self::kinds::{
    BatchError, BatchErrorKind, BatchRequestError, BatchRequestErrorKind, ConsumerRecreateError,
    ConsumerRecreateErrorKind, MessagesError, MessagesErrorKind, OrderedError, OrderedErrorKind,
};
pub use self::ordered::Ordered;
pub use self::ordered_config::OrderedConfig;
pub use self::sequence::Sequence;
pub use self::stream::Stream;

impl Consumer<Config> {
    /// All messages from where the consumer stands, and those to come. They are asked for 200 at a time, ahead of being
    /// read; see [`stream`](Self::stream) for other numbers.
    ///
    /// # Errors
    /// See [`StreamErrorKind`](super::StreamErrorKind).
    pub async fn messages(&self) -> Result<Stream, StreamError> {
        self.stream().heartbeat(batch_config::DEFAULT_IDLE_HEARTBEAT).messages().await
    }

    /// Sets up a stream of messages.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// # use embus::jetstream::{self, consumer};
    /// use futures_util::StreamExt;
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let jetstream = jetstream::new(broker.client());
    /// # let stream = jetstream.create_stream("a").await?;
    /// # jetstream.publish("a", "1".into()).await?.await?;
    /// let consumer = stream.create_consumer(consumer::pull::Config::default()).await?;
    /// let mut messages = consumer.stream().max_messages_per_batch(10).messages().await?;
    /// messages.next().await.expect("it does not end by itself")?.ack().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(&self) -> StreamBuilder<'_> {
        StreamBuilder::new(self)
    }

    /// Asks for messages and has them sent to `inbox`.
    ///
    /// Cancel-safe: sent at the first poll.
    ///
    /// # Errors
    /// See [`BatchRequestErrorKind`]. That there is no such consumer is told to the inbox.
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn request_batch<I>(&self, batch: I, inbox: Subject) -> Result<(), BatchRequestError>
    where
        I: Into<BatchConfig>,
    {
        self.request(&batch.into(), None, inbox)
    }

    /// What there is now, as many as the builder says; it does not wait for more.
    pub fn fetch(&self) -> FetchBuilder<'_> {
        FetchBuilder::new(self)
    }

    /// As many messages as the builder says; it waits for them as long as that says.
    pub fn batch(&self) -> BatchBuilder<'_> {
        BatchBuilder::new(self)
    }

    /// Batches of at most `batch` messages, one after the other.
    ///
    /// # Errors
    /// See [`BatchErrorKind`].
    pub fn sequence(&self, batch: usize) -> Result<Sequence, BatchError> {
        self.check_unpinned()?;
        Ok(Sequence::new(self.clone(), batch))
    }

    /// Single batches would take a pin and never renew it.
    fn check_unpinned(&self) -> Result<(), BatchError> {
        let pinned = self.config.priority_policy == PriorityPolicy::PinnedClient;
        if pinned { Err(BatchErrorKind::PinnedClient.into()) } else { Ok(()) }
    }

    /// Hands the request to the consumer itself; says whether it took it.
    fn pull(&self, batch: &BatchConfig, pin_id: Option<&str>, inbox: &Subject) -> bool {
        let request = batch.to_engine(pin_id, inbox);
        let stream = self.context.find(&self.info.stream_name);
        match (request, stream) {
            (Some(request), Ok(stream)) => stream.pull(&self.info.name, request),
            _ => false,
        }
    }

    fn request(&self, batch: &BatchConfig, pin_id: Option<&str>, inbox: Subject) -> Result<(), BatchRequestError> {
        if self.pull(batch, pin_id, &inbox) {
            return Ok(());
        }
        // What is wrong with the request, or that nobody takes it, is for the API to say.
        let body = batch.to_body(pin_id);
        let body = body.map_err(|error| BatchRequestError::with_source(BatchRequestErrorKind::Serialize, error))?;
        let subject = self.context.next_subject(&self.info.stream_name, &self.info.name);
        let sent = self.context.client().publish_now(subject, Some(inbox), body);
        sent.map_err(|error| BatchRequestError::with_source(BatchRequestErrorKind::Publish, error))
    }
}
