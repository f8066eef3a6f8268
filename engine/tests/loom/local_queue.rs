//! What is pushed to an in-process subscriber is read, in order, without a lost wake-up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use embus_engine::budget::Budget;
use embus_engine::local_queue::{LocalQueue, Pushed, QueueBounds};
use embus_engine::{Headers, Message};
use embus_protocol::subject::Subject;
use loom::sync::Mutex;
use loom::thread;

use crate::{LOST, Task, check};

fn message(publisher: u8, number: u8) -> Message {
    let payload = Bytes::copy_from_slice(&[publisher, number]);
    Message::new(Subject::from_static("a"), None, Headers::None, payload)
}

/// A queue of the engine with the budget that it draws from.
fn queue() -> (Arc<LocalQueue>, Arc<Budget>) {
    let budget = Arc::new(Budget::new(1 << 20));
    let bounds = QueueBounds { messages: 100, bytes: 1 << 20 };
    (Arc::new(LocalQueue::new(bounds, Arc::clone(&budget))), budget)
}

/// A subscriber and what it has read.
struct Reader {
    queue: Arc<LocalQueue>,
    task: Task,
    read: Vec<(u8, u8)>,
    has_ended: bool,
}

impl Reader {
    fn new(queue: &Arc<LocalQueue>) -> Self {
        Self { queue: Arc::clone(queue), task: Task::new(), read: Vec::new(), has_ended: false }
    }

    /// Reads as long as it is woken, or to the end.
    fn read(&mut self) {
        let mut taken = VecDeque::new();
        while !self.has_ended {
            let Some(goes_on) = self.task.poll(|cx| self.queue.poll_take(cx, &mut taken)) else { return };
            self.has_ended = !goes_on;
            self.read.extend(taken.drain(..).map(|message| (message.payload[0], message.payload[1])));
        }
    }
}

/// Each publisher's messages are there once, in its order.
fn check_order(read: &[(u8, u8)], expected: &[(u8, u8)]) {
    for publisher in [b'a', b'b'] {
        let of = |all: &[(u8, u8)]| all.iter().copied().filter(|(by, _)| *by == publisher).collect::<Vec<_>>();
        assert_eq!(of(read), of(expected), "lost, repeated or out of order");
    }
}

#[test]
fn two_publishers_reach_one_subscriber() {
    check(|| {
        let (queue, budget) = queue();
        let one = Arc::clone(&queue);
        let one = thread::spawn(move || {
            one.push(message(b'a', 1));
            one.push(message(b'a', 2));
        });
        let other = Arc::clone(&queue);
        let other = thread::spawn(move || other.push_all(&mut vec![message(b'b', 1), message(b'b', 2)]));
        let mut reader = Reader::new(&queue);
        reader.read();
        one.join().unwrap();
        other.join().unwrap();
        reader.read();
        check_order(&reader.read, &[(b'a', 1), (b'a', 2), (b'b', 1), (b'b', 2)]);
        assert_eq!(budget.used(), 0);
    });
}

#[test]
fn what_was_queued_before_the_end_is_read() {
    check(|| {
        let (queue, budget) = queue();
        let publisher = Arc::clone(&queue);
        let publisher = thread::spawn(move || {
            let taken = [1, 2].map(|number| publisher.push(message(b'a', number)) != Pushed::Closed);
            taken.iter().filter(|taken| **taken).count()
        });
        let closer = Arc::clone(&queue);
        let closer = thread::spawn(move || closer.close());
        let mut reader = Reader::new(&queue);
        reader.read();
        let pushed = publisher.join().unwrap();
        closer.join().unwrap();
        reader.read();
        assert!(reader.has_ended, "{LOST}");
        assert_eq!(reader.read, [(b'a', 1), (b'a', 2)][..pushed]);
        assert_eq!(budget.used(), 0);
    });
}

#[test]
fn a_dropped_subscriber_leaves_nothing_charged() {
    check(|| {
        let (queue, budget) = queue();
        let publisher = Arc::clone(&queue);
        let publisher = thread::spawn(move || {
            publisher.push(message(b'a', 1));
            publisher.push_all(&mut vec![message(b'a', 2)]);
        });
        queue.discard();
        publisher.join().unwrap();
        assert_eq!((queue.pending_bytes(), budget.used()), (0, 0));
    });
}

/// A publisher that is held back goes on when the subscriber reads, or goes away.
#[test]
fn a_held_back_publisher_goes_on() {
    check(|| {
        let (queue, _budget) = queue();
        queue.push(message(b'a', 1));
        let poll =
            |queue: &LocalQueue, cx: &mut Context<'_>| queue.relief().poll_relieved(cx, || queue.pending_bytes() == 0);
        let task = Task::new();
        let (held_back, publisher) = (task.clone(), Arc::clone(&queue));
        let publisher = thread::spawn(move || held_back.poll(|cx| poll(&publisher, cx)).is_some());
        let mut reader = Reader::new(&queue);
        reader.read();
        assert_eq!(reader.read, [(b'a', 1)]);
        let has_gone_on = publisher.join().unwrap();
        if !has_gone_on {
            task.finish(|cx| poll(&queue, cx));
        }
    });
}

/// Control: a queue whose subscriber registers after it has let go of the lock, so that a push may come between.
#[test]
#[should_panic(expected = "a wake-up was lost")]
fn a_late_registration_loses_a_wake_up() {
    check(|| {
        let queue = Arc::new(Late::default());
        let publisher = Arc::clone(&queue);
        let publisher = thread::spawn(move || publisher.push(1));
        let task = Task::new();
        let taken = task.poll(|cx| queue.poll_take(cx));
        publisher.join().unwrap();
        assert_eq!(taken.unwrap_or_else(|| task.finish(|cx| queue.poll_take(cx))), 1);
    });
}

#[derive(Default)]
struct Late {
    messages: Mutex<VecDeque<u8>>,
    waker: Mutex<Option<Waker>>,
}

impl Late {
    fn push(&self, message: u8) {
        self.messages.lock().unwrap().push_back(message);
        let waker = self.waker.lock().unwrap().take();
        waker.into_iter().for_each(Waker::wake);
    }

    fn poll_take(&self, cx: &mut Context<'_>) -> Poll<u8> {
        if let Some(message) = self.messages.lock().unwrap().pop_front() {
            return Poll::Ready(message);
        }
        *self.waker.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }
}
