//! What only those touch that create, update or delete streams: one of them at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use embus_storage::medium::Medium;
use embus_storage::store::Store;
use embus_storage::stream_dir::StreamDir;

use crate::api::error::ApiError;
use crate::jetstream::recover::Offline;

#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The directory, locked until the end.
    pub(crate) store: Option<Arc<Store>>,
    /// Where the streams rest.
    pub(crate) places: BTreeMap<Arc<str>, Place>,
    /// Streams that are on the disk and could not be read: their names are taken.
    pub(crate) offline: BTreeMap<String, Offline>,
    /// Streams of which the disk may hold another configuration than the one that is in effect.
    pub(crate) unsettled: BTreeSet<Arc<str>>,
    /// Streams on the disk whose names belong to newer ones: they go with those, else they would come up in their place.
    pub(crate) superseded: Vec<(String, StreamDir)>,
    pub(crate) is_closed: bool,
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
    /// What to say of a stream that is not served.
    pub(crate) fn absent(&self, name: &str) -> ApiError {
        match self.offline.get(name) {
            Some(offline) => ApiError::stream_offline(&offline.unreadable.reason),
            None => ApiError::stream_not_found(),
        }
    }
}
