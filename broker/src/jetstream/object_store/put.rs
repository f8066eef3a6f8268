//! Putting an object: its chunks first, then what describes it, then the chunks of what it replaced go.

use std::collections::VecDeque;

use bytes::BytesMut;
use data_encoding::BASE64URL;
use embus_protocol::subject::Subject;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::config::{chunk_subject, encoded};
use super::kinds::{PutError, PutErrorKind};
use super::meta::MetaError;
use super::store::ObjectStore;
use super::{ObjectInfo, ObjectMetadata, ObjectOptions};
use crate::datetime;
use crate::jetstream::context::PublishAckFuture;

/// What was written of an object.
struct Written {
    size: usize,
    chunks: usize,
    digest: String,
}

impl ObjectStore {
    pub(super) async fn put_object(
        &self,
        meta: ObjectMetadata,
        data: &mut (impl AsyncRead + Unpin),
    ) -> Result<ObjectInfo, PutError> {
        let most = self.stream.context.client().max_payload();
        let chunk_size = meta.chunk_size.unwrap_or(DEFAULT_CHUNK_BYTES.min(most));
        encoded(&meta.name).ok_or(PutErrorKind::InvalidName)?;
        if chunk_size == 0 {
            return Err(PutError::with_source(PutErrorKind::Other, "a chunk has a byte at least"));
        }
        let nuid = self.stream.context.client().new_id();
        let put = match self.write_chunks(&nuid, chunk_size, data).await {
            Ok(written) => self.describe(meta, &nuid, chunk_size, &written).await,
            Err(error) => Err(error),
        };
        let (info, before) = match put {
            Ok(put) => put,
            // What describes them may be there yet.
            Err(error) if error.kind() == PutErrorKind::TimedOut => return Err(error),
            Err(error) => {
                // If that fails, too, they are of no use to anybody, but they harm nobody.
                let _ = self.forget_chunks(&nuid).await;
                return Err(error);
            }
        };
        if let Some(before) = before {
            let failed = |error| PutError::with_source(PutErrorKind::PurgeOldChunks, error);
            self.forget_chunks(&before.nuid).await.map_err(failed)?;
        }
        Ok(info)
    }

    /// Writes all chunks, a few at a time.
    async fn write_chunks(
        &self,
        nuid: &str,
        chunk_size: usize,
        data: &mut (impl AsyncRead + Unpin),
    ) -> Result<Written, PutError> {
        let subject = Subject::from(chunk_subject(&self.name, nuid));
        let (mut digest, mut size, mut chunks) = (Sha256::new(), 0, 0);
        let mut acks = VecDeque::with_capacity(MAX_CHUNKS_IN_FLIGHT);
        loop {
            let chunk = read_chunk(data, chunk_size).await?;
            if chunk.is_empty() {
                break;
            }
            digest.update(&chunk);
            (size, chunks) = (size + chunk.len(), chunks + 1);
            if acks.len() == MAX_CHUNKS_IN_FLIGHT {
                acknowledged(acks.pop_front()).await?;
            }
            let sent = self.stream.context.publish(subject.clone(), chunk.freeze()).await;
            acks.push_back(sent.map_err(|error| PutError::with_source(PutErrorKind::PublishChunks, error))?);
        }
        while !acks.is_empty() {
            acknowledged(acks.pop_front()).await?;
        }
        Ok(Written { size, chunks, digest: digest_text(digest) })
    }

    /// Writes what describes the object; returns that, and what described the one that it replaced.
    async fn describe(
        &self,
        meta: ObjectMetadata,
        nuid: &str,
        chunk_size: usize,
        written: &Written,
    ) -> Result<(ObjectInfo, Option<ObjectInfo>), PutError> {
        let ObjectMetadata { name, description, metadata, headers, .. } = meta;
        let info = ObjectInfo {
            description,
            metadata,
            headers,
            options: Some(ObjectOptions { link: None, max_chunk_size: Some(chunk_size) }),
            size: written.size,
            chunks: written.chunks,
            modified: Some(datetime::now()),
            digest: Some(written.digest.clone()),
            ..ObjectInfo::new(&self.name, name, nuid.to_owned())
        };
        self.replace_meta(&info.name, |_| Ok(info.clone())).await.map(|(meta, before)| (meta.info, before))
    }
}

/// The next bytes, as many as a chunk has unless they end: none behind the last.
async fn read_chunk(data: &mut (impl AsyncRead + Unpin), size: usize) -> Result<BytesMut, PutError> {
    let mut chunk = BytesMut::with_capacity(size.min(MAX_AHEAD_BYTES));
    let mut data = data.take(size as u64);
    loop {
        let read = data.read_buf(&mut chunk).await;
        if read.map_err(|error| PutError::with_source(PutErrorKind::ReadChunks, error))? == 0 {
            return Ok(chunk);
        }
    }
}

async fn acknowledged(ack: Option<PublishAckFuture>) -> Result<(), PutError> {
    let Some(ack) = ack else { return Ok(()) };
    ack.await.map_err(|error| PutError::with_source(PutErrorKind::PublishChunks, error))?;
    Ok(())
}

/// A digest as descriptions have it.
pub(super) fn digest_text(digest: Sha256) -> String {
    format!("SHA-256={}", BASE64URL.encode(&digest.finalize()))
}

impl From<MetaError> for PutError {
    fn from(error: MetaError) -> Self {
        match error {
            MetaError::Name => PutErrorKind::InvalidName.into(),
            MetaError::Store(error) if error.is_timeout() => Self::with_source(PutErrorKind::TimedOut, error),
            MetaError::Store(error) => Self::with_source(PutErrorKind::PublishMetadata, error),
            MetaError::Json(error) => Self::with_source(PutErrorKind::Other, error),
        }
    }
}

/// Bytes of a chunk if nothing is said. [ADR-20]
const DEFAULT_CHUNK_BYTES: usize = 128 * 1024;
/// Memory that is taken for a chunk before its bytes are there.
const MAX_AHEAD_BYTES: usize = DEFAULT_CHUNK_BYTES;
/// Chunks that are written at once: enough that one sync serves several.
const MAX_CHUNKS_IN_FLIGHT: usize = 8;
