//! The end of a log after a crash: what is there may be read, but it is not known to be durable, and a sync that failed
//! once must never be taken for proof later. So such a segment is not appended to again: before the first change the
//! records that are in doubt are written anew, into the next segment, whose header says where this one ends.

use super::Log;
use super::append::relative;
use super::pending::Chunk;
use super::segments::Segment;
use crate::entries::{Entries, Status};
use crate::error::StorageError;
use crate::record::{self, HEADER_BYTES, Kind};
use crate::segment::{RECORDS_START, Scanned, Scanner, SegmentHeader};

/// A last segment whose end is not known to be durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unproven {
    /// The last sequence that lies in it.
    pub(super) last: u64,
    /// The records to write anew. None if all that is there was read from the disk: it survived the end of the operating
    /// system's last run.
    pub(super) tail: Option<Tail>,
}

/// The records in doubt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    /// Where they begin.
    pub(super) from: u32,
    /// The sequence of the first message from there on.
    pub(super) next: u64,
}

impl Unproven {
    /// Decides what to do about a segment that ends at `end` and is durable up to `synced`.
    pub(super) fn new(last: u64, base: u64, end: u32, synced: Option<Tail>) -> Self {
        let whole = Tail { from: RECORDS_START, next: base };
        let tail = match synced {
            // Small segments shall not pile up, and one without messages would have the same base as the next.
            _ if end - RECORDS_START <= MAX_WHOLE_BYTES || base > last => Some(whole),
            Some(tail) if tail.next == base => Some(whole),
            // However much it is: a sync of this file may have failed, and says nothing since.
            tail => tail,
        };
        Self { last, tail }
    }
}

impl Log {
    /// Turns away from the last segment; the next one begins.
    ///
    /// # Errors
    /// What the disk says; then nothing has changed.
    pub(super) fn leave(&mut self, unproven: &Unproven) -> Result<(), StorageError> {
        let left = if let Some(tail) = unproven.tail {
            self.move_tail(tail, unproven.last)
        } else {
            self.close_segment(unproven.last);
            Ok(())
        };
        if left.is_err() {
            self.unproven = Some(*unproven);
        }
        left
    }

    /// Leaves everything where it is, and goes on in a new segment.
    fn close_segment(&mut self, last: u64) {
        let mut header = self.next_header(self.last_sequence.saturating_add(1));
        header.previous_last = last;
        let old = self.active();
        if old.is_plain() {
            header.previous_end = old.end;
        }
        self.go_on_in(header, last);
    }

    /// Begins the next segment. The one before it is closed, unless it was rewritten: then it is complete as it is, and
    /// nothing may be written to it, not even a mark.
    pub(super) fn go_on_in(&mut self, header: SegmentHeader, last: u64) {
        let is_plain = self.active().is_plain();
        let chunk = self.begin(header);
        if is_plain {
            self.pending.roll(last, self.first_sequence, chunk);
        } else {
            self.pending.active = chunk;
        }
    }

    /// Writes the records in doubt into a new segment.
    fn move_tail(&mut self, tail: Tail, last: u64) -> Result<(), StorageError> {
        let old = self.active();
        let is_whole = tail.from == RECORDS_START;
        let mut header = SegmentHeader::new(super::random_salt(), tail.next);
        header.previous_time = old.header.previous_time;
        if is_whole {
            header.previous_last = old.header.previous_last;
        } else {
            header.previous_end = tail.from;
        }
        let Some(old) = self.segments.pop_back() else { return Ok(()) };
        let mut chunk = self.begin(header);
        let Some(mut new) = self.segments.pop_back() else { return Ok(()) };
        if let Err(error) = copy_records(&old, tail.from, &mut new, &mut chunk) {
            self.segments.push_back(old);
            return Err(error);
        }
        new.marked = old.marked;
        self.skip_in(&mut new, &mut chunk, last);
        self.pending.active = chunk;
        if is_whole {
            self.doomed.push(old.file);
        } else {
            self.segments.push_back(without(old, tail));
        }
        self.segments.push_back(new);
        self.moved_single();
        Ok(())
    }

    /// Says in the new segment which sequences are left out on purpose.
    fn skip_in(&self, new: &mut Segment, chunk: &mut Chunk, last: u64) {
        if self.last_sequence == last {
            return;
        }
        let relative = relative(self.last_sequence + 1, new.base());
        let place = (chunk.file.salt, new.end);
        let written = record::encode_control(Kind::Skip, relative, self.last_time, &[], place, &mut chunk.bytes);
        debug_assert!(written.is_ok(), "a record without a body fits");
        new.end += u32::try_from(HEADER_BYTES).unwrap_or(0);
        new.entries.skip_to(self.last_sequence + 1);
    }
}

/// Copies the records of `old` from `from` on.
fn copy_records(old: &Segment, from: u32, new: &mut Segment, chunk: &mut Chunk) -> Result<(), StorageError> {
    let failed = |error| old.file.error("read", error);
    let mut scanner = Scanner::new(&**old.file.file()?, old.file.salt, from, old.end).map_err(failed)?;
    loop {
        let (header, bytes, extent) = match scanner.next().map_err(failed)? {
            Scanned::Record { offset, header, bytes } => (header, bytes, header.extent(offset)),
            Scanned::End { .. } => return Ok(()),
            Scanned::BadBody { .. } | Scanned::Unknown { .. } => continue,
        };
        let sequence = old.base() + u64::from(header.relative);
        let status = old.entries.status(sequence);
        let is_wanted = match (header.kind, status) {
            (Kind::Message, Status::Live(entry) | Status::Deleted(entry)) => entry.extent == extent,
            (Kind::Message, Status::Absent) | (Kind::Description | Kind::Filler, _) => false,
            (Kind::Removal | Kind::Skip, _) => true,
        };
        let Some(moved) = sequence.checked_sub(new.base()).and_then(|it| u32::try_from(it).ok()) else { continue };
        if !is_wanted {
            continue;
        }
        let moved_extent = header.extent(new.end);
        record::encode_moved(bytes, moved, (chunk.file.salt, new.end), &mut chunk.bytes);
        new.end += extent.len();
        match status {
            Status::Live(entry) if header.kind == Kind::Message => {
                new.entries.push(sequence, moved_extent, entry.subject.expect("it is live"));
            }
            _ if header.kind == Kind::Message => _ = new.entries.push_deleted(sequence, moved_extent),
            _ => {}
        }
    }
}

/// A segment without its tail.
fn without(mut old: Segment, tail: Tail) -> Segment {
    let mut entries = Entries::new(old.base());
    for entry in old.entries.iter().filter(|entry| entry.sequence < tail.next) {
        match entry.subject {
            Some(id) => entries.push(entry.sequence, entry.extent, id),
            None => entries.push_deleted(entry.sequence, entry.extent),
        };
    }
    entries.skip_to(tail.next);
    entries.seal();
    (old.entries, old.end) = (entries, tail.from);
    old
}

/// A segment with no more records than this is written anew as a whole.
const MAX_WHOLE_BYTES: u32 = 256 * 1024;
