//! Removes the files of deleted streams in the background. They hold the directory, so the end waits for those that are
//! being removed and leaves the rest to the next start.

use std::collections::VecDeque;

use embus_storage::stream_dir::Deleted;
use parking_lot::{Condvar, Mutex};

use crate::jobs::Executor;
use crate::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Sweeper {
    state: Mutex<State>,
    idle: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Deleted>,
    active: usize,
    is_closed: bool,
}

impl Sweeper {
    /// Removes what is left of a stream, soon.
    pub(crate) fn sweep(self: &Arc<Self>, executor: &dyn Executor, deleted: Deleted) {
        {
            let mut state = self.state.lock();
            if state.is_closed {
                return;
            }
            state.waiting.push_back(deleted);
        }
        let sweeper = Arc::clone(self);
        executor.spawn(Box::new(move || sweeper.run()));
    }

    fn run(&self) {
        let deleted = {
            let mut state = self.state.lock();
            let Some(deleted) = state.waiting.pop_front() else { return };
            state.active += 1;
            deleted
        };
        let _done = Done(self);
        if let Err(error) = deleted.sweep() {
            tracing::warn!(%error, "the files of a deleted stream are removed at the next start");
        }
    }

    /// Lets go of the directory.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.waiting.clear();
        while state.active > 0 {
            self.idle.wait(&mut state);
        }
    }
}

/// Counts a removal as done, also if it panicked.
struct Done<'a>(&'a Sweeper);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.state.lock().active -= 1;
        self.0.idle.notify_all();
    }
}
