//! The whole state of a consumer as bytes.
//!
//! ```text
//! u8      version, 1
//! varints next, start, where what is new begins (0: nowhere else), delivered, consumer sequence,
//!         floor of the stream, of the consumer, time of the last delivery, of the last acknowledgement (zigzag),
//!         number of messages that wait, and for each of them:
//!             sequence and consumer sequence, each less that of the one before, time of its delivery less that of the
//!             one before (zigzag), deliveries, where it waits: 0 by its place, 1 until a time, 2 due;
//!             until when (zigzag), if it is 1
//! ```

use embus_storage::varint::{self, Input};

use super::changes::{unzigzag, zigzag};
use super::pending::{Entry, Place};
use super::progress::{Floor, Progress};

/// What a snapshot tells.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) next: u64,
    pub(super) start: u64,
    /// While the last messages of all subjects come first: where what is new begins.
    pub(super) resume: Option<u64>,
    pub(super) progress: Progress,
}

/// Appends a snapshot.
pub(super) fn write(next: u64, start: u64, resume: Option<u64>, progress: &Progress, out: &mut Vec<u8>) {
    let Progress { pending, delivered, consumer_sequence, delivered_at, floor, acked_at } = progress;
    out.push(VERSION);
    for number in [
        next,
        start,
        resume.unwrap_or(0),
        *delivered,
        *consumer_sequence,
        floor.stream,
        floor.consumer,
        zigzag(*delivered_at),
        zigzag(*acked_at),
        pending.len(),
    ] {
        varint::put(out, number);
    }
    let (mut sequence, mut consumer, mut time) = (0, 0, 0);
    for entry in pending.iter() {
        varint::put(out, entry.sequence.wrapping_sub(sequence));
        varint::put(out, entry.consumer_sequence.wrapping_sub(consumer));
        varint::put(out, zigzag(entry.sent_at.wrapping_sub(time)));
        varint::put(out, entry.deliveries.into());
        match entry.place {
            Place::Gone | Place::First => out.push(0),
            Place::Queued => out.push(2),
            Place::Timed => {
                out.push(1);
                varint::put(out, zigzag(entry.due));
            }
        }
        (sequence, consumer, time) = (entry.sequence, entry.consumer_sequence, entry.sent_at);
    }
}

/// Reads a snapshot.
pub(super) fn read(bytes: &[u8]) -> Option<Image> {
    let mut input = Input(bytes);
    if input.array()? != [VERSION] {
        return None;
    }
    let mut number = || input.number();
    let (next, start, resume) = (number()?, number()?, number()?);
    let (delivered, consumer_sequence) = (number()?, number()?);
    let floor = Floor { stream: number()?, consumer: number()? };
    let (delivered_at, acked_at) = (unzigzag(number()?), unzigzag(number()?));
    let mut progress = Progress { delivered, consumer_sequence, delivered_at, floor, acked_at, ..Progress::default() };
    let count = input.number()?;
    let mut last = Entry { sequence: 0, consumer_sequence: 0, sent_at: 0, due: 0, deliveries: 0, place: Place::First };
    for _ in 0..count {
        last = read_entry(&mut input, &last)?;
        progress.pending.restore(last);
    }
    let largest = [next, start, delivered, consumer_sequence, floor.consumer, last.sequence, last.consumer_sequence];
    let is_sound = next > 0 && start > 0 && floor.stream <= delivered && largest.iter().all(|it| *it < MAX_SEQUENCE);
    is_sound.then_some(Image { next, start, resume: (resume > 0).then_some(resume), progress })
}

fn read_entry(input: &mut Input<'_>, last: &Entry) -> Option<Entry> {
    let step = input.number()?;
    let consumer_step = input.number()?;
    let sent_at = last.sent_at.wrapping_add(unzigzag(input.number()?));
    let deliveries = u32::try_from(input.number()?).ok()?.max(1);
    let (place, due) = match input.array()? {
        [0] => (Place::First, 0),
        [1] => (Place::Timed, unzigzag(input.number()?)),
        [2] => (Place::Queued, 0),
        _ => return None,
    };
    let sequence = last.sequence.checked_add(step).filter(|_| step > 0)?;
    let consumer_sequence = last.consumer_sequence.checked_add(consumer_step).filter(|it| *it > 0)?;
    Some(Entry { sequence, consumer_sequence, sent_at, due, deliveries, place })
}

const VERSION: u8 = 1;
/// Consumers stay clear of the last numbers, so that some behind one is always a number.
pub(super) const MAX_SEQUENCE: u64 = u64::MAX - (1 << 32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::rules::Acks;

    #[test]
    fn a_snapshot_reads_back_and_damage_is_no_panic() {
        let mut progress = Progress::begin(10);
        for sequence in [10, 11, 15, 16] {
            progress.deliver(sequence, sequence.cast_signed() * 1000, Acks::Each);
        }
        let slot = progress.pending.find(11, 2).unwrap();
        progress.redeliver(slot, 20_000, 50_000);
        let slot = progress.pending.find(15, 3).unwrap();
        progress.pending.enqueue(slot);
        let slot = progress.pending.find(10, 1).unwrap();
        progress.settle(slot, 30_000);
        let mut bytes = Vec::new();
        write(17, 10, Some(40), &progress, &mut bytes);
        let image = read(&bytes).unwrap();
        assert_eq!((image.next, image.start, image.resume), (17, 10, Some(40)));
        let entries = |progress: &Progress| progress.pending.iter().copied().collect::<Vec<_>>();
        assert_eq!(entries(&image.progress), entries(&progress));
        assert_eq!(image.progress.floor, Floor { stream: 10, consumer: 1 });
        assert_eq!(image.progress.pending.redelivered(), 1);
        assert_eq!(image.progress.pending.queued(), 1);
        let mut again = Vec::new();
        write(17, 10, Some(40), &image.progress, &mut again);
        assert_eq!(again, bytes);
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len]).is_none());
        }
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x55;
            // Something or nothing, but no panic.
            let _ = read(&damaged);
        }
    }

    #[test]
    fn where_a_stream_may_begin_a_consumer_may_be() {
        let first = i64::MAX.cast_unsigned();
        let mut progress = Progress::begin(first);
        progress.deliver(first, 1000, Acks::Each);
        let mut bytes = Vec::new();
        write(first + 1, first, None, &progress, &mut bytes);
        assert_eq!(read(&bytes).unwrap().next, first + 1);
    }
}
