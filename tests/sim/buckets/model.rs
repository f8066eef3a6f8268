//! What the histories of the keys must be.

use std::collections::BTreeMap;

use embus_kv::{Entry, Operation};

use super::change::{Change, Condition, Fate, KEYS, number_of};

/// What is known of the bucket.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// How many entries it keeps of a key.
    pub(super) limit: usize,
    pub(super) changes: Vec<Change>,
    /// Of each key: the changes that are known to be stored, by revision. Some may be gone again.
    histories: BTreeMap<usize, BTreeMap<u64, usize>>,
}

/// How things stood when a program began to read.
#[derive(Debug, Clone)]
pub(super) struct Before {
    /// Changes that began before it.
    began: usize,
    /// Those of them that were still under way.
    running: Vec<usize>,
    /// The last change of each key.
    last: BTreeMap<usize, (u64, usize)>,
}

impl Model {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    pub(super) fn history_of(&self, key: usize) -> impl DoubleEndedIterator<Item = (u64, &Change)> {
        self.histories.get(&key).into_iter().flatten().map(|(revision, number)| (*revision, &self.changes[*number]))
    }

    /// A change is stored, in place of the one that it expected.
    pub(super) fn stored(&mut self, number: usize, revision: u64, expected: Option<u64>, now: u64) {
        let change = &mut self.changes[number];
        (change.fate, change.ended_at) = (Fate::Stored(revision), now);
        if let Some(expected) = expected {
            change.condition = Condition::Last(expected);
        }
        let before = self.histories.entry(change.key).or_default().insert(revision, number);
        assert!(before.is_none(), "revision {revision} was given twice");
    }

    /// The broker is gone: nobody knows what became of what was under way.
    pub(super) fn end(&mut self, now: u64) {
        for change in self.changes.iter_mut().filter(|change| change.fate == Fate::Running) {
            (change.fate, change.ended_at) = (Fate::Unknown, now);
        }
    }

    pub(super) fn now_reading(&self) -> Before {
        let is_running = |number: &usize| self.changes[*number].fate == Fate::Running;
        let last = self.histories.iter().filter_map(|(key, history)| {
            history.last_key_value().map(|(revision, number)| (*key, (*revision, *number)))
        });
        let running = (0..self.changes.len()).filter(is_running).collect();
        Before { began: self.changes.len(), running, last: last.collect() }
    }

    /// What others may have done to a key since then.
    fn meanwhile<'a>(&'a self, before: &'a Before, key: usize) -> impl Iterator<Item = &'a Change> {
        let began_later = self.changes.iter().skip(before.began);
        let ran = before.running.iter().map(|number| &self.changes[*number]);
        began_later.chain(ran).filter(move |change| change.key == key && change.fate != Fate::Refused)
    }

    /// Whether a key had a value all the time since then; nothing if nobody knows.
    pub(super) fn had_value_since(&self, before: &Before, key: usize) -> Option<bool> {
        let last = before.last.get(&key).map(|(_, number)| &self.changes[*number]);
        let lasts = |change: &Change| change.time_to_live.is_none();
        match last {
            Some(last) if last.is_put() => {
                let keeps = |change: &Change| change.is_put() && lasts(change);
                let is_sure = lasts(last) && !self.may_have_gone(key, last);
                (is_sure && self.meanwhile(before, key).all(keeps)).then_some(true)
            }
            _ => self.meanwhile(before, key).all(|change| !change.is_put()).then_some(false),
        }
    }

    /// Whether somebody may have purged a key behind a change: the mark of that may have expired before anybody saw it, or
    /// look like one of the stream.
    fn may_have_gone(&self, key: usize, change: &Change) -> bool {
        let purges = |it: &&Change| it.key == key && it.operation == Operation::Purge;
        self.changes.iter().filter(purges).any(|it| it.fate == Fate::Lost && it.ended_at >= change.began_at)
    }

    /// What a program reads that asks for the last entry of a key.
    pub(super) fn check_read(&self, key: usize, before: &Before, found: Option<&Entry>) {
        let Some(entry) = found else {
            assert_ne!(self.had_value_since(before, key), Some(true), "{} has a value and is not read", KEYS[key]);
            return;
        };
        self.check_entry(key, entry);
        let expires = self.history_of(key).any(|(_, change)| change.time_to_live.is_some());
        let least = before.last.get(&key).map_or(0, |(revision, _)| *revision);
        assert!(expires || entry.revision >= least, "{entry:?} is read, and {least} was there");
    }

    fn check_entry(&self, key: usize, entry: &Entry) {
        if entry.operation != Operation::Put {
            assert!(entry.value.is_empty(), "{entry:?}");
            return;
        }
        let number = number_of(&entry.value).filter(|number| *number < self.changes.len());
        let change = number.map(|number| &self.changes[number]).expect("somebody put it");
        assert!(change.key == key && change.is_put() && change.fate != Fate::Refused, "{entry:?} is {change:?}");
        let other = match change.fate {
            Fate::Stored(revision) => revision != entry.revision,
            _ => false,
        };
        assert!(!other, "{entry:?} is {change:?}");
    }

    /// The history of a key while nobody is at work.
    pub(super) fn check_history(&mut self, key: usize, entries: &[Entry], now: u64) {
        assert!(entries.len() <= self.limit, "{} entries of {} are kept", entries.len(), KEYS[key]);
        assert!(entries.is_sorted_by(|one, other| one.revision < other.revision), "{entries:?}");
        for entry in entries {
            self.check_entry(key, entry);
            self.adopt(key, entry, now);
        }
        self.settle(key);
        for (revision, change) in self.history_of(key) {
            let is_there = entries.iter().any(|entry| entry.revision == revision);
            let must_be = self.must_be_there(key, revision, change, now);
            assert!(is_there || !must_be, "{revision}, {change:?}, is not in its history: {entries:?}");
            let may_be = !change.is_over(now) && !self.is_purged(key, revision);
            assert!(!is_there || may_be, "{revision}, {change:?}, should be gone: {entries:?}");
        }
        self.check_conditions(key);
    }

    /// Notes what an entry is, if nobody was told.
    fn adopt(&mut self, key: usize, entry: &Entry, now: u64) {
        let known = self.histories.get(&key).and_then(|history| history.get(&entry.revision));
        if let Some(number) = known {
            assert_eq!(self.changes[*number].operation, entry.operation, "{entry:?}");
            return;
        }
        if self.may_be_marker(key, entry, now) {
            return;
        }
        let number = if entry.operation == Operation::Put { number_of(&entry.value) } else { self.unknown(key, entry) };
        let number = number.unwrap_or_else(|| panic!("nobody wrote {entry:?}"));
        let Change { fate, ended_at, .. } = self.changes[number];
        assert_eq!(fate, Fate::Unknown, "{entry:?} is {:?}", self.changes[number]);
        self.stored(number, entry.revision, None, ended_at);
    }

    /// A removal of which nobody knows that it was stored: the first one, as they are all the same.
    fn unknown(&self, key: usize, entry: &Entry) -> Option<usize> {
        self.changes.iter().position(|it| it.key == key && it.operation == entry.operation && it.fate == Fate::Unknown)
    }

    /// Whether the stream wrote it in the place of what expired.
    fn may_be_marker(&self, key: usize, entry: &Entry, now: u64) -> bool {
        let expires = |change: &&Change| change.key == key && change.is_put() && change.may_be_over(now);
        entry.operation == Operation::Purge && self.changes.iter().any(|change| expires(&change))
    }

    /// What is not there now never will be.
    fn settle(&mut self, key: usize) {
        for change in self.changes.iter_mut().filter(|it| it.key == key && it.fate == Fate::Unknown) {
            change.fate = Fate::Lost;
        }
    }

    fn must_be_there(&self, key: usize, revision: u64, change: &Change, now: u64) -> bool {
        let later = self.history_of(key).filter(|(other, _)| *other > revision).count();
        // What is lost may have been there, and have taken it along.
        let is_lost =
            |other: &&Change| other.key == key && other.fate == Fate::Lost && other.ended_at >= change.began_at;
        let lost = self.changes.iter().filter(is_lost);
        let lost_purges = lost.clone().filter(|other| other.operation == Operation::Purge).count();
        let is_kept = later + lost.count() < self.limit && lost_purges == 0;
        is_kept && !change.may_be_over(now) && !self.is_purged(key, revision)
    }

    fn is_purged(&self, key: usize, revision: u64) -> bool {
        self.history_of(key).any(|(other, change)| other > revision && change.operation == Operation::Purge)
    }

    /// Whether what was conditional was stored where that was so.
    fn check_conditions(&self, key: usize) {
        if self.changes.iter().any(|change| change.key == key && change.fate == Fate::Lost) {
            // Any of these may have been in between.
            return;
        }
        for (revision, change) in self.history_of(key) {
            let is_met = match (change.condition, self.last_before(key, revision, change.ended_at)) {
                (Condition::Absent, Some((_, before))) => !before.is_put(),
                // What was read may be a marker, which is not known here.
                (Condition::Last(expected), Some((before, _))) => before <= expected,
                _ => true,
            };
            assert!(
                is_met,
                "{revision}, {change:?}, was stored where something else was: {:?}",
                self.histories.get(&key)
            );
        }
    }

    /// The last change of a key before a revision, as far as that is known: what may have expired by then is passed over,
    /// and has taken along what it replaced.
    fn last_before(&self, key: usize, revision: u64, now: u64) -> Option<(u64, &Change)> {
        let earlier = self.history_of(key).rev().filter(|(before, _)| *before < revision);
        for (passed, (before, change)) in earlier.enumerate() {
            if !change.may_be_over(now) {
                return (passed < self.limit).then_some((before, change));
            }
            if change.operation == Operation::Purge {
                return None;
            }
        }
        None
    }
}
