//! Consumers: how messages of a stream reach those who want them. [reference §3.4, §5]
//!
//! A [`Consumer`] is the state machine of one, without locks, disks or clocks. It is made by [`new`](Consumer::new) or
//! [`recover`](Consumer::recover). What happens to it comes in through `handle_*`; after each of them, when more is visible
//! while it [`is_hungry`](Consumer::is_hungry), and when a destination was congested and is no more,
//! [`poll`](Consumer::poll) it, or [`poll_run`](Consumer::poll_run), until it yields nothing: then everything is sent that
//! can be. Afterwards take its
//! [events](Consumer::take_event), say when all that [was sent](Consumer::handle_sent), take what it has
//! [settled](Consumer::take_settled), write its
//! [changes](Consumer::write_delta) with the next commit, and call [`handle_deadline`](Consumer::handle_deadline) at
//! [`next_deadline`](Consumer::next_deadline).

pub mod ack;
pub mod config;
pub mod info;

mod acks;
mod changes;
mod cursor;
mod event;
mod held;
mod manage;
mod passed;
mod pending;
mod persist;
mod pin;
mod plan;
mod progress;
mod pull;
mod pulls;
mod push;
mod replay;
mod requests;
mod returned;
mod rules;
mod run;
mod snapshot;
mod status;
mod step;
mod timers;
mod unread;

use std::collections::VecDeque;

use embus_storage::message::Timestamp;

use changes::Changes;
use config::{ConsumerConfig, ReplayPolicy};
use cursor::Cursor;
use event::Events;
use passed::Passed;
use pin::Pin;
use progress::Progress;
use push::Push;
use replay::Replay;
use requests::Requests;
use rules::{Acks, Rules};

pub use event::{Event, UnpinReason};
pub use manage::ResetError;
pub use pull::{Priority, PullRequest};
pub use run::Read;
pub use status::Status;
pub use step::{Closing, Deliver, DeliverRun, Listening, Readiness, Scene, Step};

use crate::sync::Arc;

/// What a consumer is told when it begins.
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
    /// Whether its changes are written down: [`write_delta`](Consumer::write_delta) tells them. The first one is its whole
    /// state.
    pub is_persistent: bool,
    /// Whether its stream removes what consumers are done with: [`take_settled`](Consumer::take_settled) tells that.
    pub settles: bool,
}

/// The state machine of one consumer.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub struct Consumer {
    setting: ConsumerSetting,
    config: Arc<ConsumerConfig>,
    rules: Rules,
    cursor: Cursor,
    progress: Progress,
    demand: Demand,
    replay: Replay,
    changes: Changes,
    /// Statuses that are to be sent before anything else.
    outbox: VecDeque<Status>,
    events: Events,
    settled: VecDeque<u64>,
    /// What it will be done with when that is sent.
    sending: VecDeque<u64>,
    /// Messages that wait and were found removed; empty between calls.
    removed: Vec<u64>,
    /// What it is over with and may come back.
    passed: Option<Box<Passed>>,
    /// The next message has to wait: for its time in a replay, or for the rate.
    held_until: Option<Timestamp>,
    /// The last poll found nothing new, and it was told of everything since then: not while it was not hungry.
    is_caught_up: bool,
    is_paused: bool,
    /// It found a message removed that may come back, and goes on when that is known.
    is_held: bool,
    /// A program that reads by itself waits for the next message.
    is_awaited: bool,
    /// When somebody asked for messages, got one or acknowledged one last.
    used_at: Timestamp,
    is_expired: bool,
    /// What acknowledgements have added up to, until one is measured at a hundred.
    sampled: u64,
}

/// Who wants its messages.
#[derive(Debug)]
enum Demand {
    /// Those who asked.
    Pull { requests: Requests, pin: Pin },
    /// Whoever listens.
    Push(Box<Push>),
}

impl Consumer {
    fn with(
        setting: ConsumerSetting,
        config: Arc<ConsumerConfig>,
        rules: Rules,
        cursor: Cursor,
        progress: Progress,
        now: Timestamp,
    ) -> Self {
        let demand = if config.is_push() {
            Demand::Push(Box::new(Push::new(&config, &setting.stream, &setting.name, now)))
        } else {
            let seed =
                setting.created.cast_unsigned() ^ now.cast_unsigned().rotate_left(20) ^ setting.id.rotate_left(40);
            Demand::Pull { requests: Requests::default(), pin: Pin::new(seed) }
        };
        Self {
            demand,
            replay: Replay::new(config.replay_policy == ReplayPolicy::Original),
            changes: Changes::new(setting.is_persistent),
            setting,
            config,
            rules,
            cursor,
            progress,
            outbox: VecDeque::new(),
            events: Events::default(),
            settled: VecDeque::new(),
            sending: VecDeque::new(),
            removed: Vec::new(),
            passed: None,
            held_until: None,
            is_caught_up: false,
            is_paused: false,
            is_held: false,
            is_awaited: false,
            used_at: now,
            is_expired: false,
            sampled: 0,
        }
    }

    fn configure_demand(&mut self) {
        if let Demand::Pull { pin, .. } = &mut self.demand {
            let group = self.config.priority_groups.first().map_or("", |group| group);
            pin.configure(self.rules.priority, group, self.rules.pin_timeout);
        }
    }

    /// What it was told when it began.
    pub fn setting(&self) -> &ConsumerSetting {
        &self.setting
    }

    /// What it is configured to be.
    pub fn config(&self) -> &Arc<ConsumerConfig> {
        &self.config
    }

    /// Somebody listens to a push consumer, or nobody any more: tell it whenever that changes.
    pub fn handle_interest(&mut self, is_active: bool, now: Timestamp) {
        if let Demand::Push(push) = &mut self.demand {
            push.forget();
            push.set_active(is_active, now);
            self.is_caught_up = false;
        }
    }

    /// Its stream has come to remove what consumers are done with, or does so no more.
    pub fn set_settles(&mut self, settles: bool) {
        self.setting.settles = settles;
    }

    /// How many messages wait for their acknowledgement.
    #[inline]
    pub fn ack_pending(&self) -> u64 {
        self.progress.pending.len()
    }

    /// Whether that message waits for its acknowledgement.
    pub fn awaits(&self, sequence: u64) -> bool {
        let Progress { floor, delivered, pending, .. } = &self.progress;
        sequence > floor.stream && sequence <= *delivered && pending.find(sequence, 0).is_some()
    }

    /// The first sequence that it may not be done with.
    pub fn needs_from(&self) -> u64 {
        let first = self.progress.floor.stream + 1;
        self.sending.front().map_or(first, |sending| first.min(*sending))
    }

    /// It is done with everything up to here.
    pub fn done_up_to(&self) -> u64 {
        self.progress.floor.stream
    }

    /// Something that happened.
    pub fn take_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// A sequence that it is done with, if it `settles`.
    pub fn take_settled(&mut self) -> Option<u64> {
        self.settled.pop_front()
    }

    /// Whether it does not need this message of its stream any more, as far as sequences tell; what its filters do not
    /// match it never needs.
    pub fn has_settled(&self, sequence: u64) -> bool {
        let Progress { floor, delivered, pending, .. } = &self.progress;
        let is_done = || self.rules.acks == Acks::Each && sequence <= *delivered && pending.find(sequence, 0).is_none();
        let is_sent = || self.sending.front().is_none_or(|first| sequence < *first);
        (sequence <= floor.stream && is_sent()) || is_done()
    }

    /// Whether it wants messages on this subject.
    pub fn wants(&self, subject: &[u8]) -> bool {
        self.rules.wants(subject)
    }
}

#[cfg(test)]
mod tests;
