//! The folder of one stream: from its beginning, through changes of its configuration, to its end.
//!
//! Each of these is done or not done after a power cut at any moment. A folder becomes a stream, and ceases to be one, by
//! one rename. The configuration lies there twice, in `config.a` and `config.b`, so that damage to one of them costs
//! nothing; each is replaced by a rename as well, and a revision number tells which of two is newer. Everything else in the
//! folder belongs to the [`Log`](crate::log::Log).

mod config_file;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::StorageError;
use crate::medium::Medium;
use crate::store::{Name, Shared};
use crate::whole_file;
use config_file::Config;

/// A stream that is not there yet: a power cut, or dropping this, leaves nothing of it.
#[derive(Debug)]
pub struct NewStream {
    store: Arc<Shared>,
    number: u64,
    path: PathBuf,
    /// Whether its files stay when this is dropped.
    keep: bool,
}

/// A stream's folder. The store stays locked while there is one.
#[derive(Debug)]
pub struct StreamDir {
    store: Arc<Shared>,
    number: u64,
    path: PathBuf,
}

/// The configuration of a stream as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConfig {
    /// What [`StreamDir::write_config`] or [`Store::begin_stream`](crate::store::Store::begin_stream) was given.
    pub bytes: Vec<u8>,
    /// What was damaged and is mended now, in words for a log.
    pub damaged: Vec<String>,
}

/// A stream that is gone but for its files.
#[derive(Debug)]
pub struct Deleted {
    store: Arc<Shared>,
    path: PathBuf,
}

/// Why a stream could not be deleted.
#[derive(Debug)]
pub enum DeleteError {
    /// It is there as before, durably.
    Kept(StorageError),
    /// The disk refused even to take it back: the next start may find it, or sweep it away. Nothing that matters may be
    /// written to it until it was deleted for good.
    InDoubt(StorageError),
}

impl NewStream {
    pub(crate) fn create(store: Arc<Shared>, number: u64, config: &[u8]) -> Result<Self, StorageError> {
        let bytes = config_file::compose(FIRST_REVISION, config)?;
        let path = store.folder(Name::New(number));
        let created = store.medium.create_dir(&path);
        created.map_err(|error| StorageError::io("create directory", &path, error))?;
        let new = Self { store, number, path, keep: false };
        for name in COPIES {
            let path = new.path.join(name);
            write_new(&*new.store.medium, &path, &bytes)?;
        }
        Ok(new)
    }

    /// The folder, until [`publish`](Self::publish) gives it its name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it a stream, with all that is in its folder, durably. What was written into its files must be synced.
    ///
    /// # Errors
    /// There is no such stream then, now or after a restart, unless the disk refuses even to take it back.
    pub fn publish(mut self) -> Result<StreamDir, StorageError> {
        let medium = &*self.store.medium;
        sync_dir(medium, &self.path)?;
        let path = self.store.folder(Name::Stream(self.number));
        rename(medium, &self.path, &path)?;
        self.keep = true;
        if let Err(error) = sync_dir(medium, &self.store.streams) {
            // Back to the name under which it is swept away. Its files may go only if that name is sure to stay, as what
            // comes up after a power cut must be whole.
            let back = rename(medium, &path, &self.path).and_then(|()| sync_dir(medium, &self.store.streams));
            self.keep = back.is_err();
            return Err(error);
        }
        Ok(StreamDir::new(self.store.clone(), self.number))
    }
}

impl Drop for NewStream {
    fn drop(&mut self) {
        if !self.keep {
            let _ = self.store.medium.remove_dir_all(&self.path);
        }
    }
}

impl StreamDir {
    pub(crate) fn new(store: Arc<Shared>, number: u64) -> Self {
        let path = store.folder(Name::Stream(number));
        Self { store, number, path }
    }

    /// Its number: later streams of a store have higher ones.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration, from whichever copy is intact and newer. The other one is written anew.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] if neither copy is intact: the log may have a third one, see
    /// [`Log::read_description`](crate::log::Log::read_description).
    pub fn read_config(&self) -> Result<StoredConfig, StorageError> {
        let copies = COPIES.map(|name| self.read_copy(name));
        let damaged = self.damage(&copies);
        let [first, second] = copies.map(Result::ok);
        let newest = match (first, second) {
            (Some(first), Some(second)) if first.revision == second.revision => return Ok(stored(first, damaged)),
            (Some(first), Some(second)) => [first, second].into_iter().max_by_key(|copy| copy.revision),
            (first, second) => first.or(second),
        };
        let newest = newest.ok_or_else(|| StorageError::Damaged {
            path: self.path.clone(),
            reason: "neither copy of the configuration can be read",
        })?;
        // What could be read serves even where nothing can be written.
        if let Err(error) = self.write_revision(newest.revision, &newest.bytes) {
            tracing::warn!(path = %self.path.display(), %error, "configuration could not be mended");
        }
        Ok(stored(newest, damaged))
    }

    /// Replaces the configuration, durably.
    ///
    /// # Errors
    /// The old one stays, or, if the disk failed half-way, either may come up after a restart; writing again settles it.
    pub fn write_config(&self, config: &[u8]) -> Result<(), StorageError> {
        let revisions = COPIES.iter().filter_map(|name| self.read_copy(name).ok()).map(|copy| copy.revision);
        let revision = revisions.max().unwrap_or(FIRST_REVISION).saturating_add(1);
        self.write_revision(revision, config)
    }

    /// Deletes the stream: when this returns it is gone for good, but for its files, which are left to the result. One that
    /// is in doubt may be deleted again.
    pub fn delete(&self) -> Result<Deleted, DeleteError> {
        let path = self.store.folder(Name::Deleted(self.number));
        let (medium, streams) = (&*self.store.medium, &self.store.streams);
        if let Err(error) = rename(medium, &self.path, &path)
            && medium.list(&path).is_err()
        {
            // Nothing has changed, unless an earlier attempt is in doubt.
            return Err(sync_dir(medium, streams).map_or_else(DeleteError::InDoubt, |()| DeleteError::Kept(error)));
        }
        let Err(error) = sync_dir(medium, streams) else { return Ok(Deleted { store: self.store.clone(), path }) };
        // Back to the name under which it is a stream; but what is written to it counts only if that is sure to stay.
        let back = rename(medium, &path, &self.path).and_then(|()| sync_dir(medium, streams));
        Err(if back.is_ok() { DeleteError::Kept(error) } else { DeleteError::InDoubt(error) })
    }

    fn read_copy(&self, name: &str) -> io::Result<Config> {
        let path = self.path.join(name);
        let bytes = whole_file::read(&*self.store.medium, &path, config_file::MAX_FILE_BYTES)?;
        config_file::parse(&bytes.ok_or(io::ErrorKind::NotFound)?)
    }

    fn damage(&self, copies: &[io::Result<Config>]) -> Vec<String> {
        let copies = COPIES.iter().zip(copies);
        let damaged = copies.filter_map(|(name, copy)| Some((name, copy.as_ref().err()?)));
        damaged.map(|(name, error)| format!("{}: {error}", self.path.join(name).display())).collect()
    }

    /// Both copies are written and synced before the first of them counts, so that a full disk is noticed in time.
    fn write_revision(&self, revision: u64, config: &[u8]) -> Result<(), StorageError> {
        let bytes = config_file::compose(revision, config)?;
        let medium = &*self.store.medium;
        let paths = COPIES.map(|name| self.path.join(name));
        let prepared = paths.iter().map(|path| whole_file::prepare(medium, path, &bytes));
        for copy in prepared.collect::<Result<Vec<_>, _>>()? {
            copy.put()?;
            // One after the other: at any moment one of the two is not being touched.
            sync_dir(medium, &self.path)?;
        }
        Ok(())
    }
}

impl From<DeleteError> for StorageError {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::Kept(error) | DeleteError::InDoubt(error) => error,
        }
    }
}

impl Deleted {
    /// Removes its files, which may be many. What a crash leaves of them goes at the next start.
    pub fn sweep(self) -> Result<(), StorageError> {
        let removed = self.store.medium.remove_dir_all(&self.path);
        removed.map_err(|error| StorageError::io("remove directory", &self.path, error))
    }
}

fn stored(config: Config, damaged: Vec<String>) -> StoredConfig {
    StoredConfig { bytes: config.bytes, damaged }
}

fn write_new(medium: &dyn Medium, path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    let failed = |operation| move |error| StorageError::io(operation, path, error);
    let file = medium.create(path).map_err(failed("create"))?;
    file.write_all_at(bytes, 0).map_err(failed("write"))?;
    file.sync().map_err(failed("sync"))
}

fn rename(medium: &dyn Medium, from: &Path, to: &Path) -> Result<(), StorageError> {
    medium.rename(from, to).map_err(|error| StorageError::io("rename", from, error))
}

fn sync_dir(medium: &dyn Medium, dir: &Path) -> Result<(), StorageError> {
    medium.sync_dir(dir).map_err(|error| StorageError::io("sync directory", dir, error))
}

const COPIES: [&str; 2] = ["config.a", "config.b"];
const FIRST_REVISION: u64 = 1;
