//! Consumers: how messages of a stream reach those who want them. [reference §3.4, §5]
//!
//! A [`Consumer`] is the state machine of one, without locks, disks or clocks. It is made by [`new`](Consumer::new) or
//! [`recover`](Consumer::recover). What happens to it comes in through `handle_*`; after each of them, when more is visible
//! while it [`is_hungry`](Consumer::is_hungry), and when a destination was congested and is no more,
//! [`poll`](Consumer::poll) it until it yields nothing: then everything is sent that can be. Afterwards take its
//! [events](Consumer::take_event) and what it has [settled](Consumer::take_settled), write its
//! [changes](Consumer::write_delta) with the next commit, and call [`handle_deadline`](Consumer::handle_deadline) at
//! [`next_deadline`](Consumer::next_deadline).

pub mod ack;
pub mod config;
mod event;
pub mod info;
mod pull;
mod rules;
mod status;
mod step;

use std::collections::VecDeque;

use embus_storage::error::StorageError;
use embus_storage::message::Timestamp;

use ack::{AckToken, AckVerb};
use config::{ConsumerConfig, DeliverPolicy};
use event::Events;
pub use event::{Event, UnpinReason};
use info::ConsumerState;
pub use pull::{Priority, PullRequest};
use rules::Rules;
use status::Left;
pub use status::Status;
pub use step::{Closing, Deliver, Readiness, Scene, Step};

use crate::sync::Arc;

/// What does not change while a consumer lives.
#[derive(Debug, Clone)]
pub struct ConsumerSetting {
    /// Its number within the stream.
    pub id: u64,
    /// The name of its stream.
    pub stream: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created: Timestamp,
    /// Whether its changes are written down: [`write_delta`](Consumer::write_delta) tells them.
    pub is_persistent: bool,
    /// Whether its stream removes what consumers are done with: [`take_settled`](Consumer::take_settled) tells that.
    pub settles: bool,
}

/// The state machine of one consumer.
#[derive(Debug)]
pub struct Consumer {
    setting: ConsumerSetting,
    config: Arc<ConsumerConfig>,
    rules: Rules,
    next: u64,
    consumer_sequence: u64,
    waiting: VecDeque<PullRequest>,
    events: Events,
}

/// Why a consumer is not reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetError {
    /// Its configuration says that it begins at a later sequence.
    BelowStartSequence,
    /// Its configuration says that it begins at a later time.
    BelowStartTime,
    /// Its deliver policy does not allow it.
    NotAllowed,
}

impl Consumer {
    /// A new consumer, where its deliver policy says.
    pub fn new(
        setting: ConsumerSetting,
        config: Arc<ConsumerConfig>,
        scene: &mut Scene<'_>,
    ) -> Result<Self, StorageError> {
        let rules = Rules::new(&config);
        let next = match config.deliver_policy {
            DeliverPolicy::All => scene.log.first_sequence(),
            _ => scene.log.last_sequence() + 1,
        };
        let (waiting, events) = (VecDeque::new(), Events::default());
        Ok(Self { setting, config, rules, next, consumer_sequence: 0, waiting, events })
    }

    /// The consumer that a snapshot and the changes behind it tell of.
    pub fn recover<'a>(
        setting: ConsumerSetting,
        config: Arc<ConsumerConfig>,
        _snapshot: Option<&[u8]>,
        _deltas: impl Iterator<Item = &'a [u8]>,
        scene: &mut Scene<'_>,
    ) -> Result<Self, StorageError> {
        Self::new(setting, config, scene)
    }

    /// What does not change.
    pub fn setting(&self) -> &ConsumerSetting {
        &self.setting
    }

    /// What it is configured to be.
    pub fn config(&self) -> &Arc<ConsumerConfig> {
        &self.config
    }

    /// Somebody says something about a delivery. The request inside [`AckVerb::Next`] is handled as any other, by
    /// [`handle_pull`](Self::handle_pull), behind this.
    pub fn handle_ack(&mut self, _token: &AckToken, _verb: AckVerb<'_>, _now: Timestamp) {}

    /// Somebody asks for messages. What comes back is a refusal to send at once.
    pub fn handle_pull(&mut self, request: PullRequest, _scene: &mut Scene<'_>) -> Option<Status> {
        if self.config.is_push() {
            return Some(Status::push_based(&request.reply));
        }
        self.waiting.push_back(request);
        None
    }

    /// An answer of flow control; `subject` is the whole one.
    pub fn handle_flow(&mut self, _subject: &[u8], _now: Timestamp) {}

    /// Somebody listens to a push consumer, or nobody any more: tell it whenever that changes.
    pub fn handle_interest(&mut self, _is_active: bool, _now: Timestamp) {}

    /// The next thing to do; call it until there is none.
    pub fn poll(&mut self, scene: &mut Scene<'_>) -> Result<Option<Step>, StorageError> {
        if self.waiting.is_empty() {
            return Ok(None);
        }
        let next = self.next;
        let Some((sequence, locator)) = self.rules.with_filters(|filters| scene.log.next(filters, next))? else {
            return Ok(None);
        };
        if sequence > scene.visible {
            return Ok(None);
        }
        self.next = sequence + 1;
        self.consumer_sequence += 1;
        let pending = self.rules.with_filters(|filters| scene.log.count(filters, sequence + 1))?;
        let Some(request) = self.waiting.front_mut() else { return Ok(None) };
        let to = request.reply.clone();
        request.batch -= 1;
        if request.batch <= 0 {
            self.waiting.pop_front();
        }
        Ok(Some(Step::Deliver(Deliver {
            to,
            locator,
            consumer_sequence: self.consumer_sequence,
            deliveries: 1,
            pending,
            headers_only: self.rules.headers_only,
            pin_id: None,
        })))
    }

    /// Whether it has delivered everything that was visible at its last poll, and could deliver more: it wants to know
    /// of the next message by [`offer`](Self::offer).
    pub fn is_hungry(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// While it is hungry: `sequence` is visible and matches its filters, and nothing else does that came after its last
    /// poll and before this. Poll it then.
    pub fn offer(&mut self, _sequence: u64) {}

    /// When it has something to do by itself. It may be early.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    /// Does what is due at `scene.now`. Poll it then.
    pub fn handle_deadline(&mut self, _scene: &mut Scene<'_>) -> Result<(), StorageError> {
        Ok(())
    }

    /// Whether nobody used it for longer than it may stay then: its owner deletes it.
    pub fn is_expired(&self) -> bool {
        false
    }

    /// Something that happened.
    pub fn take_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// A sequence that it is done with, if it `settles`.
    pub fn take_settled(&mut self) -> Option<u64> {
        None
    }

    /// Whether it does not need this message of its stream any more, as far as sequences tell; what its filters do not
    /// match it never needs.
    pub fn has_settled(&self, sequence: u64) -> bool {
        sequence < self.next
    }

    /// Whether it wants messages on this subject.
    pub fn wants(&self, subject: &[u8]) -> bool {
        self.rules.wants(subject)
    }

    /// Whether something changed since it was last written down.
    pub fn is_dirty(&self) -> bool {
        false
    }

    /// Appends what changed since the last call, or since the last snapshot. Says whether there was something.
    pub fn write_delta(&mut self, _out: &mut Vec<u8>) -> bool {
        false
    }

    /// Appends its whole state; what changes afterwards is in the next delta.
    pub fn write_snapshot(&mut self, _out: &mut Vec<u8>) {}

    /// Takes another configuration, which was checked against the old one.
    pub fn update(&mut self, config: Arc<ConsumerConfig>, _scene: &mut Scene<'_>) -> Result<(), StorageError> {
        self.rules = Rules::new(&config);
        self.config = config;
        Ok(())
    }

    /// Stops deliveries until then; a time that is over lets them go on. The configuration says it from now on.
    pub fn pause(&mut self, _until: Timestamp, _scene: &mut Scene<'_>) {}

    /// Pins nobody any more, because somebody asked for it. Says whether somebody was pinned.
    pub fn unpin(&mut self, _group: &str) -> bool {
        false
    }

    /// Begins anew at a sequence; 0 stands for the first one that is not acknowledged. Says where that is.
    pub fn reset(&mut self, sequence: u64, _scene: &mut Scene<'_>) -> Result<u64, ResetError> {
        self.next = sequence.max(1);
        Ok(self.next)
    }

    /// What it looks like now.
    pub fn info(&mut self, _scene: &mut Scene<'_>) -> ConsumerState {
        ConsumerState { num_waiting: self.waiting.len() as u64, ..ConsumerState::default() }
    }

    /// What to send to those who wait, at the end.
    pub fn close(&mut self, why: Closing) -> Vec<Status> {
        let status = |request: PullRequest| match why {
            Closing::Deleted => Status::consumer_deleted(&request.reply),
            Closing::Shutdown => Status::server_shutdown(&request.reply, Left { messages: 0, bytes: 0 }),
        };
        self.waiting.drain(..).map(status).collect()
    }
}
