//! What those who got messages say of them. [reference §5.2, §5.3]

use embus_storage::message::Timestamp;

use super::ack::{AckToken, AckVerb};
use super::event::Event;
use super::pending::{Entry, Place, Slot};
use super::rules::Acks;
use super::step::Scene;
use super::{Consumer, Demand};

impl Consumer {
    /// Somebody says something about a delivery. Says whether it is to be answered, if an answer is wanted: not if there
    /// was no such delivery yet. The request inside [`AckVerb::Next`] is handled as any other, by
    /// [`handle_pull`](Self::handle_pull), behind this.
    #[inline]
    pub fn handle_ack(&mut self, token: &AckToken, verb: AckVerb<'_>, now: Timestamp) -> bool {
        let AckToken { stream_sequence, consumer_sequence, .. } = *token;
        if matches!(self.rules.acks, Acks::None | Acks::ByFlow) || stream_sequence > self.progress.delivered {
            return false;
        }
        self.used_at = now;
        match verb {
            AckVerb::Ack | AckVerb::Next(_) => self.acknowledge(stream_sequence, consumer_sequence, true, now),
            AckVerb::Nak { delay } => self.refuse(stream_sequence, consumer_sequence, delay, now),
            AckVerb::Progress => self.keep_waiting(stream_sequence, consumer_sequence, now),
            AckVerb::Term { reason } => self.terminate(token, reason, now),
            AckVerb::Unknown => {}
        }
        true
    }

    /// An answer of flow control; `subject` is the whole one. It may say up to which sequence of the stream everything
    /// has arrived. [nats-server 2.15.1, probed: ack policy `flow_control`]
    pub fn handle_flow(&mut self, subject: &[u8], arrived: Option<u64>, now: Timestamp) {
        let Demand::Push(push) = &mut self.demand else { return };
        if push.answered(subject)
            && let Some(sequence) = arrived.filter(|_| self.rules.acks == Acks::ByFlow)
        {
            self.acknowledge_up_to(sequence.min(self.progress.delivered), now);
        }
    }

    #[inline]
    fn acknowledge(&mut self, sequence: u64, consumer_sequence: u64, is_sampled: bool, now: Timestamp) {
        self.settle_gone(sequence);
        let slot = self.progress.pending.find(sequence, consumer_sequence);
        if let Some(slot) = slot.filter(|_| is_sampled && self.rules.sample_percent > 0) {
            self.sample(slot, consumer_sequence, now);
        }
        if self.rules.acks == Acks::UpTo {
            self.acknowledge_up_to(sequence, now);
        } else if let Some(slot) = slot {
            self.settle(slot, sequence, now);
        }
    }

    #[inline]
    fn settle(&mut self, slot: Slot, sequence: u64, now: Timestamp) {
        self.progress.settle(slot, now);
        self.changes.done(sequence, now);
        self.settled(sequence);
    }

    fn acknowledge_up_to(&mut self, sequence: u64, now: Timestamp) {
        let Self { progress, settled, setting, changes, .. } = self;
        if sequence <= progress.floor.stream {
            return;
        }
        changes.done_up_to(sequence, now);
        progress.settle_up_to(sequence, now, |sequence| {
            if setting.settles {
                settled.push_back(sequence);
            }
        });
    }

    /// Notes that it is done with a message, for a stream that wants to know.
    #[inline]
    pub(super) fn settled(&mut self, sequence: u64) {
        if self.setting.settles {
            self.settled.push_back(sequence);
        }
    }

    fn sample(&mut self, slot: Slot, consumer_sequence: u64, now: Timestamp) {
        self.sampled += self.rules.sample_percent.min(100);
        if self.sampled < 100 {
            return;
        }
        self.sampled -= 100;
        let Entry { sequence, deliveries, sent_at, .. } = self.progress.pending.get(slot);
        self.events.push(Event::AckSample {
            consumer_sequence,
            stream_sequence: sequence,
            deliveries: deliveries.into(),
            ack_time: now.saturating_sub(sent_at),
        });
    }

    fn refuse(&mut self, sequence: u64, consumer_sequence: u64, delay: Option<i64>, now: Timestamp) {
        let Some(slot) = self.progress.pending.find(sequence, consumer_sequence) else { return };
        let Entry { deliveries, place, .. } = self.progress.pending.get(slot);
        let (stream_sequence, deliveries) = (sequence, deliveries.into());
        self.events.push(Event::Naked { consumer_sequence, stream_sequence, deliveries });
        match delay {
            _ if place == Place::Queued => {}
            Some(delay) if delay > 0 => self.wait_until(slot, sequence, now.saturating_add(delay)),
            _ => {
                self.changes.waits(sequence, now);
                self.requeue(slot, now);
            }
        }
    }

    fn wait_until(&mut self, slot: Slot, sequence: u64, until: Timestamp) {
        self.progress.pending.wait_until(slot, until);
        self.changes.waits(sequence, until);
    }

    fn keep_waiting(&mut self, sequence: u64, consumer_sequence: u64, now: Timestamp) {
        let Some(slot) = self.progress.pending.find(sequence, consumer_sequence) else { return };
        let Entry { deliveries, place, .. } = self.progress.pending.get(slot);
        if place != Place::Queued {
            self.wait_until(slot, sequence, now.saturating_add(self.rules.wait(deliveries.into())));
        }
    }

    fn terminate(&mut self, token: &AckToken, reason: &[u8], now: Timestamp) {
        let AckToken { stream_sequence, consumer_sequence, .. } = *token;
        let Some(slot) = self.progress.pending.find(stream_sequence, consumer_sequence) else {
            return self.settle_gone(stream_sequence);
        };
        let deliveries = self.progress.pending.get(slot).deliveries.into();
        let reason = String::from_utf8_lossy(reason).into_owned();
        self.events.push(Event::Terminated { consumer_sequence, stream_sequence, deliveries, reason });
        self.acknowledge(stream_sequence, consumer_sequence, false, now);
    }

    /// The waits that are over: those messages are due again, or were delivered as often as they may be.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some(slot) = self.progress.pending.next_expired(now, &self.rules) {
            self.requeue(slot, now);
        }
    }

    fn requeue(&mut self, slot: Slot, now: Timestamp) {
        let Entry { sequence, deliveries, .. } = self.progress.pending.get(slot);
        let deliveries = deliveries.into();
        if self.rules.may_redeliver(deliveries) {
            self.progress.pending.enqueue(slot);
            return;
        }
        // It stays in the stream, also in one that removes what is acknowledged.
        self.events.push(Event::MaxDeliveries { stream_sequence: sequence, deliveries });
        self.progress.settle(slot, now);
        self.changes.done(sequence, now);
    }

    /// Messages that waited were removed from the stream.
    pub(super) fn settle_removed(&mut self, scene: &Scene<'_>) {
        let now = scene.now;
        for sequence in std::mem::take(&mut self.removed) {
            let Some(slot) = self.progress.pending.find(sequence, 0) else { continue };
            let entry = self.progress.pending.get(slot);
            self.note_gone(entry, scene.log);
            let Entry { consumer_sequence, deliveries, .. } = entry;
            let (deliveries, reason) = (deliveries.into(), REMOVED.to_owned());
            self.events.push(Event::Terminated { consumer_sequence, stream_sequence: sequence, deliveries, reason });
            self.progress.settle(slot, now);
            self.changes.done(sequence, now);
        }
    }
}

/// [nats-server 2.15.1, probed]
const REMOVED: &str = "Unacknowledged message was deleted";
