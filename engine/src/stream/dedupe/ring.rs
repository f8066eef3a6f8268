//! Bytes that are added at the end and released at the front, addressed by how many came before them.

use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Ring {
    bytes: VecDeque<u8>,
    /// Address of the first byte that is still there.
    begin: u64,
}

impl Ring {
    /// Adds bytes; returns the address behind them.
    pub(super) fn push(&mut self, bytes: &[u8]) -> u64 {
        self.bytes.extend(bytes);
        self.begin + self.bytes.len() as u64
    }

    /// Gives up everything before the address.
    pub(super) fn release(&mut self, end: u64) {
        let count = self.position(end);
        self.bytes.drain(..count);
        self.begin = end;
    }

    pub(super) fn begin(&self) -> u64 {
        self.begin
    }

    pub(super) fn equals(&self, start: u64, end: u64, bytes: &[u8]) -> bool {
        if end - start != bytes.len() as u64 {
            return false;
        }
        let (head, tail) = self.parts(start, end);
        bytes.starts_with(head) && bytes.ends_with(tail)
    }

    pub(super) fn copy(&self, start: u64, end: u64) -> Vec<u8> {
        let (head, tail) = self.parts(start, end);
        [head, tail].concat()
    }

    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to(2 * self.bytes.len());
    }

    /// The bytes between two addresses: where the ring wraps they lie in two pieces.
    fn parts(&self, start: u64, end: u64) -> (&[u8], &[u8]) {
        let (start, end) = (self.position(start), self.position(end));
        let (head, tail) = self.bytes.as_slices();
        let middle = head.len();
        (&head[start.min(middle)..end.min(middle)], &tail[start.saturating_sub(middle)..end.saturating_sub(middle)])
    }

    fn position(&self, address: u64) -> usize {
        usize::try_from(address - self.begin).expect("what is in memory has a position")
    }
}
