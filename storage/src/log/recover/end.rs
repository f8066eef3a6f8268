//! Judging the end of the last segment: what was never finished there, what is lost, and what may be appended to.

use super::Recovery;
use super::walk::Walked;
use crate::entries::Status;
use crate::log::found::{Found, Listing};
use crate::log::handover::MAX_RESERVE;
use crate::log::options::MAX_SEGMENT_BYTES;
use crate::log::ranges::Ranges;
use crate::log::segments::Messages;
use crate::log::tail::Unproven;
use crate::log::{Log, LogOptions};
use crate::record::MIN_MESSAGE_BYTES;
use crate::segment::TailMark;

/// What is known of the end of the last segment.
struct End {
    mark: Option<TailMark>,
    same_boot: bool,
    walked: Option<Walked>,
}

impl End {
    /// Counts what is missing at the end although it was durable.
    fn count_lost(&self, expected: u64, lost: &mut Ranges) {
        let Some(mark) = &self.mark else { return };
        let rest = self.walked.as_ref().map_or(0, |walked| walked.rest);
        let written = self.walked.as_ref().is_some_and(|walked| u64::from(walked.end) < mark.end) && rest > 0;
        let there = if self.same_boot && written { mark.last_sequence } else { mark.synced_sequence };
        lost.insert(expected, there.saturating_add(1));
    }

    /// The sequence that is not given out again; `known` is the last one that is known of otherwise.
    fn last_sequence(&self, known: u64, is_cut: bool) -> u64 {
        let Some(mark) = &self.mark else {
            let rest = self.walked.as_ref().map_or(0, |walked| walked.rest) as usize;
            // What could lie there, and what could have been reserved.
            let possible = if is_cut { 0 } else { rest.div_ceil(MIN_MESSAGE_BYTES) as u64 + MAX_RESERVE };
            return known.saturating_add(possible).min(u64::MAX - 1);
        };
        let reserved = if self.same_boot { 0 } else { mark.reserved_to };
        known.max(mark.given_to).max(reserved).min(u64::MAX - 1)
    }
}

impl Recovery<'_> {
    /// Judges the end of the last segment, and makes the log.
    pub(super) fn finish(
        mut self,
        last: Option<&Found>,
        walked: Option<Walked>,
        options: LogOptions,
        listing: &Listing,
    ) -> Log {
        let marks = last.map(|last| last.marks.clone()).unwrap_or_default();
        let mark = marks.newest();
        let boot_id = self.place.medium.boot_id();
        let end = End { mark, same_boot: mark.is_some_and(|mark| mark.boot_id == boot_id), walked };
        let physical = self.expected.max(1) - 1;
        let first_base = listing.segments.first().map_or(0, |found| found.name.base);
        let known = physical.max(self.known_to).max(last.map_or(0, |last| last.name.base.saturating_sub(1)));
        end.count_lost(self.expected, &mut self.lost);
        let is_cut = last.is_none_or(|last| last.is_cut() || last.header.is_none());
        let mut last_sequence = end.last_sequence(known, is_cut).max(self.undone.given_to);
        if is_cut || mark.is_some_and(|mark| mark.continued) {
            // A whole segment is missing, or nearly so.
            last_sequence = last_sequence.saturating_add(MAX_SEQUENCES_PER_SEGMENT).min(u64::MAX - 1);
            self.lost_messages += 1;
        }
        let is_whole = |mark: &TailMark| mark.last_sequence <= physical && last.is_some_and(|last| last.reaches(mark));
        if let Some(mark) = mark.filter(is_whole) {
            if self.known_to == 0 {
                self.missing_in_front.insert(mark.floor, first_base);
            }
            if end.same_boot {
                // No file in front of the first one was let go of that held what this says is live.
                self.missing_in_front.iter().for_each(|(start, len)| self.lost.insert(start, start + len));
            }
            self.floor = self.floor.max(mark.floor);
        }
        self.floor = self.floor.max(mark.map_or(0, |mark| mark.synced_floor)).max(self.evicted_floor());
        let floor = self.floor;
        self.take_out(0, floor);
        self.lost.remove(0, floor);
        let synced = end.walked.as_ref().and_then(|walked| walked.boundary).filter(|_| end.same_boot);
        let is_proven = !is_cut && last_sequence == physical && self.is_proven(&end);
        let unproven = self.segments.back().filter(|_| !is_proven).map(|segment| {
            let mut unproven = Unproven::new(physical, segment.base(), segment.end, synced);
            // What is compacted is as good as it gets; and what lies in front of a lost segment stays there.
            unproven.tail =
                unproven.tail.filter(|_| segment.is_plain() && last.is_some_and(|it| it.name == segment.file.name));
            unproven
        });
        self.into_log(options, listing, &marks, last_sequence, unproven)
    }

    /// Below it limits took everything that are not in force any more.
    fn evicted_floor(&self) -> u64 {
        let status = |sequence| {
            let segment = Messages(&self.segments).segment_of(sequence);
            segment.map_or(Status::Absent, |segment| segment.entries.status(sequence))
        };
        self.undone.evicted.map_or(0, |evicted| evicted.floor_if(status))
    }

    /// Whether the last segment is known to be durable as it is, and nothing else lies in it.
    fn is_proven(&self, end: &End) -> bool {
        let (Some(mark), Some(walked), Some(segment)) = (&end.mark, &end.walked, self.segments.back()) else {
            return false;
        };
        let synced = mark.synced_end == u64::from(walked.end) || !self.place.persistent;
        synced
            && self.undone.is_done()
            && segment.is_plain()
            && mark.end == u64::from(walked.end)
            && mark.last_sequence + 1 == self.expected
            && walked.rest == 0
    }
}

/// More sequences than this never lie in one segment, nor are they skipped in one.
const MAX_SEQUENCES_PER_SEGMENT: u64 = MAX_SEGMENT_BYTES as u64 / MIN_MESSAGE_BYTES as u64 + MAX_RESERVE + (1 << 16);
