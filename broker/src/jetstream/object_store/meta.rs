//! Descriptions of objects: read and written with the revision that they replace, so that nobody's change is lost, and no
//! chunks are removed but those of what was replaced.

use embus_kv::backend::{Append, Backend as _, Stored};
use embus_protocol::headers::{HeaderMap, HeaderValue, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_ROLLUP};

use super::ObjectInfo;
use super::config::{chunk_subject, encoded, meta_prefix};
use super::kinds::{UpdateMetadataError, UpdateMetadataErrorKind};
use super::store::ObjectStore;
use crate::datetime;
use crate::jetstream::kv::{StoreError, StoreErrorKind};
use crate::jetstream::stream::PurgeError;

/// Why a description was not read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum MetaError {
    #[error("a name has a byte at least")]
    Name,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// A description as it is stored.
#[derive(Debug)]
pub(super) struct Meta {
    pub(super) info: ObjectInfo,
    /// Which change of the store it is.
    pub(super) revision: u64,
}

impl ObjectStore {
    /// The description under this name, if there is one.
    pub(super) async fn meta(&self, name: &str) -> Result<Option<Meta>, MetaError> {
        let subject = self.meta_subject(name)?;
        let Some(Stored { revision, value, .. }) = self.metas.last(&subject).await? else { return Ok(None) };
        Ok(Some(Meta { info: serde_json::from_slice(&value)?, revision }))
    }

    fn meta_subject(&self, name: &str) -> Result<String, MetaError> {
        let name = encoded(name).ok_or(MetaError::Name)?;
        Ok(meta_prefix(&self.name) + &name)
    }

    /// Writes a description in place of the one that is there, which `decide` sees, or refuses; again if it was replaced
    /// meanwhile. Returns both.
    pub(super) async fn replace_meta<E: From<MetaError>>(
        &self,
        name: &str,
        decide: impl Fn(Option<&ObjectInfo>) -> Result<ObjectInfo, E>,
    ) -> Result<(Meta, Option<ObjectInfo>), E> {
        let mut tries = 1..MAX_TRIES;
        loop {
            let before = self.meta(name).await?;
            let revision = before.as_ref().map_or(0, |meta| meta.revision);
            let before = before.map(|meta| meta.info);
            let info = decide(before.as_ref())?;
            match self.write_meta(&info, revision).await {
                Ok(revision) => return Ok((Meta { info, revision }, before)),
                Err(MetaError::Store(error)) if is_lost_race(&error) && tries.next().is_some() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Returns the revision.
    async fn write_meta(&self, info: &ObjectInfo, replaced: u64) -> Result<u64, MetaError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_ROLLUP, ROLLUP_SUBJECT);
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(replaced));
        let (subject, value) = (self.meta_subject(&info.name)?, serde_json::to_vec(info)?.into());
        Ok(self.metas.append(Append { subject, headers, value }).await?)
    }

    /// Ends a rename: the old name says that it has no chunks any more, so that nobody who deletes or puts it takes them from
    /// the new one, and goes. If somebody was faster, the object is theirs, and the new name goes.
    pub(super) async fn give_up(&self, old: &Meta, new: &Meta) -> Result<(), UpdateMetadataError> {
        let info = ObjectInfo { nuid: String::new(), ..deleted(&old.info) };
        let purge_failed = |error| UpdateMetadataError::with_source(UpdateMetadataErrorKind::Purge, error);
        match self.write_meta(&info, old.revision).await {
            Ok(revision) => self.forget_meta(&Meta { info, revision }).await.map_err(purge_failed),
            Err(MetaError::Store(error)) if is_lost_race(&error) => {
                self.forget_meta(new).await.map_err(purge_failed)?;
                Err(UpdateMetadataError::with_source(UpdateMetadataErrorKind::Other, error))
            }
            Err(error) => Err(UpdateMetadataError::with_source(UpdateMetadataErrorKind::Purge, error)),
        }
    }

    /// Removes a description, unless it was replaced.
    async fn forget_meta(&self, meta: &Meta) -> Result<(), PurgeError> {
        let Ok(subject) = self.meta_subject(&meta.info.name) else { return Ok(()) };
        let purge = self.stream.purge().filter(subject).sequence(meta.revision.saturating_add(1));
        purge.await.map(|_| ())
    }

    /// Removes the chunks of an object.
    pub(super) async fn forget_chunks(&self, nuid: &str) -> Result<(), PurgeError> {
        // Without one, the filter would be of nobody's chunks; a description may say anything.
        if nuid.is_empty() || nuid.contains(['*', '>', '.', ' ']) {
            return Ok(());
        }
        self.stream.purge().filter(chunk_subject(&self.name, nuid)).await.map(|_| ())
    }
}

/// What is left of an object that was deleted.
pub(super) fn deleted(info: &ObjectInfo) -> ObjectInfo {
    let modified = Some(datetime::now());
    ObjectInfo { size: 0, chunks: 0, digest: None, deleted: true, modified, ..info.clone() }
}

fn is_lost_race(error: &StoreError) -> bool {
    error.kind() == StoreErrorKind::WrongRevision
}

/// How often a description is tried to be replaced while others replace it; each time one of them got through.
const MAX_TRIES: u32 = 100;
/// Everything else on the subject goes.
const ROLLUP_SUBJECT: &str = "sub";
