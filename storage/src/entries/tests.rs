use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::record::MIN_MESSAGE_BYTES;
use crate::subject_index::SubjectIndex;
use crate::varint::Input;

type Model = BTreeMap<u64, Entry>;

const NAMES: [&[u8]; 5] = [b"a.1", b"a.2", b"b.1", b"b.2.x", b"c"];

fn extent(offset: u32, length: u32) -> Extent {
    Extent { offset, length }
}

fn reload(entries: &Entries) -> Entries {
    let mut bytes = Vec::new();
    entries.save(&mut bytes);
    let mut input = Input(&bytes);
    let loaded = Entries::load(&mut input, u32::MAX).expect("what was saved loads");
    assert!(input.is_empty());
    loaded
}

/// An index in which all subjects keep a message, so that ids stay.
fn subjects() -> SubjectIndex {
    let mut index = SubjectIndex::new();
    for (id, name) in (0..).zip(NAMES) {
        assert_eq!(index.append(name, 1), Some(SubjectId(id)));
    }
    index
}

fn check(entries: &Entries, model: &Model, index: &mut SubjectIndex, from: u64) {
    let live = || model.values().filter(|entry| entry.subject.is_some()).copied();
    assert_eq!(entries.live(), live().count());
    assert_eq!(entries.records(), model.len());
    assert_eq!(entries.live_bytes(), live().map(|entry| u64::from(entry.extent.len())).sum::<u64>());
    assert_eq!(entries.first(), live().next());
    assert!(entries.iter().eq(model.values().copied()));
    assert_eq!(entries.get(from), live().find(|entry| entry.sequence == from));
    for filters in [&[][..], &[b"a.1".as_slice()], &[b"nobody"], &[b"a.*"], &[b"c", b"b.>"]] {
        let ids: Vec<_> = (0..5).map(SubjectId).filter(|&id| index.choose(filters).contains(id)).collect();
        let wanted = || live().filter(|entry| entry.subject.is_some_and(|id| ids.contains(&id)));
        let mut choice = index.choose(filters);
        assert_eq!(entries.next(from, &mut choice), wanted().find(|entry| entry.sequence >= from));
        assert_eq!(entries.last(from, &mut choice), wanted().rfind(|entry| entry.sequence <= from));
        assert_eq!(entries.count(from, &mut choice), wanted().filter(|entry| entry.sequence >= from).count());
    }
    // As if each message came three nanoseconds after the one before it.
    let time_of = |entry: Entry| Ok::<_, ()>(i64::try_from(entry.sequence).unwrap() * 3);
    for time in [0, i64::try_from(from).unwrap() * 3 - 1, i64::try_from(from).unwrap() * 3] {
        assert_eq!(entries.first_at(time, time_of), Ok(live().find(|&entry| time_of(entry).unwrap() >= time)));
    }
    let mut runs = Vec::new();
    entries.live_runs(&mut |start, end| {
        runs.extend(start..=end);
        true
    });
    assert!(runs.into_iter().eq(live().map(|entry| entry.sequence)));
    let status = match model.get(&from) {
        None => Status::Absent,
        Some(entry) if entry.subject.is_some() => Status::Live(*entry),
        Some(entry) => Status::Deleted(*entry),
    };
    assert_eq!(entries.status(from), status);
}

proptest! {
    #[test]
    fn agrees_with_a_map(actions in prop::collection::vec((0..20_u8, 0..5_u32, any::<u16>()), 1..300)) {
        let base = 1000;
        let (mut entries, mut model, mut offset, mut index) = (Entries::new(base), Model::new(), 4096, subjects());
        for (action, subject, random) in actions {
            match action {
                0..12 => {
                    let extent = extent(offset, (30 + u32::from(random % 500)) | (u32::from(random % 4) << 30));
                    let sequence = entries.end() + if random % 32 == 0 { u64::from(random % 100) } else { 0 };
                    assert!(!entries.push(entries.end() - 1, extent, SubjectId(subject)) || sequence == base);
                    let removed = random % 7 == 0;
                    let subject = (!removed).then_some(SubjectId(subject));
                    assert!(match subject {
                        Some(id) => entries.push(sequence, extent, id),
                        None => entries.push_deleted(sequence, extent),
                    });
                    model.insert(sequence, Entry { sequence, extent, subject });
                    offset += extent.len();
                }
                12..18 => {
                    let sequence = match action {
                        12..14 => model.values().find(|it| it.subject.is_some()).map_or(base, |it| it.sequence),
                        _ => base + u64::from(random) % (entries.end() - base + 2),
                    };
                    let naive = model.get_mut(&sequence).filter(|entry| entry.subject.is_some());
                    assert_eq!(entries.remove(sequence), naive.as_deref().copied());
                    if let Some(entry) = naive {
                        entry.subject = None;
                    }
                }
                18 => entries = reload(&entries),
                _ => entries.skip_to(entries.end() + u64::from(random % 4)),
            }
            let from = base - 1 + u64::from(random) % (entries.end() - base + 3);
            check(&entries, &model, &mut index, from);
        }
    }

    #[test]
    fn loads_nothing_else(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(entries) = Entries::load(&mut Input(&bytes), 1_000_000) {
            // Never more records than fit below the limit.
            assert!(entries.memory() <= 1_000_000 / MIN_MESSAGE_BYTES * 20);
        }
    }
}

#[test]
fn truncated_images_are_refused() {
    let mut entries = Entries::new(7);
    for sequence in 0..50 {
        entries.push(7 + sequence * 3, extent(4096 + u32::try_from(sequence).unwrap() * 100, 90), SubjectId(3));
    }
    let mut bytes = Vec::new();
    entries.save(&mut bytes);
    for len in 0..bytes.len() {
        assert!(Entries::load(&mut Input(&bytes[..len]), u32::MAX).is_none());
    }
    assert!(Entries::load(&mut Input(&bytes), 5000).is_none());
}

#[test]
fn messages_that_are_alike_take_next_to_nothing() {
    let mut entries = Entries::new(5);
    for number in 0..1000_u32 {
        let gap = if number < 500 { 0 } else { 7 };
        assert!(entries.push(u64::from(number) + 5 + gap, extent(4096 + number * 170, 170), SubjectId(3)));
    }
    for sequence in [7, 8, 9] {
        entries.remove(sequence);
    }
    let mut bytes = Vec::new();
    entries.save(&mut bytes);
    assert!(bytes.len() < 50, "{}", bytes.len());
    assert_eq!(reload(&entries).iter().collect::<Vec<_>>(), entries.iter().collect::<Vec<_>>());
}

#[test]
fn memory_follows_the_records() {
    let mut dense = Entries::new(1);
    assert_eq!(dense.memory(), 0);
    let mut sparse = dense.clone();
    for number in 0..1000_u32 {
        assert!(dense.push(u64::from(number) + 1, extent(number * 100, 100), SubjectId(0)));
        assert!(sparse.push(u64::from(number) * 1_000_000 + 1, extent(number * 100, 100), SubjectId(0)));
    }
    dense.seal();
    sparse.seal();
    assert_eq!(dense.memory(), 12_000);
    assert_eq!(sparse.memory(), 16_000);
    assert_eq!(sparse.get(5_000_001).map(|entry| entry.extent.offset), Some(500));
}

#[test]
fn sequences_too_far_from_the_base_are_refused() {
    let mut entries = Entries::new(u64::MAX - 1);
    assert!(entries.push(u64::MAX - 1, extent(0, 1), SubjectId(0)));
    assert!(!entries.push(u64::MAX, extent(1, 1), SubjectId(0)));
    let mut entries = Entries::new(1);
    assert!(!entries.push((1 << 32) + 1, extent(0, 1), SubjectId(0)));
    assert!(entries.push(1 << 32, extent(0, 1), SubjectId(0)));
    assert_eq!(entries.next(u64::MAX, &mut Choice::Any), None);
    assert_eq!(entries.last(u64::MAX, &mut Choice::Any).map(|entry| entry.sequence), Some(1 << 32));
}
