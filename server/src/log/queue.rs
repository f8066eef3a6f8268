//! Lines between those who log and the thread that writes, bounded in bytes.

use std::{
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::writer::Target;

/// The queue. Whoever logs holds its lock only to append.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to do for the writer.
    filled: Condvar,
    /// The writer has nothing left to do.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: String,
    dropped: u64,
    reopen: bool,
    redirect: Option<Target>,
    is_writing: bool,
}

/// What the writer has to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Lines with their line ends.
    pub(super) lines: String,
    /// Lines behind these that found no room.
    pub(super) dropped: u64,
    /// Open the file again first.
    pub(super) reopen: bool,
}

impl Queue {
    /// Appends a line, or counts it as dropped when the writer is too far behind. Never waits for the writer.
    pub(super) fn push(&self, line: &str) {
        let mut state = self.lock();
        if state.lines.len().saturating_add(line.len()) > MAX_QUEUED_BYTES {
            state.dropped = state.dropped.saturating_add(1);
            return;
        }
        state.lines.push_str(line);
        drop(state);
        self.filled.notify_one();
    }

    /// Asks the writer to open its file again.
    pub(super) fn reopen(&self) {
        self.lock().reopen = true;
        self.filled.notify_one();
    }

    /// Has all lines from now on, and some before them, go elsewhere.
    pub(super) fn redirect(&self, target: Target) {
        let mut state = self.lock();
        (state.redirect, state.reopen) = (Some(target), true);
        self.filled.notify_one();
    }

    /// Where lines go instead, if that has changed.
    pub(super) fn take_redirect(&self) -> Option<Target> {
        self.lock().redirect.take()
    }

    /// Waits for the next batch; whatever was taken before it counts as written from now on.
    pub(super) fn take(&self) -> Batch {
        let mut state = self.lock();
        state.is_writing = false;
        if state.is_idle() {
            self.emptied.notify_all();
        }
        let mut state = self.filled.wait_while(state, |state| state.is_idle()).unwrap_or_else(PoisonError::into_inner);
        state.is_writing = true;
        Batch {
            lines: mem::take(&mut state.lines),
            dropped: mem::take(&mut state.dropped),
            reopen: mem::take(&mut state.reopen),
        }
    }

    /// Waits until all is written, at most `time`. False if the time was too short.
    pub(super) fn flush(&self, time: Duration) -> bool {
        let pending = |state: &mut State| state.is_writing || !state.is_idle();
        let (_state, result) =
            self.emptied.wait_timeout_while(self.lock(), time, pending).unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; and a log is worth more than the last line's completeness.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0 && !self.reopen
    }
}

/// Bytes of lines that wait for a slow reader before more of them are dropped.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_in_order_and_at_once() {
        let queue = Queue::default();
        queue.push("a\n");
        queue.push("b\n");
        queue.reopen();
        assert_eq!(queue.take(), Batch { lines: "a\nb\n".into(), dropped: 0, reopen: true });
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let queue = Queue::default();
        let line = "x".repeat(MAX_QUEUED_BYTES / 2);
        for _ in 0..5 {
            queue.push(&line);
        }
        let batch = queue.take();
        assert_eq!((batch.lines.len(), batch.dropped), (MAX_QUEUED_BYTES, 3));
    }

    #[test]
    fn a_writer_that_is_stuck_does_not_hold_up_the_end() {
        let queue = Queue::default();
        assert!(queue.flush(Duration::ZERO));
        queue.push("a\n");
        assert!(!queue.flush(Duration::ZERO));
        queue.take();
        assert!(!queue.flush(Duration::ZERO), "the batch is taken, not written");
    }
}
