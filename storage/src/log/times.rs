//! When messages were stored. Times rest on the disk only, but for those of the first messages, which somebody asks for each
//! time one leaves: they are kept from when they were appended, as long as there are few, and read some ahead.

use std::cell::Cell;
use std::collections::VecDeque;

use parking_lot::Mutex;

use super::Log;
use super::segments::{Messages, Segment};
use crate::entries::Entry;
use crate::error::StorageError;
use crate::message::Timestamp;
use crate::record::{HEADER_BYTES, Header, Kind};

/// Times of the first messages, by sequence, ascending. What is in front of the first one serves as a bound.
#[derive(Debug, Default)]
pub(super) struct FirstTimes(Mutex<VecDeque<(u64, Timestamp)>>);

impl FirstTimes {
    /// Notes a message that was just appended behind `last`, when `first` is the first one.
    #[inline]
    pub(super) fn appended(&mut self, first: u64, last: u64, sequence: u64, time: Timestamp) {
        let times = self.0.get_mut();
        if first == sequence {
            times.clear();
        }
        forget_before(times, first);
        let goes_on = first == sequence || times.back().is_some_and(|&(behind, _)| behind == last);
        if goes_on && times.len() < MAX_APPENDED {
            times.push_back((sequence, time));
        }
    }

    fn get(&self, sequence: u64) -> Option<Timestamp> {
        let times = self.0.lock();
        let place = times.binary_search_by_key(&sequence, |&(sequence, _)| sequence).ok()?;
        Some(times[place].1)
    }
}

/// Forgets all but the last one that is not behind the first message.
fn forget_before(times: &mut VecDeque<(u64, Timestamp)>, first: u64) {
    while times.len() > 1 && times[1].0 <= first {
        times.pop_front();
    }
}

impl Log {
    /// The first sequence stored at or after `time`; one beyond the last if there is none.
    ///
    /// # Errors
    /// What the disk says, and [`StorageError::Damaged`] if it says that of very many messages: those few that it has to
    /// look at count as lost.
    pub fn sequence_at(&mut self, time: Timestamp) -> Result<u64, StorageError> {
        let damaged = Cell::new(None);
        for _ in 0..MAX_DAMAGED {
            match self.find_at(time, &damaged) {
                Err(StorageError::Damaged { .. }) => damaged.take().into_iter().for_each(|it| self.note_damaged(it)),
                found => return found,
            }
        }
        self.find_at(time, &damaged)
    }

    /// The same; `damaged` becomes the message that does not tell its time.
    fn find_at(&self, time: Timestamp, damaged: &Cell<Option<u64>>) -> Result<u64, StorageError> {
        let behind = self.last_sequence.saturating_add(1);
        if time > self.last_time {
            return Ok(behind);
        }
        let read = |segment: &Segment, entry: Entry| {
            self.read_time(segment, entry).inspect_err(|_| damaged.set(Some(entry.sequence)))
        };
        // The last segment whose first message is before that time, or the one behind it.
        let live: Vec<&Segment> = self.segments.iter().filter(|segment| segment.entries.live() > 0).collect();
        let (mut low, mut high) = (0, live.len());
        while low < high {
            let middle = low.midpoint(high);
            let first = live[middle].entries.first().map(|entry| read(live[middle], entry)).transpose()?;
            if first.is_some_and(|first| first < time) { low = middle + 1 } else { high = middle }
        }
        for segment in &live[low.saturating_sub(1)..] {
            if let Some(entry) = segment.entries.first_at(time, |entry| read(segment, entry))? {
                return Ok(entry.sequence);
            }
        }
        Ok(behind)
    }

    /// The time of a live message. One that does not tell it is damaged: it counts as lost from now on, and is none.
    ///
    /// # Errors
    /// What the disk says.
    pub fn time_of(&mut self, sequence: u64) -> Result<Option<Timestamp>, StorageError> {
        let segment = Messages(&self.segments).segment_of(sequence);
        let Some((segment, entry)) = segment.and_then(|it| Some((it, it.entries.get(sequence)?))) else {
            return Ok(None);
        };
        if sequence == self.first_sequence {
            // Those behind it are asked for next.
            self.first_time();
        }
        if let known @ Some(_) = self.first_times.get(sequence) {
            return Ok(known);
        }
        match self.read_time(segment, entry) {
            Err(StorageError::Damaged { .. }) => {
                self.note_damaged(sequence);
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    /// A time that the first message is not older than: its own where that is known. Nothing is read for it. 0 says nothing.
    pub fn first_time_bound(&self) -> Timestamp {
        let first = self.first_sequence;
        let mut times = self.first_times.0.lock();
        forget_before(&mut times, first);
        let known = times.front().filter(|(sequence, _)| *sequence <= first).map(|(_, time)| *time);
        let segment = Messages(&self.segments).segment_of(first);
        known.or_else(|| segment.map(|segment| segment.header.previous_time)).unwrap_or(0)
    }

    /// The time of the first message; 0 without messages. Of a first message that cannot be read: a time not after it.
    pub(super) fn first_time(&self) -> Timestamp {
        if self.messages == 0 {
            return 0;
        }
        let first = self.first_sequence;
        let mut times = self.first_times.0.lock();
        forget_before(&mut times, first);
        match times.front() {
            Some(&(sequence, time)) if sequence == first => time,
            before => {
                let before = before.map_or(0, |&(_, time)| time);
                let read = self.read_times(first);
                match read.front() {
                    Some(&(sequence, time)) if sequence == first => {
                        *times = read;
                        time
                    }
                    // Tried again next time: the disk may have been busy failing.
                    _ => before,
                }
            }
        }
    }

    /// The times from sequence `first` on, as many as one small read yields.
    fn read_times(&self, first: u64) -> VecDeque<(u64, Timestamp)> {
        let mut times = VecDeque::new();
        let segment = Messages(&self.segments).segment_of(first);
        let Some((segment, entry)) = segment.and_then(|segment| Some((segment, segment.entries.get(first)?))) else {
            return times;
        };
        if self.bytes_in_memory(segment, entry.extent.offset).is_some() {
            times.extend(self.read_time(segment, entry).ok().map(|time| (first, time)));
            return times;
        }
        let mut bytes = [0; READ_BYTES];
        let read = segment.file.read_into(&mut bytes, entry.extent.offset).unwrap_or(0);
        collect(segment, entry, &bytes[..read], &mut times);
        times
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
}

/// Takes the times out of the records in `bytes`, of which `entry` is the first.
fn collect(segment: &Segment, entry: Entry, bytes: &[u8], times: &mut VecDeque<(u64, Timestamp)>) {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let offset = entry.extent.offset.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
        let Some(header) = Header::decode(rest, segment.file.salt.at(offset)) else { return };
        if header.kind == Kind::Message {
            times.push_back((segment.base() + u64::from(header.relative), header.time));
        }
        at += header.record_len();
    }
}

/// Some dozens of small records.
const READ_BYTES: usize = 4096;
/// Times that are kept from when the messages were appended: most streams are idle, and these would be much of what they
/// take.
const MAX_APPENDED: usize = 16;
/// Damaged messages that one search looks past.
const MAX_DAMAGED: usize = 64;
