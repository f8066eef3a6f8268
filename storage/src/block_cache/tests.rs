use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::medium::Medium;
use crate::medium::memory::Memory;

/// A file that counts how often it is read.
#[derive(Debug)]
struct Counted {
    file: Arc<dyn File>,
    reads: AtomicUsize,
}

impl File for Counted {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.file.read_at(buf, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }
    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

impl Counted {
    /// A file whose byte at `at` is a function of that.
    fn of(blocks: usize) -> Self {
        let file = Memory::default().create("file".as_ref()).expect("there is none");
        let bytes: Vec<u8> = (0..blocks * BLOCK_BYTES).map(byte).collect();
        file.write_all_at(&bytes, 0).expect("memory takes it");
        Self { file, reads: AtomicUsize::new(0) }
    }

    fn reads(&self) -> usize {
        self.reads.swap(0, Ordering::Relaxed)
    }
}

fn byte(at: usize) -> u8 {
    u8::try_from(at % 251).expect("it is below 251")
}

/// Reads, and says whether the cache had it, or took it in.
fn read(cache: &BlockCache, number: u64, file: &Counted, offset: usize, len: usize) -> bool {
    let mut buf = vec![0; len];
    let is_read =
        cache.read(number, file, &mut buf, u32::try_from(offset).expect("files are small")).expect("no read fails");
    if is_read {
        assert!(buf.iter().enumerate().all(|(at, &it)| it == byte(offset + at)));
    }
    is_read
}

#[test]
fn what_is_asked_for_twice_is_read_once() {
    let (cache, file) = (BlockCache::new(1 << 20), Counted::of(4));
    let number = cache.enroll();
    assert!(!read(&cache, number, &file, 5000, 100));
    assert_eq!((file.reads(), cache.bytes()), (0, 0));
    for _ in 0..9 {
        assert!(read(&cache, number, &file, 5000, 100));
        assert!(read(&cache, number, &file, 4096, 4096));
    }
    assert_eq!((file.reads(), cache.bytes()), (1, BLOCK_BYTES));
    // Of another file nothing is known.
    assert!(!read(&cache, cache.enroll(), &file, 5000, 100));
}

#[test]
fn what_lies_in_several_blocks_is_put_together() {
    let (cache, file) = (BlockCache::new(1 << 20), Counted::of(4));
    let number = cache.enroll();
    // Each time one block more was asked for.
    assert_eq!([(); 4].map(|()| read(&cache, number, &file, 4000, 8000)), [false, false, false, true]);
    assert_eq!((file.reads(), cache.bytes()), (3, 3 * BLOCK_BYTES));
}

#[test]
fn what_the_file_has_not_got_is_not_there() {
    let (cache, file) = (BlockCache::new(1 << 20), Counted::of(1));
    let number = cache.enroll();
    assert!(![(); 4].iter().any(|()| read(&cache, number, &file, 4000, 200)));
    let more: Vec<u8> = (BLOCK_BYTES..2 * BLOCK_BYTES).map(byte).collect();
    file.write_all_at(&more[..200], BLOCK_BYTES as u64).unwrap();
    assert!(read(&cache, number, &file, 4000, 200));
    assert!(!read(&cache, number, &file, 4000, 300));
    file.write_all_at(&more, BLOCK_BYTES as u64).unwrap();
    assert!(read(&cache, number, &file, 4000, 300));
}

#[test]
fn blocks_go_when_there_are_too_many_and_those_in_use_stay() {
    let most = 2 * SHARDS;
    let (cache, file) = (BlockCache::new(most * BLOCK_BYTES), Counted::of(200));
    let number = cache.enroll();
    let read = |block: usize| read(&cache, number, &file, block * BLOCK_BYTES + 7, 9);
    let hot = [0, 100, 199];
    for block in 0..200 {
        for _ in 0..3 {
            read(block);
            for hot in hot {
                read(hot);
            }
        }
        assert!(cache.bytes() <= most * BLOCK_BYTES);
    }
    file.reads();
    assert!(hot.iter().all(|&hot| read(hot)));
    assert_eq!(file.reads(), 0);
}

#[test]
fn a_cache_without_room_takes_nothing() {
    let (cache, file) = (BlockCache::new(0), Counted::of(1));
    assert!(![(); 4].iter().any(|()| read(&cache, 0, &file, 0, 9)));
    assert_eq!((file.reads(), cache.bytes()), (0, 0));
}

#[test]
fn what_is_discarded_or_forgotten_is_gone() {
    let (cache, file) = (BlockCache::new(1 << 20), Counted::of(4));
    let numbers = [cache.enroll(), cache.enroll()];
    let read_all = || {
        for number in numbers {
            for _ in 0..8 {
                read(&cache, number, &file, 0, 4 * BLOCK_BYTES);
            }
        }
        assert_eq!(cache.bytes(), 8 * BLOCK_BYTES);
    };
    read_all();
    cache.discard(numbers[0], 4090, 10);
    assert_eq!(cache.bytes(), 6 * BLOCK_BYTES);
    read_all();
    cache.forget(numbers[0]);
    assert_eq!(cache.bytes(), 4 * BLOCK_BYTES);
    file.reads();
    assert!(read(&cache, numbers[1], &file, 0, 4 * BLOCK_BYTES));
    assert_eq!(file.reads(), 0);
}

#[test]
fn idle_blocks_go_and_somebody_is_told_when_that_has_to_begin() {
    let (cache, file, told) = (BlockCache::new(1 << 20), Counted::of(4), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&told);
    cache.on_use(move || _ = counter.fetch_add(1, Ordering::Relaxed));
    let number = cache.enroll();
    let use_it = |offset| {
        read(&cache, number, &file, offset, 9);
        read(&cache, number, &file, offset, 9);
    };
    use_it(0);
    use_it(9000);
    assert_eq!((told.load(Ordering::Relaxed), cache.bytes()), (1, 2 * BLOCK_BYTES));
    assert!(cache.age());
    use_it(0);
    // The other one was not used since.
    assert!(cache.age());
    assert_eq!((told.load(Ordering::Relaxed), cache.bytes()), (1, BLOCK_BYTES));
    assert!(!cache.age());
    assert_eq!(cache.bytes(), 0);
    use_it(0);
    assert_eq!(told.load(Ordering::Relaxed), 2);
}
