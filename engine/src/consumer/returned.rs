//! What a consumer is done with and is in its stream all the same: with the power went the removal, which was written and
//! not synced, and not what the consumer had written of it. In a stream that removes what is done nobody else would ever
//! care for such a message: it is delivered once more, as if it had never been.

use embus_storage::log::Log;
use embus_storage::message::Timestamp;

use super::Consumer;
use super::pending::{Entry, Place};
use super::rules::Acks;

impl Consumer {
    /// Has what is there and `is_back` delivered again, unless it waits for its acknowledgement already. Says whether there
    /// is something.
    pub fn take_back_done(&mut self, is_back: impl Fn(u64) -> bool, log: &mut Log, now: Timestamp) -> bool {
        if self.rules.acks == Acks::None {
            return false;
        }
        let (mut from, up_to, mut has_some) = (1, self.progress.delivered, false);
        // One that can't be read now could not be delivered, either.
        while let Ok(Some((sequence, _))) = self.rules.with_filters(|filters| log.next_within(filters, from, up_to)) {
            has_some |= is_back(sequence) && self.progress.take_back(undelivered(sequence, now));
            from = sequence + 1;
        }
        if has_some {
            self.changes.whole();
        }
        has_some
    }
}

/// A message that is due, and was never delivered.
fn undelivered(sequence: u64, now: Timestamp) -> Entry {
    Entry { sequence, consumer_sequence: 1, sent_at: now, due: now, deliveries: 0, place: Place::Queued }
}
