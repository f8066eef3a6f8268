//! Which files stand for others.

use crate::segment::{SegmentHeader, SegmentName};

/// Of the files in a directory, those that others stand for, because a crash came before they were removed: to be left
/// out of a recovery, and removed before anything else is.
pub fn obsolete(files: &[(SegmentName, SegmentHeader)]) -> Vec<SegmentName> {
    let covers: Vec<_> = files.iter().filter(|(_, header)| header.compacted).collect();
    let replaced = |old: &SegmentName| {
        covers.iter().any(|(by, header)| {
            let is_newer = by.base < old.base || (by.base == old.base && by.generation > old.generation);
            is_newer && old.base <= header.covers_to
        })
    };
    files.iter().map(|(name, _)| *name).filter(replaced).collect()
}
