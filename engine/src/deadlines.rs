//! When streams have something to do by themselves: expire messages, sync what was written. One ordered set for all of
//! them, one task that waits for the first. And when blocks that were read are let go of.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use embus_storage::message::Timestamp;

use crate::stream::Stream;
use crate::sync::Arc;

/// The deadlines of all streams, in wall time: messages carry wall time, and expire by it.
#[derive(Debug, Default)]
pub struct Deadlines(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    due: BTreeMap<(Timestamp, u64), Arc<Stream>>,
    /// When blocks of files grow older.
    aging: Option<Timestamp>,
    waker: Option<Waker>,
    /// Streams that were due and are still at work on it.
    working: usize,
    /// Who waits until nothing is due.
    settling: Vec<Waker>,
}

impl Deadlines {
    /// Notes that `stream` wants to be called at `deadline`, and at `old` no more.
    pub(crate) fn set(&self, stream: &Arc<Stream>, old: Option<Timestamp>, deadline: Timestamp) {
        let waker = {
            let mut inner = self.0.lock();
            if let Some(old) = old {
                inner.due.remove(&(old, stream.id()));
            }
            inner.due.insert((deadline, stream.id()), Arc::clone(stream));
            let is_first = inner.due.first_key_value().is_some_and(|(key, _)| *key == (deadline, stream.id()));
            if is_first { inner.waker.take() } else { None }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Notes that blocks of files are to grow older at `deadline`.
    pub(crate) fn set_aging(&self, deadline: Timestamp) {
        let waker = {
            let mut inner = self.0.lock();
            inner.aging = Some(deadline);
            if inner.next() == Some(deadline) { inner.waker.take() } else { None }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether blocks of files are to grow older now.
    pub(crate) fn take_aging(&self, now: Timestamp) -> bool {
        self.0.lock().aging.take_if(|deadline| *deadline <= now).is_some()
    }

    /// Forgets a stream.
    pub(crate) fn forget(&self, stream: &Stream, deadline: Timestamp) {
        let settling = {
            let mut inner = self.0.lock();
            inner.due.remove(&(deadline, stream.id()));
            std::mem::take(&mut inner.settling)
        };
        settling.into_iter().for_each(Waker::wake);
    }

    /// Takes out the streams that are due; each is to be [told of](Self::finish) when it has done its work.
    pub(crate) fn take_due(&self, now: Timestamp) -> Vec<Arc<Stream>> {
        let mut inner = self.0.lock();
        let mut due = Vec::new();
        while let Some(first) = inner.due.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        inner.working += due.len();
        due
    }

    /// A stream that was due has done its work.
    pub(crate) fn finish(&self) {
        let settling = {
            let mut inner = self.0.lock();
            inner.working -= 1;
            std::mem::take(&mut inner.settling)
        };
        settling.into_iter().for_each(Waker::wake);
    }

    /// Waits until no stream has anything to do that was due at `now`.
    pub fn poll_settled(&self, now: Timestamp, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.0.lock();
        let is_due = inner.due.first_key_value().is_some_and(|((deadline, _), _)| *deadline <= now);
        if !is_due && inner.working == 0 {
            return Poll::Ready(());
        }
        if !inner.settling.iter().any(|waker| waker.will_wake(cx.waker())) {
            inner.settling.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The earliest deadline; `waker` is told when there is an earlier one.
    pub fn next(&self, waker: &Waker) -> Option<Timestamp> {
        let mut inner = self.0.lock();
        inner.waker = Some(waker.clone());
        inner.next()
    }
}

impl Inner {
    fn next(&self) -> Option<Timestamp> {
        let first = self.due.first_key_value().map(|((deadline, _), _)| *deadline);
        [first, self.aging].into_iter().flatten().min()
    }
}
