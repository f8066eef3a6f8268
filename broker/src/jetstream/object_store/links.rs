//! Links: objects that stand for another object, or for a store.

use super::kinds::{AddLinkError, AddLinkErrorKind, GetError, GetErrorKind};
use super::meta::MetaError;
use super::store::ObjectStore;
use super::{AsObjectInfo, Object, ObjectInfo, ObjectLink, ObjectOptions};
use crate::datetime;

impl ObjectStore {
    /// Makes a link to an object, of this store or another one. What was a link may become another one.
    ///
    /// # Errors
    /// See [`AddLinkErrorKind`].
    pub async fn add_link<T, O>(&self, name: T, object: O) -> Result<ObjectInfo, AddLinkError>
    where
        T: ToString,
        O: AsObjectInfo,
    {
        let object = object.as_info();
        let name = name.to_string();
        let refused = match object {
            _ if name.is_empty() => Some(AddLinkErrorKind::EmptyName),
            _ if object.name.is_empty() => Some(AddLinkErrorKind::ObjectRequired),
            _ if object.deleted => Some(AddLinkErrorKind::Deleted),
            _ if object.link().is_some() => Some(AddLinkErrorKind::LinkToLink),
            _ => None,
        };
        if let Some(kind) = refused {
            return Err(kind.into());
        }
        self.link(name, ObjectLink { name: Some(object.name.clone()), bucket: object.bucket.clone() }).await
    }

    /// Makes a link to a store. What was a link may become another one.
    ///
    /// # Errors
    /// See [`AddLinkErrorKind`].
    pub async fn add_bucket_link<T: ToString, U: ToString>(
        &self,
        name: T,
        bucket: U,
    ) -> Result<ObjectInfo, AddLinkError> {
        let name = name.to_string();
        if name.is_empty() {
            return Err(AddLinkErrorKind::EmptyName.into());
        }
        self.link(name, ObjectLink { name: None, bucket: bucket.to_string() }).await
    }

    async fn link(&self, name: String, link: ObjectLink) -> Result<ObjectInfo, AddLinkError> {
        let info = ObjectInfo {
            options: Some(ObjectOptions { link: Some(link), max_chunk_size: None }),
            modified: Some(datetime::now()),
            ..ObjectInfo::new(&self.name, name, self.stream.context.client().new_id())
        };
        let decide = |before: Option<&ObjectInfo>| match before {
            Some(before) if !before.deleted && before.link().is_none() => Err(AddLinkErrorKind::AlreadyExists.into()),
            _ => Ok(info.clone()),
        };
        self.replace_meta(&info.name, decide).await.map(|(meta, _)| meta.info)
    }

    /// The object under this name, or where a link of this name leads.
    pub(super) async fn follow(&self, name: &str) -> Result<Object, GetError> {
        let (mut store, mut name) = (self.clone(), name.to_owned());
        for _ in 0..MAX_LINKS {
            let info = store.info(&name).await?;
            if info.deleted {
                return Err(GetErrorKind::NotFound.into());
            }
            let Some(ObjectLink { name: target, bucket }) = info.link() else {
                return Ok(Object::new(info, &store.stream));
            };
            let Some(target) = target.clone() else { return Err(GetErrorKind::BucketLink.into()) };
            if *bucket != store.name {
                let found = store.stream.context.get_object_store(bucket).await;
                store = found.map_err(|error| GetError::with_source(GetErrorKind::Other, error))?;
            }
            name = target;
        }
        Err(GetError::with_source(GetErrorKind::Other, "too many links, one behind the other"))
    }
}

impl From<MetaError> for AddLinkError {
    fn from(error: MetaError) -> Self {
        match error {
            MetaError::Name => AddLinkErrorKind::EmptyName.into(),
            MetaError::Store(error) => Self::with_source(AddLinkErrorKind::PublishMetadata, error),
            MetaError::Json(error) => Self::with_source(AddLinkErrorKind::Other, error),
        }
    }
}

/// Links that are followed. None leads to another link, but for those of clients that do not look.
const MAX_LINKS: usize = 16;
