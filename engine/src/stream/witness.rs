//! A stream as somebody found it before a change, so that they learn if the change was undone.

use std::ops::Deref;

use parking_lot::MutexGuard;

use super::waiting::{Awaited, Waiting};
use super::{Done, State, Stream};
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
    /// Calls `done` once everything that was changed of the stream so far is as durable as the policy asks: at once if it
    /// is, and with an error if something that was changed since was undone, or if too many wait already.
    pub fn after_commit(&self, done: Done) {
        self.wait(false, done);
    }

    /// The same for the stream's consumers, too: how they are configured, and which of them there are.
    pub fn after_consumers(&self, done: Done) {
        self.wait(true, done);
    }

    fn wait(&self, for_consumers: bool, done: Done) {
        let mut state = self.stream.state.lock();
        if state.failures != self.failures {
            let error = state.trouble.as_ref().map(|trouble| trouble.error.clone());
            let error = error.unwrap_or_else(|| ApiError::store_failed("a commit failed"));
            return self.refuse(state, for_consumers, error, done);
        }
        if self.stream.is_full(&state) {
            return self.refuse(state, for_consumers, ApiError::too_many_requests(), done);
        }
        if for_consumers {
            state.consumers.journal_mut().await_created();
        }
        if for_consumers && state.consumers.journal().is_behind() {
            // What an earlier request changed may have been told to have failed; it holds all the same.
            state.consumers.journal_mut().want();
        }
        let log = state.core.log();
        let position = log.position();
        let is_open = state.busy || position > log.committed() || log.failure().is_some();
        if is_open || (for_consumers && state.consumers.journal().is_wanted()) {
            let awaited = if for_consumers { Awaited::Consumers } else { Awaited::Log(position) };
            state.waiting.push_done(awaited, done);
            drop(state);
            return self.stream.commit();
        }
        if for_consumers {
            state.consumers.journal_mut().begin_telling();
            state.consumers.journal_mut().finish_telling();
        }
        drop(state);
        done(Ok(()));
    }

    /// Something was undone meanwhile, or too many wait. A consumer may have been made before that or behind it: it goes in
    /// either case, and with it all that nobody was told of yet.
    fn refuse(&self, mut state: MutexGuard<'_, State>, for_consumers: bool, error: ApiError, done: Done) {
        let mut refused = Waiting::default();
        if for_consumers {
            self.stream.give_up_changes(&mut state, &mut refused);
        }
        drop(state);
        for (_, done) in refused.take_done() {
            done(Err(error.clone()));
        }
        done(Err(error));
    }
}
