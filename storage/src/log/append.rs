//! Appending: a record goes straight into the buffer of the next commit, and its place into the indexes.

use super::pending::Chunk;
use super::segments::{Messages, Segment};
use super::{Append, Log, random_salt};
use crate::entries::Entry;
use crate::error::StorageError;
use crate::record::{self, HEADER_BYTES, Kind, Message};
use crate::segment::{RECORDS_START, SegmentHeader};
use crate::subject_index::SubjectId;

impl Log {
    /// Appends a message; returns its sequence. Evicts `append.evict` older messages of its subject.
    pub fn append(&mut self, append: &Append<'_>) -> Result<u64, StorageError> {
        self.append_as(append, false)
    }

    /// Uses a sequence for a message that nobody shall see, and that nothing but a replay is told of. The record itself says
    /// so: however a power cut tears a commit, the message does not turn up.
    pub fn append_removed(&mut self, append: &Append<'_>) -> Result<u64, StorageError> {
        let sequence = self.append_as(append, true)?;
        self.take_out(sequence);
        Ok(sequence)
    }

    fn append_as(&mut self, append: &Append<'_>, dead: bool) -> Result<u64, StorageError> {
        self.check_usable()?;
        let Append { subject, headers, payload, marked, .. } = *append;
        let sequence = self.next_sequence()?;
        let time = append.time.max(self.last_time);
        // What evicting adds is counted in already: the length is only a bound here.
        let evicts = u32::from(append.evict > 0);
        let message = Message { relative: 0, time, marked, dead, evicts, subject, headers, payload };
        if subject.is_empty() {
            return Err(StorageError::TooLarge);
        }
        self.make_room(message.record_len()?, sequence)?;
        let id = self.subjects.append(subject, sequence).ok_or(StorageError::TooLarge)?;
        let victim = self.first_victim(id, append.evict, sequence);
        let segment = self.segments.back_mut().expect("a log has a segment");
        let relative = relative(sequence, segment.base());
        let evicts = victim.map_or(0, |victim| u32::try_from(sequence - victim.sequence).unwrap_or(0));
        let chunk = &mut self.pending.active;
        let extent = Message { relative, evicts, ..message }.encode(chunk.file.salt, segment.end, &mut chunk.bytes)?;
        segment.end += extent.len();
        segment.marked |= marked;
        segment.entries.push(sequence, extent, id);
        let last = std::mem::replace(&mut self.last_sequence, sequence);
        self.last_time = time;
        self.count_in(sequence, extent);
        self.first_times.appended(self.first_sequence, last, sequence, time);
        if let Some(victim) = victim {
            self.evict(id, victim, evicts == 0, append.evict);
        }
        self.position.0 += 1;
        Ok(sequence)
    }

    /// The oldest message of the subject other than `sequence`, if one is to be evicted.
    fn first_victim(&mut self, id: SubjectId, evict: u64, sequence: u64) -> Option<Entry> {
        if evict == 0 || self.subjects.count(id) < 2 {
            return None;
        }
        let messages = Messages(&self.segments);
        let first = self.subjects.settle_first(id, &messages);
        messages.get(first).filter(|_| first < sequence)
    }

    /// Evicts `count` messages from `victim` on. What the new record does not tell goes into a removal record.
    fn evict(&mut self, id: SubjectId, victim: Entry, tell: bool, count: u64) {
        let mut next = Some(victim);
        for number in 0..count {
            let Some(victim) = next else { return };
            // There is at least the new one.
            if self.subjects.count(id) < 2 {
                return;
            }
            self.take_out(victim.sequence);
            if number > 0 || tell {
                self.removals.ranges.insert(victim.sequence, victim.sequence + 1);
            }
            next = if number + 1 < count { self.first_victim(id, 1, self.last_sequence) } else { None };
        }
    }

    pub(super) fn check_usable(&self) -> Result<(), StorageError> {
        self.failed.as_ref().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// The sequence of the next message.
    pub(super) fn next_sequence(&self) -> Result<u64, StorageError> {
        // The very last number stays free, so that "one behind" is always a number.
        self.last_sequence.checked_add(1).filter(|&next| next < u64::MAX).ok_or(StorageError::SequenceExhausted)
    }

    /// Sees to it that a record of so many bytes fits into the segment that is appended to.
    #[inline]
    pub(super) fn make_room(&mut self, len: usize, sequence: u64) -> Result<(), StorageError> {
        if self.unproven.is_none() && self.has_room(len, sequence) {
            return Ok(());
        }
        self.make_segment(len, sequence)
    }

    fn has_room(&self, len: usize, sequence: u64) -> bool {
        let segment = self.active();
        let end = u64::from(segment.end) + len as u64;
        end <= u64::from(self.options.segment_bytes) && sequence - segment.base() < MAX_RELATIVE
    }

    #[cold]
    fn make_segment(&mut self, len: usize, sequence: u64) -> Result<(), StorageError> {
        if let Some(unproven) = self.unproven.take() {
            self.leave(&unproven)?;
        }
        let segment = self.active();
        // A record that is longer than a segment gets one of its own. One without messages is never left: the next would
        // have the same base.
        if segment.base() != sequence && !self.has_room(len, sequence) {
            self.roll(sequence);
        }
        Ok(())
    }

    /// Begins a new segment at `base`; what lies between the last sequence and that is skipped.
    pub(super) fn roll(&mut self, base: u64) {
        let mut header = self.next_header(base);
        let last = self.active();
        let create = self.pending.active.create.as_ref().filter(|_| last.end == RECORDS_START);
        if let Some(creation) = create {
            // Nobody has seen the last one yet: it begins elsewhere now.
            header.previous_last = creation.header.previous_last;
            self.segments.pop_back();
            self.pending.active = self.begin(header);
            return;
        }
        self.go_on_in(header, self.last_sequence);
        let place = self.segments.len() - 2;
        self.segments[place].entries.seal();
        self.drop_front();
    }

    pub(super) fn next_header(&self, base: u64) -> SegmentHeader {
        let mut header = SegmentHeader::new(random_salt(), base);
        (header.previous_last, header.previous_time) = (self.last_sequence, self.last_time);
        header
    }

    /// Adds a segment behind the others; returns the chunk that makes it.
    pub(super) fn begin(&mut self, header: SegmentHeader) -> Chunk {
        let generation = self.next_generation;
        self.next_generation = generation.saturating_add(1);
        let description = &*self.options.description;
        let (segment, chunk) = Segment::begin(&self.place, header, generation, description, self.last_time);
        self.segments.push_back(segment);
        chunk
    }

    /// Appends a control record.
    pub(super) fn append_control(&mut self, kind: Kind, body: &[u8]) -> Result<(), StorageError> {
        let next = self.last_sequence.saturating_add(1);
        self.make_room(HEADER_BYTES + body.len(), next)?;
        let segment = self.segments.back_mut().expect("a log has a segment");
        let chunk = &mut self.pending.active;
        let place = (chunk.file.salt, segment.end);
        let relative = relative(next, segment.base());
        let len = record::encode_control(kind, relative, self.last_time, body, place, &mut chunk.bytes)?;
        segment.end += u32::try_from(len).expect("a record is shorter than 2^30 bytes");
        if segment.end > MAX_CONTROL_BYTES && segment.base() == next && next < u64::MAX - 1 {
            // Nothing but removals for a very long time: a sequence is left out, so that there can be another segment.
            self.roll(next + 1);
            self.last_sequence = next;
        }
        Ok(())
    }
}

/// A sequence less the base of its segment.
pub(super) fn relative(sequence: u64, base: u64) -> u32 {
    u32::try_from(sequence - base).expect("a segment is closed before its sequences reach 2^32")
}

/// Sequences in one segment: the relative ones need 32 bits, with room for control records.
const MAX_RELATIVE: u64 = u32::MAX as u64 - 1;
/// A segment without messages is closed at this size.
const MAX_CONTROL_BYTES: u32 = 1 << 30;
