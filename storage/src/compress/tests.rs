use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::medium::Medium;
use crate::medium::memory::Memory;
use crate::record::Salt;

/// Bytes that compress to about a third in even blocks, and not at all in odd ones.
fn plain(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    (0..len)
        .map(|place| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let random = state.to_be_bytes()[0];
            if (place / BLOCK_BYTES as usize).is_multiple_of(2) && place / 64 % 3 > 0 { b'a' } else { random }
        })
        .collect()
}

/// A compressed segment with these records.
fn write(plain: &[u8]) -> (Arc<dyn File>, SegmentHeader) {
    let medium = Memory::new();
    medium.create_dir(Path::new("/d")).unwrap();
    let file = medium.create(Path::new("/d/f")).unwrap();
    let mut header = SegmentHeader { compressed: true, ..SegmentHeader::new(Salt(7), 1) };
    let mut writer = BlockWriter::new(&*file);
    for piece in plain.chunks(10_007) {
        writer.write(piece).unwrap();
    }
    header.compression = writer.finish().unwrap();
    file.write_all_at(&header.encode(b"description")[..], 0).unwrap();
    (file, header)
}

fn read_all(file: &dyn File) -> Vec<u8> {
    let mut bytes = vec![1; usize::try_from(file.len().unwrap()).unwrap()];
    assert_eq!(file.read_full_at(&mut bytes, 0).unwrap(), bytes.len());
    assert_eq!(file.read_full_at(&mut [0; 9], file.len().unwrap()).unwrap(), 0);
    bytes.split_off(RECORDS_START as usize)
}

const LEN: usize = 5 * BLOCK_BYTES as usize + 1234;

#[test]
fn a_compressed_segment_reads_as_a_plain_one() {
    for len in [0, 1, 100, BLOCK_BYTES as usize, BLOCK_BYTES as usize + 1, LEN] {
        let plain = plain(len);
        let (file, header) = write(&plain);
        let inflated = Inflated::open(Arc::clone(&file), Some(&header)).unwrap();
        assert!(read_all(&inflated) == plain);
        let mut block = vec![0; RECORDS_START as usize];
        assert_eq!(inflated.read_full_at(&mut block, 0).unwrap(), block.len());
        assert!(block[..] == header.encode(b"description")[..]);
        if len == LEN {
            assert!(file.len().unwrap() < LEN as u64 * 3 / 4);
        }
    }
}

#[test]
fn a_damaged_table_or_header_is_not_missed() {
    let plain = plain(LEN);
    let (file, header) = write(&plain);
    file.write_all_at(&[9; 5], file.len().unwrap() - 9).unwrap();
    assert!(read_all(&Inflated::open(Arc::clone(&file), Some(&header)).unwrap()) == plain);
    assert!(Inflated::is_likely(&*file).unwrap());
    assert!(read_all(&Inflated::open(file, None).unwrap()) == plain);
}

#[test]
fn a_damaged_block_costs_itself() {
    let plain = plain(LEN);
    for in_header in [true, false] {
        let (file, header) = write(&plain);
        let third = Inflated::open(Arc::clone(&file), Some(&header)).unwrap().table[2];
        let place = if in_header { third + 9 } else { third + 500 };
        file.write_all_at(&[0xff], place.into()).unwrap();
        let mut expected = plain.clone();
        expected[2 * BLOCK_BYTES as usize..3 * BLOCK_BYTES as usize].fill(0);
        assert!(read_all(&Inflated::open(Arc::clone(&file), Some(&header)).unwrap()) == expected);
        // And so it does when the blocks have to be searched for.
        file.write_all_at(&[9; 5], file.len().unwrap() - 9).unwrap();
        assert!(read_all(&Inflated::open(file, Some(&header)).unwrap()) == expected);
    }
}

#[test]
fn a_cut_file_keeps_its_head() {
    let plain = plain(LEN);
    let (file, header) = write(&plain);
    let fourth = Inflated::open(Arc::clone(&file), Some(&header)).unwrap().table[3];
    file.truncate(u64::from(fourth) + 30).unwrap();
    let mut expected = plain.clone();
    expected[3 * BLOCK_BYTES as usize..].fill(0);
    assert!(read_all(&Inflated::open(file, Some(&header)).unwrap()) == expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_range_reads_the_same(ranges in prop::collection::vec((0..LEN, 0..200_000_usize), 1..20)) {
        let plain = plain(LEN);
        let (file, header) = write(&plain);
        let inflated = Inflated::open(file, Some(&header)).unwrap();
        for (start, len) in ranges {
            let mut bytes = vec![0; len];
            let read = inflated.read_full_at(&mut bytes, start as u64 + u64::from(RECORDS_START)).unwrap();
            prop_assert!(bytes[..read] == plain[start..LEN.min(start + len)]);
        }
    }

    #[test]
    fn any_damage_is_survived(flips in prop::collection::vec((any::<u32>(), any::<u8>()), 1..20), lost in any::<bool>()) {
        let plain = plain(LEN / 2);
        let (file, header) = write(&plain);
        let len = u32::try_from(file.len().unwrap()).unwrap();
        for (place, byte) in flips {
            file.write_all_at(&[byte], (RECORDS_START + place % (len - RECORDS_START)).into()).unwrap();
        }
        let inflated = Inflated::open(file, Some(&header).filter(|_| !lost)).unwrap();
        let bytes = read_all(&inflated);
        // Right or zero, never wrong.
        for (block, right) in bytes.chunks(BLOCK_BYTES as usize).zip(plain.chunks(BLOCK_BYTES as usize)) {
            prop_assert!(*block == right[..block.len()] || block.iter().all(|&byte| byte == 0));
        }
    }
}
