//! What a stream wants back from a checkpoint of its log, so that a recovery need not read every record: the ids within
//! the window, the times to live, the last id. A cache: without it the records tell the same.
//!
//! ```text
//! version u8 = 1
//! last id:  sequence varint, length varint, bytes
//! ids:      count varint, then each: sequence varint, time i64, length varint, bytes
//! due:      count varint, then each: sequence varint, time i64
//! never:    count varint, then each: sequence varint
//! ```
//! Varints are LEB128; sequences in a list are differences to the one before (modulo 2^64).

use embus_storage::message::Timestamp;

use super::core::LastId;
use super::dedupe::{Dedupe, Noted};
use super::ttl::Expiries;

/// The notes read back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    pub(super) last_id: (u64, Vec<u8>),
    pub(super) ids: Vec<Noted>,
    pub(super) due: Vec<(u64, Timestamp)>,
    pub(super) never: Vec<u64>,
}

/// Writes the notes.
pub(super) fn encode(last_id: &LastId, dedupe: &Dedupe, expiries: &Expiries) -> Vec<u8> {
    let mut out = vec![VERSION];
    push_varint(&mut out, last_id.sequence);
    push_bytes(&mut out, &last_id.id);
    let ids = dedupe.all();
    push_varint(&mut out, ids.len() as u64);
    let mut before = 0;
    for Noted { id, sequence, time } in ids {
        push_difference(&mut out, &mut before, sequence);
        out.extend_from_slice(&time.to_le_bytes());
        push_bytes(&mut out, &id);
    }
    push_expiries(&mut out, expiries);
    out
}

fn push_expiries(out: &mut Vec<u8>, expiries: &Expiries) {
    let (due, mut before) = (expiries.all_due(), 0);
    push_varint(out, due.len() as u64);
    for (sequence, time) in due {
        push_difference(out, &mut before, sequence);
        out.extend_from_slice(&time.to_le_bytes());
    }
    let (never, mut before) = (expiries.all_never(), 0);
    push_varint(out, never.len() as u64);
    for sequence in never {
        push_difference(out, &mut before, *sequence);
    }
}

impl Notes {
    /// Reads what [`encode`] wrote; nothing if it is anything else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes.strip_prefix(&[VERSION])?);
        let last_id = (reader.varint()?, reader.bytes()?.to_vec());
        let ids = reader
            .list(|reader, sequence| Some(Noted { sequence, time: reader.time()?, id: reader.bytes()?.to_vec() }))?;
        let due = reader.list(|reader, sequence| Some((sequence, reader.time()?)))?;
        let never = reader.list(|_, sequence| Some(sequence))?;
        reader.0.is_empty().then_some(Self { last_id, ids, due, never })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A list; its memory is bounded by the bytes that are there, not by the number that is read.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self, u64) -> Option<T>) -> Option<Vec<T>> {
        let (count, mut sequence, mut items) = (self.varint()?, 0_u64, Vec::new());
        for _ in 0..count {
            sequence = sequence.wrapping_add(self.varint()?);
            items.push(item(self, sequence)?);
        }
        Some(items)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn time(&mut self) -> Option<Timestamp> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(Timestamp::from_le_bytes(*bytes))
    }
}

fn push_difference(out: &mut Vec<u8>, before: &mut u64, sequence: u64) {
    push_varint(out, sequence.wrapping_sub(*before));
    *before = sequence;
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits fit")]
fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

const VERSION: u8 = 1;
