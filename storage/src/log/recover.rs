//! Recovery: from the files of a log to the log.
//!
//! All segments are walked through in order, each from where the checkpoint knows it, or from its beginning. Damage costs
//! the records it hit: the walk goes on at the next header that is intact, and sequences that are missing count as lost.
//! Only at the very end, behind what is known to be durable, a bad record is one that was never finished: it and all
//! behind it count as never written.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use super::commit::{Durable, MAX_RESERVE, MIN_RESERVE, Written};
use super::files::{Place, SegmentFile};
use super::found::{Found, Listing};
use super::pending::{Chunk, Pending};
use super::ranges::Ranges;
use super::removals::Removals;
use super::segments::{Messages, Segment};
use super::tail::{Tail, Unproven};
use super::undone::Undone;
use super::upkeep::Keeper;
use super::{Log, LogOptions, Replay};
use crate::checkpoint::{self, Checkpoint};
use crate::error::StorageError;
use crate::medium::Medium;
use crate::message::Timestamp;
use crate::record::{HEADER_BYTES, Header, Kind, MIN_MESSAGE_BYTES, Removal};
use crate::segment::{Marks, RECORDS_START, Scanned, Scanner, SegmentHeader, TailMark};
use crate::subject_index::{Choice, SubjectIndex};

/// A log in the making.
pub(super) struct Recovery<'a> {
    place: Arc<Place>,
    replay: &'a mut dyn Replay,
    checkpoint: Option<Checkpoint>,
    keeper: Keeper,
    /// What the checkpoint knows is at most this; 0 without one.
    known_to: u64,
    subjects: SubjectIndex,
    segments: VecDeque<Segment>,
    /// The sequence that the next message must have.
    expected: u64,
    last_time: Timestamp,
    floor: u64,
    /// Sequences without a message that should have one.
    lost: Ranges,
    /// Sequences that the records behind the checkpoint remove.
    removed: Ranges,
    /// Sequences in front of the first file: live, or let go of.
    missing_in_front: Ranges,
    /// Lost messages whose sequences are not known.
    lost_messages: u64,
    lost_bytes: u64,
    /// Removals that lie in no more than one record, perhaps in none.
    again: Removals,
    /// What the newest mark tells of these.
    again_body: Box<[u8]>,
    /// What is on the disk and never happened.
    undone: Undone,
}

/// How the walk through one segment ended.
struct Walked {
    /// Where the last record ends.
    end: u32,
    /// Bytes behind that which are no zeros.
    rest: u32,
    /// The first record boundary that is not before the durable part's end.
    boundary: Option<Tail>,
}

/// Which part of a file a walk goes through, and what to make of damage.
#[derive(Clone, Copy)]
struct Span {
    from: u32,
    limit: u32,
    /// A record from here on may be one that was never finished.
    solid_to: u64,
    /// Messages above it belong to no one.
    last: u64,
    synced_end: u64,
}

impl<'a> Recovery<'a> {
    pub(super) fn run(
        place: Arc<Place>,
        options: LogOptions,
        undone: Undone,
        replay: &'a mut dyn Replay,
    ) -> Result<Log, StorageError> {
        let listing = Listing::new(&*place.medium, &place.dir, &undone)?;
        let mut recovery = Self::new(place, undone, replay);
        // Most streams have one segment, and room for four would be the largest part of what an idle one takes.
        recovery.segments.reserve_exact(listing.segments.len());
        let mut walked = None;
        for (number, found) in listing.segments.iter().enumerate() {
            let next = listing.segments[number + 1..].iter().find_map(|found| found.header.as_ref());
            walked = recovery.segment(found, next)?;
        }
        let last = listing.segments.last();
        recovery.removals_again(last);
        recovery.count_out();
        let log = recovery.finish(last, walked, options, &listing);
        Ok(log)
    }

    fn new(place: Arc<Place>, undone: Undone, replay: &'a mut dyn Replay) -> Self {
        let mut checkpoint = checkpoint::load(&*place.medium, &place.dir);
        let summary = checkpoint.as_ref().map(|it| it.summary).unwrap_or_default();
        let subjects = checkpoint.as_mut().map(|it| std::mem::take(&mut it.subjects)).unwrap_or_default();
        if let Some(checkpoint) = &checkpoint {
            replay.notes(&checkpoint.notes);
        }
        Self {
            place,
            replay,
            keeper: checkpoint.as_ref().map(Keeper::recovered).unwrap_or_default(),
            checkpoint,
            known_to: summary.last_sequence,
            subjects,
            segments: VecDeque::new(),
            expected: 0,
            last_time: summary.last_time,
            floor: summary.floor,
            lost: Ranges::default(),
            removed: Ranges::default(),
            missing_in_front: Ranges::default(),
            lost_messages: summary.lost_messages,
            lost_bytes: summary.lost_bytes,
            again: Removals::default(),
            again_body: Box::default(),
            undone,
        }
    }

    /// Takes in one segment; `next` is the header of the one behind it.
    fn segment(&mut self, found: &Found, next: Option<&SegmentHeader>) -> Result<Option<Walked>, StorageError> {
        let Some(header) = &found.header else {
            // The file stays where it is: somebody may know more than we do.
            self.lost_bytes += found.len.saturating_sub(RECORDS_START.into());
            if self.expected == 0 {
                self.expected = found.name.base;
            }
            return Ok(None);
        };
        if self.expected > 0 && header.previous_last != u64::MAX {
            self.lost.insert(self.expected, header.previous_last.saturating_add(1));
        }
        self.expected = header.base;
        self.last_time = self.last_time.max(header.previous_time);
        let file = found.open(&self.place, header);
        let mut segment = Segment::new(Arc::clone(&file), header.clone());
        let image = self.checkpoint.as_mut().and_then(|checkpoint| checkpoint.take(found.name, header.salt));
        let mut from = RECORDS_START;
        if let Some(image) = image {
            (segment.entries, from) = (image.entries, image.end);
            self.expected = segment.entries.end();
        }
        self.segments.push_back(segment);
        let limit = next.map_or(0, |next| next.previous_end);
        let is_plain = !header.compacted && !header.compressed;
        let mark = found.marks.newest().filter(|_| next.is_none());
        let same_boot = mark.is_some_and(|mark| mark.boot_id == self.place.medium.boot_id());
        let span = Span {
            from,
            limit: if limit > 0 && is_plain { limit } else { u32::MAX }.min(self.undone.end_of(found.name)),
            solid_to: mark.map_or(u64::MAX, |mark| if same_boot { mark.end } else { mark.synced_end }),
            last: next.map_or(u64::MAX, |next| next.previous_last),
            synced_end: mark.map_or(0, |mark| mark.synced_end),
        };
        let walked = self.walk(&file, header, span)?;
        self.expected = self.expected.max(header.covers_to.saturating_add(u64::from(header.compacted)));
        if let Some(segment) = self.segments.back_mut() {
            segment.end = walked.end;
            segment.entries.skip_to(self.expected);
            if next.is_some() {
                segment.entries.seal();
            }
        }
        Ok(Some(walked))
    }

    fn walk(&mut self, file: &Arc<SegmentFile>, segment: &SegmentHeader, span: Span) -> Result<Walked, StorageError> {
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

    fn removal(&mut self, body: &[u8]) {
        let Some(removal) = Removal::decode(body) else { return };
        self.floor = self.floor.max(removal.floor);
        for (start, len) in removal.ranges {
            self.remove(start, start.saturating_add(len));
        }
    }

    /// What the marks repeat of removals: those of a commit count if its messages are there, or had to be.
    fn removals_again(&mut self, last: Option<&Found>) {
        let Some(last) = last else { return };
        let (boot_id, expected) = (self.place.medium.boot_id(), self.expected);
        let counts = |mark: &TailMark| mark.boot_id == boot_id || mark.last_sequence < expected;
        for body in last.marks.removals(counts) {
            self.again_body = body.into();
            self.removal(body);
            self.again.add(&Removal::decode(body).map(Removals::from).unwrap_or_default());
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

    fn take_out(&mut self, start: u64, end: u64) {
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

    /// Counts out the messages that the checkpoint knows and no file has any more.
    fn count_out(&mut self) {
        let Some(checkpoint) = self.checkpoint.take() else { return };
        // Up to where the checkpoint reaches it tells what was there, and what was lost before is counted in it.
        self.lost.remove(0, self.known_to.saturating_add(1));
        let has_file = |base: u64| {
            let behind = self.segments.partition_point(|segment| segment.base() <= base);
            let header = behind.checked_sub(1).map(|place| &self.segments[place].header);
            header.is_some_and(|header| header.base == base || header.compacted && header.covers_to >= base)
        };
        for (sequence, id) in checkpoint.unclaimed() {
            self.subjects.remove(id, sequence);
            // Where there is a file, a compaction left the message out, because it was removed.
            let in_gap = checkpoint.segments.iter().rfind(|it| it.name.base <= sequence);
            if in_gap.is_some_and(|it| !has_file(it.name.base)) {
                self.lost.insert(sequence, sequence + 1);
            }
        }
        for (start, len) in self.removed.iter() {
            self.lost.remove(start, start + len);
            self.missing_in_front.remove(start, start + len);
        }
    }

    /// Judges the end of the last segment, and makes the log.
    fn finish(mut self, last: Option<&Found>, walked: Option<Walked>, options: LogOptions, listing: &Listing) -> Log {
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
        if let Some(mark) = mark.filter(|mark| mark.last_sequence <= physical) {
            if self.known_to == 0 {
                self.missing_in_front.insert(mark.floor, first_base);
            }
            if end.same_boot {
                // No file in front of the first one was let go of that held what this says is live.
                self.missing_in_front.iter().for_each(|(start, len)| self.lost.insert(start, start + len));
            }
            self.floor = self.floor.max(mark.floor);
        }
        self.floor = self.floor.max(mark.map_or(0, |mark| mark.synced_floor));
        let floor = self.floor;
        self.take_out(0, floor);
        self.lost.remove(0, floor);
        let synced = end.walked.as_ref().and_then(|walked| walked.boundary).filter(|_| end.same_boot);
        let is_proven = !is_cut && last_sequence == physical && self.is_proven(&end);
        let unproven = self.segments.back().filter(|_| !is_proven).map(|segment| {
            let is_plain = !segment.header.compacted && !segment.header.compressed;
            let mut unproven = Unproven::new(physical, segment.base(), segment.end, synced);
            // What is compacted is as good as it gets; and what lies in front of a lost segment stays there.
            unproven.tail = unproven.tail.filter(|_| is_plain && last.is_some_and(|it| it.name == segment.file.name));
            unproven
        });
        self.into_log(options, listing, &marks, last_sequence, unproven)
    }

    /// Whether the last segment is known to be durable as it is, and nothing else lies in it.
    fn is_proven(&self, end: &End) -> bool {
        let (Some(mark), Some(walked), Some(segment)) = (&end.mark, &end.walked, self.segments.back()) else {
            return false;
        };
        let synced = mark.synced_end == u64::from(walked.end) || !self.place.persistent;
        let is_plain = !segment.header.compacted && !segment.header.compressed;
        synced
            && self.undone.is_done()
            && is_plain
            && mark.end == u64::from(walked.end)
            && mark.last_sequence + 1 == self.expected
            && walked.rest == 0
    }

    fn into_log(
        self,
        options: LogOptions,
        listing: &Listing,
        marks: &Marks,
        last_sequence: u64,
        unproven: Option<Unproven>,
    ) -> Log {
        let mark = marks.newest();
        let mut log = Log::new(self.place, options, last_sequence, listing.next_generation);
        log.last_time = self.last_time;
        log.lost_messages = self.lost_messages + self.lost.count();
        log.lost_bytes = self.lost_bytes;
        log.keeper = self.keeper;
        log.subjects = self.subjects;
        log.durable = durable_of(marks, &log, unproven.is_some());
        if mark.is_some_and(|mark| mark.boot_id != log.durable.boot_id) || unproven.is_none() {
            // What came up after a power cut is on the disk.
            log.durable.synced_floor = self.floor;
        }
        // A process that died right behind a rename did not come to sync it.
        let is_fresh =
            |mark: TailMark| mark.boot_id == log.durable.boot_id && (mark.is_unnamed || !listing.superseded.is_empty());
        log.durable.names_dirty = log.place.persistent && mark.is_none_or(is_fresh);
        log.durable.dirty |= log.durable.names_dirty;
        for found in &listing.superseded {
            let salt = found.header.as_ref().map_or(crate::record::Salt(0), |header| header.salt);
            let len = found.len;
            log.doomed.push(SegmentFile::opened(
                Arc::clone(&log.place),
                found.name,
                salt,
                Arc::clone(&found.file),
                len,
            ));
        }
        if let Some(active) = self.segments.back() {
            let chunk = Chunk::new(Arc::clone(&active.file), active.end, None);
            log.pending = Pending { closed: Vec::new(), active: chunk };
            log.segments = self.segments;
            // What was read is there.
            (log.position, log.taken, log.committed) = Default::default();
        }
        log.unproven = unproven;
        log.undone = self.undone;
        log.removals = self.again;
        log.durable.written.removals = self.again_body;
        log.tally();
        if log.lost_messages > 0 || log.lost_bytes > 0 {
            tracing::warn!(
                dir = %log.place.dir.display(),
                messages = log.lost_messages,
                bytes = log.lost_bytes,
                "damage in a stream's files took messages"
            );
        }
        log
    }
}

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

/// The description that the newest intact segment in `dir` carries.
pub(super) fn read_description(medium: &dyn Medium, dir: &Path) -> Option<Vec<u8>> {
    let listing = Listing::new(medium, dir, &Undone::default()).ok()?;
    listing.segments.into_iter().rev().find_map(|found| {
        let header = found.header.as_ref()?;
        found.description.clone().or_else(|| {
            let mut scanner = Scanner::new(&*found.file, header.salt, RECORDS_START, u32::MAX).ok()?;
            match scanner.next().ok()? {
                Scanned::Record { header, bytes, .. } if header.kind == Kind::Description => {
                    Some(bytes[HEADER_BYTES..].to_vec())
                }
                _ => None,
            }
        })
    })
}

fn durable_of(marks: &Marks, log: &Log, is_unproven: bool) -> Durable {
    let mut durable = Durable { reserve: MIN_RESERVE, boot_id: log.place.medium.boot_id(), ..Durable::default() };
    durable.slot = marks.free_slot(durable.boot_id);
    if let Some(mark) = marks.newest() {
        durable.commits = mark.commit;
        durable.written = Written { last_sequence: mark.last_sequence, floor: mark.floor, removals: Box::default() };
        (durable.synced_sequence, durable.synced_end) = (mark.synced_sequence, mark.synced_end);
        durable.synced_floor = mark.synced_floor;
    }
    durable.dirty = is_unproven && log.place.persistent;
    durable
}

/// More sequences than this never lie in one segment, nor are they skipped in one.
const MAX_SEQUENCES_PER_SEGMENT: u64 =
    super::MAX_SEGMENT_BYTES as u64 / MIN_MESSAGE_BYTES as u64 + MAX_RESERVE + (1 << 16);
