//! Waiting for the acknowledgement of a published message.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use embus_engine::api::error::ApiError;
use embus_engine::stream::ticket::{PubAck, Ticket, Watcher};
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};

use super::context::{PublishError, PublishErrorKind};
use super::errors::{self, ErrorCode};
use super::publish::PublishAck;

/// How many acknowledgements may be outstanding.
pub(crate) struct AckWindow {
    permits: Semaphore,
    capacity: u32,
}

impl AckWindow {
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = u32::try_from(capacity.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        Self { permits: Semaphore::new(capacity as usize), capacity }
    }

    /// Takes one place, which is free again once the ticket has its answer. Waits for it, or fails if there is none.
    pub(crate) async fn ticket(self: &Arc<Self>, waits: bool) -> Result<Arc<Ticket>, PublishError> {
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) if waits => self
                .permits
                .acquire()
                .await
                .map_err(|error| PublishError::with_source(PublishErrorKind::Other, error))?,
            Err(_) => return Err(PublishErrorKind::MaxAckPending.into()),
        };
        permit.forget();
        Ok(Arc::new(Ticket::watched(Arc::clone(self) as Arc<dyn Watcher>)))
    }

    /// Waits until no acknowledgement is outstanding.
    pub(crate) async fn all_settled(&self) {
        // Nobody closes the semaphore.
        let _permits = self.permits.acquire_many(self.capacity).await;
    }
}

impl Watcher for AckWindow {
    fn settled(&self) {
        self.permits.add_permits(1);
    }
}

impl fmt::Debug for AckWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckWindow").field("free", &self.permits.available_permits()).finish_non_exhaustive()
    }
}

/// A message that is on its way into a stream; await it to know that it has arrived. Dropping it changes nothing but that
/// nobody will know.
#[derive(Debug)]
pub struct PublishAckFuture {
    state: State,
    timeout: Duration,
}

impl PublishAckFuture {
    /// For a message that was handed over with this ticket.
    pub(crate) fn new(ticket: Arc<Ticket>, timeout: Duration) -> Self {
        Self { state: State::of(ticket), timeout }
    }
}

impl IntoFuture for PublishAckFuture {
    type Output = Result<PublishAck, PublishError>;
    type IntoFuture = AckWait;

    fn into_future(self) -> AckWait {
        AckWait { state: self.state, timeout: self.timeout, late: None }
    }
}

/// The future of a [`PublishAckFuture`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct AckWait {
    state: State,
    timeout: Duration,
    /// Set when there is something to wait for.
    late: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum State {
    /// Some stream holds the other end, or has answered.
    Expected(Arc<Ticket>),
    /// No stream took the message.
    NoStream,
}

impl State {
    fn of(mut ticket: Arc<Ticket>) -> Self {
        // A stream answers before it lets go: whoever is alone with an empty ticket stays so.
        let is_alone = Arc::get_mut(&mut ticket).is_some();
        if is_alone && !ticket.is_settled() { Self::NoStream } else { Self::Expected(ticket) }
    }
}

impl Future for AckWait {
    type Output = Result<PublishAck, PublishError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let State::Expected(ticket) = &this.state else {
            return Poll::Ready(Err(PublishErrorKind::StreamNotFound.into()));
        };
        if let Poll::Ready(answer) = ticket.poll(cx) {
            return Poll::Ready(outcome(answer));
        }
        let late = this.late.get_or_insert_with(|| Box::pin(sleep(this.timeout)));
        late.as_mut().poll(cx).map(|()| Err(PublishErrorKind::TimedOut.into()))
    }
}

fn outcome(answer: Result<PubAck, ApiError>) -> Result<PublishAck, PublishError> {
    answer.map(PublishAck::from).map_err(|error| {
        let error = errors::Error::from(error);
        let kind = match error.error_code() {
            ErrorCode::STREAM_WRONG_LAST_MESSAGE_ID => PublishErrorKind::WrongLastMessageId,
            ErrorCode::STREAM_WRONG_LAST_SEQUENCE => PublishErrorKind::WrongLastSequence,
            _ => PublishErrorKind::Other,
        };
        PublishError::with_source(kind, error)
    })
}
