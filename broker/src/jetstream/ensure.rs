//! Streams and buckets that a program declares. Beyond async-nats.

use std::fmt::{self, Display};
use std::sync::Arc;

use embus_engine::jetstream::{self as engine, JetStream};
use embus_engine::stream::config::StreamConfig;

use crate::client::error::Error;
use crate::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use crate::jetstream::errors;
use crate::jetstream::kv::Store;
use crate::jetstream::stream::Stream;

/// What it took to have a stream or a bucket as it was declared; see
/// [`Context::ensure_stream`](super::Context::ensure_stream) and [`Context::ensure_bucket`](super::Context::ensure_bucket).
#[derive(Debug, Clone)]
pub enum Ensured<T = Stream> {
    /// There was none.
    Created(T),
    /// There was one that was configured differently.
    Updated(T),
    /// It was there, just like that.
    Unchanged(T),
}

impl<T> Ensured<T> {
    /// The stream or bucket.
    pub fn into_inner(self) -> T {
        match self {
            Self::Created(it) | Self::Updated(it) | Self::Unchanged(it) => it,
        }
    }

    pub(crate) fn new(ensured: &engine::Ensured, it: T) -> Self {
        match ensured {
            engine::Ensured::Created(_) => Self::Created(it),
            engine::Ensured::Updated(_) => Self::Updated(it),
            engine::Ensured::Unchanged(_) => Self::Unchanged(it),
        }
    }
}

impl Ensured {
    /// The stream.
    pub fn stream(&self) -> &Stream {
        match self {
            Self::Created(stream) | Self::Updated(stream) | Self::Unchanged(stream) => stream,
        }
    }

    /// The stream.
    pub fn into_stream(self) -> Stream {
        self.into_inner()
    }
}

impl Ensured<Store> {
    /// The bucket.
    pub fn store(&self) -> &Store {
        match self {
            Self::Created(store) | Self::Updated(store) | Self::Unchanged(store) => store,
        }
    }

    pub(crate) fn of_stream(ensured: Ensured, store: impl FnOnce(Stream) -> Store) -> Self {
        match ensured {
            Ensured::Created(stream) => Self::Created(store(stream)),
            Ensured::Updated(stream) => Self::Updated(store(stream)),
            Ensured::Unchanged(stream) => Self::Unchanged(store(stream)),
        }
    }
}

/// Why a stream is not as it was declared. What was there is as it was.
pub type EnsureStreamError = Error<EnsureStreamErrorKind>;

/// What went wrong with a declared stream.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EnsureStreamErrorKind {
    /// The stream is there and differs in something that stays as it was created: delete it first, or declare what it is.
    Immutable {
        /// The field of the configuration, as the API calls it.
        field: &'static str,
        /// What the API answers to such an update.
        error: errors::Error,
    },
    /// The declaration is not valid, there is no room, or the disk failed.
    Refused(CreateStreamErrorKind),
}

impl Display for EnsureStreamErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Immutable { field, error } => write!(f, "`{field}` of a stream can not change: {error}"),
            Self::Refused(kind) => kind.fmt(f),
        }
    }
}

impl From<CreateStreamError> for EnsureStreamError {
    fn from(error: CreateStreamError) -> Self {
        let kind = EnsureStreamErrorKind::Refused(error.kind());
        match error.into_source() {
            Some(source) => Self::with_source(kind, source),
            None => Self::new(kind),
        }
    }
}

/// Makes or changes the stream. Blocks.
pub(crate) fn ensure(jetstream: &Arc<JetStream>, config: StreamConfig) -> Result<engine::Ensured, EnsureStreamError> {
    jetstream.ensure(config).map_err(|error| match error {
        engine::EnsureError::Immutable { field, error } => {
            EnsureStreamErrorKind::Immutable { field, error: error.into() }.into()
        }
        engine::EnsureError::Refused(error) => CreateStreamError::from(errors::Error::from(error)).into(),
        other => EnsureStreamError::with_source(EnsureStreamErrorKind::Refused(CreateStreamErrorKind::Response), other),
    })
}
