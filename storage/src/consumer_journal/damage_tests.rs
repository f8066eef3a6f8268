//! Damage to a journal at rest: every byte, every page, every length. What is hit is lost, and nothing else.

use std::path::Path;

use super::format::{self, DecodedHeader, FILE_HEADER_BYTES, FileHeader, PAGE_BYTES, RecordHeader};
use super::*;
use crate::medium::memory::Memory;

const DIR: &str = "/d";

/// A file, and what is in it.
struct Sample {
    name: String,
    file: Vec<u8>,
    consumers: Vec<Recovered>,
    /// Of every delta: which bytes it takes.
    deltas: BTreeMap<Vec<u8>, std::ops::Range<usize>>,
}

fn delta(id: u64, number: usize) -> Vec<u8> {
    format!("{id} {number} {}", "d".repeat(number % 40)).into_bytes()
}

fn open(name: &str, file: &[u8]) -> (ConsumerJournal, Vec<Recovered>, u64, Memory) {
    let medium = Memory::new();
    medium.create_dir(DIR.as_ref()).unwrap();
    medium.create(&Path::new(DIR).join(name)).unwrap().write_all_at(file, 0).unwrap();
    let (journal, consumers, lost) = ConsumerJournal::open(Arc::new(medium.clone()), DIR.into()).unwrap();
    (journal, consumers, lost, medium)
}

fn sample() -> Sample {
    let medium = Memory::new();
    medium.create_dir(DIR.as_ref()).unwrap();
    let (mut journal, ..) = ConsumerJournal::open(Arc::new(medium.clone()), DIR.into()).unwrap();
    journal.begin_rewrite((1..4).map(|id| (id, "c".repeat(200), Some(format!("snapshot {id}")))));
    for round in 0..12 {
        for id in if round > 8 { 2..4 } else { 1..4 } {
            journal.delta(id, &delta(id, round));
        }
        match round {
            3 => journal.put_config(4, b"four"),
            5 => journal.delta(4, b"4 0"),
            6 => journal.snapshot(2, b"another"),
            8 => journal.delete(1),
            _ => {}
        }
        let write = journal.take_write(false).unwrap();
        journal.finish_write(write.run()).unwrap();
    }
    let name = medium.list(DIR.as_ref()).unwrap().pop().unwrap();
    let file = medium.open(&Path::new(DIR).join(&name)).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_full_at(&mut bytes, 0).unwrap();
    let (_, consumers, lost, _) = open(&name, &bytes);
    assert_eq!((consumers.len(), lost), (3, 0));
    let deltas = find_deltas(&bytes);
    assert_eq!(deltas.len(), 9 + 2 * 12 + 1);
    Sample { name, file: bytes, consumers, deltas }
}

fn find_deltas(file: &[u8]) -> BTreeMap<Vec<u8>, std::ops::Range<usize>> {
    let DecodedHeader::Valid(header) = FileHeader::find(file) else { panic!("no header") };
    let record = |at: usize| RecordHeader::decode(&file[at..], header.salt.at(u32::try_from(at).unwrap()));
    let records = (FILE_HEADER_BYTES..file.len()).filter_map(|at| Some((at, record(at)?)));
    let deltas = records.filter(|(_, record)| record.kind == format::Kind::Delta);
    deltas.map(|(at, record)| (record.body(&file[at..]).unwrap().to_vec(), at..at + record.record_len())).collect()
}

impl Sample {
    /// Opens the file, of which the bytes in `hit` are not what they were.
    fn check(&self, file: &[u8], hit: &std::ops::Range<usize>) {
        let is_hit = |delta: &Vec<u8>| {
            let place = &self.deltas[delta];
            place.start < hit.end && hit.start < place.end
        };
        let (mut journal, consumers, lost, medium) = open(&self.name, file);
        assert_eq!(consumers.len(), self.consumers.len(), "{hit:?}");
        let mut is_any_hit = false;
        for (found, whole) in consumers.iter().zip(&self.consumers) {
            assert_eq!(
                (found.id, &found.config, &found.snapshot),
                (whole.id, &whole.config, &whole.snapshot),
                "{hit:?}"
            );
            let intact: Vec<_> = whole.deltas.iter().filter(|delta| !is_hit(delta)).cloned().collect();
            let front = whole.deltas.iter().take_while(|delta| !is_hit(delta)).count();
            is_any_hit |= intact.len() < whole.deltas.len();
            assert_eq!(found.deltas, intact[..front], "{hit:?}");
            assert_eq!(found.behind, intact[front..], "{hit:?}");
            assert_eq!(found.damaged, front < intact.len(), "{hit:?}");
        }
        let last_write = self.deltas.values().map(|place| place.end).max().unwrap() - 300;
        assert!(!is_any_hit || lost > 0 || hit.end > last_write, "{hit:?}: not reported");
        // All goes on, in a new file.
        journal.begin_rewrite(consumers.iter().map(|it| (it.id, &it.config, it.snapshot.as_ref())));
        let write = journal.take_write(true).unwrap();
        journal.finish_write(write.run()).unwrap();
        let (_, again, lost) = ConsumerJournal::open(Arc::new(medium.clone()), DIR.into()).unwrap();
        let configs = |all: &[Recovered]| all.iter().map(|it| (it.id, it.config.clone())).collect::<Vec<_>>();
        assert_eq!((configs(&again), lost), (configs(&consumers), 0));
        assert_eq!(medium.list(DIR.as_ref()).unwrap().len(), 1);
    }
}

#[test]
fn every_byte_may_change() {
    let sample = sample();
    let mut file = sample.file.clone();
    for at in (0..file.len()).filter(|&at| sample.file[at] != 0 || at % 61 == 0) {
        for bits in [1 << (at % 8), 0xff] {
            file[at] ^= bits;
            sample.check(&file, &(at..at + 1));
            file[at] ^= bits;
        }
    }
}

#[test]
fn every_page_and_sector_may_be_lost() {
    let sample = sample();
    for size in [512, PAGE_BYTES] {
        for start in (0..sample.file.len()).step_by(size) {
            let end = sample.file.len().min(start + size);
            for byte in [0, 0xff, 1] {
                let mut file = sample.file.clone();
                file[start..end].fill(byte);
                sample.check(&file, &(start..end));
            }
            // Another page of the same file lies there: it was written to the wrong place.
            let mut file = sample.file.clone();
            let from = (start + PAGE_BYTES) % (file.len() - size);
            file.copy_within(from..from + (end - start), start);
            sample.check(&file, &(start..end));
        }
    }
}

#[test]
fn every_length_is_recovered_from() {
    let sample = sample();
    for len in 0..sample.file.len() {
        let (_, consumers, ..) = open(&sample.name, &sample.file[..len]);
        for found in &consumers {
            assert!(found.deltas.iter().chain(&found.behind).all(|delta| sample.deltas[delta].end <= len));
            assert!(!found.damaged, "{len}: what is not there was not finished");
        }
    }
}

#[test]
fn a_file_that_nobody_understands_stays_where_it_is() {
    let sample = sample();
    let (mut journal, consumers, lost, medium) = open(&sample.name, &[7; 10_000]);
    assert!(consumers.is_empty() && lost == 1);
    journal.begin_rewrite([(1, "one", None::<&str>)]);
    let write = journal.take_write(true).unwrap();
    journal.finish_write(write.run()).unwrap();
    assert_eq!(medium.list(DIR.as_ref()).unwrap().len(), 2);
    let (_, consumers, lost) = ConsumerJournal::open(Arc::new(medium), DIR.into()).unwrap();
    assert_eq!((consumers.len(), lost), (1, 0));
}

#[test]
fn a_newer_format_is_an_error_and_nothing_is_touched() {
    let sample = sample();
    let mut file = sample.file.clone();
    file[8] = 2;
    let crc = crate::record::crc(0, &file[..60]);
    file[60..64].copy_from_slice(&crc.to_le_bytes());
    let medium = Memory::new();
    medium.create_dir(DIR.as_ref()).unwrap();
    medium.create(&Path::new(DIR).join(&sample.name)).unwrap().write_all_at(&file, 0).unwrap();
    let error = ConsumerJournal::open(Arc::new(medium.clone()), DIR.into()).unwrap_err();
    assert!(matches!(error, StorageError::NewerFormat { found: 2, supported: 1, .. }));
    assert_eq!(medium.list(DIR.as_ref()).unwrap(), [sample.name]);
}
