//! Buckets that a program declares. Beyond async-nats.

use std::fmt::{self, Display};
use std::sync::Arc;

use embus_engine::jetstream::JetStream;
use embus_kv::shape::InvalidBucket;

use super::Config;
use crate::client::error::Error;
use crate::jetstream::context;
use crate::jetstream::ensure::{EnsureStreamError, EnsureStreamErrorKind, ensure};

/// Why a bucket is not as it was declared. What was there is as it was.
pub type EnsureBucketError = Error<EnsureBucketErrorKind>;

/// What went wrong with a declared bucket.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EnsureBucketErrorKind {
    /// No bucket can be like that.
    Invalid(InvalidBucket),
    /// Its stream is not as it has to be.
    Stream(EnsureStreamErrorKind),
}

impl Display for EnsureBucketErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::Stream(kind) => kind.fmt(f),
        }
    }
}

impl From<InvalidBucket> for EnsureBucketError {
    fn from(invalid: InvalidBucket) -> Self {
        Self::new(EnsureBucketErrorKind::Invalid(invalid))
    }
}

impl From<EnsureStreamError> for EnsureBucketError {
    fn from(error: EnsureStreamError) -> Self {
        let kind = EnsureBucketErrorKind::Stream(error.kind());
        match error.into_source() {
            Some(source) => Self::with_source(kind, source),
            None => Self::new(kind),
        }
    }
}

/// Has the bucket be there as it is declared. Blocks.
pub(crate) fn declare(jetstream: &Arc<JetStream>, config: &Config) -> Result<(), EnsureBucketError> {
    let stream = context::checked(&config.to_stream()?).map_err(EnsureStreamError::from)?;
    ensure(jetstream, stream)?;
    Ok(())
}
