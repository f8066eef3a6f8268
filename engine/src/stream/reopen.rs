//! The files of a stream, and how its state machine is made anew from them after a failure. That may take long: it
//! happens outside of the lock, while the old state machine still answers whoever looks. Whatever they learned from it
//! is confirmed to nobody: see [`Witness`](super::Witness).

use std::path::PathBuf;

use embus_storage::error::StorageError;
use embus_storage::log::Undone;
use embus_storage::medium::Medium;
use embus_storage::message::Timestamp;
use embus_storage::probe;

use super::trouble::{RETRY_NANOS, Stage};
use super::{State, Stream};
use crate::api::error::ApiError;
use crate::stream::config::StreamConfig;
use crate::stream::core::Core;
use crate::stream::waiting::Waiting;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

/// Where a stream rests.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) medium: Arc<dyn Medium>,
    pub(crate) dir: PathBuf,
    pub(crate) created: Timestamp,
    /// Whether every commit is synced.
    pub(crate) synced: bool,
}

impl Files {
    /// The state machine as the files have it, without what never happened.
    fn open(&self, config: &Arc<StreamConfig>, undone: Undone, now: Timestamp) -> Result<Core, StorageError> {
        let (medium, dir) = (Arc::clone(&self.medium), self.dir.clone());
        Core::open(medium, dir, Arc::clone(config), self.created, self.synced, undone, now)
    }

    /// Whether the disk takes writes.
    pub(super) fn prove(&self) -> Result<(), StorageError> {
        probe::write_and_sync(&*self.medium, &self.dir)
    }
}

impl Stream {
    /// Makes the state machine anew. Nobody else commits meanwhile, or is at the files. Returns those who came to wait,
    /// and what they are told: what they wait for was said by the old one.
    pub(super) fn reopen(self: &Arc<Self>) -> (Waiting, ApiError) {
        let (config, undone) = {
            let state = self.state.lock();
            (Arc::clone(state.core.config()), state.core.log().undone())
        };
        let opened = self.files.open(&config, undone, self.now());
        let mut state = self.state.lock();
        let committed = state.core.log().committed();
        let opened = opened.and_then(|core| self.configured(core, &config, &state));
        let old = opened.map(|core| state.replace(core, self.now()));
        if let Err(error) = &old {
            state.note_broken(self.now());
            if !self.stopped.load(Ordering::Acquire) {
                tracing::error!(stream = &*self.name, %error, "the stream could not be read again");
            }
        }
        self.take_back_consumers(&mut state);
        self.arm(&mut state);
        let error = state.trouble.as_ref().map(|trouble| trouble.error.clone());
        let mut waiting = std::mem::take(&mut state.waiting);
        waiting.settle(committed);
        // What a large state machine held is given back when nobody waits.
        drop(state);
        drop(old);
        (waiting, error.unwrap_or_else(|| ApiError::store_failed("a commit failed")))
    }

    /// Its configuration may have changed meanwhile.
    fn configured(&self, mut core: Core, config: &Arc<StreamConfig>, state: &State) -> Result<Core, StorageError> {
        let newest = state.core.config();
        if !Arc::ptr_eq(config, newest) {
            core.update(Arc::clone(newest), self.now())?;
        }
        Ok(core)
    }
}

impl State {
    /// Goes on with another state machine; returns the old one.
    fn replace(&mut self, core: Core, now: Timestamp) -> Core {
        let old = std::mem::replace(&mut self.core, core);
        self.consumers.reopened(old.log(), &mut self.core, now);
        // Once more: somebody may have looked at the old one since it failed.
        self.failures += 1;
        if let Some(trouble) = &mut self.trouble {
            trouble.stage = Stage::Unproven;
            trouble.trial_at = trouble.trial_at.min(now.saturating_add(RETRY_NANOS));
        }
        old
    }

    fn note_broken(&mut self, now: Timestamp) {
        if let Some(trouble) = &mut self.trouble {
            trouble.stage = Stage::Broken;
            trouble.retry_at = now.saturating_add(RETRY_NANOS);
        }
    }
}
