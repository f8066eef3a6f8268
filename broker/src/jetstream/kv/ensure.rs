//! Buckets that a program declares. Beyond async-nats.

use std::fmt::{self, Display};
use std::sync::Arc;

use embus_engine::jetstream::JetStream;
use embus_kv::shape::InvalidBucket;

use super::{Config, Store};
use crate::Broker;
use crate::client::error::Error;
use crate::jetstream::ensure::{EnsureStreamError, EnsureStreamErrorKind, Ensured, ensure};
use crate::jetstream::{self, context};

/// Why a bucket is not as it was declared. What was there is as it was.
pub type EnsureBucketError = Error<EnsureBucketErrorKind>;

/// What went wrong with a declared bucket.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// use embus::jetstream::kv::{Config, EnsureBucketErrorKind, InvalidBucket};
///
/// let odd = Config { bucket: "my users".into(), ..Default::default() };
/// let error = broker.ensure_bucket(odd).await.unwrap_err();
/// assert_eq!(error.kind(), EnsureBucketErrorKind::Invalid(InvalidBucket::Name("my users".into())));
/// # Ok(())
/// # }
/// ```
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

impl Broker {
    /// Has a bucket be there as `config` says, whether there was none, or one that is configured differently: what
    /// [`Builder::bucket`](crate::Builder::bucket) does, while the broker runs. The handle is that of a
    /// [client](Self::client) of its own.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{Ensured, kv};
    ///
    /// let broker = embus::Broker::builder().start().await?;
    /// let users = kv::Config { bucket: "users".into(), ..Default::default() };
    /// let Ensured::Created(store) = broker.ensure_bucket(users.clone()).await? else { panic!("there was one") };
    /// store.put("7", "Ada".into()).await?;
    /// assert!(matches!(broker.ensure_bucket(users.clone()).await?, Ensured::Unchanged(_)));
    /// let long = kv::Config { history: 10, ..users };
    /// assert!(matches!(broker.ensure_bucket(long).await?, Ensured::Updated(_)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`EnsureBucketErrorKind`]; what was there is as it was.
    pub async fn ensure_bucket(&self, config: Config) -> Result<Ensured<Store>, EnsureBucketError> {
        jetstream::new(self.client()).ensure_bucket(config).await
    }
}

/// Has the bucket be there as it is declared. Blocks.
pub(crate) fn declare(jetstream: &Arc<JetStream>, config: &Config) -> Result<(), EnsureBucketError> {
    let stream = context::checked(&config.to_stream()?).map_err(EnsureStreamError::from)?;
    ensure(jetstream, stream)?;
    Ok(())
}
