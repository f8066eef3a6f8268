//! The handle of an object store.

use std::sync::Arc;

use embus_kv::backend::From as Start;
use embus_kv::error::ReadError;
use embus_kv::watch;
use tokio::io::AsyncRead;

use super::config::meta_prefix;
use super::kinds::{
    DeleteError, DeleteErrorKind, GetError, InfoError, InfoErrorKind, ListError, PutError, SealError, SealErrorKind,
    UpdateMetadataError, UpdateMetadataErrorKind, WatchError, WatchErrorKind,
};
use super::meta::{MetaError, deleted};
use super::watch::{List, Watch};
use super::{Object, ObjectInfo, ObjectMetadata, UpdateMetadata};
use crate::datetime;
use crate::jetstream::context::CreateStreamErrorKind;
use crate::jetstream::kv::{Store, StoreError};
use crate::jetstream::stream::Stream;

/// A handle of an object store.
///
/// What a call says is as durable as the store's stream makes it. A call that is dropped has done what it was about or
/// not; chunks of an object that was not put to its end stay until the store's `max_age`.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    /// The name of the store.
    pub(crate) name: String,
    /// Its stream.
    pub(crate) stream: Stream,
    /// What describes the objects, as a bucket has its entries: their names, encoded, are the keys.
    pub(super) metas: Arc<Store>,
}

impl ObjectStore {
    pub(crate) fn new(name: String, stream: Stream) -> Self {
        let metas = Store {
            name: name.clone(),
            stream_name: stream.name.clone(),
            prefix: meta_prefix(&name),
            put_prefix: None,
            use_jetstream_prefix: false,
            stream: stream.clone(),
        };
        Self { name, stream, metas: Arc::new(metas) }
    }

    /// The object of this name, or the one that a link of this name leads to.
    ///
    /// # Errors
    /// See [`GetErrorKind`](super::GetErrorKind).
    pub async fn get<T: AsRef<str> + Send>(&self, object_name: T) -> Result<Object, GetError> {
        self.follow(object_name.as_ref()).await
    }

    /// Deletes an object; what describes it stays and says so.
    ///
    /// # Errors
    /// See [`DeleteErrorKind`].
    pub async fn delete<T: AsRef<str>>(&self, object_name: T) -> Result<(), DeleteError> {
        let decide = |before: Option<&ObjectInfo>| match before {
            None => Err(DeleteErrorKind::NotFound.into()),
            Some(before) => Ok(deleted(before)),
        };
        let (meta, _) = self.replace_meta::<DeleteError>(object_name.as_ref(), decide).await?;
        let failed = |error| DeleteError::with_source(DeleteErrorKind::Chunks, error);
        self.forget_chunks(&meta.info.nuid).await.map_err(failed)
    }

    /// What is known of an object, also if it was deleted.
    ///
    /// # Errors
    /// See [`InfoErrorKind`].
    pub async fn info<T: AsRef<str>>(&self, object_name: T) -> Result<ObjectInfo, InfoError> {
        let found = self.meta(object_name.as_ref()).await?;
        found.map(|meta| meta.info).ok_or_else(|| InfoErrorKind::NotFound.into())
    }

    /// Puts an object in place of the one that has this name, if there is one, once all of `data` was read.
    ///
    /// # Errors
    /// See [`PutErrorKind`](super::PutErrorKind).
    pub async fn put<T>(&self, meta: T, data: &mut (impl AsyncRead + Unpin)) -> Result<ObjectInfo, PutError>
    where
        ObjectMetadata: From<T>,
    {
        self.put_object(ObjectMetadata::from(meta), data).await
    }

    /// What happens to objects from now on.
    ///
    /// # Errors
    /// See [`WatchErrorKind`].
    pub async fn watch(&self) -> Result<Watch, WatchError> {
        self.watch_from(Start::Now).await.map(|inner| Watch { inner })
    }

    /// All objects, then what happens to them.
    ///
    /// # Errors
    /// See [`WatchErrorKind`].
    pub async fn watch_with_history(&self) -> Result<Watch, WatchError> {
        self.watch_from(Start::Last).await.map(|inner| Watch { inner })
    }

    /// All objects but those that were deleted; it ends.
    ///
    /// # Errors
    /// See [`ListErrorKind`](super::ListErrorKind).
    pub async fn list(&self) -> Result<List, ListError> {
        Ok(List::new(self.watch_from(Start::Last).await?.into_history()))
    }

    async fn watch_from(&self, from: Start) -> Result<watch::Watch<crate::jetstream::kv::StoreMessages>, WatchError> {
        Ok(watch::watch(&*self.metas, [ALL], from, false).await?)
    }

    /// Lets nothing be put, changed or deleted any more, for ever.
    ///
    /// # Errors
    /// See [`SealErrorKind`].
    pub async fn seal(&mut self) -> Result<(), SealError> {
        let info = self.stream.info().await.map_err(|error| SealError::with_source(SealErrorKind::Info, error))?;
        let mut config = info.config.clone();
        config.sealed = true;
        let sealed = self.stream.context.update_stream(config).await;
        sealed.map(|_| ()).map_err(|error| match error.kind() {
            CreateStreamErrorKind::TimedOut => SealErrorKind::TimedOut.into(),
            _ => SealError::with_source(SealErrorKind::Update, error),
        })
    }

    /// Changes what is known of an object, its name perhaps. Links to the old name lead nowhere then. A rename that did not
    /// come to its end, because the process died, leaves both names: done once more, it is finished.
    ///
    /// # Errors
    /// See [`UpdateMetadataErrorKind`].
    pub async fn update_metadata<A: AsRef<str>>(
        &self,
        object: A,
        metadata: UpdateMetadata,
    ) -> Result<ObjectInfo, UpdateMetadataError> {
        let object = object.as_ref();
        if metadata.name == object {
            let decide = |before: Option<&ObjectInfo>| updated(before, &metadata);
            return self.replace_meta(object, decide).await.map(|(meta, _)| meta.info);
        }
        let old = self.meta(object).await?;
        let renamed = updated(old.as_ref().map(|meta| &meta.info), &metadata)?;
        let decide = |before: Option<&ObjectInfo>| match before {
            // With the same chunks it is the same object: somebody did not come to the end of this.
            Some(before) if !before.deleted && before.nuid != renamed.nuid => {
                Err(UpdateMetadataErrorKind::NameAlreadyInUse.into())
            }
            _ => Ok(renamed.clone()),
        };
        let (new, _) = self.replace_meta::<UpdateMetadataError>(&metadata.name, decide).await?;
        if let Some(old) = old {
            self.give_up(&old, &new).await?;
        }
        Ok(new.info)
    }
}

fn updated(before: Option<&ObjectInfo>, metadata: &UpdateMetadata) -> Result<ObjectInfo, UpdateMetadataError> {
    let Some(before) = before.filter(|info| !info.deleted) else {
        return Err(UpdateMetadataErrorKind::NotFound.into());
    };
    let UpdateMetadata { name, description, metadata, headers } = metadata.clone();
    let modified = Some(datetime::now());
    Ok(ObjectInfo { name, description, metadata, headers, modified, ..before.clone() })
}

impl From<MetaError> for DeleteError {
    fn from(error: MetaError) -> Self {
        match error {
            MetaError::Name => DeleteErrorKind::InvalidName.into(),
            MetaError::Store(error) if error.is_timeout() => Self::with_source(DeleteErrorKind::TimedOut, error),
            MetaError::Store(error) => Self::with_source(DeleteErrorKind::Metadata, error),
            MetaError::Json(error) => Self::with_source(DeleteErrorKind::Other, error),
        }
    }
}

impl From<MetaError> for UpdateMetadataError {
    fn from(error: MetaError) -> Self {
        use UpdateMetadataErrorKind as Kind;
        match error {
            MetaError::Name => Kind::InvalidName.into(),
            MetaError::Store(error) if error.is_timeout() => Self::with_source(Kind::TimedOut, error),
            MetaError::Store(error) => Self::with_source(Kind::PublishMetadata, error),
            MetaError::Json(error) => Self::with_source(Kind::Other, error),
        }
    }
}

impl From<ReadError<StoreError>> for WatchError {
    fn from(error: ReadError<StoreError>) -> Self {
        match error {
            ReadError::Backend(error) if error.is_timeout() => Self::with_source(WatchErrorKind::TimedOut, error),
            ReadError::Backend(error) => Self::with_source(WatchErrorKind::ConsumerCreate, error),
            other => Self::with_source(WatchErrorKind::Other, other),
        }
    }
}

/// All names.
const ALL: &str = ">";
