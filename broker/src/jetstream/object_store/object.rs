//! Reading an object: its chunks are fetched one by one from where the last one lay, so that it never waits for one that
//! is gone.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::{Buf as _, Bytes};
use embus_engine::api::fetch::{Query, Start};
use futures_core::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, ReadBuf};

use super::ObjectInfo;
use super::config::chunk_subject;
use super::put::digest_text;
use crate::jetstream::context::Context;
use crate::jetstream::stream::Stream;

/// An object that is read; as a reader it yields its bytes.
///
/// It ends with an error if a chunk is missing, because the object was replaced or deleted meanwhile, or if the bytes are
/// not those that were put.
pub struct Object {
    /// What is known of it.
    pub info: ObjectInfo,
    context: Context,
    stream: String,
    /// What is left of the chunk that is read.
    left: Bytes,
    /// Chunks that were fetched.
    fetched: usize,
    /// Where the next one is looked for.
    next_sequence: u64,
    /// The next one, on its way.
    coming: Option<Coming>,
    /// Nothing once it was compared.
    digest: Option<Sha256>,
}

/// The sequence and the bytes of a chunk, if it is there.
type Coming = BoxFuture<'static, io::Result<Option<(u64, Bytes)>>>;

impl Object {
    pub(super) fn new(info: ObjectInfo, stream: &Stream) -> Self {
        Self {
            info,
            context: stream.context.clone(),
            stream: stream.name.clone(),
            left: Bytes::new(),
            fetched: 0,
            next_sequence: 1,
            coming: None,
            digest: Some(Sha256::new()),
        }
    }

    /// What is known of it.
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// The next chunk is there; false if there was none to come.
    fn poll_chunk(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<bool>> {
        if self.fetched == self.info.chunks {
            return Poll::Ready(self.compare().map(|()| false));
        }
        let coming = match &mut self.coming {
            Some(coming) => coming,
            None => self.coming.insert(fetch(&self.context, &self.stream, &self.info, self.next_sequence)),
        };
        let fetched = ready!(coming.as_mut().poll(cx));
        self.coming = None;
        let Some((sequence, chunk)) = fetched? else {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, Gone)));
        };
        if let Some(digest) = &mut self.digest {
            digest.update(&chunk);
        }
        (self.next_sequence, self.left, self.fetched) = (sequence + 1, chunk, self.fetched + 1);
        Poll::Ready(Ok(true))
    }

    /// Whether the bytes are those that were put, once.
    fn compare(&mut self) -> io::Result<()> {
        let (Some(digest), Some(expected)) = (self.digest.take(), &self.info.digest) else { return Ok(()) };
        // Some clients leave the padding out.
        let is_same = digest_text(digest).trim_end_matches('=') == expected.trim_end_matches('=');
        if is_same { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, WrongDigest)) }
    }
}

fn fetch(context: &Context, stream: &str, info: &ObjectInfo, from: u64) -> Coming {
    let subject = chunk_subject(&info.bucket, &info.nuid).into_bytes();
    let (context, stream) = (context.clone(), stream.to_owned());
    Box::pin(async move {
        let query = Query::Next(Some(subject.into()), Start::Sequence(from));
        let failed = |failure| io::Error::other(crate::jetstream::context::RequestError::from(failure));
        let stream = context.find(&stream).map_err(failed)?;
        let found = context.fetch(&stream, &query).await.map_err(failed)?;
        Ok(found.map(|message| (message.sequence, message.payload)))
    })
}

impl AsyncRead for Object {
    fn poll_read(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // A chunk without a byte is no end.
        while this.left.is_empty() {
            if !ready!(this.poll_chunk(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
        let len = this.left.len().min(buf.remaining());
        buf.put_slice(&this.left[..len]);
        this.left.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("info", &self.info).field("fetched", &self.fetched).finish_non_exhaustive()
    }
}

/// A chunk is not there any more.
#[derive(Debug, thiserror::Error)]
#[error("the object was replaced or deleted while it was read")]
struct Gone;

/// The bytes are others than were put.
#[derive(Debug, thiserror::Error)]
#[error("wrong digest: the bytes of the object are not those that were put")]
struct WrongDigest;
