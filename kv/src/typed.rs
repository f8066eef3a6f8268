//! Buckets whose values have a type.

mod changes;
mod error;
mod modify;

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;

use crate::Operation;
use crate::backend::{Backend, From as Start, Stored};
use crate::codec::{Codec, Json};
use crate::error::{ReadError, WriteError};
use crate::write::Removal;
use crate::{read, watch, write};

pub use self::changes::{Change, Changes};
pub use self::error::{FollowError, LoadError, ModifyError, SaveError, Undecodable};
pub use self::modify::Changed;

/// A bucket whose values are `T`s, in a form that the codec `C` knows: JSON unless something else is said.
///
/// `B` is where the bucket is: the same program works on one in this process and on one behind a client.
pub struct Bucket<T, B, C = Json> {
    backend: B,
    codec: C,
    value: PhantomData<fn() -> T>,
}

/// A value, and which one it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The number of its entry in the bucket.
    pub revision: u64,
    /// When it was stored.
    pub created: OffsetDateTime,
}

impl<T, B: Backend> Bucket<T, B> {
    /// With values as JSON.
    pub fn new(backend: B) -> Self {
        Self::with_codec(backend, Json)
    }
}

impl<T, B: Backend, C> Bucket<T, B, C> {
    /// With values in another form.
    pub fn with_codec(backend: B, codec: C) -> Self {
        Self { backend, codec, value: PhantomData }
    }

    /// The bucket under it, with values as bytes.
    pub fn raw(&self) -> &B {
        &self.backend
    }

    /// Removes the key; its history stays, as far as the bucket keeps one.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn delete(&self, key: impl AsRef<str>) -> Result<(), WriteError<B::Error>> {
        write::remove(&self.backend, key.as_ref(), Removal::Delete, None).await?;
        Ok(())
    }

    /// The same if its last entry has this revision.
    ///
    /// # Errors
    /// [`WriteError::WrongRevision`] if it is another one, and what else [`WriteError`] says.
    pub async fn delete_expect_revision(
        &self,
        key: impl AsRef<str>,
        revision: u64,
    ) -> Result<(), WriteError<B::Error>> {
        write::remove(&self.backend, key.as_ref(), Removal::Delete, Some(revision)).await?;
        Ok(())
    }

    /// Removes the key with its history.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn purge(&self, key: impl AsRef<str>) -> Result<(), WriteError<B::Error>> {
        write::remove(&self.backend, key.as_ref(), Removal::Purge { time_to_live: None }, None).await?;
        Ok(())
    }

    /// All keys that have a value; it ends.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn keys(&self) -> Result<watch::Keys<B::Messages>, ReadError<B::Error>> {
        watch::keys(&self.backend).await
    }
}

impl<T, B: Backend, C: Codec<T>> Bucket<T, B, C> {
    /// Gives the key a value; the result is its revision.
    ///
    /// # Errors
    /// See [`SaveError`].
    pub async fn put(&self, key: impl AsRef<str>, value: &T) -> Result<u64, SaveError<B::Error>> {
        let (key, value) = (key.as_ref(), self.encode(value)?);
        Ok(write::put(&self.backend, key, value).await?)
    }

    /// Gives a value to a key that has none.
    ///
    /// # Errors
    /// [`WriteError::Exists`] if it has one, and what else [`SaveError`] says.
    pub async fn create(&self, key: impl AsRef<str>, value: &T) -> Result<u64, SaveError<B::Error>> {
        self.create_maybe_ttl(key.as_ref(), value, None).await
    }

    /// The same for a value that expires after `ttl`: whole seconds, at least one.
    ///
    /// # Errors
    /// [`WriteError::Exists`] if it has one, and what else [`SaveError`] says.
    pub async fn create_with_ttl(
        &self,
        key: impl AsRef<str>,
        value: &T,
        ttl: Duration,
    ) -> Result<u64, SaveError<B::Error>> {
        self.create_maybe_ttl(key.as_ref(), value, Some(ttl)).await
    }

    async fn create_maybe_ttl(&self, key: &str, value: &T, ttl: Option<Duration>) -> Result<u64, SaveError<B::Error>> {
        let value = self.encode(value)?;
        Ok(write::create(&self.backend, key, value, ttl).await?)
    }

    /// Gives the key a value if its last entry has this revision; with 0, if it has none.
    ///
    /// # Errors
    /// [`WriteError::WrongRevision`] if it is another one, and what else [`SaveError`] says.
    pub async fn update(&self, key: impl AsRef<str>, value: &T, revision: u64) -> Result<u64, SaveError<B::Error>> {
        let (key, value) = (key.as_ref(), self.encode(value)?);
        Ok(write::update(&self.backend, key, value, revision, None).await?)
    }

    /// The value of the key, if it has one.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn get(&self, key: impl AsRef<str>) -> Result<Option<T>, LoadError<B::Error>> {
        Ok(self.entry(key).await?.map(|entry| entry.value))
    }

    /// The same with its revision, for [`update`](Self::update).
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn entry(&self, key: impl AsRef<str>) -> Result<Option<Versioned<T>>, LoadError<B::Error>> {
        let key = key.as_ref();
        match read::entry(&self.backend, key, None).await? {
            Some(stored) if stored.operation == Operation::Put => Ok(Some(self.decode(key, &stored)?)),
            _ => Ok(None),
        }
    }

    /// What happens to the keys that match from now on: `*` stands for a part of a key, a last `>` for all that follow.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn watch(&self, pattern: impl AsRef<str>) -> Result<Changes<T, B::Messages, C>, ReadError<B::Error>>
    where
        C: Clone,
    {
        self.watch_from(pattern.as_ref(), Start::Now).await
    }

    /// The value of each key that matches, then what happens.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn watch_with_history(
        &self,
        pattern: impl AsRef<str>,
    ) -> Result<Changes<T, B::Messages, C>, ReadError<B::Error>>
    where
        C: Clone,
    {
        self.watch_from(pattern.as_ref(), Start::Last).await
    }

    /// What happened from this revision on, as far as the bucket keeps it, then what happens.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn watch_from_revision(
        &self,
        pattern: impl AsRef<str>,
        revision: u64,
    ) -> Result<Changes<T, B::Messages, C>, ReadError<B::Error>>
    where
        C: Clone,
    {
        self.watch_from(pattern.as_ref(), Start::Revision(revision)).await
    }

    async fn watch_from(&self, pattern: &str, from: Start) -> Result<Changes<T, B::Messages, C>, ReadError<B::Error>>
    where
        C: Clone,
    {
        Ok(Changes::new(watch::watch(&self.backend, [pattern], from, false).await?, self.codec.clone()))
    }

    fn encode<E>(&self, value: &T) -> Result<Bytes, SaveError<E>> {
        self.codec.encode(value).map_err(SaveError::Encode)
    }

    fn decode(&self, key: &str, stored: &Stored) -> Result<Versioned<T>, Undecodable> {
        let Stored { revision, created, value, .. } = stored;
        let undecodable = |source| Undecodable { key: key.to_owned(), revision: *revision, source };
        let value = self.codec.decode(value).map_err(undecodable)?;
        Ok(Versioned { value, revision: *revision, created: *created })
    }
}

impl<T, B: Clone, C: Clone> Clone for Bucket<T, B, C> {
    fn clone(&self) -> Self {
        Self { backend: self.backend.clone(), codec: self.codec.clone(), value: PhantomData }
    }
}

impl<T, B: Backend, C> fmt::Debug for Bucket<T, B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.backend.bucket()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
