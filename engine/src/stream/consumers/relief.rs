//! Destinations that have more to read than they should: their consumers are served again once they have read.

use std::sync::Weak;
use std::task::{Context, Wake, Waker};

use bytes::Bytes;

use super::{Consumers, Key};
use crate::deliver_as::Reach;
use crate::relief::{Relief, STALL_LOW_BYTES};
use crate::router::Router;
use crate::sink::Sink;
use crate::stream::Stream;
use crate::subscription::Subscription;
use crate::sync::Arc;
use crate::worker::Worker;

/// Tells a stream that a consumer can be served again.
struct Relieved {
    stream: Weak<Stream>,
    consumer: Key,
}

impl Wake for Relieved {
    fn wake(self: std::sync::Arc<Self>) {
        if let Some(stream) = self.stream.upgrade() {
            stream.on_relief(self.consumer);
        }
    }
}

/// A consumer that waits, and whom it delivers to.
struct Waiting {
    waker: Waker,
    is_push: bool,
    group: Option<Bytes>,
}

impl Stream {
    /// Has each of these consumers served again when those who listen on the subject have read; at once, if they have
    /// meanwhile.
    pub(super) fn await_relief(self: &Arc<Self>, router: &Router, congested: &[(Key, Bytes)], worker: &mut Worker) {
        for (consumer, subject) in congested {
            let Some(Waiting { waker, is_push, group }) = self.waiting(*consumer) else { continue };
            let mut waits = false;
            worker.visit_listeners(router, subject, |subscription| {
                waits |= wait_for(subscription, &mut Context::from_waker(&waker));
            });
            // Those whom it waits for may have read meanwhile, and somebody beside them who listens to everything not.
            let reach = worker.reach(router, subject, group.as_deref(), is_push);
            if !waits || reach != Reach::Congested {
                self.state.lock().consumers.make_ready_again(*consumer);
            }
        }
    }

    /// The same waker for one consumer each time: it is registered once, however often it is to be.
    fn waiting(self: &Arc<Self>, consumer: Key) -> Option<Waiting> {
        let mut state = self.state.lock();
        let member = state.consumers.find(consumer)?;
        let made = || Waker::from(std::sync::Arc::new(Relieved { stream: Arc::downgrade(self), consumer }));
        let waker = member.relief.get_or_insert_with(made).clone();
        let config = member.consumer.config();
        let group = Some(&config.deliver_group).filter(|group| !group.is_empty());
        Some(Waiting {
            waker,
            is_push: config.is_push(),
            group: group.map(|group| Bytes::copy_from_slice(group.as_bytes())),
        })
    }
}

impl Consumers {
    /// Puts a consumer in the queue if it is still there.
    pub(super) fn make_ready_again(&mut self, consumer: Key) {
        if self.find(consumer).is_some() {
            self.make_ready(consumer.slot);
        }
    }
}

/// Whether the waker will be told when the subscriber has read.
fn wait_for(subscription: &Subscription, cx: &mut Context<'_>) -> bool {
    let wait = |relief: &Relief, cx: &mut Context<'_>, is_relieved: &dyn Fn() -> bool| {
        relief.poll_relieved_with_all(cx, is_relieved).is_pending()
    };
    match subscription.sink() {
        Sink::Wire(outbox) => {
            wait(outbox.relief(), cx, &|| !outbox.is_open() || outbox.pending_bytes() <= STALL_LOW_BYTES)
        }
        Sink::Local(queue) => {
            wait(queue.relief(), cx, &|| subscription.is_closed() || queue.pending_bytes() <= STALL_LOW_BYTES)
        }
        _ => false,
    }
}
