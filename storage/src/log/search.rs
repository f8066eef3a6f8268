//! Looking for messages by filters. Where a filter with wildcards matches nothing near, what is known per subject tells where
//! to look, or that there is nothing: the messages of others are not walked through.

use embus_protocol::filter;

use super::Log;
use super::locator::Locator;
use super::per_subject::FEW;
use super::segments::Messages;
use crate::error::StorageError;
use crate::subject_index::{Choice, SubjectBounds, SubjectId, SubjectState};

impl Log {
    /// The first live message at or behind `from` whose subject matches one of `filters` (none: any).
    pub fn next(&mut self, filters: &[&[u8]], from: u64) -> Result<Option<(u64, Locator)>, StorageError> {
        let found = self.find_next(filters, from.max(self.first_sequence));
        self.locate_found(found)
    }

    /// The last live message at or before `up_to` whose subject matches `filter`.
    pub fn last(&mut self, filter: &[u8], up_to: u64) -> Result<Option<(u64, Locator)>, StorageError> {
        let found = self.find_last(filter, up_to.min(self.last_sequence));
        self.locate_found(found)
    }

    /// The sequence of the first live message at or behind `from`. Nothing is read for it.
    pub fn next_sequence_from(&self, from: u64) -> Option<u64> {
        Messages(&self.segments).next_in((from.max(self.first_sequence), u64::MAX), &mut Choice::Any)
    }

    /// The sequence of the last live message whose subject matches `filter`.
    pub fn last_matching(&mut self, filter: &[u8]) -> Option<u64> {
        self.find_last(filter, self.last_sequence)
    }

    /// The sequence of the last live message on one literal subject at or before `up_to`.
    pub fn last_on(&mut self, subject: &[u8], up_to: u64) -> Option<u64> {
        let messages = Messages(&self.segments);
        let id = self.subjects.id(subject)?;
        let SubjectState { first, last, .. } = self.subjects.bounds(id);
        if up_to >= last {
            return Some(self.subjects.settle_last(id, &messages));
        }
        messages.last_in((first, up_to), &mut Choice::One(id))
    }

    /// How many live messages at or behind `from` match one of `filters` (none: any).
    pub fn count(&mut self, filters: &[&[u8]], from: u64) -> Result<u64, StorageError> {
        let messages = Messages(&self.segments);
        if let Some(id) = literal(filters).and_then(|subject| self.subjects.id(subject)) {
            let SubjectState { count, first, .. } = self.subjects.bounds(id);
            return Ok(if from <= first { count } else { messages.count(from, &mut Choice::One(id)) });
        }
        let mut choice = self.subjects.choose(filters);
        let Choice::Matching(chosen) = &mut choice else { return Ok(messages.count(from, &mut choice)) };
        let (mut count, mut on_both_sides) = (0, Vec::new());
        chosen.visit(&mut |it| match it.state {
            state if state.first >= from => count += state.count,
            state if state.last >= from => on_both_sides.push(it.id),
            _ => {}
        });
        if on_both_sides.len() > FEW {
            return Ok(messages.count(from, &mut choice));
        }
        let each = on_both_sides.into_iter().map(|id| messages.count(from, &mut Choice::One(id)));
        Ok(count + each.sum::<u64>())
    }

    fn locate_found(&mut self, found: Option<u64>) -> Result<Option<(u64, Locator)>, StorageError> {
        let Some(sequence) = found else { return Ok(None) };
        Ok(self.locate(sequence)?.map(|locator| (sequence, locator)))
    }

    fn find_next(&mut self, filters: &[&[u8]], from: u64) -> Option<u64> {
        let messages = Messages(&self.segments);
        if let Some(subject) = literal(filters) {
            let id = self.subjects.id(subject)?;
            let SubjectState { first, last, .. } = self.subjects.bounds(id);
            return messages.next_in((from.max(first), last), &mut Choice::One(id));
        }
        let mut choice = self.subjects.choose(filters);
        if let near @ Some(_) = messages.next_in((from, from.saturating_add(NEAR)), &mut choice) {
            return near;
        }
        let behind = from.saturating_add(NEAR).saturating_add(1);
        match &mut choice {
            Choice::Matching(chosen) => {
                let mut ahead = Ahead::new(behind);
                chosen.visit(&mut |it| ahead.add(&it));
                ahead.find(&messages, &mut choice)
            }
            _ => messages.next_in((behind, u64::MAX), &mut choice),
        }
    }

    fn find_last(&mut self, filter: &[u8], up_to: u64) -> Option<u64> {
        if let Some(subject) = literal(&[filter]) {
            return self.last_on(subject, up_to);
        }
        let messages = Messages(&self.segments);
        let mut choice = self.subjects.choose(&[filter]);
        if let near @ Some(_) = messages.last_in((up_to.saturating_sub(NEAR), up_to), &mut choice) {
            return near;
        }
        let Choice::Matching(chosen) = &mut choice else { return None };
        let mut before = Before::new(up_to.checked_sub(NEAR + 1)?);
        chosen.visit(&mut |it| before.add(&it));
        let best = before.best_on_both_sides(&messages, &mut choice);
        self.best_of_stale(best, before.stale)
    }

    /// The last one of `best` and the last messages of subjects of which only bounds are known.
    fn best_of_stale(&mut self, mut best: Option<u64>, mut stale: Vec<(u64, SubjectId)>) -> Option<u64> {
        stale.retain(|(bound, _)| Some(*bound) > best);
        stale.sort_unstable_by(|one, other| other.cmp(one));
        if stale.len() > FEW {
            self.settle_lasts(&stale.iter().map(|(_, id)| *id).collect::<Vec<_>>());
        }
        for (bound, id) in stale {
            if Some(bound) <= best {
                break;
            }
            best = best.max(Some(self.subjects.settle_last(id, &Messages(&self.segments))));
        }
        best
    }
}

/// The only subject that some filters match, if that is plain.
fn literal<'a>(filters: &[&'a [u8]]) -> Option<&'a [u8]> {
    match filters {
        [one] if filter::is_literal(one) => Some(one),
        _ => None,
    }
}

/// Subjects with messages at or behind a sequence.
struct Ahead {
    from: u64,
    /// The first message of those that are known.
    best: Option<u64>,
    /// The others: from where on there may be one, and the subject, as far as they are few.
    start: u64,
    few: Vec<SubjectId>,
}

impl Ahead {
    fn new(from: u64) -> Self {
        Self { from, best: None, start: u64::MAX, few: Vec::new() }
    }

    fn add(&mut self, subject: &SubjectBounds) {
        let SubjectBounds { id, state, first_is_stale, .. } = *subject;
        if state.first >= self.from && !first_is_stale {
            self.best = Some(self.best.map_or(state.first, |best| best.min(state.first)));
        } else if state.last >= self.from {
            self.start = self.start.min(state.first.max(self.from));
            if self.few.len() <= FEW {
                self.few.push(id);
            }
        }
    }

    fn find(self, messages: &Messages<'_>, choice: &mut Choice<'_>) -> Option<u64> {
        let end = self.best.map_or(u64::MAX, |best| best.saturating_sub(1));
        let found = match self.few.len() {
            _ if self.start > end => None,
            0..=FEW => {
                let each = self.few.iter().filter_map(|&id| messages.next_in((self.start, end), &mut Choice::One(id)));
                each.min()
            }
            _ => messages.next_in((self.start, end), choice),
        };
        found.or(self.best)
    }
}

/// Subjects with messages at or before a sequence.
struct Before {
    up_to: u64,
    /// The last message of those that are known.
    best: Option<u64>,
    /// Subjects whose last message is somewhere up to a bound.
    stale: Vec<(u64, SubjectId)>,
    /// Subjects that have messages behind the sequence, too: where those in front of it begin, as far as they are few.
    start: u64,
    few: Vec<SubjectId>,
}

impl Before {
    fn new(up_to: u64) -> Self {
        Self { up_to, best: None, stale: Vec::new(), start: u64::MAX, few: Vec::new() }
    }

    fn add(&mut self, subject: &SubjectBounds) {
        let SubjectBounds { id, state, last_is_stale, .. } = *subject;
        if state.last > self.up_to {
            if state.first <= self.up_to {
                self.start = self.start.min(state.first);
                if self.few.len() <= FEW {
                    self.few.push(id);
                }
            }
        } else if last_is_stale {
            self.stale.push((state.last, id));
        } else {
            self.best = self.best.max(Some(state.last));
        }
    }

    /// The last one of those that are known and of those on both sides.
    fn best_on_both_sides(&self, messages: &Messages<'_>, choice: &mut Choice<'_>) -> Option<u64> {
        let range = (self.best.map_or(0, |best| best + 1).max(self.start), self.up_to);
        let found = match self.few.len() {
            0 => None,
            1..=FEW => self.few.iter().filter_map(|&id| messages.last_in(range, &mut Choice::One(id))).max(),
            _ => messages.last_in(range, choice),
        };
        found.max(self.best)
    }
}

/// So many sequences are looked through before subjects are.
const NEAR: u64 = 1024;
