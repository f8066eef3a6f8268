use std::path::Path;

use super::format::{DecodedHeader, FileHeader, PAGE_BYTES};
use super::*;
use crate::medium::memory::Memory;

const DIR: &str = "/d";

/// Consumers as their owner has them: id, configuration, and all that happened to them.
type Owned = Vec<(u64, &'static str, Option<&'static str>)>;

fn open(medium: &Memory) -> (ConsumerJournal, Vec<Recovered>) {
    let (journal, consumers, lost) = ConsumerJournal::open(Arc::new(medium.clone()), DIR.into()).unwrap();
    assert_eq!(lost, 0);
    (journal, consumers)
}

fn medium() -> Memory {
    let medium = Memory::new();
    medium.create_dir(DIR.as_ref()).unwrap();
    medium
}

fn write(journal: &mut ConsumerJournal, all: &Owned) {
    if journal.wants_rewrite() {
        journal.begin_rewrite(all.iter().copied());
    }
    if let Some(write) = journal.take_write(true) {
        journal.finish_write(write.run()).unwrap();
    }
}

fn texts(parts: &[Vec<u8>]) -> Vec<&str> {
    parts.iter().map(|part| std::str::from_utf8(part).unwrap()).collect()
}

fn contents(medium: &Memory) -> Vec<u8> {
    let name = medium.list(DIR.as_ref()).unwrap().pop().unwrap();
    let file = medium.open(&Path::new(DIR).join(name)).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_full_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn no_journal_is_one_without_consumers_and_costs_nothing() {
    let medium = medium();
    let (mut journal, consumers) = open(&medium);
    assert!(consumers.is_empty() && journal.wants_rewrite() && !journal.is_dirty());
    assert!(journal.take_write(true).is_none());
    assert!(medium.list(DIR.as_ref()).unwrap().is_empty());
}

#[test]
fn what_was_noted_is_there_after_a_restart() {
    let medium = medium();
    let (mut journal, _) = open(&medium);
    write(&mut journal, &vec![(1, "one", None), (2, "two", Some("s"))]);
    journal.delta(1, b"1a");
    journal.delta(2, b"2a");
    journal.put_config(3, b"three");
    write(&mut journal, &Vec::new());
    journal.snapshot(2, b"S");
    journal.delta(1, b"1b");
    journal.delta(2, b"2b");
    journal.put_config(1, b"ONE");
    journal.delete(3);
    write(&mut journal, &Vec::new());
    let (journal, consumers) = open(&medium);
    assert!(journal.wants_rewrite());
    let [one, two] = &consumers[..] else { panic!("{consumers:?}") };
    assert_eq!((one.id, &one.config[..], &one.snapshot, texts(&one.deltas)), (1, &b"ONE"[..], &None, vec!["1a", "1b"]));
    assert_eq!((two.id, &two.config[..], texts(&two.deltas)), (2, &b"two"[..], vec!["2b"]));
    assert_eq!(two.snapshot.as_deref(), Some(&b"S"[..]));
    assert!(!one.damaged && !two.damaged && one.behind.is_empty());
}

#[test]
fn a_rewrite_stands_for_all_before_it() {
    let medium = medium();
    let (mut journal, _) = open(&medium);
    write(&mut journal, &vec![(1, "one", None)]);
    journal.delta(1, b"a");
    journal.begin_rewrite([(1, "one", Some("a"))]);
    journal.delta(1, b"b");
    write(&mut journal, &Vec::new());
    journal.delta(1, b"c");
    write(&mut journal, &Vec::new());
    let (_, consumers) = open(&medium);
    assert_eq!(consumers[0].snapshot.as_deref(), Some(&b"a"[..]));
    assert_eq!(texts(&consumers[0].deltas), ["b", "c"]);
    assert_eq!(medium.list(DIR.as_ref()).unwrap(), ["consumers-0000000000000002.journal"]);
}

#[test]
fn one_write_is_under_way_at_a_time_and_what_comes_meanwhile_waits() {
    let medium = medium();
    let (mut journal, _) = open(&medium);
    journal.begin_rewrite([(1, "one", None::<&str>)]);
    let first = journal.take_write(false).unwrap();
    journal.delta(1, b"a");
    assert!(journal.take_write(true).is_none() && !journal.wants_rewrite());
    journal.finish_write(first.run()).unwrap();
    assert!(journal.pending_bytes() > 0);
    write(&mut journal, &Vec::new());
    assert_eq!(journal.pending_bytes(), 0);
    assert_eq!(texts(&open(&medium).1[0].deltas), ["a"]);
}

#[test]
fn it_asks_to_be_rewritten_when_it_has_grown() {
    let medium = medium();
    let (mut journal, _) = open(&medium);
    write(&mut journal, &vec![(1, "one", None)]);
    let mut writes = 0;
    while !journal.wants_rewrite() {
        journal.delta(1, &[0; 1000]);
        write(&mut journal, &Vec::new());
        writes += 1;
    }
    assert!((900..1_100).contains(&writes), "{writes}");
    write(&mut journal, &vec![(1, "one", Some("all"))]);
    assert!(!journal.wants_rewrite());
    assert!(contents(&medium).len() < 10_000);
}

#[test]
fn copies_never_lie_in_one_page() {
    let medium = medium();
    let (mut journal, _) = open(&medium);
    let config = "c".repeat(1_000);
    journal.begin_rewrite((1..8).map(|id| (id, &config, Some(&config))));
    write(&mut journal, &Vec::new());
    for id in 8..20 {
        journal.put_config(id, config.as_bytes());
        journal.delta(id, b"d");
        journal.snapshot(id - 5, config.as_bytes());
        journal.delete(id - 6);
        write(&mut journal, &Vec::new());
    }
    let file = contents(&medium);
    let DecodedHeader::Valid(header) = FileHeader::find(&file) else { panic!("no header") };
    let mut pages = BTreeMap::<u64, Vec<std::ops::RangeInclusive<usize>>>::new();
    for at in 0..file.len() {
        let seed = header.salt.at(u32::try_from(at).unwrap());
        if let Some(record) = format::RecordHeader::decode(&file[at..], seed) {
            assert!(record.body(&file[at..]).is_some());
            let last = at + record.record_len() - 1;
            pages.entry(record.number).or_default().push(at / PAGE_BYTES..=last / PAGE_BYTES);
            assert_eq!(record.is_copy, pages[&record.number].len() == 2);
        }
    }
    assert_eq!(pages.len(), 14 + 12 * 4);
    let twice: Vec<_> = pages.values().filter(|places| places.len() == 2).collect();
    assert_eq!(twice.len(), 14 + 12 * 3);
    assert!(twice.iter().all(|places| places[0].end() < places[1].start()));
}

#[test]
fn a_copy_is_kept_of_what_was_read() {
    let medium = medium();
    write(&mut open(&medium).0, &vec![(1, "one", None)]);
    let original = contents(&medium);
    let (mut journal, _) = open(&medium);
    let kept = journal.keep_copy().unwrap().unwrap();
    assert_eq!(journal.keep_copy().unwrap().as_ref(), Some(&kept), "once is enough");
    write(&mut journal, &vec![(2, "two", None)]);
    let (journal, consumers) = open(&medium);
    assert_eq!(consumers.len(), 1, "the copy is not read");
    assert!(journal.keep_copy().unwrap().is_some_and(|other| other != kept));
    let mut bytes = vec![0; original.len() + 1];
    let read = medium.open(&kept).unwrap().read_full_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes[..read], original);
}

#[test]
fn nothing_is_kept_of_nothing() {
    assert_eq!(open(&medium()).0.keep_copy().unwrap(), None);
}
