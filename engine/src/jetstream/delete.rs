//! Streams that end.

use std::path::Path;

use embus_storage::error::StorageError;
use embus_storage::medium::Medium;
use embus_storage::stream_dir::{DeleteError, Deleted};

use super::JetStream;
use super::changes::{Changes, Place};
use super::recover::{Offline, Unreadable};
use crate::api::advisory::{self, StreamAction};
use crate::api::error::ApiError;
use crate::consumer::Closing;
use crate::engine::Engine;
use crate::jobs::Job;
use crate::sync::Arc;

impl JetStream {
    /// Removes a stream with all its messages, for good when this returns; its files go in the background. Blocks.
    ///
    /// # Errors
    /// 10059 without such a stream; 10050 if the disk refuses, and the stream goes on, unless the disk refuses even to take
    /// that back: then it is not served until it was deleted again, or is found by the next start.
    pub fn delete(&self, name: &str) -> Result<(), ApiError> {
        let (mut changes, engine) = self.change()?;
        self.delete_superseded(&mut changes, name)?;
        // Who asks for its end by name may have it, readable or not.
        let offline = changes.offline.get(name).map(|offline| &offline.dir);
        match (offline, changes.places.get(name)) {
            (Some(dir), _) | (None, Some(Place::Directory(dir))) => match dir.delete() {
                Ok(deleted) => self.sweep(deleted),
                Err(DeleteError::Kept(error)) => return Err(ApiError::stream_delete_failed(error)),
                Err(DeleteError::InDoubt(error)) => {
                    self.fence(&mut changes, name, &error);
                    return Err(ApiError::stream_delete_failed(error));
                }
            },
            (None, Some(Place::Memory(medium, path))) => self.shared.executor.spawn(forget(medium, path)),
            (None, None) => return Err(ApiError::stream_not_found()),
        }
        changes.offline.remove(name);
        changes.places.remove(name);
        if let Some(stream) = self.registry.remove(name) {
            stream.stop(Closing::Deleted);
        }
        drop(changes);
        self.advise(&engine, name, StreamAction::Delete);
        Ok(())
    }

    /// Ends a stream of which nobody knows whether the next start finds it.
    fn fence(&self, changes: &mut Changes, name: &str, error: &StorageError) {
        tracing::error!(stream = name, %error, "a stream could be neither deleted nor kept; it is not served any more");
        if let Some(Place::Directory(dir)) = changes.places.remove(name) {
            let reason = format!("it is not known whether it was deleted: {error}");
            let path = dir.path().to_path_buf();
            let unreadable = Unreadable { path, name: Some(name.to_owned()), reason };
            changes.offline.insert(name.to_owned(), Offline { name: name.to_owned(), dir, unreadable });
        }
        if let Some(stream) = self.registry.remove(name) {
            stream.stop(Closing::Deleted);
        }
    }

    /// Older streams of a name go first: whatever comes between, the newest one is never outlived.
    fn delete_superseded(&self, changes: &mut Changes, name: &str) -> Result<(), ApiError> {
        while let Some(place) = changes.superseded.iter().position(|(other, _)| other == name) {
            match changes.superseded[place].1.delete() {
                Ok(deleted) => self.sweep(deleted),
                Err(DeleteError::Kept(error) | DeleteError::InDoubt(error)) => {
                    return Err(ApiError::stream_delete_failed(error));
                }
            }
            changes.superseded.swap_remove(place);
        }
        Ok(())
    }

    /// Removes what is left of a deleted stream.
    pub(super) fn sweep(&self, deleted: Deleted) {
        self.sweeper.sweep(&*self.shared.executor, deleted);
    }

    /// Tells whoever listens what became of a stream. [reference §6.7]
    pub(super) fn advise(&self, engine: &Arc<Engine>, name: &str, action: StreamAction) {
        if let Some(router) = self.router() {
            advisory::publish_stream_action(engine, &router, self.domain(), name, action);
        }
    }
}

/// Gives back the memory of a stream.
fn forget(medium: &Arc<dyn Medium>, path: &Path) -> Job {
    let (medium, path) = (Arc::clone(medium), path.to_path_buf());
    Box::new(move || {
        if let Err(error) = medium.remove_dir_all(&path) {
            tracing::warn!(%error, "the memory of a stream could not be given back");
        }
    })
}
