//! What must be in one stream, may be in it, and must not: known from the answers alone.

use std::collections::{BTreeMap, BTreeSet};

use embus_protocol::filter;

use super::message::{Attempt, Fate};
use super::slots::{Bounds, Config, WINDOW};

/// One stream from its creation to its end.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) incarnation: u32,
    /// Sequences that were acknowledged or read, and that nothing is known to have removed.
    kept: BTreeSet<u64>,
    /// Whose a sequence is, for ever.
    owners: BTreeMap<u64, usize>,
    /// Sequences that were told as those of a duplicate, with its id.
    promised: BTreeMap<u64, String>,
    /// Sequences whose messages are removed for good.
    gone: BTreeSet<u64>,
    /// Removals since the last look, answered or not.
    removals: Vec<Removal>,
    /// The tightest limits since then.
    tight: Bounds,
    /// The last sequence known then.
    looked_to: u64,
}

/// A request to remove messages.
#[derive(Debug, Clone)]
pub(crate) struct Removal {
    pub(crate) filter: Option<String>,
    pub(crate) from: u64,
    pub(crate) below: u64,
    pub(crate) keep: u64,
}

/// What a restart may have cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leniency {
    /// Nothing.
    None,
    /// What was acknowledged last, as it was not synced.
    Suffix,
}

impl Model {
    pub(crate) fn new(incarnation: u32, config: &Config) -> Self {
        let mut tight = Bounds::NONE;
        tight.tighten(config);
        Self {
            incarnation,
            kept: BTreeSet::new(),
            owners: BTreeMap::new(),
            promised: BTreeMap::new(),
            gone: BTreeSet::new(),
            removals: Vec::new(),
            tight,
            looked_to: 0,
        }
    }

    pub(crate) fn last(&self) -> u64 {
        self.owners.keys().next_back().copied().unwrap_or(0)
    }

    pub(crate) fn tighten(&mut self, config: &Config) {
        self.tight.tighten(config);
    }

    /// Somebody was told that the message `number` has this sequence.
    pub(crate) fn own(&mut self, sequence: u64, number: usize) {
        let owner = *self.owners.entry(sequence).or_insert(number);
        assert_eq!(owner, number, "sequence {sequence} was given to two messages");
        let before = self.owners.range(..sequence).next_back();
        assert!(
            before.is_none_or(|(_, before)| *before < number),
            "{number} at {sequence} is out of order: {before:?}"
        );
        let behind = self.owners.range(sequence + 1..).next();
        assert!(
            behind.is_none_or(|(_, behind)| *behind > number),
            "{number} at {sequence} is out of order: {behind:?}"
        );
    }

    pub(crate) fn acknowledge(&mut self, sequence: u64, number: usize) {
        self.own(sequence, number);
        assert!(sequence > self.looked_to || self.kept.contains(&sequence), "{sequence} was not there a while ago");
        self.kept.insert(sequence);
    }

    /// A message that was sent with `id` is said to be there at `sequence`.
    pub(crate) fn promise(&mut self, sequence: u64, id: &str, attempts: &[Attempt]) {
        match self.owners.get(&sequence) {
            Some(owner) => {
                let stored = attempts[*owner].id.as_deref();
                assert_eq!(stored, Some(id), "{sequence} is no duplicate");
            }
            None if sequence > self.looked_to => {
                self.promised.insert(sequence, id.to_owned());
                self.kept.insert(sequence);
            }
            None => {}
        }
    }

    /// A removal is asked for: returns what it certainly covers.
    pub(crate) fn ask_removal(&mut self, removal: Removal, attempts: &[Attempt]) -> Vec<u64> {
        let covers = |sequence: &u64| removal.keep == 0 && self.covers(&removal, *sequence, attempts);
        let covered = self.owners.keys().copied().filter(covers).collect();
        self.removals.push(removal);
        covered
    }

    pub(crate) fn removed(&mut self, sequences: &[u64]) {
        for sequence in sequences {
            self.gone.insert(*sequence);
            self.kept.remove(sequence);
        }
    }

    pub(crate) fn random_sequence(&self, rng: &mut fastrand::Rng) -> u64 {
        let kept: Vec<u64> = self.kept.iter().copied().collect();
        if kept.is_empty() || rng.u8(..8) == 0 { rng.u64(1..self.last() + 3) } else { kept[rng.usize(..kept.len())] }
    }

    fn covers(&self, removal: &Removal, sequence: u64, attempts: &[Attempt]) -> bool {
        let subject = self.owners.get(&sequence).map(|owner| attempts[*owner].subject.as_str());
        (removal.from..removal.below).contains(&sequence)
            && removal
                .filter
                .as_ref()
                .zip(subject)
                .is_none_or(|(filter, subject)| filter::matches(filter.as_bytes(), subject.as_bytes()))
    }

    /// Compares with all that the stream shows; from then on just that is known to be there.
    pub(crate) fn look(
        &mut self,
        present: &BTreeMap<u64, usize>,
        configs: &[Config],
        leniency: Leniency,
        attempts: &mut [Attempt],
    ) {
        for (&sequence, &number) in present {
            self.check_present(sequence, number, leniency, attempts);
        }
        check_twins(present, attempts);
        if leniency == Leniency::Suffix {
            self.forget_suffix(present, attempts);
        }
        let last = present.keys().next_back().copied().unwrap_or(0);
        let last_number = present.values().next_back().copied().unwrap_or(0);
        let missing: Vec<u64> = self.kept.iter().copied().filter(|kept| !present.contains_key(kept)).collect();
        for sequence in missing {
            if leniency == Leniency::Suffix && sequence > last {
                continue;
            }
            assert!(
                self.may_miss(sequence, last_number, attempts),
                "acknowledged {sequence} is lost, {:?} is there",
                present.keys()
            );
        }
        check_limits(present, configs, attempts);
        self.rebase(present, configs);
    }

    /// What was acknowledged last may be lost, ids and all.
    fn forget_suffix(&self, present: &BTreeMap<u64, usize>, attempts: &mut [Attempt]) {
        let last = present.keys().next_back().copied().unwrap_or(0);
        for &number in self.owners.range(last + 1..).map(|(_, number)| number) {
            attempts[number].fate = Fate::Unknown;
        }
    }

    fn check_present(&mut self, sequence: u64, number: usize, leniency: Leniency, attempts: &[Attempt]) {
        let attempt = &attempts[number];
        assert_eq!(attempt.incarnation, self.incarnation, "{sequence} is of a stream that was deleted");
        assert!(
            !matches!(attempt.fate, Fate::Refused | Fate::Full),
            "{number} at {sequence} was refused, and is there"
        );
        if let Fate::Duplicate(other) = attempt.fate {
            assert_eq!(other, sequence, "{number} was a duplicate, and is there");
        }
        self.own(sequence, number);
        if let Some(id) = self.promised.get(&sequence) {
            assert_eq!(attempt.id.as_ref(), Some(id), "{sequence} is not the promised duplicate");
        }
        if self.gone.contains(&sequence) {
            assert_eq!(leniency, Leniency::Suffix, "{sequence} was removed, and is there again");
            self.gone.remove(&sequence);
        }
    }

    /// Whether a removal or a limit can have taken it.
    fn may_miss(&self, sequence: u64, last_number: usize, attempts: &[Attempt]) -> bool {
        if self.removals.iter().any(|removal| self.covers(removal, sequence, attempts)) {
            return true;
        }
        let Some(&owner) = self.owners.get(&sequence) else {
            // A promised duplicate of which nothing else is known.
            return self.tight.messages < u64::MAX || self.tight.bytes < u64::MAX || self.tight.per_subject < u64::MAX;
        };
        let own = &attempts[owner];
        let behind = || self.owners.range(sequence + 1..).map(|(_, number)| &attempts[*number]);
        // Messages of which nobody knows what became: they may have evicted others before they were removed.
        let until = if self.removals.is_empty() { last_number } else { attempts.len() };
        let unsure = attempts[owner..until.max(owner)].iter().filter(|attempt| {
            let is_here = attempt.slot == own.slot && attempt.incarnation == own.incarnation;
            is_here && matches!(attempt.fate, Fate::Unknown | Fate::Waiting)
        });
        let later = || behind().chain(unsure.clone());
        let count = later().count() as u64;
        let on_subject = later().filter(|attempt| attempt.subject == own.subject).count() as u64;
        let bytes: u64 = later().map(Attempt::size).sum();
        count >= self.tight.messages || on_subject >= self.tight.per_subject || bytes + own.size() > self.tight.bytes
    }

    fn rebase(&mut self, present: &BTreeMap<u64, usize>, configs: &[Config]) {
        self.looked_to = self.last();
        let present_keys: BTreeSet<u64> = present.keys().copied().collect();
        let owned = self.owners.keys().copied().filter(|sequence| !present_keys.contains(sequence));
        self.gone.extend(owned);
        self.kept = present_keys;
        self.promised.clear();
        self.removals.clear();
        self.tight = Bounds::NONE;
        for config in configs {
            self.tight.tighten(config);
        }
    }
}

/// No id is there twice within the time that it is known.
fn check_twins(present: &BTreeMap<u64, usize>, attempts: &[Attempt]) {
    let mut last: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (&sequence, &number) in present {
        let attempt = &attempts[number];
        let Some(id) = &attempt.id else { continue };
        if let Some((before, time)) = last.insert(id, (sequence, attempt.time)) {
            let is_known = attempt.time - time < u64::try_from(WINDOW.as_nanos()).unwrap_or(u64::MAX);
            assert!(!is_known, "{before} and {sequence} have one id");
        }
    }
}

fn check_limits(present: &BTreeMap<u64, usize>, configs: &[Config], attempts: &[Attempt]) {
    let bounds = Bounds::loosest(configs);
    let of = || present.values().map(|number| &attempts[*number]);
    assert!(present.len() as u64 <= bounds.messages, "{} messages, {bounds:?}", present.len());
    let bytes: u64 = of().map(Attempt::size).sum();
    assert!(bytes <= bounds.bytes, "{bytes} bytes, {bounds:?}");
    let mut subjects: BTreeMap<&str, u64> = BTreeMap::new();
    for attempt in of() {
        *subjects.entry(&attempt.subject).or_default() += 1;
    }
    assert!(subjects.values().all(|count| *count <= bounds.per_subject), "{subjects:?}, {bounds:?}");
}
