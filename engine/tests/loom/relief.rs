//! A producer that waits for a destination to drain goes on when it has.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use embus_engine::relief::Relief;
use loom::sync::Mutex;
use loom::thread;

use crate::{Task, check};

/// What waits in a destination, behind its lock as in an outbox.
#[derive(Default)]
struct Destination<R> {
    pending: Mutex<usize>,
    relief: R,
}

/// The two sides of the protocol.
trait Room: Default + Send + Sync + 'static {
    fn poll_relieved(&self, cx: &mut Context<'_>, is_relieved: impl Fn() -> bool) -> Poll<()>;
    fn record_progress(&self, drained: usize, pending: usize);
}

impl Room for Relief {
    fn poll_relieved(&self, cx: &mut Context<'_>, is_relieved: impl Fn() -> bool) -> Poll<()> {
        Relief::poll_relieved(self, cx, is_relieved)
    }
    fn record_progress(&self, drained: usize, pending: usize) {
        Relief::record_progress(self, drained, pending);
    }
}

/// As [`Relief`], but it looks only before it registers.
#[derive(Default)]
struct Hasty(Mutex<Vec<Waker>>);

impl Room for Hasty {
    fn poll_relieved(&self, cx: &mut Context<'_>, is_relieved: impl Fn() -> bool) -> Poll<()> {
        if is_relieved() {
            return Poll::Ready(());
        }
        self.0.lock().unwrap().push(cx.waker().clone());
        Poll::Pending
    }
    fn record_progress(&self, _: usize, _: usize) {
        let woken = std::mem::take(&mut *self.0.lock().unwrap());
        woken.into_iter().for_each(Waker::wake);
    }
}

fn producers_wait_for<R: Room>(producers: usize) {
    let destination = Arc::new(Destination::<R>::default());
    *destination.pending.lock().unwrap() = FULL;
    let poll = |destination: &Destination<R>, cx: &mut Context<'_>| {
        destination.relief.poll_relieved(cx, || *destination.pending.lock().unwrap() == 0)
    };
    let waiting: Vec<_> = (0..producers)
        .map(|_| {
            let (destination, task) = (Arc::clone(&destination), Task::new());
            let producer = task.clone();
            (task, thread::spawn(move || producer.poll(|cx| poll(&destination, cx)).is_some()))
        })
        .collect();
    let drained = std::mem::take(&mut *destination.pending.lock().unwrap());
    destination.relief.record_progress(drained, 0);
    for (task, producer) in waiting {
        let has_gone_on = producer.join().unwrap();
        if !has_gone_on {
            task.finish(|cx| poll(&destination, cx));
        }
    }
}

#[test]
fn one_producer_goes_on() {
    check(|| producers_wait_for::<Relief>(1));
}

#[test]
fn two_producers_go_on() {
    check(|| producers_wait_for::<Relief>(2));
}

/// Control: without the second look a wake-up is lost.
#[test]
#[should_panic(expected = "a wake-up was lost")]
fn a_hasty_producer_waits_for_ever() {
    check(|| producers_wait_for::<Hasty>(1));
}

const FULL: usize = 1 << 20;
