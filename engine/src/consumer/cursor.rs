//! Where in its stream a consumer is, and how many messages it has before it.
//!
//! Each message is counted once, when it becomes visible; what is delivered or removed is counted out. Only when the log
//! has lost track of what was removed, everything is counted anew.
//!
//! Whoever asks for no acknowledgements reads until nothing is before it, to know what there is: there, a message counts as
//! soon as it is stored. What it replaces is removed in the same moment, long before it becomes visible, and a subject that
//! always has a message would have none in between.

mod latest;

use embus_storage::error::StorageError;
use embus_storage::log::{Locator, Log, RemovalMark, Run, RunLimit};

use super::config::{ConsumerConfig, DeliverPolicy};
use super::passed::Place;
use super::rules::{Acks, Rules};
use super::step::Scene;
pub(super) use latest::Latest;

/// The position of a consumer.
#[derive(Debug)]
pub(super) struct Cursor {
    /// Nothing below it is delivered for the first time any more.
    next: u64,
    /// Where it began, or was reset to.
    pub(super) start: u64,
    /// Messages that it wants, from `next` to `counted_to`.
    count: u64,
    counted_to: u64,
    /// Removals before it are counted out.
    mark: RemovalMark,
    /// The last messages of their subjects, which come before all that is new.
    latest: Option<Box<Latest>>,
    /// Up to here only those come, or came.
    latest_to: u64,
}

impl Cursor {
    /// Where the deliver policy says.
    pub(super) fn begin(config: &ConsumerConfig, rules: &Rules, log: &mut Log) -> Result<Self, StorageError> {
        let mut cursor = Self::at(start(config, rules, log)?, log);
        if config.deliver_policy == DeliverPolicy::LastPerSubject {
            let resume = log.last_sequence();
            cursor.find_latest(resume, rules, log)?;
            // Without any it begins at the last message, which it does not want, or behind all that are gone.
            // [nats-server 2.15.1, probed]
            let last = resume.max(log.first_sequence()).max(1);
            cursor.start = cursor.latest.as_deref().and_then(Latest::first).unwrap_or(last);
        }
        Ok(cursor)
    }

    /// At a sequence, with nothing counted.
    pub(super) fn at(next: u64, log: &mut Log) -> Self {
        log.watch_removals(true);
        Self { next, start: next, count: 0, counted_to: next - 1, mark: log.removal_mark(), latest: None, latest_to: 0 }
    }

    /// Looks up the last messages of all subjects, as they were when `resume` was the last message.
    pub(super) fn find_latest(&mut self, resume: u64, rules: &Rules, log: &mut Log) -> Result<(), StorageError> {
        let latest = Latest::find(self.next, resume, rules, log)?;
        self.count = latest.len();
        (self.counted_to, self.latest_to) = (resume, resume);
        self.latest = Some(Box::new(latest));
        self.leave_latest();
        Ok(())
    }

    /// Messages before it.
    pub(super) fn pending(&self) -> u64 {
        self.count
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Where what is new begins, while it is busy with the last messages of their subjects.
    pub(super) fn resume(&self) -> Option<u64> {
        self.latest.as_deref().map(Latest::resume)
    }

    /// The same for when it was at `sequence`.
    pub(super) fn resume_at(&self, sequence: u64) -> Option<u64> {
        Some(self.latest_to).filter(|latest_to| sequence <= *latest_to)
    }

    /// Whether something was removed that it does not know of.
    #[inline]
    pub(super) fn is_behind(&self, log: &Log) -> bool {
        log.removal_mark() != self.mark
    }

    /// What came behind this sequence was not committed, and never will be; others may have the same sequences.
    pub(super) fn forget_behind(&mut self, last: u64) {
        self.counted_to = self.counted_to.min(last.max(self.next - 1));
        self.latest_to = self.latest_to.min(last);
        if let Some(latest) = &mut self.latest {
            latest.forget_behind(last);
        }
        self.leave_latest();
    }

    /// Nothing from `next` on has ever been there. Says whether it had come further.
    pub(super) fn fall_back(&mut self, next: u64) -> bool {
        let was_ahead = self.next > next;
        (self.next, self.start) = (self.next.min(next), self.start.min(next));
        was_ahead
    }

    /// Where it is.
    pub(super) fn place(&self) -> Place {
        Place { next: self.next, resume: self.resume() }
    }

    /// It may have passed over messages up to here.
    pub(super) fn passed_to(&self) -> u64 {
        self.resume().unwrap_or(self.next - 1)
    }

    /// Learns of removals and of what has come. `removed` is told which messages are gone that were delivered.
    /// Says whether it knows; else everything is to be looked at again.
    #[inline]
    pub(super) fn observe(&mut self, rules: &Rules, log: &mut Log, visible: u64, removed: &mut dyn FnMut(u64)) -> bool {
        let is_known = log.removal_mark() == self.mark || self.count_out(rules, log, removed);
        let has_failed = log.failure().is_some();
        if has_failed && self.counted_to > visible {
            self.forget_behind(visible);
            self.recount(rules, log);
        }
        let counts_to = if rules.acks == Acks::None && !has_failed { log.last_sequence() } else { visible };
        if counts_to > self.counted_to {
            let from = (self.counted_to + 1).max(self.next);
            self.count += rules.with_filters(|filters| log.count_within(filters, from, counts_to));
            self.counted_to = counts_to;
        }
        is_known
    }

    fn count_out(&mut self, rules: &Rules, log: &mut Log, removed: &mut dyn FnMut(u64)) -> bool {
        let Some(removals) = log.removals_since(self.mark) else {
            self.recount(rules, log);
            return false;
        };
        let mut count = self.count;
        for (sequence, subject) in removals {
            if self.counts(sequence) && rules.wants(subject) {
                count = count.saturating_sub(1);
            } else if sequence < self.next {
                removed(sequence);
            }
        }
        self.count = count;
        self.mark = log.removal_mark();
        true
    }

    /// Whether a message that it wants is one of those counted.
    fn counts(&self, sequence: u64) -> bool {
        match &self.latest {
            Some(latest) if sequence <= latest.resume() => latest.contains(sequence),
            _ => self.next <= sequence && sequence <= self.counted_to,
        }
    }

    /// Whether a message that it wants, if there is one of that sequence, is yet to come.
    pub(super) fn has_before(&self, sequence: u64) -> bool {
        match &self.latest {
            Some(latest) if sequence <= latest.resume() => latest.contains(sequence),
            _ => self.next <= sequence,
        }
    }

    /// It wants something else from now on.
    pub(super) fn refilter(&mut self, rules: &Rules, log: &mut Log) -> Result<(), StorageError> {
        let Some(latest) = &self.latest else {
            self.recount(rules, log);
            return Ok(());
        };
        // Those that it has delivered are before the first one that it has not.
        self.next = self.next.max(latest.first().unwrap_or(self.next));
        let resume = latest.resume();
        self.find_latest(resume, rules, log)
    }

    /// Counts everything anew.
    pub(super) fn recount(&mut self, rules: &Rules, log: &mut Log) {
        let listed = self.latest.as_ref().map_or(0, |latest| latest.count_live(log));
        let from = self.resume().map_or(self.next, |resume| resume + 1);
        let counted_to = self.counted_to;
        self.count = listed + rules.with_filters(|filters| log.count_within(filters, from, counted_to));
        self.mark = log.removal_mark();
    }

    /// The next message for a first delivery.
    #[inline]
    pub(super) fn peek(&mut self, rules: &Rules, scene: &mut Scene<'_>) -> Result<Option<Locator>, StorageError> {
        let Scene { log, visible, .. } = scene;
        if self.count == 0 {
            return Ok(None);
        }
        while let Some(sequence) = self.latest.as_deref().and_then(Latest::first) {
            if sequence > *visible {
                return Ok(None);
            }
            if let Some(locator) = log.locate(sequence)? {
                return Ok(Some(locator));
            }
            self.skip_latest();
        }
        let (next, up_to) = (self.next, self.counted_to.min(*visible));
        let found = rules.with_filters(|filters| log.next_within(filters, next, up_to))?;
        if found.is_none() && *visible >= self.counted_to {
            debug_assert!(false, "counted {} where nothing is", self.count);
            self.recount(rules, log);
        }
        Ok(found.map(|(sequence, locator)| {
            // Nothing in between is looked at again.
            self.next = sequence;
            locator
        }))
    }

    /// What [`peek`](Self::peek) found is delivered.
    #[inline]
    pub(super) fn take(&mut self, sequence: u64) {
        if self.latest.is_some() {
            self.skip_latest();
        }
        self.next = self.next.max(sequence + 1);
        self.count = self.count.saturating_sub(1);
    }

    /// Several messages for their first delivery. Nothing where they are not next to each other: then
    /// [`peek`](Self::peek) finds the next one.
    pub(super) fn next_run(&self, rules: &Rules, limit: RunLimit, scene: &mut Scene<'_>) -> Option<Run> {
        if self.count == 0 || self.latest.is_some() {
            return None;
        }
        let up_to = self.counted_to.min(scene.visible);
        rules.with_filters(|filters| scene.log.run_within(filters, self.next, up_to, limit))
    }

    /// A run that was found, up to its last message, is delivered.
    pub(super) fn take_run(&mut self, last_sequence: u64, messages: u64) {
        self.next = self.next.max(last_sequence + 1);
        self.count = self.count.saturating_sub(messages);
    }

    /// Nothing before `sequence` is wanted, and nothing is counted.
    pub(super) fn skip_to(&mut self, sequence: u64) {
        if self.count == 0 && self.latest.is_none() && sequence > self.counted_to {
            self.next = self.next.max(sequence);
            self.counted_to = sequence - 1;
        }
    }

    /// Everything below the log's first message was taken away by a purge. Says whether it had not come so far.
    pub(super) fn follow_purge(&mut self, log: &Log) -> bool {
        let is_behind = log.first_sequence() > self.next;
        self.next = self.next.max(log.first_sequence());
        is_behind
    }

    fn skip_latest(&mut self) {
        if let Some(latest) = &mut self.latest {
            latest.skip();
        }
        self.leave_latest();
    }

    fn leave_latest(&mut self) {
        if let Some(latest) = &self.latest
            && latest.first().is_none()
        {
            self.next = self.next.max(latest.resume() + 1);
            self.latest = None;
        }
    }
}

/// The first sequence that it may deliver.
fn start(config: &ConsumerConfig, rules: &Rules, log: &mut Log) -> Result<u64, StorageError> {
    let (first, behind) = (log.first_sequence().max(1), log.last_sequence() + 1);
    Ok(match config.deliver_policy {
        DeliverPolicy::All | DeliverPolicy::LastPerSubject => first,
        DeliverPolicy::New => behind,
        // One that lies ahead is waited for.
        DeliverPolicy::ByStartSequence => config.start_sequence.max(first),
        DeliverPolicy::ByStartTime => match config.start_time {
            Some(time) => log.sequence_at(time.as_timestamp())?.max(first),
            None => first,
        },
        DeliverPolicy::Last => {
            let last = rules.with_filters(|filters| log.last_within(filters, first, behind))?;
            // Differs from nats-server, which begins with the first one then: that would bring what is old.
            last.map_or(behind, |(sequence, _)| sequence)
        }
    })
}
