//! What a consumer has delivered and what of that is acknowledged: the part of its state that is written down.

use embus_storage::message::Timestamp;

use super::pending::{Entry, Pending, Slot};
use super::rules::Acks;

/// How far a consumer has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// What waits for its acknowledgement.
    pub(super) pending: Pending,
    /// The message of the last first delivery; before it, what is before the start.
    pub(super) delivered: u64,
    /// The number of the last delivery.
    pub(super) consumer_sequence: u64,
    /// When that was; 0 for never.
    pub(super) delivered_at: Timestamp,
    /// Everything up to here is done, as a sequence of the stream and as the number of a delivery.
    pub(super) floor: Floor,
    /// When something was acknowledged last; 0 for never.
    pub(super) acked_at: Timestamp,
}

/// A place up to which everything is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Floor {
    pub(super) stream: u64,
    pub(super) consumer: u64,
}

impl Progress {
    /// That of a consumer that begins at a sequence.
    pub(super) fn begin(start: u64) -> Self {
        let before = start.saturating_sub(1);
        Self { delivered: before, floor: Floor { stream: before, consumer: 0 }, ..Self::default() }
    }

    /// A message is delivered for the first time.
    #[inline]
    pub(super) fn deliver(&mut self, sequence: u64, now: Timestamp, acks: Acks) {
        self.consumer_sequence += 1;
        self.delivered = sequence;
        self.delivered_at = now;
        if acks == Acks::None {
            self.floor = Floor { stream: sequence, consumer: self.consumer_sequence };
        } else {
            self.pending.push(sequence, self.consumer_sequence, now);
        }
    }

    /// A message is delivered again, and waits until `due`.
    pub(super) fn redeliver(&mut self, slot: Slot, now: Timestamp, due: Timestamp) {
        self.consumer_sequence += 1;
        self.delivered_at = now;
        self.pending.redeliver(slot, now, due);
    }

    /// A message is done.
    #[inline]
    pub(super) fn settle(&mut self, slot: Slot, now: Timestamp) {
        let was_first = self.pending.remove(slot);
        self.acked_at = now;
        self.floor = match self.pending.first() {
            None => Floor { stream: self.delivered, consumer: self.consumer_sequence },
            Some(first) if was_first => before(first),
            Some(_) => return,
        };
    }

    /// A message and all before it are done.
    pub(super) fn settle_up_to(&mut self, sequence: u64, now: Timestamp, mut settled: impl FnMut(u64)) {
        if sequence <= self.floor.stream {
            return;
        }
        while let Some(first) = self.pending.first().filter(|first| first.sequence <= sequence).copied() {
            if let Some(slot) = self.pending.find(first.sequence, first.consumer_sequence) {
                self.settle(slot, now);
            }
            settled(first.sequence);
        }
        self.acked_at = now;
        self.floor.stream = sequence.min(self.delivered);
    }

    /// A purge took what was not delivered yet, up to `last`.
    pub(super) fn skip_to(&mut self, last: u64) {
        self.delivered = last;
        if self.pending.len() == 0 {
            self.floor = Floor { stream: last, consumer: self.consumer_sequence };
        }
    }

    /// A message that was settled as it was removed is there again. Says whether it waits again.
    pub(super) fn take_back(&mut self, entry: Entry) -> bool {
        let is_back = self.pending.take_back(entry);
        self.lower_floor();
        is_back
    }

    /// What was delivered from `next` on never was.
    pub(super) fn go_back(&mut self, next: u64, acks: Acks) {
        self.pending.cut(next);
        self.delivered = self.delivered.min(next - 1);
        // One that acknowledges all up to a message says just that.
        let is_done = self.pending.len() == 0 && acks != Acks::UpTo;
        self.floor.stream = if is_done { self.delivered } else { self.floor.stream.min(self.delivered) };
        self.lower_floor();
    }

    fn lower_floor(&mut self) {
        if let Some(first) = self.pending.first().filter(|first| first.sequence <= self.floor.stream) {
            self.floor = before(first);
        }
    }

    /// Nothing is known beyond `last` and nothing that is not `live`.
    pub(super) fn clamp(&mut self, last: u64, live: impl Fn(u64) -> bool) {
        let missing: Vec<Entry> = self.pending.iter().filter(|entry| !live(entry.sequence)).copied().collect();
        for entry in missing {
            if let Some(slot) = self.pending.find(entry.sequence, entry.consumer_sequence) {
                let acked_at = self.acked_at;
                self.settle(slot, acked_at);
            }
        }
        self.pending.compact();
        self.delivered = self.delivered.min(last);
        self.floor.stream = self.floor.stream.min(last);
    }
}

fn before(first: &Entry) -> Floor {
    Floor { stream: first.sequence - 1, consumer: first.consumer_sequence - 1 }
}
