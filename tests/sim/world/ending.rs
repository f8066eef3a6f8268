//! The end of a run: first everybody gets well and reads everything, without time passing; then everybody leaves, and
//! nothing is left.

use super::World;
use crate::client::{Pace, Sending};

impl World {
    pub(super) fn finish(&mut self) {
        self.heal();
        self.check_complete();
        self.check_counters();
        self.leave_all();
        self.check_empty();
    }

    /// Everybody sends what it has and reads what there is. No time passes: nothing that waits may need a timer.
    fn heal(&mut self) {
        for client in &mut self.clients {
            client.pace = Pace::Prompt;
        }
        self.trace.note(format_args!("everybody gets well"));
        self.settle();
    }

    /// Nothing is on its way any more, and nothing was lost.
    fn check_complete(&mut self) {
        for client in &self.clients {
            let Some(driver) = &client.driver else { continue };
            assert!(!driver.is_stalled(), "{} is held back for nobody", client.peer);
            assert!(client.ops.is_empty(), "{} is not listened to", client.peer);
            assert!(!client.socket.has_for_client(), "{} did not read all", client.peer);
            assert_eq!(driver.session().outbox().pending_bytes(), 0, "bytes wait for {}", client.peer);
            self.model.inbox(client.inbox).finish();
        }
        for local in &self.locals {
            assert!(!local.is_held_back(), "{} is held back for nobody", local.peer);
            for reader in &local.readers {
                self.model.inbox(reader.inbox).finish();
                let (least, most) = self.model.inbox(reader.inbox).missed();
                let dropped = reader.subscription.dropped();

                assert!((least..=most).contains(&dropped), "{dropped} dropped, but {least} to {most} are missing");
                let may_drop = reader.may_drop() || !self.scenario.has_wide_budget();
                assert!(dropped == 0 || may_drop, "dropped although there is room");
                let must_go_on = self.model.is_subscribed(local.peer, reader.sid);
                assert!(!must_go_on || !reader.has_ended, "{} has ended early", reader.sid);
            }
        }
        self.model.check_choices();
    }

    /// Everybody leaves in its own way, or the broker stops.
    fn leave_all(&mut self) {
        self.trace.note(format_args!("everybody leaves"));
        if self.rng.bool() {
            self.engine.stop();
        }
        for index in (0..self.clients.len()).rev() {
            if self.clients[index].sending == Sending::Open {
                match self.rng.u8(..3) {
                    0 => self.vanish(index),
                    1 if self.clients[index].is_open() => self.drop_driver(index),
                    _ => self.clients[index].sending = Sending::Finishing,
                }
            }
        }
        self.locals.clear();
        self.settle();
    }

    /// Nobody is left, and nothing of them.
    fn check_empty(&mut self) {
        assert!(self.clients.is_empty(), "somebody is left: {:?}", self.clients);
        let statistics = self.engine.statistics();
        assert_eq!((statistics.connections, statistics.subscriptions), (0, 0), "nobody is left");
        assert_eq!(statistics.interest.filters, 0, "nobody is interested");
        assert_eq!(statistics.interest.inserts, statistics.interest.removes, "every interest was taken back");
        assert_eq!(statistics.buffered_bytes, 0, "nothing waits");
        assert!(self.engine.connections().is_empty(), "nobody is known");
        let sums = &self.model.sums;
        assert_eq!(statistics.traffic.in_msgs, sums.in_messages, "messages in");
        sums.out_messages.check("messages out", statistics.traffic.out_msgs);
        self.trace.note(format_args!("{:?}", statistics.traffic));
    }
}
