//! Reading: where messages lie, by sequence, subject and time. The messages themselves are read through a [`Locator`].

use std::sync::Arc;

use bytes::Bytes;

use super::Log;
use super::locator::{Locator, Source};
use super::segments::{Messages, Segment};
use crate::entries::Entry;
use crate::error::StorageError;
use crate::message::Timestamp;
use crate::record::{HEADER_BYTES, Header, Kind};
use crate::subject_index::{Choice, SubjectState};

impl Log {
    /// What is known of one literal subject.
    pub fn subject(&self, subject: &[u8]) -> Option<SubjectState> {
        let id = self.subjects.id(subject)?;
        Some(self.subjects.settled(id, &Messages(&self.segments)))
    }

    /// All subjects that match `filter`, unsorted, with what is known of each; ends early when `visit` says false.
    pub fn subjects(&self, filter: &[u8], visit: &mut dyn FnMut(&[u8], SubjectState) -> bool) {
        let messages = Messages(&self.segments);
        self.subjects.visit(filter, &mut |id, name| visit(name, self.subjects.settled(id, &messages)));
    }

    /// Where one message lies.
    pub fn locate(&mut self, sequence: u64) -> Result<Option<Locator>, StorageError> {
        let segment = Messages(&self.segments).segment_of(sequence);
        let found = segment.and_then(|segment| Some((segment, segment.entries.get(sequence)?)));
        found.map(|(segment, entry)| self.locator(segment, entry)).transpose()
    }

    /// The first live message at or behind `from` whose subject matches one of `filters` (none: any).
    pub fn next(&mut self, filters: &[&[u8]], from: u64) -> Result<Option<(u64, Locator)>, StorageError> {
        let mut choice = self.subjects.choose(filters);
        let found = Messages(&self.segments).next(from.max(self.first_sequence), &mut choice);
        found.map(|(segment, entry)| Ok((entry.sequence, self.locator(segment, entry)?))).transpose()
    }

    /// The last live message at or before `up_to` whose subject matches `filter`.
    pub fn last(&mut self, filter: &[u8], up_to: u64) -> Result<Option<(u64, Locator)>, StorageError> {
        let messages = Messages(&self.segments);
        let mut from = up_to;
        if let Some(id) = self.subjects.id(filter) {
            // A bound at least: what lies behind it need not be looked at.
            from = from.min(self.subjects.bounds(id).last);
        }
        let found = messages.last(from, &mut self.subjects.choose(&[filter]));
        found.map(|(segment, entry)| Ok((entry.sequence, self.locator(segment, entry)?))).transpose()
    }

    /// How many live messages at or behind `from` match one of `filters` (none: any).
    pub fn count(&mut self, filters: &[&[u8]], from: u64) -> Result<u64, StorageError> {
        let mut choice = self.subjects.choose(filters);
        let count = match &choice {
            Choice::One(id) if from <= self.first_sequence => self.subjects.count(*id),
            _ => Messages(&self.segments).count(from, &mut choice),
        };
        Ok(count)
    }

    /// The first sequence stored at or after `time`; one beyond the last if there is none.
    pub fn sequence_at(&mut self, time: Timestamp) -> Result<u64, StorageError> {
        let behind = self.last_sequence.saturating_add(1);
        if time > self.last_time {
            return Ok(behind);
        }
        // The last segment whose first message is before that time, or the one behind it.
        let live: Vec<&Segment> = self.segments.iter().filter(|segment| segment.entries.live() > 0).collect();
        let (mut low, mut high) = (0, live.len());
        while low < high {
            let middle = low.midpoint(high);
            let first = live[middle].entries.first().map(|entry| self.read_time(live[middle], entry)).transpose()?;
            if first.is_some_and(|first| first < time) { low = middle + 1 } else { high = middle }
        }
        for segment in &live[low.saturating_sub(1)..] {
            if let Some(entry) = segment.entries.first_at(time, |entry| self.read_time(segment, entry))? {
                return Ok(entry.sequence);
            }
        }
        Ok(behind)
    }

    /// The time of a live message.
    pub fn time_of(&mut self, sequence: u64) -> Result<Option<Timestamp>, StorageError> {
        let segment = Messages(&self.segments).segment_of(sequence);
        let found = segment.and_then(|segment| Some((segment, segment.entries.get(sequence)?)));
        found.map(|(segment, entry)| self.read_time(segment, entry)).transpose()
    }

    /// Sequences between first and last that hold no message, as ranges `[start, end]`, ascending.
    pub fn deleted(&self, visit: &mut dyn FnMut(u64, u64) -> bool) {
        let mut next = self.first_sequence;
        for segment in &self.segments {
            let all_visited = segment.entries.live_runs(&mut |start, end| {
                let goes_on = start == next || visit(next, start - 1);
                next = end + 1;
                goes_on
            });
            if !all_visited {
                return;
            }
        }
        if self.messages > 0 && next <= self.last_sequence {
            visit(next, self.last_sequence);
        }
    }

    pub(super) fn locator(&self, segment: &Segment, entry: Entry) -> Result<Locator, StorageError> {
        let Entry { sequence, extent, .. } = entry;
        let file = Arc::clone(&segment.file);
        let source = match self.pending.bytes_at(&file, extent.offset) {
            Some(bytes) => Source::Copy(Bytes::copy_from_slice(&bytes[..extent.len() as usize])),
            None => match &self.in_flight {
                Some(chunks) if chunks.iter().any(|chunk| chunk.bytes_at(&file, extent.offset).is_some()) => {
                    Source::InFlight(Arc::clone(chunks))
                }
                _ => {
                    file.file()?;
                    Source::File
                }
            },
        };
        let reader = file.reader();
        Ok(Locator { sequence, extent, file, source, _reader: reader })
    }

    /// The time of a message, from its fixed header.
    pub(super) fn read_time(&self, segment: &Segment, entry: Entry) -> Result<Timestamp, StorageError> {
        let offset = entry.extent.offset;
        let mut fixed = [0; HEADER_BYTES];
        match self.bytes_in_memory(segment, offset) {
            Some(bytes) => fixed.copy_from_slice(&bytes[..HEADER_BYTES]),
            None => _ = segment.file.read_into(&mut fixed, offset)?,
        }
        let header = Header::decode(&fixed, segment.file.salt.at(offset));
        let header = header.filter(|header| header.kind == Kind::Message);
        header.map(|header| header.time).ok_or_else(|| segment.file.damaged("a message is not what was written"))
    }

    /// A record that is not known to lie in its file yet.
    pub(super) fn bytes_in_memory(&self, segment: &Segment, offset: u32) -> Option<&[u8]> {
        self.pending.bytes_at(&segment.file, offset).or_else(|| {
            let chunks = self.in_flight.as_ref()?;
            chunks.iter().find_map(|chunk| chunk.bytes_at(&segment.file, offset))
        })
    }
}
