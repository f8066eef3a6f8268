//! Consumers that have something to do because something changed elsewhere: interest, or room in a queue.

use super::Key;
use super::gate::Gate;
use crate::stream::Stream;
use crate::sync::Arc;

impl Stream {
    /// Interest in where a push consumer delivers to has come or gone. Takes no lock: others may be held.
    pub(crate) fn on_interest(self: &Arc<Self>, consumer: Key) {
        self.spawn_wake(consumer, move |stream| stream.see_interest(consumer));
    }

    /// A destination of a consumer has read what it had. Takes no lock: others may be held.
    pub(super) fn on_relief(self: &Arc<Self>, consumer: Key) {
        self.spawn_wake(consumer, |_| ());
    }

    fn spawn_wake(self: &Arc<Self>, consumer: Key, prepare: impl FnOnce(&Arc<Self>) + Send + 'static) {
        let Some(engine) = self.engine.upgrade() else { return };
        let Some(jobs) = engine.jobs() else { return };
        let stream = Arc::clone(self);
        jobs.spawn(Box::new(move || {
            prepare(&stream);
            stream.state.lock().consumers.make_ready_again(consumer);
            stream.pump_alone();
        }));
    }

    fn see_interest(self: &Arc<Self>, consumer: Key) {
        let Some(router) = self.router.upgrade() else { return };
        let mut state = self.state.lock();
        let state = &mut *state;
        let now = self.now();
        if state.consumers.find(consumer).is_some() {
            state.consumers.check_interest(consumer.slot, &mut Gate::new(&router, None), now);
            state.consumers.settle(consumer.slot, &mut state.core, now);
            self.arm(state);
        }
    }
}
