//! What a log must still know after a crash, what it may know, and what it must not.

use std::collections::BTreeMap;
use std::iter::repeat;

use embus_storage::log::Position;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) time: i64,
    pub(crate) subject: Vec<u8>,
    pub(crate) headers: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

pub(crate) type Messages = BTreeMap<u64, Message>;

#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// With what it evicted, of which the first is evicted by the record itself.
    Append {
        sequence: u64,
        message: Message,
        victims: Vec<u64>,
    },
    Remove(Vec<u64>),
    /// Everything below goes, and the next message gets at least this.
    Below(u64),
    /// The oldest one, and nothing is written down: it may come back.
    Evict(u64),
}

/// What a disk may have lost of what was written and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Only the process died.
    Nothing,
    /// The power was cut.
    AllButAPrefix,
    /// A sync failed, and what it was to sync had been acknowledged before.
    Anything,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    /// As the log shows it now.
    pub(crate) live: Messages,
    pub(crate) last: u64,
    /// As it will be after a power cut, at least: what commits made durable.
    durable: Messages,
    /// Came up at the last start without being durable: may go, until a commit is synced.
    shaky: Messages,
    /// Evicted, of which nothing is written down: may come back.
    evicted: Messages,
    /// Not there at the last start, which was not durable itself: may come back until a commit is synced.
    ghosts: Vec<(u64, Message)>,
    /// Changes that did not happen by the last start: the same.
    undone: Vec<Change>,
    /// Below this nothing is there.
    floor: u64,
    /// The highest sequence that anybody was told of.
    told: u64,
    /// Not durable.
    waiting: Vec<(Position, Change)>,
    /// Written, so there as long as the power stays on.
    written: Position,
}

impl Model {
    pub(crate) fn change(&mut self, position: Position, change: Change) {
        apply(&mut self.live, &change);
        self.last = self.last.max(highest(&change));
        self.waiting.push((position, change));
    }

    /// A commit succeeded.
    pub(crate) fn committed(&mut self, position: Position, synced: bool) {
        self.written = position;
        let done = self.waiting.iter().filter(|(at, _)| *at <= position);
        self.told = done.map(|(_, change)| highest(change)).fold(self.told, u64::max);
        if synced {
            self.make_durable(position);
            self.durable.append(&mut self.shaky);
            self.ghosts.clear();
            self.undone.clear();
        }
    }

    fn make_durable(&mut self, position: Position) {
        let waiting = std::mem::take(&mut self.waiting);
        let (done, rest) = waiting.into_iter().partition(|(at, _)| *at <= position);
        self.waiting = rest;
        for (_, change) in done {
            match &change {
                Change::Evict(sequence) => {
                    let evicted = [self.durable.remove_entry(sequence), self.shaky.remove_entry(sequence)];
                    self.evicted.extend(evicted.into_iter().flatten());
                }
                Change::Below(sequence) => {
                    self.floor = self.floor.max(*sequence);
                    self.evicted = self.evicted.split_off(sequence);
                }
                Change::Append { .. } | Change::Remove(_) => {}
            }
            apply(&mut self.durable, &change);
            self.shaky.retain(|sequence, _| !takes(&change, *sequence));
        }
    }

    /// Compares with what came up at a start, and goes on from there.
    pub(crate) fn recover(&mut self, found: Messages, last: u64, loss: Lost, is_durable: bool) {
        match loss {
            Lost::Nothing => self.as_written().check(&found, last, loss),
            Lost::AllButAPrefix | Lost::Anything => self.check(&found, last, loss),
        }
        let waiting = std::mem::take(&mut self.waiting);
        let evicted: Vec<u64> = waiting.iter().filter_map(|(_, change)| evicted(change)).collect();
        let appended = waiting.iter().filter_map(|(_, change)| appended(change));
        let durable = std::mem::take(&mut self.durable);
        let others = std::mem::take(&mut self.shaky).into_iter().chain(appended);
        for ((sequence, message), was_durable) in durable.into_iter().zip(repeat(true)).chain(others.zip(repeat(false)))
        {
            match found.contains_key(&sequence) {
                true if was_durable => _ = self.durable.insert(sequence, message),
                true => {}
                false if evicted.contains(&sequence) => _ = self.evicted.insert(sequence, message),
                // It was taken away, or lost; that is not durable either.
                false => self.ghosts.push((sequence, message)),
            }
        }
        self.undone.extend(waiting.into_iter().map(|(_, change)| change));
        self.evicted.retain(|sequence, _| !found.contains_key(sequence));
        (self.live, self.last, self.written) = (found.clone(), last, Position::default());
        self.shaky = found;
        self.shaky.retain(|sequence, _| !self.durable.contains_key(sequence));
        if is_durable {
            self.durable.append(&mut self.shaky);
            self.ghosts.clear();
            self.undone.clear();
        }
    }

    /// As if what is written was durable: it is, as long as the power stays on.
    fn as_written(&self) -> Self {
        let mut written = self.clone();
        written.durable.append(&mut written.shaky);
        written.make_durable(self.written);
        written
    }

    fn check(&self, found: &Messages, last: u64, loss: Lost) {
        let is_removed = |sequence: u64| self.may_be_gone(found, sequence, loss);
        for (sequence, message) in &self.durable {
            let there = found.get(sequence);
            assert!(there.is_some() || is_removed(*sequence), "{sequence} was durable and is not there");
            assert!(there.is_none_or(|there| there == message), "{sequence} is altered");
        }
        let appended: Messages = self.waiting.iter().filter_map(|(_, change)| appended(change)).collect();
        for (sequence, message) in found {
            let all = [&self.durable, &self.shaky, &self.evicted, &appended];
            let ghosts = self.ghosts.iter().filter(|(ghost, _)| ghost == sequence).map(|(_, message)| message);
            let mut known = all.into_iter().filter_map(|known| known.get(sequence)).chain(ghosts).peekable();
            assert!(known.peek().is_some(), "{sequence} came back, or from nowhere");
            assert!(known.any(|known| known == message), "{sequence} is altered");
        }
        if loss != Lost::Anything {
            self.check_order(found, &appended, &is_removed);
        }
        let highest = found.keys().next_back().copied().unwrap_or(0).max(self.told);
        assert!(last >= highest, "goes on behind {last}, but {highest} was given out");
        let below = found.keys().find(|sequence| **sequence < self.floor);
        assert_eq!(below, None, "below the floor {}", self.floor);
    }

    /// Whether a change that is not durable may have taken it away. A message that is not there evicted nothing, unless
    /// it was taken away in turn, or damaged.
    fn may_be_gone(&self, found: &Messages, sequence: u64, loss: Lost) -> bool {
        let changes = self.waiting.iter().map(|(_, change)| change).chain(&self.undone);
        changes.filter(|change| takes(change, sequence)).any(|change| match change {
            Change::Append { sequence: by, .. } if loss != Lost::Anything => {
                found.contains_key(by) || self.may_be_gone(found, *by, loss)
            }
            _ => true,
        })
    }

    /// Of what was not durable, none is there without those before it.
    fn check_order(&self, found: &Messages, appended: &Messages, is_removed: &dyn Fn(u64) -> bool) {
        let newest = found.keys().copied().filter(|sequence| appended.contains_key(sequence)).max().unwrap_or(0);
        for sequence in appended.keys().filter(|sequence| **sequence < newest && !is_removed(**sequence)) {
            assert!(found.contains_key(sequence), "a hole at {sequence}, before {newest}");
        }
        for (_, change) in &self.waiting {
            let Change::Append { sequence, victims, .. } = change else { continue };
            let victim = victims.first().filter(|_| found.contains_key(sequence));
            assert!(victim.is_none_or(|victim| !found.contains_key(victim)), "{sequence} did not evict {victim:?}");
        }
    }
}

fn highest(change: &Change) -> u64 {
    match change {
        Change::Append { sequence, .. } => *sequence,
        Change::Below(sequence) => sequence.saturating_sub(1),
        Change::Remove(_) | Change::Evict(_) => 0,
    }
}

fn appended(change: &Change) -> Option<(u64, Message)> {
    match change {
        Change::Append { sequence, message, .. } => Some((*sequence, message.clone())),
        _ => None,
    }
}

fn evicted(change: &Change) -> Option<u64> {
    match change {
        Change::Evict(sequence) => Some(*sequence),
        _ => None,
    }
}

fn takes(change: &Change, sequence: u64) -> bool {
    match change {
        Change::Append { victims: sequences, .. } | Change::Remove(sequences) => sequences.contains(&sequence),
        Change::Below(below) => sequence < *below,
        Change::Evict(evicted) => sequence == *evicted,
    }
}

fn apply(messages: &mut Messages, change: &Change) {
    messages.extend(appended(change));
    messages.retain(|sequence, _| !takes(change, *sequence));
}
