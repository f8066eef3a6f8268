//! Walking through one segment, from one record to the next, over whatever damage there is.

use std::sync::Arc;

use super::Recovery;
use crate::error::StorageError;
use crate::log::files::SegmentFile;
use crate::log::segments::Messages;
use crate::log::tail::Tail;
use crate::record::{HEADER_BYTES, Header, Kind, Removal};
use crate::segment::{Scanned, Scanner, SegmentHeader};
use crate::subject_index::Choice;

/// How the walk through one segment ended.
pub(super) struct Walked {
    /// Where the last record ends.
    pub(super) end: u32,
    /// Bytes behind that which are no zeros.
    pub(super) rest: u32,
    /// The first record boundary that is not before the durable part's end.
    pub(super) boundary: Option<Tail>,
}

/// Which part of a file a walk goes through, and what to make of damage.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) from: u32,
    pub(super) limit: u32,
    /// A record from here on may be one that was never finished.
    pub(super) solid_to: u64,
    /// Messages above it belong to no one.
    pub(super) last: u64,
    pub(super) synced_end: u64,
}

impl Recovery<'_> {
    pub(super) fn walk(
        &mut self,
        file: &Arc<SegmentFile>,
        segment: &SegmentHeader,
        span: Span,
    ) -> Result<Walked, StorageError> {
        let failed = |error| file.error("read", error);
        let mut scanner = Scanner::new(&**file.file()?, segment.salt, span.from, span.limit).map_err(failed)?;
        let mut boundary = None;
        loop {
            let at = scanner.offset();
            if boundary.is_none() && u64::from(at) >= span.synced_end {
                boundary = Some(Tail { from: at, next: self.expected });
            }
            match scanner.next().map_err(failed)? {
                Scanned::Record { offset, header, bytes } => self.record(segment, offset, &header, bytes, span.last),
                Scanned::BadBody { offset, .. } | Scanned::Unknown { offset, .. }
                    if u64::from(offset) >= span.solid_to =>
                {
                    // Nothing behind it counts, but its bytes tell how many sequences may have been given out.
                    let rest = u32::try_from(file.allocated()).unwrap_or(u32::MAX).saturating_sub(offset);
                    return Ok(Walked { end: offset, rest, boundary });
                }
                Scanned::BadBody { header, .. } => {
                    self.lost_bytes += header.record_len() as u64;
                    let next = segment.base.saturating_add(header.relative.into()).saturating_add(1);
                    if header.kind == Kind::Message && next > self.expected {
                        self.lose(segment.compacted, next - 1, next);
                    }
                }
                Scanned::Unknown { len, .. } => {
                    self.lost_bytes += u64::from(len);
                    self.lost_messages += u64::from(segment.compacted);
                }
                Scanned::End { offset, rest } => {
                    if u64::from(offset) < span.solid_to {
                        self.lost_bytes += u64::from(rest);
                    }
                    return Ok(Walked { end: offset, rest, boundary });
                }
            }
        }
    }

    /// The message `sequence` is lost, and what is missing before it.
    fn lose(&mut self, compacted: bool, sequence: u64, next: u64) {
        self.lost.insert(if compacted { sequence } else { self.expected }, next);
        self.expected = next;
    }

    fn record(&mut self, segment: &SegmentHeader, offset: u32, header: &Header, bytes: &[u8], last: u64) {
        let Some(sequence) = segment.base.checked_add(header.relative.into()) else { return };
        match header.kind {
            Kind::Message if sequence >= self.expected && sequence <= last && sequence < u64::MAX => {
                if !segment.compacted {
                    self.lost.insert(self.expected, sequence);
                }
                self.expected = sequence + 1;
                self.last_time = self.last_time.max(header.time);
                self.message(sequence, offset, header, &bytes[HEADER_BYTES..]);
            }
            Kind::Skip if sequence > self.expected && sequence <= last.saturating_add(1) => self.expected = sequence,
            Kind::Removal => self.removal(&bytes[HEADER_BYTES..]),
            Kind::Message | Kind::Skip | Kind::Description | Kind::Filler => {}
        }
    }

    fn message(&mut self, sequence: u64, offset: u32, header: &Header, body: &[u8]) {
        let Some(message) = header.message(body) else { return };
        let extent = header.extent(offset);
        let id = match (&mut self.checkpoint, sequence <= self.known_to) {
            // A compaction moved it here; whether it was live, the checkpoint tells.
            (Some(checkpoint), true) => checkpoint.claim(sequence),
            _ if header.dead => None,
            _ => self.subjects.append(message.subject, sequence),
        };
        if let Some(entries) = self.segments.back_mut().map(|segment| &mut segment.entries) {
            match id {
                Some(id) => entries.push(sequence, extent, id),
                None => entries.push_deleted(sequence, extent),
            };
        }
        if sequence > self.known_to {
            if let Some(victim) = sequence.checked_sub(message.evicts.into()).filter(|_| message.evicts > 0) {
                self.remove(victim, victim + 1);
            }
            if message.marked {
                self.segments.back_mut().expect("there is the one that is walked through").marked = true;
                self.replay.message(sequence, message.time, message.subject, message.headers);
            }
        }
    }

    pub(super) fn removal(&mut self, body: &[u8]) {
        let Some(removal) = Removal::decode(body) else { return };
        self.floor = self.floor.max(removal.floor);
        for (start, len) in removal.ranges {
            self.remove(start, start.saturating_add(len));
        }
    }

    /// Removes the messages `start..end`.
    fn remove(&mut self, start: u64, end: u64) {
        self.lost.remove(start, end);
        if start <= self.known_to {
            self.removed.insert(start, end.min(self.known_to.saturating_add(1)));
        }
        self.take_out(start, end);
    }

    pub(super) fn take_out(&mut self, start: u64, end: u64) {
        let mut from = start;
        while let Some((_, entry)) = Messages(&self.segments).next(from, &mut Choice::Any) {
            if entry.sequence >= end {
                return;
            }
            let behind = self.segments.partition_point(|segment| segment.base() <= entry.sequence);
            self.segments[behind - 1].entries.remove(entry.sequence);
            if let Some(id) = entry.subject {
                self.subjects.remove(id, entry.sequence);
            }
            from = entry.sequence + 1;
        }
    }
}
