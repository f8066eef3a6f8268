//! Memory for blocks, straight from the operating system: what an allocator gets back it often keeps.

use memmap2::MmapMut;

use super::BLOCK_BYTES;

/// Places for blocks, each of [`BLOCK_BYTES`]; as many as were put into, and a few more.
#[derive(Debug, Default)]
pub(super) struct Slabs(Vec<MmapMut>);

impl Slabs {
    pub(super) fn get(&self, place: usize) -> &[u8] {
        &self.0[place / BLOCKS][start(place)..][..BLOCK_BYTES]
    }

    /// Puts a block, or the beginning of one, at a place: one that there is, or the next. Says whether there is memory.
    pub(super) fn put(&mut self, place: usize, bytes: &[u8]) -> bool {
        if place / BLOCKS == self.0.len() {
            // Pages take memory when they are written to.
            let Ok(slab) = MmapMut::map_anon(BLOCKS * BLOCK_BYTES) else { return false };
            self.0.push(slab);
        }
        self.0[place / BLOCKS][start(place)..][..bytes.len()].copy_from_slice(bytes);
        true
    }

    /// Copies a block from one place to another; there are both.
    pub(super) fn copy(&mut self, from: usize, to: usize) {
        let mut block = [0; BLOCK_BYTES];
        block.copy_from_slice(self.get(from));
        self.put(to, &block);
    }

    /// Lets go of what holds only places from this one on.
    pub(super) fn truncate(&mut self, places: usize) {
        self.0.truncate(places.div_ceil(BLOCKS));
    }
}

fn start(place: usize) -> usize {
    place % BLOCKS * BLOCK_BYTES
}

/// Blocks in one piece.
const BLOCKS: usize = 64;
