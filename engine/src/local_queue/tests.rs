//! How a queue ends.

use std::sync::atomic::AtomicBool;
use std::task::Wake;

use bytes::Bytes;
use embus_protocol::subject::Subject;

use super::*;
use crate::message::Headers;

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

fn message() -> Message {
    Message::new(Subject::from_static("a"), None, Headers::None, Bytes::from_static(b"hello"))
}

/// How many messages a read takes, or nothing at the end.
fn read(queue: &LocalQueue) -> Poll<Option<usize>> {
    let mut taken = VecDeque::new();
    let more = queue.poll_take(&mut Context::from_waker(Waker::noop()), &mut taken);
    more.map(|more| more.then_some(taken.len()))
}

fn queue(budget: usize) -> LocalQueue {
    LocalQueue::new(QueueBounds { messages: 100, bytes: 1 << 20 }, Arc::new(Budget::new(budget)))
}

#[test]
fn a_limited_queue_ends_behind_its_last_message() {
    let queue = queue(1 << 20);
    queue.close_after(2);
    assert!(matches!(queue.push(message()), Pushed::Queued(_)));
    assert!(matches!(queue.push(message()), Pushed::Queued(_)));
    assert_eq!(queue.push(message()), Pushed::Closed);
    assert_eq!(read(&queue), Poll::Ready(Some(2)));
    assert_eq!(read(&queue), Poll::Ready(None));
}

#[test]
fn a_status_is_none_of_the_messages_that_count() {
    let queue = queue(1 << 20);
    queue.push_status(message());
    queue.close_after(1);
    assert_eq!(read(&queue), Poll::Ready(Some(1)));
    assert_eq!(read(&queue), Poll::Pending);
    queue.push(message());
    assert_eq!(read(&queue), Poll::Ready(Some(1)));
    assert_eq!(read(&queue), Poll::Ready(None));
}

/// Whoever waits for the last message must see the end also when that message found no room.
#[test]
fn a_lost_last_message_ends_the_wait() {
    let queue = queue(0);
    queue.close_after(1);
    let flag = std::sync::Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(std::sync::Arc::clone(&flag));
    assert_eq!(queue.poll_take(&mut Context::from_waker(&waker), &mut VecDeque::new()), Poll::Pending);
    assert_eq!(queue.push(message()), Pushed::Dropped);
    assert!(flag.0.load(std::sync::atomic::Ordering::Relaxed), "the reader is woken");
    assert_eq!(read(&queue), Poll::Ready(None));
    assert_eq!(queue.dropped(), 1);
}

#[test]
fn who_waits_learns_that_something_is_lost() {
    let queue = queue(0);
    let flag = std::sync::Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(std::sync::Arc::clone(&flag));
    assert_eq!(queue.poll_take(&mut Context::from_waker(&waker), &mut VecDeque::new()), Poll::Pending);
    assert_eq!(queue.push(message()), Pushed::Dropped);
    assert!(flag.0.load(std::sync::atomic::Ordering::Relaxed));
    assert_eq!(queue.dropped(), 1);
}
