//! How changes reach the disk: one commit of a stream at a time, and everybody who waited for it is told together.

use embus_storage::consumer_journal::JournalWrite;
use embus_storage::error::StorageError;
use embus_storage::log::{Commit, Committed, Kept};
use embus_storage::message::Timestamp;
use parking_lot::MutexGuard;

use super::{State, Stream, SyncPolicy, Trouble};
use crate::api::error::ApiError;
use crate::consumer::Closing;
use crate::engine::Engine;
use crate::stream::waiting::Waiting;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::worker::Worker;

/// How long publishers are refused after the disk failed, before one of them may try it again.
pub(super) const RETRY_NANOS: Timestamp = 250_000_000;

/// Disk work, if any, and who waits for it.
pub(super) struct Work {
    disk: Disk,
    /// What changed of the consumers.
    journal: Option<JournalWrite>,
    /// The last message that is committed then.
    last_sequence: u64,
    waiting: Waiting,
}

/// How a round went.
pub(super) struct Outcome {
    /// What became of the messages.
    pub(super) log: Result<(), ApiError>,
    /// What became of the state of the consumers.
    pub(super) journal: Result<(), ApiError>,
}

/// What the disk has to do.
#[allow(clippy::large_enum_variant, reason = "there is one at a time, on the stack")]
enum Disk {
    Nothing,
    Commit(Commit),
    /// The log failed while it was changed, and has to be read anew.
    Recovery(StorageError),
    /// It could not be read anew a moment ago: what it holds may never have been.
    Broken(ApiError),
}

impl Work {
    fn may_block(&self) -> bool {
        let log = match &self.disk {
            Disk::Nothing | Disk::Broken(_) => false,
            Disk::Commit(commit) => commit.may_block(),
            Disk::Recovery(_) => true,
        };
        log || self.journal.as_ref().is_some_and(JournalWrite::may_block)
    }
}

impl Stream {
    /// Starts a commit of what was changed, if none is under way; to be called where no worker is at hand.
    pub(crate) fn commit(self: &Arc<Self>) {
        let Some(engine) = self.engine.upgrade() else { return };
        let work = self.settle_turn();
        let Some(work) = work else { return };
        if work.may_block() {
            self.spawn(&engine, work);
        } else {
            self.run(&engine, work);
        }
    }

    /// The same at the end of a turn.
    pub(crate) fn end_turn(self: &Arc<Self>, engine: &Arc<Engine>, worker: &mut Worker) {
        self.commit_in_turn(engine, worker);
        self.pump(engine, worker);
    }

    /// The same where no turn is.
    pub(crate) fn end_alone(self: &Arc<Self>) {
        self.commit();
        self.pump_alone();
    }

    fn commit_in_turn(self: &Arc<Self>, engine: &Arc<Engine>, worker: &mut Worker) {
        let work = self.settle_turn();
        let Some(work) = work else { return };
        let mut next = Some(work);
        while let Some(work) = next {
            if work.may_block() {
                return self.spawn(engine, work);
            }
            next = self.round(engine, work, |stream, waiting, outcome| {
                stream.release(waiting, outcome, worker);
                // The next commit may be another thread's: its answers come behind these.
                worker.batch.flush();
            });
        }
        self.start_upkeep(engine);
    }

    /// What one turn changed is counted, its deadlines are set; returns what there is to do.
    fn settle_turn(self: &Arc<Self>) -> Option<Work> {
        let mut state = self.state.lock();
        self.arm(&mut state);
        self.begin(&mut state)
    }

    /// What there is to do, taken out of the state, unless somebody is at it.
    fn begin(&self, state: &mut State) -> Option<Work> {
        self.count(state);
        if state.busy {
            return None;
        }
        let disk = self.disk_work(state);
        let always = self.policy == SyncPolicy::Always;
        let journal = state.consumers.take_journal_write(always, false, self.now());
        if matches!(disk, Disk::Nothing | Disk::Broken(_)) && journal.is_none() && state.waiting.is_empty() {
            return None;
        }
        state.busy = true;
        let spare = std::mem::take(&mut state.spare);
        let last_sequence = state.core.log().last_sequence();
        Some(Work { disk, journal, last_sequence, waiting: std::mem::replace(&mut state.waiting, spare) })
    }

    fn disk_work(&self, state: &mut State) -> Disk {
        if let Some(trouble) = &state.trouble {
            let log = state.core.log();
            // A disk that failed a moment ago is left alone for a while, unless somebody asks for a change. What a
            // stream removes by itself when it is read anew, as its limits say, is nothing that anybody asked for: tried
            // at once, it would fail again, be read anew, and so on.
            let (is_early, is_asked) = (self.now() < trouble.retry_at, !state.waiting.is_empty());
            match trouble.broken {
                true if is_early || state.in_upkeep => return Disk::Broken(trouble.error.clone()),
                true if !is_asked => return Disk::Nothing,
                false if is_early && (!is_asked || log.position() <= log.committed()) => return Disk::Nothing,
                _ => {}
            }
        }
        if let Some(error) = state.core.log().failure() {
            return Disk::Recovery(error.clone());
        }
        let commit = state.core.log_mut().take_commit(self.policy == SyncPolicy::Always);
        if commit.is_some() {
            state.consumers.begin_commit();
        }
        commit.map_or(Disk::Nothing, Disk::Commit)
    }

    fn spawn(self: &Arc<Self>, engine: &Arc<Engine>, work: Work) {
        let Some(jobs) = engine.jobs() else { return };
        let (stream, engine) = (Arc::clone(self), Arc::clone(engine));
        jobs.spawn(Box::new(move || stream.run(&engine, work)));
    }

    /// Commits until nothing is left to commit. Answers go out in turns of their own: nobody waits for a disk to learn
    /// that a turn is over.
    fn run(self: &Arc<Self>, engine: &Arc<Engine>, work: Work) {
        let mut next = Some(work);
        while let Some(work) = next {
            next = self.round(engine, work, |stream, waiting, outcome| {
                engine.with_worker(|worker| stream.release(waiting, outcome, worker));
            });
            self.pump_alone();
        }
        self.start_upkeep(engine);
    }

    /// One commit, its answers, and what has gathered meanwhile.
    fn round(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        work: Work,
        release: impl FnOnce(&Arc<Self>, &mut Waiting, &Outcome),
    ) -> Option<Work> {
        let Work { disk, journal, last_sequence, mut waiting } = work;
        let log = match disk {
            Disk::Nothing => Ok(()),
            Disk::Broken(error) => Err(error),
            Disk::Commit(commit) => self.finish(engine, commit.run(), last_sequence, &mut waiting),
            Disk::Recovery(error) => Err(self.give_up(engine, &mut self.state.lock(), &error, &mut waiting)),
        };
        let journal = journal.map_or(Ok(()), |write| self.write_journal(engine, write, &log));
        release(self, &mut waiting, &Outcome { log, journal });
        self.finish_or_go_on(waiting)
    }

    /// Consumers are never ahead of their stream: what they say of a commit that failed is not written. Whoever came to
    /// wait meanwhile may wait for just what could not be written, so it is tried again before they are answered.
    fn write_journal(&self, engine: &Engine, write: JournalWrite, log: &Result<(), ApiError>) -> Result<(), ApiError> {
        let written = if log.is_ok() { write.run() } else { write.cancel() };
        let mut state = self.state.lock();
        let finished = state.consumers.journal_mut().finish(written, engine.timestamp());
        if let Err(error) = &finished {
            state.failures += 1;
            if state.waiting.needs_journal() {
                state.consumers.journal_mut().want();
            }
            tracing::warn!(stream = &*self.name, %error, "the state of consumers could not be written");
        }
        finished.map_err(ApiError::store_failed)
    }

    fn finish(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        committed: Committed,
        last_sequence: u64,
        waiting: &mut Waiting,
    ) -> Result<(), ApiError> {
        let mut state = self.state.lock();
        match state.core.log_mut().finish_commit(committed) {
            Ok(_) => {
                state.trouble = None;
                let state = &mut *state;
                state.consumers.finish_commit();
                state.consumers.advance(state.core.log(), last_sequence);
                Ok(())
            }
            Err(error) => Err(self.give_up(engine, &mut state, &error, waiting)),
        }
    }

    /// The disk failed: everybody who waits for it learns it, those who published behind the failed commit, too.
    fn give_up(&self, engine: &Engine, state: &mut State, error: &StorageError, waiting: &mut Waiting) -> ApiError {
        let committed = state.core.log().committed();
        let error = self.fail(engine, state, error);
        waiting.append(&mut state.waiting);
        waiting.settle(committed);
        error
    }

    /// The disk failed: what was not committed is undone, by reading the log anew.
    fn fail(&self, engine: &Engine, state: &mut State, error: &StorageError) -> ApiError {
        let failure = ApiError::store_failed(error);
        let retry_at = engine.timestamp().saturating_add(RETRY_NANOS);
        state.failures += 1;
        state.trouble = Some(Trouble { error: failure.clone(), retry_at, broken: true });
        // The directory of a stream that has stopped may be gone already.
        if !self.stopped.load(Ordering::Acquire) {
            tracing::warn!(stream = &*self.name, %error, "the store failed; uncommitted messages are refused");
            self.reopen(engine, state);
        }
        failure
    }

    /// Makes the state machine anew, unless background work is still at the files: it comes back here when it ends. Whoever
    /// comes second finds it done: what was published since waits for its commit.
    fn reopen(&self, engine: &Engine, state: &mut State) {
        if state.in_upkeep || !state.trouble.as_ref().is_some_and(|trouble| trouble.broken) {
            return;
        }
        let config = Arc::clone(state.core.config());
        let undone = state.core.log().undone();
        match (self.reopen)(engine.timestamp(), &config, undone) {
            Ok(core) => {
                state.core = core;
                state.consumers.reopened(&mut state.core);
                if let Some(trouble) = &mut state.trouble {
                    trouble.broken = false;
                }
            }
            Err(error) => tracing::error!(stream = &*self.name, %error, "the stream could not be read again"),
        }
    }

    /// Reads a stream again that could not be read after a failure.
    pub(super) fn spawn_recovery(self: &Arc<Self>) {
        let Some(engine) = self.engine.upgrade() else { return };
        let Some(jobs) = engine.jobs().cloned() else { return };
        let stream = Arc::clone(self);
        jobs.spawn(Box::new(move || {
            stream.reopen(&engine, &mut stream.state.lock());
            if let Some(work) = stream.finish_or_go_on(Waiting::default()) {
                stream.run(&engine, work);
            }
        }));
    }

    /// The next round, if something was changed meanwhile; else nobody is at it any more.
    fn finish_or_go_on(self: &Arc<Self>, mut emptied: Waiting) -> Option<Work> {
        emptied.clear();
        let mut state = self.state.lock();
        state.spare = emptied;
        state.busy = false;
        self.note_dirty(&mut state);
        let log = state.core.log();
        // What is left to sync where nothing was changed waits for the next change: else a log that stays dirty would be
        // committed without end.
        let is_committed = log.position() <= log.committed() && log.failure().is_none();
        let is_done = state.waiting.is_empty() && is_committed && !state.consumers.journal().is_wanted();
        let work = if is_done { None } else { self.begin(&mut state) };
        if work.is_none() {
            self.idle.notify_all();
        }
        work
    }

    /// With an interval, what is written and not synced by now will be that much later. That may also be what was read
    /// from a page cache, in a recovery.
    pub(super) fn note_dirty(self: &Arc<Self>, state: &mut State) {
        if let SyncPolicy::Interval(interval) = self.policy
            && state.sync_due.is_none()
            && (state.core.log().is_dirty() || state.consumers.journal().is_unsynced())
        {
            let interval = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX);
            state.sync_due = Some(self.now().saturating_add(interval));
            self.arm(state);
        }
    }

    /// Writes and syncs; runs as a job.
    pub(super) fn sync_now(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let Some(engine) = self.engine.upgrade() else { return };
        if state.busy {
            // A commit is under way: once more, soon.
            state.sync_due = Some(engine.timestamp());
            return;
        }
        let disk = state.core.log_mut().take_commit(true).map_or(Disk::Nothing, Disk::Commit);
        let journal = state.consumers.take_journal_write(true, true, engine.timestamp());
        if matches!(disk, Disk::Nothing) && journal.is_none() {
            return;
        }
        state.busy = true;
        state.consumers.begin_commit();
        let waiting = std::mem::take(&mut state.waiting);
        let last_sequence = state.core.log().last_sequence();
        drop(state);
        self.run(&engine, Work { disk, journal, last_sequence, waiting });
    }

    /// Hands background work to a job, if the log has some.
    fn start_upkeep(self: &Arc<Self>, engine: &Arc<Engine>) {
        let Some(jobs) = engine.jobs() else { return };
        let upkeep = {
            let mut state = self.state.lock();
            let upkeep = if state.in_upkeep { None } else { state.core.take_upkeep() };
            state.in_upkeep |= upkeep.is_some();
            upkeep
        };
        let Some(upkeep) = upkeep else { return };
        let (stream, engine) = (Arc::clone(self), Arc::clone(engine));
        jobs.spawn(Box::new(move || {
            stream.finish_upkeep(&engine, upkeep.run());
            stream.commit();
            // There may be more of it.
            stream.start_upkeep(&engine);
        }));
    }

    fn finish_upkeep(self: &Arc<Self>, engine: &Engine, kept: Kept) {
        let mut state = self.state.lock();
        state.in_upkeep = false;
        if state.trouble.as_ref().is_some_and(|trouble| trouble.broken) {
            // The disk failed meanwhile, and whoever saw it left the rest to us.
            self.reopen(engine, &mut state);
        } else {
            // If that fails the log, the next round finds it out, and tells whoever waits for it.
            state.core.log_mut().finish_upkeep(kept);
        }
        self.note_dirty(&mut state);
        self.idle.notify_all();
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
        if let Some(write) = state.consumers.take_journal_write(true, true, self.now()) {
            state.consumers.journal_mut().finish(write.run(), self.now())?;
        }
        let notes = state.core.notes();
        state.core.log_mut().close(&notes)
    }
}

#[cfg(test)]
mod tests;
