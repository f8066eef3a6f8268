//! All messages of an ordered pull consumer.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use futures_core::Stream as AsyncStream;
use futures_core::future::BoxFuture;

use super::{
    BatchConfig, Config, MessagesError, MessagesErrorKind, OrderedConfig, OrderedError, OrderedErrorKind, Stream,
};
use crate::jetstream::Message;
use crate::jetstream::consumer::recreate::{Ordered as OrderedKind, Place, Progress, Recipe};
use crate::jetstream::consumer::{Consumer, DeliverPolicy, StreamError};

/// All messages of an ordered consumer, each once and in order. When one is missing, or the consumer is gone, it is made
/// anew behind the last message that was read; the stream ends with an error when that is impossible.
pub struct Ordered {
    recipe: Recipe<OrderedConfig>,
    progress: Progress,
    state: State,
    /// Requests were refused as too large once already.
    is_refused: bool,
}

enum State {
    Reading(Box<Stream>),
    Making(BoxFuture<'static, Result<Made, OrderedError>>),
    Over,
}

/// A new consumer.
type Made = (Recipe<OrderedConfig>, Progress, Stream);

impl Consumer<OrderedConfig> {
    /// All messages from where the consumer begins, and those to come, each once and in order.
    ///
    /// # Errors
    /// See [`StreamErrorKind`](crate::jetstream::consumer::StreamErrorKind).
    pub async fn messages(self) -> Result<Ordered, StreamError> {
        let (recipe, progress) = (Recipe::of(&self), Progress::new(&self.info));
        let stream = read(self).await?;
        Ok(Ordered { recipe, progress, state: State::Reading(Box::new(stream)), is_refused: false })
    }
}

async fn read(consumer: Consumer<OrderedConfig>) -> Result<Stream, StreamError> {
    let Consumer { context, config, info, temporary } = consumer;
    let request = BatchConfig::ordered(&info);
    let consumer: Consumer<Config> = Consumer { context, config: config.into(), info, temporary };
    Stream::begin(&consumer, request).await
}

impl OrderedKind for OrderedConfig {
    fn deliver_policy(&self) -> DeliverPolicy {
        self.deliver_policy
    }

    fn again(self, name: String, deliver_policy: DeliverPolicy, _: String) -> Self {
        Self { name: Some(name), deliver_policy, ..self }
    }
}

impl Ordered {
    fn make_anew(&mut self) {
        let making = self.recipe.clone().make(self.progress);
        self.state = State::Making(Box::pin(async move {
            let failed = |error| OrderedError::with_source(OrderedErrorKind::Recreate, error);
            let (recipe, progress, consumer) = making.await.map_err(failed)?;
            let other = |error| OrderedError::with_source(OrderedErrorKind::Other, error);
            Ok((recipe, progress, read(consumer).await.map_err(other)?))
        }));
    }

    /// What says whether everything was read that there is to read now.
    pub(crate) fn idle_check(&self) -> impl Future<Output = bool> + Send + 'static {
        self.recipe.idle_check(self.progress)
    }

    /// What there is to yield of what the consumer sent.
    fn take(&mut self, arrived: Result<Message, MessagesError>) -> Option<Result<Message, OrderedError>> {
        let error = match arrived {
            Ok(message) => match message.info().map(|info| self.progress.note(&info)) {
                Ok(Place::Next) => {
                    self.is_refused = false;
                    return Some(Ok(message));
                }
                Ok(Place::Read) => return None,
                Ok(Place::BehindGap) => {
                    self.make_anew();
                    return None;
                }
                Err(error) => return Some(Err(OrderedError::with_source(OrderedErrorKind::Other, error))),
            },
            Err(error) => error,
        };
        match error.kind() {
            MessagesErrorKind::ConsumerDeleted
            | MessagesErrorKind::NoResponders
            | MessagesErrorKind::MissingHeartbeat => self.make_anew(),
            // The next one is asked for what it allows then.
            MessagesErrorKind::RequestLimitExceeded if !self.is_refused => {
                self.is_refused = true;
                self.make_anew();
            }
            _ => return Some(Err(error.into())),
        }
        None
    }
}

impl AsyncStream for Ordered {
    type Item = Result<Message, OrderedError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Over => return Poll::Ready(None),
                State::Reading(stream) => {
                    let Some(arrived) = ready!(Pin::new(&mut **stream).poll_next(cx)) else {
                        this.state = State::Over;
                        continue;
                    };
                    if let Some(item) = this.take(arrived) {
                        return Poll::Ready(Some(item));
                    }
                }
                State::Making(making) => match ready!(making.as_mut().poll(cx)) {
                    Ok((recipe, progress, stream)) => {
                        (this.recipe, this.progress) = (recipe, progress);
                        this.state = State::Reading(Box::new(stream));
                    }
                    Err(error) => {
                        this.state = State::Over;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            }
        }
    }
}

impl fmt::Debug for Ordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ordered").field("progress", &self.progress).finish_non_exhaustive()
    }
}
