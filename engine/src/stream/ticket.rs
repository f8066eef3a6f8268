//! The acknowledgement that an in-process publisher waits for: handed over as a value, without a reply subject.

use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::api::error::ApiError;

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
pub struct Ticket(Mutex<Slot>);

#[derive(Debug, Default)]
struct Slot {
    answer: Option<Result<PubAck, ApiError>>,
    waker: Option<Waker>,
}

impl Ticket {
    /// Puts the answer in; the first one counts.
    pub(crate) fn resolve(&self, answer: Result<PubAck, ApiError>) {
        let waker = {
            let mut slot = self.0.lock();
            slot.answer.get_or_insert(answer);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The answer, once it is there; it stays there for others who ask.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<Result<PubAck, ApiError>> {
        let mut slot = self.0.lock();
        if let Some(answer) = &slot.answer {
            return Poll::Ready(answer.clone());
        }
        if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            slot.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}
