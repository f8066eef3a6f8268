//! What consumers do when their time has come: expiries, heartbeats, redeliveries, their own end.

use embus_storage::message::Timestamp;

use super::Consumers;
use super::gate::Gate;
use super::index::Slot;
use crate::consumer::Consumer;
use crate::stream::core::Core;
use crate::stream::{State, Stream};
use crate::sync::Arc;

impl Consumers {
    /// Does what is due; returns who is there no more.
    fn handle_deadlines(&mut self, core: &mut Core, gate: &mut Gate<'_>, now: Timestamp) -> Vec<Slot> {
        let mut expired = Vec::new();
        while let Some((deadline, slot)) = self.due.first().copied()
            && deadline <= now
        {
            self.due.pop_first();
            let Some(member) = self.member_mut(slot) else { continue };
            member.armed = None;
            let handled = self.show(slot, core, gate, now, Consumer::handle_deadline);
            if let Some(Err(error)) = handled {
                tracing::warn!(%error, "a consumer could not do what was due");
            }
            if self.member(slot).is_some_and(|member| member.consumer.is_expired()) {
                expired.push(slot);
                continue;
            }
            self.make_ready(slot);
            self.settle(slot, core, now);
            self.keep_later(slot, now);
        }
        expired
    }

    /// A deadline that is still over is looked at once more a little later, and not at once for ever.
    fn keep_later(&mut self, slot: Slot, now: Timestamp) {
        let Some(member) = self.members.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        let Some(armed) = member.armed.filter(|armed| *armed <= now) else { return };
        let later = now.saturating_add(MIN_DELAY_NANOS);
        self.due.remove(&(armed, slot));
        self.due.insert((later, slot));
        member.armed = Some(later);
    }
}

impl Stream {
    /// Does what consumers have to do by now. The caller commits, and serves them.
    pub(in crate::stream) fn handle_consumer_deadlines(self: &Arc<Self>, state: &mut State, now: Timestamp) {
        let Some(router) = self.router.upgrade() else { return };
        let mut gate = Gate::new(&router, None);
        for slot in state.consumers.handle_deadlines(&mut state.core, &mut gate, now) {
            self.remove_consumer(&router, state, slot);
        }
    }
}

/// What a consumer waits at least until it does more.
const MIN_DELAY_NANOS: Timestamp = 1_000_000;
