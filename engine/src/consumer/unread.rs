//! Messages that were to be delivered and could not be read. Where they are acknowledged, they wait as any other, and come
//! again when that has taken too long. Where nothing is acknowledged, nothing would bring them back: nothing behind them is
//! sent, and the consumer goes back to where it was. For the same reason its stream may remove what it delivered only
//! when that was sent.

use bytes::Bytes;
use embus_storage::log::Log;
use embus_storage::message::Timestamp;

use super::passed::Place;
use super::rules::Acks;
use super::{Consumer, Demand};

impl Consumer {
    /// Messages that it delivered to `to` were not sent: who asked for them is owed as many. The messages count as
    /// delivered, unless the consumer [goes back](Self::go_back_to); those that are lost leave once the log knows it.
    pub fn handle_unread(&mut self, to: &Bytes, messages: u64) {
        if let Demand::Pull { requests, .. } = &mut self.demand {
            requests.take_back(to, messages, &mut self.outbox);
        }
    }

    /// What waits for its acknowledgement could not be read: that was no delivery, of which there may be so many.
    pub fn handle_undelivered(&mut self, sequence: u64) {
        if let Some(slot) = self.progress.pending.find(sequence, 0) {
            self.progress.pending.undeliver(slot);
            self.changes.whole();
        }
    }

    /// Whether nobody ever says that a message arrived: then nothing is sent behind one that could not be read, and the
    /// consumer is to [go back](Self::go_back_to).
    pub fn delivers_once(&self) -> bool {
        self.rules.acks == Acks::None
    }

    /// The disk could not tell just now what was delivered with this number, and nothing behind it was sent: soon it is
    /// delivered anew.
    pub fn go_back_to(&mut self, sequence: u64, consumer_sequence: u64, log: &mut Log, now: Timestamp) {
        if self.progress.delivered < sequence || self.progress.consumer_sequence < consumer_sequence {
            // It began anew meanwhile.
            return;
        }
        self.sending.retain(|sent| *sent < sequence);
        self.go_back(Place { next: sequence, resume: self.cursor.resume_at(sequence) }, log);
        self.progress.consumer_sequence = consumer_sequence.saturating_sub(1);
        self.progress.floor.consumer = self.progress.consumer_sequence;
        self.is_caught_up = false;
        self.held_until = Some(now.saturating_add(RETRY_NANOS));
        self.changes.whole();
    }

    /// Whether its stream has to wait until what was delivered is sent.
    pub fn is_sending(&self) -> bool {
        !self.sending.is_empty()
    }

    /// What it delivered is sent, but for what it went back to: it is done with that.
    pub fn handle_sent(&mut self) {
        self.settled.append(&mut self.sending);
    }
}

/// How long it waits for a disk that could not read.
const RETRY_NANOS: Timestamp = 250_000_000;
