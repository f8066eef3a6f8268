//! Removing: messages leave the indexes at once, and the disk learns of it with the next commit.

use std::collections::VecDeque;

use super::ranges::Ranges;
use super::removals::Removals;
use super::segments::{Messages, Segment};
use super::{Log, Position};
use crate::entries::{Entries, Entry};
use crate::error::StorageError;
use crate::record::Extent;
use crate::subject_index::SubjectIndex;

impl Log {
    /// Removes one message for good, durably with the next commit. Says whether there was one.
    pub fn remove(&mut self, sequence: u64) -> Result<bool, StorageError> {
        self.check_usable()?;
        let removed = self.take_out(sequence);
        if removed {
            self.removals.ranges.insert(sequence, sequence + 1);
            self.position.0 += 1;
        }
        Ok(removed)
    }

    /// Removes everything below `sequence`, durably with the next commit; beyond the end, the next message gets
    /// `sequence`. Returns how many messages that were.
    pub fn remove_below(&mut self, sequence: u64) -> Result<u64, StorageError> {
        self.check_usable()?;
        let is_skip = sequence > self.last_sequence.saturating_add(1);
        let before = self.messages;
        let is_unused = self.last_sequence == 0;
        if sequence > self.last_sequence {
            self.remove_all(sequence);
        } else {
            while self.messages > 0 && self.first_sequence < sequence {
                self.take_out(self.first_sequence);
            }
        }
        if is_skip || !is_unused {
            self.note_floor(sequence);
        }
        Ok(before - self.messages)
    }

    /// What a limit took before is not on the disk yet, perhaps: it must not come back once it was asked for that nothing
    /// be there, also if there was nothing left to remove.
    pub(super) fn note_floor(&mut self, floor: u64) {
        self.removals.add(&Removals { floor, ranges: Ranges::default() });
        self.position.0 += 1;
    }

    /// Removes all messages on subjects that match `filter` with sequences below `below`, but for the newest `keep` of
    /// all those. Returns how many.
    pub fn remove_matching(&mut self, filter: &[u8], below: u64, keep: u64) -> Result<u64, StorageError> {
        self.check_usable()?;
        let messages = Messages(&self.segments);
        let mut choice = self.subjects.choose(&[filter]);
        let matching = messages.count(0, &mut choice) - messages.count(below, &mut choice);
        let mut victims = Vec::new();
        let mut from = 0;
        while (victims.len() as u64) < matching.saturating_sub(keep) {
            let Some((_, entry)) = messages.next(from, &mut choice) else { break };
            from = entry.sequence + 1;
            victims.push(entry.sequence);
        }
        for &sequence in &victims {
            self.take_out(sequence);
            self.removals.ranges.insert(sequence, sequence + 1);
        }
        if self.last_sequence > 0 {
            self.note_floor(self.first_sequence);
        }
        Ok(victims.len() as u64)
    }

    /// Notes that a read found a message damaged: it counts as lost from now on.
    pub fn note_damaged(&mut self, sequence: u64) {
        if self.take_out(sequence) {
            self.lost_messages += 1;
        }
    }

    /// Takes a message out of the indexes. Says whether there was one.
    pub(super) fn take_out(&mut self, sequence: u64) -> bool {
        let Some(segment) = segment_of(&mut self.segments, sequence) else { return false };
        let Some(Entry { extent, subject: Some(id), .. }) = segment.entries.remove(sequence) else { return false };
        if let Some(watch) = &mut self.watch {
            watch.note(sequence, self.subjects.name(id));
        }
        self.note_removal();
        self.subjects.remove(id, sequence);
        self.messages -= 1;
        self.bytes -= self.size(extent);
        if sequence == self.first_sequence {
            self.drop_front();
        }
        true
    }

    /// What is removed comes with the next change of the position, at the latest.
    fn note_removal(&mut self) {
        self.removed_at = Position(self.position.0 + 1);
    }

    pub(super) fn count_in(&mut self, sequence: u64, extent: Extent) {
        if self.messages == 0 {
            self.first_sequence = sequence;
        }
        self.messages += 1;
        self.bytes += self.size(extent);
    }

    /// What a message counts as.
    pub(super) fn size(&self, extent: Extent) -> u64 {
        self.options.accounting.fixed(extent.has_headers()) + extent.parts()
    }

    /// Finds the first live message anew, and lets go of the segments in front of it.
    pub(super) fn drop_front(&mut self) {
        while self.segments.len() > 1 && self.segments[0].entries.live() == 0 {
            if let Some(segment) = self.segments.pop_front() {
                let until = self.segments[0].base();
                self.let_go(segment, until);
            }
        }
        let first = self.segments.iter().find_map(|segment| segment.entries.first());
        self.first_sequence = first.map_or(self.last_sequence.saturating_add(1), |entry| entry.sequence);
    }

    /// Removes everything there is; the next message gets `next`, which is behind the last one.
    fn remove_all(&mut self, next: u64) {
        if let Some(watch) = &mut self.watch {
            watch.lose_track();
        }
        self.note_removal();
        self.subjects = SubjectIndex::new();
        (self.messages, self.bytes) = (0, 0);
        self.removals = Removals::default();
        for segment in &mut self.segments {
            segment.entries = Entries::new(segment.base());
            segment.entries.skip_to(self.last_sequence.saturating_add(1));
        }
        if self.active().base() != next {
            // What is behind this is written to a segment of its own, so that all others can go.
            self.unproven = None;
            self.roll(next);
        }
        self.last_sequence = next - 1;
        self.drop_front();
    }
}

/// The segment that a sequence belongs to.
fn segment_of(segments: &mut VecDeque<Segment>, sequence: u64) -> Option<&mut Segment> {
    let last = segments.len().checked_sub(1)?;
    let place = if segments[last].base() <= sequence {
        last
    } else {
        segments.partition_point(|segment| segment.base() <= sequence).checked_sub(1)?
    };
    segments.get_mut(place)
}
