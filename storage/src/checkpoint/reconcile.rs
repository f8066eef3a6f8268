//! Taking a checkpoint apart while a recovery walks through the files that are there.

use super::{Checkpoint, SegmentImage};
use crate::record::Salt;
use crate::segment::SegmentName;
use crate::subject_index::SubjectId;

/// A recovery goes through the segment files by base. For each it calls [`take`](Checkpoint::take): what that returns
/// is true of the file up to its `end`, and whatever lies behind is new. Of a file that is not taken every record is
/// read; a sequence up to `summary.last_sequence` in it is no news but was moved there by a compaction, and
/// [`claim`](Checkpoint::claim) tells whether the message was live. In the end [`unclaimed`](Checkpoint::unclaimed) ones
/// are counted out of the subjects: their files were dropped, or a compaction left them out.
impl Checkpoint {
    /// What is known of a file.
    pub fn take(&mut self, name: SegmentName, salt: Salt) -> Option<SegmentImage> {
        let place = self.segments.iter().position(|segment| segment.name == name && segment.salt == salt)?;
        Some(self.segments.remove(place))
    }

    /// The subject of a message that was live; each one once.
    pub fn claim(&mut self, sequence: u64) -> Option<SubjectId> {
        let behind = self.segments.partition_point(|segment| segment.name.base <= sequence);
        self.segments[..behind].last_mut()?.entries.remove(sequence)?.subject
    }

    /// Live messages that are in no file that was taken or claimed from, ascending.
    pub fn unclaimed(&self) -> impl Iterator<Item = (u64, SubjectId)> {
        let entries = self.segments.iter().flat_map(|segment| segment.entries.iter());
        entries.filter_map(|entry| Some((entry.sequence, entry.subject?)))
    }
}
