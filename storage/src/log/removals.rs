//! What was removed, on its way to the disk, twice: damage to one record, or to one page, must not bring messages back.
//!
//! The first copy is a record of the commit. Until there is a second one in another page, the tail marks repeat it, which
//! lie in the first page of the file; one for all comes when the log has grown far enough, goes on in another file, or the
//! marks have no room left.

use super::Log;
use super::ranges::Ranges;
use crate::error::StorageError;
use crate::record::{HEADER_BYTES, Kind, Removal};
use crate::segment::{PAGE_BYTES, SegmentName, TailMark};

/// Removed sequences.
#[derive(Debug, Clone, Default)]
pub(super) struct Removals {
    /// Nothing below it is live; 0 says nothing.
    pub(super) floor: u64,
    pub(super) ranges: Ranges,
}

/// Removals that lie in one record only.
#[derive(Debug, Default)]
pub(super) struct Single {
    removals: Removals,
    /// The file, and where the record ends.
    end: Option<(SegmentName, u32)>,
}

impl Removals {
    pub(super) fn is_empty(&self) -> bool {
        self.floor == 0 && self.ranges.is_empty()
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (start, len) in other.ranges.iter() {
            self.ranges.insert(start, start.saturating_add(len));
        }
        self.floor = self.floor.max(other.floor);
        self.ranges.remove(0, self.floor);
    }

    fn record(&self) -> Removal {
        Removal { floor: self.floor, ranges: self.ranges.iter().collect() }
    }
}

impl From<Removal> for Removals {
    fn from(removal: Removal) -> Self {
        let mut removals = Self { floor: removal.floor, ranges: Ranges::default() };
        for (start, len) in removal.ranges {
            removals.ranges.insert(start, start.saturating_add(len));
        }
        removals
    }
}

impl Single {
    /// What tail marks say of it.
    pub(super) fn encode(&self) -> Vec<u8> {
        if self.removals.is_empty() { Vec::new() } else { self.removals.record().encode() }
    }

    /// Whether a record at `end` of a file shares no page with the first one.
    fn is_far(&self, name: SegmentName, end: u32) -> bool {
        self.end.is_some_and(|(first, behind)| first != name || end >= behind.next_multiple_of(PAGE_BYTES))
    }
}

impl Log {
    /// Writes down what was removed so far in front of what is appended from now on: of a commit that a power cut tears,
    /// no message survives without the removals that made room for it.
    pub fn write_removals(&mut self) -> Result<(), StorageError> {
        self.check_usable()?;
        if self.removals.is_empty() { Ok(()) } else { self.flush() }
    }

    /// Writes down what the log is of if that has changed, what was removed since the last commit, and once more what was
    /// removed before.
    pub(super) fn flush(&mut self) -> Result<(), StorageError> {
        if let Some(unproven) = self.unproven.take() {
            self.leave(&unproven)?;
        }
        self.flush_description()?;
        let removals = std::mem::take(&mut self.removals);
        let mut all = removals.clone();
        let active = self.active();
        if self.single.is_far(active.file.name, active.end) {
            all.add(&std::mem::take(&mut self.single).removals);
        }
        if all.is_empty() {
            return Ok(());
        }
        self.append_removals(&all)?;
        if removals.is_empty() || !self.place.persistent {
            return Ok(());
        }
        let active = self.active();
        self.single.end = Some((active.file.name, active.end));
        self.single.removals.add(&removals);
        if self.single.encode().len() > TailMark::MAX_REMOVALS_BYTES {
            self.fill_page()?;
            let removals = std::mem::take(&mut self.single).removals;
            self.append_removals(&removals)?;
        }
        Ok(())
    }

    fn append_removals(&mut self, removals: &Removals) -> Result<(), StorageError> {
        let Removal { floor, ranges } = removals.record();
        let mut parts = ranges.chunks(MAX_RANGES);
        // A floor alone makes a record as well.
        let first = parts.next().unwrap_or_default();
        for part in std::iter::once(first).chain(parts) {
            let removal = Removal { floor, ranges: part.to_vec() };
            self.append_control(Kind::Removal, &removal.encode())?;
        }
        Ok(())
    }

    /// Sees to it that the next record lies in another page.
    fn fill_page(&mut self) -> Result<(), StorageError> {
        let end = self.active().end as usize + HEADER_BYTES;
        let body = vec![0; end.next_multiple_of(PAGE_BYTES as usize) - end];
        self.append_control(Kind::Filler, &body)
    }

    /// The records that `single` knows of were copied to the end of another file.
    pub(super) fn moved_single(&mut self) {
        let active = self.active();
        self.single.end = self.single.end.map(|_| (active.file.name, active.end));
    }
}

/// Ranges in one removal record, to keep it small.
const MAX_RANGES: usize = 4096;
