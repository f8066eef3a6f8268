//! One state that a consumer may be in, as far as clients can know it, and what they may then see.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::config::{Acks, Config};
use super::stock::{Presence, Stock};

/// One of the states that a consumer may be in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct State {
    /// The number of the last delivery.
    pub(crate) sequence: u64,
    /// The message of the last first delivery.
    pub(crate) delivered: u64,
    /// Nothing below it is delivered for the first time any more.
    pub(crate) next: u64,
    pub(crate) pending: BTreeMap<u64, Wait>,
    /// Where its floor is at least.
    pub(crate) floor: u64,
    /// What it passed over as it seemed to be gone.
    pub(crate) passed: BTreeSet<u64>,
}

/// A message that waits for its acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wait {
    pub(crate) deliveries: u64,
    /// It may come again from the first time on, and must from the second.
    pub(crate) due: (u64, u64),
}

/// What a state is looked at with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) config: &'a Config,
    pub(crate) stock: &'a Stock,
    pub(crate) now: u64,
}

/// One delivery, as its receiver sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) deliveries: u64,
    pub(crate) stream_sequence: u64,
    pub(crate) consumer_sequence: u64,
    pub(crate) pending: u64,
}

/// What a client says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Ack,
    /// With a delay in nanoseconds, or none.
    Nak(u64),
    Progress,
    Term,
}

/// A consumer as `CONSUMER.INFO` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Info {
    pub(crate) sequence: u64,
    pub(crate) delivered: u64,
    pub(crate) floor: u64,
    pub(crate) ack_pending: u64,
    pub(crate) redelivered: u64,
    pub(crate) pending: u64,
}

impl View<'_> {
    /// Whether the consumer is for sure over with a message, as it was delivered as often as it may be.
    fn is_exhausted(&self, wait: &Wait) -> bool {
        !self.config.may_redeliver(wait.deliveries) && wait.due.0 <= self.now
    }

    /// Whether a message that was delivered waits for sure.
    fn waits(&self, sequence: u64, wait: &Wait) -> bool {
        self.stock.is_here(sequence) && !self.is_exhausted(wait)
    }

    fn is_wanted(&self, sequence: u64) -> bool {
        self.stock.get(sequence).is_some_and(|entry| self.config.wants(entry.subject))
    }
}

impl State {
    /// One that begins at a message.
    pub(crate) fn begin(start: u64) -> Self {
        let before = start.saturating_sub(1);
        Self {
            sequence: 0,
            delivered: before,
            next: start,
            pending: BTreeMap::new(),
            floor: before,
            passed: BTreeSet::new(),
        }
    }

    /// The state itself, and what it becomes where a removal was refused that it had seen: then it goes back to that
    /// message, and whatever it delivered behind it never was.
    pub(crate) fn variants(&self, view: View<'_>) -> Vec<Self> {
        let doubted = view.stock.range(0, self.next).filter(|(_, entry)| entry.is_doubted);
        let doubted = doubted.map(|(sequence, _)| sequence).filter(|sequence| view.is_wanted(*sequence));
        let mut variants: Vec<_> = doubted.map(|sequence| self.gone_back(sequence)).collect();
        variants.push(self.clone());
        variants
    }

    fn gone_back(&self, sequence: u64) -> Self {
        let before = sequence - 1;
        let mut state = self.clone();
        state.pending.retain(|other, _| *other < sequence);
        state.passed.retain(|other| *other < sequence);
        (state.next, state.delivered) = (sequence, state.delivered.min(before));
        state.floor = state.floor.min(before);
        state
    }

    /// A message is delivered; an error says why that can't be.
    pub(crate) fn deliver(&mut self, delivery: &Delivery, view: View<'_>) -> Result<(), String> {
        let Delivery { deliveries, stream_sequence, consumer_sequence, .. } = *delivery;
        if consumer_sequence != self.sequence + 1 {
            return Err(format!("delivery {consumer_sequence} comes after {}", self.sequence));
        }
        match self.pending.get(&stream_sequence).copied() {
            Some(wait) => self.deliver_again(stream_sequence, deliveries, wait, view)?,
            None => self.deliver_first(stream_sequence, deliveries, view)?,
        }
        self.sequence = consumer_sequence;
        Ok(())
    }

    fn deliver_again(&mut self, sequence: u64, deliveries: u64, wait: Wait, view: View<'_>) -> Result<(), String> {
        if deliveries != wait.deliveries + 1 {
            return Err(format!("{sequence} is delivered the {deliveries}. time after {wait:?}"));
        }
        if wait.due.0 > view.now {
            return Err(format!("{sequence} comes again without a reason: {wait:?} at {}", view.now));
        }
        if !view.config.may_redeliver(wait.deliveries) {
            return Err(format!("{sequence} was delivered as often as it may be: {wait:?}"));
        }
        let due = view.now + view.config.wait(deliveries);
        self.pending.insert(sequence, Wait { deliveries, due: (due, due) });
        Ok(())
    }

    fn deliver_first(&mut self, sequence: u64, deliveries: u64, view: View<'_>) -> Result<(), String> {
        if sequence < self.next {
            return Err(format!("{sequence} comes again, and was done: {self:?}"));
        }
        if deliveries != 1 {
            return Err(format!("{sequence} comes for the first time and is delivered the {deliveries}. time"));
        }
        let skipped = view.stock.range(self.next, sequence);
        let skipped = skipped.map(|(skipped, _)| skipped).find(|it| view.stock.is_here(*it) && view.is_wanted(*it));
        if let Some(skipped) = skipped {
            return Err(format!("{skipped} is skipped for {sequence}: {self:?}"));
        }
        if view.config.max_ack_pending > 0 && self.certain_pending(view) >= view.config.max_ack_pending {
            return Err(format!("{sequence} comes although enough are unacknowledged: {self:?}"));
        }
        let seems_gone = |presence| matches!(presence, Presence::Doubtful | Presence::Back);
        let passed = view.stock.range(self.next, sequence).filter(|(_, entry)| seems_gone(entry.presence));
        self.passed.extend(passed.map(|(passed, _)| passed).filter(|passed| view.is_wanted(*passed)));
        (self.next, self.delivered) = (sequence + 1, sequence);
        if view.config.acks == Acks::None {
            self.floor = sequence;
        } else {
            let due = view.now + view.config.wait(1);
            self.pending.insert(sequence, Wait { deliveries: 1, due: (due, due) });
        }
        Ok(())
    }

    /// How many wait for sure.
    fn certain_pending(&self, view: View<'_>) -> u64 {
        self.pending.iter().filter(|(sequence, wait)| view.waits(**sequence, wait)).count() as u64
    }

    /// A client says something of a message.
    pub(crate) fn acknowledge(&mut self, sequence: u64, verb: Verb, view: View<'_>) {
        if view.config.acks == Acks::None || !self.knows(sequence) {
            return;
        }
        let (floor, is_sure) = (self.floor, self.certain_pending(view) == self.pending.len() as u64);
        match verb {
            Verb::Ack if view.config.acks == Acks::All => self.settle_up_to(sequence),
            Verb::Term if view.config.acks == Acks::All && self.pending.contains_key(&sequence) => {
                self.settle_up_to(sequence);
            }
            Verb::Ack | Verb::Term => self.settle(|other| other == sequence),
            Verb::Nak(0) if self.pending.get(&sequence).is_some_and(|it| !view.config.may_redeliver(it.deliveries)) => {
                self.settle(|other| other == sequence);
            }
            Verb::Nak(delay) => self.wait_until(sequence, view.now + delay, view.now),
            Verb::Progress => {
                let wait = self.pending.get(&sequence).map_or(0, |wait| view.config.wait(wait.deliveries));
                self.wait_until(sequence, view.now + wait, view.now);
            }
        }
        if !is_sure {
            // Those that may be over already may have gone before, or not.
            self.floor = floor;
        }
    }

    /// Whether it was delivered, or one behind it: else nobody can say anything of it.
    pub(crate) fn knows(&self, sequence: u64) -> bool {
        sequence <= self.delivered
    }

    /// One that is due already may stay so.
    fn wait_until(&mut self, sequence: u64, until: u64, now: u64) {
        let Some(wait) = self.pending.get_mut(&sequence) else { return };
        wait.due = if wait.due.0 <= now { (wait.due.0, until) } else { (until, until) };
    }

    fn settle_up_to(&mut self, sequence: u64) {
        if sequence > self.floor {
            self.settle(|other| other <= sequence);
            self.floor = sequence;
        }
    }

    /// These are done.
    fn settle(&mut self, is_done: impl Fn(u64) -> bool) {
        let before = self.pending.first_key_value().map(|(first, _)| *first);
        let count = self.pending.len();
        self.pending.retain(|sequence, _| !is_done(*sequence));
        let first = self.pending.first_key_value().map(|(first, _)| *first);
        if self.pending.len() < count {
            match first {
                None => self.floor = self.delivered,
                Some(first) if before != Some(first) => self.floor = first - 1,
                Some(_) => {}
            }
        }
    }

    /// All that time brings has happened, and everything is known of the stream.
    pub(crate) fn come_to_rest(&mut self, view: View<'_>) -> Result<(), String> {
        if let Some(passed) = self.passed.iter().find(|sequence| view.stock.is_here(**sequence)) {
            return Err(format!("{passed} was passed over, and is there: {self:?}"));
        }
        self.passed.clear();
        let over = |wait: &Wait| !view.config.may_redeliver(wait.deliveries) && wait.due.1 <= view.now;
        // Where the floor is now depends on when they went.
        self.pending.retain(|sequence, wait| !over(wait) && view.stock.presence(*sequence) != Presence::Gone);
        Ok(())
    }

    /// It comes back from the disk, beside a stream that ends at `last`.
    pub(crate) fn recover(&mut self, last: u64, view: View<'_>) {
        self.pending.retain(|sequence, _| view.stock.presence(*sequence) != Presence::Gone);
        self.delivered = self.delivered.min(last);
        self.floor = self.floor.min(last);
        self.next = self.next.min(last + 1);
    }

    /// Says what it has not delivered though somebody waits for it.
    pub(crate) fn check_idle(&self, view: View<'_>) -> Result<(), String> {
        let is_due = |(sequence, wait): &(&u64, &Wait)| {
            let comes = view.config.may_redeliver(wait.deliveries) && view.stock.is_here(**sequence);
            comes && wait.due.1 <= view.now
        };
        if let Some((sequence, wait)) = self.pending.iter().find(is_due) {
            return Err(format!("{sequence} should have come again at {}: {wait:?}", view.now));
        }
        let count = self.pending.len() as u64;
        let may_wait = view.config.max_ack_pending > 0 && count >= view.config.max_ack_pending;
        let next = self.undelivered(true, view).next();
        if let Some(next) = next.filter(|_| !may_wait) {
            return Err(format!("{next} should have come: {self:?}"));
        }
        Ok(())
    }

    /// What comes for the first time yet, for sure or maybe.
    fn undelivered(&self, is_certain: bool, view: View<'_>) -> impl Iterator<Item = u64> {
        let coming = view.stock.range(self.next, u64::MAX).filter(move |(_, entry)| match entry.presence {
            Presence::Here => true,
            Presence::Doubtful | Presence::Back => !is_certain,
            Presence::Gone => false,
        });
        coming.map(|(sequence, _)| sequence).filter(move |sequence| view.is_wanted(*sequence))
    }

    /// How many messages come for the first time yet, where those behind `known_to` may not count.
    pub(crate) fn undelivered_from(&self, known_to: u64, view: View<'_>) -> RangeInclusive<u64> {
        let known = self.undelivered(true, view).filter(|sequence| *sequence <= known_to);
        known.count() as u64..=self.undelivered(false, view).count() as u64
    }

    /// Whether it can look like that, at rest.
    pub(crate) fn check_info(&mut self, info: &Info, view: View<'_>) -> Result<(), String> {
        let waits = |is_certain: bool, least: u64| {
            let waiting = self.pending.iter().filter(|(_, wait)| wait.deliveries >= least);
            waiting.filter(|(sequence, wait)| !is_certain || view.waits(**sequence, wait)).count() as u64
        };
        let is_right = (info.sequence, info.delivered) == (self.sequence, self.delivered)
            && (waits(true, 1)..=waits(false, 1)).contains(&info.ack_pending)
            && (waits(true, 2)..=waits(false, 2)).contains(&info.redelivered)
            && self.undelivered_from(u64::MAX, view).contains(&info.pending);
        if !is_right {
            return Err(format!("{info:?} is not {self:?}"));
        }
        let first = self.pending.iter().find(|(sequence, wait)| view.waits(**sequence, wait));
        let highest = first.map_or(self.delivered, |(first, _)| first - 1);
        // One that acknowledges all up to a message says just that.
        let is_at_end = self.pending.is_empty() && view.config.acks != Acks::All;
        let lowest = if is_at_end { highest } else { self.floor };
        if !(lowest..=highest).contains(&info.floor) {
            return Err(format!("the floor is {} and not from {lowest} to {highest}: {self:?}", info.floor));
        }
        self.floor = info.floor;
        Ok(())
    }
}
