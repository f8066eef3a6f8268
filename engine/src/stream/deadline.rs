//! When a stream is to be called next, and what it does then.

use embus_storage::message::Timestamp;

use super::{State, Stream};
use crate::engine::Engine;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

impl Stream {
    /// Sets the deadline of this stream if it has an earlier one than the engine knows of. What has to wait for a disk,
    /// or for a commit that is under way, has no deadline of its own: whoever is at it calls again.
    #[inline]
    pub(super) fn arm(self: &Arc<Self>, state: &mut State) {
        let own = match &state.trouble {
            Some(trouble) => Some(trouble.trial_at),
            None => earlier(state.core.next_expiry(), state.sync_due.filter(|_| !state.busy)),
        };
        if let Some(deadline) = earlier(own, state.consumers.next_deadline(state.busy)) {
            self.arm_at(state, deadline);
        }
    }

    fn arm_at(self: &Arc<Self>, state: &mut State, deadline: Timestamp) {
        if state.armed.is_some_and(|armed| armed <= deadline) || self.stopped.load(Ordering::Acquire) {
            return;
        }
        if let Some(engine) = self.engine.upgrade() {
            engine.deadlines().set(self, state.armed.replace(deadline), deadline);
        }
    }

    /// The deadline has come: messages expire, what was written is synced, a disk that failed is tried. Runs as a job.
    pub(crate) fn on_deadline(self: &Arc<Self>, engine: &Arc<Engine>, now: Timestamp) {
        self.state.lock().armed = None;
        self.try_disk(engine, now);
        let work = {
            let mut state = self.state.lock();
            self.handle_consumer_deadlines(&mut state, now);
            state.expire(now);
            self.begin(&mut state)
        };
        if let Some(work) = work {
            self.run(engine, work);
        }
        if self.sweep_unneeded() {
            self.commit();
        }
        self.pump_alone();
        let mut state = self.state.lock();
        self.arm(&mut state);
    }
}

impl State {
    fn expire(&mut self, now: Timestamp) {
        if self.trouble.is_none() && self.core.next_expiry().is_some_and(|expiry| expiry <= now) {
            self.core.expire(now);
        }
        self.note_republished(0);
    }
}

#[inline]
fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
