//! What was appended and is not committed yet: encoded records, ready to be written.

use std::sync::Arc;

use super::files::SegmentFile;
use crate::segment::SegmentHeader;

/// Records that go to one place in one file.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) file: Arc<SegmentFile>,
    /// Where the first byte goes.
    pub(crate) offset: u32,
    pub(crate) bytes: Vec<u8>,
    /// The file is new: what its header says.
    pub(crate) create: Option<Box<Creation>>,
    /// The sequence given out last when the chunk was closed.
    pub(crate) last_sequence: u64,
    /// No message below it was live then.
    pub(crate) floor: u64,
}

/// What a new segment begins with.
#[derive(Debug)]
pub(crate) struct Creation {
    pub(crate) header: SegmentHeader,
    pub(crate) description: Arc<[u8]>,
}

impl Chunk {
    pub(crate) fn new(file: Arc<SegmentFile>, offset: u32, create: Option<Box<Creation>>) -> Self {
        Self { file, offset, bytes: Vec::new(), create, last_sequence: 0, floor: 0 }
    }

    /// Where the next record would go.
    pub(crate) fn end(&self) -> u64 {
        u64::from(self.offset) + self.bytes.len() as u64
    }

    /// The bytes of the chunk from `offset` on, if they are in it.
    pub(crate) fn bytes_at(&self, file: &Arc<SegmentFile>, offset: u32) -> Option<&[u8]> {
        let start = offset.checked_sub(self.offset)? as usize;
        let bytes = self.bytes.get(start..).filter(|bytes| !bytes.is_empty())?;
        Arc::ptr_eq(&self.file, file).then_some(bytes)
    }
}

/// All that waits for a commit.
#[derive(Debug)]
pub(crate) struct Pending {
    /// What goes to segments that were closed since the last commit.
    pub(crate) closed: Vec<Chunk>,
    /// What goes to the segment that is appended to.
    pub(crate) active: Chunk,
}

impl Pending {
    /// The bytes from `offset` on of a record that waits here.
    pub(crate) fn bytes_at(&self, file: &Arc<SegmentFile>, offset: u32) -> Option<&[u8]> {
        let found = self.active.bytes_at(file, offset);
        found.or_else(|| self.closed.iter().find_map(|chunk| chunk.bytes_at(file, offset)))
    }

    /// Everything that waits.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.closed.iter().chain([&self.active])
    }

    pub(crate) fn bytes(&self) -> usize {
        self.active.bytes.len() + self.closed.iter().map(|chunk| chunk.bytes.len()).sum::<usize>()
    }

    /// Takes everything, to be written; what comes next goes behind it. `spare` becomes the next buffer.
    pub(crate) fn take(&mut self, last_sequence: u64, floor: u64, spare: Vec<u8>) -> Vec<Chunk> {
        let mut chunks = std::mem::take(&mut self.closed);
        // The end fits: a segment is closed before it reaches 2^32.
        let end = u32::try_from(self.active.end()).unwrap_or(u32::MAX);
        let mut next = Chunk::new(self.active.file.clone(), end, None);
        next.bytes = spare;
        let mut active = std::mem::replace(&mut self.active, next);
        (active.last_sequence, active.floor) = (last_sequence, floor);
        chunks.push(active);
        chunks
    }

    /// Closes the segment that is appended to; `chunk` begins the next one.
    pub(crate) fn roll(&mut self, last_sequence: u64, floor: u64, chunk: Chunk) {
        let mut closed = std::mem::replace(&mut self.active, chunk);
        (closed.last_sequence, closed.floor) = (last_sequence, floor);
        self.closed.push(closed);
    }
}
