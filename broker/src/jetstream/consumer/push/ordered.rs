//! All messages of an ordered push consumer.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use futures_core::Stream as AsyncStream;
use futures_core::future::BoxFuture;

use super::messages::{Arrival, Inbox, error_of};
use super::{MessagesErrorKind, OrderedConfig, OrderedError, OrderedErrorKind};
use crate::jetstream::Message;
use crate::jetstream::consumer::recreate::{Ordered as OrderedKind, Place, Progress, Recipe};
use crate::jetstream::consumer::{Consumer, DeliverPolicy, StreamError};

/// All messages of an ordered consumer, each once and in order. When one is missing, or the consumer is gone, it is made
/// anew behind the last message that was read; the stream ends with an error when that is impossible.
pub struct Ordered {
    recipe: Recipe<OrderedConfig>,
    progress: Progress,
    state: State,
}

enum State {
    Reading(Box<Inbox>),
    Making(BoxFuture<'static, Result<Made, OrderedError>>),
    Over,
}

/// A new consumer.
type Made = (Recipe<OrderedConfig>, Progress, Inbox);

impl Consumer<OrderedConfig> {
    /// All messages from where the consumer begins, and those to come, each once and in order.
    ///
    /// # Errors
    /// See [`StreamErrorKind`](crate::jetstream::consumer::StreamErrorKind).
    pub async fn messages(self) -> Result<Ordered, StreamError> {
        let (recipe, progress) = (Recipe::of(&self), Progress::new(&self.info));
        let inbox = Inbox::open(&self).await?;
        Ok(Ordered { recipe, progress, state: State::Reading(Box::new(inbox)) })
    }
}

impl OrderedKind for OrderedConfig {
    fn deliver_policy(&self) -> DeliverPolicy {
        self.deliver_policy
    }

    fn again(self, name: String, deliver_policy: DeliverPolicy, inbox: String) -> Self {
        // What the old consumer still sends must not be taken for the new one's.
        Self { name: Some(name), deliver_policy, deliver_subject: inbox, ..self }
    }
}

impl Ordered {
    fn make_anew(&mut self) {
        let making = self.recipe.clone().make(self.progress);
        self.state = State::Making(Box::pin(async move {
            let failed = |error| OrderedError::with_source(OrderedErrorKind::Recreate, error);
            let (recipe, progress, consumer) = making.await.map_err(failed)?;
            let other = |error| OrderedError::with_source(OrderedErrorKind::Other, error);
            let inbox = Inbox::open(&consumer).await.map_err(other)?;
            Ok((recipe, progress, inbox))
        }));
    }

    /// What there is to yield of what the consumer sent.
    fn take(&mut self, arrived: Result<Arrival, MessagesErrorKind>) -> Option<Result<Message, OrderedError>> {
        match arrived {
            Ok(Arrival::Message(message)) => match message.info().map(|info| self.progress.note(&info)) {
                Ok(Place::Next) => return Some(Ok(message)),
                Ok(Place::Read) => {}
                Ok(Place::BehindGap) => self.make_anew(),
                Err(error) => return Some(Err(OrderedError::with_source(OrderedErrorKind::Other, error))),
            },
            Ok(Arrival::Heartbeat { consumer_sequence: Some(sequence) }) if !self.progress.has(sequence) => {
                self.make_anew();
            }
            Ok(Arrival::Heartbeat { .. }) => {}
            Err(MessagesErrorKind::ConsumerDeleted | MessagesErrorKind::MissingHeartbeat) => self.make_anew(),
            Err(kind) => return Some(Err(error_of(kind).into())),
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
                State::Reading(inbox) => {
                    let Some(arrived) = ready!(inbox.poll(cx)) else {
                        this.state = State::Over;
                        continue;
                    };
                    if let Some(item) = this.take(arrived) {
                        return Poll::Ready(Some(item));
                    }
                }
                State::Making(making) => match ready!(making.as_mut().poll(cx)) {
                    Ok((recipe, progress, inbox)) => {
                        (this.recipe, this.progress) = (recipe, progress);
                        this.state = State::Reading(Box::new(inbox));
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
