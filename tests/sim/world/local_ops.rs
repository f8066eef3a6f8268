//! What in-process clients do.

use embus_engine::{PublishRefused, QueueBounds, SubscribeRefused};
use embus_protocol::subject::Subject;

use super::World;
use super::wire_ops::random_queue;
use crate::local::{Reader, WIDE};
use crate::message::identify;
use crate::subject;

impl World {
    pub(super) fn local_op(&mut self) {
        if self.locals.is_empty() {
            return;
        }
        let index = self.rng.usize(..self.locals.len());
        match self.rng.u8(..20) {
            0..4 => self.subscribe_local(index),
            4..6 => self.unsubscribe_local(index),
            6 => self.drop_reader(index),
            _ => self.publish_local(index),
        }
    }

    fn publish_local(&mut self, index: usize) {
        // Half of the time a client that is held back waits, as an asynchronous one does.
        if self.locals[index].is_held_back() && self.rng.bool() {
            return;
        }
        let peer = self.locals[index].peer;
        let message = self.random_message(peer, true);
        self.trace.note(format_args!("{peer} publishes {message:.200?}"));
        let is_reserved = message.subject.starts_with("$NRG.")
            || message.reply.as_ref().is_some_and(|reply| reply.starts_with("_R_."));
        match self.locals[index].publish(&message) {
            Ok(delivered) => {
                self.mark_cuts();
                let taken = self.model.publish_local(peer, message);
                taken.check("deliveries", delivered as u64);
            }
            Err(refused) => {
                let expected = if self.locals[index].client.is_closed() {
                    PublishRefused::Closed
                } else {
                    assert!(is_reserved, "{peer} was refused: {refused}");
                    PublishRefused::Reserved
                };
                assert_eq!(refused, expected);
            }
        }
        self.judge_cuts(None);
    }

    fn subscribe_local(&mut self, index: usize) {
        let filter = match self.rng.u8(..20) {
            0 => "a..b".to_owned(),
            1..4 => format!("r.{}.*", self.locals[index].peer),
            _ => subject::random_filter(&mut self.rng),
        };
        let queue = random_queue(&mut self.rng);
        let small = QueueBounds { messages: self.rng.usize(1..20), bytes: self.rng.usize(300..40_000) };
        let bounds = if self.rng.u8(..4) == 0 { small } else { WIDE };
        let local = &mut self.locals[index];
        let peer = local.peer;
        let limit = self.scenario.limits.max_subscriptions;
        let outcome = local.client.subscribe(&Subject::from(filter.as_str()), queue.as_deref(), bounds);
        self.trace.note(format_args!("{peer} subscribes to {filter} {queue:?}: {:?}", outcome.as_ref().err()));
        match outcome {
            Ok(subscription) => {
                local.last_sid += 1;
                let sid = local.last_sid;
                let may_drop = bounds != WIDE || !self.scenario.has_wide_budget();
                let inbox = self.model.add_inbox(may_drop);
                local.readers.push(Reader::new(sid, inbox, subscription, bounds));
                self.model.add_interest(peer, sid, inbox, filter, queue);
            }
            Err(SubscribeRefused::InvalidSubject) => assert!(!subject::is_valid_filter(&filter)),
            Err(SubscribeRefused::TooMany { .. }) => assert!(limit > 0 && self.model.sids(peer).count() >= limit),
            Err(SubscribeRefused::Closed) => assert!(local.client.is_closed()),
            Err(refused) => panic!("{peer} may not subscribe to {filter}: {refused}"),
        }
    }

    fn unsubscribe_local(&mut self, index: usize) {
        let local = &self.locals[index];
        if local.readers.is_empty() {
            return;
        }
        let reader = &local.readers[self.rng.usize(..local.readers.len())];
        // Where a bound on subscriptions holds, members of queue groups have no maximum: how many are left is certain.
        let max = if self.scenario.limits_members() { self.rng.u64(..10) } else { 0 };
        self.trace.note(format_args!("{} unsubscribes {} after {max}", local.peer, reader.sid));
        match max {
            0 => reader.subscription.drain(),
            _ => reader.subscription.unsubscribe_after(max),
        }
        self.model.unsubscribe(local.peer, reader.sid, max);
    }

    /// A subscription is dropped with what waits for it.
    fn drop_reader(&mut self, index: usize) {
        let local = &mut self.locals[index];
        if local.readers.is_empty() {
            return;
        }
        let reader = local.readers.swap_remove(self.rng.usize(..local.readers.len()));
        self.trace.note(format_args!("{} drops {}", local.peer, reader.sid));
        self.model.unsubscribe(local.peer, reader.sid, 0);
        self.model.inbox(reader.inbox).is_broken = true;
    }

    pub(super) fn read_local(&mut self) {
        if self.locals.is_empty() {
            return;
        }
        let index = self.rng.usize(..self.locals.len());
        self.locals[index].poll_congestions();
        if self.locals[index].readers.is_empty() {
            return;
        }
        let reader = self.rng.usize(..self.locals[index].readers.len());
        for _ in 0..self.rng.usize(1..6) {
            self.read_next_local(index, reader);
        }
    }

    fn read_next_local(&mut self, index: usize, reader: usize) -> bool {
        let local = &mut self.locals[index];
        let peer = local.peer;
        let reader = &mut local.readers[reader];
        let Some(received) = reader.next() else { return false };
        let (id, is_status) = identify(&received);
        self.trace.note(format_args!("{peer} gets {id} {is_status} on {}", reader.sid));
        self.model.receive_local(peer, reader.inbox, &received);
        true
    }

    /// Reads everything that waits for an in-process client.
    pub(super) fn read_all_local(&mut self, index: usize) -> bool {
        let mut is_busy = self.locals[index].poll_congestions();
        for reader in 0..self.locals[index].readers.len() {
            while self.read_next_local(index, reader) {
                is_busy = true;
            }
        }
        is_busy
    }

    /// An in-process client ends; what waits for it can still be read.
    pub(super) fn close_local(&mut self) {
        if self.locals.is_empty() {
            return;
        }
        let local = &self.locals[self.rng.usize(..self.locals.len())];
        self.trace.note(format_args!("{} closes", local.peer));
        if local.client.is_closed() {
            return;
        }
        local.client.close();
        self.model.close(local.peer);
        // What was read by then and not yet counted stays uncounted, perhaps.
        for reader in &local.readers {
            self.model.sums.forgive(reader.uncounted);
        }
    }
}
