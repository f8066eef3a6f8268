use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::medium::memory::Memory;
use crate::medium::{File, Medium};
use crate::record::{Header, MIN_MESSAGE_BYTES, Message};

const SALT: Salt = Salt(77);

fn header() -> SegmentHeader {
    let mut header = SegmentHeader::new(SALT, 1000);
    (header.compacted, header.previous_last, header.previous_time, header.previous_end) = (true, 900, -5, 4711);
    (header.covers_to, header.compression[51]) = (1234, 8);
    header
}

fn mark(commit: u64) -> TailMark {
    TailMark {
        commit,
        end: 2,
        last_sequence: 3,
        synced_sequence: 4,
        synced_end: 5,
        reserved_to: 6,
        floor: 7,
        synced_floor: 9,
        boot_id: u128::MAX - 8,
        given_to: 10,
        continued: true,
        is_unnamed: false,
    }
}

#[test]
fn names_come_back() {
    let name = SegmentName { base: u64::MAX - 1, generation: 0xab };
    assert_eq!(name.file_name(), "fffffffffffffffe-000000ab.seg");
    assert_eq!(SegmentName::parse(&name.file_name()), Some(name));
    for other in
        ["checkpoint", "config.a", "1-2.seg", "fffffffffffffffe-000000ab.tmp", "+ffffffffffffffe-000000ab.seg.seg"]
    {
        assert_eq!(SegmentName::parse(other), None, "{other}");
    }
}

#[test]
fn a_header_survives_damage_to_either_copy() {
    let block = header().encode(b"description");
    let expected = DecodedHeader::Valid { header: header(), description: Some(b"description".to_vec()) };
    assert_eq!(SegmentHeader::decode(&block[..]), expected);
    for byte in (0..128).chain(2560..2688) {
        let mut damaged = block.clone();
        damaged[byte] ^= 1;
        assert_eq!(SegmentHeader::decode(&damaged[..]), expected);
    }
    assert_eq!(SegmentHeader::decode(&[0; 4096]), DecodedHeader::Damaged);
    assert_eq!(SegmentHeader::decode(&block[..100]), DecodedHeader::Damaged);
}

#[test]
fn a_damaged_or_long_description_is_left_out() {
    let expected = DecodedHeader::Valid { header: header(), description: None };
    let mut block = header().encode(b"description");
    block[130] ^= 1;
    assert_eq!(SegmentHeader::decode(&block[..]), expected);
    assert!(SegmentHeader::holds(&[1; 2432]) && !SegmentHeader::holds(&[1; 2433]));
    let block = header().encode(&[1; 2433]);
    assert_eq!(SegmentHeader::decode(&block[..]), expected);
}

#[test]
fn the_newest_intact_mark_counts() {
    let mut block = header().encode(b"");
    let newest = |block: &[u8]| Marks::read(block, SALT).newest();
    assert_eq!(newest(&block[..]), None);
    for (commit, slot) in [(1, Slot::First), (2, Slot::Second), (3, Slot::Second), (4, Slot::First)] {
        put(&mut block[..], slot, mark(commit));
        assert_eq!(newest(&block[..]), Some(mark(commit)));
        let marks = Marks::read(&block[..], SALT);
        let count = |counts| marks.removals(|_| counts).filter(|removals| *removals == b"removals").count();
        assert_eq!(count(true), count(false) + 1);
    }
    assert_eq!(Marks::read(&block[..], Salt(78)).newest(), None);
    block[3072] ^= 1;
    assert_eq!(newest(&block[..]), Some(mark(3)));
}

#[test]
fn the_only_durable_mark_is_not_written_over() {
    let mut block = header().encode(b"");
    let free = |block: &[u8], boot_id| Marks::read(block, SALT).free_slot(boot_id);
    let boot_id = mark(1).boot_id;
    put(&mut block[..], Slot::Second, mark(1));
    assert_eq!(free(&block[..], boot_id), Slot::First);
    put(&mut block[..], Slot::First, mark(2));
    // The newer one may not be durable, unless the system has started anew since.
    assert_eq!(free(&block[..], boot_id), Slot::First);
    assert_eq!(free(&block[..], boot_id + 1), Slot::Second);
}

fn put(block: &mut [u8], slot: Slot, mark: TailMark) {
    let (offset, bytes) = mark.encode(slot, SALT, b"removals");
    block[offset as usize..offset as usize + bytes.len()].copy_from_slice(&bytes);
}

/// A file with records of these payloads, and where each begins.
fn file(payloads: &[Vec<u8>]) -> (Arc<dyn File>, Vec<u32>) {
    let mut bytes = vec![0; RECORDS_START as usize];
    let mut offsets = Vec::new();
    for (relative, payload) in (0..).zip(payloads) {
        offsets.push(u32::try_from(bytes.len()).unwrap());
        let message =
            Message { relative, time: 0, marked: false, dead: false, evicts: 0, subject: b"s", headers: b"", payload };
        message.encode(SALT, offsets[relative as usize], &mut bytes).unwrap();
    }
    let file = Memory::new().create(Path::new("/file")).unwrap();
    file.write_all_at(&bytes, 0).unwrap();
    (file, offsets)
}

/// What a scan finds: relative sequences, negative for damaged bodies; lengths of unknown bytes; the end.
#[derive(Debug, PartialEq)]
enum Found {
    Record(u32),
    Bad(u32),
    Unknown(u32),
    End(u32),
}

fn scan(file: &dyn File) -> Vec<Found> {
    let mut scanner = Scanner::new(file, SALT, RECORDS_START, u32::MAX).unwrap();
    let mut found = Vec::new();
    loop {
        found.push(match scanner.next().unwrap() {
            Scanned::Record { header: Header { relative, .. }, .. } => Found::Record(relative),
            Scanned::BadBody { header, .. } => Found::Bad(header.relative),
            Scanned::Unknown { len, .. } => Found::Unknown(len),
            Scanned::End { rest, .. } => {
                found.push(Found::End(rest));
                return found;
            }
        });
    }
}

#[test]
fn a_scan_finds_every_record_of_any_size() {
    let payloads: Vec<_> = [0, 1, 500_000, 100, 20_000, 300_000].map(|len| vec![1; len]).into();
    let (file, _) = file(&payloads);
    file.allocate(file.len().unwrap() + 600_000).unwrap();
    let mut expected: Vec<_> = (0..6).map(Found::Record).collect();
    expected.push(Found::End(0));
    assert_eq!(scan(&*file), expected);
}

#[test]
fn damage_costs_one_record() {
    let (file, offsets) = file(&[vec![1; 30], vec![2; 30], vec![3; 30]]);
    let flip = |at: u32| {
        let mut byte = [0];
        file.read_at(&mut byte, at.into()).unwrap();
        file.write_at(&[byte[0] ^ 1], at.into()).unwrap();
    };
    flip(offsets[1] + 40);
    assert_eq!(scan(&*file), [Found::Record(0), Found::Bad(1), Found::Record(2), Found::End(0)]);
    flip(offsets[1] + 4);
    let len = 30 + u32::try_from(MIN_MESSAGE_BYTES).unwrap();
    assert_eq!(scan(&*file), [Found::Record(0), Found::Unknown(len), Found::Record(2), Found::End(0)]);
    flip(offsets[2]);
    assert_eq!(scan(&*file), [Found::Record(0), Found::End(2 * len)]);
}

#[test]
fn a_record_that_is_cut_off_is_none() {
    let (file, offsets) = file(&[vec![1; 30], vec![2; 30]]);
    for len in offsets[1]..offsets[1] + 58 {
        file.truncate(len.into()).unwrap();
        assert_eq!(scan(&*file)[0], Found::Record(0));
        assert!(matches!(scan(&*file)[1..], [Found::End(rest)] if rest <= len - offsets[1]));
    }
}
