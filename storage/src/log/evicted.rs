//! What limits take. Nothing is written when the oldest message leaves because of one: the next start lets it leave again,
//! from the same limit. So before limits change it has to be written down what the old ones took.

use super::Log;
use crate::entries::Status;
use crate::error::StorageError;

/// Everything below `floor` has left, if the message `last_sequence` is there: it, or one before it, made the others leave,
/// or time did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evicted {
    /// No message below it is live.
    pub floor: u64,
    /// A message that was committed when this was said, live or not.
    pub last_sequence: u64,
}

impl Log {
    /// Removes the oldest message because of a limit. Nothing is written for it: after a crash the owner enforces its
    /// limits anew. Says whether there was one.
    pub fn evict_first(&mut self) -> Result<bool, StorageError> {
        self.check_usable()?;
        Ok(self.messages > 0 && self.take_out(self.first_sequence))
    }

    /// What limits took so far, to be kept with the limits that come next and handed to the recovery with them, see
    /// [`Undone::of_evicted`](super::Undone::of_evicted). While something waits for its commit nothing is known for sure
    /// that the last commit did not say: a message that never was took none with it, and a removal that is refused did
    /// not happen. What is said once stays true.
    pub fn evicted(&self) -> Option<Evicted> {
        let settled = self.position == self.committed;
        let last = self.segments.iter().rev().find_map(|segment| segment.entries.last_record());
        let last = last.filter(|_| settled && self.place.persistent);
        let now = last.map(|last_sequence| Evicted { floor: self.first_sequence, last_sequence });
        now.or(self.evicted)
    }

    /// Lets the next commit write down what limits took so far, for limits that would not take it again.
    pub fn keep_evicted(&mut self) {
        self.evicted = self.evicted();
        if self.place.persistent && self.first_sequence > self.durable.synced_floor.max(1) {
            self.note_floor(self.first_sequence);
        }
    }
}

impl Evicted {
    /// The floor, if `status` says that the message it depends on is there.
    pub(super) fn floor_if(self, status: impl Fn(u64) -> Status) -> u64 {
        if status(self.last_sequence) == Status::Absent { 0 } else { self.floor }
    }
}
