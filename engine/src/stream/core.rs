//! One stream, without locks, disks or clocks: what it holds, what it takes, what leaves it.
//!
//! A [`Core`] is made by [`create`](Core::create) or [`open`](Core::open). [`publish`](Core::publish) and the commands
//! change it at once; what they change is durable when the commits taken from [`log_mut`](Core::log_mut) have run. After
//! a publish or an expiry, [`take_republish`](Core::take_republish) until it is empty. Call [`expire`](Core::expire) at
//! [`next_expiry`](Core::next_expiry). When a change fails with a storage error, the log takes no more of them: drop the
//! core and open it anew.

use std::collections::VecDeque;
use std::path::PathBuf;

use bytes::Bytes;
use embus_storage::error::StorageError;
use embus_storage::log::{Log, LogOptions, Position, Replay, State, Undone, Upkeep};
use embus_storage::medium::Medium;
use embus_storage::message::Timestamp;

use super::config::{Retention, StreamConfig};
use super::dedupe::Dedupe;
use super::expire::Age;
use super::limits::{Limits, log_options};
use super::notes;
use super::recover::Recovery;
use super::ttl::Expiries;
use crate::api::error::ApiError;
use crate::sync::Arc;

pub use super::publish::{Headroom, is_fast_batch};
pub use super::purge::Purge;

/// The state machine of one stream.
pub struct Core {
    pub(super) config: Arc<StreamConfig>,
    pub(super) limits: Limits,
    pub(super) log: Log,
    pub(super) dedupe: Dedupe,
    pub(super) expiries: Expiries,
    pub(super) age: Age,
    pub(super) last_id: LastId,
    pub(super) republished: VecDeque<Republish>,
    /// Which subjects consumers want; none without consumers. Matters to interest retention only.
    pub(super) interest: Option<Box<dyn Interest>>,
    /// For subjects and headers that are stored otherwise than they came.
    pub(super) scratch: Scratch,
    /// Behind the last removal that somebody asked for.
    pub(super) removed_to: Position,
    created: Timestamp,
    synced: bool,
}

/// A message for a stream.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Where it was published.
    pub subject: &'a [u8],
    /// The raw header block, or nothing.
    pub headers: &'a [u8],
    /// The body.
    pub payload: &'a [u8],
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has this sequence.
    Stored {
        /// The sequence.
        sequence: u64,
    },
    /// A message with its id was stored before.
    Duplicate {
        /// The sequence of that message.
        sequence: u64,
    },
    /// It was not stored.
    Refused(ApiError),
}

/// A copy of a stored message, to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Republish {
    /// Where to.
    pub subject: Vec<u8>,
    /// The raw header block.
    pub headers: Vec<u8>,
    /// The body.
    pub payload: Bytes,
}

/// What the consumers of a stream want.
pub trait Interest: std::fmt::Debug + Send {
    /// Whether any of them wants messages on this subject.
    fn wants(&self, subject: &[u8]) -> bool;
}

/// The id of the message stored last. [reference §4.3, Nats-Expected-Last-Msg-Id]
#[derive(Debug, Default)]
pub(super) struct LastId {
    pub(super) id: Vec<u8>,
    pub(super) sequence: u64,
}

impl LastId {
    /// The id of the message `last_sequence`, which is the last one; nothing if it has none.
    pub(super) fn of(&self, last_sequence: u64) -> &[u8] {
        if self.sequence == last_sequence { &self.id } else { &[] }
    }

    pub(super) fn set(&mut self, id: &[u8], sequence: u64) {
        self.id.clear();
        self.id.extend_from_slice(id);
        self.sequence = sequence;
    }
}

/// Memory that publishes share.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) subject: Vec<u8>,
    pub(super) headers: Vec<u8>,
    pub(super) cleaned: Vec<u8>,
}

impl Scratch {
    /// Gives back what one large message took.
    pub(super) fn trim(&mut self) {
        for buffer in [&mut self.subject, &mut self.headers, &mut self.cleaned] {
            if buffer.capacity() > MAX_SCRATCH_BYTES {
                *buffer = Vec::new();
            }
        }
    }
}

const MAX_SCRATCH_BYTES: usize = 4096;

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Core");
        debug.field("name", &self.config.name).field("messages", &self.log.messages()).finish_non_exhaustive()
    }
}

impl Core {
    /// A new stream in a directory that is empty. Nothing of it is durable before the first commit.
    ///
    /// # Errors
    /// What the disk said.
    pub fn create(
        medium: Arc<dyn Medium>,
        dir: PathBuf,
        config: Arc<StreamConfig>,
        created: Timestamp,
        synced: bool,
    ) -> Result<Self, StorageError> {
        let limits = Limits::new(&config);
        let log = Log::create(medium, dir, log_options(&config, limits.accounting, synced, created))?;
        let recovery = Recovery::new(&config);
        let mut core = Self::assemble(config, limits, log, recovery, created, synced);
        if core.config.first_sequence > 1 {
            core.log.remove_below(core.config.first_sequence)?;
        }
        Ok(core)
    }

    /// The stream that a directory holds: what it knew of ids and times to live is read back, and its limits are kept
    /// anew, as they may have changed, and time has passed.
    ///
    /// # Errors
    /// What the disk said.
    pub fn open(
        medium: Arc<dyn Medium>,
        dir: PathBuf,
        config: Arc<StreamConfig>,
        created: Timestamp,
        synced: bool,
        undone: Undone,
        now: Timestamp,
    ) -> Result<Self, StorageError> {
        let limits = Limits::new(&config);
        let mut recovery = Recovery::new(&config);
        let options = log_options(&config, limits.accounting, synced, created);
        let log = Log::reopen(medium, dir, options, undone, &mut recovery as &mut dyn Replay)?;
        let mut core = Self::assemble(config, limits, log, recovery, created, synced);
        core.prune_expiries();
        core.keep_limits(now)?;
        Ok(core)
    }

    fn assemble(
        config: Arc<StreamConfig>,
        limits: Limits,
        log: Log,
        recovery: Recovery,
        created: Timestamp,
        synced: bool,
    ) -> Self {
        let Recovery { dedupe, expiries, last_id } = recovery;
        Self {
            config,
            limits,
            log,
            dedupe,
            expiries,
            age: Age::default(),
            last_id,
            republished: VecDeque::new(),
            interest: None,
            scratch: Scratch::default(),
            removed_to: Position::default(),
            created,
            synced,
        }
    }

    /// Takes another configuration, which was checked against the old one. New limits are kept at once.
    ///
    /// # Errors
    /// What the disk said.
    pub fn update(&mut self, config: Arc<StreamConfig>, now: Timestamp) -> Result<(), StorageError> {
        let had_interest_retention = self.limits.interest;
        // Nothing of this may depend on the configuration that goes, and whoever asked is told when it is durable.
        self.log.keep_evicted();
        self.log.await_sync();
        self.limits = Limits::new(&config);
        self.config = config;
        self.dedupe.set_window(self.config.duplicate_window.0);
        self.log.set_options(self.log_options());
        self.log.note_description();
        self.age = Age::default();
        if !had_interest_retention && self.limits.interest && self.interest.is_none() {
            // Nobody is interested in anything. [nats-server 2.15.1, probed]
            self.log.remove_below(self.log.last_sequence().saturating_add(1))?;
        }
        self.keep_limits(now)
    }

    fn keep_limits(&mut self, now: Timestamp) -> Result<(), StorageError> {
        self.trim_subjects()?;
        self.evict_oldest()?;
        self.expire(now);
        Ok(())
    }

    fn log_options(&self) -> LogOptions {
        log_options(&self.config, self.limits.accounting, self.synced, self.created)
    }

    /// Its configuration.
    pub fn config(&self) -> &Arc<StreamConfig> {
        &self.config
    }

    /// When it was created.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Its messages.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Its messages, for whoever reads them and does the log's work. They are changed through the core only.
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// What the stream wants back from a checkpoint.
    pub fn notes(&self) -> Vec<u8> {
        notes::encode(&self.last_id, &self.dedupe, &self.expiries)
    }

    /// Background work of the log that is worth doing now.
    pub fn take_upkeep(&mut self) -> Option<Upkeep> {
        let Self { log, last_id, dedupe, expiries, .. } = self;
        log.take_upkeep(&mut || notes::encode(last_id, dedupe, expiries))
    }

    /// A summary of what it holds.
    pub fn state(&self) -> State {
        let state = self.log.state();
        // A stream that was told where to begin shows it, also where it would have begun without.
        let first_sequence = state.first_sequence.max(u64::from(self.config.first_sequence > 0));
        State { first_sequence, ..state }
    }

    /// A message to publish because of the last ones stored, oldest first.
    #[inline]
    pub fn take_republish(&mut self) -> Option<Republish> {
        self.republished.pop_front()
    }

    /// Sets what the consumers want; nothing if there are none.
    pub fn set_interest(&mut self, interest: Option<Box<dyn Interest>>) {
        self.interest = interest;
    }

    /// Removes a message that every consumer is done with. Says whether there was one.
    ///
    /// # Errors
    /// What the disk said.
    pub fn remove_for_retention(&mut self, sequence: u64) -> Result<bool, StorageError> {
        let removed = self.log.remove(sequence);
        self.removed_to = self.log.position();
        removed
    }

    /// Whether a power cut may bring back what was removed: by somebody who asked for it, that is. What limits and time
    /// remove is the oldest, or leaves again.
    pub fn has_unsettled_removals(&self) -> bool {
        self.removed_to > self.log.committed()
    }

    /// Whether messages leave when consumers are done with them.
    pub fn removes_acknowledged(&self) -> bool {
        self.config.retention != Retention::Limits
    }
}

#[cfg(test)]
mod tests;
