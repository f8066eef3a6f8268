use proptest::prelude::*;

use super::*;

const SALT: Salt = Salt(0x0123_4567_89ab_cdef);

fn message<'a>(subject: &'a [u8], headers: &'a [u8], payload: &'a [u8]) -> Message<'a> {
    Message { relative: 7, time: -3, marked: true, dead: false, evicts: 2, subject, headers, payload }
}

#[test]
fn a_record_has_the_documented_layout() {
    let mut out = vec![0xee];
    let extent = message(b"a.b", b"H", b"pay").encode(SALT, 4096, &mut out).unwrap();
    let record = &out[1..];
    assert_eq!((extent.offset, extent.len() as usize, extent.parts()), (4096, record.len(), 7));
    assert_eq!(record[..20], [0x71, 0, 3, 0, 13, 0, 0, 0, 7, 0, 0, 0, 0xfd, 255, 255, 255, 255, 255, 255, 255]);
    assert_eq!(record[28..], *b"\x01\0\x02\0\0\0a.bHpay");
    let seed = SALT.at(4096);
    assert_eq!(u32_at(record, 20), crc(seed, &record[..20]));
    assert_eq!(u32_at(record, 24), crc(crc(seed, &record[..20]), &record[28..]));
}

#[test]
fn a_record_is_valid_only_where_it_was_written() {
    let mut out = Vec::new();
    message(b"a", b"", b"x").encode(SALT, 4096, &mut out).unwrap();
    assert!(Header::decode(&out, SALT.at(4096)).is_some());
    assert!(Header::decode(&out, SALT.at(4097)).is_none());
    assert!(Header::decode(&out, Salt(1).at(4096)).is_none());
    assert!(Header::decode(&[0; 100], SALT.at(0)).is_none());
}

#[test]
fn every_flipped_bit_is_noticed() {
    let mut out = Vec::new();
    message(b"a.b", b"H", b"payload").encode(SALT, 5000, &mut out).unwrap();
    for bit in 0..out.len() * 8 {
        out[bit / 8] ^= 1 << (bit % 8);
        let intact = Header::decode(&out, SALT.at(5000)).is_some_and(|header| header.covers(&out[HEADER_BYTES..]));
        assert!(!intact, "bit {bit}");
        out[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let long = vec![0; 65_536];
    let mut out = Vec::new();
    for message in [message(&long, b"", b""), message(b"a", &long, b"")] {
        assert!(matches!(message.encode(SALT, 0, &mut out), Err(StorageError::TooLarge)));
    }
    assert!(out.is_empty());
}

#[test]
fn the_seed_can_be_found_in_a_header() {
    let mut out = Vec::new();
    message(b"a.b", b"", b"payload").encode(SALT, 4096, &mut out).unwrap();
    assert_eq!(seed_of(out.first_chunk().unwrap()), SALT.at(4096));
}

#[test]
fn a_moved_record_is_valid_at_its_new_place() {
    let mut out = Vec::new();
    let written = message(b"a.b", b"", b"payload");
    written.encode(SALT, 4096, &mut out).unwrap();
    let mut moved = Vec::new();
    encode_moved(&out, 9, (Salt(5), 8000), &mut moved);
    let header = Header::decode(&moved, Salt(5).at(8000)).unwrap();
    assert!(header.covers(&moved[HEADER_BYTES..]));
    assert_eq!(header.message(&moved[HEADER_BYTES..]), Some(Message { relative: 9, ..written }));
}

proptest! {
    #[test]
    fn messages_come_back(
        relative: u32, time: i64, marked: bool, dead: bool, evicts: u32, salt: u64, offset: u32,
        subject in proptest::collection::vec(any::<u8>(), 1..40),
        headers in proptest::collection::vec(any::<u8>(), 0..40),
        payload in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let (subject, headers, payload) = (&subject[..], &headers[..], &payload[..]);
        let written = Message { relative, time, marked, dead, evicts, subject, headers, payload };
        let mut out = Vec::new();
        let extent = written.encode(Salt(salt), offset, &mut out)?;
        let header = Header::decode(&out, Salt(salt).at(offset)).unwrap();
        prop_assert!(header.covers(&out[HEADER_BYTES..]));
        prop_assert_eq!(header.message(&out[HEADER_BYTES..]), Some(written));
        prop_assert_eq!(header.extent(offset), extent);
        prop_assert_eq!(extent.parts(), (subject.len() + headers.len() + payload.len()) as u64);
    }

    #[test]
    fn removals_come_back(floor: u64, steps in proptest::collection::vec((1..u64::MAX >> 8, 1..u64::MAX >> 8), 0..50)) {
        let mut end = 0;
        let range = |(gap, len): &(u64, u64)| { let start = end + gap; end = start + len; (start, *len) };
        let removal = Removal { floor, ranges: steps.iter().map(range).collect() };
        prop_assert_eq!(Removal::decode(&removal.encode()), Some(removal));
    }

    #[test]
    fn nothing_panics_on_arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..100), seed: u32) {
        Removal::decode(&bytes);
        if let Some(header) = Header::decode(&bytes, seed) {
            header.message(&bytes);
        }
    }
}
