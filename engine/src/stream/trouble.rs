//! A stream whose disk has failed: who is refused for how long, and how it finds out that the disk takes writes again.
//!
//! A log that failed is read anew at once; if that fails too, again and again. Once it was read, a publisher may be the
//! trial, and where none comes the stream tries by itself: nothing that waits for its time, and nobody who looks at its
//! health, depends on there being a publisher.

use embus_storage::error::StorageError;
use embus_storage::message::Timestamp;

use super::{State, Stream};
use crate::api::error::ApiError;
use crate::engine::Engine;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

/// The disk failed a short while ago.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) error: ApiError,
    /// When publishers may try it again.
    pub(super) retry_at: Timestamp,
    /// When the stream tries by itself.
    pub(super) trial_at: Timestamp,
    pub(super) stage: Stage,
}

/// How far a stream has come since its disk failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its log is to be read anew before anything else.
    Failed,
    /// Its log could not be read anew: what the state machine holds may never have been.
    Broken,
    /// Its log was read anew; nothing was written since.
    Unproven,
}

impl Trouble {
    /// Whether the state machine is the one that failed.
    pub(super) fn is_broken(&self) -> bool {
        self.stage != Stage::Unproven
    }
}

/// How long publishers are refused after the disk failed, before one of them may try it again.
pub(super) const RETRY_NANOS: Timestamp = 250_000_000;

/// Between two trials of a stream that nobody publishes to.
const TRIAL_NANOS: Timestamp = 2_000_000_000;

impl Stream {
    /// The disk failed: what was not committed is to be undone, by reading the log anew.
    pub(super) fn fail(self: &Arc<Self>, state: &mut State, error: &StorageError) -> ApiError {
        let failure = ApiError::store_failed(error);
        let retry_at = self.now().saturating_add(RETRY_NANOS);
        state.failures += 1;
        let trouble = Trouble { error: failure.clone(), retry_at, trial_at: retry_at, stage: Stage::Failed };
        let is_news = state.trouble.replace(trouble).is_none();
        self.take_back_consumers(state);
        // Each trial of a disk that stays full ends here.
        if is_news && !self.stopped.load(Ordering::Acquire) {
            tracing::warn!(stream = &*self.name, %error, "the store failed; uncommitted messages are refused");
        }
        self.arm(state);
        failure
    }

    /// Why a message can't be taken while the disk fails, unless it is to be the trial.
    #[cold]
    pub(super) fn refusal_in_trouble(state: &mut State, now: Timestamp) -> Option<ApiError> {
        let is_free = !state.busy && !state.in_upkeep;
        let trouble = state.trouble.as_mut()?;
        if now >= trouble.retry_at && !trouble.is_broken() {
            // This message is the trial.
            return None;
        }
        if now >= trouble.retry_at && is_free {
            // The end of this turn has the log read.
            trouble.retry_at = now.saturating_add(RETRY_NANOS);
            trouble.stage = Stage::Failed;
        }
        Some(trouble.error.clone())
    }

    /// Tries whether the disk takes writes again, if it is time. Blocks.
    pub(super) fn try_disk(self: &Arc<Self>, engine: &Arc<Engine>, now: Timestamp) {
        if !self.begin_trial(now) {
            return;
        }
        let proof = self.files.prove();
        self.end_trial(proof, now);
        if let Some(work) = self.finish_or_go_on(Box::default()) {
            self.run(engine, work);
        }
    }

    /// Says whether the disk is to be tried. A log that is to be read first is so by whoever commits next.
    fn begin_trial(&self, now: Timestamp) -> bool {
        let mut state = self.state.lock();
        let state = &mut *state;
        let is_free = !state.busy && !state.in_upkeep;
        let Some(trouble) = state.trouble.as_mut().filter(|trouble| trouble.trial_at <= now) else { return false };
        trouble.trial_at = now.saturating_add(TRIAL_NANOS);
        if is_free && trouble.is_broken() {
            trouble.stage = Stage::Failed;
            return false;
        }
        // Whoever is at the files finds out, too.
        state.busy |= is_free;
        is_free
    }

    fn end_trial(&self, proof: Result<(), StorageError>, now: Timestamp) {
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(trouble) = &mut state.trouble else { return };
        if let Err(error) = proof {
            trouble.error = ApiError::store_failed(error);
            trouble.retry_at = now.saturating_add(RETRY_NANOS);
            return;
        }
        let log = state.core.log();
        if log.is_dirty() || log.position() > log.committed() {
            // The files of the log itself are what counts: the commit that follows ends the trouble, or prolongs it.
            (trouble.retry_at, state.sync_due) = (now, Some(now));
        } else {
            state.trouble = None;
            self.say_recovered();
        }
    }

    pub(super) fn say_recovered(&self) {
        tracing::info!(stream = &*self.name, "the store takes messages again");
    }
}
