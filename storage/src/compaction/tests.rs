//! Segments written by hand, rewritten at random, and read back by the plainest recovery there can be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::medium::memory::Memory;
use crate::record::{self, HEADER_BYTES, Kind, Message, Removal};
use crate::segment::{DecodedHeader, RECORDS_START, Scanned, Scanner};
use crate::subject_index::SubjectIndex;

const DIR: &str = "/log";

/// A log that knows nothing but its files, and a map that knows what should be in them.
#[derive(Debug)]
struct Files {
    medium: Arc<Memory>,
    segments: Vec<Known>,
    /// Files that others stand for and that were not removed yet.
    old: Vec<(SegmentName, u64)>,
    /// What lies physically in a segment: sequence, where, which subject.
    live: BTreeMap<u64, (Vec<u8>, Vec<u8>)>,
    subjects: SubjectIndex,
    next: u64,
}

#[derive(Debug)]
struct Known {
    name: SegmentName,
    header: SegmentHeader,
    file: Arc<dyn File>,
    end: u32,
    records: Vec<(u64, Extent)>,
    until: u64,
}

impl Files {
    fn new() -> Self {
        let medium = Arc::new(Memory::new());
        medium.create_dir(Path::new(DIR)).unwrap();
        let subjects = SubjectIndex::new();
        Self { medium, segments: Vec::new(), old: Vec::new(), live: BTreeMap::new(), subjects, next: 1 }
    }

    /// Writes a closed segment; each action is a message on one of some subjects, or a removal.
    fn write_segment(&mut self, actions: &[(u8, u8)]) {
        let base = self.next;
        let name = SegmentName { base, generation: 0 };
        let header = SegmentHeader::new(Salt(base.wrapping_mul(0x9e37_79b9_7f4a_7c15)), base);
        let (mut out, mut records) = (Vec::new(), Vec::new());
        for &(action, random) in actions {
            let end = RECORDS_START + u32::try_from(out.len()).unwrap();
            let relative = u32::try_from(self.next - base).unwrap();
            if action < 10 {
                let extent = self.message(action % 4, random, relative).encode(header.salt, end, &mut out).unwrap();
                records.push((self.next, extent));
                self.appended(action % 4, random);
            } else {
                let removal = self.removal(random);
                let body = removal.encode();
                record::encode_control(Kind::Removal, relative, 0, &body, (header.salt, end), &mut out).unwrap();
            }
        }
        let file = self.medium.create(&Path::new(DIR).join(name.file_name())).unwrap();
        file.write_all_at(&header.encode(b"")[..], 0).unwrap();
        file.write_all_at(&out, RECORDS_START.into()).unwrap();
        let end = RECORDS_START + u32::try_from(out.len()).unwrap();
        self.segments.push(Known { name, header, file, end, records, until: self.next });
    }

    fn message(&self, subject: u8, random: u8, relative: u32) -> Message<'static> {
        let subject = [&b"a"[..], b"b", b"c.d", b"e.f.g"][usize::from(subject)];
        let evicts =
            if random.is_multiple_of(3) { 0 } else { self.oldest(subject).map_or(0, |oldest| self.next - oldest) };
        let headers: &[u8] = if random.is_multiple_of(5) { b"NATS/1.0\r\nA: b\r\n\r\n" } else { b"" };
        let payload = &PAYLOAD[..usize::from(random)];
        let (time, marked) = (i64::from(relative), random.is_multiple_of(7));
        let evicts = u32::try_from(evicts).unwrap();
        Message { relative, time, marked, dead: false, evicts, subject, headers, payload }
    }

    fn oldest(&self, subject: &[u8]) -> Option<u64> {
        self.live.iter().find(|(_, (name, _))| name == subject).map(|(sequence, _)| *sequence)
    }

    fn appended(&mut self, subject: u8, random: u8) {
        let message = self.message(subject, random, 0);
        if message.evicts > 0 {
            self.live.remove(&(self.next - u64::from(message.evicts)));
        }
        self.subjects.append(message.subject, self.next);
        self.live.insert(self.next, (message.subject.to_vec(), message.payload.to_vec()));
        self.next += 1;
    }

    fn removal(&mut self, random: u8) -> Removal {
        let all: Vec<u64> = self.live.keys().copied().collect();
        let Some(&first) = all.first() else { return Removal::default() };
        let chosen = all[usize::from(random) % all.len()];
        if random.is_multiple_of(4) {
            // Purged up to some place near the front.
            let floor = first.midpoint(chosen);
            self.live.retain(|sequence, _| *sequence >= floor);
            return Removal { floor, ranges: Vec::new() };
        }
        self.live.remove(&chosen);
        Removal { floor: 0, ranges: vec![(chosen, 1)] }
    }

    fn path(name: SegmentName) -> PathBuf {
        Path::new(DIR).join(name.file_name())
    }

    /// The entries of a segment, as a log knows them.
    fn entries(&self, known: &Known) -> Entries {
        let mut entries = Entries::new(known.name.base);
        for &(sequence, extent) in &known.records {
            let pushed = match self.live.get(&sequence) {
                Some((subject, _)) => entries.push(sequence, extent, self.subjects.id(subject).unwrap()),
                None => entries.push_deleted(sequence, extent),
            };
            assert!(pushed);
        }
        entries.skip_to(known.until);
        entries
    }

    fn plan(&self, places: std::ops::Range<usize>, compress: bool, description: &[u8]) -> Plan {
        let sources: Vec<_> = self.segments[places.clone()]
            .iter()
            .map(|known| Source {
                name: known.name,
                header: known.header.clone(),
                file: Arc::clone(&known.file),
                end: known.end,
                entries: self.entries(known),
            })
            .collect();
        let before = self.segments[..places.start].iter();
        let wasteful = before.filter(|known| self.entries(known).live() < known.records.len());
        let old = self.old.iter().map(|(name, until)| (name.base, *until));
        let mut earlier: Vec<_> = wasteful.map(|known| (known.name.base, known.until)).chain(old).collect();
        earlier.sort_unstable();
        Plan {
            until: self.segments[places.end - 1].until,
            generation: sources.iter().map(|source| source.name.generation).max().unwrap() + 1,
            salt: Salt(self.next.wrapping_mul(0x1234_5678_9abc_def1)),
            description: description.into(),
            sources,
            earlier,
            compress,
        }
    }

    /// Writes some segments anew; their old files stay for now.
    fn compact(&mut self, places: std::ops::Range<usize>, compress: bool, description: &[u8]) {
        let plan = self.plan(places.clone(), compress, description);
        let old: Vec<_> = self.segments[places.clone()].iter().map(|known| (known.name, known.until)).collect();
        let Outcome::Done(new) = plan.run(&*self.medium, Path::new(DIR)) else { panic!("nothing is in the way") };
        assert!(new.replaces.iter().eq(old.iter().map(|(name, _)| name)));
        assert!(new.records.iter().map(|it| it.0).eq(self.live.range(new.name.base..new.until).map(|it| *it.0)));
        self.old.extend(old);
        let Rewritten { name, header, file, end, records, until, .. } = new;
        self.segments.splice(places, [Known { name, header, file, end, records, until }]);
    }

    /// Drops what the front no longer needs, and the oldest of the old files.
    fn sweep(&mut self, count: usize) {
        for _ in 0..count.min(self.old.len()) {
            let (name, _) = self.old.remove(0);
            self.medium.remove(&Self::path(name)).unwrap();
        }
        while let Some(front) = self.segments.first() {
            if self.entries(front).live() > 0 || self.segments.len() == 1 {
                break;
            }
            let front = self.segments.remove(0);
            self.old.push((front.name, front.until));
        }
    }

    /// What a recovery finds: reads every file that counts from front to back, and believes what the records say.
    fn recover(&self) -> BTreeMap<u64, (Vec<u8>, Vec<u8>)> {
        let mut files = Vec::new();
        for file_name in self.medium.list(Path::new(DIR)).unwrap() {
            let name = SegmentName::parse(&file_name).expect("nothing is left lying about");
            let file = self.medium.open(&Self::path(name)).unwrap();
            let mut block = vec![0; RECORDS_START as usize];
            assert_eq!(file.read_full_at(&mut block, 0).unwrap(), block.len());
            let DecodedHeader::Valid { header, .. } = SegmentHeader::decode(&block) else { panic!("intact") };
            files.push((name, header));
        }
        let obsolete = obsolete(&files);
        files.retain(|(name, _)| !obsolete.contains(name));
        files.sort_by_key(|(name, _)| *name);
        let mut live = BTreeMap::new();
        for (name, header) in files {
            let mut file = self.medium.open(&Self::path(name)).unwrap();
            if header.compressed {
                file = Arc::new(crate::compress::Inflated::open(file, Some(&header)).unwrap());
            }
            replay(&*file, name, &header, &mut live);
        }
        live
    }
}

/// Those files that others stand for, because a crash came before they were removed.
fn obsolete(files: &[(SegmentName, SegmentHeader)]) -> Vec<SegmentName> {
    let covers: Vec<_> = files.iter().filter(|(_, header)| header.compacted).collect();
    let replaced = |old: &SegmentName| {
        covers.iter().any(|(by, header)| {
            let is_newer = by.base < old.base || (by.base == old.base && by.generation > old.generation);
            is_newer && old.base <= header.covers_to
        })
    };
    files.iter().map(|(name, _)| *name).filter(replaced).collect()
}

fn replay(file: &dyn File, name: SegmentName, header: &SegmentHeader, live: &mut BTreeMap<u64, (Vec<u8>, Vec<u8>)>) {
    let mut scanner = Scanner::new(file, header.salt, RECORDS_START, u32::MAX).unwrap();
    loop {
        match scanner.next().unwrap() {
            Scanned::Record { header: fixed, bytes, .. } => {
                let (sequence, body) = (name.base + u64::from(fixed.relative), &bytes[HEADER_BYTES..]);
                match fixed.kind {
                    Kind::Message => {
                        let message = fixed.message(body).unwrap();
                        if message.evicts > 0 {
                            live.remove(&(sequence - u64::from(message.evicts)));
                        }
                        live.insert(sequence, (message.subject.to_vec(), message.payload.to_vec()));
                    }
                    Kind::Removal => {
                        let removal = Removal::decode(body).unwrap();
                        let removed =
                            |it: u64| removal.ranges.iter().any(|&(start, len)| (start..start + len).contains(&it));
                        live.retain(|it, _| *it >= removal.floor && !removed(*it));
                    }
                    Kind::Description | Kind::Skip | Kind::Filler => {}
                }
            }
            Scanned::End { rest, .. } => return assert_eq!(rest, 0),
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn nothing_comes_back_and_nothing_is_lost(
        steps in prop::collection::vec(
            (0..8_u8, any::<u8>(), any::<u8>(), prop::collection::vec((0..13_u8, any::<u8>()), 0..25)),
            1..40,
        ),
    ) {
        let mut files = Files::new();
        for (step, first, second, actions) in steps {
            match step {
                0..3 => {
                    let before = files.next;
                    if actions.iter().any(|(action, _)| *action < 10) {
                        files.write_segment(&actions);
                        prop_assert!(files.next > before);
                    }
                }
                3..6 if !files.segments.is_empty() => {
                    let start = usize::from(first) % files.segments.len();
                    let end = (start + 1 + usize::from(second % 4)).min(files.segments.len());
                    let description = vec![b'd'; if first.is_multiple_of(3) { 5000 } else { 100 }];
                    files.compact(start..end, second.is_multiple_of(3), &description);
                }
                _ => files.sweep(usize::from(first % 4)),
            }
            let recovered = files.recover();
            prop_assert!(recovered.keys().eq(files.live.keys()), "{:?} instead of {:?}", recovered.keys(), files.live.keys());
            prop_assert_eq!(&recovered, &files.live);
        }
    }
}

fn sample() -> Files {
    let mut files = Files::new();
    for _ in 0..3 {
        files.write_segment(&[(0, 200), (1, 201), (0, 202), (12, 5), (2, 203), (3, 201), (0, 7)].repeat(4));
    }
    files
}

#[test]
fn a_damaged_segment_is_left_alone() {
    for damage in [100, 2000] {
        let files = sample();
        let place = files.segments[1].end - damage;
        files.segments[1].file.write_all_at(&[0xff], place.into()).unwrap();
        let Outcome::Unfit { name } = files.plan(0..3, false, b"").run(&*files.medium, Path::new(DIR)) else {
            panic!()
        };
        assert_eq!(name, files.segments[1].name);
        assert_eq!(files.medium.list(Path::new(DIR)).unwrap().len(), 3);
    }
}

#[test]
fn facts_go_when_nothing_is_left_that_they_are_about() {
    let mut files = sample();
    let facts = |files: &Files, places| match files.plan(places, false, b"").run(&*files.medium, Path::new(DIR)) {
        Outcome::Done(new) => new.facts,
        other => panic!("{other:?}"),
    };
    assert!(facts(&files, 2..3) > 0);
    files.compact(0..2, false, b"");
    assert!(facts(&files, 1..2) > 0, "the old files are still there");
    files.sweep(usize::MAX);
    assert_eq!(facts(&files, 1..2), 0);
}

static PAYLOAD: [u8; 256] = [b'p'; 256];
