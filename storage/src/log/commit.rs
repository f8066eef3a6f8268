//! Commits: what was appended becomes written, and durable where that is asked for.
//!
//! The order on the disk: records, tail mark, sync. A new segment is written under a temporary name with its first
//! records, synced, renamed, and the directory synced; a segment that has its name is complete. The segment before it is
//! synced before that, so that what survives a power cut has no holes. Files that nothing needs any more go last.

use std::io;
use std::sync::Arc;

use super::Position;
use super::files::{Place, SegmentFile};
use super::pending::{Chunk, Creation};
use super::undone::{Told, Undone};
use crate::error::StorageError;
use crate::medium::File;
use crate::segment::{RECORDS_START, Slot, TailMark};

/// Disk work: what was appended since the last one. At most one of a log is under way.
#[derive(Debug)]
pub struct Commit {
    pub(super) place: Arc<Place>,
    /// Why it fails.
    pub(super) refused: Option<StorageError>,
    pub(super) chunks: Arc<Vec<Chunk>>,
    /// The mark behind the last chunk.
    pub(super) mark: TailMark,
    /// The removals that it repeats.
    pub(super) removals: Box<[u8]>,
    /// Where marks go.
    pub(super) slot: Slot,
    /// What the mark says if the commit is undone.
    pub(super) undone: (TailMark, Box<[u8]>),
    /// What commits left that failed before: it has to go first.
    pub(super) left: Undone,
    pub(super) sync: bool,
    /// Segments that others follow for sure: they do not know of it yet.
    pub(super) continued: Vec<Closed>,
    /// Names in the directory are not known to be durable.
    pub(super) sync_names: bool,
    pub(super) preallocate: bool,
    /// Files to remove when everything else is done.
    pub(super) doomed: Vec<Arc<SegmentFile>>,
    pub(super) position: Position,
}

/// What a [`Commit`] came to.
#[derive(Debug)]
pub struct Committed {
    pub(super) result: Result<(), StorageError>,
    pub(super) position: Position,
    pub(super) mark: TailMark,
    pub(super) removals: Box<[u8]>,
    /// Whether everything up to the mark is durable.
    pub(super) synced: bool,
    /// Segments that were closed.
    pub(super) closed: Vec<Closed>,
    /// Doomed files that somebody still reads.
    pub(super) kept: Vec<Arc<SegmentFile>>,
    /// What is left to take back.
    pub(super) undone: Undone,
}

/// A segment that was closed.
#[derive(Debug)]
pub(super) struct Closed {
    file: Arc<SegmentFile>,
    /// Its last mark.
    mark: TailMark,
    /// Where that lies.
    slot: Slot,
}

impl Committed {
    /// Why it failed.
    pub fn error(&self) -> Option<&StorageError> {
        self.result.as_ref().err()
    }

    /// Everything up to here is written, and synced if that was asked for.
    pub fn position(&self) -> Position {
        self.position
    }
}

impl Commit {
    /// Whether it does more than write into the page cache: whoever must not wait for a disk lets somebody else run it.
    pub fn may_block(&self) -> bool {
        let creates = self.chunks.len() > 1 || self.chunks.iter().any(|chunk| chunk.create.is_some());
        self.place.persistent
            && (self.sync || creates || self.sync_names || !self.doomed.is_empty() || !self.left.is_done())
    }

    /// Does it: writes, makes new segments, and syncs if asked to. Blocks.
    pub fn run(mut self) -> Committed {
        let left = std::mem::take(&mut self.left);
        let prepared = self.refused.take().map_or_else(|| left.take_back(&self.place), Err);
        let is_prepared = prepared.is_ok();
        let result = prepared.and_then(|()| self.write());
        let doomed = std::mem::take(&mut self.doomed);
        let (kept, undone) = match (is_prepared, &result) {
            (false, _) => (doomed, left),
            (true, Ok(())) => (self.place.remove_files(doomed), Undone::default()),
            (true, Err(_)) => (doomed, self.undo()),
        };
        let (last, closed) = self.chunks.split_last().map_or((None, &[][..]), |(last, closed)| (Some(last), closed));
        let created = last.is_some_and(|chunk| chunk.create.is_some());
        let closed = closed.iter().map(|chunk| Closed {
            file: Arc::clone(&chunk.file),
            mark: self.mark_of(chunk, false),
            slot: self.slot,
        });
        let closed = closed.collect();
        let synced = self.sync || created;
        let removals = std::mem::take(&mut self.removals);
        Committed { result, position: self.position, mark: self.mark, removals, synced, closed, kept, undone }
    }

    fn write(&self) -> Result<(), StorageError> {
        for Closed { file, mark, slot } in &self.continued {
            // Only a hint, for when the segment behind it is not there some day.
            if let Ok(it) = file.file() {
                let _ = write_mark(file, &**it, slot.other(), &TailMark { continued: true, ..*mark }, &[]);
            }
        }
        for (behind, chunk) in (1..).zip(self.chunks.iter()) {
            let is_last = behind == self.chunks.len();
            match &chunk.create {
                Some(creation) => self.create(chunk, creation, is_last)?,
                None => self.extend(chunk, is_last)?,
            }
        }
        if self.sync_names && (self.sync || !self.doomed.is_empty()) {
            let dir = &self.place.dir;
            self.place.medium.sync_dir(dir).map_err(|error| StorageError::io("sync", dir, error))?;
        }
        Ok(())
    }

    /// Writes records behind others.
    fn extend(&self, chunk: &Chunk, is_last: bool) -> Result<(), StorageError> {
        let file = chunk.file.file()?;
        if !chunk.bytes.is_empty() {
            self.preallocate(chunk, &**file, is_last);
            self.zero_ahead(chunk, &**file, is_last);
            let written = file.write_all_at(&chunk.bytes, chunk.offset.into());
            written.map_err(|error| chunk.file.error("write", error))?;
            chunk.file.set_allocated(chunk.file.allocated().max(chunk.end()));
        }
        write_mark(&chunk.file, &**file, self.slot, &self.mark_of(chunk, is_last), self.removals_of(is_last))?;
        if !is_last && chunk.file.allocated() > chunk.end() {
            file.truncate(chunk.end()).map_err(|error| chunk.file.error("truncate", error))?;
            chunk.file.set_allocated(chunk.end());
        }
        if self.place.persistent && (self.sync || !is_last) {
            file.sync().map_err(|error| chunk.file.error("sync", error))?;
        }
        Ok(())
    }

    /// Makes a new segment, complete with its first records.
    fn create(&self, chunk: &Chunk, creation: &Creation, is_last: bool) -> Result<(), StorageError> {
        let Place { medium, dir, persistent, .. } = &*self.place;
        let temporary = dir.join(chunk.file.name.temporary_name());
        let path = chunk.file.path();
        let failed = |operation| move |error: io::Error| StorageError::io(operation, &path, error);
        let file = self.create_file(&temporary).map_err(failed.clone()("create"))?;
        let mut block = creation.header.encode(&creation.description);
        let (at, mark) =
            self.mark_of(chunk, is_last).encode(self.slot, creation.header.salt, self.removals_of(is_last));
        block[at as usize..at as usize + mark.len()].copy_from_slice(&mark);
        file.write_all_at(&block[..], 0).map_err(failed.clone()("write"))?;
        chunk.file.set_allocated(RECORDS_START.into());
        self.preallocate(chunk, &*file, is_last);
        file.write_all_at(&chunk.bytes, chunk.offset.into()).map_err(failed.clone()("write"))?;
        if *persistent {
            file.sync().map_err(failed.clone()("sync"))?;
        }
        medium.rename(&temporary, &chunk.file.path()).map_err(failed.clone()("rename"))?;
        if *persistent {
            medium.sync_dir(dir).map_err(|error| StorageError::io("sync", dir, error))?;
        }
        let len = chunk.file.allocated().max(chunk.end());
        let file = medium.open(&chunk.file.path()).map_err(failed("open"))?;
        chunk.file.created(file, len);
        Ok(())
    }

    fn create_file(&self, temporary: &std::path::Path) -> io::Result<Arc<dyn File>> {
        match self.place.medium.create(temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Left over from an attempt that failed.
                self.place.medium.remove(temporary)?;
                self.place.medium.create(temporary)
            }
            created => created,
        }
    }

    /// Makes room ahead of the end, so that a sync need not write down a new size each time. If there is none, what is to be
    /// written may still fit: the write tells.
    fn preallocate(&self, chunk: &Chunk, file: &dyn File, is_last: bool) {
        let allocated = chunk.file.allocated();
        if !self.preallocate || !is_last || chunk.end() <= allocated {
            return;
        }
        let step = allocated.next_power_of_two().clamp(MIN_ALLOCATION_BYTES, MAX_ALLOCATION_BYTES);
        let wanted = chunk.end().next_multiple_of(step);
        if file.allocate(wanted).is_ok() {
            chunk.file.set_allocated(wanted);
        }
    }

    /// Writes zeros where the next commits will write. A file system notes down which of the allocated blocks were ever
    /// written to, and a sync that has that to do takes twice as long; for large commits it is not worth the zeros.
    fn zero_ahead(&self, chunk: &Chunk, file: &dyn File, is_last: bool) {
        let (step, end) = (ZEROS.len() as u64, chunk.end());
        let is_small = chunk.bytes.len() <= MAX_COMMIT_TO_ZERO_FOR;
        let is_due = u64::from(chunk.offset) / step != end / step;
        if !is_due || !is_small || !self.sync || !self.preallocate || !is_last {
            return;
        }
        let zeroed_to = end.next_multiple_of(step).min(chunk.file.allocated());
        let len = usize::try_from(zeroed_to.saturating_sub(end)).unwrap_or(0);
        // It only saves time: a disk that does not take zeros says so when it is given the records.
        let _ = file.write_all_at(&ZEROS[..len], end);
    }

    /// What the mark behind a chunk says.
    fn mark_of(&self, chunk: &Chunk, is_last: bool) -> TailMark {
        let mut mark = self.mark;
        if !is_last {
            (mark.end, mark.last_sequence, mark.floor) = (chunk.end(), chunk.last_sequence, chunk.floor);
            mark.given_to = chunk.last_sequence;
        }
        if chunk.create.is_some() {
            // A segment that has its name was synced before it got it.
            (mark.synced_end, mark.synced_sequence) = (mark.end, mark.last_sequence);
            (mark.synced_floor, mark.is_unnamed) = (mark.floor, true);
        }
        mark
    }

    /// What the mark behind a chunk repeats of removals: new ones are in the last chunk.
    fn removals_of(&self, is_last: bool) -> &[u8] {
        if is_last { &self.removals } else { &self.undone.1 }
    }

    /// Takes back what a failed commit left, as far as the disk lets it: its messages shall not turn up later. Returns what
    /// is to be done before the log may go on.
    fn undo(&self) -> Undone {
        let (created, extended): (Vec<_>, Vec<_>) = self.chunks.iter().partition(|chunk| chunk.create.is_some());
        let mut undone = Undone {
            created: created.iter().map(|chunk| chunk.file.name).collect(),
            extended: extended.iter().map(|chunk| (chunk.file.name, chunk.offset)).collect(),
            mark: extended.first().map(|chunk| {
                Box::new(Told {
                    name: chunk.file.name,
                    slot: self.slot,
                    mark: TailMark { end: chunk.offset.into(), ..self.undone.0 },
                    removals: self.undone.1.clone(),
                    salt: chunk.file.salt,
                })
            }),
            given_to: self.mark.given_to,
            evicted: None,
        };
        let taken_back = undone.take_back(&self.place);
        if taken_back.is_ok() {
            (undone.created, undone.extended) = Default::default();
        }
        undone
    }
}

fn write_mark(
    segment: &SegmentFile,
    file: &dyn File,
    slot: Slot,
    mark: &TailMark,
    removals: &[u8],
) -> Result<(), StorageError> {
    let (at, bytes) = mark.encode(slot, segment.salt, removals);
    file.write_all_at(&bytes, at.into()).map_err(|error| segment.error("write", error))
}

const MIN_ALLOCATION_BYTES: u64 = 16 * 1024;
const MAX_ALLOCATION_BYTES: u64 = 4 << 20;

/// A commit of no more than so many bytes of records is small.
const MAX_COMMIT_TO_ZERO_FOR: usize = 16 * 1024;

/// Zeros are written ahead up to the next multiple of so many.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
