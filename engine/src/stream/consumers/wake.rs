//! Consumers that have something to do because something changed elsewhere: interest, or room in a queue. However often
//! that happens, each of them waits once to be looked at, and one job of a stream does it.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::Key;
use super::gate::Gate;
use crate::router::Router;
use crate::stream::Stream;
use crate::sync::Arc;

/// Consumers that wait to be looked at. Nothing is taken under this lock, and it may be taken under others.
#[derive(Debug, Default)]
pub(in crate::stream) struct Wakes(Mutex<Called>);

#[derive(Debug, Default)]
struct Called {
    consumers: BTreeMap<Key, Cause>,
    /// There is a job that looks at them.
    is_spawned: bool,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// A destination has read.
    Relief,
    /// Who listens where it delivers to.
    Interest,
}

impl Wakes {
    /// Says whether a job is to be spawned.
    fn note(&self, consumer: Key, cause: Cause) -> bool {
        let mut called = self.0.lock();
        let noted = called.consumers.entry(consumer).or_insert(cause);
        *noted = cause.max(*noted);
        !std::mem::replace(&mut called.is_spawned, true)
    }

    fn take(&self, limit: usize) -> Vec<(Key, Cause)> {
        let mut called = self.0.lock();
        std::iter::from_fn(|| called.consumers.pop_first()).take(limit).collect()
    }

    /// Says whether there are more; if not, the job ends.
    fn has_more(&self) -> bool {
        let mut called = self.0.lock();
        called.is_spawned = !called.consumers.is_empty();
        called.is_spawned
    }
}

impl Stream {
    /// Interest in where a push consumer delivers to has come or gone. Takes no lock but its own.
    pub(crate) fn on_interest(self: &Arc<Self>, consumer: Key) {
        self.wake(consumer, Cause::Interest);
    }

    /// A destination of a consumer has read what it had. Takes no lock but its own.
    pub(super) fn on_relief(self: &Arc<Self>, consumer: Key) {
        self.wake(consumer, Cause::Relief);
    }

    fn wake(self: &Arc<Self>, consumer: Key, cause: Cause) {
        if self.wakes.note(consumer, cause) {
            self.spawn_wakes();
        }
    }

    fn spawn_wakes(self: &Arc<Self>) {
        let Some(engine) = self.engine.upgrade() else { return };
        let Some(jobs) = engine.jobs() else { return };
        let stream = Arc::clone(self);
        jobs.spawn(Box::new(move || {
            stream.wake_some();
            if stream.wakes.has_more() {
                // Others that wait for a thread have their turn.
                stream.spawn_wakes();
            }
        }));
    }

    fn wake_some(self: &Arc<Self>) {
        let Some(router) = self.router.upgrade() else { return };
        for (consumer, cause) in self.wakes.take(MAX_WAKES_PER_JOB) {
            self.wake_one(&router, consumer, cause);
        }
        self.pump_alone();
    }

    fn wake_one(self: &Arc<Self>, router: &Router, consumer: Key, cause: Cause) {
        let mut state = self.state.lock();
        let state = &mut *state;
        if state.consumers.find(consumer).is_none() {
            return;
        }
        if cause == Cause::Interest {
            let now = self.now();
            state.consumers.check_interest(consumer.slot, &mut Gate::new(router, None), now);
            state.consumers.settle(consumer.slot, &mut state.core, now);
            self.arm(state);
        }
        state.consumers.make_ready(consumer.slot);
    }
}

/// Consumers that one job looks at.
const MAX_WAKES_PER_JOB: usize = 256;
