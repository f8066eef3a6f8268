//! What a failed commit left on the disk because the disk refused to take it back.
//!
//! Its messages were refused to their publishers and must not turn up. So the next recovery within the process is told,
//! and sees nothing of it, and the next commit of that log takes it back before it does anything else, or fails. Only a
//! process that ends while the disk still refuses leaves it for good: what becomes of a commit is not known then.

use std::io;

use super::evicted::Evicted;
use super::files::Place;
use crate::error::StorageError;
use crate::medium::File;
use crate::record::Salt;
use crate::segment::{SegmentName, Slot, TailMark};

/// What a failed log hands to the one that is opened in its place.
#[derive(Debug, Clone, Default)]
pub struct Undone {
    /// Files that should not be there.
    pub(super) created: Vec<SegmentName>,
    /// Files with records behind the place where they should end.
    pub(super) extended: Vec<(SegmentName, u32)>,
    /// What the newest mark should say.
    pub(super) mark: Option<Box<Told>>,
    /// Sequences up to here were given out.
    pub(super) given_to: u64,
    /// What limits took that are not in force any more.
    pub(super) evicted: Option<Evicted>,
}

/// A mark and where it should lie. It tells how far the log had come, as a sync that failed may have taken the last one
/// with it, and in place of one that tells what never happened.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) name: SegmentName,
    pub(super) slot: Slot,
    pub(super) mark: TailMark,
    /// The removals that it repeats.
    pub(super) removals: Box<[u8]>,
    pub(super) salt: Salt,
}

impl Undone {
    /// Nothing failed, but limits that are not in force any more took something.
    pub fn of_evicted(evicted: Option<Evicted>) -> Self {
        Self { evicted, ..Self::default() }
    }

    /// Whether everything was taken back.
    pub(super) fn is_done(&self) -> bool {
        self.created.is_empty() && self.extended.is_empty()
    }

    /// Where a file should end.
    pub(super) fn end_of(&self, name: SegmentName) -> u32 {
        let ends = self.extended.iter().filter(|(extended, _)| *extended == name).map(|&(_, end)| end);
        ends.min().unwrap_or(u32::MAX)
    }

    /// Takes it back, durably. The last files go first: whatever is left is without holes.
    pub(super) fn take_back(&self, place: &Place) -> Result<(), StorageError> {
        let taken_back = self.try_to_take_back(place);
        if taken_back.is_err()
            && let Some(told) = &self.mark
        {
            // The sync that failed last may have taken the newest mark with it, once more. Who starts on what is left in
            // the page cache shall find which sequences were given out.
            let _ = place.medium.open(&place.path(told.name)).and_then(|file| told.write(&*file));
        }
        taken_back
    }

    fn try_to_take_back(&self, place: &Place) -> Result<(), StorageError> {
        for &name in self.created.iter().rev() {
            remove(place, name)?;
        }
        let told = |name| self.mark.as_deref().filter(|told| told.name == name);
        self.extended.iter().try_for_each(|&(name, end)| cut(place, name, end, told(name)))
    }
}

impl Told {
    fn write(&self, file: &dyn File) -> io::Result<()> {
        let (at, bytes) = self.mark.encode(self.slot, self.salt, &self.removals);
        file.write_all_at(&bytes, at.into())
    }
}

fn remove(place: &Place, name: SegmentName) -> Result<(), StorageError> {
    let path = place.path(name);
    // Left over, and of no use to anybody.
    let _ = place.medium.remove(&place.dir.join(name.temporary_name()));
    match place.medium.remove(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed.map_err(|error| StorageError::io("remove", &path, error))?,
    }
    if place.persistent {
        place.medium.sync_dir(&place.dir).map_err(|error| StorageError::io("sync", &place.dir, error))?;
    }
    Ok(())
}

/// The sync is no proof of any record, only of the end.
fn cut(place: &Place, name: SegmentName, end: u32, told: Option<&Told>) -> Result<(), StorageError> {
    let path = place.path(name);
    let failed = |operation| move |error| StorageError::io(operation, &place.path(name), error);
    let file = match place.medium.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(failed("open"))?,
    };
    if file.len().map_err(failed("read"))? > u64::from(end) {
        file.truncate(end.into()).map_err(failed("truncate"))?;
    }
    if let Some(told) = told {
        told.write(&*file).map_err(failed("write"))?;
    }
    if place.persistent {
        file.sync().map_err(failed("sync"))?;
    }
    Ok(())
}
