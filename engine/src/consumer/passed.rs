//! What a consumer is over with because it was removed from its stream, while nothing says yet that the removal stays. If
//! the commit fails, it is there again when the log is read anew, and is delivered as if it had never been away.
//!
//! Whatever is delivered behind something that was passed over is in doubt until the same commit: no acknowledgement of it
//! is confirmed before. So what came back at or behind that place is found by going there again. What waited for its
//! acknowledgement may have others around it that were confirmed long ago: it is kept, each as it was.

use embus_storage::log::{Log, Position};
use embus_storage::message::Timestamp;

use super::Consumer;
use super::config::DeliverPolicy;
use super::cursor::Cursor;
use super::pending::Entry;
use super::rules::Acks;

/// What may come back.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// What the commit that is under way settles.
    older: Span,
    /// What the next one does.
    newer: Span,
}

/// What one commit settles.
#[derive(Debug, Default)]
struct Span {
    /// It is settled once the log is committed up to here.
    until: Position,
    /// Where the consumer was at the first removal: everything from there on was delivered behind it, if at all.
    place: Option<Place>,
    /// What waited for its acknowledgement.
    waiting: Vec<Entry>,
}

/// A place in the stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) next: u64,
    /// Where what is new begins, while the last messages of their subjects come first.
    pub(super) resume: Option<u64>,
}

impl Passed {
    /// Where to note what is seen now.
    fn span(&mut self, log: &Log) -> &mut Span {
        let Self { older, newer } = self;
        for span in [&mut *older, &mut *newer] {
            if span.until <= log.committed() {
                span.clear();
            }
        }
        if newer.until <= log.taken() {
            // The commit that is under way covers it.
            older.merge(newer);
        }
        newer.until = log.position();
        newer
    }

    /// Whether nothing of it is in doubt any more.
    fn is_settled(&self, log: &Log) -> bool {
        self.newer.until.max(self.older.until) <= log.committed()
    }
}

impl Span {
    fn clear(&mut self) {
        self.place = None;
        self.waiting.clear();
    }

    fn merge(&mut self, later: &mut Self) {
        self.until = self.until.max(later.until);
        self.place = self.place.or(later.place);
        self.waiting.append(&mut later.waiting);
        later.place = None;
    }
}

impl Consumer {
    /// Before where it is just now: what is gone as it begins may come back, too.
    pub(super) fn first_place(&self) -> Place {
        let place = self.cursor.place();
        match self.config.deliver_policy {
            DeliverPolicy::All | DeliverPolicy::ByStartSequence if self.progress.consumer_sequence == 0 => {
                Place { next: self.config.start_sequence.clamp(1, place.next), ..place }
            }
            _ => place,
        }
    }

    /// Something was removed that it may pass over from now on.
    #[cold]
    pub(super) fn note_passed(&mut self, place: Place, log: &Log) {
        if log.has_unsettled_removals() {
            self.passed.get_or_insert_default().span(log).place.get_or_insert(place);
        }
    }

    /// A message is gone that waited for its acknowledgement.
    #[cold]
    pub(super) fn note_gone(&mut self, entry: Entry, log: &Log) {
        if log.has_unsettled_removals() {
            self.passed.get_or_insert_default().span(log).waiting.push(entry);
        }
    }

    /// Somebody acknowledges a message that may be gone: it does not wait if it comes back.
    pub(super) fn settle_gone(&mut self, sequence: u64) {
        let Some(passed) = &mut self.passed else { return };
        let is_up_to = self.rules.acks == Acks::UpTo;
        let waits = |entry: &Entry| if is_up_to { entry.sequence > sequence } else { entry.sequence != sequence };
        passed.older.waiting.retain(waits);
        passed.newer.waiting.retain(waits);
    }

    /// Gives back the memory for what is settled.
    pub(super) fn forget_settled(&mut self, log: &Log) {
        if self.passed.as_ref().is_some_and(|passed| passed.is_settled(log)) {
            self.passed = None;
        }
    }

    /// The log was read anew, without what was not committed: what it passed over and is there again is to be delivered.
    /// Says whether there is something.
    pub fn handle_undone(&mut self, before: &Log, log: &mut Log, now: Timestamp) -> bool {
        let has_fallen = self.fall_back(before, log);
        self.cursor.forget_behind(log.last_sequence());
        let has_more = self.take_back_passed(before, log) || has_fallen;
        if has_more {
            self.is_caught_up = false;
            self.held_until = None;
            self.used_at = now;
            self.changes.whole();
        }
        has_more
    }

    /// A purge, or its own beginning, took it behind messages that were not committed, and never will be: others come with
    /// their sequences. Says whether that was so.
    fn fall_back(&mut self, before: &Log, log: &Log) -> bool {
        let behind = log.last_sequence() + 1;
        let starts_ahead = self.cursor.start > before.last_sequence() + 1
            || (self.cursor.start == self.config.start_sequence && self.config.start_sequence > 0);
        let next = if starts_ahead { behind.max(self.cursor.start) } else { behind };
        let has_fallen = self.cursor.fall_back(next);
        if has_fallen {
            self.progress.go_back(next, self.rules.acks);
        }
        has_fallen
    }

    fn take_back_passed(&mut self, before: &Log, log: &mut Log) -> bool {
        let Some(passed) = self.passed.take() else { return false };
        let is_back = |sequence, log: &Log| before.subject_of(sequence).is_none() && log.subject_of(sequence).is_some();
        let Passed { older, newer } = *passed;
        let spans = [older, newer].into_iter().filter(|span| span.until > before.committed());
        let (mut place, mut has_more): (Option<Place>, bool) = (None, false);
        for span in spans {
            place = place.or(span.place);
            for entry in span.waiting {
                if is_back(entry.sequence, log) && self.progress.take_back(entry) {
                    has_more = true;
                }
            }
        }
        if let Some(place) = place
            && let Some(first) = self.first_passed(place.next, is_back, log)
        {
            self.go_back(Place { next: first, ..place }, log);
            has_more = true;
        }
        has_more
    }

    /// The first message that came back and that it has passed over.
    fn first_passed(&self, from: u64, is_back: impl Fn(u64, &Log) -> bool, log: &mut Log) -> Option<u64> {
        let up_to = self.cursor.passed_to();
        let mut from = from;
        // One that can't be read now could not be delivered, either.
        while let Ok(Some((sequence, _))) = self.rules.with_filters(|filters| log.next_within(filters, from, up_to)) {
            if is_back(sequence, log) && self.progress.pending.find(sequence, 0).is_none() {
                return Some(sequence);
            }
            from = sequence + 1;
        }
        None
    }

    /// What it delivered from there on was in doubt, and is delivered anew.
    pub(super) fn go_back(&mut self, place: Place, log: &mut Log) {
        let start = self.cursor.start;
        self.progress.go_back(place.next, self.rules.acks);
        self.cursor = Cursor::at(place.next, log);
        self.cursor.start = start.min(place.next);
        if let Some(resume) = place.resume
            && let Err(error) = self.cursor.find_latest(resume.min(log.last_sequence()), &self.rules, log)
        {
            tracing::warn!(%error, "the last messages of their subjects could not be found again");
        }
    }
}
