//! The shared inbox of a client: one wildcard subscription that receives the answers to all its requests.
//!
//! Every request waits in a slot and asks for its answer at `<prefix><token>`; the token names the slot. The waker of
//! the subscription's queue *is* the dispatcher: when a publisher puts an answer into the queue and wakes the reader,
//! the dispatcher runs on that publisher's thread, moves the answer into the slot and wakes the request. So there is no
//! task, and no request depends on another request being polled: futures may be dropped, or kept and never polled.
//!
//! Invariant: either the queue is empty and the dispatcher is registered with it, or a dispatch is running, or `behind`
//! is set and every waiting request has been woken since (each continues the dispatch when it is polled).
//!
//! A dispatch may run inside the engine's publish. It therefore takes no lock but its own and the queue's, wakes nobody
//! while it holds its own, and never drops the subscription (which would change the interest that is being read).

use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker, ready};

use embus_engine::{LocalClient, LocalSubscription, Message};
use embus_protocol::subject::Subject;
use parking_lot::Mutex;
use slab::Slab;
use tokio::task::coop;

use super::kinds::{SubscribeError, subscribe_refused};
use super::subscriber::QUEUE_BOUNDS;

/// The open inbox; dropping it ends its subscription.
pub(super) struct ReplyInbox {
    core: Arc<Core>,
}

struct Core {
    /// What all reply subjects begin with, up to the last dot and with it.
    prefix: String,
    /// Runs a dispatch.
    waker: Waker,
    state: Mutex<State>,
}

struct State {
    /// Nothing once the client is gone.
    subscription: Option<LocalSubscription>,
    slots: Slab<Slot>,
    /// Tells the requests apart that use one slot after another; wraps, which is harmless: an answer would have to be
    /// 2³² requests late, and for this very slot.
    sequence: u32,
    /// A dispatch stopped at its bound: messages may wait although nobody will be woken for them.
    behind: bool,
    /// No more answers will come.
    ended: bool,
}

/// Where one request waits.
struct Slot {
    sequence: u32,
    answer: Answer,
}

enum Answer {
    Awaited(Option<Waker>),
    Here(Message),
}

/// A request that waits for its answer. Ready when the answer is in its slot, or when there will be none because the
/// client is drained or the broker stops; [`into_message`](Reply::into_message) says which.
pub(super) struct Reply<'a> {
    core: &'a Core,
    key: usize,
}

/// What one look into the queue led to.
enum Step {
    /// Nothing waits; the dispatcher will be woken.
    Idle,
    /// An answer went into its slot; whoever waits there is to be woken.
    Answered(Option<Waker>),
    /// Nobody waits for this message (any more).
    Late(Message),
    /// No more answers will come.
    Ended,
}

/// Messages that one wake-up dispatches at most, before the requests have to help: a flood of messages to the inbox
/// must not keep the publisher's thread that happened to wake the dispatcher.
const DISPATCH_LIMIT: usize = 1024;

/// Slots that are kept although no request waits.
const KEPT_SLOTS: usize = 1024;

impl ReplyInbox {
    /// Subscribes to `<name>.*`; answers can arrive when it returns.
    pub(super) fn open(local: &LocalClient, name: &str) -> Result<Self, SubscribeError> {
        let filter = Subject::from(format!("{name}.*"));
        let subscription = local.subscribe(&filter, None, QUEUE_BOUNDS).map_err(subscribe_refused)?;
        let core = Arc::new_cyclic(|core| Core {
            prefix: format!("{name}."),
            waker: Arc::new(Dispatcher(Weak::clone(core))).into(),
            state: Mutex::new(State::new(subscription)),
        });
        core.dispatch();
        Ok(Self { core })
    }

    /// A slot for one more request, and the subject its answer has to be sent to.
    pub(super) fn expect_reply(&self) -> (Subject, Reply<'_>) {
        let (key, token) = self.core.state.lock().open_slot();
        (self.core.subject_of(token), Reply { core: &self.core, key })
    }
}

impl Drop for ReplyInbox {
    fn drop(&mut self) {
        // Taken out here because a dispatcher that is just running may own the core a little longer.
        let subscription = self.core.state.lock().subscription.take();
        drop(subscription);
    }
}

impl fmt::Debug for ReplyInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyInbox").field("prefix", &self.core.prefix).finish_non_exhaustive()
    }
}

/// The waker of the inbox's queue. Weak, as the queue holds it and the core holds the queue.
struct Dispatcher(Weak<Core>);

impl Wake for Dispatcher {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(core) = self.0.upgrade() {
            core.dispatch();
        }
    }
}

impl Core {
    fn subject_of(&self, token: u64) -> Subject {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(token);
        // Exactly as long as needed: a longer buffer would cost a second allocation when it becomes a subject.
        let mut subject = String::with_capacity(self.prefix.len() + digits.len());
        subject.push_str(&self.prefix);
        subject.push_str(digits);
        Subject::from(subject)
    }

    fn token_in(&self, subject: &str) -> Option<u64> {
        subject.strip_prefix(self.prefix.as_str())?.parse().ok()
    }

    /// Moves answers from the queue to the requests that wait for them, at most [`DISPATCH_LIMIT`] messages.
    fn dispatch(&self) {
        for _ in 0..DISPATCH_LIMIT {
            match self.step() {
                Step::Idle => return,
                Step::Answered(waker) => waker.into_iter().for_each(Waker::wake),
                Step::Late(message) => drop(message),
                Step::Ended => break,
            }
        }
        self.wake_all();
    }

    fn step(&self) -> Step {
        let mut state = self.state.lock();
        let Some(subscription) = state.subscription.as_mut() else { return Step::Idle };
        match subscription.poll_next(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Some(message)) => {
                state.behind = true;
                match self.token_in(&message.subject) {
                    Some(token) => state.answer(token, message),
                    None => Step::Late(message),
                }
            }
            Poll::Ready(None) => {
                state.ended = true;
                Step::Ended
            }
            Poll::Pending => {
                state.behind = false;
                Step::Idle
            }
        }
    }

    fn wake_all(&self) {
        let woken: Vec<Waker> =
            self.state.lock().slots.iter_mut().filter_map(|(_, slot)| slot.answer.take_waker()).collect();
        woken.into_iter().for_each(Waker::wake);
    }

    /// Ready if slot `key` is answered or will not be; else registers a wake-up. And whether messages may wait
    /// undispatched.
    fn poll_slot(&self, key: usize, cx: &Context<'_>) -> (Poll<()>, bool) {
        let mut state = self.state.lock();
        let (ended, behind) = (state.ended, state.behind);
        let replaced = match &mut state.slots[key].answer {
            Answer::Here(_) => return (Poll::Ready(()), behind),
            Answer::Awaited(_) if ended => return (Poll::Ready(()), behind),
            Answer::Awaited(Some(waker)) if waker.will_wake(cx.waker()) => None,
            Answer::Awaited(waker) => waker.replace(cx.waker().clone()),
        };
        drop(state);
        // Only now: dropping a waker may run foreign code.
        drop(replaced);
        (Poll::Pending, behind)
    }
}

impl State {
    fn new(subscription: LocalSubscription) -> Self {
        Self { subscription: Some(subscription), slots: Slab::new(), sequence: 0, behind: false, ended: false }
    }

    fn open_slot(&mut self) -> (usize, u64) {
        self.sequence = self.sequence.wrapping_add(1);
        let key = self.slots.insert(Slot { sequence: self.sequence, answer: Answer::Awaited(None) });
        (key, token(self.sequence, key))
    }

    fn close_slot(&mut self, key: usize) -> Slot {
        let slot = self.slots.remove(key);
        if self.slots.is_empty() && self.slots.capacity() > KEPT_SLOTS {
            self.slots = Slab::new();
        }
        slot
    }

    /// The first answer counts; whatever else arrives for the token is late.
    fn answer(&mut self, token: u64, message: Message) -> Step {
        let (sequence, key) = sequence_and_key(token);
        let slot = self.slots.get_mut(key).filter(|slot| slot.sequence == sequence);
        let Some(Slot { answer: answer @ Answer::Awaited(_), .. }) = slot else { return Step::Late(message) };
        let waker = answer.take_waker();
        *answer = Answer::Here(message);
        Step::Answered(waker)
    }
}

impl Answer {
    fn into_message(self) -> Option<Message> {
        match self {
            Self::Here(message) => Some(message),
            Self::Awaited(_) => None,
        }
    }

    fn take_waker(&mut self) -> Option<Waker> {
        match self {
            Self::Awaited(waker) => waker.take(),
            Self::Here(_) => None,
        }
    }
}

impl Reply<'_> {
    /// Gives the slot back, and the answer, if it is there.
    pub(super) fn into_message(self) -> Option<Message> {
        // The slot is closed here, so not once more by the drop.
        ManuallyDrop::new(self).close().answer.into_message()
    }

    fn close(&self) -> Slot {
        self.core.state.lock().close_slot(self.key)
    }
}

impl Future for Reply<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let budget = ready!(coop::poll_proceed(cx));
        let (mut polled, behind) = self.core.poll_slot(self.key, cx);
        if polled.is_pending() && behind {
            // Whoever stopped at its bound relies on us. If we stop at it too, everybody is woken again, also we.
            self.core.dispatch();
            (polled, _) = self.core.poll_slot(self.key, cx);
        }
        if polled.is_ready() {
            budget.made_progress();
        }
        polled
    }
}

impl Drop for Reply<'_> {
    fn drop(&mut self) {
        drop(self.close());
    }
}

/// The slot's place and the request's sequence in one number.
fn token(sequence: u32, key: usize) -> u64 {
    let key = u32::try_from(key).expect("memory does not hold 2³² waiting requests");
    (u64::from(sequence) << u32::BITS) | u64::from(key)
}

fn sequence_and_key(token: u64) -> (u32, usize) {
    let sequence = u32::try_from(token >> u32::BITS).expect("32 bits are left");
    (sequence, usize::try_from(token & u64::from(u32::MAX)).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt;

    use super::*;
    use crate::{Broker, Client};

    async fn opened() -> (Broker, Client, ReplyInbox) {
        let broker = Broker::builder().start().await.unwrap();
        let client = broker.client();
        let inbox = ReplyInbox::open(&client.shared.local, "inbox.test").unwrap();
        (broker, client, inbox)
    }

    async fn answer(client: &Client, subject: Subject, payload: &'static str) {
        client.publish(subject, payload.into()).await.unwrap();
    }

    #[test]
    fn a_token_names_its_slot_and_its_request() {
        for (sequence, key) in [(0, 0), (1, 2), (u32::MAX, 7), (9, u32::MAX as usize)] {
            assert_eq!(sequence_and_key(token(sequence, key)), (sequence, key));
        }
    }

    #[tokio::test]
    async fn an_answer_is_in_its_slot_when_its_publish_returns() {
        let (_broker, client, inbox) = opened().await;
        let (first_subject, first) = inbox.expect_reply();
        let (second_subject, second) = inbox.expect_reply();
        assert!(first_subject.starts_with("inbox.test."));
        answer(&client, second_subject, "second").await;
        answer(&client, first_subject.clone(), "first").await;
        answer(&client, first_subject, "too late").await;
        for (mut reply, expected) in [(first, "first"), (second, "second")] {
            assert!((&mut reply).now_or_never().is_some());
            assert_eq!(reply.into_message().unwrap().payload, Bytes::from(expected));
        }
    }

    #[tokio::test]
    async fn a_slot_is_freed_with_its_request_and_its_next_user_is_told_apart() {
        let (_broker, client, inbox) = opened().await;
        let (stale, reply) = inbox.expect_reply();
        let key = reply.key;
        drop(reply);
        let (_, mut reply) = inbox.expect_reply();
        assert_eq!(reply.key, key);
        answer(&client, stale, "stale").await;
        assert!((&mut reply).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_burst_of_requests_does_not_keep_its_memory() {
        let (_broker, _client, inbox) = opened().await;
        let burst: Vec<_> = (0..=KEPT_SLOTS).map(|_| inbox.expect_reply()).collect();
        drop(burst);
        assert_eq!(inbox.core.state.lock().slots.capacity(), 0);
    }

    #[tokio::test]
    async fn a_flood_is_worked_off_in_bounded_portions_and_the_answer_behind_it_is_found() {
        let (_broker, client, inbox) = opened().await;
        let (subject, mut reply) = inbox.expect_reply();
        assert!((&mut reply).now_or_never().is_none());
        // Put another waker in the dispatcher's place, so that the flood gathers in the queue.
        let mut elsewhere = Context::from_waker(Waker::noop());
        let polled =
            inbox.core.state.lock().subscription.as_mut().map(|queue| queue.poll_next(&mut elsewhere).is_pending());
        assert_eq!(polled, Some(true));
        for _ in 0..DISPATCH_LIMIT * 2 {
            answer(&client, Subject::from_static("inbox.test.flood"), "").await;
        }
        answer(&client, subject, "behind the flood").await;

        inbox.core.dispatch();
        assert!(inbox.core.state.lock().behind, "one portion is not all");
        (&mut reply).await;
        assert_eq!(reply.into_message().unwrap().payload, Bytes::from("behind the flood"));
        assert!(!inbox.core.state.lock().behind, "the dispatcher is registered again");
    }
}
