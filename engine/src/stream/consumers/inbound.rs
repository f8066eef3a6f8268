//! What clients tell the consumers of a stream, carried out under one lock per turn.

use bytes::Bytes;
use embus_storage::message::Timestamp;

use super::gate::Gate;
use super::index::Slot;
use crate::consumer::ack::{AckToken, AckVerb};
use crate::consumer::{PullRequest, Status};
use crate::feedback::{Messages, Says};
use crate::stream::{State, Stream};
use crate::sync::Arc;
use crate::worker::Worker;

impl Stream {
    /// Whether there is a consumer of that name.
    pub(crate) fn has_consumer(&self, name: &[u8]) -> bool {
        std::str::from_utf8(name).is_ok_and(|name| self.state.lock().consumers.slot(name).is_some())
    }

    /// Takes in what a turn brought. The caller commits, and serves the consumers.
    pub(crate) fn handle_feedback(self: &Arc<Self>, messages: &Messages, worker: &mut Worker) {
        let Some(router) = self.router.upgrade() else { return };
        let mut gate = Gate::new(&router, Some(worker));
        let mut state = self.state.lock();
        let state = &mut *state;
        let now = self.now();
        let mut last: Option<(&[u8], Slot)> = None;
        for message in messages.iter() {
            let slot = match last {
                Some((name, slot)) if name == message.consumer => slot,
                _ => {
                    let found = std::str::from_utf8(message.consumer).ok();
                    let Some(slot) = found.and_then(|name| state.consumers.slot(name)) else { continue };
                    if let Some((_, slot)) = last.replace((message.consumer, slot)) {
                        state.after(slot, now);
                    }
                    slot
                }
            };
            match message.says {
                Says::Ack(token, body) => state.acknowledge(slot, &token, body, message.reply, &mut gate, now),
                Says::Flow(subject, arrived) => {
                    state.with_consumer(slot, |consumer| consumer.handle_flow(subject, arrived, now));
                }
                Says::Pull(body) => state.pull(slot, body, message.reply, &mut gate, now),
                Says::PullOfNewer => state.refuse_newer(message.reply),
            }
        }
        if let Some((_, slot)) = last {
            state.after(slot, now);
        }
        self.arm(state);
    }

    /// Takes a request of an in-process client in. Says whether there is such a consumer.
    pub fn pull(self: &Arc<Self>, consumer: &str, request: PullRequest) -> bool {
        let Some(router) = self.router.upgrade() else { return false };
        {
            let mut state = self.state.lock();
            let state = &mut *state;
            let now = self.now();
            let Some(slot) = state.consumers.slot(consumer) else { return false };
            state.request(slot, request, &mut Gate::new(&router, None), now);
            state.after(slot, now);
            self.arm(state);
        }
        self.pump_alone();
        true
    }
}

impl State {
    /// After everything that one consumer was told.
    pub(super) fn after(&mut self, slot: Slot, now: Timestamp) {
        self.consumers.make_ready(slot);
        self.consumers.settle(slot, &mut self.core, now);
    }

    fn acknowledge(
        &mut self,
        slot: Slot,
        token: &AckToken,
        body: &[u8],
        reply: Option<&[u8]>,
        gate: &mut Gate<'_>,
        now: Timestamp,
    ) {
        let verb = AckVerb::parse(body);
        let member = self.consumers.member_mut(slot);
        let is_answered = member.is_some_and(|member| member.consumer.handle_ack(token, verb, now));
        match verb {
            // The reply is where the next messages go; it is not told that this one is done. [reference §5.2]
            AckVerb::Next(request) => self.pull(slot, request, reply, gate, now),
            _ => {
                // Where too many wait already, this one is done but not confirmed.
                if let Some(reply) = reply.filter(|_| is_answered && !self.waiting.is_full()) {
                    self.consumers.journal.want();
                    self.waiting.push_confirmation(reply);
                }
            }
        }
    }

    fn pull(&mut self, slot: Slot, body: &[u8], reply: Option<&[u8]>, gate: &mut Gate<'_>, now: Timestamp) {
        // Without a place for messages there is nothing to do. [reference §5.5]
        let Some(reply) = reply else { return };
        match PullRequest::parse(body, Bytes::copy_from_slice(reply)) {
            Ok(request) => self.request(slot, request, gate, now),
            Err(status) => self.consumers.statuses.push(status),
        }
    }

    fn request(&mut self, slot: Slot, request: PullRequest, gate: &mut Gate<'_>, now: Timestamp) {
        let Self { consumers, core, .. } = self;
        let refusal = consumers.show(slot, core, gate, now, |consumer, scene| consumer.handle_pull(request, scene));
        consumers.statuses.extend(refusal.flatten());
    }

    fn refuse_newer(&mut self, reply: Option<&[u8]>) {
        let Some(reply) = reply else { return };
        let headers = b"NATS/1.0 412 Required Api Level\r\n\r\n".to_vec();
        self.consumers.statuses.push(Status { to: Bytes::copy_from_slice(reply), reply: None, headers });
    }

    fn with_consumer(&mut self, slot: Slot, act: impl FnOnce(&mut crate::consumer::Consumer)) {
        if let Some(member) = self.consumers.member_mut(slot) {
            act(&mut member.consumer);
        }
    }
}
