//! What a consumer does next: which message goes to whom.

use embus_storage::error::StorageError;
use embus_storage::log::{Locator, Log};
use embus_storage::message::Timestamp;

use super::ack::{AckToken, digits};
use super::config::PriorityPolicy;
use super::cursor::Cursor;
use super::pending::Slot;
use super::requests::{Offer, Reached, Taker};
use super::rules::Acks;
use super::step::{Deliver, Readiness, Scene, Step};
use super::{Consumer, Demand};

/// A message that could be delivered.
struct Candidate {
    locator: Locator,
    /// If it was delivered before: where it waits.
    again: Option<Slot>,
    token: AckToken,
    /// Messages behind it.
    pending: u64,
}

/// Bytes of subject and headers of a message whose payload is left out, with the line that tells its length.
fn bytes_without_payload(locator: &Locator, subject: usize) -> usize {
    // If they cannot be read now, the message itself cannot be read, either.
    let headers = locator.headers_bytes().unwrap_or(0);
    let payload = locator.body_bytes().saturating_sub(subject + headers);
    subject + headers.max(NO_HEADERS.len()) + SIZE_LINE.len() + digits(payload as u64)
}

const NO_HEADERS: &str = "NATS/1.0\r\n\r\n";
const SIZE_LINE: &str = "Nats-Msg-Size: \r\n";

impl Consumer {
    /// The next thing to do; call it until there is none.
    ///
    /// # Errors
    /// What the disk said.
    #[inline]
    pub fn poll(&mut self, scene: &mut Scene<'_>) -> Result<Option<Step>, StorageError> {
        if let Some(status) = self.outbox.pop_front() {
            return Ok(Some(Step::Status(status)));
        }
        self.observe(scene);
        if let Some(deliver) = self.plan(scene)? {
            return Ok(Some(Step::Deliver(deliver)));
        }
        Ok(self.outbox.pop_front().map(Step::Status))
    }

    /// Learns what became visible and what was removed.
    #[inline]
    pub(super) fn observe(&mut self, scene: &mut Scene<'_>) {
        if self.cursor.is_behind(scene.log) {
            self.note_passed(self.cursor.place(), scene.log);
        }
        let Self { cursor, rules, removed, progress, .. } = self;
        let is_known = cursor.observe(rules, scene.log, scene.visible, &mut |sequence| {
            if progress.pending.find(sequence, 0).is_some() {
                removed.push(sequence);
            }
        });
        if !is_known {
            let gone = progress.pending.iter().filter(|entry| scene.log.subject_of(entry.sequence).is_none());
            removed.extend(gone.map(|entry| entry.sequence));
        }
        if !self.removed.is_empty() {
            self.settle_removed(scene);
        }
    }

    #[inline]
    fn plan(&mut self, scene: &mut Scene<'_>) -> Result<Option<Deliver>, StorageError> {
        if self.is_paused || self.held_until.is_some_and(|until| until > scene.now) || !self.has_demand(scene) {
            return Ok(None);
        }
        self.held_until = None;
        let Some(candidate) = self.candidate(scene)? else { return Ok(None) };
        let Some(taker) = self.taker(&candidate, scene)? else { return Ok(None) };
        Ok(Some(self.deliver(candidate, taker, scene.now)))
    }

    fn has_demand(&mut self, scene: &mut Scene<'_>) -> bool {
        match &mut self.demand {
            Demand::Pull { requests, .. } => !requests.is_empty(),
            Demand::Push(push) => push.has_window() && push.look(scene) == Readiness::Ready,
        }
    }

    /// What is due again comes first.
    #[inline]
    fn candidate(&mut self, scene: &mut Scene<'_>) -> Result<Option<Candidate>, StorageError> {
        while let Some(slot) = self.progress.pending.next_queued() {
            let entry = self.progress.pending.get(slot);
            if let Some(locator) = scene.log.locate(entry.sequence)? {
                let deliveries = u64::from(entry.deliveries) + 1;
                return Ok(Some(self.judge(locator, Some(slot), deliveries)));
            }
            self.removed.push(entry.sequence);
            self.settle_removed(scene);
        }
        if self.progress.pending.len() >= self.rules.max_ack_pending {
            self.is_caught_up = false;
            self.give_up();
            return Ok(None);
        }
        let found = self.find_next(scene, Cursor::peek)?;
        self.is_caught_up = found.is_none() && !self.is_held;
        if self.is_caught_up {
            self.replay.caught_up();
            if let Demand::Pull { requests, .. } = &mut self.demand {
                requests.run_dry(&mut self.outbox);
            }
        }
        Ok(found.map(|locator| self.judge(locator, None, 1)))
    }

    /// Nothing is delivered for now.
    #[cold]
    pub(super) fn give_up(&mut self) {
        if let Demand::Pull { requests, .. } = &mut self.demand {
            requests.give_up(&mut self.outbox);
        }
    }

    #[inline]
    fn judge(&self, locator: Locator, again: Option<Slot>, deliveries: u64) -> Candidate {
        let pending = self.cursor.pending().saturating_sub(u64::from(again.is_none()));
        let consumer_sequence = self.progress.consumer_sequence + 1;
        let token = AckToken { deliveries, stream_sequence: locator.sequence(), consumer_sequence };
        Candidate { locator, again, token, pending }
    }

    /// Who gets it; nobody if it has to wait, or nobody can have it.
    #[inline]
    fn taker(&mut self, candidate: &Candidate, scene: &mut Scene<'_>) -> Result<Option<Taker>, StorageError> {
        let replayed_at = if self.replay.is_on() && candidate.again.is_none() {
            scene.log.time_of(candidate.token.stream_sequence)?
        } else {
            None
        };
        if let Some(due) = replayed_at.and_then(|time| self.replay.due(time, scene.now)) {
            self.held_until = Some(due);
            return Ok(None);
        }
        let Self { setting, rules, demand, outbox, events, .. } = self;
        let now = scene.now;
        let Candidate { locator, token, pending, .. } = candidate;
        let subject =
            rules.headers_only.then(|| scene.log.subject_of(token.stream_sequence)).flatten().map(<[u8]>::len);
        let size = || {
            let body = subject.map_or_else(|| locator.body_bytes(), |subject| bytes_without_payload(locator, subject));
            (body + token.reply_len(setting.stream.as_bytes(), setting.name.as_bytes(), now, *pending)) as u64
        };
        let taker = match demand {
            Demand::Pull { requests, pin } => {
                let offer = Offer { pending: candidate.pending + 1, ack_pending: self.progress.pending.len() };
                let taker = requests.serve(offer, &size, pin, scene, outbox);
                pin.tell(events);
                taker
            }
            Demand::Push(push) => {
                if let Some(Err(at)) = push.is_limited().then(|| push.check_rate(size(), now)) {
                    self.held_until = Some(at);
                    return Ok(None);
                }
                _ = push.sent(&size, now, outbox);
                Some(Taker { to: push.to().clone(), pin_id: None })
            }
        };
        if let (Some(time), true) = (replayed_at, taker.is_some()) {
            self.replay.sent(time, now);
        }
        Ok(taker)
    }

    #[inline]
    fn deliver(&mut self, candidate: Candidate, taker: Taker, now: Timestamp) -> Deliver {
        let Candidate { locator, again, token, pending, .. } = candidate;
        let AckToken { deliveries, stream_sequence, consumer_sequence } = token;
        self.used_at = now;
        if let Some(slot) = again {
            let due = now.saturating_add(self.rules.wait(deliveries));
            self.progress.redeliver(slot, now, due);
            self.changes.redelivered(stream_sequence, now);
        } else {
            self.deliver_first(stream_sequence, now);
        }
        let Taker { to, pin_id } = taker;
        let headers_only = self.rules.headers_only;
        Deliver { to, locator, consumer_sequence, deliveries, pending, headers_only, pin_id }
    }

    #[inline]
    pub(super) fn deliver_first(&mut self, sequence: u64, now: Timestamp) {
        self.cursor.take(sequence);
        self.note_first(sequence, now);
        if self.rules.acks == Acks::ByFlow && self.progress.pending.len() >= self.rules.max_ack_pending {
            self.ask_what_arrived();
        }
    }

    /// Writes down that a message was delivered for the first time.
    #[inline]
    pub(super) fn note_first(&mut self, sequence: u64, now: Timestamp) {
        self.progress.deliver(sequence, now, self.rules.acks);
        if self.rules.acks == Acks::None {
            self.changes.moved();
            if self.setting.settles {
                self.sending.push_back(sequence);
            }
        } else {
            self.changes.delivered(sequence, now);
        }
    }

    #[cold]
    fn ask_what_arrived(&mut self) {
        if let Demand::Push(push) = &mut self.demand {
            push.ask(&mut self.outbox);
        }
    }

    /// How far it has come.
    pub(super) fn reached(&self) -> Reached {
        Reached { consumer: self.progress.consumer_sequence, stream: self.progress.delivered }
    }

    /// Whether it has delivered everything that was visible at its last poll, and could deliver more: it wants to know
    /// of the next message by [`offer`](Self::offer). Requests that wait until more is pending want to know in any case.
    #[inline]
    pub fn is_hungry(&self) -> bool {
        !self.is_paused
            && match &self.demand {
                Demand::Pull { requests, pin } => {
                    let is_wanted = self.is_awaited || !requests.is_empty();
                    is_wanted && (self.is_caught_up || pin.policy() == PriorityPolicy::Overflow)
                }
                Demand::Push(push) => self.is_caught_up && push.is_active() && push.has_window(),
            }
    }

    /// While it is hungry: `sequence` is visible and matches its filters, and nothing else does that came after its last
    /// poll and before this. Poll it then. If it has not caught up, it has other messages before that.
    #[inline]
    pub fn offer(&mut self, sequence: u64, log: &Log) {
        // Until the poll it is not hungry any more: another offer would lead past this message.
        if std::mem::take(&mut self.is_caught_up) {
            self.note_passed(self.cursor.place(), log);
            if self.rules.acks != Acks::None || !log.has_unsettled_removals() {
                self.cursor.skip_to(sequence);
            }
        }
    }
}
