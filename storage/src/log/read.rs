//! Reading: where messages lie. The messages themselves are read through a [`Locator`].

use std::sync::Arc;

use bytes::Bytes;

use super::Log;
use super::locator::{Locator, Source};
use super::segments::{Messages, Segment};
use crate::entries::Entry;
use crate::error::StorageError;

impl Log {
    /// Where one message lies.
    pub fn locate(&mut self, sequence: u64) -> Result<Option<Locator>, StorageError> {
        let segment = Messages(&self.segments).segment_of(sequence);
        let found = segment.and_then(|segment| Some((segment, segment.entries.get(sequence)?)));
        found.map(|(segment, entry)| self.locator(segment, entry)).transpose()
    }

    /// What a live message counts as. Nothing is read for it.
    pub fn size_of(&self, sequence: u64) -> Option<u64> {
        Messages(&self.segments).get(sequence).map(|entry| self.size(entry.extent))
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

    /// A record that is not known to lie in its file yet.
    pub(super) fn bytes_in_memory(&self, segment: &Segment, offset: u32) -> Option<&[u8]> {
        self.pending.bytes_at(&segment.file, offset).or_else(|| {
            let chunks = self.in_flight.as_ref()?;
            chunks.iter().find_map(|chunk| chunk.bytes_at(&segment.file, offset))
        })
    }
}
