//! What a log must still know after a crash, what it may know, and what it must not.

use std::collections::BTreeMap;

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
    Append { sequence: u64, message: Message, victims: Vec<u64> },
    Remove(Vec<u64>),
    /// Everything below goes, and the next message gets at least this.
    Below(u64),
    /// The oldest one, and nothing is written down: it may come back.
    Evict(u64),
}

#[derive(Debug, Default)]
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
    /// Never committed, and not there at the last start, which was not durable itself: may come back until a commit is
    /// synced.
    ghosts: Vec<(u64, Message)>,
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
    pub(crate) fn recover(&mut self, found: Messages, last: u64, bytes_were_lost: bool, is_durable: bool) {
        if !bytes_were_lost {
            self.make_durable(self.written);
        }
        self.check(&found, last);
        for (_, change) in std::mem::take(&mut self.waiting) {
            if let Change::Evict(sequence) = &change {
                let known = [&self.durable, &self.shaky].into_iter().find_map(|known| known.get_key_value(sequence));
                self.evicted.extend(known.map(|(sequence, message)| (*sequence, message.clone())));
            }
            self.ghosts.extend(appended(&change));
        }
        self.evicted.retain(|sequence, _| !found.contains_key(sequence));
        self.durable.retain(|sequence, _| found.contains_key(sequence));
        (self.live, self.last, self.written) = (found.clone(), last, Position::default());
        self.shaky = found.into_iter().filter(|(sequence, _)| !self.durable.contains_key(sequence)).collect();
        if is_durable {
            self.durable.append(&mut self.shaky);
            self.ghosts.clear();
        }
    }

    fn check(&self, found: &Messages, last: u64) {
        let is_removed = |sequence: u64| self.may_be_gone(found, sequence);
        for (sequence, message) in &self.durable {
            let there = found.get(sequence);
            assert!(there.is_some() || is_removed(*sequence), "{sequence} was durable and is not there");
            assert!(there.is_none_or(|there| there == message), "{sequence} is altered");
        }
        let appended: Messages = self.waiting.iter().filter_map(|(_, change)| appended(change)).collect();
        for (sequence, message) in found {
            let all = [&self.durable, &self.shaky, &self.evicted, &appended];
            let known = all.into_iter().find_map(|known| known.get(sequence));
            let is_ghost = self.ghosts.iter().any(|(ghost, of)| (ghost, of) == (sequence, message));
            assert!(known.is_some() || is_ghost, "{sequence} came back, or from nowhere");
            assert!(known == Some(message) || is_ghost, "{sequence} is altered");
        }
        self.check_order(found, &appended, &is_removed);
        let highest = found.keys().next_back().copied().unwrap_or(0).max(self.told);
        assert!(last >= highest, "goes on behind {last}, but {highest} was given out");
        let below = found.keys().find(|sequence| **sequence < self.floor);
        assert_eq!(below, None, "below the floor {}", self.floor);
    }

    /// Whether a change that is not durable may have taken it away. A message that is not there evicted nothing, unless
    /// it was taken away in turn.
    fn may_be_gone(&self, found: &Messages, sequence: u64) -> bool {
        let takers = self.waiting.iter().filter(|(_, change)| takes(change, sequence));
        takers.into_iter().any(|(_, change)| match appended(change) {
            Some((by, _)) => found.contains_key(&by) || self.may_be_gone(found, by),
            None => true,
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
