//! What a recovery of the log tells a stream: ids and times to live, from a checkpoint and from the records behind it.

use embus_storage::log::Replay;
use embus_storage::message::Timestamp;

use super::config::StreamConfig;
use super::core::LastId;
use super::dedupe::Dedupe;
use super::header_scan::HeaderScan;
use super::notes::Notes;
use super::ttl::{Expiries, TimeToLive};

/// Gathers what was known.
#[derive(Debug)]
pub(super) struct Recovery {
    pub(super) dedupe: Dedupe,
    pub(super) expiries: Expiries,
    pub(super) last_id: LastId,
}

impl Recovery {
    pub(super) fn new(config: &StreamConfig) -> Self {
        let dedupe = Dedupe::new(config.duplicate_window.0);
        Self { dedupe, expiries: Expiries::default(), last_id: LastId::default() }
    }
}

impl Replay for Recovery {
    fn notes(&mut self, notes: &[u8]) {
        let Some(notes) = Notes::decode(notes) else { return };
        for noted in &notes.ids {
            self.dedupe.note(&noted.id, noted.sequence, noted.time);
        }
        for (sequence, due) in notes.due {
            self.expiries.note_due(sequence, due);
        }
        for sequence in notes.never {
            self.expiries.note_never(sequence);
        }
        let (sequence, id) = notes.last_id;
        self.last_id = LastId { id, sequence };
    }

    fn message(&mut self, sequence: u64, time: Timestamp, _subject: &[u8], headers: &[u8]) {
        let scan = HeaderScan::new(headers);
        if let Some(id) = scan.message_id.get() {
            self.dedupe.note(id, sequence, time);
            self.last_id.set(id, sequence);
        }
        if let Some(time_to_live) = scan.time_to_live.get().and_then(TimeToLive::parse) {
            self.expiries.note(sequence, time_to_live, time);
        }
    }
}
