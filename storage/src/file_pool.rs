//! A bounded number of open files for any number of streams.
//!
//! A [`FilePool`] is a [`Medium`] over another one. The files that it hands out open themselves when they are used and may
//! be closed behind their back, the one that was used longest ago first, and of those one with nothing to sync if there
//! is one. A file that is renamed has to be opened anew under its new name.
//!
//! Closing a file that was written and not synced loses nothing: what the disk says about its bytes later is told to
//! whoever opens it next, as Linux does it.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use foldhash::HashMap;
use parking_lot::Mutex;

use crate::block_cache::{BlockCache, MAX_BLOCK_CACHE_BYTES};
use crate::error::StorageError;
use crate::medium::{File, Medium};

/// A disk of which only so many files are open at a time, and so many blocks in memory.
#[derive(Debug)]
pub struct FilePool {
    shared: Arc<Shared>,
    blocks: Arc<BlockCache>,
}

#[derive(Debug)]
struct Shared {
    medium: Arc<dyn Medium>,
    capacity: usize,
    next_id: AtomicU64,
    handles: Mutex<Handles>,
}

/// The files that are open.
#[derive(Debug, Default)]
struct Handles {
    by_id: HashMap<u64, Handle>,
    /// Counts uses.
    now: u64,
}

#[derive(Debug)]
struct Handle {
    file: Arc<dyn File>,
    used: u64,
    is_dirty: Arc<AtomicBool>,
}

/// A file that is open when it is used.
#[derive(Debug)]
struct PooledFile {
    shared: Arc<Shared>,
    path: PathBuf,
    id: u64,
    /// Whether something was written since the last sync.
    is_dirty: Arc<AtomicBool>,
}

impl FilePool {
    /// At most `capacity` files of this disk are open at a time, but for those that are just being used.
    pub fn new(medium: Arc<dyn Medium>, capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let shared = Shared { medium, capacity, next_id: AtomicU64::new(0), handles: Mutex::default() };
        Self { shared: Arc::new(shared), blocks: Arc::new(BlockCache::new(MAX_BLOCK_CACHE_BYTES)) }
    }

    /// The disk with [`OPEN_FILES`] open files, if files of it are worth counting.
    pub fn over(medium: Arc<dyn Medium>) -> Arc<dyn Medium> {
        if medium.is_persistent() { Arc::new(Self::new(medium, OPEN_FILES)) } else { medium }
    }

    /// Files that are open now.
    pub fn open_files(&self) -> usize {
        self.shared.handles.lock().by_id.len()
    }

    fn pooled(&self, path: &Path, file: Arc<dyn File>) -> Arc<dyn File> {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let is_dirty = Arc::new(AtomicBool::new(false));
        let pooled = PooledFile { shared: Arc::clone(&self.shared), path: path.to_path_buf(), id, is_dirty };
        pooled.keep(file);
        Arc::new(pooled)
    }
}

impl Medium for FilePool {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = self.shared.medium.create(path)?;
        Ok(self.pooled(path, file))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = self.shared.medium.open(path)?;
        Ok(self.pooled(path, file))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.shared.medium.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.shared.medium.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.shared.medium.create_dir(path)
    }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.shared.medium.remove_dir_all(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.shared.medium.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.shared.medium.sync_dir(path)
    }
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.shared.medium.free_bytes(path)
    }
    fn boot_id(&self) -> u128 {
        self.shared.medium.boot_id()
    }
    fn lock(&self, dir: &Path) -> Result<Box<dyn Send + Sync + Debug>, StorageError> {
        self.shared.medium.lock(dir)
    }
    fn is_persistent(&self) -> bool {
        self.shared.medium.is_persistent()
    }
    fn block_cache(&self) -> Option<&Arc<BlockCache>> {
        Some(&self.blocks)
    }
}

impl PooledFile {
    /// The open file.
    fn handle(&self) -> io::Result<Arc<dyn File>> {
        if let Some(file) = self.shared.handles.lock().used(self.id) {
            return Ok(file);
        }
        let file = self.shared.medium.open(&self.path)?;
        self.keep(Arc::clone(&file));
        Ok(file)
    }

    fn keep(&self, file: Arc<dyn File>) {
        let is_dirty = Arc::clone(&self.is_dirty);
        let closed = self.shared.handles.lock().add(self.id, Handle { file, used: 0, is_dirty }, self.shared.capacity);
        // Closing may take a while: not under the lock.
        drop(closed);
    }

    fn changed(&self) -> io::Result<Arc<dyn File>> {
        self.is_dirty.store(true, Ordering::Relaxed);
        self.handle()
    }
}

impl Drop for PooledFile {
    fn drop(&mut self) {
        let closed = self.shared.handles.lock().by_id.remove(&self.id);
        drop(closed);
    }
}

impl Handles {
    fn used(&mut self, id: u64) -> Option<Arc<dyn File>> {
        self.now += 1;
        let handle = self.by_id.get_mut(&id)?;
        handle.used = self.now;
        Some(Arc::clone(&handle.file))
    }

    /// Takes one in; returns one that is to be closed for it.
    fn add(&mut self, id: u64, handle: Handle, capacity: usize) -> Option<Handle> {
        self.now += 1;
        let spare = (self.by_id.len() >= capacity).then(|| {
            let order = |handle: &Handle| (handle.is_dirty.load(Ordering::Relaxed), handle.used);
            self.by_id.iter().min_by_key(|(_, handle)| order(handle)).map(|(&id, _)| id)
        });
        let closed = spare.flatten().and_then(|id| self.by_id.remove(&id));
        self.by_id.insert(id, Handle { used: self.now, ..handle });
        closed
    }
}

impl File for PooledFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.handle()?.read_at(buf, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.changed()?.write_at(bytes, offset)
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.changed()?.allocate(len)
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.changed()?.truncate(len)
    }
    fn sync(&self) -> io::Result<()> {
        // One that was closed is synced all the same: its bytes need not be on the disk.
        self.handle()?.sync()?;
        self.is_dirty.store(false, Ordering::Relaxed);
        Ok(())
    }
    fn len(&self) -> io::Result<u64> {
        self.handle()?.len()
    }
}

/// Open files per store.
pub const OPEN_FILES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medium::disk::Disk;

    #[test]
    fn many_files_share_a_few_handles() {
        let dir = tempfile::tempdir().unwrap();
        let pool = FilePool::new(Arc::new(Disk::new()), 4);
        let path = |number: u8| dir.path().join(number.to_string());
        let files: Vec<_> = (0..20).map(|number| pool.create(&path(number)).unwrap()).collect();
        for (number, file) in (0..20).zip(&files) {
            file.write_all_at(&[number; 3], 0).unwrap();
        }
        for (number, file) in (0..20).zip(&files) {
            let mut bytes = [0; 3];
            assert_eq!(file.read_full_at(&mut bytes, 0).unwrap(), 3);
            assert_eq!(bytes, [number; 3]);
            assert!(pool.open_files() <= 4);
        }
        drop(files);
        assert_eq!(pool.open_files(), 0);
    }

    #[test]
    fn a_file_with_nothing_to_sync_is_closed_first() {
        let dir = tempfile::tempdir().unwrap();
        let pool = FilePool::new(Arc::new(Disk::new()), 2);
        let old = pool.create(&dir.path().join("old")).unwrap();
        old.write_all_at(b"x", 0).unwrap();
        let clean = pool.create(&dir.path().join("clean")).unwrap();
        std::fs::remove_file(dir.path().join("old")).unwrap();
        std::fs::remove_file(dir.path().join("clean")).unwrap();
        let _third = pool.create(&dir.path().join("third")).unwrap();
        // Neither could be opened again.
        assert!(old.sync().is_ok());
        assert!(clean.len().is_err());
    }
}
