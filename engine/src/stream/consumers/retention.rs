//! Messages that leave a stream because its consumers are done with them. [reference §5.3]

use embus_storage::error::StorageError;
use embus_storage::log::Log;

use super::Consumers;
use super::index::Slot;
use crate::consumer::config::ConsumerConfig;
use crate::stream::config::Retention;
use crate::stream::core::Core;
use crate::stream::{State, Stream};
use crate::sync::Arc;

/// Messages that were removed and that a log which is read anew may have again.
#[derive(Debug, Default)]
pub(super) struct Removed {
    since_commit: Vec<u64>,
    in_commit: Vec<u64>,
}

/// A part of the stream in which messages may be that nobody needs any more.
#[derive(Debug)]
pub(super) struct Sweep {
    from: u64,
    /// Whose filters match them; nothing for all.
    config: Option<Arc<ConsumerConfig>>,
}

impl Consumers {
    /// A commit takes all changes so far.
    pub(in crate::stream) fn begin_commit(&mut self, log: &Log) {
        self.begin_settling(log);
        self.note_in_commit();
    }

    fn note_in_commit(&mut self) {
        self.removed.in_commit.append(&mut self.removed.since_commit);
    }

    /// The changes that a commit took are on the disk.
    pub(in crate::stream) fn finish_commit(&mut self) {
        self.finish_settling();
        self.removed.in_commit.clear();
        self.removed.in_commit.shrink_to(KEPT_SEQUENCES);
    }

    /// The log was read anew: what was not committed is there again, and nobody will be done with it once more.
    pub(super) fn remove_again(&mut self, core: &mut Core) {
        self.note_in_commit();
        let removed = std::mem::take(&mut self.removed.in_commit);
        for sequence in &removed {
            if let Err(error) = core.remove_for_retention(*sequence) {
                tracing::debug!(%error, "a message that consumers are done with could not be removed again");
                break;
            }
        }
        self.removed.since_commit = removed;
    }

    /// Removes what a consumer is done with, unless another one still needs it.
    pub(super) fn remove_settled(&mut self, slot: Slot, core: &mut Core) {
        while let Some(sequence) = self.member_mut(slot).and_then(|member| member.consumer.take_settled()) {
            if let Err(error) = self.remove_unneeded(sequence, core) {
                // The log takes no more changes; once it was read anew, nobody will be done with this message again.
                self.removed.since_commit.push(sequence);
                tracing::debug!(%error, "a message that consumers are done with could not be removed");
            }
        }
    }

    fn remove_unneeded(&mut self, sequence: u64, core: &mut Core) -> Result<(), StorageError> {
        let is_unneeded = match core.config().retention {
            Retention::Limits => false,
            Retention::WorkQueue => true,
            Retention::Interest => !self.is_needed(sequence, core),
        };
        if is_unneeded && self.remove_quietly(sequence, core)? {
            self.removed.since_commit.push(sequence);
        }
        Ok(())
    }

    /// Whether some consumer has yet to be done with a message.
    fn is_needed(&self, sequence: u64, core: &Core) -> bool {
        let Some(subject) = core.log().subject_of(sequence) else { return false };
        let Some(index) = &self.index else { return false };
        let mut is_needed = false;
        index.lock().for_each(subject, |slot| {
            is_needed |= self.member(slot).is_some_and(|member| !member.consumer.has_settled(sequence));
        });
        is_needed
    }

    /// From there on messages may be there that nobody needs any more; if a configuration is given, among those that its
    /// filters match.
    pub(super) fn sweep_from(&mut self, from: u64, config: Option<Arc<ConsumerConfig>>) {
        self.sweeps.push(Sweep { from, config });
    }

    /// Removes some of the messages that no consumer needs any more, in a stream that keeps what is needed, committed or
    /// not: whoever needed them when they came may be gone. Says whether there may be more.
    fn sweep(&mut self, sweep: &mut Sweep, core: &mut Core) -> Result<bool, StorageError> {
        if core.config().retention != Retention::Interest {
            return Ok(false);
        }
        let config = sweep.config.clone();
        let filters: Vec<_> = config.iter().flat_map(|config| config.filters()).map(str::as_bytes).collect();
        for _ in 0..SWEEP_MESSAGES {
            let last = core.log().last_sequence();
            let Some((sequence, _)) = core.log_mut().next_within(&filters, sweep.from, last)? else { return Ok(false) };
            self.remove_unneeded(sequence, core)?;
            sweep.from = sequence.saturating_add(1);
        }
        Ok(true)
    }
}

impl Stream {
    /// Removes what no consumer needs any more since one of them went, or needs less. The caller commits, if it says that
    /// it looked.
    pub(crate) fn sweep_unneeded(&self) -> bool {
        let mut is_swept = false;
        while self.sweep_some() {
            is_swept = true;
        }
        is_swept
    }

    fn sweep_some(&self) -> bool {
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(mut sweep) = state.consumers.sweeps.pop() else { return false };
        let swept = state.consumers.sweep(&mut sweep, &mut state.core);
        // Where the log takes no changes now, it is done once it was read anew.
        if *swept.as_ref().unwrap_or(&true) {
            state.consumers.sweeps.push(sweep);
        }
        swept.is_ok()
    }

    /// Its configuration may say now that messages leave when consumers are done with them, or that they do so no more.
    /// Differs from nats-server, which keeps older ones that none of its consumers wants.
    pub(crate) fn follow_retention(self: &Arc<Self>) {
        {
            let mut state = self.state.lock();
            let State { consumers, core, .. } = &mut *state;
            let settles = core.removes_acknowledged();
            for member in consumers.members.iter_mut().flatten() {
                member.consumer.set_settles(settles);
            }
            consumers.sweep_from(0, None);
        }
        self.sweep_unneeded();
        self.commit();
        self.pump_alone();
    }
}

/// Messages that are looked at under one lock.
const SWEEP_MESSAGES: usize = 1024;
/// Memory for removals that is kept between commits.
const KEPT_SEQUENCES: usize = 1024;
