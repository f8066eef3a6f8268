//! Streams that a program declares: there as it wants them, whatever was there before.

use super::JetStream;
use crate::api::error::ApiError;
use crate::stream::Stream;
use crate::stream::config::{Retention, StreamConfig};
use crate::sync::Arc;

/// What it took to have a stream as it was declared.
#[derive(Debug, Clone)]
pub enum Ensured {
    /// There was none.
    Created(Arc<Stream>),
    /// There was one that was configured differently.
    Updated(Arc<Stream>),
    /// It was there, just like that.
    Unchanged(Arc<Stream>),
}

impl Ensured {
    /// The stream.
    pub fn stream(&self) -> &Arc<Stream> {
        match self {
            Self::Created(stream) | Self::Updated(stream) | Self::Unchanged(stream) => stream,
        }
    }
}

/// Why a stream is not as it was declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnsureError {
    /// The stream is there and differs in something that stays as it was created: delete it first, or declare what it is.
    #[error("`{field}` of a stream can not change: {error}")]
    Immutable {
        /// The field of the configuration.
        field: &'static str,
        /// What the API answers to such an update.
        error: ApiError,
    },
    /// The declaration is not valid, or there is no room, or the disk failed.
    #[error("{0}")]
    Refused(ApiError),
}

impl JetStream {
    /// Makes the stream, or changes the one that is there where it differs. Blocks.
    ///
    /// # Errors
    /// [`EnsureError`]; what was there is as it was.
    pub fn ensure(&self, config: StreamConfig) -> Result<Ensured, EnsureError> {
        if self.get(&config.name).is_some() {
            return self.ensure_existing(config);
        }
        match self.create(config.clone(), false) {
            Ok(created) if created.existed => Ok(Ensured::Unchanged(created.stream)),
            Ok(created) => Ok(Ensured::Created(created.stream)),
            // Somebody else was faster.
            Err(error) if error == ApiError::stream_name_in_use() => self.ensure_existing(config),
            Err(error) => Err(EnsureError::Refused(error)),
        }
    }

    fn ensure_existing(&self, config: StreamConfig) -> Result<Ensured, EnsureError> {
        let old = self.get(&config.name).map(|stream| stream.config());
        let field = old.as_ref().and_then(|old| immutable_field(old, &config));
        match (self.update(config, false), field) {
            (Ok(stream), _) if old.is_some_and(|old| *old == *stream.config()) => Ok(Ensured::Unchanged(stream)),
            (Ok(stream), _) => Ok(Ensured::Updated(stream)),
            (Err(error), Some(field)) => Err(EnsureError::Immutable { field, error }),
            (Err(error), None) => Err(EnsureError::Refused(error)),
        }
    }
}

/// The first field that differs and that no update can change so. [reference §3.2: Upd]
fn immutable_field(old: &StreamConfig, new: &StreamConfig) -> Option<&'static str> {
    let to_or_from_work_queue = (old.retention == Retention::WorkQueue) != (new.retention == Retention::WorkQueue);
    let fields = [
        ("storage", old.storage != new.storage),
        ("retention", to_or_from_work_queue),
        ("num_replicas", old.num_replicas.max(1) != new.num_replicas.max(1)),
        ("persist_mode", old.persist_mode != new.persist_mode),
        ("sealed", old.sealed && !new.sealed),
        ("deny_delete", old.deny_delete && !new.deny_delete),
        ("deny_purge", old.deny_purge && !new.deny_purge),
        ("allow_message_ttl", old.allow_message_ttl && !new.allow_message_ttl),
    ];
    fields.into_iter().find_map(|(field, differs)| differs.then_some(field))
}
