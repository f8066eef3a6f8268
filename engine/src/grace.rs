//! Grace periods: when interest is taken back, turns that began before may still have messages for it staged. What must
//! come after those messages (the PONG behind an UNSUB, the end of an in-process subscription) waits until these turns
//! are over. Turns are short and never wait, so a grace period is a matter of microseconds.
//!
//! The scheme is that of epoch-based reclamation: a turn notes the epoch that it began in; who took interest back starts a
//! new epoch, and waits until no turn of an older one is left.

use std::task::{Context, Poll, Waker};

use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use crate::sync::{Arc, Mutex};

/// A point after which only new turns count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grace(u64);

/// The turns that are under way.
#[derive(Debug)]
pub struct Turns {
    epoch: AtomicU64,
    marks: Mutex<Vec<Arc<Mark>>>,
    /// Those that wait for turns to end.
    waiting: Mutex<Vec<Waker>>,
    /// How many wait: looked at without the lock at the end of every turn.
    waiting_len: AtomicUsize,
}

/// The epoch in which one worker's turn began.
#[derive(Debug)]
pub struct Mark(AtomicU64);

/// The mark of a worker between two turns.
const IDLE: u64 = u64::MAX;

impl Default for Turns {
    fn default() -> Self {
        Self::new()
    }
}

impl Turns {
    /// No turns, no workers.
    pub fn new() -> Self {
        Self {
            epoch: AtomicU64::new(0),
            marks: Mutex::new(Vec::new()),
            waiting: Mutex::new(Vec::new()),
            waiting_len: AtomicUsize::new(0),
        }
    }

    /// A mark for one more worker.
    pub fn enroll(&self) -> Arc<Mark> {
        let mark = Arc::new(Mark(AtomicU64::new(IDLE)));
        self.marks.lock().push(Arc::clone(&mark));
        mark
    }

    /// Forgets a worker that is gone.
    pub fn dismiss(&self, mark: &Arc<Mark>) {
        self.marks.lock().retain(|held| !Arc::ptr_eq(held, mark));
    }

    /// Notes that a turn begins: what it matches from now on is new enough for every grace period that starts later.
    #[inline]
    pub fn begin(&self, mark: &Mark) {
        mark.0.store(self.epoch.load(Ordering::Acquire), Ordering::Relaxed);
        // With the fence in `start_grace`: either that side sees the mark, or this turn sees the changed interest.
        fence(Ordering::SeqCst);
    }

    /// Notes that a turn is over and has handed out all it had staged.
    #[inline]
    pub fn end(&self, mark: &Mark) {
        mark.0.store(IDLE, Ordering::Release);
        // With the fence in `poll_passed`: either that side sees the turn ended, or this one sees that somebody waits.
        fence(Ordering::SeqCst);
        if self.waiting_len.load(Ordering::Relaxed) > 0 {
            self.wake_waiting();
        }
    }

    #[cold]
    fn wake_waiting(&self) {
        let woken = {
            let mut waiting = self.waiting.lock();
            self.waiting_len.store(0, Ordering::Relaxed);
            std::mem::take(&mut *waiting)
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Starts a grace period; to be called after the interest was taken back.
    pub fn start_grace(&self) -> Grace {
        let grace = Grace(self.epoch.fetch_add(1, Ordering::AcqRel) + 1);
        fence(Ordering::SeqCst);
        grace
    }

    /// Ready when all turns that began before the grace period are over; else `cx` is woken when one more has ended.
    pub fn poll_passed(&self, grace: Grace, cx: &Context<'_>) -> Poll<()> {
        if self.has_passed(grace) {
            return Poll::Ready(());
        }
        {
            let mut waiting = self.waiting.lock();
            if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
            self.waiting_len.store(waiting.len(), Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
        if self.has_passed(grace) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether all turns that began before the grace period are over.
    pub fn has_passed(&self, grace: Grace) -> bool {
        self.marks.lock().iter().all(|mark| mark.0.load(Ordering::Acquire) >= grace.0)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::task::Wake;

    use super::*;
    use crate::sync::atomic::AtomicBool;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn only_older_turns_are_waited_for() {
        let turns = Turns::new();
        let (older, newer) = (turns.enroll(), turns.enroll());
        turns.begin(&older);
        let grace = turns.start_grace();
        turns.begin(&newer);
        assert!(!turns.has_passed(grace));
        turns.end(&older);
        assert!(turns.has_passed(grace));
    }

    #[test]
    fn who_waits_is_woken_by_the_end_of_a_turn() {
        let turns = Turns::new();
        let mark = turns.enroll();
        turns.begin(&mark);
        let grace = turns.start_grace();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        assert!(turns.poll_passed(grace, &Context::from_waker(&waker)).is_pending());
        turns.end(&mark);
        assert!(woken.0.load(Ordering::Relaxed));
        assert!(turns.poll_passed(grace, &Context::from_waker(&waker)).is_ready());
    }

    #[test]
    fn a_worker_that_is_gone_is_not_waited_for() {
        let turns = Turns::new();
        let mark = turns.enroll();
        turns.begin(&mark);
        let grace = turns.start_grace();
        turns.dismiss(&mark);
        assert!(turns.has_passed(grace));
    }
}
