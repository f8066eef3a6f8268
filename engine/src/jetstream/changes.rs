//! What only those touch that create, update or delete streams: one of them at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use embus_storage::medium::Medium;
use embus_storage::store::Store;
use embus_storage::stream_dir::StreamDir;

use crate::api::error::ApiError;
use crate::jetstream::limits::Reserved;
use crate::jetstream::recover::Offline;
use crate::jetstream::registry;
use crate::stream::config::{self, StreamConfig};

#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The directory, locked until the end.
    pub(crate) store: Option<Arc<Store>>,
    pub(crate) entries: BTreeMap<String, Entry>,
    /// Streams that are on the disk and could not be read: their names are taken.
    pub(crate) offline: BTreeMap<String, Offline>,
    pub(crate) is_closed: bool,
}

/// What is known of a stream without asking it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) config: Arc<StreamConfig>,
}

/// Where a stream rests.
#[derive(Debug)]
pub(crate) enum Place {
    Directory(StreamDir),
    /// A directory of a medium in memory, where nothing survives and so nothing is kept twice.
    Memory(Arc<dyn Medium>, PathBuf),
}

impl Place {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Directory(dir) => dir.path(),
            Self::Memory(_, path) => path,
        }
    }

    /// The folder that outlives the process.
    pub(crate) fn dir(&self) -> Option<&StreamDir> {
        match self {
            Self::Directory(dir) => Some(dir),
            Self::Memory(..) => None,
        }
    }
}

impl Changes {
    /// What all streams but the one called `name` reserve.
    pub(crate) fn reserved_beside(&self, name: &str) -> Reserved {
        let mut reserved = Reserved::default();
        for config in self.others(name) {
            reserved.add(config);
        }
        reserved
    }

    /// Whether a stream gets along with the others: no subject of two, no message that goes round between them.
    ///
    /// # Errors
    /// 10065 and 10052.
    pub(crate) fn check_others(&self, config: &StreamConfig) -> Result<(), ApiError> {
        let collides = |other: &StreamConfig| config.subjects.iter().any(|subject| registry::collides(other, subject));
        if self.others(&config.name).any(collides) {
            return Err(ApiError::stream_subject_overlap());
        }
        // Differs from nats-server, which looks at each stream alone and lets two of them feed each other.
        if config.republish.is_some() {
            let all: Vec<&StreamConfig> = self.others(&config.name).chain([config]).collect();
            if config::republish_cycle(&all) {
                return Err(ApiError::stream_invalid_config(CYCLE));
            }
        }
        Ok(())
    }

    /// What to say of a stream that is not served.
    pub(crate) fn absent(&self, name: &str) -> ApiError {
        match self.offline.get(name) {
            Some(offline) => ApiError::stream_offline(&offline.unreadable.reason),
            None => ApiError::stream_not_found(),
        }
    }

    fn others(&self, name: &str) -> impl Iterator<Item = &StreamConfig> {
        self.entries.values().map(|entry| &*entry.config).filter(move |config| config.name != name)
    }
}

/// [reference §3.2]
const CYCLE: &str = "stream configuration for republish destination forms a cycle";
