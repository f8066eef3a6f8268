//! Object stores: made, found, removed.

use std::fmt::{self, Display};

use embus_kv::shape::check_bucket_name;

use super::{Context, CreateKeyValueError, CreateKeyValueErrorKind, GetStreamError};
use crate::client::error::Error;
use crate::jetstream::kv::NoBucket;
use crate::jetstream::object_store::{Config, ObjectStore, stream_of};

/// Why an object store was not made.
pub type CreateObjectStoreError = CreateKeyValueError;
/// What went wrong with making an object store.
pub type CreateObjectStoreErrorKind = CreateKeyValueErrorKind;
/// Why an object store was not found or not deleted.
pub type ObjectStoreError = Error<ObjectStoreErrorKind>;
/// Why an object store was not deleted.
pub type DeleteObjectStore = ObjectStoreError;
/// What went wrong with deleting an object store.
pub type DeleteObjectStoreKind = ObjectStoreErrorKind;

/// What went wrong with finding or deleting an object store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ObjectStoreErrorKind {
    /// The name is none of a store.
    InvalidBucketName,
    /// The store was not found, or not deleted; see the source.
    GetStore,
}

impl Display for ObjectStoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidBucketName => "invalid object store name",
            Self::GetStore => "failed to get the object store",
        })
    }
}

/// # Object stores
/// What changes them is done one at a time on another thread, and durable when it returns.
impl Context {
    /// Makes an object store. One that is there with just this configuration is as good.
    ///
    /// # Errors
    /// See [`CreateObjectStoreErrorKind`].
    pub async fn create_object_store(&self, config: Config) -> Result<ObjectStore, CreateObjectStoreError> {
        let stream = self.create_stream(config.to_stream()?).await?;
        Ok(ObjectStore::new(config.bucket, stream))
    }

    /// An object store that is there.
    ///
    /// # Errors
    /// See [`ObjectStoreErrorKind`].
    pub async fn get_object_store<T: AsRef<str>>(&self, bucket_name: T) -> Result<ObjectStore, ObjectStoreError> {
        let name = checked(bucket_name.as_ref())?;
        let stream = self.get_stream(stream_of(name)).await.map_err(|error| not_there(name, error))?;
        Ok(ObjectStore::new(name.to_owned(), stream))
    }

    /// Removes an object store with all its objects.
    ///
    /// # Errors
    /// See [`ObjectStoreErrorKind`].
    pub async fn delete_object_store<T: AsRef<str>>(&self, bucket_name: T) -> Result<(), DeleteObjectStore> {
        let name = checked(bucket_name.as_ref())?;
        self.delete_stream(stream_of(name)).await.map(|_| ()).map_err(|error| not_there(name, error))
    }
}

fn checked(name: &str) -> Result<&str, ObjectStoreError> {
    let invalid = |error| ObjectStoreError::with_source(ObjectStoreErrorKind::InvalidBucketName, error);
    check_bucket_name(name).map(|()| name).map_err(invalid)
}

fn not_there(name: &str, error: GetStreamError) -> ObjectStoreError {
    ObjectStoreError::with_source(ObjectStoreErrorKind::GetStore, NoBucket::named(name, error))
}
