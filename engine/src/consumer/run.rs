//! First deliveries in a row to one destination, decided together: what most deliveries are.
//!
//! Whatever must be looked at message by message is left to [`poll`](Consumer::poll): redeliveries, several requests that
//! take turns, limits of bytes and rates, priorities, pins, replays at the original pace.

use bytes::Bytes;
use embus_storage::error::StorageError;
use embus_storage::log::{Locator, Run, RunLimit};

use super::ack::AckToken;
use super::cursor::Cursor;
use super::rules::Acks;
use super::step::{DeliverRun, Readiness, Scene, Step};
use super::{Consumer, Demand};

/// Messages for a program that reads by itself.
#[derive(Debug)]
pub enum Read {
    /// Several.
    Run(Run),
    /// One that lies apart.
    One(Locator),
}

impl Read {
    /// How many messages it is.
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Run(run) => run.len() as u64,
            Self::One(_) => 1,
        }
    }
}

impl Consumer {
    /// As [`poll`](Self::poll), but for several messages at once where that is possible: `limit` at most.
    ///
    /// # Errors
    /// What the disk said.
    pub fn poll_run(&mut self, limit: RunLimit, scene: &mut Scene<'_>) -> Result<Option<Step>, StorageError> {
        if limit.messages > 1 && self.outbox.is_empty() {
            self.observe(scene);
            if let Some(run) = self.plan_run(limit, scene) {
                return Ok(Some(Step::Run(run)));
            }
        }
        self.poll(scene)
    }

    fn plan_run(&mut self, limit: RunLimit, scene: &mut Scene<'_>) -> Option<DeliverRun> {
        let (to, wanted) = self.run_taker(scene)?;
        let mut run = self.next_run(RunLimit { messages: limit.messages.min(wanted), ..limit }, scene)?;
        let consumer_sequence = self.progress.consumer_sequence + 1;
        let pending = self.cursor.pending().saturating_sub(1);
        self.pass(&mut run, pending, scene);
        self.deliver_run(&run, scene);
        Some(DeliverRun { to, run, consumer_sequence, pending })
    }

    /// Messages that come next for the first time, where nothing else stands before them.
    pub(super) fn next_run(&mut self, limit: RunLimit, scene: &mut Scene<'_>) -> Option<Run> {
        let Self { rules, replay, progress, is_paused, held_until, .. } = self;
        let is_plain = rules.acks != Acks::ByFlow && !rules.headers_only && !replay.is_on();
        if !is_plain || *is_paused || held_until.is_some() || progress.pending.queued() > 0 {
            return None;
        }
        let room = usize::try_from(rules.max_ack_pending.saturating_sub(progress.pending.len())).unwrap_or(usize::MAX);
        let messages = limit.messages.min(room);
        if messages == 0 {
            return None;
        }
        self.find_next(scene, |cursor, rules, scene| cursor.next_run(rules, RunLimit { messages, ..limit }, scene))
    }

    /// The next messages for a program that reads by itself: it takes what comes, acknowledges nothing, and is there until
    /// it is found not to have asked for long. Without any it is to be told: until it reads again, the consumer
    /// [`is_hungry`](Self::is_hungry).
    ///
    /// # Errors
    /// What the disk said.
    pub fn read(&mut self, limit: RunLimit, scene: &mut Scene<'_>) -> Result<Option<Read>, StorageError> {
        self.used_at = scene.now;
        self.is_awaited = false;
        self.observe(scene);
        if let Some(run) = self.next_run(limit, scene) {
            self.deliver_run(&run, scene);
            return Ok(Some(Read::Run(run)));
        }
        let found = if self.is_paused { None } else { self.find_next(scene, Cursor::peek)? };
        if let Some(locator) = &found {
            self.deliver_first(locator.sequence(), scene.now);
        }
        self.is_caught_up = found.is_none() && !self.is_paused && !self.is_held;
        self.is_awaited = found.is_none();
        Ok(found.map(Read::One))
    }

    /// The program that waits was told to read on: until it does, nobody waits.
    pub fn handle_called(&mut self) {
        self.is_awaited = false;
    }

    /// Whether a program may [read](Self::read) by itself.
    pub fn is_readable(&self) -> bool {
        let is_plain = self.rules.acks == Acks::None && !self.rules.headers_only && !self.replay.is_on();
        is_plain && matches!(self.demand, Demand::Pull { .. })
    }

    /// How many deliveries there were.
    pub fn consumer_sequence(&self) -> u64 {
        self.progress.consumer_sequence
    }

    /// Who gets what comes next, and how many messages of it, if that is the same for several.
    fn run_taker(&mut self, scene: &mut Scene<'_>) -> Option<(Bytes, usize)> {
        match &mut self.demand {
            Demand::Pull { requests, pin } => requests.run_taker(pin.policy(), scene),
            Demand::Push(push) => {
                let is_open = !push.is_limited() && push.has_window() && push.look(scene) == Readiness::Ready;
                is_open.then(|| (push.to().clone(), usize::MAX))
            }
        }
    }

    /// Has the taker take the run, or as much of it as goes out before a status. `pending` messages are behind the first.
    fn pass(&mut self, run: &mut Run, pending: u64, scene: &mut Scene<'_>) {
        let Self { setting, progress, demand, outbox, .. } = self;
        match demand {
            Demand::Pull { requests, .. } => requests.take_run(run.len() as u64, scene.now),
            Demand::Push(push) => {
                let (stream, consumer) = (setting.stream.as_bytes(), setting.name.as_bytes());
                let token = AckToken {
                    deliveries: 1,
                    stream_sequence: run.last_sequence(),
                    consumer_sequence: progress.consumer_sequence + run.len() as u64,
                };
                // What flow control counts is an estimate: the length of the longest of these subjects.
                let reply_len = token.reply_len(stream, consumer, scene.now, pending);
                let mut sizes = run.body_bytes().map(|body| (body + reply_len) as u64);
                let last = sizes.position(|size| push.sent(&|| size, scene.now, outbox) || !push.has_window());
                drop(sizes);
                if let Some(last) = last {
                    run.truncate(last + 1);
                }
            }
        }
    }

    /// Counts a run as delivered.
    pub(super) fn deliver_run(&mut self, run: &Run, scene: &Scene<'_>) {
        let now = scene.now;
        self.used_at = now;
        self.is_caught_up = false;
        self.cursor.take_run(run.last_sequence(), run.len() as u64);
        for sequence in run.sequences() {
            self.note_first(sequence, now);
        }
    }
}
