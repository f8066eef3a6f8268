//! The body of a removal record: ranges of sequences that hold no message any more.
//!
//! ```text
//! 0 u64  floor: nothing below it is live
//! 8      ranges, ascending and apart: varint start - end of the range before (the first: - 0), varint length
//! ```

use crate::varint::{self, Input};

/// What a removal record says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// No message below it is live; 0 says nothing.
    pub floor: u64,
    /// Removed sequences: first and how many. Ascending, not empty, not overlapping.
    pub ranges: Vec<(u64, u64)>,
}

impl Removal {
    /// The body of its record.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.ranges.len() * 4);
        out.extend_from_slice(&self.floor.to_le_bytes());
        let mut end = 0;
        for &(start, len) in &self.ranges {
            varint::put(&mut out, start - end);
            varint::put(&mut out, len);
            end = start + len;
        }
        out
    }

    /// Reads a body. Nothing if it is not one, which a CRC that holds rules out.
    pub fn decode(body: &[u8]) -> Option<Self> {
        let mut input = Input(body);
        let mut removal = Self { floor: input.fixed()?, ranges: Vec::new() };
        let mut end = 0_u64;
        while !input.is_empty() {
            let start = end.checked_add(input.number()?)?;
            let len = input.number()?;
            end = start.checked_add(len).filter(|_| len > 0)?;
            removal.ranges.push((start, len));
        }
        Some(removal)
    }
}
