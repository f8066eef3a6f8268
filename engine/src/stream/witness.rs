//! A stream as somebody found it before a change, so that they learn if the change was undone.

use std::ops::Deref;

use super::{Done, Stream};
use crate::api::error::ApiError;
use crate::sync::Arc;

/// A stream, and how often its uncommitted changes had been undone by then. A commit may fail before whoever made the
/// change comes to wait for it; afterwards the log looks as if nothing had been to commit.
#[derive(Debug, Clone)]
pub struct Witness {
    stream: Arc<Stream>,
    failures: u64,
}

impl Deref for Witness {
    type Target = Arc<Stream>;
    fn deref(&self) -> &Arc<Stream> {
        &self.stream
    }
}

impl Stream {
    /// The stream as it is now.
    pub fn witness(self: &Arc<Self>) -> Witness {
        Witness { failures: self.state.lock().failures, stream: Arc::clone(self) }
    }
}

impl Witness {
    /// Calls `done` once everything changed so far is as durable as the policy asks: at once if it is, and with an error
    /// if something that was changed since was undone, or if too many wait already.
    pub fn after_commit(&self, done: Done) {
        let mut state = self.stream.state.lock();
        if state.failures != self.failures {
            let error = state.trouble.as_ref().map(|trouble| trouble.error.clone());
            drop(state);
            return done(Err(error.unwrap_or_else(|| ApiError::store_failed("a commit failed"))));
        }
        if self.stream.is_full(&state) {
            drop(state);
            return done(Err(ApiError::too_many_requests()));
        }
        let is_behind = state.consumers.journal().is_behind();
        if is_behind {
            // What an earlier request changed may have been told to have failed; it holds all the same.
            state.consumers.journal_mut().want();
        }
        let log = state.core.log();
        let (position, needs_journal) = (log.position(), state.consumers.journal().is_wanted());
        let is_open = state.busy || position > log.committed() || log.failure().is_some();
        if is_open || needs_journal {
            // A journal that a round under way writes fails with that round.
            state.waiting.push_done((!needs_journal).then_some(position), done);
            drop(state);
            return self.stream.commit();
        }
        drop(state);
        done(Ok(()));
    }
}
