//! What a log knows of subjects. Counts cost nothing; the first or last message of a subject is looked for when somebody asks
//! for it after it was removed, and remembered.

use std::hint;

use hashbrown::HashMap;

use super::Log;
use super::segments::Messages;
use crate::subject_index::{MAX_WARM, SubjectBounds, SubjectId, SubjectState};

impl Log {
    /// What is known of one literal subject. May look for its first and its last message.
    pub fn subject(&mut self, subject: &[u8]) -> Option<SubjectState> {
        let id = self.subjects.id(subject)?;
        Some(self.subjects.settle(id, &Messages(&self.segments)))
    }

    /// Live messages on one literal subject. Costs nothing.
    pub fn count_of(&self, subject: &[u8]) -> u64 {
        self.subjects.id(subject).map_or(0, |id| self.subjects.count(id))
    }

    /// Brings what is known of these subjects, and of the last message of each, into the processor's caches: whoever asks
    /// for many of them soon need not wait for each. Changes nothing; empty ones stand for none.
    pub fn warm(&self, subjects: &[&[u8]; MAX_WARM]) {
        let messages = Messages(&self.segments);
        hint::black_box(self.subjects.warm(subjects).map(|last| messages.get(last)));
    }

    /// The last live message on one literal subject. May look for it.
    pub fn last_of(&mut self, subject: &[u8]) -> Option<u64> {
        let id = self.subjects.id(subject)?;
        Some(self.subjects.settle_last(id, &Messages(&self.segments)))
    }

    /// All subjects that match `filter`, unsorted, with their live messages; ends early when `visit` says false.
    pub fn subject_counts(&self, filter: &[u8], visit: &mut dyn FnMut(&[u8], u64) -> bool) {
        self.subjects.visit(filter, &mut |id, name| visit(name, self.subjects.count(id)));
    }

    /// All subjects that match `filter`, unsorted, with their last live messages; ends early when `visit` says false. May
    /// look for some of these, in one pass.
    pub fn last_of_each(&mut self, filter: &[u8], visit: &mut dyn FnMut(&[u8], u64) -> bool) {
        let mut stale = Vec::new();
        self.subjects.visit(filter, &mut |id, _| {
            stale.extend(self.subjects.last_is_stale(id).then_some(id));
            true
        });
        self.settle_lasts(&stale);
        self.subjects.visit(filter, &mut |id, name| visit(name, self.subjects.bounds(id).last));
    }

    /// What is known of the subjects that have numbers from `place` on, at most so many; returns where it goes on, if it
    /// does. Between two such steps subjects may come and go.
    pub fn some_subjects(
        &self,
        place: usize,
        max: usize,
        visit: &mut dyn FnMut(&[u8], SubjectBounds),
    ) -> Option<usize> {
        self.subjects.visit_some(place, max, visit)
    }

    /// Looks for the last messages of some subjects.
    pub(super) fn settle_lasts(&mut self, stale: &[SubjectId]) {
        if stale.len() <= FEW {
            for &id in stale {
                self.subjects.settle_last(id, &Messages(&self.segments));
            }
            return;
        }
        let mut lasts: HashMap<_, _, foldhash::quality::RandomState> = stale.iter().map(|&id| (id, 0)).collect();
        for entry in self.segments.iter().flat_map(|segment| segment.entries.iter()) {
            if let Some(last) = entry.subject.and_then(|id| lasts.get_mut(&id)) {
                *last = entry.sequence;
            }
        }
        for (id, last) in lasts {
            self.subjects.set_last(id, last);
        }
    }
}

/// So many subjects are looked for one by one: that goes through the messages in blocks, from where they may be.
pub(super) const FEW: usize = 8;
