//! The files of a log: where they are, and the handle that everybody who reads or writes one shares.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::block_cache::{BlockCache, MAX_CACHED_RECORD_BYTES};
use crate::error::StorageError;
use crate::medium::{File, Medium};
use crate::record::{HEADER_BYTES, Header, Kind, Salt};
use crate::segment::SegmentName;

/// The directory of a log.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) medium: Arc<dyn Medium>,
    pub(crate) dir: PathBuf,
    /// Whether syncs mean anything.
    pub(crate) persistent: bool,
    /// Blocks of files that are read again and again, if the disk is worth it.
    blocks: Option<Arc<BlockCache>>,
}

impl Place {
    pub(crate) fn new(medium: Arc<dyn Medium>, dir: PathBuf) -> Arc<Self> {
        let (persistent, blocks) = (medium.is_persistent(), medium.block_cache().map(Arc::clone));
        Arc::new(Self { medium, dir, persistent, blocks })
    }

    pub(crate) fn path(&self, name: SegmentName) -> PathBuf {
        self.dir.join(name.file_name())
    }
}

impl Place {
    /// Removes files that nothing needs any more; returns those that somebody is about to read, or that did not go.
    ///
    /// A file that replaced others goes only when it is durable that those have gone: they must not come back without it.
    pub(crate) fn remove_files(&self, mut doomed: Vec<Arc<SegmentFile>>) -> Vec<Arc<SegmentFile>> {
        doomed.sort_by_key(|file| file.name.generation);
        let (mut kept, mut removed): (Vec<Arc<SegmentFile>>, Vec<SegmentName>) = (Vec::new(), Vec::new());
        for file in doomed {
            let replaced = |old: &SegmentName| old.base >= file.name.base;
            let wait = kept.iter().any(|old| replaced(&old.name))
                || (removed.iter().any(replaced) && self.sync_names(&mut removed).is_err());
            if wait || file.is_read() || self.remove_file(&file).is_err() {
                kept.push(file);
            } else {
                removed.push(file.name);
            }
        }
        // If this fails, they may come back with a power cut, and are removed again after it.
        let _ = self.sync_names(&mut removed);
        kept
    }

    fn remove_file(&self, file: &SegmentFile) -> std::io::Result<()> {
        match self.medium.remove(&file.path()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Makes it durable that these names are gone.
    fn sync_names(&self, removed: &mut Vec<SegmentName>) -> std::io::Result<()> {
        if self.persistent && !removed.is_empty() {
            self.medium.sync_dir(&self.dir)?;
        }
        removed.clear();
        Ok(())
    }
}

/// A segment file. It stays on the disk for as long as somebody may read it.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    pub(crate) place: Arc<Place>,
    pub(crate) name: SegmentName,
    pub(crate) salt: Salt,
    /// Set once the file lies complete under its name.
    file: OnceLock<Arc<dyn File>>,
    /// Shared by all who may be about to read it.
    readers: Arc<()>,
    /// Bytes that the file has, room for records to come included.
    allocated: AtomicU64,
    /// The file among those whose blocks are kept.
    number: OnceLock<u64>,
}

impl SegmentFile {
    /// One that a commit is going to make.
    pub(crate) fn new(place: Arc<Place>, name: SegmentName, salt: Salt) -> Arc<Self> {
        Arc::new(Self {
            place,
            name,
            salt,
            file: OnceLock::new(),
            readers: Arc::default(),
            allocated: AtomicU64::new(0),
            number: OnceLock::new(),
        })
    }

    /// One that is there.
    pub(crate) fn opened(place: Arc<Place>, name: SegmentName, salt: Salt, file: Arc<dyn File>, len: u64) -> Arc<Self> {
        Arc::new(Self {
            place,
            name,
            salt,
            file: OnceLock::from(file),
            readers: Arc::default(),
            allocated: AtomicU64::new(len),
            number: OnceLock::new(),
        })
    }

    /// Keeps the file on the disk until it is dropped.
    pub(crate) fn reader(&self) -> Arc<()> {
        Arc::clone(&self.readers)
    }

    fn is_read(&self) -> bool {
        Arc::strong_count(&self.readers) > 1
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.place.path(self.name)
    }

    /// The file has its name now.
    pub(crate) fn created(&self, file: Arc<dyn File>, len: u64) {
        self.allocated.store(len, Ordering::Relaxed);
        // Nobody else makes this file: at most one commit is under way.
        let _ = self.file.set(file);
    }

    pub(crate) fn file(&self) -> Result<&Arc<dyn File>, StorageError> {
        self.file.get().ok_or_else(|| self.damaged("it was never completed"))
    }

    pub(crate) fn allocated(&self) -> u64 {
        self.allocated.load(Ordering::Relaxed)
    }

    pub(crate) fn set_allocated(&self, len: u64) {
        self.allocated.store(len, Ordering::Relaxed);
    }

    /// Reads the record of a message, which fills `record`, and returns its header. Blocks of the file are kept where
    /// messages are read more than once.
    pub(crate) fn read_message(&self, sequence: u64, offset: u32, record: &mut [u8]) -> Result<Header, StorageError> {
        if let Some(blocks) = self.place.blocks.as_ref().filter(|_| record.len() <= MAX_CACHED_RECORD_BYTES) {
            let number = *self.number.get_or_init(|| blocks.enroll());
            // What the disk says is asked for below, too.
            if blocks.read(number, &**self.file()?, record, offset).unwrap_or(false) {
                match self.verify(sequence, offset, record) {
                    Ok(header) => return Ok(header),
                    Err(_) => blocks.discard(number, offset, record.len()),
                }
            }
        }
        if self.read_into(record, offset)? < record.len() {
            return Err(self.damaged("it ends within a record"));
        }
        self.verify(sequence, offset, record)
    }

    /// Fills `buf` as far as the file reaches; returns how far.
    pub(crate) fn read_into(&self, buf: &mut [u8], offset: u32) -> Result<usize, StorageError> {
        let read = self.file()?.read_full_at(buf, offset.into());
        read.map_err(|error| self.error("read", error))
    }

    /// The header of a message, if these bytes are its record.
    #[inline]
    pub(crate) fn verify(&self, sequence: u64, offset: u32, record: &[u8]) -> Result<Header, StorageError> {
        let header = Header::decode(record, self.salt.at(offset));
        let is_it = |header: &Header| {
            let found = self.name.base.checked_add(header.relative.into());
            let body = record.get(HEADER_BYTES..).unwrap_or_default();
            header.kind == Kind::Message && found == Some(sequence) && header.covers(body)
        };
        header.filter(is_it).ok_or_else(|| self.not_as_written())
    }

    #[cold]
    pub(crate) fn not_as_written(&self) -> StorageError {
        self.damaged("a message is not what was written")
    }

    pub(crate) fn error(&self, operation: &'static str, error: std::io::Error) -> StorageError {
        StorageError::io(operation, &self.path(), error)
    }

    pub(crate) fn damaged(&self, reason: &'static str) -> StorageError {
        StorageError::Damaged { path: self.path(), reason }
    }
}

impl Drop for SegmentFile {
    /// What is read no more takes no memory.
    fn drop(&mut self) {
        if let (Some(blocks), Some(&number)) = (&self.place.blocks, self.number.get()) {
            blocks.forget(number);
        }
    }
}
