//! The queue of one in-process subscription: publishers push messages by reference count, the subscriber takes them all
//! at once. Bounded in bytes and messages; what does not fit is dropped and counted, as async-nats does.
//!
//! Drain invariant: as long as messages wait, the subscriber either was woken or will look at the queue before it waits.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll, Waker};

use crate::budget::Budget;
use crate::grace::Grace;
use crate::message::Message;
use crate::relief::Relief;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, Mutex};

/// How much may wait for one in-process subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueBounds {
    /// Messages that may wait.
    pub messages: usize,
    /// Bytes that may wait.
    pub bytes: usize,
}

/// Messages that wait for one in-process subscriber.
pub struct LocalQueue {
    state: Mutex<State>,
    bounds: QueueBounds,
    budget: Arc<Budget>,
    dropped: AtomicU64,
    relief: Relief,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    bytes: usize,
    /// Bytes charged to the budget; ahead of `bytes` by less than a step.
    charged: usize,
    /// Bytes in the hands of the reader, who took them and has not come back: they count as well.
    taken: usize,
    taken_charged: usize,
    waker: Option<Waker>,
    /// How many want that nothing is taken for now.
    holds: u32,
    closed: bool,
    /// Messages that ever came, lost ones included.
    arrived: u64,
    /// After how many the queue closes by itself.
    max: Option<u64>,
    /// Set when the interest was taken back: the queue ends once the turns of before are over.
    ending: Option<Grace>,
}

impl State {
    /// Counts one message; the last one of a limited subscription ends the queue.
    #[inline]
    fn count_arrival(&mut self) {
        self.arrived += 1;
        if self.max.is_some_and(|max| self.arrived >= max) {
            self.closed = true;
        }
    }
}

/// Messages are nobody's business but their readers'.
impl fmt::Debug for LocalQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalQueue").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The message waits; this many bytes wait now.
    Queued(usize),
    /// The queue is full: the message is lost to this subscriber.
    Dropped,
    /// Nobody reads here any more.
    Closed,
}

/// What a message costs beyond its bytes; keeps a flood of empty messages bounded too.
const MESSAGE_OVERHEAD_BYTES: usize = size_of::<Message>();

/// The budget is charged in steps, so that most messages cost it nothing.
const CHARGE_STEP_BYTES: usize = 16 * 1024;

impl LocalQueue {
    /// An empty queue within `bounds`; what waits is charged to `budget`.
    pub fn new(bounds: QueueBounds, budget: Arc<Budget>) -> Self {
        Self {
            state: Mutex::new(State::default()),
            bounds,
            budget,
            dropped: AtomicU64::new(0),
            relief: Relief::default(),
        }
    }

    /// Appends a message and wakes the subscriber if it waits.
    #[inline]
    pub fn push(&self, message: Message) -> Pushed {
        self.push_message(message, true)
    }

    /// As [`push`](Self::push), for a status of the broker: it is none of the messages that a subscription is limited to.
    pub fn push_status(&self, message: Message) -> Pushed {
        self.push_message(message, false)
    }

    #[inline]
    fn push_message(&self, message: Message, counts: bool) -> Pushed {
        let cost = message.len() + MESSAGE_OVERHEAD_BYTES;
        let mut state = self.state.lock();
        if state.closed {
            return Pushed::Closed;
        }
        if counts {
            state.count_arrival();
        }
        if !self.admit(&mut state, cost) {
            // The last message that a subscription wanted ends it even if it is lost; and a reader may want to know that
            // something was lost which it waits for.
            let waker = state.waker.take();
            // Before it looks, woken up.
            let lost_before = self.count_dropped();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
            if lost_before == 0 {
                warn_of_loss(&message);
            }
            return Pushed::Dropped;
        }
        state.messages.push_back(message);
        state.bytes += cost;
        let bytes = state.bytes;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Pushed::Queued(bytes)
    }

    /// Appends all of `messages` under one lock; returns the bytes that wait then, or nothing when nobody reads.
    pub fn push_all(&self, messages: &mut Vec<Message>) -> Option<usize> {
        let mut lost = None;
        let mut state = self.state.lock();
        if state.closed {
            messages.clear();
            return None;
        }
        for message in messages.drain(..) {
            if state.closed {
                // The one before was the last that was wanted.
                break;
            }
            let cost = message.len() + MESSAGE_OVERHEAD_BYTES;
            state.count_arrival();
            if self.admit(&mut state, cost) {
                state.messages.push_back(message);
                state.bytes += cost;
            } else {
                self.count_dropped();
                lost = Some(message);
            }
        }
        let bytes = state.bytes;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        if let Some(message) = lost {
            warn_of_loss(&message);
        }
        Some(bytes)
    }

    #[inline]
    fn admit(&self, state: &mut State, cost: usize) -> bool {
        if state.messages.len() >= self.bounds.messages || state.taken + state.bytes + cost > self.bounds.bytes {
            return false;
        }
        state.bytes + cost <= state.charged || self.charge(state, cost)
    }

    fn charge(&self, state: &mut State, cost: usize) -> bool {
        let step = cost.max(CHARGE_STEP_BYTES);
        // A queue holds at most as much as it leaves free for all others (dynamic thresholds, known from switches with
        // shared memory): however many subscribers stall, those who read find room.
        if state.charged + state.taken_charged + step > self.budget.free() {
            return false;
        }
        let within = self.budget.charge(step);
        if within {
            state.charged += step;
        } else {
            self.budget.refund(step);
        }
        within
    }

    /// Counts a lost message; returns how many there were before.
    fn count_dropped(&self) -> u64 {
        self.budget.count_dropped(1);
        self.dropped.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes everything that waits into `taken`, which must be empty: `Ready(true)` when there is something,
    /// `Ready(false)` at the end, `Pending` (and a wake-up to come) otherwise.
    pub fn poll_take(&self, cx: &mut Context<'_>, taken: &mut VecDeque<Message>) -> Poll<bool> {
        debug_assert!(taken.is_empty(), "messages taken before are read first");
        let mut state = self.state.lock();
        let read_charged = std::mem::take(&mut state.taken_charged);
        state.taken = 0;
        if state.holds > 0 {
            state.waker = Some(cx.waker().clone());
            drop(state);
            self.budget.refund(read_charged);
            return Poll::Pending;
        }
        if state.messages.is_empty() {
            let polled = Self::poll_empty(&mut state, cx);
            drop(state);
            self.budget.refund(read_charged);
            return polled;
        }
        std::mem::swap(&mut state.messages, taken);
        let bytes = std::mem::take(&mut state.bytes);
        state.taken = bytes;
        state.taken_charged = std::mem::take(&mut state.charged);
        drop(state);
        // What the reader took before is read: it is back.
        self.budget.refund(read_charged);
        self.relief.record_progress(bytes, 0);
        Poll::Ready(true)
    }

    fn poll_empty(state: &mut State, cx: &mut Context<'_>) -> Poll<bool> {
        if state.closed {
            return Poll::Ready(false);
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => state.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Ends the queue once `max` messages have come, counted from its start; at once if they have.
    pub fn close_after(&self, max: u64) {
        let reached = {
            let mut state = self.state.lock();
            state.max = Some(max);
            state.arrived >= max
        };
        if reached {
            self.close();
        }
    }

    /// Notes that the interest is gone: the reader ends the queue when the grace period is over.
    pub(crate) fn end_after(&self, grace: Grace) {
        let waker = {
            let mut state = self.state.lock();
            state.ending = Some(grace);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Gives its reader nothing from now on.
    pub(crate) fn hold(&self) {
        self.state.lock().holds += 1;
    }

    /// Takes one hold back.
    pub(crate) fn release(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.holds -= 1;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The grace period that the end of the queue waits for.
    pub(crate) fn ending(&self) -> Option<Grace> {
        self.state.lock().ending
    }

    /// Ends the queue: what waits can still be taken, then it reports the end.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let waker = state.waker.take();
        drop(state);
        self.relief.release();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ends the queue on behalf of its reader, who needs no wake-up for that.
    pub(crate) fn finish(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.closed = true;
            state.waker.take()
        };
        // Only now: dropping a waker may run foreign code.
        drop(waker);
        self.relief.release();
    }

    /// Ends the queue and drops what waits.
    pub fn discard(&self) {
        self.close();
        let mut state = self.state.lock();
        state.bytes = 0;
        state.taken = 0;
        let charged = std::mem::take(&mut state.charged) + std::mem::take(&mut state.taken_charged);
        let messages = std::mem::take(&mut state.messages);
        drop(state);
        drop(messages);
        self.budget.refund(charged);
    }

    /// Messages lost because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Bytes that wait.
    pub fn pending_bytes(&self) -> usize {
        self.state.lock().bytes
    }

    /// Bytes that wait or that the reader has taken and not yet read.
    pub fn held_bytes(&self) -> usize {
        let state = self.state.lock();
        state.bytes + state.taken
    }

    /// Notes that the reader has read all it took.
    pub(crate) fn finish_read(&self) {
        let charged = {
            let mut state = self.state.lock();
            state.taken = 0;
            std::mem::take(&mut state.taken_charged)
        };
        self.budget.refund(charged);
    }

    /// Where publishers wait for this queue to drain.
    pub fn relief(&self) -> &Relief {
        &self.relief
    }
}

/// Never called under the lock: a logger may publish.
#[cold]
fn warn_of_loss(message: &Message) {
    tracing::warn!(subject = %message.subject, "slow consumer: an in-process subscriber loses messages");
}

#[cfg(test)]
mod tests;
