//! Where a test broker keeps its streams: a disk in memory that crashes on command, or a directory that goes with it.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use embus_storage::error::StorageError;
use embus_storage::medium::crash::CrashMedium;
use embus_storage::medium::disk::Disk;
use embus_storage::medium::{File, Medium};
use parking_lot::Mutex;
use tempfile::TempDir;

use super::error::FaultError;
use crate::builder::Builder;
use crate::error::StartError;

/// The store of one test broker.
#[derive(Debug)]
pub(super) enum Store {
    /// A machine in memory, as it is since its last restart.
    Crashing(Mutex<CrashMedium>),
    /// A directory.
    TempDir(Arc<TempDir>),
}

/// Where the store lies on a disk in memory.
const DIR: &str = "/store";

impl Store {
    /// A disk in memory whose fate comes from `seed`.
    pub(super) fn crashing(seed: u64) -> Self {
        Self::Crashing(Mutex::new(CrashMedium::new(seed)))
    }

    /// A directory that nobody else has.
    pub(super) fn temp_dir() -> Result<Self, StartError> {
        let dir = tempfile::Builder::new().prefix("embus-").tempdir();
        let failed =
            |error| StorageError::Io { operation: "create", path: std::env::temp_dir(), source: Arc::new(error) };
        Ok(Self::TempDir(Arc::new(dir.map_err(failed)?)))
    }

    /// Gives the store to a broker that is to start.
    pub(super) fn furnish(&self, mut builder: Builder) -> Builder {
        let (medium, dir): (Arc<dyn Medium>, _) = match self {
            Self::Crashing(medium) => (Arc::new(medium.lock().clone()), PathBuf::from(DIR)),
            Self::TempDir(dir) => {
                (Arc::new(TempDisk { disk: Disk::default(), _dir: Arc::clone(dir) }), dir.path().to_owned())
            }
        };
        builder.store.medium = Some(medium);
        builder.store_dir(dir)
    }

    /// The disk that fails on command.
    pub(super) fn medium(&self) -> Result<CrashMedium, FaultError> {
        match self {
            Self::Crashing(medium) => Ok(medium.lock().clone()),
            Self::TempDir(_) => Err(FaultError::RealDisk),
        }
    }

    /// Starts the machine again, if it is down.
    pub(super) fn power_on(&self) {
        if let Self::Crashing(medium) = self {
            let mut medium = medium.lock();
            if medium.is_down() {
                *medium = medium.restart();
            }
        }
    }

    /// The directory, if there is one on the machine.
    pub(super) fn dir(&self) -> Option<&Path> {
        match self {
            Self::Crashing(_) => None,
            Self::TempDir(dir) => Some(dir.path()),
        }
    }

    /// Removes the directory of a broker that has stopped, whoever still holds on to that.
    pub(super) async fn remove(&self) {
        if let Some(dir) = self.dir().map(Path::to_owned) {
            // Whatever is left is tried once more when the last handle goes.
            let _ = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(dir)).await;
        }
    }
}

/// The machine's disk, on which a directory goes with the last who works in it: a broker that was dropped still closes
/// its files, and would otherwise make some anew while they are removed.
#[derive(Debug)]
struct TempDisk {
    disk: Disk,
    _dir: Arc<TempDir>,
}

impl Medium for TempDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.disk.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.disk.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.disk.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.disk.free_bytes(path)
    }

    fn boot_id(&self) -> u128 {
        self.disk.boot_id()
    }

    fn lock(&self, dir: &Path) -> Result<Box<dyn Send + Sync + Debug>, StorageError> {
        self.disk.lock(dir)
    }

    fn is_persistent(&self) -> bool {
        self.disk.is_persistent()
    }
}
