//! How changes reach the disk: one commit of a stream at a time, and everybody who waited for it is told together.

use embus_storage::consumer_journal::JournalWrite;
use embus_storage::log::{Commit, Committed};
use embus_storage::message::Timestamp;

use super::trouble::{Stage, Trouble};
use super::{State, Stream, SyncPolicy};
use crate::api::error::ApiError;
use crate::engine::Engine;
use crate::jobs::Jobs;
use crate::stream::waiting::Waiting;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::worker::Worker;

/// Disk work, if any, and who waits for it.
pub(super) struct Work {
    disk: Disk,
    /// What changed of the consumers.
    journal: Option<JournalWrite>,
    /// The last message that is committed then.
    last_sequence: u64,
    waiting: Box<Waiting>,
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
    /// The log failed, and has to be read anew.
    Reopen(ApiError),
    /// It failed, and can't be read anew just now: what it holds may never have been.
    Broken(ApiError),
}

impl Work {
    fn may_block(&self) -> bool {
        let log = match &self.disk {
            Disk::Nothing | Disk::Broken(_) => false,
            Disk::Commit(commit) => commit.may_block(),
            Disk::Reopen(_) => true,
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

    /// The same, soon.
    pub(crate) fn end_later(self: Arc<Self>) {
        let engine = self.engine.upgrade();
        if let Some(jobs) = engine.as_ref().and_then(|engine| engine.jobs()) {
            self.end_as_job(jobs);
        }
    }

    /// The same as one of these jobs.
    pub(crate) fn end_as_job(self: Arc<Self>, jobs: &Arc<Jobs>) {
        jobs.spawn(Box::new(move || self.end_alone()));
    }

    fn commit_in_turn(self: &Arc<Self>, engine: &Arc<Engine>, worker: &mut Worker) {
        let work = self.settle_or_put_off(&mut worker.batch.turn_end);
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
    pub(super) fn begin(self: &Arc<Self>, state: &mut State) -> Option<Work> {
        self.count(state);
        if state.busy {
            return None;
        }
        state.gathered_turns = 0;
        let (now, held) = (self.now(), state.held_bytes());
        let is_sync_due = state.is_sync_due(now);
        let always = self.policy == SyncPolicy::Always || is_sync_due;
        let disk = self.disk_work(state, always, now);
        let journal = match disk {
            Disk::Reopen(_) => None,
            Disk::Nothing if state.is_ahead() => {
                // Consumers are never ahead of their stream: what they are done with may not be removed yet.
                let retry_at = state.trouble.as_ref().map_or(now, |trouble| trouble.retry_at);
                state.consumers.journal_mut().hold_until(retry_at);
                None
            }
            _ => state.consumers.take_journal_write(always, is_sync_due, now),
        };
        if is_sync_due {
            state.sync_due = None;
        }
        if matches!(disk, Disk::Nothing | Disk::Broken(_)) && journal.is_none() && state.waiting.is_empty() {
            return None;
        }
        state.busy = true;
        let last_sequence = state.core.log().last_sequence();
        let mut waiting = state.take_waiting(held);
        if waiting.waits_for_changes() {
            state.consumers.journal_mut().begin_telling();
        }
        if let Disk::Reopen(_) = disk {
            waiting.settle(state.core.log().committed());
            self.take_back_consumers(state);
        }
        Some(Work { disk, journal, last_sequence, waiting })
    }

    fn disk_work(self: &Arc<Self>, state: &mut State, sync: bool, now: Timestamp) -> Disk {
        // The directory of a stream that has stopped may be gone already.
        let may_reopen = !state.in_upkeep && !self.stopped.load(Ordering::Acquire);
        if let Some(trouble) = &state.trouble
            && let Some(disk) = state.work_in_trouble(trouble, may_reopen, now)
        {
            return disk;
        }
        if let Some(error) = state.core.log().failure().cloned() {
            let error = self.fail(state, &error);
            return if may_reopen { Disk::Reopen(error) } else { Disk::Broken(error) };
        }
        let commit = state.core.log_mut().take_commit(sync);
        if commit.is_some() {
            state.consumers.begin_commit(state.core.log());
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
    pub(super) fn run(self: &Arc<Self>, engine: &Arc<Engine>, work: Work) {
        let mut next = Some(work);
        while let Some(work) = next {
            next = self.round(engine, work, |stream, waiting, outcome| {
                engine.with_worker(|worker| stream.release(waiting, outcome, worker));
            });
            self.pump_alone();
        }
        self.start_upkeep(engine);
    }

    /// One commit, its answers, and what has gathered meanwhile. Answers do not wait for a log that is read anew.
    fn round(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        work: Work,
        mut release: impl FnMut(&Arc<Self>, &mut Waiting, &Outcome),
    ) -> Option<Work> {
        let Work { disk, journal, last_sequence, mut waiting } = work;
        let is_reopened = matches!(disk, Disk::Reopen(_));
        let log = match disk {
            Disk::Nothing => Ok(()),
            Disk::Broken(error) | Disk::Reopen(error) => Err(error),
            Disk::Commit(commit) => self.finish(commit.run(), last_sequence, &mut waiting),
        };
        let journal = journal.map_or(Ok(()), |write| self.write_journal(engine, write, &log, &mut waiting));
        if waiting.waits_for_changes() && log.is_ok() && journal.is_ok() {
            self.state.lock().consumers.journal_mut().finish_telling();
        }
        release(self, &mut waiting, &Outcome { log, journal });
        if is_reopened {
            let (mut late, error) = self.reopen();
            release(self, &mut late, &Outcome { log: Err(error), journal: Ok(()) });
        }
        self.finish_or_go_on(waiting)
    }

    /// Consumers are never ahead of their stream: what they say of a commit that failed is not written. Whoever came to
    /// wait meanwhile may wait for just what could not be written, so it is tried again before they are answered.
    fn write_journal(
        self: &Arc<Self>,
        engine: &Engine,
        write: JournalWrite,
        log: &Result<(), ApiError>,
        waiting: &mut Waiting,
    ) -> Result<(), ApiError> {
        let written = if log.is_ok() { write.run() } else { write.cancel() };
        let mut state = self.state.lock();
        let state = &mut *state;
        let finished = state.consumers.journal_mut().finish(written, engine.timestamp());
        if let Err(error) = &finished {
            tracing::warn!(stream = &*self.name, %error, "the state of consumers could not be written");
            if log.is_err() || waiting.waits_for_changes() || !state.waiting.needs_journal() {
                self.give_up_changes(state, waiting);
            } else {
                state.consumers.journal_mut().want();
            }
        }
        finished.map_err(ApiError::store_failed)
    }

    /// What was changed of the consumers could not be written: whoever waits for that is told so, also who comes to wait
    /// later. Consumers that were made go again.
    pub(super) fn give_up_changes(self: &Arc<Self>, state: &mut State, waiting: &mut Waiting) {
        state.failures += 1;
        self.take_back_consumers(state);
        waiting.take_changes(&mut state.waiting);
        if state.waiting.needs_journal() {
            state.consumers.journal_mut().want();
        }
    }

    fn finish(
        self: &Arc<Self>,
        committed: Committed,
        last_sequence: u64,
        waiting: &mut Waiting,
    ) -> Result<(), ApiError> {
        let mut state = self.state.lock();
        let state = &mut *state;
        match state.core.log_mut().finish_commit(committed) {
            Ok(_) => {
                if state.trouble.take().is_some() {
                    self.say_recovered();
                    self.arm(state);
                }
                state.consumers.finish_commit();
                state.consumers.advance(state.core.log(), last_sequence);
                Ok(())
            }
            Err(error) => {
                // Everybody who waits for it learns it, those who published behind the failed commit, too.
                let error = self.fail(state, &error);
                waiting.append(&mut state.waiting);
                waiting.settle(state.core.log().committed());
                Err(error)
            }
        }
    }

    /// The next round, if something was changed meanwhile; else nobody is at it any more.
    pub(super) fn finish_or_go_on(self: &Arc<Self>, mut emptied: Box<Waiting>) -> Option<Work> {
        emptied.clear();
        let mut state = self.state.lock();
        (state.spare, state.busy, state.in_flight) = (Some(emptied), false, 0);
        self.note_dirty(&mut state);
        let work = if self.is_done(&state) { None } else { self.begin(&mut state) };
        if work.is_none() {
            self.count(&mut state);
            if state.sync_due.is_some() || state.consumers.journal().due().is_some() {
                // What became due meanwhile was left to us.
                self.arm(&mut state);
            }
            self.idle.notify_all();
        }
        work
    }

    /// What is left to sync where nothing was changed waits for its time, or for the next change: else a log that stays
    /// dirty would be committed without end.
    fn is_done(&self, state: &State) -> bool {
        let log = state.core.log();
        let is_committed = log.position() <= log.committed() && log.failure().is_none();
        let is_awaited = !state.waiting.is_empty() || state.consumers.journal().is_wanted();
        is_committed && !is_awaited && (state.sync_due.is_none() || !state.is_sync_due(self.now()))
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
}

impl State {
    /// Whether something was changed that is not committed.
    fn is_ahead(&self) -> bool {
        self.core.log().position() > self.core.log().committed()
    }

    /// Whether something must be synced now. A disk that failed a moment ago is left alone first.
    fn is_sync_due(&self, now: Timestamp) -> bool {
        let may_try = |trouble: &Trouble| now >= trouble.retry_at && !trouble.is_broken();
        self.sync_due.is_some_and(|due| due <= now) && self.trouble.as_ref().is_none_or(may_try)
    }

    /// A disk that failed a moment ago is left alone for a while, unless somebody asks for a change. What a stream
    /// removes by itself when it is read anew, as its limits say, is nothing that anybody asked for: tried at once, it
    /// would fail again, be read anew, and so on.
    fn work_in_trouble(&self, trouble: &Trouble, may_reopen: bool, now: Timestamp) -> Option<Disk> {
        let log = self.core.log();
        let (is_early, is_asked) = (now < trouble.retry_at, !self.waiting.is_empty());
        match trouble.stage {
            Stage::Failed if may_reopen => Some(Disk::Reopen(trouble.error.clone())),
            Stage::Broken if may_reopen && !is_early && is_asked => Some(Disk::Reopen(trouble.error.clone())),
            Stage::Failed | Stage::Broken => Some(Disk::Broken(trouble.error.clone())),
            Stage::Unproven if is_early && (!is_asked || log.position() <= log.committed()) => Some(Disk::Nothing),
            Stage::Unproven => None,
        }
    }
}

#[cfg(test)]
mod tests;
