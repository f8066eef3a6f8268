//! What the pump does in one round: decided under the stream's lock, carried out outside of it.

use std::task::Waker;

use bytes::Bytes;
use embus_storage::log::RunLimit;
use embus_storage::message::Timestamp;

use super::gate::Gate;
use super::index::Slot;
use super::notice::Notice;
use super::{Consumers, Key};
use crate::consumer::{Consumer, Scene, Status, Step};
use crate::stream::core::Core;
use crate::sync::Arc;

/// Messages of one round: more would hold the lock for long, and the memory of slow readers.
const MAX_ROUND_MESSAGES: usize = 256;
/// Bytes of one round.
const MAX_ROUND_BYTES: usize = 1024 * 1024;
/// Messages that one consumer gets before the next one has its turn.
const MAX_TURN_MESSAGES: usize = 64;

/// One round.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) statuses: Vec<Status>,
    /// Programs that wait and shall look now.
    pub(super) called: Vec<Waker>,
    pub(super) notices: Vec<Notice>,
    pub(super) steps: Vec<Step>,
    /// Whose steps they are.
    pub(super) runs: Vec<Run>,
    /// Consumers that have something for a destination that is to read first what it has.
    pub(super) congested: Vec<(Key, Bytes)>,
    messages: usize,
    bytes: usize,
}

/// Steps of one consumer.
pub(super) struct Run {
    pub(super) key: Key,
    pub(super) name: Arc<str>,
    pub(super) end: usize,
    /// Whether nothing is to be sent behind what could not be read.
    pub(super) delivers_once: bool,
    /// Whether the stream waits until everything is sent.
    pub(super) is_sending: bool,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        let is_silent = self.statuses.is_empty() && self.notices.is_empty() && self.called.is_empty();
        is_silent && self.steps.is_empty() && self.congested.is_empty()
    }

    fn is_full(&self) -> bool {
        self.messages >= MAX_ROUND_MESSAGES || self.bytes >= MAX_ROUND_BYTES
    }

    /// Forgets what was done but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.statuses.clear();
        self.called.clear();
        self.notices.clear();
        self.steps.clear();
        self.runs.clear();
        self.congested.clear();
        (self.messages, self.bytes) = (0, 0);
    }

    /// What still fits in.
    fn room(&self) -> RunLimit {
        RunLimit {
            messages: MAX_ROUND_MESSAGES.saturating_sub(self.messages),
            bytes: MAX_ROUND_BYTES.saturating_sub(self.bytes),
        }
    }

    /// Adds a step; says how many messages it is.
    fn push(&mut self, step: Step) -> usize {
        let (messages, bytes) = match &step {
            Step::Deliver(deliver) => (1, deliver.locator.body_bytes()),
            Step::Run(run) => (run.run.len(), run.run.body_bytes().sum()),
            Step::Status(status) => (1, status.headers.len()),
        };
        self.messages += messages;
        self.bytes = self.bytes.saturating_add(bytes);
        self.steps.push(step);
        messages
    }
}

impl Consumers {
    /// Fills `plan` with what there is to do now, as far as one round goes.
    pub(super) fn plan(&mut self, core: &mut Core, gate: &mut Gate<'_>, now: Timestamp, plan: &mut Plan) {
        plan.statuses.append(&mut self.statuses);
        while !self.is_closed
            && !plan.is_full()
            && let Some(slot) = self.ready.pop_front()
        {
            let Some(member) = self.member_mut(slot) else { continue };
            member.is_ready = false;
            if self.serve(slot, core, gate, now, plan) {
                self.make_ready(slot);
            }
            self.settle(slot, core, now);
        }
        plan.notices.append(&mut self.notices);
        plan.called.append(&mut self.called);
    }

    /// Takes what a consumer has to do now; says whether there may be more.
    fn serve(&mut self, slot: Slot, core: &mut Core, gate: &mut Gate<'_>, now: Timestamp, plan: &mut Plan) -> bool {
        let has_more = self.show(slot, core, gate, now, |consumer, scene| take_steps(consumer, scene, plan));
        self.call_reader(slot);
        let Some(member) = self.member(slot) else { return false };
        let key = Key { slot, id: member.id };
        plan.congested.extend(gate.take_congested().into_iter().map(|subject| (key, subject)));
        plan.runs.push(Run {
            key,
            name: Arc::clone(&member.name),
            end: plan.steps.len(),
            delivers_once: member.consumer.delivers_once(),
            is_sending: member.consumer.is_sending(),
        });
        has_more.unwrap_or(false)
    }
}

/// Polls until there is nothing, or as much as one consumer may have in a row; says whether there may be more.
fn take_steps(consumer: &mut Consumer, scene: &mut Scene<'_>, plan: &mut Plan) -> bool {
    let mut left = MAX_TURN_MESSAGES;
    while left > 0 && !plan.is_full() {
        let room = plan.room();
        match consumer.poll_run(RunLimit { messages: room.messages.min(left), ..room }, scene) {
            Ok(Some(step)) => left -= plan.push(step).min(left),
            Ok(None) => return false,
            Err(error) => {
                let setting = consumer.setting();
                tracing::warn!(stream = %setting.stream, consumer = %setting.name, %error, "a consumer found no message");
                return false;
            }
        }
    }
    true
}
