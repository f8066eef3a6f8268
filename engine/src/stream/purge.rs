//! Removing messages on request. [reference §6.2, §6.3]

use super::config::StorageType;
use super::core::Core;
use crate::api::error::ApiError;

/// Which messages to remove: all, those below a sequence, or all but the newest; on all subjects or some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purge {
    /// Only on subjects that match.
    pub filter: Option<Vec<u8>>,
    /// Only below this sequence. Without a filter it may lie beyond the last one: the next message gets it.
    pub sequence: Option<u64>,
    /// All but the newest of them.
    pub keep: Option<u64>,
}

impl Core {
    /// Removes messages; returns how many.
    ///
    /// # Errors
    /// The stream is sealed or denies purges, the request contradicts itself, or the disk failed.
    pub fn purge(&mut self, purge: &Purge) -> Result<u64, ApiError> {
        if self.limits.sealed {
            return Err(ApiError::stream_sealed());
        }
        if self.config.deny_purge {
            return Err(ApiError::stream_purge_failed("stream purge not permitted"));
        }
        // 0 says as much as nothing does.
        let sequence = purge.sequence.filter(|sequence| *sequence > 0);
        let keep = purge.keep.filter(|keep| *keep > 0);
        if sequence.is_some() && keep.is_some() {
            return Err(ApiError::bad_request());
        }
        let filter = purge.filter.as_deref().filter(|filter| !filter.is_empty() && *filter != b">");
        // Whoever asked is told when it is durable, whatever holds for messages. [reliability §4: 2]
        self.log.await_sync();
        let purged = match (filter, keep) {
            (None, None) => self.log.remove_below(sequence.unwrap_or_else(|| self.next_sequence())),
            (None, Some(keep)) => self.log.remove_matching(b">", u64::MAX, keep),
            (Some(filter), _) => self.log.remove_matching(filter, sequence.unwrap_or(u64::MAX), keep.unwrap_or(0)),
        };
        self.removed_to = self.log.position();
        purged.map_err(ApiError::stream_purge_failed)
    }

    /// Removes one message.
    ///
    /// # Errors
    /// The stream is sealed or denies deletes, there is no such message, or the disk failed.
    pub fn delete_message(&mut self, sequence: u64) -> Result<(), ApiError> {
        if self.limits.sealed {
            return Err(ApiError::stream_sealed());
        }
        if self.config.deny_delete {
            return Err(ApiError::message_delete_failed("message delete not permitted"));
        }
        let removed = self.log.remove(sequence);
        self.removed_to = self.log.position();
        match removed {
            Ok(true) => {
                // As with a purge.
                self.log.await_sync();
                Ok(())
            }
            Ok(false) => Err(self.why_not_there(sequence)),
            Err(error) => Err(ApiError::message_delete_failed(error)),
        }
    }

    /// nats-server's stores differ in what they say.
    fn why_not_there(&self, sequence: u64) -> ApiError {
        if self.config.storage == StorageType::Memory {
            ApiError::sequence_not_found(sequence)
        } else if sequence > self.log.last_sequence() {
            ApiError::message_delete_failed("stream store EOF")
        } else if sequence < self.log.first_sequence() {
            ApiError::message_delete_failed("no message found")
        } else {
            ApiError::sequence_not_found(sequence)
        }
    }

    fn next_sequence(&self) -> u64 {
        self.log.last_sequence().saturating_add(1)
    }
}
