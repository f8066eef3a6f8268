//! Which segments are worth writing anew.

use std::ops::Range;

use crate::entries::Entries;
use crate::segment::RECORDS_START;

/// A closed segment, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its base.
    pub base: u64,
    /// The base of the segment behind it.
    pub until: u64,
    /// Bytes of its records, from the first message on.
    pub bytes: u32,
    /// Bytes of the records of its live messages.
    pub live_bytes: u64,
    /// Bytes of the facts that its last rewriting kept, if there still are older files that they may be about.
    pub facts: u32,
    /// Whether it is compressed.
    pub compressed: bool,
    /// Whether it may be touched: it is not unfit, and a checkpoint covers it, so that what its dead messages meant to the
    /// owner of the log is in the notes.
    pub ready: bool,
}

/// How a log wants its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Segments are closed at about this size.
    pub segment_bytes: u32,
    /// Whether closed ones are compressed.
    pub compress: bool,
}

/// The closed segments to write into one new file, as places in `closed`, which are by base; nothing if it is not worth
/// it. The oldest one of which at least half is dead, with small neighbours; else a row of small ones; else the oldest one
/// that is not compressed and should be.
pub fn choose(closed: &[Candidate], policy: Policy) -> Option<Range<usize>> {
    let wasteful = (0..closed.len()).find(|&place| closed[place].is_wasteful());
    if let Some(place) = wasteful {
        return Some(around(closed, place, policy));
    }
    if let Some(row) = row_of_small(closed, policy) {
        return Some(row);
    }
    let plain = closed.iter().position(|it| it.may_be_written() && !it.compressed).filter(|_| policy.compress)?;
    Some(plain..plain + 1)
}

impl Candidate {
    /// Of a segment with these entries and records up to `end`, nothing else known of it.
    pub fn new(entries: &Entries, until: u64, end: u32) -> Self {
        // In front of the first message there may be the description.
        let start = entries.iter().next().map_or(RECORDS_START, |entry| entry.extent.offset);
        Self {
            base: entries.base(),
            until,
            bytes: end.saturating_sub(start),
            live_bytes: entries.live_bytes(),
            facts: 0,
            compressed: false,
            ready: true,
        }
    }

    fn may_be_written(&self) -> bool {
        self.ready && self.base < self.until
    }

    /// What would be left of it.
    fn rest(&self) -> u64 {
        self.live_bytes + u64::from(self.facts)
    }

    /// Whether at least half of it would go.
    fn is_wasteful(&self) -> bool {
        let bytes = u64::from(self.bytes);
        self.may_be_written() && bytes > 0 && self.rest() * 2 <= bytes
    }

    /// Whether it is worth moving only to have a file less.
    fn is_small(&self, policy: Policy, divisor: u64) -> bool {
        self.may_be_written() && self.rest() <= u64::from(policy.segment_bytes) / divisor
    }
}

/// `place` and those next to it that are small, as many as go in one segment.
fn around(closed: &[Candidate], place: usize, policy: Policy) -> Range<usize> {
    let mut row = place..place + 1;
    let mut bytes = closed[place].rest();
    let fits = |it: &Candidate, bytes: u64| it.is_small(policy, 4) && bytes + it.rest() <= policy.segment_bytes.into();
    while row.len() < MAX_SOURCES {
        let (before, behind) = (row.start.checked_sub(1), row.end);
        if let Some(it) =
            closed.get(behind).filter(|it| fits(it, bytes) && it.until - closed[row.start].base < MAX_SPAN)
        {
            (row.end, bytes) = (behind + 1, bytes + it.rest());
        } else if let Some(before) = before.filter(|&before| {
            fits(&closed[before], bytes) && closed[row.end - 1].until - closed[before].base < MAX_SPAN
        }) {
            (row.start, bytes) = (before, bytes + closed[before].rest());
        } else {
            break;
        }
    }
    row
}

/// Small ones next to each other, enough of them to be worth it.
fn row_of_small(closed: &[Candidate], policy: Policy) -> Option<Range<usize>> {
    let first_small = |from: usize| (from..closed.len()).find(|&place| closed[place].is_small(policy, 16));
    let mut from = 0;
    while let Some(place) = first_small(from) {
        let row = around(closed, place, policy);
        if row.len() >= MIN_ROW {
            return Some(row);
        }
        from = row.end;
    }
    None
}

/// Segments that are merged only to have fewer.
const MIN_ROW: usize = 4;
/// Files that are open at a time for one rewriting.
const MAX_SOURCES: usize = 32;
/// Sequences that one segment can span.
const MAX_SPAN: u64 = u32::MAX as u64;

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { segment_bytes: 1 << 20, compress: false };

    /// Segments of (bytes, live bytes).
    fn closed(sizes: &[(u32, u64)]) -> Vec<Candidate> {
        let candidate = |(base, &(bytes, live_bytes)): (u64, &(u32, u64))| Candidate {
            base: base * 100 + 1,
            until: base * 100 + 101,
            bytes,
            live_bytes,
            facts: 0,
            compressed: false,
            ready: true,
        };
        (0..).zip(sizes).map(candidate).collect()
    }

    #[test]
    fn the_oldest_wasteful_one_is_chosen() {
        let full = (1 << 20, 900_000);
        assert_eq!(choose(&closed(&[full, full]), POLICY), None);
        assert_eq!(choose(&closed(&[full, (1 << 20, 500_000), (1 << 20, 0)]), POLICY), Some(1..3));
        assert_eq!(choose(&closed(&[full, (1 << 20, 500_000), full]), POLICY), Some(1..2));
    }

    #[test]
    fn small_neighbours_come_along() {
        let (full, small) = ((1 << 20, 900_000), (30_000, 30_000));
        assert_eq!(choose(&closed(&[full, small, (1 << 20, 0), small, full]), POLICY), Some(1..4));
        assert_eq!(choose(&closed(&[full, small, small, full]), POLICY), None);
        assert_eq!(choose(&closed(&[full, small, small, small, small, full]), POLICY), Some(1..5));
        assert_eq!(choose(&closed(&[small; 100]), POLICY), Some(0..MAX_SOURCES));
    }

    #[test]
    fn facts_are_no_waste_while_they_matter() {
        let mut segments = closed(&[(1 << 20, 900_000), (1 << 20, 0)]);
        segments[1].facts = 1 << 20;
        assert_eq!(choose(&segments, POLICY), None);
        segments[1].facts = 0;
        assert_eq!(choose(&segments, POLICY), Some(1..2));
    }

    #[test]
    fn plain_ones_are_compressed_if_that_is_asked_for() {
        let mut segments = closed(&[(1 << 20, 900_000); 3]);
        segments[0].compressed = true;
        assert_eq!(choose(&segments, POLICY), None);
        assert_eq!(choose(&segments, Policy { compress: true, ..POLICY }), Some(1..2));
        segments[1].ready = false;
        assert_eq!(choose(&segments, Policy { compress: true, ..POLICY }), Some(2..3));
    }
}
