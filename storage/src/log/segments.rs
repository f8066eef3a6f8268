//! The segments of a log in memory, and looking for messages across them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Describe;
use super::files::{Place, SegmentFile};
use super::pending::{Chunk, Creation};
use crate::entries::{Entries, Entry};
use crate::message::Timestamp;
use crate::record::{self, Kind};
use crate::segment::{RECORDS_START, SegmentHeader, SegmentName};
use crate::subject_index::{Choice, Occurrences, SubjectId};

/// What is known of one segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) file: Arc<SegmentFile>,
    pub(crate) header: SegmentHeader,
    pub(crate) entries: Entries,
    /// Where its records end, those that wait for a commit included.
    pub(crate) end: u32,
    /// Whether it holds messages that a replay hands out and no checkpoint may know of.
    pub(crate) marked: bool,
}

impl Segment {
    pub(crate) fn new(file: Arc<SegmentFile>, header: SegmentHeader) -> Self {
        let entries = Entries::new(header.base);
        Self { file, header, entries, end: RECORDS_START, marked: false }
    }

    /// One that is about to be made, and the chunk that makes it.
    pub(super) fn begin(
        place: &Arc<Place>,
        header: SegmentHeader,
        generation: u32,
        description: &dyn Describe,
        time: Timestamp,
    ) -> (Self, Chunk) {
        let name = SegmentName { base: header.base, generation };
        let file = SegmentFile::new(Arc::clone(place), name, header.salt);
        let mut segment = Self::new(Arc::clone(&file), header.clone());
        let mut chunk = Chunk::new(file, RECORDS_START, None);
        let description: Arc<[u8]> = description.describe().into();
        if !SegmentHeader::holds(&description) {
            let at = (header.salt, RECORDS_START);
            let len = record::encode_control(Kind::Description, 0, time, &description, at, &mut chunk.bytes);
            // One that is too long for a record is left out: there are still the files of the stream.
            segment.end += len.ok().and_then(|len| u32::try_from(len).ok()).unwrap_or(0);
        }
        chunk.create = Some(Box::new(Creation { header, description }));
        (segment, chunk)
    }

    /// Whether records of removed messages lie in it.
    pub(super) fn has_dead(&self) -> bool {
        self.entries.live() < self.entries.records()
    }

    /// Whether its records lie in the file as they were appended.
    pub(super) fn is_plain(&self) -> bool {
        !self.header.compacted && !self.header.compressed
    }

    pub(crate) fn base(&self) -> u64 {
        self.header.base
    }
}

/// The messages of all segments.
pub(super) struct Messages<'a>(pub(super) &'a VecDeque<Segment>);

impl<'a> Messages<'a> {
    /// The segment that a sequence belongs to.
    pub(super) fn segment_of(&self, sequence: u64) -> Option<&'a Segment> {
        let last = self.0.back().filter(|segment| segment.base() <= sequence);
        last.or_else(|| self.0.get(self.behind(sequence).checked_sub(1)?))
    }

    pub(super) fn get(&self, sequence: u64) -> Option<Entry> {
        self.segment_of(sequence)?.entries.get(sequence)
    }

    /// The first live message at or behind `from` of the chosen subjects.
    pub(super) fn next(&self, from: u64, choice: &mut Choice<'_>) -> Option<(&'a Segment, Entry)> {
        let start = self.behind(from).saturating_sub(1);
        let mut segments = self.0.iter().skip(start);
        segments.find_map(|segment| segment.entries.next(from, choice).map(|entry| (segment, entry)))
    }

    /// The last live message at or before `up_to` of the chosen subjects.
    pub(super) fn last(&self, up_to: u64, choice: &mut Choice<'_>) -> Option<(&'a Segment, Entry)> {
        let mut segments = self.0.iter().take(self.behind(up_to)).rev();
        segments.find_map(|segment| segment.entries.last(up_to, choice).map(|entry| (segment, entry)))
    }

    /// How many live messages at or behind `from` are of the chosen subjects.
    pub(super) fn count(&self, from: u64, choice: &mut Choice<'_>) -> u64 {
        let start = self.behind(from).saturating_sub(1);
        self.0.iter().skip(start).map(|segment| segment.entries.count(from, choice) as u64).sum()
    }

    /// The number of segments that begin at or before a sequence.
    pub(super) fn behind(&self, sequence: u64) -> usize {
        self.0.partition_point(|segment| segment.base() <= sequence)
    }
}

impl Occurrences for Messages<'_> {
    fn next(&self, id: SubjectId, from: u64) -> Option<u64> {
        Messages::next(self, from, &mut Choice::One(id)).map(|(_, entry)| entry.sequence)
    }

    fn previous(&self, id: SubjectId, up_to: u64) -> Option<u64> {
        self.last(up_to, &mut Choice::One(id)).map(|(_, entry)| entry.sequence)
    }
}
