use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::varint::Input;

type Model = BTreeMap<Vec<u8>, Vec<u64>>;

/// The messages of one subject, looked through.
struct Naive<'a>(&'a [u64]);

impl Occurrences for Naive<'_> {
    fn next(&self, _: SubjectId, from: u64) -> Option<u64> {
        self.0.iter().copied().find(|&sequence| sequence >= from)
    }
    fn previous(&self, _: SubjectId, up_to: u64) -> Option<u64> {
        self.0.iter().copied().rfind(|&sequence| sequence <= up_to)
    }
}

fn check(index: &mut SubjectIndex, model: &Model, settle: bool) {
    assert_eq!(index.len(), model.len());
    for (name, sequences) in model {
        let id = index.id(name).expect("it has messages");
        assert_eq!(index.name(id), name);
        let naive =
            SubjectState { count: sequences.len() as u64, first: sequences[0], last: *sequences.last().unwrap() };
        let bounds = index.bounds(id);
        assert!(bounds.count == naive.count && bounds.first <= naive.first && bounds.last >= naive.last);
        assert!(index.first_is_stale(id) || bounds.first == naive.first);
        assert!(index.last_is_stale(id) || bounds.last == naive.last);
        if settle {
            assert_eq!(index.settle(id, &Naive(sequences)), naive);
            assert_eq!(index.bounds(id), naive);
        }
    }
    check_warm(index, model);
    check_filters(index, model);
}

/// What is warmed up is what is asked for, and what is not there does no harm.
fn check_warm(index: &SubjectIndex, model: &Model) {
    let mut names = model.keys().map(Vec::as_slice).chain([&b"not.there"[..]]);
    let subjects: [_; MAX_WARM] = std::array::from_fn(|_| names.next().unwrap_or_default());
    for (subject, last) in subjects.iter().zip(index.warm(&subjects)) {
        let real = index.id(subject).map(|id| index.bounds(id).last);
        // A few names look alike to the table.
        assert!(real.is_none() || real == Some(last) || index.len() > 1, "{subject:?}");
        assert!(!subject.is_empty() || last == 0);
    }
}

fn check_filters(index: &mut SubjectIndex, model: &Model) {
    for filters in [&[b"a.*".as_slice()][..], &[b">"], &[b"a.1"], &[b"a.1", b"b.>"], &[b"*.*.x", b"*.2"], &[]] {
        let wanted = |name: &[u8]| filters.is_empty() || filters.iter().any(|it| filter::matches(it, name));
        let all: Vec<_> = model.keys().map(|name| (name.clone(), index.id(name).unwrap())).collect();
        for (name, id) in all {
            assert_eq!(index.choose(filters).contains(id), wanted(&name), "{name:?} in {filters:?}");
        }
        let mut visited = Vec::new();
        if let Choice::Matching(mut chosen) = index.choose(filters) {
            chosen.visit(&mut |it| visited.push(it));
            let expected: Vec<_> = model.keys().filter(|name| wanted(name)).cloned().collect();
            let mut names: Vec<_> = visited.iter().map(|it| index.name(it.id).to_vec()).collect();
            names.sort();
            assert_eq!(names, expected, "{filters:?}");
        }
        assert!(visited.iter().all(|it| it.state == index.bounds(it.id)));
    }
    for filter in [&b"a.*"[..], b">", b"a.1", b"c", b"*.2"] {
        let mut found = Vec::new();
        index.visit(filter, &mut |id, name| {
            assert_eq!(index.name(id), name);
            found.push(name.to_vec());
            true
        });
        found.sort();
        let naive: Vec<_> = model.keys().filter(|name| filter::matches(filter, name)).cloned().collect();
        assert_eq!(found, naive);
    }
}

fn reload(index: &SubjectIndex) -> SubjectIndex {
    let mut bytes = Vec::new();
    index.save(&mut bytes);
    let mut input = Input(&bytes);
    let loaded = SubjectIndex::load(&mut input).expect("what was saved loads");
    assert!(input.is_empty());
    loaded
}

proptest! {
    #[test]
    fn agrees_with_a_map_of_lists(actions in prop::collection::vec((0..12_u8, 0..40_usize, any::<u8>()), 1..200)) {
        let (mut index, mut model, mut sequence) = (SubjectIndex::new(), Model::new(), 0);
        for (action, pick, random) in actions {
            match action {
                0..6 => {
                    sequence += 1 + u64::from(random % 3);
                    let name = format!("{}.{}{}", ["a", "b", "c"][pick % 3], pick % 5, ["", ".x"][pick % 2]).into_bytes();
                    index.append(&name, sequence).unwrap();
                    model.entry(name).or_default().push(sequence);
                }
                6..11 if !model.is_empty() => {
                    let name = model.keys().nth(pick % model.len()).unwrap().clone();
                    let list = model.get_mut(&name).unwrap();
                    // Often the ends, sometimes in between.
                    let place = [0, list.len() - 1, usize::from(random) % list.len()][usize::from(random) % 3];
                    let gone = list.remove(place);
                    let id = index.id(&name).unwrap();
                    if list.is_empty() {
                        model.remove(&name);
                    }
                    index.remove(id, gone);
                }
                _ => index = reload(&index),
            }
            check(&mut index, &model, random % 4 == 0);
        }
    }

    #[test]
    fn loads_nothing_else(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = SubjectIndex::load(&mut Input(&bytes));
    }
}

#[test]
fn truncated_images_are_refused() {
    let mut index = SubjectIndex::new();
    for sequence in 1..100_u64 {
        index.append(format!("subject.{}", sequence % 7).as_bytes(), sequence * 1000);
    }
    let mut bytes = Vec::new();
    index.save(&mut bytes);
    for len in 0..bytes.len() {
        assert!(SubjectIndex::load(&mut Input(&bytes[..len])).is_none());
    }
}

#[test]
fn a_hundred_thousand_subjects_take_little_memory() {
    let mut index = SubjectIndex::new();
    let subjects = 100_000_u32;
    for number in 0..subjects {
        index.append(format!("orders.eu.{number:014}").as_bytes(), u64::from(number) + 1);
    }
    assert_eq!(index.name(SubjectId(7)).len(), 24);
    let each = index.memory() / subjects as usize;
    assert!(each <= 75, "{each} bytes per subject");
}

#[test]
fn memory_comes_back_when_subjects_go() {
    let mut index = SubjectIndex::new();
    let name = |number: u64| format!("some.quite.long.subject.{number}").into_bytes();
    for round in 0..4 {
        for number in 0..10_000_u64 {
            index.append(&name(round * 10_000 + number), number + 1);
        }
        let full = index.memory();
        for number in 0..9_900_u64 {
            let id = index.id(&name(round * 10_000 + number)).unwrap();
            index.remove(id, number + 1);
        }
        // Slots stay for ids to come; names and the table shrink.
        assert!(index.names.memory() < full / 10 && index.slots.len() < 10_400);
    }
    assert_eq!(index.len(), 400);
}

#[test]
fn an_empty_index_keeps_little() {
    let mut index = SubjectIndex::new();
    assert_eq!(index.memory(), 0);
    for subjects in [1, 5000] {
        let ids: Vec<_> =
            (0..subjects).map(|it| (index.append(format!("a.{it}").as_bytes(), it + 1), it + 1)).collect();
        assert!(index.choose(&[b"*.7", b"a.*"]).contains(ids[0].0.unwrap()));
        for (id, sequence) in ids {
            index.remove(id.unwrap(), sequence);
        }
        assert!(index.memory() <= MAX_IDLE_BYTES);
    }
}

#[test]
fn impossible_names_are_refused() {
    let mut index = SubjectIndex::new();
    assert!(index.append(b"", 1).is_none());
    assert!(index.append(&vec![b'a'; 65_536], 1).is_none());
    assert!(index.append(&vec![b'a'; 65_535], 1).is_some());
}
