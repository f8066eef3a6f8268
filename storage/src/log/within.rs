//! Reading within a range of sequences. Consumers see a log up to what is committed, and count what lies behind them.

use embus_protocol::filter;

use super::Log;
use super::locator::Locator;
use super::segments::{Messages, Segment};
use crate::entries::Entry;
use crate::error::StorageError;
use crate::subject_index::{Choice, SubjectIndex};

impl Log {
    /// The first live message from `from` to `up_to` whose subject matches one of `filters` (none: any).
    ///
    /// # Errors
    /// As [`Log::locate`].
    pub fn next_within(
        &mut self,
        filters: &[&[u8]],
        from: u64,
        up_to: u64,
    ) -> Result<Option<(u64, Locator)>, StorageError> {
        let Some(range) = self.range(filters, from, up_to) else { return Ok(None) };
        let found = Messages(&self.segments).next_within(range, &mut self.subjects.choose(filters));
        found.map(|(segment, entry)| Ok((entry.sequence, self.locator(segment, entry)?))).transpose()
    }

    /// The last live message from `from` to `up_to` whose subject matches one of `filters` (none: any).
    ///
    /// # Errors
    /// As [`Log::locate`].
    pub fn last_within(
        &mut self,
        filters: &[&[u8]],
        from: u64,
        up_to: u64,
    ) -> Result<Option<(u64, Locator)>, StorageError> {
        let Some(range) = self.range(filters, from, up_to) else { return Ok(None) };
        let found = Messages(&self.segments).last_within(range, &mut self.subjects.choose(filters));
        found.map(|(segment, entry)| Ok((entry.sequence, self.locator(segment, entry)?))).transpose()
    }

    /// How many live messages from `from` to `up_to` match one of `filters` (none: any).
    pub fn count_within(&mut self, filters: &[&[u8]], from: u64, up_to: u64) -> u64 {
        let whole = match filters {
            [] => Some((self.first_sequence, self.last_sequence, self.messages)),
            [filter] if filter::is_literal(filter) => {
                let bounds = self.subjects.id(filter).map(|id| self.subjects.bounds(id));
                bounds.map(|it| (it.first, it.last, it.count))
            }
            _ => None,
        };
        if let Some((.., count)) = whole.filter(|&(first, last, _)| from <= first && last <= up_to) {
            return count;
        }
        let Some(range) = self.range(filters, from, up_to) else { return 0 };
        let mut choice = self.subjects.choose(filters);
        Messages(&self.segments).count_within(range, &mut choice)
    }

    /// The subject of a live message. Nothing is read for it.
    pub fn subject_of(&self, sequence: u64) -> Option<&[u8]> {
        let entry = Messages(&self.segments).get(sequence)?;
        entry.subject.map(|id| self.subjects.name(id))
    }

    /// The part of a range in which there can be something.
    pub(super) fn range(&self, filters: &[&[u8]], from: u64, up_to: u64) -> Option<(u64, u64)> {
        let (mut from, mut up_to) = (from.max(self.first_sequence), up_to.min(self.last_sequence));
        if let Some((first, last)) = bounds(&self.subjects, filters) {
            (from, up_to) = (from.max(first), up_to.min(last));
        }
        (from <= up_to).then_some((from, up_to))
    }
}

impl<'a> Messages<'a> {
    /// The sequence of the first live message of a range of the chosen subjects.
    pub(super) fn next_in(&self, range: (u64, u64), choice: &mut Choice<'_>) -> Option<u64> {
        self.next_within(range, choice).map(|(_, entry)| entry.sequence)
    }

    /// The sequence of the last one.
    pub(super) fn last_in(&self, range: (u64, u64), choice: &mut Choice<'_>) -> Option<u64> {
        self.last_within(range, choice).map(|(_, entry)| entry.sequence)
    }

    pub(super) fn next_within(
        &self,
        (from, up_to): (u64, u64),
        choice: &mut Choice<'_>,
    ) -> Option<(&'a Segment, Entry)> {
        self.overlapping(from, up_to)
            .find_map(|segment| segment.entries.next_within(from, up_to, choice).map(|entry| (segment, entry)))
    }

    fn last_within(&self, (from, up_to): (u64, u64), choice: &mut Choice<'_>) -> Option<(&'a Segment, Entry)> {
        self.overlapping(from, up_to)
            .rev()
            .find_map(|segment| segment.entries.last_within(from, up_to, choice).map(|entry| (segment, entry)))
    }

    fn count_within(&self, (from, up_to): (u64, u64), choice: &mut Choice<'_>) -> u64 {
        self.overlapping(from, up_to).map(|segment| segment.entries.count_within(from, up_to, choice) as u64).sum()
    }

    /// The segments that sequences of a range may lie in.
    fn overlapping(&self, from: u64, up_to: u64) -> impl DoubleEndedIterator<Item = &'a Segment> + use<'a> {
        let end = self.behind(up_to);
        self.0.range(self.behind(from).saturating_sub(1).min(end)..end)
    }
}

/// Between which sequences all messages that literal filters match lie. Other filters would have to be held against every
/// subject.
fn bounds(subjects: &SubjectIndex, filters: &[&[u8]]) -> Option<(u64, u64)> {
    if filters.is_empty() || filters.len() > MAX_BOUNDED || !filters.iter().all(|it| filter::is_literal(it)) {
        return None;
    }
    let known = filters.iter().filter_map(|filter| subjects.id(filter)).map(|id| subjects.bounds(id));
    let nowhere = (u64::MAX, 0);
    Some(known.fold(nowhere, |(first, last), it| (first.min(it.first), last.max(it.last))))
}

/// More filters than this are not looked up one by one before each read.
const MAX_BOUNDED: usize = 16;
