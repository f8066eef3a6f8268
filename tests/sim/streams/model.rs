//! What must be in one stream, may be in it, and must not: known from the answers alone.

use std::collections::{BTreeMap, BTreeSet};

use super::loss::Removal;
use super::message::{Attempt, Fate, Undoing};
use super::slots::{Bounds, Config, SECOND, WINDOW};

/// One stream from its creation to its end.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) incarnation: u32,
    /// Sequences that were acknowledged or read, and that nothing is known to have removed.
    pub(super) kept: BTreeSet<u64>,
    /// Whose a sequence is, for ever.
    pub(super) owners: BTreeMap<u64, usize>,
    /// Sequences that were told as those of a duplicate, with its id.
    pub(super) promised: BTreeMap<u64, String>,
    /// Sequences whose messages are removed for good.
    gone: BTreeSet<u64>,
    /// Those of them that somebody asked to remove and was told so.
    removed: BTreeSet<u64>,
    /// Sequences that a failed sync took, of a stream that does not wait for syncs.
    lost: BTreeSet<u64>,
    /// Whether a sync may have failed since the last look, of a stream that does not wait for syncs.
    pub(crate) is_lossy: bool,
    /// Whether a process ended since a sync may have failed: the marks that tell of sequences went with it.
    may_give_again: bool,
    /// Messages whose sequences others got since, of which nobody knows anything any more.
    stale: Vec<usize>,
    /// What was acknowledged up to here survives whatever happens.
    durable_to: u64,
    /// Removals since the last look, answered or not.
    pub(super) removals: Vec<Removal>,
    pub(super) last_removal: u64,
    /// The tightest limits since then.
    pub(super) tight: Bounds,
    /// The last sequence known then, and when that was.
    looked_to: u64,
    pub(super) looked_at: u64,
}

/// What a restart or a disk may have cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leniency {
    /// Nothing.
    None,
    /// What was acknowledged last, as it was not synced.
    Suffix,
    /// Any of what was acknowledged and not synced: a sync that fails tells the kernel to forget pages, and which ones is
    /// chance. Only where acknowledgements do not wait for syncs: contract 12 is about those that do.
    Holes,
}

/// All that a stream shows, and what is known beside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) present: &'a BTreeMap<u64, usize>,
    pub(crate) configs: &'a [Config],
    pub(crate) leniency: Leniency,
    pub(crate) now: u64,
    /// Whether the disk is well and everything due was done.
    pub(crate) is_settled: bool,
}

impl Look<'_> {
    /// The last one that somebody published: markers are put behind it in a recovery.
    fn last(&self, attempts: &[Attempt]) -> u64 {
        let is_published = |(_, number): &(&u64, &usize)| !attempts[**number].is_marker;
        self.present.iter().rev().find(is_published).map_or(0, |(sequence, _)| *sequence)
    }
}

impl Model {
    pub(crate) fn new(incarnation: u32, config: &Config) -> Self {
        Self {
            incarnation,
            kept: BTreeSet::new(),
            owners: BTreeMap::new(),
            promised: BTreeMap::new(),
            gone: BTreeSet::new(),
            removed: BTreeSet::new(),
            lost: BTreeSet::new(),
            is_lossy: false,
            may_give_again: false,
            stale: Vec::new(),
            durable_to: 0,
            removals: Vec::new(),
            last_removal: 0,
            tight: Bounds::evicting(config),
            looked_to: 0,
            looked_at: 0,
        }
    }

    pub(crate) fn last(&self) -> u64 {
        self.owners.keys().next_back().copied().unwrap_or(0)
    }

    /// The last one that no sync may have taken.
    pub(crate) fn last_that_counts(&self) -> u64 {
        self.owners.keys().rev().copied().find(|sequence| !self.lost.contains(sequence)).unwrap_or(0)
    }

    /// Whether a sync may have lost it.
    pub(crate) fn is_in_doubt(&self, sequence: u64) -> bool {
        sequence > self.durable_to
    }

    pub(crate) fn owner(&self, sequence: u64) -> Option<usize> {
        self.owners.get(&sequence).copied()
    }

    pub(crate) fn tighten(&mut self, config: &Config) {
        self.tight.tighten(config);
    }

    /// Everything acknowledged so far was synced since.
    pub(crate) fn all_durable(&mut self) {
        self.durable_to = self.kept.last().copied().unwrap_or(0).max(self.durable_to);
    }

    /// Somebody was told that the message `number` has this sequence.
    pub(crate) fn own(&mut self, sequence: u64, number: usize, attempts: &[Attempt]) {
        if self.may_give_again && (self.is_lossy || self.lost.contains(&sequence)) {
            self.give_up_stale(sequence, number);
        }
        let owner = *self.owners.entry(sequence).or_insert(number);
        assert_eq!(owner, number, "sequence {sequence} was given to two messages");
        if attempts[number].is_marker {
            return;
        }
        let is_published = |(_, number): &(&u64, &usize)| !attempts[**number].is_marker;
        let before = self.owners.range(..sequence).rev().find(is_published);
        let is_in_order = before.is_none_or(|(_, before)| *before < number);
        assert!(is_in_order, "{number} at {sequence} is out of order: {before:?}");
        let behind = self.owners.range(sequence + 1..).find(is_published);
        let is_in_order = behind.is_none_or(|(_, behind)| *behind > number);
        assert!(is_in_order, "{number} at {sequence} is out of order: {behind:?}");
    }

    /// The process ends.
    pub(crate) fn end(&mut self, is_cut: bool) {
        self.may_give_again |= self.is_lossy || !self.lost.is_empty();
        for removal in &mut self.removals {
            removal.may_be_done |= removal.refused.is_some_and(|undoing| undoing.is_doubtful(is_cut));
        }
    }

    /// The contract wants a gap behind what a failed sync took (4), and the process leaves one. But the sync also took the
    /// marks that would tell the next one of it, and one that can't be lost costs a sync; these messages had been
    /// acknowledged without any.
    fn give_up_stale(&mut self, from: u64, number: usize) {
        let is_stale = |(sequence, owner): (&u64, &usize)| {
            let may_be_lost = self.lost.contains(sequence) || self.is_in_doubt(*sequence);
            (*owner < number && may_be_lost).then_some((*sequence, *owner))
        };
        let stale: Vec<(u64, usize)> = self.owners.range(from..).filter_map(is_stale).collect();
        if !stale.is_empty() {
            self.looked_to = self.looked_to.min(from - 1);
        }
        for (sequence, owner) in stale {
            self.owners.remove(&sequence);
            self.kept.remove(&sequence);
            self.gone.remove(&sequence);
            self.removed.remove(&sequence);
            self.stale.push(owner);
        }
    }

    pub(crate) fn acknowledge(&mut self, sequence: u64, number: usize, attempts: &[Attempt]) {
        self.own(sequence, number, attempts);
        assert!(sequence > self.looked_to || self.kept.contains(&sequence), "{sequence} was not there a while ago");
        self.kept.insert(sequence);
        if attempts[number].rollup.is_some() {
            let older = self.owners.range(..sequence);
            let replaced = older.filter(|(_, older)| attempts[number].rolls_up(&attempts[**older].subject));
            let replaced: Vec<u64> = replaced.map(|(older, _)| *older).collect();
            self.forget(&replaced);
        }
    }

    /// A message that was sent with `id` is said to be there at `sequence`.
    pub(crate) fn promise(&mut self, sequence: u64, id: &str, attempts: &[Attempt]) {
        let may_be_lost = self.lost.contains(&sequence) || self.is_lossy && self.is_in_doubt(sequence);
        let is_stale = self.may_give_again && may_be_lost;
        match self.owners.get(&sequence) {
            // It may be another one's by now, which is not answered yet.
            Some(owner) if is_stale && attempts[*owner].id.as_deref() != Some(id) => {}
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

    /// A removal is answered: what it certainly covered stays away, and all before it is durable,
    /// unless an earlier sync lost it.
    pub(crate) fn removed(&mut self, name: u64, sequences: &[u64], answered_at: usize, is_lossy: bool) {
        self.forget(sequences);
        self.removed.extend(sequences);
        if let Some(removal) = self.removals.iter_mut().find(|removal| removal.name == name) {
            removal.answered = answered_at;
            if !is_lossy {
                self.durable_to = self.durable_to.max(removal.acknowledged_to);
            }
        }
    }

    /// Something was synced behind all removals that were refused: they stay undone.
    pub(crate) fn settle_removals(&mut self, published: usize) {
        self.removals.retain(|removal| removal.refused.is_none() || removal.asked >= published);
    }

    /// A removal was not done, it is said.
    pub(crate) fn refused_removal(&mut self, name: u64, undoing: Undoing) {
        let refused = self.removals.iter_mut().filter(|removal| removal.name == name);
        refused.for_each(|removal| (removal.refused, removal.may_be_done) = (Some(undoing), false));
    }

    fn forget(&mut self, sequences: &[u64]) {
        for sequence in sequences {
            self.gone.insert(*sequence);
            self.kept.remove(sequence);
        }
    }

    pub(crate) fn random_sequence(&self, rng: &mut fastrand::Rng) -> u64 {
        let kept: Vec<u64> = self.kept.iter().copied().collect();
        if kept.is_empty() || rng.u8(..8) == 0 { rng.u64(1..self.last() + 3) } else { kept[rng.usize(..kept.len())] }
    }

    /// Compares with all that the stream shows; from then on just that is known to be there.
    pub(crate) fn look(&mut self, look: Look<'_>, attempts: &mut [Attempt]) {
        for (&sequence, &number) in look.present {
            self.check_present(sequence, number, look.leniency, attempts);
        }
        check_twins(look.present, attempts);
        self.forget_lost(&look, attempts);
        let is_missing = |kept: &u64| !look.present.contains_key(kept);
        let missing: Vec<u64> = self.kept.iter().copied().filter(is_missing).collect();
        for sequence in missing {
            if self.may_be_lost(sequence, &look, attempts) {
                continue;
            }
            let loss = self.loss(sequence, &look, attempts);
            let there = look.present.keys();
            assert!(loss.is_some(), "acknowledged {sequence} is lost, {there:?} is there");
            self.check_marked(sequence, loss, &look, attempts);
        }
        check_limits(&look, attempts);
        self.rebase(&look);
    }

    /// Whether the disk may have lost it.
    fn may_be_lost(&self, sequence: u64, look: &Look<'_>, attempts: &[Attempt]) -> bool {
        let is_in_doubt = self.is_in_doubt(sequence);
        match look.leniency {
            Leniency::None => false,
            Leniency::Suffix => is_in_doubt && sequence > look.last(attempts),
            Leniency::Holes => is_in_doubt,
        }
    }

    /// Of what the disk may have lost nobody knows anything any more, ids and all.
    fn forget_lost(&mut self, look: &Look<'_>, attempts: &mut [Attempt]) {
        for number in self.stale.drain(..) {
            attempts[number].fate = Fate::Unknown;
        }
        for (&sequence, &number) in &self.owners {
            if !look.present.contains_key(&sequence) && self.may_be_lost(sequence, look, attempts) {
                attempts[number].fate = Fate::Unknown;
                if look.leniency == Leniency::Holes {
                    self.lost.insert(sequence);
                }
            }
        }
    }

    fn check_present(&mut self, sequence: u64, number: usize, leniency: Leniency, attempts: &[Attempt]) {
        let attempt = &attempts[number];
        assert_eq!(attempt.incarnation, self.incarnation, "{sequence} is of a stream that was deleted");
        assert!(
            !matches!(attempt.fate, Fate::Refused(_) | Fate::Full),
            "{number} at {sequence} was refused, and is there"
        );
        if let Fate::Duplicate(other) = attempt.fate {
            assert_eq!(other, sequence, "{number} was a duplicate, and is there");
        }
        self.own(sequence, number, attempts);
        if let Some(id) = self.promised.get(&sequence) {
            assert_eq!(attempt.id.as_ref(), Some(id), "{sequence} is not the promised duplicate");
        }
        assert!(!self.removed.contains(&sequence), "{sequence} was removed, and is there again");
        if self.gone.remove(&sequence) {
            assert_ne!(leniency, Leniency::None, "{sequence} had left, and is there again");
        }
    }

    fn rebase(&mut self, look: &Look<'_>) {
        (self.looked_to, self.looked_at) = (self.last(), look.now);
        let owned = self.owners.keys().copied().filter(|sequence| !look.present.contains_key(sequence));
        self.gone.extend(owned);
        self.kept = look.present.keys().copied().collect();
        self.promised.clear();
        self.is_lossy = false;
        // What was refused may still come about when the power goes, until something behind it is durable.
        self.removals.retain(|removal| removal.refused.is_some());
        self.tight = match look.configs {
            [config] => Bounds::evicting(config),
            // The one that is not in force yet may still come.
            configs => configs.iter().fold(Bounds::NONE, |mut bounds, config| {
                bounds.tighten(config);
                bounds
            }),
        };
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

fn check_limits(look: &Look<'_>, attempts: &[Attempt]) {
    let (bounds, present) = (Bounds::loosest(look.configs), look.present);
    let of = || present.values().map(|number| &attempts[*number]);
    assert!(present.len() as u64 <= bounds.messages, "{} messages, {bounds:?}", present.len());
    let bytes: u64 = of().filter(|attempt| !attempt.is_marker).map(Attempt::size).sum();
    assert!(bytes <= bounds.bytes, "{bytes} bytes, {bounds:?}");
    let mut subjects: BTreeMap<&str, u64> = BTreeMap::new();
    for attempt in of() {
        *subjects.entry(&attempt.subject).or_default() += 1;
    }
    assert!(subjects.values().all(|count| *count <= bounds.per_subject), "{subjects:?}, {bounds:?}");
    for attempt in of().filter(|_| look.is_settled) {
        let end = attempt.latest.saturating_add(attempt.life.span(bounds.max_age)).saturating_add(SLACK);
        assert!(end > look.now, "{attempt:?} has not expired at {}, {bounds:?}", look.now);
    }
}

/// How late a message may expire: after a failure, a stream pauses.
const SLACK: u64 = SECOND + SECOND / 10;
