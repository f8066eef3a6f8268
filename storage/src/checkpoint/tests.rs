use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::medium::memory::Memory;
use crate::record::Extent;
use crate::segment::RECORDS_START;

/// A segment, in the order of `SegmentRef`.
type Sample = (SegmentName, Salt, u32, Entries);

fn subject(number: u64) -> Vec<u8> {
    format!("some.subject.{number}").into_bytes()
}

/// Three segments of a hundred messages on seven subjects, every fifth message removed.
fn sample() -> (Summary, Vec<Sample>, SubjectIndex) {
    let (mut subjects, mut segments) = (SubjectIndex::new(), Vec::new());
    for segment in 0..3_u32 {
        let base = u64::from(segment) * 100 + 1;
        let (mut entries, mut end) = (Entries::new(base), RECORDS_START);
        for sequence in base..base + 100 {
            let extent = Extent { offset: end, length: 120 };
            end += 120;
            let id = subjects.append(&subject(sequence % 7), sequence).unwrap();
            assert!(entries.push(sequence, extent, id));
            if sequence % 5 == 0 {
                assert!(entries.remove(sequence).is_some());
                subjects.remove(id, sequence);
            }
        }
        segments.push((SegmentName { base, generation: segment }, Salt(u64::from(segment) << 40), end, entries));
    }
    let summary = Summary { last_sequence: 300, last_time: -5, floor: 1, reserved_to: 400, ..Summary::default() };
    (summary, segments, subjects)
}

fn bytes() -> Vec<u8> {
    let (summary, segments, subjects) = sample();
    let segments =
        segments.iter().map(|(name, salt, end, entries)| SegmentRef { name: *name, salt: *salt, end: *end, entries });
    encode(&summary, segments, &subjects, b"what the owner knows")
}

/// A disk with a directory.
fn medium() -> (Arc<dyn Medium>, &'static Path) {
    let (medium, dir) = (Arc::new(Memory::new()), Path::new("/stream"));
    medium.create_dir(dir).unwrap();
    (medium, dir)
}

#[test]
fn what_was_saved_is_loaded() {
    let (medium, dir) = medium();
    assert!(load(&*medium, dir).is_none());
    save(&*medium, dir, &[1; 5000]).unwrap();
    assert!(load(&*medium, dir).is_none());
    // A leftover of a crash is in nobody's way.
    medium.create(&dir.join("checkpoint.new")).unwrap();
    save(&*medium, dir, &bytes()).unwrap();
    assert_eq!(medium.list(dir).unwrap(), [FILE_NAME]);

    let loaded = load(&*medium, dir).unwrap();
    let (summary, segments, subjects) = sample();
    assert_eq!((loaded.summary, &loaded.notes[..]), (summary, &b"what the owner knows"[..]));
    assert_eq!(loaded.segments.len(), 3);
    for ((name, salt, end, entries), image) in segments.iter().zip(&loaded.segments) {
        assert_eq!((image.name, image.salt, image.end), (*name, *salt, *end));
        assert!(image.entries.iter().eq(entries.iter()));
    }
    for number in 0..7 {
        let id = loaded.subjects.id(&subject(number)).unwrap();
        assert_eq!(loaded.subjects.bounds(id), subjects.bounds(id));
    }
}

#[test]
fn any_damage_makes_it_nothing() {
    let intact = bytes();
    assert!(decode(&intact).is_some());
    for len in 0..intact.len() {
        assert!(decode(&intact[..len]).is_none());
    }
    for place in 0..intact.len() {
        let mut damaged = intact.clone();
        damaged[place] ^= 1 << (place % 8);
        assert!(decode(&damaged).is_none());
    }
    assert!(decode(&[&intact[..], &[0]].concat()).is_none());
}

#[test]
fn entries_that_disagree_with_the_subjects_are_not_believed() {
    let (summary, mut segments, subjects) = sample();
    segments[1].3.remove(101);
    let segments =
        segments.iter().map(|(name, salt, end, entries)| SegmentRef { name: *name, salt: *salt, end: *end, entries });
    assert!(decode(&encode(&summary, segments, &subjects, b"")).is_none());
}

#[test]
fn a_changed_segment_is_claimed_message_by_message() {
    let (_, segments, _) = sample();
    let mut checkpoint = decode(&bytes()).unwrap();
    let (name, salt, ..) = segments[0];
    assert!(checkpoint.take(name, Salt(77)).is_none());
    assert!(checkpoint.take(SegmentName { generation: 9, ..name }, salt).is_none());
    assert_eq!(checkpoint.take(name, salt).unwrap().name, name);
    // The first file is as it was; of the second one there is another generation without its odd sequences.
    assert_eq!(checkpoint.claim(5), None);
    for sequence in (102..=200).step_by(2) {
        assert_eq!(checkpoint.claim(sequence).is_some(), sequence % 5 != 0);
        assert_eq!(checkpoint.claim(sequence), None);
    }
    let unclaimed: Vec<_> = checkpoint.unclaimed().map(|(sequence, _)| sequence).collect();
    let naive: Vec<_> = (101..=300).filter(|it| it % 5 != 0 && (it % 2 == 1 || *it > 200)).collect();
    assert_eq!(unclaimed, naive);
}

proptest! {
    #[test]
    fn loads_nothing_else(body in prop::collection::vec(any::<u8>(), 0..300)) {
        // With CRCs that hold, so that the body is looked at.
        let mut bytes = [&[0; HEADER_BYTES][..], &body].concat();
        finish(&mut bytes);
        let _ = decode(&bytes);
    }
}
