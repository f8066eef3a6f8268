//! The disk work of a journal.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::format::{self, FileHeader};
use super::gathered::Numbered;
use super::image::Image;
use super::{Current, Place};
use crate::error::StorageError;
use crate::log::random_salt;
use crate::medium::File;

/// Disk work: what was noted since the last one. At most one of a journal is under way.
#[derive(Debug)]
pub struct JournalWrite {
    pub(super) place: Arc<Place>,
    pub(super) work: Work,
    pub(super) sync: bool,
}

/// What a [`JournalWrite`] came to.
#[derive(Debug)]
pub struct JournalWritten {
    pub(super) result: Result<Current, StorageError>,
    /// Older files that are still there; nothing if that did not change.
    pub(super) stale: Option<Vec<u64>>,
}

#[derive(Debug)]
pub(super) enum Work {
    Append { current: Current, records: Numbered },
    Rewrite(Rewrite),
}

/// A new file.
#[derive(Debug)]
pub(super) struct Rewrite {
    pub(super) base: Numbered,
    /// What came after the base.
    pub(super) records: Numbered,
    pub(super) generation: u64,
    /// Older files.
    pub(super) stale: Vec<u64>,
}

impl JournalWritten {
    /// Why it failed.
    pub fn error(&self) -> Option<&StorageError> {
        self.result.as_ref().err()
    }
}

impl JournalWrite {
    /// Whether it does more than write into the page cache: whoever must not wait for a disk lets somebody else run it.
    pub fn may_block(&self) -> bool {
        self.place.persistent && (self.sync || matches!(self.work, Work::Rewrite(_)))
    }

    /// Does not do it, because something failed that it depends on: for the journal that is a failed write.
    pub fn cancel(self) -> JournalWritten {
        let stale = match self.work {
            Work::Append { .. } => None,
            Work::Rewrite(rewrite) => Some(rewrite.stale),
        };
        let refused = io::Error::other("what the consumers depend on could not be written");
        let result = Err(StorageError::io("write the journal of consumers in", &self.place.dir, refused));
        JournalWritten { result, stale }
    }

    /// Does it. Blocks.
    pub fn run(self) -> JournalWritten {
        match self.work {
            Work::Append { current, records } => {
                let result = self.place.append(current, &records, self.sync);
                JournalWritten { result, stale: None }
            }
            Work::Rewrite(Rewrite { base, records, generation, mut stale }) => {
                let result = self.place.rewrite(&base, &records, generation);
                if result.is_ok() {
                    self.place.remove_stale(&mut stale);
                } else {
                    self.place.undo(generation);
                    // In case that it is there nevertheless.
                    stale.push(generation);
                }
                JournalWritten { result, stale: Some(stale) }
            }
        }
    }
}

impl Place {
    /// Writes behind what is in the file.
    fn append(&self, mut current: Current, records: &Numbered, sync: bool) -> Result<Current, StorageError> {
        let result = self.try_append(&mut current, records, sync);
        if result.is_err() {
            // Nobody was told that it is there: better if it does not turn up later.
            let _ = current.file.truncate(current.end.into());
        }
        result.map(|()| current)
    }

    fn try_append(&self, current: &mut Current, records: &Numbered, sync: bool) -> Result<(), StorageError> {
        let generation = current.generation;
        let failed = |operation| move |error| self.error(generation, operation, error);
        let mut image = Image::appended(current.salt, current.end);
        image.push_write(records, current.durable_to)?;
        let end = image.end()?;
        if sync && u64::from(end) > current.allocated {
            // Without a change of its size, a sync is cheaper. What is to be written may fit if this does not.
            let wanted = u64::from(end).next_multiple_of(ALLOCATION_BYTES);
            if current.file.allocate(wanted).is_ok() {
                current.allocated = wanted;
            }
        }
        current.file.write_all_at(&image.bytes, current.end.into()).map_err(failed("write"))?;
        if sync {
            current.file.sync().map_err(failed("sync"))?;
        }
        current.end = end;
        current.next_number += records.len();
        if sync {
            current.durable_to = current.next_number - 1;
        }
        Ok(())
    }

    /// Makes a new file, durably.
    fn rewrite(&self, base: &Numbered, records: &Numbered, generation: u64) -> Result<Current, StorageError> {
        let failed = |operation| move |error| self.error(generation, operation, error);
        let (salt, boot_id, base_records) = (random_salt(), self.medium.boot_id(), base.len());
        let header = FileHeader { copy_at: 0, generation, salt, boot_id, base_records };
        let (temporary, path) = (self.dir.join(format::temporary_name(generation)), self.path(generation));
        let file = self.create(&temporary).map_err(failed("create"))?;
        let write = |bytes: &[u8], at: u32| file.write_all_at(bytes, at.into()).map_err(failed("write"));
        let mut image = Image::base(header, base, &write)?;
        let base_end = image.end()?;
        image.push_write(records, base_records)?;
        image.flush()?;
        let end = image.end()?;
        if self.persistent {
            file.sync().map_err(failed("sync"))?;
        }
        drop(file);
        self.medium.rename(&temporary, &path).map_err(failed("rename"))?;
        if self.persistent {
            self.medium.sync_dir(&self.dir).map_err(failed("sync the directory of"))?;
        }
        let file = self.medium.open(&path).map_err(failed("open"))?;
        let next_number = records.next_number();
        let (allocated, durable_to) = (end.into(), next_number - 1);
        Ok(Current { file, generation, salt, end, base_end, allocated, next_number, durable_to })
    }

    pub(super) fn create(&self, temporary: &std::path::Path) -> io::Result<Arc<dyn File>> {
        match self.medium.create(temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Left over from an attempt that failed.
                self.medium.remove(temporary)?;
                self.medium.create(temporary)
            }
            created => created,
        }
    }

    /// Takes back a new file whose name may not stay.
    fn undo(&self, generation: u64) {
        let _ = self.medium.remove(&self.dir.join(format::temporary_name(generation)));
        if self.medium.remove(&self.path(generation)).is_ok() && self.persistent {
            let _ = self.medium.sync_dir(&self.dir);
        }
    }

    /// Removes older files; what does not go is tried again after the next rewrite.
    fn remove_stale(&self, stale: &mut Vec<u64>) {
        stale.retain(|&generation| match self.medium.remove(&self.path(generation)) {
            Ok(()) => false,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        });
    }

    pub(super) fn path(&self, generation: u64) -> PathBuf {
        self.dir.join(format::file_name(generation))
    }

    pub(super) fn error(&self, generation: u64, operation: &'static str, error: io::Error) -> StorageError {
        StorageError::io(operation, &self.path(generation), error)
    }
}

/// Room is made in steps of this size.
const ALLOCATION_BYTES: u64 = 64 * 1024;
