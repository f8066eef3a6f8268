//! What a watch of a bucket reads: an ordered consumer of its stream.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use embus_kv::Operation;
use embus_kv::backend::{self, Stored};
use futures_core::Stream as AsyncStream;
use futures_core::future::BoxFuture;
use tokio::time::sleep;

use super::store_kinds::{StoreError, StoreErrorKind};
use crate::jetstream::Message;
use crate::jetstream::consumer::pull::{Ordered, OrderedError};
use crate::jetstream::failure::Stopped;

/// The entries that a watch gets, as its bucket sees them. It pulls, so a slow reader loses nothing, and its consumer is made
/// anew when it is gone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::{ReadError, Store, StoreError, StoreMessages};
/// use embus_kv::backend::From;
/// use embus_kv::watch::{Watch, watch};
///
/// async fn users(bucket: &Store) -> Result<Watch<StoreMessages>, ReadError<StoreError>> {
///     watch(bucket, ["users.*"], From::Last, false).await
/// }
///
/// assert!(users(&bucket).await?.is_current());
/// # Ok(())
/// # }
/// ```
pub struct StoreMessages {
    messages: Ordered,
    /// Whether nothing is left: asked from time to time while nothing comes.
    check: Option<BoxFuture<'static, bool>>,
    /// It never ends silently: the last item is an error.
    is_over: bool,
}

impl StoreMessages {
    pub(super) fn new(messages: Ordered) -> Self {
        Self { messages, check: None, is_over: false }
    }

    fn message(arrived: Result<Message, OrderedError>) -> Result<backend::Message, StoreError> {
        let message = arrived?;
        let info = message.info().map_err(|error| StoreError::with_source(StoreErrorKind::Consumer, error))?;
        let (revision, created, pending) = (info.stream_sequence, info.published, info.pending);
        let crate::Message { subject, payload: value, headers, .. } = message.message;
        let operation = headers.as_ref().map_or(Operation::Put, |headers| {
            Operation::of(|name| headers.get(name.clone()).map(|value| value.as_str().as_bytes()))
        });
        Ok(backend::Message { subject, stored: Stored { revision, created, operation, value }, pending })
    }
}

impl AsyncStream for StoreMessages {
    type Item = Result<backend::Message, StoreError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        let arrived = ready!(Pin::new(&mut this.messages).poll_next(cx));
        // What was asked is about the message before.
        this.check = None;
        let stopped = || Err(StoreError::with_source(StoreErrorKind::Consumer, Stopped));
        let item = arrived.map_or_else(stopped, Self::message);
        this.is_over = item.is_err();
        Poll::Ready(Some(item))
    }
}

impl backend::Messages for StoreMessages {
    type Error = StoreError;

    fn poll_idle(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            let check = self.check.get_or_insert_with(|| {
                let check = self.messages.idle_check();
                Box::pin(async move {
                    sleep(QUIET).await;
                    check.await
                })
            });
            let is_idle = ready!(check.as_mut().poll(cx));
            self.check = None;
            if is_idle {
                return Poll::Ready(());
            }
        }
    }
}

impl fmt::Debug for StoreMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreMessages").field("messages", &self.messages).finish_non_exhaustive()
    }
}

/// How long nothing comes before it is asked whether something is left. It is, mostly.
const QUIET: Duration = Duration::from_millis(20);
