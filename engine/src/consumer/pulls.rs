//! Requests for messages as they come in, and what is refused at once. [reference §5.5]

use super::config::PriorityPolicy;
use super::pin::Pin;
use super::pull::{Priority, PullRequest};
use super::status::{Left, Status};
use super::step::Scene;
use super::{Consumer, Demand};

impl Consumer {
    /// Somebody asks for messages. What comes back is a refusal to send at once.
    pub fn handle_pull(&mut self, request: PullRequest, scene: &mut Scene<'_>) -> Option<Status> {
        self.used_at = scene.now;
        if let Some(refusal) = self.refusal(&request) {
            return Some(refusal);
        }
        if request.expires < 0 {
            // It has expired before it came. [nats-server 2.15.1, probed]
            let asked = |number| u64::try_from(number).unwrap_or(0);
            let left = Left { messages: asked(request.batch), bytes: asked(request.max_bytes) };
            return Some(Status::request_timeout(&request.reply, left));
        }
        self.observe(scene);
        let available = self.cursor.pending() + self.progress.pending.queued();
        let Demand::Pull { requests, pin } = &mut self.demand else { return None };
        if let Err(refusal) = check_pin(&request, pin, scene.now) {
            return Some(refusal);
        }
        if !requests.has_room(self.config.max_waiting, scene, &mut self.outbox) {
            // Who gets heartbeats notices without. [nats-server 2.15.1, probed]
            let is_told = request.is_told || request.idle_heartbeat <= 0;
            return is_told.then(|| Status::exceeded_max_waiting(&request.reply));
        }
        let has_none = available == 0 || (request.is_told && self.is_paused);
        if request.no_wait && has_none && request.expires == 0 {
            return Some(Status::no_messages(&request.reply));
        }
        if request.no_wait && available > 0 && available < requests.asked_for() {
            // Those who left do not stand before it.
            requests.prune(scene, &mut self.outbox);
            if available < requests.asked_for() {
                return Some(Status::requests_pending(&request.reply));
            }
        }
        requests.push(request, pin.policy(), scene.now);
        None
    }

    fn refusal(&self, request: &PullRequest) -> Option<Status> {
        let reply = &request.reply;
        if matches!(self.demand, Demand::Push(_)) {
            return Some(Status::push_based(reply));
        }
        let config = &self.config;
        if config.max_batch > 0 && request.batch > config.max_batch {
            return Some(Status::exceeded_max_batch(reply, config.max_batch));
        }
        if config.max_expires.0 > 0 && request.expires > config.max_expires.0 {
            return Some(Status::exceeded_max_expires(reply, config.max_expires));
        }
        if config.max_bytes > 0 && request.max_bytes > config.max_bytes {
            return Some(Status::exceeded_max_bytes(reply, config.max_bytes));
        }
        request
            .priority
            .as_ref()
            .and_then(|priority| self.wrong_priority(priority))
            .map(|why| Status::bad_request(reply, why))
    }

    fn wrong_priority(&self, priority: &Priority) -> Option<&'static str> {
        let policy = self.config.priority_policy;
        if !(0..=9).contains(&priority.priority) {
            return Some("Priority must be between 0 and 9");
        }
        if (priority.min_pending != 0 || priority.min_ack_pending != 0) && policy != PriorityPolicy::Overflow {
            return Some("Not a Overflow Priority consumer");
        }
        if !priority.pin_id.is_empty() && policy != PriorityPolicy::PinnedClient {
            return Some("Not a Pinned Client Priority consumer");
        }
        if policy == PriorityPolicy::None {
            return None;
        }
        if priority.group.is_empty() {
            return Some("Priority Group missing");
        }
        (!self.config.priority_groups.contains(&priority.group)).then_some("Invalid Priority Group")
    }
}

/// The pinned client keeps its pin by asking; who names another pin is told at once, and so is who names what no pin is:
/// it would only take room.
fn check_pin(request: &PullRequest, pin: &mut Pin, now: i64) -> Result<(), Status> {
    let id = request.priority.as_ref().map_or("", |priority| &priority.pin_id);
    if id.len() > Pin::MAX_ID_BYTES || (!id.is_empty() && pin.is_pinned() && !pin.is(id)) {
        return Err(Status::pin_mismatch(&request.reply));
    }
    if !id.is_empty() {
        pin.keep(now);
    }
    Ok(())
}
