//! New streams.

use embus_storage::error::StorageError;
use embus_storage::message::Timestamp;
use embus_storage::store::Store;
use embus_storage::stream_dir::StreamDir;

use super::JetStream;
use super::changes::{Changes, Place};
use crate::api::advisory::StreamAction;
use crate::api::error::ApiError;
use crate::engine::Engine;
use crate::router::Router;
use crate::stream::config::{StorageType, StreamConfig};
use crate::stream::core::Core;
use crate::stream::{FoundConsumers, Stream};
use crate::sync::Arc;

/// A stream that is there as it was asked for.
#[derive(Debug, Clone)]
pub struct Created {
    /// The stream.
    pub stream: Arc<Stream>,
    /// Whether it was there before.
    pub existed: bool,
}

impl JetStream {
    /// Makes a stream, or finds it where it is there with just this configuration. It is durable when this returns. Blocks.
    ///
    /// # Errors
    /// What the API answers: limits, then the rules of configurations, then a stream of that name with another
    /// configuration (10058), then subjects that another stream has (10065), then the disk (10049). [reference §3.2]
    pub fn create(&self, config: StreamConfig, pedantic: bool) -> Result<Created, ApiError> {
        let (mut changes, engine) = self.change()?;
        let admission = self.shared.admission.lock();
        self.room(&engine).check_new(&config, self.registry.reserved_beside(&config.name))?;
        let config = config.check_create(pedantic, &self.stream_limits())?;
        if let Some(stream) = self.registry.get(&config.name) {
            return if *stream.config() == config {
                Ok(Created { stream, existed: true })
            } else {
                Err(ApiError::stream_name_in_use())
            };
        }
        if changes.offline.contains_key(&config.name) {
            return Err(changes.absent(&config.name));
        }
        self.check_others(&config)?;
        let router = self.router().ok_or_else(ApiError::not_enabled)?;
        let stream = self.make((&engine, &router), &mut changes, &Arc::new(config));
        let stream = stream.map_err(|error| create_failed(&error))?;
        self.registry.insert(Arc::clone(&stream));
        drop(admission);
        stream.start();
        drop(changes);
        self.advise(&engine, stream.name(), StreamAction::Create);
        Ok(Created { stream, existed: false })
    }

    fn make(
        &self,
        (engine, router): (&Arc<Engine>, &Arc<Router>),
        changes: &mut Changes,
        config: &Arc<StreamConfig>,
    ) -> Result<Arc<Stream>, StorageError> {
        let now = engine.timestamp();
        let (place, core, consumers) = match &changes.store {
            Some(store) if config.storage == StorageType::File => self.make_on_disk(store, config, now)?,
            _ => self.make_in_memory(config, now)?,
        };
        let stream = self.shared.opener.stream(engine, router, core, place.path(), self.usage(config.storage));
        stream.recover_consumers(router, consumers);
        changes.places.insert(Arc::clone(stream.shared_name()), place);
        Ok(stream)
    }

    fn make_on_disk(
        &self,
        store: &Store,
        config: &Arc<StreamConfig>,
        now: Timestamp,
    ) -> Result<(Place, Core, FoundConsumers), StorageError> {
        let new = store.begin_stream(&config.to_stored(now))?;
        // What is created here knows its files by a name that changes with the next line.
        self.shared.opener.create(new.path(), config, now)?;
        let dir = new.publish()?;
        let opened = self.shared.opener.open(dir.path(), config, now, None, now);
        match opened.and_then(|core| Ok((core, self.shared.opener.consumers(dir.path(), config)?))) {
            Ok((core, consumers)) => Ok((Place::Directory(dir), core, consumers)),
            Err(error) => Err(self.take_back(&dir, error)),
        }
    }

    fn make_in_memory(
        &self,
        config: &Arc<StreamConfig>,
        now: Timestamp,
    ) -> Result<(Place, Core, FoundConsumers), StorageError> {
        let path = self.shared.opener.memory_path();
        let medium = Arc::clone(self.shared.opener.medium(config));
        medium.create_dir(&path).map_err(|error| StorageError::Io {
            operation: "create",
            path: path.clone(),
            source: Arc::new(error),
        })?;
        let core = self.shared.opener.create(&path, config, now)?;
        Ok((Place::Memory(medium, path), core, FoundConsumers::default()))
    }

    /// Removes a stream that could not be opened right behind its creation: who asked for it hears of an error.
    fn take_back(&self, dir: &StreamDir, error: StorageError) -> StorageError {
        let path = dir.path().to_path_buf();
        match dir.delete() {
            Ok(deleted) => self.sweep(deleted),
            Err(error) => {
                let error = StorageError::from(error);
                tracing::warn!(path = %path.display(), %error, "a stream that failed to open is left behind");
            }
        }
        error
    }
}

/// A disk without room is what clients know as insufficient resources.
fn create_failed(error: &StorageError) -> ApiError {
    match error {
        StorageError::Full { .. } => ApiError::storage_resources_exceeded(),
        error => ApiError::stream_create_failed(error),
    }
}
