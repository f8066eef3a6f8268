//! A client as a sink of messages.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use embus_engine::Congestion;
use futures_sink::Sink;
use tokio::task::coop;
use tokio_util::sync::ReusableBoxFuture;

use super::Client;
use super::kinds::{Closed, PublishError, PublishErrorKind};
use super::message::OutboundMessage;
use super::stall::relieved;

/// What one handle of a client remembers between two calls of its sink. Clones of the handle start afresh.
#[derive(Default)]
pub(super) struct SinkState {
    /// Set while a destination of the last message is congested. Boxed, as it must keep its place and is rarely there.
    stall: Option<ReusableBoxFuture<'static, ()>>,
    closed: bool,
}

impl SinkState {
    fn hold_back(&mut self, congestion: Option<Congestion>) {
        self.stall = congestion.map(|congestion| ReusableBoxFuture::new(relieved(congestion)));
    }

    fn poll_relieved(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(stall) = &mut self.stall {
            ready!(Pin::new(stall).poll(cx));
            self.stall = None;
        }
        Poll::Ready(())
    }
}

impl Clone for SinkState {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for SinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkState").field("stalled", &self.stall.is_some()).field("closed", &self.closed).finish()
    }
}

/// Publishes what is sent into it. A message is handed over by `start_send`; the next `poll_ready` waits, 10 ms at most,
/// while a subscriber is far behind. Closing a sink closes this handle's sink only: clones, and all methods, go on.
impl Sink<OutboundMessage> for Client {
    type Error = PublishError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PublishError>> {
        if self.sink.closed || self.shared.local.is_closed() {
            return Poll::Ready(Err(closed()));
        }
        let budget = ready!(coop::poll_proceed(cx));
        ready!(self.sink.poll_relieved(cx));
        budget.made_progress();
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, message: OutboundMessage) -> Result<(), PublishError> {
        if self.sink.closed {
            return Err(closed());
        }
        let congestion = self.hand_over_message(message)?;
        self.sink.hold_back(congestion);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PublishError>> {
        self.sink.poll_relieved(cx).map(Ok)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PublishError>> {
        ready!(self.sink.poll_relieved(cx));
        self.sink.closed = true;
        Poll::Ready(Ok(()))
    }
}

#[cold]
fn closed() -> PublishError {
    PublishError::with_source(PublishErrorKind::Send, Closed)
}
