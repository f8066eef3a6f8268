//! Statuses: there has to be a reason for each.

use super::config::Demand;
use super::deliver::header;
use super::pulls::Pull;
use super::world::World;
use crate::frame::Received;

impl World {
    pub(super) fn take_status(&mut self, status: &str, received: &Received) {
        if let Some(pull) = self.pulls.get(&received.sid).cloned() {
            if status == "100 Idle Heartbeat" {
                // The broker has seen that it waits. That may be a while ago.
                let seen_at = pull.expires_at.map_or(self.now(), |expires_at| expires_at.min(self.now()));
                self.member(pull.member).touch(seen_at);
            }
            let pull = self.end(pull, status, received);
            self.pulls.insert(received.sid, pull);
        } else {
            self.take_push_status(status, received);
        }
    }

    /// A heartbeat, or a question of flow control.
    fn take_push_status(&mut self, status: &str, received: &Received) {
        let listener = self.listeners.get(&received.sid).cloned();
        let listener = listener.unwrap_or_else(|| panic!("nobody listens: {received:?}"));
        let (now, is_loose) = (self.now(), self.members[&listener.member].is_loose || !self.is_strict());
        let member = self.member(listener.member);
        let Demand::Push { heartbeat, flow, .. } = member.config.demand else { panic!("{received:?}") };
        member.heard_at = now;
        match status {
            "100 Idle Heartbeat" => {
                assert!(heartbeat > 0, "nobody asked for {received:?}");
                let last = header(received, "Nats-Last-Consumer").and_then(|last| last.parse::<u64>().ok());
                let is_unknown = member.last.is_none() || is_loose;
                assert!(is_unknown || last <= member.last, "{last:?} is not {:?}", member.last);
            }
            "100 FlowControl Request" => {
                assert!(flow, "nobody asked for {received:?}");
                self.questions.push(received.reply.clone().expect("it is to be answered"));
            }
            _ => panic!("{status:?} for a push consumer: {received:?}"),
        }
    }

    /// A status, most of which end a request.
    fn end(&self, mut pull: Pull, status: &str, received: &Received) -> Pull {
        let is_full = pull.got == pull.batch;
        let left = pull.batch - pull.got;
        let member = &self.members[&pull.member];
        let may_be_gone = member.exists != Some(true) || member.changing > 0 || member.config.threshold.is_some();
        if status == "100 Idle Heartbeat" {
            let is_in_time = !pull.has_ended || pull.ended_at == self.looks;
            assert!(pull.heartbeat > 0 && is_in_time, "{status:?} for {pull:?}");
            return pull;
        }
        let is_right = match status {
            "404 No Messages" => pull.no_wait && !is_full,
            "408 Requests Pending" => pull.no_wait && pull.got == 0,
            "408 Request Timeout" => {
                let is_told = header(received, "Nats-Pending-Messages") == Some(&left.to_string());
                let is_over = pull.expires_at.is_some_and(|expires_at| expires_at <= self.now());
                is_told && !is_full && is_over
            }
            "409 Message Size Exceeds MaxBytes" => pull.max_bytes > 0 && !is_full,
            "409 Batch Completed" => pull.max_bytes > 0 && is_full,
            "409 Consumer Deleted" => !is_full && may_be_gone,
            "409 Consumer is push based" => member.config.is_push(),
            "409 Server Shutdown" => !is_full && self.is_closing,
            "423 Nats-Pin-Id mismatch" | "423 Nats-Wrong-Pin-Id" => pull.pin.is_some(),
            // There is no such consumer.
            "503" => may_be_gone && pull.got == 0,
            _ => false,
        };
        // What a disk that fails could not read was given to somebody all the same.
        let may_be_unread = !self.is_strict();
        assert!(
            may_be_unread || (is_right && (is_full || !pull.has_ended)),
            "{status:?} for {pull:?}: {received:?}, {member:?}"
        );
        (pull.has_ended, pull.ended_at) = (true, self.looks);
        pull
    }
}
