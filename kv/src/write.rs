//! Writing: every change of a key is one entry that is appended.

use std::time::Duration;

use bytes::Bytes;
use embus_protocol::headers::{
    HeaderMap, HeaderValue, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_TTL, NATS_ROLLUP,
};

use crate::backend::{Append, Backend, BackendError, Failure, Stored};
use crate::error::WriteError;
use crate::key::check_key;
use crate::operation::KV_OPERATION;
use crate::{Operation, ttl};

/// Gives the key a value; the result is its revision.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// assert_eq!(embus_kv::write::put(&store, "ada", "1".into()).await?, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// See [`WriteError`].
pub async fn put<B: Backend>(bucket: &B, key: &str, value: Bytes) -> Result<u64, WriteError<B::Error>> {
    check_key(key)?;
    append(bucket, key, HeaderMap::new(), value).await
}

/// Gives a value to a key that has none: one that was never there, or that was deleted, purged or has expired.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::error::WriteError;
/// use embus_kv::write::create;
///
/// create(&store, "ada", "1".into(), None).await?;
/// assert!(matches!(create(&store, "ada", "2".into(), None).await, Err(WriteError::Exists)));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`WriteError::Exists`] if it has one, and what else [`WriteError`] says.
pub async fn create<B: Backend>(
    bucket: &B,
    key: &str,
    value: Bytes,
    time_to_live: Option<Duration>,
) -> Result<u64, WriteError<B::Error>> {
    let mut expected = 0;
    for _ in 0..MAX_TRIES {
        match update(bucket, key, value.clone(), expected, time_to_live).await {
            Err(WriteError::WrongRevision(_)) => {}
            other => return other,
        }
        // What keeps it from being written may be the mark that the key is gone, and that may go, too, meanwhile.
        expected = match super::read::entry(bucket, key, None).await? {
            Some(Stored { operation: Operation::Put, .. }) => return Err(WriteError::Exists),
            Some(mark) => mark.revision,
            None => 0,
        };
    }
    Err(WriteError::Exists)
}

/// Gives the key a value if its last entry has this revision; 0 means that it must have none.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::write::update;
///
/// let first = update(&store, "ada", "1".into(), 0, None).await?;
/// update(&store, "ada", "2".into(), first, None).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`WriteError::WrongRevision`] if it is another one, and what else [`WriteError`] says.
pub async fn update<B: Backend>(
    bucket: &B,
    key: &str,
    value: Bytes,
    revision: u64,
    time_to_live: Option<Duration>,
) -> Result<u64, WriteError<B::Error>> {
    check_key(key)?;
    let headers = conditions(HeaderMap::new(), Some(revision), time_to_live)?;
    append(bucket, key, headers, value).await
}

/// How a key is removed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), history: 5, ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::write::{Removal, remove};
///
/// store.put("ada", "1".into()).await?;
/// remove(&store, "ada", Removal::Delete, None).await?;
/// assert_eq!(store.status().await?.values(), 2, "the value, and the mark that it is gone");
/// remove(&store, "ada", Removal::Purge { time_to_live: None }, None).await?;
/// assert_eq!(store.status().await?.values(), 1, "the mark");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Its history stays, as far as the bucket keeps one.
    Delete,
    /// Its history goes, too.
    Purge {
        /// How long the mark stays that the key is gone; for ever if nothing is said.
        time_to_live: Option<Duration>,
    },
}

/// Removes the key, whether it was there or not; if a revision is expected, only if its last entry has that one. The
/// result is the revision of the mark.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::write::{Removal, remove};
///
/// let revision = store.put("ada", "1".into()).await?;
/// remove(&store, "ada", Removal::Delete, Some(revision)).await?;
/// assert_eq!(store.get("ada").await?, None);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`WriteError::WrongRevision`] if it is another one, and what else [`WriteError`] says.
pub async fn remove<B: Backend>(
    bucket: &B,
    key: &str,
    removal: Removal,
    expected: Option<u64>,
) -> Result<u64, WriteError<B::Error>> {
    check_key(key)?;
    let mut headers = HeaderMap::new();
    let headers = match removal {
        Removal::Delete => {
            headers.insert(KV_OPERATION, Operation::Delete.as_str());
            conditions(headers, expected, None)?
        }
        Removal::Purge { time_to_live } => {
            headers.insert(KV_OPERATION, Operation::Purge.as_str());
            headers.insert(NATS_ROLLUP, ROLLUP_SUBJECT);
            conditions(headers, expected, time_to_live)?
        }
    };
    append(bucket, key, headers, Bytes::new()).await
}

fn conditions(
    mut headers: HeaderMap,
    expected: Option<u64>,
    time_to_live: Option<Duration>,
) -> Result<HeaderMap, ttl::InvalidTtl> {
    if let Some(span) = time_to_live {
        headers.insert(NATS_MESSAGE_TTL, ttl::header(span)?);
    }
    if let Some(revision) = expected {
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(revision));
    }
    Ok(headers)
}

async fn append<B: Backend>(
    bucket: &B,
    key: &str,
    headers: HeaderMap,
    value: Bytes,
) -> Result<u64, WriteError<B::Error>> {
    let prefix = bucket.prefix();
    let mut subject = String::with_capacity(prefix.len() + key.len());
    subject.push_str(prefix);
    subject.push_str(key);
    bucket.append(Append { subject, headers, value }).await.map_err(|error| match error.failure() {
        Failure::WrongRevision => WriteError::WrongRevision(error),
        Failure::Refused(refusal) => WriteError::Refused { refusal, source: error },
        Failure::TimedOut | Failure::NotSent | Failure::Other => WriteError::Backend(error),
    })
}

/// How often a key is tried to be created while its entries come and go; each time somebody else got through.
const MAX_TRIES: usize = 100;
/// Everything else on the subject goes.
const ROLLUP_SUBJECT: &str = "sub";

#[cfg(test)]
mod tests;
