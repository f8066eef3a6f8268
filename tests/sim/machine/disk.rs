//! The disk as the broker sees it: one that crashes, and where jobs let others have their turn.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use embus_storage::error::StorageError;
use embus_storage::medium::crash::CrashMedium;
use embus_storage::medium::{File, Medium};
use fastrand::Rng;

use super::crew;

/// One run of one machine.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    medium: CrashMedium,
    chance: Arc<Mutex<Rng>>,
}

impl Disk {
    pub(crate) fn new(medium: CrashMedium, chance: Rng) -> Self {
        Self { medium, chance: Arc::new(Mutex::new(chance)) }
    }

    /// A call that only looks.
    fn look<T>(&self, call: impl FnOnce() -> T) -> T {
        self.die_if_down();
        let result = call();
        self.die_if_down();
        result
    }

    /// A call that changes something: others may run before it and behind it.
    fn change<T>(&self, call: impl FnOnce() -> T) -> T {
        self.maybe_pause();
        let result = self.look(call);
        self.maybe_pause();
        result
    }

    fn maybe_pause(&self) {
        let pauses = self.chance.lock().unwrap_or_else(PoisonError::into_inner).u8(..8) == 0;
        if pauses {
            crew::pause();
        }
    }

    /// Nothing that was not told before is told after a crash.
    fn die_if_down(&self) {
        if self.medium.is_down() && !thread::panicking() {
            crew::die();
        }
    }

    fn file(&self, file: io::Result<Arc<dyn File>>) -> io::Result<Arc<dyn File>> {
        file.map(|file| Arc::new(DiskFile { disk: self.clone(), file }) as Arc<dyn File>)
    }
}

impl Medium for Disk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.file(self.change(|| self.medium.create(path)))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.file(self.look(|| self.medium.open(path)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|| self.medium.rename(from, to))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        // Not a change here: a recovery sweeps while it holds the lock of its stream.
        self.look(|| self.medium.remove(path))
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.change(|| self.medium.create_dir(path))
    }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.change(|| self.medium.remove_dir_all(path))
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.look(|| self.medium.list(path))
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.change(|| self.medium.sync_dir(path))
    }
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.look(|| self.medium.free_bytes(path))
    }
    fn boot_id(&self) -> u128 {
        self.medium.boot_id()
    }
    fn lock(&self, dir: &Path) -> Result<Box<dyn Send + Sync + Debug>, StorageError> {
        self.look(|| self.medium.lock(dir))
    }
    fn is_persistent(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct DiskFile {
    disk: Disk,
    file: Arc<dyn File>,
}

impl File for DiskFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.look(|| self.file.read_at(buf, offset))
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.change(|| self.file.write_at(bytes, offset))
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.disk.change(|| self.file.allocate(len))
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.change(|| self.file.truncate(len))
    }
    fn sync(&self) -> io::Result<()> {
        self.disk.change(|| self.file.sync())
    }
    fn len(&self) -> io::Result<u64> {
        self.disk.look(|| self.file.len())
    }
}
