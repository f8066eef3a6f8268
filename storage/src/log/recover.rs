//! Recovery: from the files of a log to the log.
//!
//! All segments are walked through in order, each from where the checkpoint knows it, or from its beginning. Damage costs
//! the records it hit: the walk goes on at the next header that is intact, and sequences that are missing count as lost.
//! Only at the very end, behind what is known to be durable, a bad record is one that was never finished: it and all
//! behind it count as never written.

mod end;
mod walk;

use std::collections::VecDeque;
use std::sync::Arc;

use super::files::{Place, SegmentFile};
use super::found::{Found, Listing};
use super::handover::{Durable, MIN_RESERVE, Written};
use super::pending::{Chunk, Pending};
use super::ranges::Ranges;
use super::removals::Removals;
use super::segments::Segment;
use super::tail::Unproven;
use super::undone::Undone;
use super::upkeep::Keeper;
use super::{Log, LogOptions, Replay};
use crate::checkpoint::{self, Checkpoint};
use crate::error::StorageError;
use crate::message::Timestamp;
use crate::record::Removal;
use crate::segment::{Marks, RECORDS_START, SegmentHeader, TailMark};
use crate::subject_index::SubjectIndex;
use walk::{Span, Walked};

/// A log in the making.
pub(super) struct Recovery<'a> {
    place: Arc<Place>,
    replay: &'a mut dyn Replay,
    checkpoint: Option<Checkpoint>,
    keeper: Keeper,
    /// What the checkpoint knows is at most this; 0 without one.
    known_to: u64,
    subjects: SubjectIndex,
    segments: VecDeque<Segment>,
    /// The sequence that the next message must have.
    expected: u64,
    last_time: Timestamp,
    floor: u64,
    /// Sequences without a message that should have one.
    lost: Ranges,
    /// Sequences that the records behind the checkpoint remove.
    removed: Ranges,
    /// Sequences in front of the first file: live, or let go of.
    missing_in_front: Ranges,
    /// Lost messages whose sequences are not known.
    lost_messages: u64,
    lost_bytes: u64,
    /// Removals that lie in no more than one record, perhaps in none.
    again: Removals,
    /// What the newest mark tells of these.
    again_body: Box<[u8]>,
    /// What is on the disk and never happened.
    undone: Undone,
}

impl<'a> Recovery<'a> {
    pub(super) fn run(
        place: Arc<Place>,
        options: LogOptions,
        undone: Undone,
        replay: &'a mut dyn Replay,
    ) -> Result<Log, StorageError> {
        let listing = Listing::new(&*place.medium, &place.dir, &undone)?;
        let mut recovery = Self::new(place, undone, replay);
        // Most streams have one segment, and room for four would be the largest part of what an idle one takes.
        recovery.segments.reserve_exact(listing.segments.len());
        let mut walked = None;
        for (number, found) in listing.segments.iter().enumerate() {
            let next = listing.segments[number + 1..].iter().find_map(|found| found.header.as_ref());
            walked = recovery.segment(found, next)?;
        }
        let last = listing.segments.last();
        recovery.removals_again(last);
        recovery.count_out();
        let log = recovery.finish(last, walked, options, &listing);
        Ok(log)
    }

    fn new(place: Arc<Place>, undone: Undone, replay: &'a mut dyn Replay) -> Self {
        let mut checkpoint = checkpoint::load(&*place.medium, &place.dir);
        let summary = checkpoint.as_ref().map(|it| it.summary).unwrap_or_default();
        let subjects = checkpoint.as_mut().map(|it| std::mem::take(&mut it.subjects)).unwrap_or_default();
        if let Some(checkpoint) = &checkpoint {
            replay.notes(&checkpoint.notes);
        }
        Self {
            place,
            replay,
            keeper: checkpoint.as_ref().map(Keeper::recovered).unwrap_or_default(),
            checkpoint,
            known_to: summary.last_sequence,
            subjects,
            segments: VecDeque::new(),
            expected: 0,
            last_time: summary.last_time,
            floor: summary.floor,
            lost: Ranges::default(),
            removed: Ranges::default(),
            missing_in_front: Ranges::default(),
            lost_messages: summary.lost_messages,
            lost_bytes: summary.lost_bytes,
            again: Removals::default(),
            again_body: Box::default(),
            undone,
        }
    }

    /// Takes in one segment; `next` is the header of the one behind it.
    fn segment(&mut self, found: &Found, next: Option<&SegmentHeader>) -> Result<Option<Walked>, StorageError> {
        let Some(header) = &found.header else {
            // The file stays where it is: somebody may know more than we do.
            self.lost_bytes += found.len.saturating_sub(RECORDS_START.into());
            if self.expected == 0 {
                self.expected = found.name.base;
            }
            return Ok(None);
        };
        if self.expected > 0 && header.previous_last != u64::MAX {
            self.lost.insert(self.expected, header.previous_last.saturating_add(1));
        }
        self.expected = header.base;
        self.last_time = self.last_time.max(header.previous_time);
        let file = found.open(&self.place, header);
        let mut segment = Segment::new(Arc::clone(&file), header.clone());
        let image = self.checkpoint.as_mut().and_then(|checkpoint| checkpoint.take(found.name, header.salt));
        let mut from = RECORDS_START;
        if let Some(image) = image {
            (segment.entries, from) = (image.entries, image.end);
            self.expected = segment.entries.end();
        }
        self.segments.push_back(segment);
        let limit = next.map_or(0, |next| next.previous_end);
        let is_plain = !header.compacted && !header.compressed;
        let mark = found.marks.newest().filter(|_| next.is_none());
        let same_boot = mark.is_some_and(|mark| mark.boot_id == self.place.medium.boot_id());
        let span = Span {
            from,
            limit: if limit > 0 && is_plain { limit } else { u32::MAX }.min(self.undone.end_of(found.name)),
            solid_to: mark.map_or(u64::MAX, |mark| if same_boot { mark.end } else { mark.synced_end }),
            last: next.map_or(u64::MAX, |next| next.previous_last),
            synced_end: mark.map_or(0, |mark| mark.synced_end),
        };
        let walked = self.walk(&file, header, span)?;
        self.expected = self.expected.max(header.covers_to.saturating_add(u64::from(header.compacted)));
        if let Some(segment) = self.segments.back_mut() {
            segment.end = walked.end;
            segment.entries.skip_to(self.expected);
            if next.is_some() {
                segment.entries.seal();
            }
        }
        Ok(Some(walked))
    }

    /// What the marks repeat of removals: those of a commit count if its messages are there, or had to be.
    fn removals_again(&mut self, last: Option<&Found>) {
        let Some(last) = last else { return };
        let (boot_id, expected) = (self.place.medium.boot_id(), self.expected);
        let counts = |mark: &TailMark| last.reaches(mark) && (mark.boot_id == boot_id || mark.last_sequence < expected);
        for body in last.marks.removals(counts) {
            self.again_body = body.into();
            self.removal(body);
            self.again.add(&Removal::decode(body).map(Removals::from).unwrap_or_default());
        }
    }

    /// Counts out the messages that the checkpoint knows and no file has any more.
    fn count_out(&mut self) {
        let Some(checkpoint) = self.checkpoint.take() else { return };
        // Up to where the checkpoint reaches it tells what was there, and what was lost before is counted in it.
        self.lost.remove(0, self.known_to.saturating_add(1));
        let has_file = |base: u64| {
            let behind = self.segments.partition_point(|segment| segment.base() <= base);
            let header = behind.checked_sub(1).map(|place| &self.segments[place].header);
            header.is_some_and(|header| header.base == base || header.compacted && header.covers_to >= base)
        };
        for (sequence, id) in checkpoint.unclaimed() {
            self.subjects.remove(id, sequence);
            // Where there is a file, a compaction left the message out, because it was removed.
            let in_gap = checkpoint.segments.iter().rfind(|it| it.name.base <= sequence);
            if in_gap.is_some_and(|it| !has_file(it.name.base)) {
                self.lost.insert(sequence, sequence + 1);
            }
        }
        for (start, len) in self.removed.iter() {
            self.lost.remove(start, start + len);
            self.missing_in_front.remove(start, start + len);
        }
    }

    fn into_log(
        self,
        options: LogOptions,
        listing: &Listing,
        marks: &Marks,
        last_sequence: u64,
        unproven: Option<Unproven>,
    ) -> Log {
        let mark = marks.newest();
        let mut log = Log::new(self.place, options, last_sequence, listing.next_generation);
        log.last_time = self.last_time;
        log.lost_messages = self.lost_messages + self.lost.count();
        log.lost_bytes = self.lost_bytes;
        log.keeper = self.keeper;
        log.subjects = self.subjects;
        log.durable = durable_of(marks, &log, unproven.is_some());
        log.is_after_power_cut = mark.is_some_and(|mark| mark.boot_id != log.durable.boot_id);
        if log.is_after_power_cut || unproven.is_none() {
            // What came up after a power cut is on the disk.
            log.durable.synced_floor = self.floor;
        }
        // A process that died right behind a rename did not come to sync it.
        let is_fresh =
            |mark: TailMark| mark.boot_id == log.durable.boot_id && (mark.is_unnamed || !listing.superseded.is_empty());
        log.durable.names_dirty = log.place.persistent && mark.is_none_or(is_fresh);
        // What is still to be taken back waits for a commit.
        log.durable.dirty |= log.durable.names_dirty || !self.undone.is_done();
        for found in &listing.superseded {
            let salt = found.header.as_ref().map_or(crate::record::Salt(0), |header| header.salt);
            let len = found.len;
            log.doomed.push(SegmentFile::opened(
                Arc::clone(&log.place),
                found.name,
                salt,
                Arc::clone(&found.file),
                len,
            ));
        }
        if let Some(active) = self.segments.back() {
            let chunk = Chunk::new(Arc::clone(&active.file), active.end, None);
            log.pending = Pending { closed: Vec::new(), active: chunk };
            log.segments = self.segments;
            // What was read is there.
            (log.position, log.removed_at, log.taken, log.committed) = Default::default();
        }
        log.unproven = unproven;
        log.evicted = self.undone.evicted;
        log.undone = self.undone;
        log.removals = self.again;
        log.durable.written.removals = self.again_body;
        log.tally();
        if log.lost_messages > 0 || log.lost_bytes > 0 {
            tracing::warn!(
                dir = %log.place.dir.display(),
                messages = log.lost_messages,
                bytes = log.lost_bytes,
                "damage in a stream's files took messages"
            );
        }
        log
    }
}

fn durable_of(marks: &Marks, log: &Log, is_unproven: bool) -> Durable {
    let mut durable = Durable { reserve: MIN_RESERVE, boot_id: log.place.medium.boot_id(), ..Durable::default() };
    durable.slot = marks.free_slot(durable.boot_id);
    if let Some(mark) = marks.newest() {
        durable.commits = mark.commit;
        durable.written = Written { last_sequence: mark.last_sequence, floor: mark.floor, removals: Box::default() };
        (durable.synced_sequence, durable.synced_end) = (mark.synced_sequence, mark.synced_end);
        durable.synced_floor = mark.synced_floor;
    }
    durable.dirty = is_unproven && log.place.persistent;
    durable
}
