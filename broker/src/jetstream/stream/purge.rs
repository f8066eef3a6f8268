//! Removing many messages at once.

use std::fmt::{self, Display};
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;

use embus_engine::api::error::ApiError;
use embus_engine::stream::core;
use serde::Deserialize;

use crate::client::error::Error;
use crate::jetstream::context::Context;
use crate::jetstream::errors;
use crate::jetstream::failure::{Failure, from_failure};

pub use crate::jetstream::context::{No, ToAssign, Yes};

/// Says which messages to remove; awaiting it removes them. See [`Stream::purge`](super::Stream::purge).
#[derive(Debug)]
#[must_use = "nothing is removed before it is awaited"]
pub struct Purge<SEQUENCE: ToAssign, KEEP: ToAssign> {
    context: Context,
    stream: String,
    request: core::Purge,
    assigned: PhantomData<(SEQUENCE, KEEP)>,
}

/// What a purge did.
#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
pub struct PurgeResponse {
    /// It was done.
    pub success: bool,
    /// How many messages are gone.
    pub purged: u64,
}

impl Purge<No, No> {
    pub(super) fn new(context: Context, stream: String) -> Self {
        Self { context, stream, request: core::Purge::default(), assigned: PhantomData }
    }
}

impl<SEQUENCE: ToAssign, KEEP: ToAssign> Purge<SEQUENCE, KEEP> {
    /// Only messages on subjects that match.
    pub fn filter<T: Into<String>>(mut self, filter: T) -> Self {
        self.request.filter = Some(filter.into().into_bytes());
        self
    }

    fn with<S: ToAssign, K: ToAssign>(self) -> Purge<S, K> {
        let Self { context, stream, request, assigned: _ } = self;
        Purge { context, stream, request, assigned: PhantomData }
    }

    async fn run(self) -> Result<PurgeResponse, Failure> {
        let Self { context, stream, request, .. } = self;
        // A walk through a large stream takes its time.
        let purged = context.blocking(move |jetstream| {
            let stream = jetstream.get(&stream).ok_or_else(ApiError::stream_not_found)?.witness();
            let purged = stream.purge(&request)?;
            Ok::<_, ApiError>((stream, purged))
        });
        let (stream, purged) = purged.await??;
        context.committed(&stream).await?;
        Ok(PurgeResponse { success: true, purged })
    }
}

impl<KEEP: ToAssign> Purge<No, KEEP> {
    /// All but the newest of them; this many stay.
    pub fn keep(mut self, keep: u64) -> Purge<No, Yes> {
        self.request.keep = Some(keep);
        self.with()
    }
}

impl<SEQUENCE: ToAssign> Purge<SEQUENCE, No> {
    /// Only messages below this sequence.
    pub fn sequence(mut self, sequence: u64) -> Purge<Yes, No> {
        self.request.sequence = Some(sequence);
        self.with()
    }
}

impl<S, K> IntoFuture for Purge<S, K>
where
    S: ToAssign + Send + 'static,
    K: ToAssign + Send + 'static,
{
    type Output = Result<PurgeResponse, PurgeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// When dropped after the first poll, the messages are removed all the same.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(self.run().await?) })
    }
}

/// Why a stream was not purged.
pub type PurgeError = Error<PurgeErrorKind>;

/// What went wrong with a purge.
#[derive(Clone, Debug, PartialEq)]
pub enum PurgeErrorKind {
    /// There was no answer; see the source.
    Request,
    /// The answer did not come in time: the messages may be gone or not.
    TimedOut,
    /// The API refused.
    JetStream(errors::Error),
}

impl Display for PurgeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request failed",
            Self::TimedOut => "timed out",
            Self::JetStream(error) => return write!(f, "JetStream error: {error}"),
        })
    }
}

from_failure!(PurgeError, PurgeErrorKind);
