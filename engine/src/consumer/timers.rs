//! What a consumer does because time passes.

use embus_storage::error::StorageError;
use embus_storage::message::Timestamp;

use super::event::{Event, UnpinReason};
use super::progress::Progress;
use super::rules::Acks;
use super::step::Scene;
use super::{Consumer, Demand};

impl Consumer {
    /// When it has something to do by itself. It may be early.
    pub fn next_deadline(&mut self) -> Option<Timestamp> {
        let demand = match &self.demand {
            Demand::Pull { requests, pin } => [requests.next_deadline(), pin.deadline()],
            Demand::Push(push) => [push.heartbeat_at(), None],
        };
        let times = [
            self.progress.pending.next_due(&self.rules),
            self.held_until,
            self.is_paused.then_some(self.rules.pause_until),
            self.inactive_at(),
            self.shrinks_at(),
        ];
        times.into_iter().chain(demand).flatten().filter(|at| *at < Timestamp::MAX).min()
    }

    /// Does what is due at `scene.now`. Poll it then.
    ///
    /// # Errors
    /// What the disk said.
    pub fn handle_deadline(&mut self, scene: &mut Scene<'_>) -> Result<(), StorageError> {
        let now = scene.now;
        self.check_pause(now);
        self.held_until = self.held_until.filter(|until| *until > now);
        self.observe(scene);
        self.forget_settled(scene.log);
        self.expire(now);
        let reached = self.reached();
        match &mut self.demand {
            Demand::Pull { requests, pin } => {
                if requests.handle_deadline(reached, scene, &mut self.outbox) {
                    self.used_at = now;
                }
                if pin.deadline().is_some_and(|deadline| deadline <= now) {
                    pin.unpin(UnpinReason::Timeout, &mut self.events);
                }
            }
            Demand::Push(push) => {
                let is_open = self.rules.acks == Acks::ByFlow && self.progress.pending.len() > 0;
                push.beat(reached, is_open, scene, &mut self.outbox);
            }
        }
        self.check_inactivity(scene);
        if self.shrinks_at().is_some_and(|at| at <= now) {
            self.shrink();
        }
        Ok(())
    }

    /// Whether nobody used it for longer than it may stay then: its owner deletes it.
    pub fn is_expired(&self) -> bool {
        self.is_expired
    }

    /// Stops or goes on, if it is time for that.
    pub(super) fn check_pause(&mut self, now: Timestamp) {
        let until = self.rules.pause_until;
        let is_paused = until > now;
        if is_paused != self.is_paused {
            self.is_paused = is_paused;
            self.is_caught_up = false;
            if is_paused {
                self.give_up();
            }
            self.events.push(Event::Paused { until: is_paused.then_some(until) });
        }
    }

    /// When it has been unused for as long as it may.
    fn inactive_at(&self) -> Option<Timestamp> {
        let threshold = self.rules.inactive_threshold.filter(|_| !self.is_expired)?;
        let since = match &self.demand {
            Demand::Pull { requests, .. } => self.used_at.max(self.waits_until()).max(requests.waited_until()),
            Demand::Push(push) => push.inactive_since()?,
        };
        Some(since.saturating_add(threshold))
    }

    /// How long somebody may still be busy with what was delivered. [nats-server 2.15.1, probed]
    fn waits_until(&self) -> Timestamp {
        let Progress { pending, delivered_at, .. } = &self.progress;
        match pending.len() {
            0 => Timestamp::MIN,
            _ => delivered_at.saturating_add(self.rules.wait(1)).max(pending.last_timed().unwrap_or(Timestamp::MIN)),
        }
    }

    fn check_inactivity(&mut self, scene: &mut Scene<'_>) {
        if self.inactive_at().is_none_or(|at| at > scene.now) {
            return;
        }
        match &mut self.demand {
            Demand::Pull { requests, .. } => {
                requests.prune(scene, &mut self.outbox);
                self.is_expired = requests.is_empty() && !self.is_awaited;
                self.used_at = scene.now;
            }
            Demand::Push(push) => {
                push.forget();
                self.is_expired = push.look(scene) == super::Readiness::Gone;
            }
        }
    }

    /// When it gives back the memory of its last burst.
    fn shrinks_at(&self) -> Option<Timestamp> {
        let last = self.progress.delivered_at.max(self.progress.acked_at);
        self.progress.pending.is_wasteful().then_some(last.saturating_add(SHRINK_AFTER))
    }

    fn shrink(&mut self) {
        self.progress.pending.shrink();
        self.settled.shrink_to_fit();
        self.sending.shrink_to_fit();
        self.outbox.shrink_to_fit();
        self.removed.shrink_to_fit();
        if let Demand::Pull { requests, .. } = &mut self.demand {
            requests.shrink();
        }
    }
}

/// 10 seconds.
const SHRINK_AFTER: i64 = 10_000_000_000;
