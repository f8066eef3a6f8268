//! The last messages of many subjects, as they were at one moment, in the order of the stream.

use embus_storage::error::StorageError;
use embus_storage::log::Log;

use crate::consumer::rules::Rules;

/// What is left of them.
#[derive(Debug)]
pub(in crate::consumer) struct Latest {
    /// Descending: the next one is the last.
    sequences: Vec<u64>,
    /// The last sequence of that moment.
    resume: u64,
}

impl Latest {
    /// Those at or behind `from`, when `resume` was the last sequence.
    pub(super) fn find(from: u64, resume: u64, rules: &Rules, log: &mut Log) -> Result<Self, StorageError> {
        let (mut sequences, mut changed) = (Vec::new(), Vec::new());
        let mut visit = |name: &[u8], last: u64| {
            if last > resume {
                changed.push(name.to_vec());
            } else if last >= from {
                sequences.push(last);
            }
        };
        rules.with_filters(|filters| {
            // Filters do not overlap: no subject is seen twice.
            for filter in if filters.is_empty() { &[b">" as &[u8]] } else { filters } {
                log.last_of_each(filter, &mut |name, last| {
                    visit(name, last);
                    true
                });
            }
        });
        for name in changed {
            sequences.extend(log.last_within(&[&name], from, resume)?.map(|(sequence, _)| sequence));
        }
        sequences.sort_unstable_by(|one, other| other.cmp(one));
        Ok(Self { sequences, resume })
    }

    /// Nothing came behind this sequence.
    pub(super) fn forget_behind(&mut self, last: u64) {
        self.sequences.retain(|sequence| *sequence <= last);
        self.resume = self.resume.min(last);
    }

    pub(super) fn len(&self) -> u64 {
        self.sequences.len() as u64
    }

    pub(super) fn resume(&self) -> u64 {
        self.resume
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.sequences.last().copied()
    }

    pub(super) fn skip(&mut self) {
        self.sequences.pop();
    }

    pub(super) fn contains(&self, sequence: u64) -> bool {
        self.sequences.binary_search_by(|it| sequence.cmp(it)).is_ok()
    }

    pub(super) fn count_live(&self, log: &Log) -> u64 {
        self.sequences.iter().filter(|sequence| log.subject_of(**sequence).is_some()).count() as u64
    }
}
