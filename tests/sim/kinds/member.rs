//! What is known of one consumer: what it delivered, what was said of that, and so what may not come and what must.

use std::collections::{BTreeMap, BTreeSet};

use super::config::{Acks, Config, Start};
use super::stock::Stock;

/// One consumer. No other one of the run has its name.
#[allow(clippy::struct_excessive_bools, reason = "each is something that is known or not")]
#[derive(Debug)]
pub(super) struct Member {
    pub(super) slot: usize,
    pub(super) name: String,
    pub(super) config: Config,
    /// Nothing if nobody knows.
    pub(super) exists: Option<bool>,
    /// A request that changes it is under way, or nobody knows what became of one: then little is checked until everything
    /// is looked at.
    pub(super) is_loose: bool,
    /// How many requests that change it are not answered.
    pub(super) changing: usize,
    /// The number of the last delivery, if that is known.
    pub(super) last: Option<u64>,
    /// The last message that came for the first time, as far as is known.
    pub(super) reached: u64,
    /// What was delivered by this broker and waits.
    pub(super) waiting: BTreeMap<u64, Wait>,
    /// How many wait that another broker delivered.
    pub(super) waited_before: u64,
    /// What clients said is done, to this broker.
    pub(super) done: BTreeSet<u64>,
    /// What clients know is done for good.
    pub(super) confirmed: BTreeSet<u64>,
    /// All that it ever delivered.
    pub(super) delivered: BTreeSet<u64>,
    /// Whatever is behind that is to be delivered; nothing if that is not known.
    pub(super) start: Option<u64>,
    pub(super) pause: Pause,
    /// A request to pause it is not answered.
    pub(super) is_pausing: bool,
    /// A request to have it begin anew is not answered.
    pub(super) is_resetting: bool,
    /// How many such requests there were.
    pub(super) resets: u64,
    /// What its broker's predecessor had removed may be delivered once more.
    pub(super) takes_back: bool,
    /// How many messages had been published when it was first known to be there: those behind that it needs.
    pub(super) needs_from: usize,
    /// Its filters were others once: what those had it pass over may never come.
    pub(super) had_other_filters: bool,
    /// When somebody used it last.
    pub(super) used_at: u64,
    /// When somebody waited for its messages last: it does not leave meanwhile, but who gives up has not used it.
    pub(super) waited_at: u64,
    /// Which client has the pin, and when it asked last.
    pub(super) pin: Option<(String, u64)>,
    /// When something came from it last, if it is a push consumer.
    pub(super) heard_at: u64,
}

/// A message that waits for its acknowledgement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    pub(super) deliveries: u64,
    /// It does not come again before that.
    pub(super) due: u64,
    /// And has to from then on.
    pub(super) late: u64,
}

/// Whether it delivers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    No,
    /// Since so many looks at what came in.
    Until {
        time: u64,
        since: u64,
    },
    /// Perhaps until then.
    Perhaps(u64),
}

/// One delivery, as its receiver sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) deliveries: u64,
    pub(super) stream_sequence: u64,
    pub(super) consumer_sequence: u64,
    pub(super) pending: u64,
}

/// What a delivery is looked at with.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) stock: &'a Stock,
    pub(super) subject: &'a str,
    pub(super) now: u64,
    /// How often clients looked what came in.
    pub(super) looks: u64,
    /// The disk was well all the time since the broker started: nothing ever goes back.
    pub(super) is_strict: bool,
}

/// What a client says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Ack,
    /// With a delay in nanoseconds, or none.
    Nak(u64),
    Progress,
    Term,
}

impl Member {
    pub(super) fn new(slot: usize, name: String, config: Config, now: u64) -> Self {
        Self {
            slot,
            name,
            config,
            exists: None,
            is_loose: true,
            changing: 1,
            last: None,
            reached: 0,
            waiting: BTreeMap::new(),
            waited_before: 0,
            done: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            delivered: BTreeSet::new(),
            start: None,
            pause: Pause::No,
            is_pausing: false,
            is_resetting: false,
            resets: 0,
            takes_back: false,
            needs_from: usize::MAX,
            had_other_filters: false,
            used_at: now,
            waited_at: now,
            pin: None,
            heard_at: now,
        }
    }

    /// A message is delivered; an error says why that can't be.
    pub(super) fn deliver(&mut self, delivery: &Delivery, view: View<'_>) -> Result<(), String> {
        let Delivery { deliveries, stream_sequence: sequence, consumer_sequence, .. } = *delivery;
        self.check_number(consumer_sequence, view.is_strict)?;
        if self.confirmed.contains(&sequence) {
            return Err(format!("{sequence} comes again, and was confirmed to be done"));
        }
        self.check_pause(view)?;
        if self.config.max_deliver > 0 && deliveries > self.config.max_deliver && !self.is_loose {
            return Err(format!("the {deliveries}. delivery of {sequence}"));
        }
        // What waits from before its filters were changed comes again.
        if !self.is_loose && deliveries == 1 && !self.config.wants(view.subject) {
            return Err(format!("{} comes although nobody asked for it", view.subject));
        }
        if view.is_strict && !self.is_loose {
            self.check_turn(sequence, deliveries, view)?;
        }
        self.note(sequence, deliveries, view.now);
        Ok(())
    }

    /// What a disk that fails could not read is delivered all the same, to nobody.
    fn check_number(&mut self, number: u64, is_strict: bool) -> Result<(), String> {
        match self.last.replace(number) {
            Some(last) if !self.is_loose && (number <= last || (number != last + 1 && is_strict)) => {
                Err(format!("delivery {number} comes after {last}"))
            }
            _ => Ok(()),
        }
    }

    fn check_pause(&self, view: View<'_>) -> Result<(), String> {
        match self.pause {
            Pause::Until { time, since } if view.now < time && since < view.looks => {
                Err(format!("delivered although paused until {time}, at {}", view.now))
            }
            _ => Ok(()),
        }
    }

    /// Whether it was the turn of this message.
    fn check_turn(&self, sequence: u64, deliveries: u64, view: View<'_>) -> Result<(), String> {
        if self.done.contains(&sequence) {
            return Err(format!("{sequence} comes again, and was done"));
        }
        match self.waiting.get(&sequence) {
            Some(wait) if deliveries != wait.deliveries + 1 => Err(format!("delivery {deliveries} after {wait:?}")),
            Some(wait) if wait.due > view.now => Err(format!("{sequence} comes again without a reason: {wait:?}")),
            None if deliveries == 1 && !self.takes_back => self.check_first(sequence, view),
            _ => Ok(()),
        }
    }

    fn check_first(&self, sequence: u64, view: View<'_>) -> Result<(), String> {
        if sequence <= self.reached && self.is_in_order() {
            return Err(format!("{sequence} comes for the first time behind {}", self.reached));
        }
        let waiting = self.certain_waiting(view.stock, view.now);
        if self.config.max_ack_pending > 0 && waiting >= self.config.max_ack_pending {
            return Err(format!("{sequence} comes although {waiting} wait"));
        }
        Ok(())
    }

    fn note(&mut self, sequence: u64, deliveries: u64, now: u64) {
        self.reached = self.reached.max(sequence);
        self.delivered.insert(sequence);
        self.note_use(now);
        if self.config.acks == Acks::None {
            self.done.insert(sequence);
            return;
        }
        let due = now + self.config.wait(deliveries);
        self.waiting.insert(sequence, Wait { deliveries, due, late: due });
    }

    /// A push consumer is used by those who listen, and by nothing else.
    fn note_use(&mut self, now: u64) {
        if !self.config.is_push() {
            self.touch(now);
        }
    }

    /// Somebody uses it, or would: it may have left before.
    pub(super) fn touch(&mut self, now: u64) {
        let was_there = self.used_at.max(self.waited_at);
        if self.config.threshold.is_none_or(|threshold| was_there + threshold > now) {
            self.used_at = self.used_at.max(now);
        }
    }

    /// How many wait for sure.
    pub(super) fn certain_waiting(&self, stock: &Stock, now: u64) -> u64 {
        let waits = |(sequence, wait): &(&u64, &Wait)| {
            stock.is_here(**sequence) && (self.config.may_redeliver(wait.deliveries) || wait.due > now)
        };
        self.waiting.iter().filter(waits).count() as u64
    }

    /// A client says something of a message. Returns what is done by that.
    pub(super) fn hear(&mut self, sequence: u64, verb: Verb, now: u64) -> Vec<u64> {
        if self.config.acks == Acks::None || sequence > self.reached {
            return Vec::new();
        }
        self.note_use(now);
        match verb {
            Verb::Ack if self.config.acks == Acks::All => {
                let done: Vec<u64> = self.delivered.range(..=sequence).copied().collect();
                self.settle(&done);
                done
            }
            Verb::Ack | Verb::Term => {
                self.settle(&[sequence]);
                vec![sequence]
            }
            Verb::Nak(0) if self.waiting.get(&sequence).is_some_and(|it| !self.config.may_redeliver(it.deliveries)) => {
                // It is given up.
                self.waiting.remove(&sequence);
                Vec::new()
            }
            Verb::Nak(delay) => {
                self.wait_until(sequence, now + delay, now);
                Vec::new()
            }
            Verb::Progress => {
                let deliveries = self.waiting.get(&sequence).map_or(1, |wait| wait.deliveries);
                self.wait_until(sequence, now + self.config.wait(deliveries), now);
                Vec::new()
            }
        }
    }

    fn settle(&mut self, done: &[u64]) {
        for sequence in done {
            self.waiting.remove(sequence);
            self.done.insert(*sequence);
        }
    }

    /// One that is due already may stay so.
    fn wait_until(&mut self, sequence: u64, until: u64, now: u64) {
        if let Some(wait) = self.waiting.get_mut(&sequence) {
            wait.due = if wait.due <= now { wait.due } else { until };
            wait.late = until;
        }
    }

    /// It begins anew.
    pub(super) fn restart(&mut self, next: u64) {
        self.last = None;
        self.waiting.clear();
        self.done.clear();
        self.confirmed.clear();
        self.delivered.clear();
        self.waited_before = 0;
        self.reached = next - 1;
        self.start = Some(next);
    }

    /// Whether its messages come in the order of the stream, and what is pending is what is behind them.
    pub(super) fn is_in_order(&self) -> bool {
        self.config.start != Start::LastPerSubject
    }
}
