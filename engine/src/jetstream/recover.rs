//! Reads back the streams that a broker finds in its directory. What cannot be read is left alone and named in the log:
//! the start goes on without it. [reliability §4: 8, 9]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use embus_storage::error::StorageError;
use embus_storage::log::{Evicted, Log};
use embus_storage::message::Timestamp;
use embus_storage::store::Store;
use embus_storage::stream_dir::StreamDir;

use crate::jetstream::opener::Opener;
use crate::jetstream::spread;
use crate::jobs::Executor;
use crate::stream::FoundConsumers;
use crate::stream::config::{StoredStream, StreamConfig};
use crate::stream::core::Core;

/// A stream of the directory.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) dir: StreamDir,
    pub(crate) core: Box<Core>,
    pub(crate) consumers: FoundConsumers,
}

/// A stream that is known by name and could not be read.
#[derive(Debug)]
pub(crate) struct Offline {
    pub(crate) name: String,
    pub(crate) dir: StreamDir,
    pub(crate) unreadable: Unreadable,
}

/// What became of a stream that is known by name.
enum Outcome {
    Found(Found),
    Offline(Offline),
}

/// What a directory holds.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) found: Vec<Found>,
    pub(crate) offline: Vec<Offline>,
    /// Streams whose names belong to newer ones.
    pub(crate) superseded: Vec<(String, StreamDir)>,
    /// Directories that are left alone for good: those of the superseded, and where not even a name is known.
    pub(crate) quarantined: Vec<Unreadable>,
}

/// A stream that is on the disk and not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its directory.
    pub path: PathBuf,
    /// Its name, if that much could be read.
    pub name: Option<String>,
    /// Why it is not served.
    pub reason: String,
}

/// A stream of which the configuration is known.
struct Known {
    dir: StreamDir,
    config: Arc<StreamConfig>,
    created: Timestamp,
    evicted: Option<Evicted>,
}

/// Reads all streams of `store`, the oldest first.
///
/// # Errors
/// Only when the directory itself cannot be read.
pub(crate) fn all(
    store: &Store,
    opener: &Arc<Opener>,
    executor: &dyn Executor,
    now: Timestamp,
) -> Result<Recovered, StorageError> {
    let mut recovered = Recovered::default();
    let reader = Arc::clone(opener);
    let mut known = Vec::new();
    for outcome in spread::map(executor, store.streams()?, move |dir| identify(dir, &reader)) {
        match outcome {
            Ok(stream) => known.push(stream),
            Err(unreadable) => recovered.quarantined.push(unreadable),
        }
    }
    let known = one_per_name(known, &mut recovered);
    let reader = Arc::clone(opener);
    for outcome in spread::map(executor, known, move |stream| open(stream, &reader, now)) {
        match outcome {
            Outcome::Found(found) => recovered.found.push(found),
            Outcome::Offline(offline) => recovered.offline.push(offline),
        }
    }
    recovered.found.sort_by_key(|found| found.dir.number());
    recovered.report();
    Ok(recovered)
}

/// Two streams that claim one name should not be; the one that was made later has it.
fn one_per_name(mut known: Vec<Known>, recovered: &mut Recovered) -> Vec<Known> {
    known.sort_by_key(|stream| stream.dir.number());
    let mut by_name: BTreeMap<String, Known> = BTreeMap::new();
    for stream in known {
        if let Some(older) = by_name.insert(stream.config.name.clone(), stream) {
            let reason = format!("a newer stream is called {:?} too", older.config.name);
            recovered
                .quarantined
                .push(Unreadable { name: Some(older.config.name.clone()), ..unreadable(&older.dir, &reason) });
            recovered.superseded.push((older.config.name.clone(), older.dir));
        }
    }
    by_name.into_values().collect()
}

/// Finds the configuration of a stream: in either of its own files, else in the log, which carries it too.
fn identify(dir: StreamDir, opener: &Opener) -> Result<Known, Unreadable> {
    let bytes = read_config(&dir, opener).map_err(|error| unreadable(&dir, &error))?;
    match StoredStream::decode(&bytes) {
        Ok(StoredStream { config, created, evicted }) => Ok(Known { dir, config: Arc::new(config), created, evicted }),
        Err(error) => Err(unreadable(&dir, &error)),
    }
}

fn read_config(dir: &StreamDir, opener: &Opener) -> Result<Vec<u8>, StorageError> {
    let error = match dir.read_config() {
        Ok(stored) => {
            for damage in &stored.damaged {
                tracing::warn!(path = %dir.path().display(), damage, "a copy of a stream's configuration was damaged");
            }
            return Ok(stored.bytes);
        }
        Err(error) => error,
    };
    let Some(bytes) = Log::read_description(&*opener.file, dir.path()) else { return Err(error) };
    tracing::warn!(path = %dir.path().display(), %error, "a stream's configuration was restored from its messages");
    if let Err(error) = dir.write_config(&bytes) {
        tracing::warn!(path = %dir.path().display(), %error, "a stream's configuration could not be written again");
    }
    Ok(bytes)
}

fn open(stream: Known, opener: &Opener, now: Timestamp) -> Outcome {
    let Known { dir, config, created, evicted } = stream;
    let core = opener.open(dir.path(), &config, created, evicted, now);
    match core.and_then(|core| Ok((core, opener.consumers(dir.path(), &config)?))) {
        Ok((core, consumers)) => {
            let state = core.log().state();
            if state.lost_messages > 0 || state.lost_bytes > 0 {
                let (messages, bytes) = (state.lost_messages, state.lost_bytes);
                tracing::warn!(stream = config.name, messages, bytes, "a stream lost messages to damage");
            }
            Outcome::Found(Found { dir, core: Box::new(core), consumers })
        }
        Err(error) => {
            let name = config.name.clone();
            let unreadable = Unreadable { name: Some(name.clone()), ..unreadable(&dir, &error) };
            Outcome::Offline(Offline { name, dir, unreadable })
        }
    }
}

fn unreadable(dir: &StreamDir, reason: &impl ToString) -> Unreadable {
    Unreadable { path: dir.path().to_path_buf(), name: None, reason: reason.to_string() }
}

impl Recovered {
    fn report(&self) {
        let offline = self.offline.iter().map(|offline| &offline.unreadable);
        for Unreadable { path, name, reason } in self.quarantined.iter().chain(offline) {
            let name = name.as_deref().unwrap_or_default();
            tracing::warn!(stream = name, path = %path.display(), reason, "a stream is not served; its files are left as they are");
        }
    }
}
