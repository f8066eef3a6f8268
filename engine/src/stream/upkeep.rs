//! Background work at the files of a stream, and its end in good order.

use embus_storage::error::StorageError;
use embus_storage::log::Kept;

use super::Stream;
use super::trouble::Stage;
use crate::consumer::Closing;
use crate::engine::Engine;
use crate::sync::Arc;

impl Stream {
    /// Hands background work to a job, if the log has some.
    pub(super) fn start_upkeep(self: &Arc<Self>, engine: &Arc<Engine>) {
        let Some(jobs) = engine.upkeep() else { return };
        let upkeep = {
            let mut state = self.state.lock();
            let upkeep = if state.in_upkeep { None } else { state.core.take_upkeep() };
            state.in_upkeep |= upkeep.is_some();
            upkeep
        };
        let Some(upkeep) = upkeep else { return };
        let (stream, engine) = (Arc::clone(self), Arc::clone(engine));
        jobs.spawn(Box::new(move || {
            stream.finish_upkeep(upkeep.run());
            stream.commit();
            // There may be more of it.
            stream.start_upkeep(&engine);
        }));
    }

    pub(super) fn finish_upkeep(self: &Arc<Self>, kept: Kept) {
        let mut state = self.state.lock();
        let state = &mut *state;
        state.in_upkeep = false;
        match state.trouble.as_mut().filter(|trouble| trouble.is_broken()) {
            // The disk failed meanwhile, and whoever saw it left the rest to us: the commit that follows.
            Some(trouble) => trouble.stage = Stage::Failed,
            // If that fails the log, the next round finds it out, and tells whoever waits for it.
            None => {
                state.core.log_mut().finish_upkeep(kept);
            }
        }
        self.note_dirty(state);
        self.idle.notify_all();
    }

    /// Waits until there is no disk work under way, and none to be done before something else is changed. Blocks; jobs
    /// must be able to run.
    pub(crate) fn wait_until_idle(self: &Arc<Self>, engine: &Arc<Engine>) {
        loop {
            self.commit();
            self.start_upkeep(engine);
            let mut state = self.state.lock();
            if !state.busy && !state.in_upkeep {
                return;
            }
            while state.busy || state.in_upkeep {
                self.idle.wait(&mut state);
            }
        }
    }

    /// Ends in good order: what waits is committed, and the log says where it ends. Blocks; jobs must be able to run.
    pub(crate) fn close(self: &Arc<Self>) -> Result<(), StorageError> {
        self.stop(Closing::Shutdown);
        self.commit();
        let mut state = self.state.lock();
        while state.busy || state.in_upkeep {
            self.idle.wait(&mut state);
        }
        let state = &mut *state;
        // Consumers are never ahead of their stream: not of a removal that its last commit could not write, either.
        if state.core.log().failure().is_none()
            && let Some(write) = state.consumers.take_journal_write(true, true, self.now())
        {
            state.consumers.journal_mut().finish(write.run(), self.now())?;
        }
        let notes = state.core.notes();
        state.core.log_mut().close(&notes)
    }
}
