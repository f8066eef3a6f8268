//! The delivering side of a push consumer: who listens, flow control, heartbeats, rate. [reference §5.6]

mod flow;
mod rate;

use std::collections::VecDeque;

use bytes::Bytes;
use embus_storage::message::Timestamp;

use super::config::ConsumerConfig;
use super::requests::Reached;
use super::status::Status;
use super::step::{Readiness, Scene};
use flow::Flow;
use rate::Rate;

/// Where a push consumer delivers to.
#[derive(Debug)]
pub(super) struct Push {
    to: Bytes,
    group: Option<Bytes>,
    /// Whether somebody listens, as far as is known.
    is_active: bool,
    /// Since when it is as it is.
    since: Timestamp,
    /// In which round that was looked at, and what it was.
    seen: Option<(u64, Readiness)>,
    flow: Option<Flow>,
    rate: Option<Rate>,
    heartbeat: i64,
    /// When something was sent last.
    last_sent: Timestamp,
}

impl Push {
    pub(super) fn new(config: &ConsumerConfig, stream: &str, consumer: &str, now: Timestamp) -> Self {
        Self {
            to: config.deliver_subject.clone().into(),
            group: (!config.deliver_group.is_empty()).then(|| config.deliver_group.clone().into()),
            is_active: false,
            since: now,
            seen: None,
            flow: config.flow_control.then(|| Flow::new(stream, consumer)),
            rate: Rate::new(config.rate_limit),
            heartbeat: config.idle_heartbeat.0,
            last_sent: now,
        }
    }

    /// Takes over what a changed configuration says.
    pub(super) fn update(&mut self, config: &ConsumerConfig) {
        let to = config.deliver_subject.as_bytes();
        if self.to != to {
            self.to = Bytes::copy_from_slice(to);
            self.seen = None;
        }
        self.group = (!config.deliver_group.is_empty()).then(|| config.deliver_group.clone().into());
        self.rate = Rate::new(config.rate_limit);
        self.heartbeat = config.idle_heartbeat.0;
    }

    pub(super) fn to(&self) -> &Bytes {
        &self.to
    }

    pub(super) fn is_active(&self) -> bool {
        self.is_active
    }

    /// Since when nobody listens.
    pub(super) fn inactive_since(&self) -> Option<Timestamp> {
        (!self.is_active).then_some(self.since)
    }

    /// Somebody listens, or nobody any more.
    pub(super) fn set_active(&mut self, is_active: bool, now: Timestamp) {
        if is_active != self.is_active {
            (self.is_active, self.since) = (is_active, now);
            self.last_sent = now;
            // Whoever comes knows nothing of what was asked before.
            if let Some(flow) = &mut self.flow {
                flow.restart();
            }
        }
    }

    /// Looks who listens, once per round.
    #[inline]
    pub(super) fn look(&mut self, scene: &mut Scene<'_>) -> Readiness {
        match self.seen {
            Some((round, readiness)) if round == scene.round => readiness,
            _ => {
                let readiness = (scene.interest)(&self.to, self.group.as_deref());
                self.seen = Some((scene.round, readiness));
                self.set_active(readiness != Readiness::Gone, scene.now);
                readiness
            }
        }
    }

    /// Forgets what it saw in this round.
    pub(super) fn forget(&mut self) {
        self.seen = None;
    }

    /// Whether flow control lets a message through.
    pub(super) fn has_window(&self) -> bool {
        self.flow.as_ref().is_none_or(|flow| !flow.is_full())
    }

    /// Whether a message of that size may be sent by its rate; when, if it may not.
    pub(super) fn check_rate(&self, size: u64, now: Timestamp) -> Result<(), Timestamp> {
        self.rate.as_ref().map_or(Ok(()), |rate| rate.check(size, now))
    }

    pub(super) fn is_limited(&self) -> bool {
        self.rate.is_some()
    }

    /// A message is sent. Says whether a status goes behind it.
    #[inline]
    pub(super) fn sent(&mut self, size: &dyn Fn() -> u64, now: Timestamp, outbox: &mut VecDeque<Status>) -> bool {
        self.last_sent = now;
        if let Some(rate) = &mut self.rate {
            rate.spend(size(), now);
        }
        if let Some(flow) = &mut self.flow
            && let Some(question) = flow.sent(size())
        {
            outbox.push_back(Status::flow_control(&self.to, question));
            return true;
        }
        false
    }

    /// Asks the subscriber how far it has come, unless that was asked already.
    pub(super) fn ask(&mut self, outbox: &mut VecDeque<Status>) {
        if let Some(question) = self.flow.as_mut().and_then(Flow::ask) {
            outbox.push_back(Status::flow_control(&self.to, question));
        }
    }

    /// The subscriber answers. Says whether that was the answer that was waited for.
    pub(super) fn answered(&mut self, subject: &[u8]) -> bool {
        self.flow.as_mut().is_some_and(|flow| flow.answered(subject))
    }

    /// When a heartbeat is due.
    pub(super) fn heartbeat_at(&self) -> Option<Timestamp> {
        (self.is_active && self.heartbeat > 0).then(|| self.last_sent.saturating_add(self.heartbeat))
    }

    /// Sends a heartbeat if one is due, and with it a question if one `is_open`.
    pub(super) fn beat(
        &mut self,
        reached: Reached,
        is_open: bool,
        scene: &mut Scene<'_>,
        outbox: &mut VecDeque<Status>,
    ) {
        if self.heartbeat_at().is_none_or(|at| at > scene.now) {
            return;
        }
        let readiness = self.look(scene);
        if readiness == Readiness::Gone {
            return;
        }
        self.last_sent = scene.now;
        if readiness == Readiness::Ready {
            let stalled = self.flow.as_ref().and_then(Flow::question);
            outbox.push_back(Status::idle_heartbeat(&self.to, reached.consumer, reached.stream, stalled));
            if is_open {
                self.ask(outbox);
            }
        }
    }
}
