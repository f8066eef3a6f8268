//! Looking for work: whether a checkpoint is due, and which segments are worth writing anew.

use super::{Remark, Saved, Wanted};
use crate::compaction::{self, Candidate, Policy};
use crate::log::segments::Segment;
use crate::log::{Log, Position};
use crate::segment::RECORDS_START;

impl Log {
    /// What is worth doing.
    pub(super) fn look(&mut self, notes: &mut dyn FnMut() -> Vec<u8>) -> Option<Wanted> {
        let (appended, cost) = (self.appended_since_saved(), self.checkpoint_bytes());
        let segment_bytes = u64::from(self.options.segment_bytes);
        let held: u64 = self.keeper.held.iter().map(|held| held.bytes).sum();
        let is_due = appended >= MAX_UNSAVED_BYTES.min(segment_bytes * 4).max(cost * 4);
        if self.place.persistent && (is_due || held >= (segment_bytes / 2).max(cost * 2)) {
            return Some(self.save(notes));
        }
        let (position, segments) = self.keeper.next_look;
        if self.position < position && self.segments.len() <= segments {
            return None;
        }
        let mut closed = self.closed();
        let policy = Policy { segment_bytes: self.options.segment_bytes, compress: self.options.compress };
        let uncovered = compaction::choose(&closed, policy);
        let last_saved = self.keeper.saved.last_sequence;
        for candidate in closed.iter_mut().filter(|candidate| candidate.until > last_saved + 1) {
            candidate.ready &= !self.place.persistent;
        }
        if let Some(row) = compaction::choose(&closed, policy) {
            let sources = self.segments.range(row).map(|segment| (segment.file.name, segment.entries.clone()));
            return Some(Wanted::Rewrite(sources.collect()));
        }
        if uncovered.is_some() && appended >= (segment_bytes / 2).max(cost * 4) {
            return Some(self.save(notes));
        }
        self.look_later(self.segments.len() as u64 * 8);
        None
    }

    pub(super) fn look_later(&mut self, changes: u64) {
        self.keeper.next_look = (Position(self.position.0 + changes), self.segments.len());
    }

    /// Bytes of records that the checkpoint on the disk does not know of.
    pub(super) fn appended_since_saved(&self) -> u64 {
        let Saved { base, end, .. } = self.keeper.saved;
        let recent = self.segments.iter().rev().take_while(|segment| segment.base() >= base);
        let start = |segment: &Segment| if segment.base() == base { end } else { RECORDS_START };
        recent.map(|segment| u64::from(segment.end.saturating_sub(start(segment)))).sum()
    }

    /// About the bytes of a checkpoint.
    fn checkpoint_bytes(&self) -> u64 {
        1024 + self.messages * 6 + self.subjects.len() as u64 * 40
    }

    /// All segments but the one that is appended to.
    fn closed(&self) -> Vec<Candidate> {
        let behind = self.segments.iter().skip(1).map(Segment::base);
        let mut facts_matter = self.has_files_in_front();
        let candidate = |(segment, until): (&Segment, u64)| {
            let remark = self.keeper.remarks.get(&segment.file.name).copied();
            let mut candidate = Candidate::new(&segment.entries, until, segment.end);
            candidate.compressed = segment.header.compressed;
            match remark {
                Some(Remark::Rewritten { start, facts }) => {
                    candidate.bytes = segment.end.saturating_sub(start);
                    candidate.facts = if facts_matter { facts } else { 0 };
                }
                Some(Remark::Unfit) => candidate.ready = false,
                None => {}
            }
            facts_matter |= segment.has_dead();
            candidate
        };
        self.segments.iter().zip(behind).map(candidate).collect()
    }

    /// Whether there are files in front of the first segment, or may be for some time.
    pub(super) fn has_files_in_front(&self) -> bool {
        !self.doomed.is_empty() || !self.keeper.held.is_empty()
    }

    fn save(&mut self, notes: &mut dyn FnMut() -> Vec<u8>) -> Wanted {
        let (bytes, saved) = self.checkpoint(&notes());
        Wanted::Save { bytes, saved }
    }
}

/// A checkpoint is due when so many bytes were appended; earlier with small segments, later if it is large itself.
const MAX_UNSAVED_BYTES: u64 = 64 << 20;
