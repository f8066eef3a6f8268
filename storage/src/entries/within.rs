//! Looking at a range of sequences: what a consumer, which sees a log up to some sequence only, asks for.

use super::{Entries, Entry, scan};
use crate::subject_index::Choice;

impl Entries {
    /// The first live message from `from` to `up_to` of the chosen subjects.
    pub fn next_within(&self, from: u64, up_to: u64, choice: &mut Choice<'_>) -> Option<Entry> {
        let behind = self.place_behind(up_to);
        let place = scan::next(&self.subjects[..behind], self.place_at_or_behind(from), choice)?;
        self.entry(place)
    }

    /// The last live message from `from` to `up_to` of the chosen subjects.
    pub fn last_within(&self, from: u64, up_to: u64, choice: &mut Choice<'_>) -> Option<Entry> {
        let (start, behind) = (self.place_at_or_behind(from), self.place_behind(up_to));
        let place = scan::last(self.subjects.get(start..behind)?, choice)?;
        self.entry(start + place)
    }

    /// How many live messages from `from` to `up_to` are of the chosen subjects. Any subject costs nothing where no
    /// message behind the first live one was removed, and for all of them.
    pub fn count_within(&self, from: u64, up_to: u64, choice: &mut Choice<'_>) -> usize {
        let (start, behind) = (self.place_at_or_behind(from), self.place_behind(up_to));
        let Some(subjects) = self.subjects.get(start..behind) else { return 0 };
        let all = self.subjects.len() - self.front;
        match choice {
            Choice::Any if self.live == all => subjects.len(),
            Choice::Any if subjects.len() == all => self.live,
            _ => scan::count(subjects, choice),
        }
    }

    /// The place behind a sequence.
    fn place_behind(&self, sequence: u64) -> usize {
        sequence.checked_add(1).map_or(self.subjects.len(), |behind| self.place_at_or_behind(behind))
    }
}
