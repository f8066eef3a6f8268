//! Messages that leave the stream while they wait for their acknowledgement: their consumers learn it at once, for that
//! may be what they wait for, and others are told of it.

use std::collections::BTreeSet;

use embus_storage::error::StorageError;
use embus_storage::log::{Log, RemovalMark};

use super::Consumers;
use super::index::Slot;
use crate::stream::State;
use crate::stream::core::Core;

/// Which removals stay, whatever becomes of what is not committed: those before a mark.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) mark: Option<RemovalMark>,
    /// Where it is when the commit is over that is under way.
    in_commit: Option<RemovalMark>,
    /// Consumers that wait until more of them do.
    pub(super) held: BTreeSet<Slot>,
}

impl Consumers {
    pub(super) fn begin_settling(&mut self, log: &Log) {
        if self.len() > 0 {
            self.settled.get_or_insert_default().in_commit = Some(log.removal_mark());
        }
    }

    pub(super) fn finish_settling(&mut self) {
        if let Some(settled) = &mut self.settled {
            settled.mark = settled.in_commit;
        }
        self.release_held();
    }

    /// All removals of a log that was just read stay.
    pub(super) fn settle_all(&mut self, log: &Log) {
        self.begin_settling(log);
        self.finish_settling();
    }

    /// Those have something to do that waited for a commit.
    fn release_held(&mut self) {
        let held = self.settled.as_mut().map(|settled| std::mem::take(&mut settled.held));
        held.into_iter().flatten().for_each(|slot| self.make_ready(slot));
    }

    /// Has those consumers look at the stream whose messages were removed since the last call.
    #[inline]
    pub(super) fn see_removals(&mut self, log: &Log) {
        let mark = log.removal_mark();
        if self.mark == Some(mark) {
            return;
        }
        let since = self.mark.replace(mark);
        if self.awaiting == 0 {
            return;
        }
        let Some(mut removals) = since.and_then(|since| log.removals_since(since)) else {
            return self.wake_awaiting();
        };
        let mut awaiting = Vec::new();
        for (sequence, subject) in removals.by_ref().take(MAX_REMOVALS) {
            self.find_awaiting(sequence, subject, &mut awaiting);
        }
        if removals.next().is_some() {
            self.wake_awaiting();
        }
        drop(removals);
        for slot in awaiting {
            self.make_ready(slot);
        }
    }

    fn find_awaiting(&self, sequence: u64, subject: &[u8], awaiting: &mut Vec<Slot>) {
        let Some(index) = &self.index else { return };
        index.lock().for_each(subject, |slot| {
            if self.member(slot).is_some_and(|member| member.consumer.awaits(sequence)) {
                awaiting.push(slot);
            }
        });
    }

    fn wake_awaiting(&mut self) {
        for slot in 0..self.members.len() {
            if self.members[slot].as_ref().is_some_and(|member| member.is_awaiting) {
                self.make_ready(Slot::try_from(slot).unwrap_or(Slot::MAX));
            }
        }
    }

    /// Removes a message that nobody waits for: nobody needs to look.
    pub(super) fn remove_quietly(&mut self, sequence: u64, core: &mut Core) -> Result<bool, StorageError> {
        let is_current = self.mark == Some(core.log().removal_mark());
        let removed = core.remove_for_retention(sequence)?;
        if is_current {
            self.mark = Some(core.log().removal_mark());
        }
        Ok(removed)
    }
}

impl State {
    /// Whether the pump has something to do.
    #[inline]
    pub(super) fn wants_pump(&mut self) -> bool {
        self.consumers.wants_pump(self.core.log())
    }
}

/// Removals that are looked at one by one; of more, everybody is told who waits for anything.
const MAX_REMOVALS: usize = 256;
