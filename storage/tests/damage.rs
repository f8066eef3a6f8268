//! Damage to the files of a log, everywhere, one at a time: it opens, serves no wrong byte, loses what was hit and no more,
//! and gives no sequence out again.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

use embus_storage::error::StorageError;
use embus_storage::log::{Accounting, Append, Log, LogOptions, Replay};
use embus_storage::medium::memory::Memory;
use embus_storage::medium::{File, Medium};
use embus_storage::message::StoredMessage;
use embus_storage::record::{HEADER_BYTES, Kind};
use embus_storage::segment::{DecodedHeader, RECORDS_START, Scanned, Scanner, SegmentHeader, SegmentName};

const DIR: &str = "/log";

type Files = BTreeMap<String, Vec<u8>>;

/// A store, and what is in it.
struct Sample {
    files: Files,
    /// All messages that were ever appended.
    messages: BTreeMap<u64, StoredMessage>,
    live: BTreeSet<u64>,
    last: u64,
    /// Up to here the files say that it is durable. What is behind that may be missing because of a power cut.
    synced: u64,
    /// Where the records of messages lie: file, first byte, one behind the last.
    records: BTreeMap<u64, (String, usize, usize)>,
    /// Where records lie that say of other messages that they are gone.
    removals: Vec<(String, usize, usize)>,
    /// The same of messages that evict one, and which.
    evictions: BTreeMap<u64, (String, usize, usize)>,
}

/// How much is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// A record or a page at most: removals survive that.
    Page,
    /// More.
    File,
}

/// Memory that counts as a disk.
#[derive(Debug)]
struct Persistent(Memory);

impl Medium for Persistent {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.0.create(path)
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.0.open(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir(path)
    }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.0.remove_dir_all(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.sync_dir(path)
    }
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.0.free_bytes(path)
    }
    fn boot_id(&self) -> u128 {
        self.0.boot_id()
    }
    fn lock(&self, dir: &Path) -> Result<Box<dyn Send + Sync + Debug>, StorageError> {
        self.0.lock(dir)
    }
    fn is_persistent(&self) -> bool {
        true
    }
}

struct Nothing;

impl Replay for Nothing {
    fn notes(&mut self, _: &[u8]) {}
    fn message(&mut self, _: u64, _: i64, _: &[u8], _: &[u8]) {}
}

fn options() -> LogOptions {
    LogOptions {
        segment_bytes: 8192,
        accounting: Accounting::File,
        compress: false,
        synced: true,
        description: Arc::new(b"described".to_vec()),
    }
}

fn open(files: &Files) -> (Log, Arc<dyn Medium>) {
    let medium: Arc<dyn Medium> = Arc::new(Persistent(Memory::new()));
    medium.create_dir(DIR.as_ref()).unwrap();
    for (name, bytes) in files {
        medium.create(&Path::new(DIR).join(name)).unwrap().write_all_at(bytes, 0).unwrap();
    }
    (reopen(&medium), medium)
}

fn reopen(medium: &Arc<dyn Medium>) -> Log {
    Log::open(Arc::clone(medium), DIR.into(), options(), &mut Nothing).expect("damage is no error")
}

fn read_files(medium: &dyn Medium) -> Files {
    let read = |name: String| {
        let file = medium.open(&Path::new(DIR).join(&name)).unwrap();
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_full_at(&mut bytes, 0).unwrap();
        (name, bytes)
    };
    medium.list(DIR.as_ref()).unwrap().into_iter().map(read).collect()
}

fn commit(log: &mut Log) {
    if let Some(commit) = log.take_commit(true) {
        log.finish_commit(commit.run()).unwrap();
    }
}

/// So many messages, some of them removed in every way there is.
fn sample(count: u64, closed: bool) -> Sample {
    let medium: Arc<dyn Medium> = Arc::new(Persistent(Memory::new()));
    medium.create_dir(DIR.as_ref()).unwrap();
    let mut log = Log::create(Arc::clone(&medium), DIR.into(), options()).unwrap();
    let (mut messages, mut commits) = (BTreeMap::new(), vec![0]);
    for number in 1..=count {
        let subject = format!("subject.{}", number % 5);
        let headers: &[u8] = if number % 3 == 0 { b"NATS/1.0\r\nA: b\r\n\r\n" } else { b"" };
        let payload = vec![u8::try_from(number % 251).unwrap(); usize::try_from(number * 37 % 150).unwrap()];
        let evict = u64::from(number % 7 == 0);
        let time = i64::try_from(number).unwrap() * 10;
        let append = Append { time, subject: subject.as_bytes(), headers, payload: &payload, marked: false, evict };
        let sequence = log.append(&append).unwrap();
        messages.insert(sequence, log.locate(sequence).unwrap().unwrap().read().unwrap());
        if number % 10 == 9 {
            log.remove(number - 4).unwrap();
        }
        if number % 4 == 0 {
            commit(&mut log);
            commits.push(number);
        }
    }
    commit(&mut log);
    let live = live(&mut log).into_keys().collect();
    let last = log.last_sequence();
    if closed {
        log.close(b"").unwrap();
    }
    let synced = if closed { last } else { commits[commits.len() - 2] };
    let (files, records) = (read_files(&*medium), BTreeMap::new());
    let mut sample =
        Sample { files, messages, live, last, synced, records, removals: Vec::new(), evictions: BTreeMap::new() };
    sample.find_records(&*medium);
    sample
}

/// What a log says it holds, read.
fn live(log: &mut Log) -> BTreeMap<u64, Option<StoredMessage>> {
    let (mut all, mut from) = (BTreeMap::new(), 0);
    while let Some((sequence, locator)) = log.next(&[], from).unwrap() {
        all.insert(sequence, locator.read().ok());
        from = sequence + 1;
    }
    all
}

impl Sample {
    fn find_records(&mut self, medium: &dyn Medium) {
        for (name, bytes) in &self.files {
            let DecodedHeader::Valid { header, .. } = SegmentHeader::decode(bytes) else { panic!("{name}") };
            let file = medium.open(&Path::new(DIR).join(name)).unwrap();
            let mut scanner = Scanner::new(&*file, header.salt, RECORDS_START, u32::MAX).unwrap();
            while let Scanned::Record { offset, header: record, bytes } = scanner.next().unwrap() {
                let place = (name.clone(), offset as usize, offset as usize + bytes.len());
                if record.kind == Kind::Removal {
                    self.removals.push(place.clone());
                }
                if record.kind == Kind::Message {
                    let sequence = header.base + u64::from(record.relative);
                    let message = record.message(&bytes[HEADER_BYTES..]).unwrap();
                    if message.evicts > 0 {
                        self.evictions.insert(sequence - u64::from(message.evicts), place.clone());
                    }
                    self.records.insert(sequence, place);
                }
            }
        }
        assert_eq!(self.records.len(), self.messages.len());
    }

    /// Opens the files, of which the bytes `start..end` of one are not what they were.
    fn check(&self, files: &Files, name: &str, (start, end): (usize, usize), extent: Extent) {
        let what = format!("{name} {start}..{end}");
        let hit = |place: &(String, usize, usize)| place.0 == name && place.1 < end && start < place.2;
        let (mut log, medium) = open(files);
        let found = live(&mut log);
        for (sequence, message) in &found {
            assert_eq!(message.as_ref(), self.messages.get(sequence), "{what}: {sequence}");
        }
        let missing: Vec<u64> = self.live.iter().copied().filter(|it| !found.contains_key(it)).collect();
        for sequence in &missing {
            assert!(hit(&self.records[sequence]), "{what}: {sequence} is gone");
        }
        let removal_hit = extent == Extent::File && self.removals.iter().any(hit);
        for sequence in found.keys().filter(|sequence| !self.live.contains(sequence)) {
            let is_evicted = self.evictions.get(sequence).is_some_and(hit);
            assert!(removal_hit || is_evicted, "{what}: {sequence} is back");
        }
        let state = log.state();
        assert_eq!(state.messages, found.len() as u64, "{what}");
        let is_lost = missing.iter().any(|&it| it <= self.synced);
        assert!(!is_lost || state.lost_messages > 0, "{what}: not reported");
        self.check_goes_on(log, &medium, found, &what);
    }

    /// What is appended gets a new sequence, and is there after the next start with all the rest.
    fn check_goes_on(
        &self,
        mut log: Log,
        medium: &Arc<dyn Medium>,
        mut found: BTreeMap<u64, Option<StoredMessage>>,
        what: &str,
    ) {
        let append = Append { time: 0, subject: b"new", headers: b"", payload: b"x", marked: false, evict: 0 };
        for _ in 0..2 {
            let sequence = log.append(&append).unwrap();
            assert!(sequence > self.last, "{what}: {sequence} was given out before");
            found.insert(sequence, Some(log.locate(sequence).unwrap().unwrap().read().unwrap()));
            commit(&mut log);
        }
        let state = log.state();
        assert_eq!(live(&mut log), found, "{what}");
        for _ in 0..2 {
            log = reopen(medium);
            assert_eq!(live(&mut log), found, "{what}");
            assert_eq!(log.last_sequence(), state.last_sequence, "{what}");
        }
    }
}

fn samples() -> [Sample; 4] {
    [sample(12, true), sample(12, false), sample(80, true), sample(80, false)]
}

/// Every place in a file that holds something, and some of those between.
fn places(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let (last, step) = (bytes.iter().rposition(|&byte| byte != 0).unwrap_or(0), if bytes.len() > 6000 { 7 } else { 1 });
    (0..bytes.len()).filter(move |&place| match () {
        () if place > last => place % 2048 == 0,
        () if (200..3072).contains(&place) => place % 64 == 0,
        () => place % step == 0,
    })
}

#[test]
fn nothing_happens_to_intact_files() {
    for sample in samples() {
        let (mut log, medium) = open(&sample.files);
        let found = live(&mut log);
        assert!(found.keys().eq(&sample.live));
        let state = log.state();
        assert_eq!((state.lost_messages, state.lost_bytes, state.last_sequence), (0, 0, sample.last));
        assert_eq!(Log::read_description(&*medium, DIR.as_ref()).as_deref(), Some(&b"described"[..]));
        sample.check_goes_on(log, &medium, found, "intact");
    }
}

#[test]
fn every_byte_may_change() {
    for sample in samples() {
        for (name, bytes) in &sample.files {
            let mut files = sample.files.clone();
            for place in places(bytes) {
                let flip = |files: &mut Files| files.get_mut(name).unwrap()[place] ^= 1 << (place % 8);
                flip(&mut files);
                sample.check(&files, name, (place, place + 1), Extent::Page);
                flip(&mut files);
            }
        }
    }
}

#[test]
fn every_file_may_be_cut_anywhere() {
    for sample in samples() {
        for (name, bytes) in &sample.files {
            for len in places(bytes) {
                let mut files = sample.files.clone();
                files.get_mut(name).unwrap().truncate(len);
                sample.check(&files, name, (len, bytes.len()), Extent::File);
            }
        }
    }
}

#[test]
fn every_page_may_be_zeroed() {
    for sample in samples() {
        for (name, bytes) in &sample.files {
            for (page, offset) in
                [512, 4096].into_iter().flat_map(|page| (0..bytes.len()).step_by(page).map(move |it| (page, it)))
            {
                let mut files = sample.files.clone();
                let end = bytes.len().min(offset + page);
                files.get_mut(name).unwrap()[offset..end].fill(0);
                sample.check(&files, name, (offset, end), Extent::Page);
            }
        }
    }
}

/// Many removals, of which some commits have more than marks have room for.
fn removals() -> Sample {
    let medium: Arc<dyn Medium> = Arc::new(Persistent(Memory::new()));
    medium.create_dir(DIR.as_ref()).unwrap();
    let options = LogOptions { segment_bytes: 1 << 20, ..options() };
    let mut log = Log::create(Arc::clone(&medium), DIR.into(), options).unwrap();
    let mut messages = BTreeMap::new();
    for number in 1..=1200_u64 {
        let subject = if number.is_multiple_of(3) { "purged" } else { "kept" };
        let append =
            Append { time: 1, subject: subject.as_bytes(), headers: b"", payload: b"", marked: false, evict: 0 };
        let sequence = log.append(&append).unwrap();
        messages.insert(sequence, log.locate(sequence).unwrap().unwrap().read().unwrap());
    }
    commit(&mut log);
    for number in (4..600).step_by(3) {
        log.remove(number).unwrap();
        commit(&mut log);
    }
    log.remove_matching(b"purged", 900, 0).unwrap();
    log.remove_below(3).unwrap();
    commit(&mut log);
    log.remove(1000).unwrap();
    commit(&mut log);
    let (live, last) = (live(&mut log).into_keys().collect(), log.last_sequence());
    let (files, records, evictions) = (read_files(&*medium), BTreeMap::new(), BTreeMap::new());
    let mut sample = Sample { files, messages, live, last, synced: last, records, removals: Vec::new(), evictions };
    sample.find_records(&*medium);
    sample
}

#[test]
fn what_was_removed_survives_damage_to_a_record_and_to_a_page() {
    let sample = removals();
    assert!(sample.removals.len() > 200);
    let newest = sample.removals.iter().rev().take(8);
    for (name, start, end) in sample.removals.iter().step_by(8).chain(newest) {
        let page = (start & !4095, (end - 1) | 4095);
        for (from, to) in [(*start, *end), (page.0, page.1 + 1)] {
            let mut files = sample.files.clone();
            let bytes = files.get_mut(name).unwrap();
            let to = to.min(bytes.len());
            bytes[from..to].fill(0);
            let (mut log, _) = open(&files);
            let found = live(&mut log);
            let back: Vec<_> = found.keys().filter(|sequence| !sample.live.contains(sequence)).collect();
            assert!(back.is_empty(), "{name} {from}..{to}: {back:?} are back");
        }
    }
}

#[test]
fn every_file_may_be_missing() {
    for sample in samples() {
        for (name, bytes) in sample.files.iter().filter(|(name, _)| SegmentName::parse(name).is_some()) {
            let mut files = sample.files.clone();
            files.remove(name);
            sample.check(&files, name, (0, bytes.len()), Extent::File);
        }
    }
}
