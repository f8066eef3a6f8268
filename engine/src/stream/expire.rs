//! What leaves a stream because time passes: by `max_age`, by `Nats-TTL`, and ids by `duplicate_window`; and the
//! markers that say so. [reference §4.3, ADR-43]

use embus_protocol::headers::block;
use embus_storage::error::StorageError;
use embus_storage::message::{StoredMessage, Timestamp};

use super::core::Core;
use super::ttl::{SECOND, TimeToLive};

/// How far `max_age` was looked after.
#[derive(Debug, Default)]
pub(super) struct Age {
    /// All live messages below never expire.
    cursor: u64,
    /// A time before which no message at or behind the cursor was stored.
    oldest: Timestamp,
    /// When messages expired last.
    ran_at: Option<Timestamp>,
    /// There was more to look at than one call does.
    unfinished: bool,
    /// The disk failed; not before then.
    retry_at: Timestamp,
}

/// What looking at one message came to.
enum Step {
    /// It reached `max_age`.
    Expired(u64),
    /// It never does, or is not there.
    Stays,
    /// It has time left, and so have those behind it.
    End,
}

impl Core {
    /// When to call [`expire`](Self::expire) next.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        let times = [self.expiries.next(), self.next_aged(), self.dedupe.deadline()];
        let next = times.into_iter().flatten().min()?.max(self.age.retry_at);
        // Messages that expire one by one shall not cost a call each.
        let spaced = self.age.ran_at.filter(|_| !self.age.unfinished).map(|ran| ran.saturating_add(MIN_PAUSE));
        Some(next.max(spaced.unwrap_or(next)))
    }

    /// Removes what has expired, looking at no more than so many messages a call; returns how many. If the disk fails it is tried again
    /// later.
    pub fn expire(&mut self, now: Timestamp) -> u64 {
        self.dedupe.forget(now);
        self.age.ran_at = Some(now);
        self.age.unfinished = false;
        let mut removed = 0;
        if let Err(error) = self.expire_messages(now, &mut removed) {
            tracing::warn!(stream = self.config.name, %error, "expired messages can't be removed");
            self.age.retry_at = now.saturating_add(SECOND);
        }
        removed
    }

    /// Notes that a message just stored has a time to live.
    pub(super) fn note_expiry(&mut self, sequence: u64, time_to_live: TimeToLive, time: Timestamp) {
        self.expiries.note(sequence, time_to_live, time);
        if self.expiries.wants_pruning() {
            self.prune_expiries();
        }
    }

    /// Forgets times to live of messages that are gone.
    pub(super) fn prune_expiries(&mut self) {
        let log = &mut self.log;
        // One that can't be looked up is kept.
        self.expiries.prune(|sequence| log.locate(sequence).map_or(true, |found| found.is_some()));
    }

    fn expire_messages(&mut self, now: Timestamp, removed: &mut u64) -> Result<(), StorageError> {
        // To leave a marker, a message may have to be read.
        let leaves_markers = self.limits.marker_seconds > 0;
        let steps = if leaves_markers { MAX_MARKED_PER_CALL } else { MAX_STEPS_PER_CALL };
        for _ in 0..steps {
            let (sequence, has_own_time) = match self.expiries.first_due(now) {
                Some(sequence) => (sequence, true),
                None => match self.step_by_age(now)? {
                    Step::Expired(sequence) => (sequence, false),
                    Step::Stays => continue,
                    Step::End => return Ok(()),
                },
            };
            *removed += u64::from(self.expire_one(sequence, now)?);
            if has_own_time {
                self.expiries.forget_first_due();
            }
        }
        self.age.unfinished = true;
        Ok(())
    }

    /// When the first message reaches `max_age`, or somewhat before that. Nothing is read for it: publishers wait.
    fn next_aged(&self) -> Option<Timestamp> {
        let max_age = self.limits.max_age;
        if max_age == 0 || self.log.messages() == 0 || self.log.last_sequence() < self.age.cursor {
            return None;
        }
        let is_known = self.log.first_sequence() >= self.age.cursor;
        let bound = if is_known { self.log.first_time_bound() } else { Timestamp::MIN };
        Some(bound.max(self.age.oldest).saturating_add(max_age))
    }

    /// Looks at one message.
    fn step_by_age(&mut self, now: Timestamp) -> Result<Step, StorageError> {
        if self.limits.max_age == 0 {
            return Ok(Step::End);
        }
        let Some(sequence) = self.log.next_sequence_from(self.age.cursor) else {
            self.age.cursor = self.age.cursor.max(self.log.last_sequence().saturating_add(1));
            self.age.oldest = now;
            return Ok(Step::End);
        };
        if self.expiries.is_never(sequence) {
            self.age.cursor = sequence.saturating_add(1);
            return Ok(Step::Stays);
        }
        // One that is damaged has left just now.
        let Some(time) = self.log.time_of(sequence)? else { return Ok(Step::Stays) };
        if time <= now.saturating_sub(self.limits.max_age) {
            return Ok(Step::Expired(sequence));
        }
        (self.age.cursor, self.age.oldest) = (sequence, time);
        Ok(Step::End)
    }

    /// Removes one message because its time has come, with a marker in its place where the stream wants one. Says
    /// whether it was still there.
    fn expire_one(&mut self, sequence: u64, now: Timestamp) -> Result<bool, StorageError> {
        if self.limits.marker_seconds > 0
            && let Some(subject) = self.subject_to_mark(sequence)?
        {
            return self.store_marker(&subject, now).map(|()| true);
        }
        if self.log.messages() > 0 && self.log.first_sequence() == sequence {
            // Time passes after a crash as well: nothing need be written.
            return self.log.evict_first();
        }
        self.log.remove(sequence)
    }

    /// The subject of an expiring message that leaves a marker: the only one on its subject, and no marker itself.
    /// [nats-server 2.15.1, probed]
    fn subject_to_mark(&mut self, sequence: u64) -> Result<Option<Vec<u8>>, StorageError> {
        // Differs from nats-server: it keeps expired messages of sealed streams, as it can't store their markers.
        if self.limits.sealed {
            return Ok(None);
        }
        let Some(locator) = self.log.locate(sequence)? else { return Ok(None) };
        let Some(subject) = self.log.subject_of(sequence).map(<[u8]>::to_vec) else { return Ok(None) };
        if self.log.count_of(&subject) > 1 {
            return Ok(None);
        }
        if !locator.has_headers() {
            return Ok(Some(subject));
        }
        let message = match locator.read() {
            Ok(message) => message,
            Err(StorageError::Damaged { .. }) => {
                self.log.note_damaged(sequence);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        Ok((!is_marker(&message)).then_some(subject))
    }
}

/// Whether a message says that its subject has no value any more.
fn is_marker(message: &StoredMessage) -> bool {
    block::value(&message.headers, "Nats-Marker-Reason").is_some_and(|reason| !reason.is_empty())
        || block::value(&message.headers, "KV-Operation") == Some(b"PURGE")
}

/// Messages that one call looks at: publishers wait meanwhile.
const MAX_STEPS_PER_CALL: usize = 4096;
const MAX_MARKED_PER_CALL: usize = 256;

/// Between two calls, if the first one finished.
const MIN_PAUSE: i64 = 50_000_000;
