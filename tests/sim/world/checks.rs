//! What must hold at any time: bounds, counters, and that nobody is cut without cause.

use embus_engine::{Clock, CloseReason};

use super::World;
use crate::client::{Pace, Sending};
use crate::model::{Between, Standing};
use crate::scenario::WRITE_DEADLINE;

impl World {
    /// Notes who was cut in this step, before the expectation looks at what the step did.
    pub(super) fn mark_cuts(&mut self) {
        for client in &self.clients {
            let Some(driver) = &client.driver else { continue };
            if driver.session().outbox().closed().is_some() && self.model.standing(client.peer) == Some(Standing::Open)
            {
                self.model.set_standing(client.peer, Standing::Cutting);
            }
        }
    }

    /// Looks at who was cut in this step, and why; `served` is whose turn it was.
    pub(super) fn judge_cuts(&mut self, served: Option<usize>) {
        self.mark_cuts();
        for index in 0..self.clients.len() {
            let client = &self.clients[index];
            let Some(driver) = &client.driver else { continue };
            if self.model.standing(client.peer) != Some(Standing::Cutting) {
                continue;
            }
            let reason = driver.session().outbox().closed().expect("a cut outbox is closed");
            self.trace.note(format_args!("{} is cut: {reason}, served {served:?}", client.peer));
            self.model.set_standing(client.peer, Standing::Cut);
            self.model.inbox(client.inbox).is_broken = true;
            self.judge_cut(index, reason);
        }
    }

    pub(super) fn judge_cut(&self, index: usize, reason: CloseReason) {
        let (client, limits) = (&self.clients[index], &self.scenario.limits);
        let peer = client.peer;
        match reason {
            CloseReason::SlowConsumerPendingBytes => {
                let is_full = self.waiting_bytes(index) > limits.max_pending;
                let is_budget_spent = (0..self.clients.len()).map(|other| self.waiting_bytes(other)).sum::<usize>()
                    + self.waiting_local_bytes()
                    > limits.max_buffered;
                assert!(is_full || is_budget_spent, "{peer} was cut, yet little waits for it");
            }
            CloseReason::SlowConsumerWriteDeadline => {
                let silence = self.clock.monotonic() - client.socket.accepted_at();
                assert!(silence >= WRITE_DEADLINE, "{peer} was cut, yet it read {silence:?} ago");
            }
            CloseReason::WriteError => assert!(client.socket.is_broken(), "{peer}: its socket is well"),
            CloseReason::ServerShutdown => assert!(self.was_kicked(peer), "{peer} was cut for no reason"),
            other => panic!("{peer} was cut for {other}"),
        }
    }

    /// Bytes that wait for a client, at most.
    fn waiting_bytes(&self, index: usize) -> usize {
        let client = &self.clients[index];
        let accepted = usize::try_from(client.socket.accepted()).expect("a run is short");
        (self.model.offered_bytes(client.peer) + PINGS_BYTES).saturating_sub(accepted)
    }

    fn waiting_local_bytes(&self) -> usize {
        self.locals.iter().map(|local| self.model.offered_bytes(local.peer)).sum()
    }

    /// No queue is longer than it may be, and all together neither.
    pub(super) fn check_bounds(&self) {
        let limits = &self.scenario.limits;
        let mut waiting = 0;
        for driver in self.clients.iter().filter_map(|client| client.driver.as_ref()) {
            let pending = driver.session().outbox().pending_bytes();
            assert!(pending <= limits.max_pending, "{pending} bytes wait for one reader");
            waiting += pending;
        }
        let statistics = self.engine.statistics();
        assert!(statistics.buffered_bytes >= waiting, "bytes wait that are not counted");
        let slack = self.clients.len() * CONTROL_LINES_BYTES;
        assert!(statistics.buffered_bytes <= limits.max_buffered + slack, "too many bytes wait in all");
        if self.locals.is_empty() {
            assert_eq!(statistics.buffered_bytes, waiting, "bytes are counted that do not wait");
        }
    }

    /// The broker's counters are what the clients did.
    pub(super) fn check_counters(&self) {
        let (statistics, sums) = (self.engine.statistics(), &self.model.sums);
        assert_eq!(statistics.traffic.in_msgs, sums.in_messages, "messages in");
        assert_eq!(statistics.traffic.in_bytes, sums.in_bytes, "bytes in");
        sums.out_messages.check("messages out", statistics.traffic.out_msgs);
        sums.out_bytes.check("bytes out", statistics.traffic.out_bytes);
        self.model.subscriptions().check("subscriptions", statistics.subscriptions as u64);
        let open = self.clients.iter().filter(|client| client.is_open()).count();
        assert_eq!(statistics.connections, open, "connections");
        assert_eq!(statistics.total_connections, self.opened, "connections ever");
        assert_eq!(statistics.slow_consumers, self.slow_consumers, "slow consumers");
        assert_eq!(statistics.stale_connections, self.stale_connections, "stale connections");
        let held = self.engine.subscriptions().len() as u64;
        Between { least: held, most: held }.check("interest", statistics.subscriptions as u64);
    }

    /// Nobody who reads is kept waiting, and who does not read runs into the write deadline.
    pub(super) fn check_dead_readers(&self) {
        for client in &self.clients {
            let Some(driver) = client.driver.as_ref().filter(|driver| !driver.is_closing()) else { continue };
            if driver.session().outbox().pending_bytes() == 0 {
                continue;
            }
            let is_reading = client.pace == Pace::Prompt && client.sending != Sending::Gone;
            assert!(!is_reading, "bytes wait for {} although it reads", client.peer);
            let (now, timer) = (self.clock.monotonic(), driver.session().next_timeout());
            assert!(now < timer && timer <= now + WRITE_DEADLINE, "{} may hold bytes for long", client.peer);
        }
    }
}

/// PINGs that a run sends to one client, in bytes, generously.
const PINGS_BYTES: usize = 4000;

/// Control lines for one client that are queued without a look at the budget.
const CONTROL_LINES_BYTES: usize = 4096;
