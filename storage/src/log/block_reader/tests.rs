use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::log::{Accounting, Append, Log, LogOptions, Replay, RunLimit};
use crate::medium::Medium;
use crate::medium::crash::{CrashMedium, Fault, Rot};

const DIR: &str = "/log";

struct Nothing;

impl Replay for Nothing {
    fn notes(&mut self, _: &[u8]) {}
    fn message(&mut self, _: u64, _: i64, _: &[u8], _: &[u8]) {}
}

struct Scene {
    medium: CrashMedium,
    log: Log,
    reader: BlockReader,
}

impl Scene {
    fn new(segment_bytes: u32, compress: bool) -> Self {
        let medium = CrashMedium::new(1);
        medium.create_dir(DIR.as_ref()).unwrap();
        let description = Arc::new(b"described".to_vec());
        let options = LogOptions { segment_bytes, accounting: Accounting::File, compress, synced: false, description };
        let log = Log::create(Arc::new(medium.clone()), DIR.into(), options).unwrap();
        Self { medium, log, reader: BlockReader::new() }
    }

    fn append(&mut self, count: u64, payload_len: usize) {
        for _ in 0..count {
            let number = self.log.last_sequence() + 1;
            let headers: &[u8] = if number.is_multiple_of(3) { b"NATS/1.0\r\nA: b\r\n\r\n" } else { b"" };
            let payload = vec![u8::try_from(number % 251).unwrap(); payload_len];
            let subject = format!("s.{}", number % 7);
            let append =
                Append { time: 5, subject: subject.as_bytes(), headers, payload: &payload, marked: false, evict: 0 };
            self.log.append(&append).unwrap();
        }
    }

    fn commit(&mut self) {
        while let Some(commit) = self.log.take_commit(true) {
            self.log.finish_commit(commit.run()).unwrap();
        }
    }

    fn locate(&mut self, sequence: u64) -> Locator {
        self.log.locate(sequence).unwrap().expect("it is there")
    }

    /// Reads some messages in order, as one run, and holds them against single reads. Returns how many calls the disk saw.
    fn read_run(&mut self, sequences: &[u64]) -> u64 {
        let locators: Vec<Locator> = sequences.iter().map(|&sequence| self.locate(sequence)).collect();
        let single: Vec<StoredMessage> = locators.iter().map(|locator| locator.read().unwrap()).collect();
        let before = self.medium.calls();
        for (locator, single) in locators.iter().zip(&single) {
            let fetched = self.reader.read(locator, locators.last().map(Locator::end)).unwrap();
            assert_eq!(fetched.to_stored(), *single);
            assert_eq!(
                (fetched.sequence, fetched.time, fetched.subject),
                (single.sequence, single.time, &single.subject[..])
            );
            assert_eq!((fetched.headers, fetched.payload), (&single.headers[..], &single.payload[..]));
        }
        self.medium.calls() - before
    }

    fn segment(&self) -> std::path::PathBuf {
        self.medium.files().into_iter().find(|path| path.extension().is_some_and(|it| it == "seg")).unwrap()
    }
}

#[test]
fn one_read_of_the_disk_serves_a_run() {
    let mut scene = Scene::new(64 << 20, false);
    scene.append(10_000, 100);
    scene.commit();
    let all: Vec<u64> = (1..=10_000).collect();
    // About 1.4 MB: one block of 64 KiB, then blocks of 256 KiB.
    let calls = scene.read_run(&all);
    assert!((6..=8).contains(&calls), "{calls}");
    // What the run does not need is not read.
    scene.reader.clear();
    assert_eq!(scene.read_run(&all[100..110]), 1);
    let len: u32 = (101..=110).map(|sequence| scene.locate(sequence).extent.len()).sum();
    assert_eq!(scene.reader.block.len(), len as usize);
}

#[test]
fn a_lone_message_reads_only_what_it_needs() {
    let mut scene = Scene::new(64 << 20, false);
    scene.append(100, 1000);
    scene.commit();
    let locator = scene.locate(50);
    let before = scene.medium.calls();
    assert_eq!(scene.reader.read(&locator, None).unwrap().sequence, 50);
    assert_eq!(scene.medium.calls() - before, 1);
    assert_eq!(scene.reader.block.len(), locator.extent.len() as usize);
}

#[test]
fn blocks_of_which_little_is_wanted_become_small() {
    let mut scene = Scene::new(64 << 20, false);
    scene.append(50_000, 100);
    scene.commit();
    let some: Vec<u64> = (1..=50_000).step_by(2_500).collect();
    assert_eq!(scene.read_run(&some), some.len() as u64);
    assert!(scene.reader.block.len() <= MIN_BLOCK_BYTES, "{}", scene.reader.block.len());
}

#[test]
fn a_message_that_is_larger_than_a_block_is_read_whole() {
    let mut scene = Scene::new(64 << 20, false);
    scene.append(2, 300_000);
    scene.append(20, 10);
    scene.commit();
    let all: Vec<u64> = (1..=22).collect();
    assert!(scene.read_run(&all) <= 4);
}

#[test]
fn what_is_handed_out_stays_while_the_reader_goes_on() {
    let mut scene = Scene::new(64 << 20, false);
    scene.append(5_000, 100);
    scene.commit();
    let locators: Vec<Locator> = (1..=5_000).map(|sequence| scene.locate(sequence)).collect();
    let mut kept = Vec::new();
    for locator in &locators {
        kept.push(scene.reader.read(locator, locators.last().map(Locator::end)).unwrap().to_stored());
    }
    for (stored, locator) in kept.iter().zip(&locators) {
        assert_eq!(*stored, locator.read().unwrap());
    }
    // Nobody copied: parts of two neighbours lie in one piece of memory.
    let (first, second) = (kept[0].payload.as_ptr() as usize, kept[1].payload.as_ptr() as usize);
    assert_eq!(second - first, locators[1].extent.offset as usize - locators[0].extent.offset as usize);
}

#[test]
fn what_waits_for_a_commit_or_is_in_one_is_read_from_memory() {
    let mut scene = Scene::new(64 << 20, false);
    scene.append(10, 100);
    scene.commit();
    scene.append(10, 100);
    let commit = scene.log.take_commit(false).unwrap();
    scene.append(10, 100);
    let in_memory: Vec<u64> = (11..=30).collect();
    assert_eq!(scene.read_run(&in_memory), 0);
    let all: Vec<u64> = (1..=30).collect();
    // The file ends within the run.
    assert!(scene.read_run(&all) <= 2);
    scene.log.finish_commit(commit.run()).unwrap();
    scene.read_run(&all);
}

#[test]
fn a_block_that_is_older_than_a_message_is_not_believed() {
    let mut scene = Scene::new(64 << 20, false);
    scene.append(1, 100);
    scene.commit();
    let (first, len) = (scene.locate(1), 4096);
    scene.append(5, 100);
    scene.commit();
    // As if the block had been read before the last commit.
    scene.reader.fill(&first.file, first.extent.offset, len).unwrap();
    let mut old = scene.reader.block.to_vec();
    old[first.extent.len() as usize..].fill(0);
    old.resize(len, 0);
    scene.reader.block = old.into();
    assert!(scene.read_run(&[1, 2, 3, 4, 5, 6]) > 0);
}

#[test]
fn a_damaged_record_is_an_error_of_that_record_only() {
    for compress in [false, true] {
        let mut scene = Scene::new(64 << 20, compress);
        scene.append(1_000, 100);
        scene.commit();
        let locators: Vec<Locator> = (1..=1_000).map(|sequence| scene.locate(sequence)).collect();
        for sequence in [300_usize, 301, 640] {
            let extent = locators[sequence - 1].extent;
            let at = u64::from(extent.offset) + 3 * u64::try_from(sequence).unwrap() % u64::from(extent.len());
            scene.medium.rot(&scene.segment(), &Rot::Flip(at, 3)).unwrap();
        }
        for locator in &locators {
            let read = scene.reader.read(locator, locators.last().map(Locator::end));
            let is_bad = [300, 301, 640].contains(&locator.sequence());
            assert_eq!(matches!(read, Err(StorageError::Damaged { .. })), is_bad, "{}", locator.sequence());
        }
    }
}

#[test]
fn an_error_of_a_block_is_not_one_of_its_messages() {
    let mut scene = Scene::new(64 << 20, false);
    scene.append(1_000, 100);
    scene.commit();
    let locators: Vec<Locator> = (1..=1_000).map(|sequence| scene.locate(sequence)).collect();
    scene.medium.fail_at(scene.medium.calls() + 1, Fault::Io);
    assert!(scene.reader.read(&locators[0], locators.last().map(Locator::end)).is_ok());
    scene.medium.fail_from(scene.medium.calls() + 1, Fault::Io);
    assert!(matches!(
        scene.reader.read(&locators[500], locators.last().map(Locator::end)),
        Err(StorageError::Io { .. })
    ));
    scene.medium.forget_faults();
    assert_eq!(scene.reader.read(&locators[500], locators.last().map(Locator::end)).unwrap().sequence, 501);
}

#[test]
fn compressed_segments_read_alike() {
    let mut scene = Scene::new(300_000, true);
    scene.append(9_000, 100);
    scene.commit();
    while let Some(upkeep) = scene.log.take_upkeep(&mut Vec::new) {
        scene.log.finish_upkeep(upkeep.run());
        scene.commit();
    }
    let size: usize = scene.medium.files().iter().map(|path| scene.medium.contents(path).unwrap().len()).sum();
    assert!(size < 700_000, "{size}: nothing is compressed");
    let all: Vec<u64> = (1..=9_000).collect();
    scene.read_run(&all);
    // Header and bytes of each of the blocks of 64 KiB, once.
    scene.reader.clear();
    assert!(scene.read_run(&all) < 60);
    scene.read_run(&[8_000, 8_001, 8_500]);
    scene.read_run(&[5]);
}

#[test]
fn files_may_go_while_a_reader_has_a_block() {
    let mut scene = Scene::new(8_192, false);
    scene.append(200, 100);
    scene.commit();
    let before = scene.medium.files().len();
    let all: Vec<u64> = (1..=200).collect();
    scene.read_run(&all);
    let locator = scene.locate(150);
    scene.log.remove_below(1_000).unwrap();
    scene.commit();
    assert!(scene.medium.files().len() < before);
    // Its file is kept.
    assert_eq!(scene.reader.read(&locator, None).unwrap().sequence, 150);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_single_reads(
        sizes in proptest::collection::vec(0..20_000_usize, 1..60),
        runs in proptest::collection::vec((0..60_usize, 0..60_usize, 1..9_usize), 1..12),
        (segment_bytes, compress, reopens) in (8_192..200_000_u32, any::<bool>(), any::<bool>()),
    ) {
        let mut scene = Scene::new(segment_bytes, compress);
        for &size in &sizes {
            scene.append(1, size);
            if size % 3 == 0 {
                scene.commit();
            }
        }
        if compress {
            scene.commit();
            while let Some(upkeep) = scene.log.take_upkeep(&mut Vec::new) {
                scene.log.finish_upkeep(upkeep.run());
                scene.commit();
            }
        }
        if reopens {
            scene.commit();
            let options = LogOptions {
                segment_bytes, accounting: Accounting::File, compress, synced: false, description: Arc::new(b"d".to_vec()),
            };
            scene.log = Log::open(Arc::new(scene.medium.clone()), Path::new(DIR).into(), options, &mut Nothing).unwrap();
        }
        for (start, len, step) in runs {
            let last = scene.log.last_sequence();
            let start = 1 + start as u64 % last;
            let run: Vec<u64> = (start..=last.min(start + len as u64)).step_by(step).collect();
            scene.read_run(&run);
        }
    }
}

/// Runs from the first message on, read, against the same messages one by one.
fn read_in_runs(scene: &mut Scene, filters: &[&[u8]], limit: RunLimit) -> Vec<u64> {
    let up_to = scene.log.last_sequence();
    let (mut from, mut seen) = (1, Vec::new());
    while let Some(run) = scene.log.run_within(filters, from, up_to, limit) {
        assert!((1..=limit.messages).contains(&run.len()));
        assert!(
            run.body_bytes().take(run.len() - 1).sum::<usize>() < limit.bytes,
            "it ends with what reaches the limit"
        );
        for (number, sequence) in run.sequences().enumerate() {
            let single = scene.log.next_within(filters, from, up_to).unwrap().expect("there is one").1;
            assert_eq!(single.sequence(), sequence);
            let read = scene.reader.read_of(&run, number, Some(run.end())).unwrap().to_stored();
            assert_eq!(read, single.read().unwrap());
            from = sequence + 1;
            seen.push(sequence);
        }
        assert_eq!(run.last_sequence() + 1, from);
    }
    seen
}

#[test]
fn runs_are_the_messages_that_are_there_in_order() {
    // Segments of about ten messages.
    let mut scene = Scene::new(1 << 10, false);
    for _ in 0..10 {
        scene.append(20, 100);
        scene.commit();
    }
    for sequence in [1, 2, 50, 99, 100, 101, 200] {
        scene.log.remove(sequence).unwrap();
    }
    scene.commit();
    let all: Vec<u64> = (1..=200).filter(|it| scene.log.locate(*it).unwrap().is_some()).collect();
    assert_eq!(all.len(), 193);
    for limit in [(1, usize::MAX), (7, usize::MAX), (64, 300), (1000, usize::MAX), (5, 1)] {
        let limit = RunLimit { messages: limit.0, bytes: limit.1 };
        assert_eq!(read_in_runs(&mut scene, &[], limit), all);
        let some: Vec<u64> = all.iter().copied().filter(|it| it % 7 == 3).collect();
        assert_eq!(read_in_runs(&mut scene, &[b"s.3"], limit), some);
        let some: Vec<u64> = all.iter().copied().filter(|it| matches!(it % 7, 3 | 5)).collect();
        assert_eq!(read_in_runs(&mut scene, &[b"s.3", b"s.5"], limit), some);
        assert_eq!(read_in_runs(&mut scene, &[b"other"], limit), [0; 0]);
    }
}

#[test]
fn a_run_ends_before_what_waits_for_a_commit() {
    let mut scene = Scene::new(64 << 20, false);
    let limit = RunLimit { messages: 100, bytes: usize::MAX };
    scene.append(3, 100);
    assert!(scene.log.run_within(&[], 1, 3, limit).is_none(), "it is found one by one");
    let commit = scene.log.take_commit(true).unwrap();
    scene.append(2, 100);
    assert!(scene.log.run_within(&[], 1, 5, limit).is_none());
    scene.log.finish_commit(commit.run()).unwrap();
    assert_eq!(scene.log.run_within(&[], 1, 5, limit).unwrap().last_sequence(), 3);
    assert_eq!(scene.log.run_within(&[], 1, 2, limit).unwrap().last_sequence(), 2);
    assert!(scene.log.run_within(&[], 4, 5, limit).is_none());
    scene.commit();
    assert_eq!(scene.log.run_within(&[], 1, 5, limit).unwrap().len(), 5);
}

#[test]
fn a_run_that_was_found_stays_readable() {
    let mut scene = Scene::new(1 << 10, false);
    scene.append(40, 100);
    scene.commit();
    let run = scene.log.run_within(&[], 1, 40, RunLimit { messages: 100, bytes: usize::MAX }).unwrap();
    // As a purge does while somebody is about to read.
    scene.log.remove_below(41).unwrap();
    scene.commit();
    for number in 0..run.len() {
        assert_eq!(scene.reader.read_of(&run, number, Some(run.end())).unwrap().sequence, number as u64 + 1);
    }
    assert!(scene.reader.read_of(&run, run.len(), None).is_err());
}
