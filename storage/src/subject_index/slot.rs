//! What is kept per subject, packed: alignment of eight would cost four bytes each.

use super::names::Name;
use super::{SubjectBounds, SubjectId, SubjectState};

/// One id: in use by a subject, or one of the list of free ones.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    /// The sequences as pairs of halves.
    first: [u32; 2],
    last: [u32; 2],
    count_low: u32,
    /// Two flags above the high part of the count.
    count_high: u16,
    /// Length of the name; zero if the slot is free.
    name_len: u16,
    /// Where the name lies; the next free slot if this one is free.
    name_offset: u32,
}

impl Slot {
    /// A subject without messages yet.
    pub(super) fn new(name: Name) -> Self {
        Self { name_len: name.len, name_offset: name.offset, ..Self::unused(None) }
    }

    /// A free one, before another free one.
    pub(super) fn unused(next: Option<u32>) -> Self {
        let name_offset = next.unwrap_or(NO_NEXT);
        Self { first: [0; 2], last: [0; 2], count_low: 0, count_high: 0, name_len: 0, name_offset }
    }

    pub(super) fn is_used(&self) -> bool {
        self.name_len > 0
    }

    pub(super) fn next_free(&self) -> Option<u32> {
        Some(self.name_offset).filter(|&next| next != NO_NEXT)
    }

    pub(super) fn name(&self) -> Name {
        Name { offset: self.name_offset, len: self.name_len }
    }

    pub(super) fn move_name(&mut self, offset: u32) {
        self.name_offset = offset;
    }

    pub(super) fn count(&self) -> u64 {
        u64::from(self.count_low) | u64::from(self.count_high & !FLAGS) << 32
    }

    pub(super) fn state(&self) -> SubjectState {
        SubjectState { count: self.count(), first: join(self.first), last: join(self.last) }
    }

    pub(super) fn first_is_stale(&self) -> bool {
        self.count_high & FIRST_STALE != 0
    }

    pub(super) fn last_is_stale(&self) -> bool {
        self.count_high & LAST_STALE != 0
    }

    pub(super) fn bounds(&self, id: SubjectId) -> SubjectBounds {
        let (first_is_stale, last_is_stale) = (self.first_is_stale(), self.last_is_stale());
        SubjectBounds { id, state: self.state(), first_is_stale, last_is_stale }
    }

    pub(super) fn append(&mut self, sequence: u64) {
        let count = self.count();
        if count == 0 {
            self.set_first(sequence, false);
        }
        self.set_count(count + 1);
        self.set_last(sequence, false);
    }

    pub(super) fn remove(&mut self, sequence: u64) {
        let state = self.state();
        self.set_count(state.count.saturating_sub(1));
        if sequence == state.first && !self.first_is_stale() {
            self.set_first(sequence + 1, true);
        }
        if sequence == state.last && !self.last_is_stale() {
            self.set_last(sequence.saturating_sub(1), true);
        }
        self.meet();
    }

    /// Takes the exact value.
    pub(super) fn settle_first(&mut self, first: u64) {
        self.set_first(first, false);
    }

    /// Takes the exact value.
    pub(super) fn settle_last(&mut self, last: u64) {
        self.set_last(last, false);
    }

    /// Takes the count and bounds as they were written down.
    pub(super) fn restore(&mut self, state: SubjectState, first_stale: bool, last_stale: bool) {
        self.set_count(state.count);
        self.set_first(state.first, first_stale);
        self.set_last(state.last, last_stale);
    }

    /// The only message is both the first and the last one, so knowing one is knowing both.
    fn meet(&mut self) {
        if self.count() == 1 {
            match (self.first_is_stale(), self.last_is_stale()) {
                (true, false) => self.set_first(join(self.last), false),
                (false, true) => self.set_last(join(self.first), false),
                _ => {}
            }
        }
    }

    fn set_count(&mut self, count: u64) {
        // 2⁴⁶ messages do not fit in any memory, whatever keeps their entries.
        let [low, high] = split(count.min(MAX_COUNT));
        self.count_low = low;
        self.count_high = (self.count_high & FLAGS) | u16::try_from(high).unwrap_or_default();
    }

    fn set_first(&mut self, sequence: u64, stale: bool) {
        self.first = split(sequence);
        self.set_flag(FIRST_STALE, stale);
    }

    fn set_last(&mut self, sequence: u64, stale: bool) {
        self.last = split(sequence);
        self.set_flag(LAST_STALE, stale);
    }

    fn set_flag(&mut self, flag: u16, on: bool) {
        self.count_high = if on { self.count_high | flag } else { self.count_high & !flag };
    }
}

fn join([low, high]: [u32; 2]) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

#[expect(clippy::cast_possible_truncation, reason = "each half takes its bits")]
fn split(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

const FIRST_STALE: u16 = 1 << 15;
const LAST_STALE: u16 = 1 << 14;
const FLAGS: u16 = FIRST_STALE | LAST_STALE;
const MAX_COUNT: u64 = (1 << 46) - 1;
const NO_NEXT: u32 = u32::MAX;
const _: () = assert!(size_of::<Slot>() == 28);
