//! What changed since it was last written down, as bytes: a delta. Runs of deliveries and of acknowledgements are one
//! change each. When there is too much of it, the whole state takes its place.
//!
//! ```text
//! delta     changes, one after the other
//! change    u8 kind, then varints; a sequence and a time as the difference, zigzag, to those of the change before
//!     1 delivered    sequence, count, time: so many messages in a row, for the first time
//!     2 redelivered  sequence, time
//!     3 done         sequence, count, time: so many in a row
//!     4 done up to   sequence, time
//!     5 waits        sequence, time: until then
//!     6 moved        delivered, consumer sequence, floor of the stream, of the consumer, next; time: all as they are now
//!     7 whole        a snapshot follows; nothing before it counts
//! ```

use embus_storage::message::Timestamp;
use embus_storage::varint::{self, Input};

use super::progress::{Floor, Progress};
use super::snapshot::MAX_SEQUENCE;

/// The changes of one consumer that are not written down.
#[derive(Debug, Default)]
pub(super) struct Changes {
    is_kept: bool,
    bytes: Vec<u8>,
    base: Base,
    run: Option<Run>,
    has_moved: bool,
    is_whole: bool,
}

/// What differences are taken to.
#[derive(Debug, Clone, Copy, Default)]
struct Base {
    sequence: u64,
    time: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    kind: u8,
    start: u64,
    count: u64,
    time: Timestamp,
}

impl Run {
    fn extends_to(&self, kind: u8, sequence: u64, time: Timestamp) -> bool {
        let is_next = self.start + self.count == sequence && self.count < MAX_RUN;
        is_next && self.kind == kind && self.time == time
    }
}

/// One change, read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change<'a> {
    Delivered { start: u64, count: u64, time: Timestamp },
    Redelivered { sequence: u64, time: Timestamp },
    Done { start: u64, count: u64, time: Timestamp },
    DoneUpTo { sequence: u64, time: Timestamp },
    Waits { sequence: u64, until: Timestamp },
    Moved { delivered: u64, consumer_sequence: u64, floor: Floor, next: u64, time: Timestamp },
    Whole(&'a [u8]),
}

impl Changes {
    /// Those of a consumer that was just made: everything is new.
    pub(super) fn new(is_kept: bool) -> Self {
        Self { is_kept, is_whole: true, ..Self::default() }
    }

    #[inline]
    pub(super) fn delivered(&mut self, sequence: u64, now: Timestamp) {
        self.extend(DELIVERED, sequence, now);
    }

    #[inline]
    pub(super) fn done(&mut self, sequence: u64, now: Timestamp) {
        self.extend(DONE, sequence, now);
    }

    pub(super) fn done_up_to(&mut self, sequence: u64, now: Timestamp) {
        self.put(DONE_UP_TO, sequence, now);
    }

    pub(super) fn redelivered(&mut self, sequence: u64, now: Timestamp) {
        self.put(REDELIVERED, sequence, now);
    }

    pub(super) fn waits(&mut self, sequence: u64, until: Timestamp) {
        self.put(WAITS, sequence, until);
    }

    /// Numbers changed, but nothing else.
    #[inline]
    pub(super) fn moved(&mut self) {
        self.has_moved = true;
    }

    /// Everything changed.
    pub(super) fn whole(&mut self) {
        self.is_whole = true;
        self.forget();
    }

    /// Whether there is something to write down.
    pub(super) fn is_empty(&self) -> bool {
        !self.is_kept || !(self.is_whole || self.has_moved || self.run.is_some() || !self.bytes.is_empty())
    }

    /// Everything was written down.
    pub(super) fn clear(&mut self) {
        self.is_whole = false;
        self.forget();
    }

    /// Appends them; `snapshot` appends the whole state.
    pub(super) fn take(
        &mut self,
        progress: &Progress,
        next: u64,
        snapshot: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        if self.is_whole {
            out.push(WHOLE);
            snapshot(out);
        } else {
            self.flush();
            out.extend_from_slice(&self.bytes);
            if self.has_moved {
                let Progress { delivered, consumer_sequence, floor, delivered_at, .. } = progress;
                out.push(MOVED);
                for number in [*delivered, *consumer_sequence, floor.stream, floor.consumer, next] {
                    varint::put(out, number);
                }
                varint::put(out, zigzag(*delivered_at));
            }
        }
        self.clear();
    }

    /// Forgets what was gathered, not that everything changed.
    fn forget(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
        (self.base, self.run, self.has_moved) = (Base::default(), None, false);
    }

    #[inline]
    fn extend(&mut self, kind: u8, sequence: u64, time: Timestamp) {
        match &mut self.run {
            Some(run) if run.extends_to(kind, sequence, time) => run.count += 1,
            _ if self.is_kept && !self.is_whole => {
                self.flush();
                self.run = Some(Run { kind, start: sequence, count: 1, time });
            }
            _ => {}
        }
    }

    fn put(&mut self, kind: u8, sequence: u64, time: Timestamp) {
        if self.is_kept && !self.is_whole {
            self.flush();
            self.encode(Run { kind, start: sequence, count: 0, time });
        }
    }

    fn flush(&mut self) {
        if let Some(run) = self.run.take() {
            self.encode(run);
        }
    }

    fn encode(&mut self, Run { kind, start, count, time }: Run) {
        let Self { bytes, base, .. } = self;
        bytes.push(kind);
        varint::put(bytes, zigzag(start.wrapping_sub(base.sequence).cast_signed()));
        if count > 0 {
            varint::put(bytes, count);
        }
        varint::put(bytes, zigzag(time.wrapping_sub(base.time)));
        *base = Base { sequence: (start + count).saturating_sub(u64::from(count > 0)), time };
        if self.bytes.len() > MAX_BYTES {
            self.whole();
        }
    }
}

/// Reads a delta; says whether all of it could be read.
pub(super) fn read<'a>(delta: &'a [u8], mut change: impl FnMut(Change<'a>)) -> bool {
    let (mut input, mut base) = (Input(delta), Base::default());
    while !input.is_empty() {
        let Some(read) = read_one(&mut input, &mut base) else { return false };
        change(read);
    }
    true
}

fn read_one<'a>(input: &mut Input<'a>, base: &mut Base) -> Option<Change<'a>> {
    let [kind] = input.array()?;
    match kind {
        MOVED => {
            let mut number = || input.number();
            let (delivered, consumer_sequence) = (number()?, number()?);
            let floor = Floor { stream: number()?, consumer: number()? };
            let (next, time) = (number()?, unzigzag(number()?));
            return Some(Change::Moved { delivered, consumer_sequence, floor, next, time });
        }
        WHOLE => return input.take(input.0.len()).map(Change::Whole),
        _ => {}
    }
    let start = base.sequence.wrapping_add(unzigzag(input.number()?).cast_unsigned());
    let count = if matches!(kind, DELIVERED | DONE) { input.number()? } else { 1 };
    let time = base.time.wrapping_add(unzigzag(input.number()?));
    if start > MAX_SEQUENCE || count > MAX_RUN {
        return None;
    }
    *base = Base { sequence: start.checked_add(count.checked_sub(1)?)?, time };
    let (sequence, until) = (start, time);
    Some(match kind {
        DELIVERED => Change::Delivered { start, count, time },
        REDELIVERED => Change::Redelivered { sequence, time },
        DONE => Change::Done { start, count, time },
        DONE_UP_TO => Change::DoneUpTo { sequence, time },
        WAITS => Change::Waits { sequence, until },
        _ => return None,
    })
}

/// Numbers near zero become small ones.
pub(super) fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

/// The reverse of [`zigzag`].
pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

const DELIVERED: u8 = 1;
const REDELIVERED: u8 = 2;
const DONE: u8 = 3;
const DONE_UP_TO: u8 = 4;
const WAITS: u8 = 5;
const MOVED: u8 = 6;
const WHOLE: u8 = 7;
/// Beyond that a snapshot is written instead.
const MAX_BYTES: usize = 256 * 1024;
/// What one change may stand for.
const MAX_RUN: u64 = 1 << 24;
/// What a consumer keeps for the next changes.
const KEPT_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(changes: &mut Changes) -> Vec<u8> {
        let mut out = Vec::new();
        changes.take(&Progress::default(), 0, |out| out.extend_from_slice(b"all"), &mut out);
        out
    }

    fn fresh() -> Changes {
        let mut changes = Changes::new(true);
        changes.clear();
        changes
    }

    #[test]
    fn runs_are_one_change() {
        let mut changes = fresh();
        let now = 1_795_191_675_918_286_908;
        (100..600).for_each(|sequence| changes.delivered(sequence, now));
        (100..599).for_each(|sequence| changes.done(sequence, now + 5));
        changes.redelivered(599, now + 6);
        changes.waits(599, now + 7);
        changes.delivered(700, now - 1);
        changes.done_up_to(700, now);
        let delta = delta(&mut changes);
        assert!(delta.len() < 50, "{}", delta.len());
        let mut found = Vec::new();
        assert!(read(&delta, |change| found.push(change)));
        let expected = [
            Change::Delivered { start: 100, count: 500, time: now },
            Change::Done { start: 100, count: 499, time: now + 5 },
            Change::Redelivered { sequence: 599, time: now + 6 },
            Change::Waits { sequence: 599, until: now + 7 },
            Change::Delivered { start: 700, count: 1, time: now - 1 },
            Change::DoneUpTo { sequence: 700, time: now },
        ];
        assert_eq!(found, expected);
        assert!(changes.is_empty());
    }

    #[test]
    fn too_many_become_everything() {
        let mut changes = fresh();
        (0..100_000).for_each(|number| changes.done(number * 1000, number.cast_signed()));
        assert!(changes.bytes.capacity() < 2 * MAX_BYTES);
        assert_eq!(delta(&mut changes), b"\x07all");
        assert!(changes.is_empty());
    }

    #[test]
    fn nothing_is_gathered_for_nobody() {
        let mut changes = Changes::new(false);
        changes.delivered(1, 1);
        changes.moved();
        assert!(changes.is_empty());
    }

    #[test]
    fn damage_is_seen() {
        let mut changes = fresh();
        changes.delivered(1, 1);
        let delta = delta(&mut changes);
        for len in 1..delta.len() {
            assert!(!read(&delta[..len], |_| {}));
        }
        assert!(!read(b"\x09\x00\x00", |_| {}));
        assert!(!read(&[DONE, 2, 0, 0], |_| {}));
    }
}
