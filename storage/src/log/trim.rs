//! Keeping only the newest messages of each subject: for a limit that was lowered, and for messages that take the place of
//! all before them.

use hashbrown::HashMap;

use super::Log;
use super::segments::Messages;
use crate::error::StorageError;
use crate::subject_index::{Choice, SubjectId, SubjectState};

/// How many messages are too many on each subject that has too many.
type Excess = HashMap<SubjectId, u64, foldhash::quality::RandomState>;

impl Log {
    /// Removes the oldest messages of each subject beyond the newest `keep`, durably with the next commit: in one pass from
    /// the first message that may be one of them. Returns how many.
    pub fn keep_newest(&mut self, keep: u64) -> Result<u64, StorageError> {
        let mut excess = Excess::default();
        let mut from = u64::MAX;
        self.subjects.visit(b">", &mut |id, _| {
            let SubjectState { count, first, .. } = self.subjects.bounds(id);
            if count > keep {
                excess.insert(id, count - keep);
                from = from.min(first);
            }
            true
        });
        self.remove_excess(excess, from, None)
    }

    /// The same for one literal subject.
    pub fn keep_newest_on(&mut self, subject: &[u8], keep: u64) -> Result<u64, StorageError> {
        let Some(id) = self.subjects.id(subject) else { return Ok(0) };
        let SubjectState { count, first, .. } = self.subjects.bounds(id);
        let excess = (count > keep).then(|| (id, count - keep)).into_iter().collect();
        self.remove_excess(excess, first, Some(id))
    }

    fn remove_excess(
        &mut self,
        mut excess: Excess,
        mut from: u64,
        only: Option<SubjectId>,
    ) -> Result<u64, StorageError> {
        self.check_usable()?;
        let mut removed = 0;
        while let Some(victims) = self.victims(&mut excess, &mut from, only) {
            removed += victims.len() as u64;
            for sequence in victims {
                self.take_out(sequence);
                self.removals.ranges.insert(sequence, sequence + 1);
            }
        }
        self.position.0 += u64::from(removed > 0);
        Ok(removed)
    }

    /// The next messages that are too many, from `from` on; nothing if there are none.
    fn victims(&self, excess: &mut Excess, from: &mut u64, only: Option<SubjectId>) -> Option<Vec<u64>> {
        let mut choice = only.map_or(Choice::Any, Choice::One);
        let mut victims = Vec::new();
        while !excess.is_empty() && victims.len() < MAX_VICTIMS {
            let Some((_, entry)) = Messages(&self.segments).next(*from, &mut choice) else { break };
            *from = entry.sequence + 1;
            let Some(id) = entry.subject else { continue };
            let Some(left) = excess.get_mut(&id) else { continue };
            victims.push(entry.sequence);
            *left -= 1;
            if *left == 0 {
                excess.remove(&id);
            }
        }
        (!victims.is_empty()).then_some(victims)
    }
}

/// Sequences that are noted at once.
const MAX_VICTIMS: usize = 4096;
