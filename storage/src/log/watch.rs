//! Watching removals: which messages have gone lately, for those who count messages without counting them anew.
//!
//! What is kept is bounded: the older half goes when the younger one is full. Nothing is kept, and nothing costs more than
//! a look at a pointer, while nobody watches.

use std::hash::{BuildHasher, RandomState};

use super::Log;

/// A moment between two removals, for [`Log::removals_since`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovalMark {
    /// Of the watch: marks of one that has ended, or of another log, mean nothing.
    watch: u64,
    /// Removals before it.
    number: u64,
}

/// The removals of late.
#[derive(Debug)]
pub(super) struct Watch {
    id: u64,
    older: Removals,
    younger: Removals,
}

/// Some removals in a row.
#[derive(Debug, Default)]
struct Removals {
    /// Removals before these.
    start: u64,
    /// Each sequence, and where its subject ends in `subjects`.
    ends: Vec<(u64, u32)>,
    subjects: Vec<u8>,
}

impl Log {
    /// Keeps removals for [`removals_since`](Self::removals_since) from now on, or keeps none any more.
    pub fn watch_removals(&mut self, on: bool) {
        if on != self.watch.is_some() {
            self.watch = on.then(Box::default);
        }
    }

    /// This moment.
    pub fn removal_mark(&self) -> RemovalMark {
        self.watch.as_ref().map_or(RemovalMark { watch: 0, number: 0 }, |watch| watch.mark())
    }

    /// The messages that have gone since `mark`, with their subjects, in the order in which they went; those that a limit
    /// took at the front are among them. Nothing if that is not known: there were too many, or all went at once, or
    /// nobody watched.
    pub fn removals_since(&self, mark: RemovalMark) -> Option<impl Iterator<Item = (u64, &[u8])>> {
        self.watch.as_ref().filter(|watch| watch.id == mark.watch)?.since(mark.number)
    }
}

impl Watch {
    pub(super) fn note(&mut self, sequence: u64, subject: &[u8]) {
        if self.younger.is_full() {
            // Its memory serves again.
            let end = self.younger.end();
            std::mem::swap(&mut self.older, &mut self.younger);
            self.younger.restart(end);
        }
        self.younger.push(sequence, subject);
    }

    /// Everything has gone at once: marks from before mean nothing.
    pub(super) fn lose_track(&mut self) {
        *self = Self::default();
    }

    fn mark(&self) -> RemovalMark {
        RemovalMark { watch: self.id, number: self.younger.end() }
    }

    fn since(&self, number: u64) -> Option<impl Iterator<Item = (u64, &[u8])>> {
        let is_known = number >= self.older.start;
        is_known.then(|| self.older.from(number).chain(self.younger.from(number)))
    }
}

impl Default for Watch {
    fn default() -> Self {
        // No other watch has this number, and no mark that was made while nobody watched.
        let id = RandomState::new().hash_one(0_u8) | 1;
        Self { id, older: Removals::default(), younger: Removals::default() }
    }
}

impl Removals {
    fn is_full(&self) -> bool {
        self.ends.len() >= MAX_REMOVALS || self.subjects.len() >= MAX_SUBJECT_BYTES
    }

    fn end(&self) -> u64 {
        self.start + self.ends.len() as u64
    }

    fn restart(&mut self, start: u64) {
        self.start = start;
        self.ends.clear();
        self.subjects.clear();
    }

    fn push(&mut self, sequence: u64, subject: &[u8]) {
        self.subjects.extend_from_slice(subject);
        // It fits: there is little before it, and a subject has at most 65,535 bytes.
        self.ends.push((sequence, u32::try_from(self.subjects.len()).unwrap_or(u32::MAX)));
    }

    /// Those behind the first `number` of the watch.
    fn from(&self, number: u64) -> impl Iterator<Item = (u64, &[u8])> {
        let first = usize::try_from(number.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.ends.len());
        let mut start = first.checked_sub(1).map_or(0, |before| self.ends[before].1 as usize);
        self.ends[first..].iter().map(move |&(sequence, end)| {
            let subject = &self.subjects[start..end as usize];
            start = end as usize;
            (sequence, subject)
        })
    }
}

/// Removals in one half of what is kept.
const MAX_REMOVALS: usize = 4096;
/// Bytes of their subjects, but for the last one.
const MAX_SUBJECT_BYTES: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_what_is_told_is_complete() {
        let mut watch = Watch::default();
        let mut marks = vec![watch.mark()];
        let total = 3 * MAX_REMOVALS as u64 + 7;
        for number in 0..total {
            watch.note(number * 2, format!("s.{number}").as_bytes());
            marks.push(watch.mark());
        }
        let known = marks.iter().filter(|mark| watch.since(mark.number).is_some()).count();
        assert!((MAX_REMOVALS..=2 * MAX_REMOVALS + 1).contains(&known), "{known}");
        for (number, mark) in (0..).zip(&marks).skip(marks.len() - known).step_by(101) {
            let told: Vec<_> = watch.since(mark.number).unwrap().collect();
            assert_eq!(told.len() as u64, total - number);
            assert!(told.iter().zip(number..).all(|(it, number)| it.0 == number * 2));
            assert!(told.iter().zip(number..).all(|(it, number)| it.1 == format!("s.{number}").as_bytes()));
        }
        let long = vec![b'x'; 65_535];
        for number in 0..100 {
            watch.note(number, &long);
        }
        assert!([&watch.older, &watch.younger].iter().all(|it| it.subjects.len() < MAX_SUBJECT_BYTES + long.len()));
    }

    #[test]
    fn a_mark_of_another_watch_tells_nothing() {
        let mut watch = Watch::default();
        watch.note(1, b"a");
        let mark = watch.mark();
        watch.lose_track();
        assert_ne!(watch.mark().watch, mark.watch);
        assert_ne!(watch.mark().watch, 0);
    }
}
