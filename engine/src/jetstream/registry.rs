//! The streams of an account by name. Looking one up never waits for a stream that is being made or removed: whoever
//! changes the registry does its disk work before and after, not while it holds the lock in here.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::stream::Stream;
use crate::stream::config::{StreamConfig, subjects};

/// All streams that are served, sorted by name.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    streams: RwLock<BTreeMap<String, Arc<Stream>>>,
}

impl Registry {
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Stream>> {
        self.streams.read().get(name).map(Arc::clone)
    }

    pub(crate) fn insert(&self, stream: Arc<Stream>) {
        self.streams.write().insert(stream.name().to_owned(), stream);
    }

    pub(crate) fn remove(&self, name: &str) -> Option<Arc<Stream>> {
        self.streams.write().remove(name)
    }

    /// All of them by name; with a filter, those of which some subject may match what it matches. [reference §3.1]
    pub(crate) fn list(&self, filter: Option<&str>) -> Vec<Arc<Stream>> {
        let mut streams: Vec<_> = self.streams.read().values().map(Arc::clone).collect();
        if let Some(filter) = filter {
            streams.retain(|stream| collides(&stream.config(), filter));
        }
        streams
    }
}

/// Whether some subject of the stream and `filter` have a literal subject in common.
pub(crate) fn collides(config: &StreamConfig, filter: &str) -> bool {
    config.subjects.iter().any(|subject| subjects::overlap(subject.as_bytes(), filter.as_bytes()))
}
