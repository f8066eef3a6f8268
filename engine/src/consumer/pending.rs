//! Messages that wait for their acknowledgement, and when they are delivered again.
//!
//! One queue in the order of the stream holds them all. What has been delivered once waits by its place there, since first
//! deliveries are in order of time as well; all others stand in a set by time, or in the queue of what is due. What is
//! done stays as a gap until the front reaches it, or there are too many gaps.

use std::collections::{BTreeSet, VecDeque};

use embus_storage::message::Timestamp;

use super::rules::Rules;

/// One message that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    /// The number of its first delivery.
    pub(super) consumer_sequence: u64,
    /// When it was delivered last.
    pub(super) sent_at: Timestamp,
    /// If it is timed: when it is due.
    pub(super) due: Timestamp,
    pub(super) deliveries: u32,
    pub(super) place: Place,
}

/// Where a message waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is done.
    Gone,
    /// By its place: for as long as first deliveries wait.
    First,
    /// In the set by time.
    Timed,
    /// It is due.
    Queued,
}

/// All messages that wait.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// By sequence; the front one is never done.
    entries: VecDeque<Entry>,
    live: usize,
    /// Those delivered more than once.
    redelivered: u64,
    /// No entry below this sequence waits by its place.
    waiting_from: u64,
    timed: BTreeSet<(Timestamp, u64)>,
    /// Due ones, and some that are done.
    queue: VecDeque<u64>,
    queued: u64,
}

/// Where an entry stands, until one is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(usize);

impl Pending {
    pub(super) fn len(&self) -> u64 {
        self.live as u64
    }

    pub(super) fn redelivered(&self) -> u64 {
        self.redelivered
    }

    /// How many are due.
    pub(super) fn queued(&self) -> u64 {
        self.queued
    }

    /// The oldest one.
    pub(super) fn first(&self) -> Option<&Entry> {
        self.entries.front()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.place != Place::Gone)
    }

    pub(super) fn get(&self, slot: Slot) -> Entry {
        self.entries[slot.0]
    }

    /// Takes in a first delivery; sequences ascend.
    #[inline]
    pub(super) fn push(&mut self, sequence: u64, consumer_sequence: u64, now: Timestamp) {
        debug_assert!(self.entries.back().is_none_or(|last| last.sequence < sequence));
        let place = Place::First;
        self.entries.push_back(Entry { sequence, consumer_sequence, sent_at: now, due: 0, deliveries: 1, place });
        self.live += 1;
    }

    /// Takes in an entry from a snapshot; sequences ascend.
    pub(super) fn restore(&mut self, entry: Entry) {
        let Entry { sequence, due, .. } = entry;
        match entry.place {
            Place::Gone => return,
            Place::First => {}
            Place::Timed => _ = self.timed.insert((due, sequence)),
            Place::Queued => {
                self.queue.push_back(sequence);
                self.queued += 1;
            }
        }
        self.live += 1;
        self.redelivered += u64::from(entry.deliveries > 1);
        self.entries.push_back(entry);
    }

    /// Takes in an entry that was removed. Says whether it was not there.
    pub(super) fn take_back(&mut self, entry: Entry) -> bool {
        self.compact();
        let Err(place) = self.entries.binary_search_by_key(&entry.sequence, |entry| entry.sequence) else {
            return false;
        };
        let behind = self.entries.split_off(place);
        self.restore(entry);
        self.entries.extend(behind);
        self.waiting_from = self.waiting_from.min(entry.sequence);
        true
    }

    /// Forgets all from a sequence on.
    pub(super) fn cut(&mut self, from: u64) {
        self.compact();
        while let Some(last) = self.entries.len().checked_sub(1).filter(|last| self.entries[*last].sequence >= from) {
            self.remove(Slot(last));
            self.entries.truncate(last);
        }
        self.waiting_from = self.waiting_from.min(from);
    }

    /// The last delivery of a message did not take place.
    pub(super) fn undeliver(&mut self, slot: Slot) {
        let entry = &mut self.entries[slot.0];
        self.redelivered -= u64::from(entry.deliveries == 2);
        entry.deliveries = entry.deliveries.saturating_sub(1);
    }

    /// Finds the message; `consumer_sequence` is that of a delivery of it, as far as known, and leads there at once if
    /// there is nothing in between that was delivered again or left out.
    #[inline]
    pub(super) fn find(&self, sequence: u64, consumer_sequence: u64) -> Option<Slot> {
        let first = self.entries.front()?;
        let guess = usize::try_from(consumer_sequence.wrapping_sub(first.consumer_sequence)).unwrap_or(usize::MAX);
        let place = match self.entries.get(guess) {
            Some(entry) if entry.sequence == sequence => guess,
            _ => self.entries.binary_search_by_key(&sequence, |entry| entry.sequence).ok()?,
        };
        (self.entries[place].place != Place::Gone).then_some(Slot(place))
    }

    /// Takes a message out. Says whether it was the oldest one.
    #[inline]
    pub(super) fn remove(&mut self, slot: Slot) -> bool {
        self.leave(slot);
        let entry = &mut self.entries[slot.0];
        entry.place = Place::Gone;
        self.redelivered -= u64::from(entry.deliveries > 1);
        self.live -= 1;
        self.trim();
        slot.0 == 0
    }

    /// It was delivered once more and waits from now on.
    pub(super) fn redeliver(&mut self, slot: Slot, now: Timestamp, due: Timestamp) {
        self.wait_until(slot, due);
        let entry = &mut self.entries[slot.0];
        entry.sent_at = now;
        entry.deliveries = entry.deliveries.saturating_add(1);
        self.redelivered += u64::from(entry.deliveries == 2);
    }

    /// It waits until then.
    pub(super) fn wait_until(&mut self, slot: Slot, due: Timestamp) {
        self.leave(slot);
        let entry = &mut self.entries[slot.0];
        (entry.place, entry.due) = (Place::Timed, due);
        self.timed.insert((due, entry.sequence));
    }

    /// It is due.
    pub(super) fn enqueue(&mut self, slot: Slot) {
        self.leave(slot);
        let entry = &mut self.entries[slot.0];
        entry.place = Place::Queued;
        self.queue.push_back(entry.sequence);
        self.queued += 1;
    }

    /// The one that is due for the longest time.
    #[inline]
    pub(super) fn next_queued(&mut self) -> Option<Slot> {
        if self.queued == 0 {
            self.queue.clear();
            return None;
        }
        while let Some(&sequence) = self.queue.front() {
            if let Some(slot) = self.find(sequence, 0).filter(|slot| self.get(*slot).place == Place::Queued) {
                return Some(slot);
            }
            self.queue.pop_front();
        }
        None
    }

    /// A message whose wait is over.
    pub(super) fn next_expired(&mut self, now: Timestamp, rules: &Rules) -> Option<Slot> {
        let first = self.first_waiting().map(|slot| self.get(slot));
        let first = first.map(|entry| (entry.sent_at.saturating_add(rules.wait(1)), entry.sequence));
        let timed = self.timed.first().copied();
        let (due, sequence) = first.into_iter().chain(timed).min()?;
        if due <= now { self.find(sequence, 0) } else { None }
    }

    /// When the next wait is over.
    pub(super) fn next_due(&mut self, rules: &Rules) -> Option<Timestamp> {
        let first = self.first_waiting().map(|slot| self.get(slot).sent_at.saturating_add(rules.wait(1)));
        let timed = self.timed.first().map(|(due, _)| *due);
        [first, timed].into_iter().flatten().min()
    }

    /// When the last of the waits that have a time of their own is over.
    pub(super) fn last_timed(&self) -> Option<Timestamp> {
        self.timed.last().map(|(due, _)| *due)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives back memory that a burst took.
    pub(super) fn shrink(&mut self) {
        if self.live == 0 {
            self.clear();
        }
    }

    /// Whether [`shrink`](Self::shrink) would give something back.
    pub(super) fn is_wasteful(&self) -> bool {
        self.live == 0 && self.entries.capacity() > 0
    }

    /// The oldest one that waits by its place.
    fn first_waiting(&mut self) -> Option<Slot> {
        let start = match self.entries.front() {
            Some(first) if first.sequence >= self.waiting_from => 0,
            _ => self.entries.partition_point(|entry| entry.sequence < self.waiting_from),
        };
        let found = self.entries.iter().skip(start).position(|entry| entry.place == Place::First);
        let place = found.map(|behind| start + behind);
        let behind_all = self.entries.back().map_or(self.waiting_from, |last| last.sequence + 1);
        self.waiting_from = place.map_or(behind_all, |place| self.entries[place].sequence);
        place.map(Slot)
    }

    /// Takes it from where it waits.
    #[inline]
    fn leave(&mut self, slot: Slot) {
        let entry = &self.entries[slot.0];
        match entry.place {
            Place::Timed => _ = self.timed.remove(&(entry.due, entry.sequence)),
            // The queue forgets it when it comes across it.
            Place::Queued => self.queued -= 1,
            Place::First | Place::Gone => {}
        }
    }

    #[inline]
    fn trim(&mut self) {
        while self.entries.front().is_some_and(|first| first.place == Place::Gone) {
            self.entries.pop_front();
        }
        if self.entries.len() > 2 * self.live + MIN_COMPACTION {
            self.compact();
        }
    }

    /// Closes the gaps. Where the last ones are gone, their sequences may come again.
    pub(super) fn compact(&mut self) {
        self.entries.retain(|entry| entry.place != Place::Gone);
    }
}

/// Gaps that are not worth the work.
const MIN_COMPACTION: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::config::ConsumerConfig;

    fn pending(sequences: impl IntoIterator<Item = u64>) -> Pending {
        let mut pending = Pending::default();
        for (consumer_sequence, sequence) in (1..).zip(sequences) {
            pending.push(sequence, consumer_sequence, 0);
        }
        pending
    }

    #[test]
    fn what_is_done_leaves_when_the_front_reaches_it() {
        let mut pending = pending([1, 3, 5, 7]);
        let slot = pending.find(3, 2).unwrap();
        assert!(!pending.remove(slot));
        assert_eq!((pending.len(), pending.entries.len()), (3, 4));
        assert_eq!(pending.find(3, 2), None);
        let slot = pending.find(1, 99).unwrap();
        assert!(pending.remove(slot));
        assert_eq!((pending.len(), pending.entries.len()), (2, 2));
        assert_eq!(pending.find(4, 1), None);
        assert!(pending.find(7, 4).is_some());
    }

    #[test]
    fn many_gaps_behind_one_that_stays_are_closed() {
        let mut pending = pending(1..=10_000);
        for sequence in 2..10_000 {
            let slot = pending.find(sequence, sequence).unwrap();
            pending.remove(slot);
        }
        assert_eq!(pending.len(), 2);
        assert!(pending.entries.len() <= 4 + MIN_COMPACTION);
    }

    #[test]
    fn waits_end_in_the_order_of_time() {
        let config = ConsumerConfig { ack_wait: crate::api::time::Nanos(10), ..ConsumerConfig::default() };
        let rules = Rules::new(&crate::sync::Arc::new(config));
        let mut pending = pending([1, 2, 3]);
        pending.push(4, 4, 5);
        let slot = pending.find(2, 2).unwrap();
        pending.wait_until(slot, 12);
        assert_eq!(pending.next_due(&rules), Some(10));
        assert_eq!(pending.next_expired(9, &rules), None);
        let mut due = Vec::new();
        while let Some(slot) = pending.next_expired(12, &rules) {
            due.push(pending.get(slot).sequence);
            pending.enqueue(slot);
        }
        assert_eq!(due, [1, 3, 2]);
        assert_eq!(pending.next_due(&rules), Some(15));
        assert_eq!(pending.queued(), 3);
        let slot = pending.find(1, 1).unwrap();
        pending.remove(slot);
        let slot = pending.next_queued().unwrap();
        assert_eq!(pending.get(slot).sequence, 3);
        pending.redeliver(slot, 20, 30);
        assert_eq!((pending.queued(), pending.redelivered()), (1, 1));
        assert_eq!(pending.get(pending.find(3, 3).unwrap()).deliveries, 2);
    }
}
