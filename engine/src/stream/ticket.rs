//! The acknowledgement that an in-process publisher waits for: handed over as a value, without a reply subject.

use std::fmt;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::api::error::ApiError;
use crate::sync::Arc;

/// What a stream says of a message that it has stored, or had stored before. [reference §4.1]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PubAck {
    /// The stream.
    pub stream: String,
    /// The message's sequence in it.
    pub sequence: u64,
    /// The domain of the broker, if it has one.
    pub domain: Option<String>,
    /// The same message (by its `Nats-Msg-Id`) was there before.
    pub duplicate: bool,
}

/// A place for one acknowledgement.
#[derive(Debug, Default)]
pub struct Ticket {
    slot: Mutex<Slot>,
    /// Told once, when no answer is outstanding any more.
    watcher: Option<Arc<dyn Watcher>>,
}

/// Counts acknowledgements that are outstanding.
pub trait Watcher: fmt::Debug + Send + Sync {
    /// One of them is there, or will never come.
    fn settled(&self);
}

#[derive(Debug, Default)]
struct Slot {
    is_settled: bool,
    answer: Option<Result<PubAck, ApiError>>,
    waker: Option<Waker>,
}

impl Ticket {
    /// A ticket that tells `watcher` when it has its answer, or when everybody has dropped it without one.
    pub fn watched(watcher: Arc<dyn Watcher>) -> Self {
        Self { slot: Mutex::default(), watcher: Some(watcher) }
    }

    /// Puts the answer in; the first one counts.
    pub(crate) fn resolve(&self, answer: Result<PubAck, ApiError>) {
        let waker = {
            let mut slot = self.slot.lock();
            if std::mem::replace(&mut slot.is_settled, true) {
                return;
            }
            slot.answer = Some(answer);
            slot.waker.take()
        };
        if let Some(watcher) = &self.watcher {
            watcher.settled();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether the answer is there, or was.
    pub fn is_settled(&self) -> bool {
        self.slot.lock().is_settled
    }

    /// The answer, once it is there. Only the first who asks gets it.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<Result<PubAck, ApiError>> {
        let mut slot = self.slot.lock();
        if let Some(answer) = slot.answer.take() {
            return Poll::Ready(answer);
        }
        if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            slot.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(watcher) = &self.watcher
            && !self.slot.get_mut().is_settled
        {
            watcher.settled();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug, Default)]
    struct Counter(AtomicUsize);

    impl Watcher for Counter {
        fn settled(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn watched() -> (Arc<Counter>, Ticket) {
        let counter = Arc::new(Counter::default());
        (Arc::clone(&counter), Ticket::watched(counter))
    }

    #[test]
    fn the_first_answer_counts_and_is_given_once() {
        let (counter, ticket) = watched();
        let cx = Context::from_waker(Waker::noop());
        assert!(ticket.poll(&cx).is_pending());
        ticket.resolve(Err(ApiError::bad_request()));
        ticket.resolve(Err(ApiError::stream_not_found()));
        assert_eq!(ticket.poll(&cx), Poll::Ready(Err(ApiError::bad_request())));
        assert!(ticket.poll(&cx).is_pending());
        drop(ticket);
        assert_eq!(counter.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_ticket_that_nobody_answers_is_settled_when_it_goes() {
        let (counter, ticket) = watched();
        drop(ticket);
        assert_eq!(counter.0.load(Ordering::Relaxed), 1);
    }
}
