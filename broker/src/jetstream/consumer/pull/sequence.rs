//! Batches, one after the other.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use futures_core::Stream as AsyncStream;
use futures_core::future::BoxFuture;

use super::{Batch, BatchConfig, BatchError, Config, MessagesError, MessagesErrorKind};
use crate::jetstream::consumer::Consumer;

/// Batches, one after the other, without an end; see [`Consumer::sequence`].
pub struct Sequence {
    consumer: Consumer<Config>,
    batch: usize,
    next: Option<BoxFuture<'static, Result<Batch, BatchError>>>,
}

/// How long each batch is waited for. [async-nats]
const EXPIRES: Duration = Duration::from_secs(60);

impl Sequence {
    pub(super) fn new(consumer: Consumer<Config>, batch: usize) -> Self {
        Self { consumer, batch, next: None }
    }

    fn begin(&self) -> BoxFuture<'static, Result<Batch, BatchError>> {
        let consumer = self.consumer.clone();
        let request = BatchConfig { batch: self.batch, expires: Some(EXPIRES), ..BatchConfig::default() };
        Box::pin(async move { Batch::begin(&consumer, &request).await })
    }
}

impl AsyncStream for Sequence {
    type Item = Result<Batch, MessagesError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.next.is_none() {
            this.next = Some(this.begin());
        }
        let Some(next) = &mut this.next else { return Poll::Ready(None) };
        let batch = ready!(next.as_mut().poll(cx));
        this.next = None;
        Poll::Ready(Some(batch.map_err(|error| MessagesError::with_source(MessagesErrorKind::Pull, error))))
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequence").field("batch", &self.batch).finish_non_exhaustive()
    }
}
