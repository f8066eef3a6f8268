//! A byte queue made of chunks: small frames are appended to an open buffer, large payloads travel as shared `Bytes`.
//!
//! It never moves bytes once they are in: a full buffer is handed over whole, and a partial write advances an offset.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;

use bytes::Bytes;

/// A piece of outbound bytes.
enum Chunk {
    Buffer(Vec<u8>),
    Shared(Bytes),
}

impl Chunk {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Buffer(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// Outbound bytes in order: sealed chunks first, then the open buffer.
#[derive(Default)]
pub struct Chunks {
    sealed: VecDeque<Chunk>,
    /// Bytes of the first sealed chunk that are already written.
    head: usize,
    /// Bytes in sealed chunks that are not yet written.
    sealed_len: usize,
    open: Vec<u8>,
}

/// Payloads are nobody's business but their readers': only the length is shown.
impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// How many pieces one vectored write offers: more gains nothing, as a socket takes a few hundred KiB at once.
pub const MAX_SLICES: usize = 64;

/// What waits may hold on to this many times the memory that it counts as. Less slack costs copies: a fan-out to 64
/// readers that are all a little behind took three times the processor time with a factor of 2.
const MAX_SLACK: usize = 4;

/// Frames up to this join the open buffer of a queue; larger ones bring their own.
const COALESCE_BYTES: usize = 4 * 1024;

/// The open buffer of a queue is sealed when it is this full: below what the allocator maps page by page.
const QUEUE_SEAL_BYTES: usize = 64 * 1024;

/// Buffers of up to twice this are pooled; one this full is sealed rather than grown, so that growing copies little.
const SEAL_BYTES: usize = 256 * 1024;

impl Chunks {
    /// Bytes that wait to be written.
    #[inline]
    pub fn len(&self) -> usize {
        self.sealed_len + self.open.len()
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.sealed_len == 0 && self.open.is_empty()
    }

    /// The buffer that frames are appended to.
    #[inline]
    pub fn open(&mut self) -> &mut Vec<u8> {
        &mut self.open
    }

    /// A copy of all of them.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        for chunk in &self.sealed {
            all.extend_from_slice(chunk.as_slice());
        }
        // What is written of the first one is gone.
        all.drain(..self.head.min(all.len()));
        all.extend_from_slice(&self.open);
        all
    }

    /// Appends bytes without copying them.
    pub fn push_shared(&mut self, bytes: Bytes, spare: &mut BufferPool) {
        self.seal(spare);
        self.sealed_len += bytes.len();
        self.sealed.push_back(Chunk::Shared(bytes));
    }

    /// Closes the open buffer once it is large: growing on would copy it.
    pub fn seal_if_large(&mut self) {
        if self.open.len() >= QUEUE_SEAL_BYTES {
            self.seal(&mut BufferPool::default());
        }
    }

    /// Closes the open buffer. What waits must not hold on to more memory than it counts as, so a buffer that is mostly
    /// empty is copied and stays open.
    fn seal(&mut self, spare: &mut BufferPool) {
        if self.open.is_empty() {
            return;
        }
        self.sealed_len += self.open.len();
        let chunk = if self.open.len() < self.open.capacity() / MAX_SLACK {
            let exact = self.open.as_slice().to_vec();
            self.open.clear();
            exact
        } else {
            std::mem::replace(&mut self.open, spare.take())
        };
        self.sealed.push_back(Chunk::Buffer(chunk));
    }

    /// Moves everything out of `later` to the end of this queue.
    pub fn append(&mut self, later: &mut Self, spare: &mut BufferPool) {
        if later.is_empty() {
            return;
        }
        if later.sealed.is_empty() && later.open.len() <= COALESCE_BYTES {
            self.seal_if_large();
            self.open.extend_from_slice(&later.open);
            later.open.clear();
            return;
        }
        self.seal(spare);
        later.seal(spare);
        later.drop_written_head();
        self.sealed_len += later.sealed_len;
        self.sealed.append(&mut later.sealed);
        later.sealed_len = 0;
    }

    /// Puts everything of `earlier` in front of this queue, which must not have been partly written itself.
    pub fn prepend(&mut self, mut earlier: Self, spare: &mut BufferPool) {
        debug_assert!(self.head == 0, "only the front of a queue is ever partly written");
        earlier.seal(spare);
        self.head = earlier.head;
        self.sealed_len += earlier.sealed_len;
        std::mem::swap(&mut self.sealed, &mut earlier.sealed);
        self.sealed.append(&mut earlier.sealed);
        spare.put(earlier.open);
    }

    /// Turns a written head offset into a chunk of its own, so that the chunk can stand in the middle of a queue.
    fn drop_written_head(&mut self) {
        if self.head == 0 {
            return;
        }
        if let Some(first) = self.sealed.front_mut() {
            let rest = match first {
                Chunk::Buffer(bytes) => Bytes::from(std::mem::take(bytes)).slice(self.head..),
                Chunk::Shared(bytes) => bytes.slice(self.head..),
            };
            *first = Chunk::Shared(rest);
        }
        self.head = 0;
    }

    /// Fills `slices` with the first pieces and returns how many there are.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let mut count = 0;
        let mut head = self.head;
        let open = (!self.open.is_empty()).then_some(self.open.as_slice());
        for piece in self.sealed.iter().map(Chunk::as_slice).chain(open).take(MAX_SLICES) {
            slices[count] = IoSlice::new(&piece[head..]);
            head = 0;
            count += 1;
        }
        count
    }

    /// Drops the first `written` bytes; emptied buffers go back to the pool.
    pub fn advance(&mut self, mut written: usize, spare: &mut BufferPool) {
        debug_assert!(written <= self.len(), "a transport wrote more than it was given");
        while let Some(first) = self.sealed.front() {
            let left = first.as_slice().len() - self.head;
            if written < left {
                self.head += written;
                self.sealed_len -= written;
                return;
            }
            written -= left;
            self.sealed_len -= left;
            self.head = 0;
            if let Some(Chunk::Buffer(buffer)) = self.sealed.pop_front() {
                spare.put(buffer);
            }
        }
        self.advance_open(written, spare);
    }

    fn advance_open(&mut self, written: usize, spare: &mut BufferPool) {
        if written == self.open.len() {
            self.open.clear();
        } else if written > 0 {
            self.seal(spare);
            self.head = written;
            self.sealed_len -= written;
        }
    }

    /// Drops everything and returns how many bytes that were.
    pub fn clear(&mut self) -> usize {
        let dropped = self.len();
        *self = Self::default();
        dropped
    }

    /// Gives memory back that an idle connection should not own.
    pub fn release(&mut self, spare: &mut BufferPool) {
        if self.is_empty() && self.open.capacity() > 0 {
            spare.put(std::mem::take(&mut self.open));
            self.sealed = VecDeque::new();
        }
    }
}

/// Buffers that wait to be used again, so that the steady state allocates nothing. Owned by one worker at a time.
#[derive(Default)]
pub struct BufferPool {
    large: Vec<Vec<u8>>,
    large_bytes: usize,
    /// For what a connection may keep for long: an unfinished operation.
    small: Vec<Vec<u8>>,
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool").field("large_bytes", &self.large_bytes).finish_non_exhaustive()
    }
}

/// What a pool keeps at most; more is given back to the allocator.
const POOL_MAX_BYTES: usize = 2 * 1024 * 1024;

/// The largest buffer that counts as small.
const SMALL_BYTES: usize = 24 * 1024;

/// Small buffers that a pool keeps.
const SMALL_BUFFERS: usize = 128;

impl BufferPool {
    /// An empty buffer for frames, with room if one waits here.
    pub fn take(&mut self) -> Vec<u8> {
        if let Some(buffer) = self.large.pop() {
            self.large_bytes -= buffer.capacity();
            return buffer;
        }
        // With many destinations, each gets little in a turn.
        self.take_small()
    }

    /// An empty buffer that may be kept for long.
    pub fn take_small(&mut self) -> Vec<u8> {
        self.small.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub fn put(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        buffer.clear();
        if capacity <= SMALL_BYTES {
            if capacity > 0 && self.small.len() < SMALL_BUFFERS {
                self.small.push(buffer);
            }
        } else if capacity <= 2 * SEAL_BYTES && self.large_bytes + capacity <= POOL_MAX_BYTES {
            self.large_bytes += capacity;
            self.large.push(buffer);
        }
    }
}
#[cfg(test)]
mod tests;
