//! The limits of a stream, compiled from its configuration, and how they are kept. [reference §4.2, §10]

use embus_protocol::transform::SubjectTransform;
use embus_storage::error::StorageError;
use embus_storage::log::{Accounting, Describe, LogOptions};
use embus_storage::message::Timestamp;

use super::config::{Compression, Discard, PersistMode, Retention, StorageType, StreamConfig};
use super::core::Core;
use super::republish::Republisher;
use super::rollup::Rollup;
use super::ttl::SECOND;
use crate::api::error::ApiError;
use crate::sync::Arc;

/// What a publish needs to know of the configuration. No limit is the largest number.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "as many switches as the configuration has")]
pub(crate) struct Limits {
    /// A message without headers needs nothing but the three limits that make room by themselves, and its size checked.
    pub(crate) plain: bool,
    pub(crate) max_messages: u64,
    pub(crate) max_bytes: u64,
    pub(crate) max_per_subject: u64,
    pub(crate) max_message_size: u64,
    /// 0 for none.
    pub(crate) max_age: i64,
    pub(crate) accounting: Accounting,
    pub(crate) discard_new: bool,
    pub(crate) discard_new_per_subject: bool,
    pub(crate) sealed: bool,
    pub(crate) interest: bool,
    pub(crate) allow_time_to_live: bool,
    pub(crate) allow_rollup: bool,
    /// 0 for no markers.
    pub(crate) marker_seconds: i64,
    /// Few streams have one of these.
    pub(crate) transform: Option<Box<SubjectTransform>>,
    pub(crate) republisher: Option<Box<Republisher>>,
}

impl Limits {
    pub(crate) fn new(config: &StreamConfig) -> Self {
        let mut limits = Self {
            plain: false,
            max_messages: limit(config.max_messages),
            max_bytes: limit(config.max_bytes),
            max_per_subject: limit(config.max_messages_per_subject),
            max_message_size: limit(config.max_message_size.into()),
            max_age: config.max_age.0.max(0),
            accounting: match config.storage {
                StorageType::File => Accounting::File,
                StorageType::Memory => Accounting::Memory,
            },
            discard_new: config.discard == Discard::New,
            discard_new_per_subject: config.discard_new_per_subject,
            sealed: config.sealed,
            interest: config.retention == Retention::Interest,
            allow_time_to_live: config.allow_message_ttl,
            allow_rollup: config.allow_rollup && !config.deny_purge,
            marker_seconds: config.subject_delete_marker_ttl.0.max(0) / SECOND,
            transform: config.compiled_transform().map(Box::new),
            republisher: Republisher::new(config).map(Box::new),
        };
        limits.plain = limits.is_plain();
        limits
    }

    fn is_plain(&self) -> bool {
        let changes = self.transform.is_some() || self.republisher.is_some();
        !changes && !self.sealed && !self.interest && !self.refuses()
    }

    /// Whether a new message may be refused for want of room.
    fn refuses(&self) -> bool {
        let limited = self.max_messages < UNLIMITED || self.max_bytes < UNLIMITED || self.discard_new_per_subject;
        self.discard_new && limited
    }

    /// Whether a stream that holds so much holds too much.
    #[inline]
    pub(crate) fn are_exceeded(&self, messages: u64, bytes: u64) -> bool {
        messages > self.max_messages || bytes > self.max_bytes
    }
}

/// How the log of such a stream keeps its messages.
pub(crate) fn log_options(
    config: &Arc<StreamConfig>,
    accounting: Accounting,
    synced: bool,
    created: Timestamp,
) -> LogOptions {
    LogOptions {
        segment_bytes: segment_bytes(config),
        accounting,
        compress: config.compression == Compression::S2,
        synced: synced && config.persist_mode != PersistMode::Async,
        description: Arc::new(Described { config: Arc::clone(config), created }),
    }
}

/// What the configuration can be rebuilt from.
#[derive(Debug)]
struct Described {
    config: Arc<StreamConfig>,
    created: Timestamp,
}

impl Describe for Described {
    fn describe(&self) -> Vec<u8> {
        self.config.to_stored(self.created)
    }
}

/// A segment leaves the disk as a whole: a small stream must not keep much more than it holds.
fn segment_bytes(config: &StreamConfig) -> u32 {
    let quarter = limit(config.max_bytes) / 4;
    u32::try_from(quarter).unwrap_or(u32::MAX).clamp(MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES)
}

impl Core {
    /// Why the limits leave no room for a message of this size, where they do not make it.
    pub(super) fn check_room(&mut self, subject: &[u8], size: u64, rollup: Rollup) -> Result<(), ApiError> {
        let limits = &self.limits;
        if !limits.refuses() {
            return Ok(());
        }
        // A subject that is full makes room by itself: its oldest message leaves.
        let count = self.log.count_of(subject);
        let is_full = count > 0 && count >= limits.max_per_subject;
        if is_full && limits.discard_new_per_subject && rollup == Rollup::None {
            return Err(ApiError::store_failed("maximum messages per subject exceeded"));
        }
        if !is_full && self.log.messages() >= limits.max_messages {
            return Err(ApiError::store_failed("maximum messages exceeded"));
        }
        let exceeds = self.log.bytes().saturating_add(size) > limits.max_bytes;
        if exceeds && (!is_full || self.size_of_first_on(subject) < size) {
            return Err(ApiError::store_failed("maximum bytes exceeded"));
        }
        Ok(())
    }

    /// What the oldest message on a subject counts as.
    fn size_of_first_on(&mut self, subject: &[u8]) -> u64 {
        let first = self.log.subject(subject).map(|state| state.first);
        first.and_then(|first| self.log.size_of(first)).unwrap_or(0)
    }

    /// Whether storing one more message of this size makes the oldest ones leave.
    pub(super) fn would_evict_oldest(&self, size: u64) -> bool {
        let (messages, bytes) = (self.log.messages().saturating_add(1), self.log.bytes().saturating_add(size));
        !self.limits.discard_new && self.limits.are_exceeded(messages, bytes)
    }

    /// How many messages a new one on this subject pushes out.
    #[inline]
    pub(super) fn excess_on(&self, subject: &[u8]) -> u64 {
        if self.limits.max_per_subject == UNLIMITED {
            return 0;
        }
        (self.log.count_of(subject) + 1).saturating_sub(self.limits.max_per_subject)
    }

    /// Lets the oldest messages leave until the stream holds no more than it may. One that is larger than the whole
    /// stream may be leaves as well. [nats-server: discard old]
    #[inline]
    pub(super) fn evict_oldest(&mut self) -> Result<(), StorageError> {
        if self.limits.discard_new {
            return Ok(());
        }
        while self.limits.are_exceeded(self.log.messages(), self.log.bytes()) && self.log.evict_first()? {}
        Ok(())
    }

    /// Keeps the limit per subject on all subjects, whatever the discard policy: for one that was lowered.
    pub(super) fn trim_subjects(&mut self) -> Result<(), StorageError> {
        let keep = self.limits.max_per_subject;
        if keep == UNLIMITED {
            return Ok(());
        }
        self.log.keep_newest(keep).map(drop)
    }
}

/// Zero and less say unlimited.
fn limit(configured: i64) -> u64 {
    u64::try_from(configured).ok().filter(|limit| *limit > 0).unwrap_or(UNLIMITED)
}

pub(crate) const UNLIMITED: u64 = u64::MAX;

const MIN_SEGMENT_BYTES: u32 = 64 * 1024;
const MAX_SEGMENT_BYTES: u32 = 32 * 1024 * 1024;
