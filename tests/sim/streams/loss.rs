//! Why a message may be missing that was acknowledged: somebody removed it, a limit, another message, or time.

use embus_protocol::filter;

use super::message::{Attempt, Undoing};
use super::model::{Look, Model};
use super::slots::SECOND;

/// A request to remove messages.
#[derive(Debug, Clone)]
pub(crate) struct Removal {
    pub(crate) filter: Option<String>,
    pub(crate) from: u64,
    pub(crate) below: u64,
    pub(crate) keep: u64,
    pub(crate) name: u64,
    /// How many messages had been published when it was asked for and when it was answered.
    pub(crate) asked: usize,
    pub(crate) answered: usize,
    /// What was acknowledged by then, which is durable when the removal is.
    pub(super) acknowledged_to: u64,
    pub(super) refused: Option<Undoing>,
    pub(super) may_be_done: bool,
}

/// The reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    Removed,
    Replaced,
    Evicted,
    Expired,
}

impl Removal {
    /// One that was not asked for yet.
    pub(crate) fn of(filter: Option<String>, from: u64, below: u64, keep: u64) -> Self {
        Self {
            filter,
            from,
            below,
            keep,
            name: 0,
            asked: usize::MAX,
            answered: usize::MAX,
            acknowledged_to: 0,
            refused: None,
            may_be_done: true,
        }
    }

    fn takes(&self, subject: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter::matches(filter.as_bytes(), subject.as_bytes()))
    }
}

impl Model {
    /// A removal is asked for: returns its name, and what it certainly covers, if it is answered that it was done.
    pub(crate) fn ask_removal(&mut self, mut removal: Removal, attempts: &[Attempt]) -> (u64, Vec<u64>) {
        self.last_removal += 1;
        removal.name = self.last_removal;
        removal.asked = attempts.len();
        removal.acknowledged_to = self.kept.last().copied().unwrap_or(0);
        let covers = |(sequence, owner): (&u64, &usize)| {
            let is_covered = (removal.from..removal.below).contains(sequence) && removal.keep == 0;
            (is_covered && removal.takes(&attempts[*owner].subject)).then_some(*sequence)
        };
        let covered = self.owners.iter().filter_map(covers).collect();
        self.removals.push(removal);
        (self.last_removal, covered)
    }

    /// Why this acknowledged message may be missing.
    pub(super) fn loss(&self, sequence: u64, look: &Look<'_>, attempts: &[Attempt]) -> Option<Loss> {
        if let Some(&owner) = self.owners.get(&sequence) {
            return self.loss_of(sequence, owner, look, attempts);
        }
        // A promised duplicate: one of those that were sent with its id.
        let id = self.promised.get(&sequence)?;
        let is_candidate = |number: &usize| {
            let attempt = &attempts[*number];
            attempt.incarnation == self.incarnation && attempt.id.as_ref() == Some(id) && attempt.is_unsure()
        };
        let mut candidates = (0..attempts.len()).filter(is_candidate);
        candidates.find_map(|number| self.loss_of(sequence, number, look, attempts))
    }

    fn loss_of(&self, sequence: u64, number: usize, look: &Look<'_>, attempts: &[Attempt]) -> Option<Loss> {
        let own = &attempts[number];
        let later = self.later(sequence, number, look, attempts);
        let is_removed = |removal: &Removal| {
            let is_covered = (removal.from..removal.below).contains(&sequence) && removal.takes(&own.subject);
            let others = || later.iter().filter(|attempt| removal.takes(&attempt.subject)).count() as u64;
            removal.may_be_done
                && is_covered
                && number < removal.answered
                && (removal.keep == 0 || others() >= removal.keep)
        };
        if self.removals.iter().any(is_removed) {
            return Some(Loss::Removed);
        }
        if later.iter().any(|attempt| attempt.rolls_up(&own.subject)) {
            return Some(Loss::Replaced);
        }
        let on_subject = later.iter().filter(|attempt| attempt.subject == own.subject).count() as u64;
        let bytes: u64 = later.iter().map(|attempt| attempt.size()).sum();
        let is_evicted = later.len() as u64 >= self.tight.messages
            || on_subject >= self.tight.per_subject
            || bytes + own.size() > self.tight.bytes;
        if is_evicted {
            return Some(Loss::Evicted);
        }
        let end = own.time.saturating_add(own.life.span(self.tight.max_age));
        (end <= look.now).then_some(Loss::Expired)
    }

    /// What was stored behind it, for sure or maybe.
    fn later<'a>(&self, sequence: u64, number: usize, look: &Look<'_>, attempts: &'a [Attempt]) -> Vec<&'a Attempt> {
        let own = &attempts[number];
        let behind = self.owners.range(sequence + 1..).map(|(_, number)| &attempts[*number]);
        // Messages of which nobody knows what became: they may have evicted others before they left themselves.
        let last = look.present.values().copied().filter(|number| !attempts[*number].is_marker).max().unwrap_or(0);
        let stay = self.removals.is_empty() && attempts.iter().all(|it| !it.is_beside(own) || !it.leaves());
        let until = if stay && self.tight.max_age == u64::MAX { last } else { attempts.len() };
        let unsure = attempts[number..until.max(number)].iter().filter(|it| it.is_beside(own) && it.is_unsure());
        behind.chain(unsure).collect()
    }

    /// Where a message was the last one of its subject and expired, a marker says so, for some time.
    pub(super) fn check_marked(&self, sequence: u64, loss: Option<Loss>, look: &Look<'_>, attempts: &[Attempt]) {
        let (Some(Loss::Expired), [config], Some(owner)) = (loss, look.configs, self.owner(sequence)) else { return };
        let own = &attempts[owner];
        let end = own.time.saturating_add(own.life.span(self.tight.max_age)).saturating_add(config.marker * SECOND);
        let is_certain = look.is_settled && self.removals.is_empty() && !own.is_marker;
        if !is_certain || end <= look.now || attempts.iter().any(|it| it.is_beside(own) && it.is_unsure()) {
            return;
        }
        let is_there = look.present.values().any(|number| attempts[*number].subject == own.subject);
        assert!(is_there, "{} expired without a marker", own.subject);
    }
}

impl Attempt {
    /// Whether it may leave its stream by itself, or makes others leave.
    fn leaves(&self) -> bool {
        self.rollup.is_some() || self.life != super::message::Life::Stream
    }
}
