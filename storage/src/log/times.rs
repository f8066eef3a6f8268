//! The time of the first message, which moves on with every eviction. Times rest on the disk only; reading them some ahead
//! makes that cost little.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::Log;
use super::segments::{Messages, Segment};
use crate::entries::Entry;
use crate::message::Timestamp;
use crate::record::{Header, Kind};

/// Times of the first messages, by sequence, ascending.
#[derive(Debug, Default)]
pub(super) struct FirstTimes(Mutex<VecDeque<(u64, Timestamp)>>);

impl Log {
    /// The time of the first message; 0 without messages. Of a first message that cannot be read: a time not after it.
    pub(super) fn first_time(&self) -> Timestamp {
        if self.messages == 0 {
            return 0;
        }
        let first = self.first_sequence;
        let mut times = self.first_times.0.lock();
        while times.len() > 1 && times[1].0 <= first {
            times.pop_front();
        }
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
