//! Blocks of files that are read again and again, in memory: one bounded number of them for all streams of a store.
//!
//! A single message would cost a call of the operating system each time it is read. A [`BlockCache`] keeps the blocks
//! around messages that were asked for more than once. It knows nothing of records: whoever reads through it verifies what
//! it gets as if it came from the disk, and reads the file itself where that fails, since a block may be older than a
//! record that was appended to it. Otherwise bytes of a segment never change, and every file that is opened or made gets a
//! number of its own, so nothing that was removed, compacted, cut or made anew can be mistaken for something else.
//!
//! Memory is taken with use and given back: the blocks of a file go with it, and those that nobody asked for between two
//! calls of [`age`](BlockCache::age) go then.

mod shard;
mod slabs;
#[cfg(test)]
mod tests;

use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{array, fmt, io};

use foldhash::fast::FixedState;
use parking_lot::Mutex;

use crate::medium::File;
use shard::{Key, Looked, Shard};

/// Blocks of files, shared by all streams of a store.
#[derive(Debug)]
pub struct BlockCache {
    shards: [Mutex<Shard>; SHARDS],
    /// Not a random one, so that the same reads find the same blocks in every run: who asks gains little by numbers that meet.
    hasher: FixedState,
    next_file: AtomicU64,
    /// Whether somebody is about to call [`age`](Self::age), or was asked to.
    is_timed: AtomicBool,
    on_use: OnceLock<OnUse>,
}

/// Told that an unused cache comes into use.
struct OnUse(Box<dyn Fn() + Send + Sync>);

impl fmt::Debug for OnUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnUse")
    }
}

impl BlockCache {
    /// An empty one that takes up to `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        let blocks_each = max_bytes / BLOCK_BYTES / SHARDS;
        Self {
            shards: array::from_fn(|_| Mutex::new(Shard::new(blocks_each))),
            hasher: FixedState::default(),
            next_file: AtomicU64::new(0),
            is_timed: AtomicBool::new(false),
            on_use: OnceLock::new(),
        }
    }

    /// Has `told` called whenever [`age`](Self::age) is to be called after a while. Only the first call counts.
    pub fn on_use(&self, told: impl Fn() + Send + Sync + 'static) {
        // A second one would have blocks grow old twice as fast.
        let _ = self.on_use.set(OnUse(Box::new(told)));
    }

    /// Bytes of the blocks that are in it.
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len() * BLOCK_BYTES).sum()
    }

    /// Lets go of blocks that nobody asked for since the last call. Says whether it is to be called again after a while;
    /// else who was given to [`on_use`](Self::on_use) is told when that begins anew.
    pub fn age(&self) -> bool {
        // In this order: who reads from here on tells of it if nothing is left.
        self.is_timed.store(false, Ordering::SeqCst);
        let mut is_left = false;
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.age();
            is_left |= !shard.is_unused();
        }
        is_left && !self.is_timed.swap(true, Ordering::SeqCst)
    }

    /// Sees to it that blocks grow old.
    fn time(&self) {
        if !self.is_timed.load(Ordering::Relaxed)
            && !self.is_timed.swap(true, Ordering::SeqCst)
            && let Some(OnUse(told)) = self.on_use.get()
        {
            told();
        }
    }

    /// A number for a file.
    pub(crate) fn enroll(&self) -> u64 {
        self.next_file.fetch_add(1, Ordering::Relaxed)
    }

    /// Fills `buf` with what is at `offset`, from blocks or from the file where they are worth keeping. Says whether it did.
    pub(crate) fn read(&self, number: u64, file: &dyn File, buf: &mut [u8], offset: u32) -> io::Result<bool> {
        let mut filled = 0;
        for (block, within) in parts(offset, buf.len()) {
            let into = &mut buf[filled..filled + within.len()];
            filled += within.len();
            if !self.read_part(Key { file: number, block }, file, into, within)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn read_part(&self, key: Key, file: &dyn File, into: &mut [u8], within: Range<usize>) -> io::Result<bool> {
        let (hash, shard) = self.shard(key);
        let looked = shard.lock().look(hash, key, into, within.start);
        if looked != Looked::Found {
            self.time();
        }
        match looked {
            Looked::Found => Ok(true),
            Looked::New => Ok(false),
            Looked::Wanted => {
                // Not under the lock: if somebody else does the same at the same time, one of the blocks is dropped.
                let mut bytes = [0; BLOCK_BYTES];
                let read = file.read_full_at(&mut bytes, u64::from(key.block) * BLOCK_BYTES as u64)?;
                let Some(found) = bytes[..read].get(within) else { return Ok(false) };
                into.copy_from_slice(found);
                shard.lock().insert(hash, key, &bytes[..read]);
                Ok(true)
            }
        }
    }

    /// Lets go of the blocks at a place: they are older than what is there now.
    pub(crate) fn discard(&self, number: u64, offset: u32, len: usize) {
        for (block, _) in parts(offset, len) {
            let key = Key { file: number, block };
            let (hash, shard) = self.shard(key);
            shard.lock().remove(hash, key);
        }
    }

    /// Lets go of all blocks of a file.
    pub(crate) fn forget(&self, number: u64) {
        for shard in &self.shards {
            shard.lock().retain(|key| key.file != number);
        }
    }

    #[inline]
    fn shard(&self, key: Key) -> (u64, &Mutex<Shard>) {
        let hash = self.hasher.hash_one(key);
        // The lowest bits choose the bucket within a shard, the highest seven tell entries apart there.
        (hash, &self.shards[(hash >> 40) as usize % SHARDS])
    }
}

/// The blocks that a span touches, each with the part of it.
fn parts(offset: u32, len: usize) -> impl Iterator<Item = (u32, Range<usize>)> {
    let (start, end) = (offset as usize, offset as usize + len);
    let blocks = start / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES);
    blocks.map(move |block| {
        let first = block * BLOCK_BYTES;
        let within = start.max(first) - first..end.min(first + BLOCK_BYTES) - first;
        // An offset has 32 bits, and so has the number of its block.
        (u32::try_from(block).unwrap_or(u32::MAX), within)
    })
}

/// What is read at once: a page, as larger ones take longer to read, and hold more that nobody asks for.
pub(crate) const BLOCK_BYTES: usize = 4096;
/// Records above this are read from the file: a call of the operating system is little beside copying them.
pub(crate) const MAX_CACHED_RECORD_BYTES: usize = 4 * BLOCK_BYTES;
/// Blocks of one store: what a bucket of 100,000 small values takes.
pub const MAX_BLOCK_CACHE_BYTES: usize = 16 << 20;
/// Locks that reads are spread over.
const SHARDS: usize = 16;
