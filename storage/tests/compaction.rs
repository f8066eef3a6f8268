//! Upkeep of a log: nothing that was removed ever comes back, nothing live is lost, whatever happens while it runs.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use embus_storage::log::{Accounting, Append, Log, LogOptions, Replay, Upkeep};
use embus_storage::medium::Medium;
use embus_storage::medium::crash::{CrashMedium, Fault, Rot};
use embus_storage::medium::memory::Memory;
use fastrand::Rng;

const DIR: &str = "/log";

/// Sequence → subject and payload.
type Model = BTreeMap<u64, (Vec<u8>, Vec<u8>)>;

/// What a recovery told the owner.
#[derive(Debug, Default)]
struct Told {
    notes: Vec<u8>,
    marked: Vec<u64>,
}

impl Replay for Told {
    fn notes(&mut self, notes: &[u8]) {
        self.notes = notes.to_vec();
    }
    fn message(&mut self, sequence: u64, _: i64, _: &[u8], _: &[u8]) {
        self.marked.push(sequence);
    }
}

/// A log under a seeded workload; the same seed does the same.
struct Bench {
    medium: CrashMedium,
    random: Rng,
    options: LogOptions,
    log: Log,
    model: Model,
    /// Sequences that were appended with a mark: what its owner remembers.
    marked: Vec<u64>,
    last: u64,
    /// The small one has few subjects that are replaced all the time.
    subjects: u64,
    kept: Kinds,
}

/// What there was to do.
#[derive(Debug, Default, Clone, Copy)]
struct Kinds {
    upkeeps: u32,
    fewer_bytes: u32,
}

impl Bench {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let medium = CrashMedium::new(seed);
        medium.create_dir(Path::new(DIR)).unwrap();
        medium.sync_dir(Path::new("/")).unwrap();
        let options = LogOptions {
            segment_bytes: 8 << 10,
            accounting: Accounting::File,
            compress: random.bool(),
            synced: random.bool(),
            description: Arc::new(vec![b'd'; if random.bool() { 20 } else { 3000 }]),
        };
        let log = Log::create(Arc::new(medium.clone()), DIR.into(), options.clone()).unwrap();
        let subjects = [5, 40, 200][random.usize(..3)];
        let (model, marked, kept) = (Model::new(), Vec::new(), Kinds::default());
        let mut bench = Self { medium, random, options, log, model, marked, last: 0, subjects, kept };
        bench.commit();
        bench
    }

    /// Some changes and a durable commit of them.
    fn step(&mut self) {
        for _ in 0..self.random.usize(1..30) {
            match self.random.u8(..40) {
                0 => self.remove(),
                1 if self.random.u8(..8) == 0 => self.remove_below(),
                2 => self.remove_matching(),
                _ => self.append(),
            }
        }
        self.commit();
    }

    fn append(&mut self) {
        let subject = format!("s.{}", self.random.u64(..self.subjects)).into_bytes();
        let payload = vec![self.random.u8(..); self.random.usize(..400)];
        let (keep, marked) = (self.random.u64(..8).min(2), self.random.u8(..4) == 0);
        let held: Vec<u64> =
            self.model.iter().filter(|(_, it)| it.0 == subject).map(|(&sequence, _)| sequence).collect();
        let evict = (held.len() as u64 + 1).saturating_sub(keep.max(1));
        let append = Append { time: 5, subject: &subject, headers: b"", payload: &payload, marked, evict };
        self.last = self.log.append(&append).unwrap();
        for victim in held.into_iter().take(usize::try_from(evict).unwrap()) {
            self.model.remove(&victim);
        }
        self.marked.extend(Some(self.last).filter(|_| marked));
        self.model.insert(self.last, (subject, payload));
    }

    fn remove(&mut self) {
        let Some(sequence) = self.some_sequence() else { return };
        self.model.remove(&sequence);
        assert!(self.log.remove(sequence).unwrap());
    }

    fn remove_below(&mut self) {
        let Some(sequence) = self.some_sequence() else { return };
        self.model = self.model.split_off(&sequence);
        self.log.remove_below(sequence).unwrap();
    }

    fn remove_matching(&mut self) {
        let Some(sequence) = self.some_sequence() else { return };
        let subject = self.model[&sequence].0.clone();
        self.model.retain(|it, (name, _)| *it >= sequence || *name != subject);
        self.log.remove_matching(&subject, sequence, 0).unwrap();
    }

    fn some_sequence(&mut self) -> Option<u64> {
        let place = self.random.usize(..self.model.len().max(1));
        self.model.keys().nth(place).copied()
    }

    fn commit(&mut self) {
        while let Some(commit) = self.log.take_commit(true) {
            self.log.finish_commit(commit.run()).unwrap();
        }
    }

    /// The notes are what the owner remembers.
    fn take_upkeep(&mut self) -> Option<Upkeep> {
        let notes: Vec<u8> = self.marked.iter().flat_map(|it| it.to_le_bytes()).collect();
        self.log.take_upkeep(&mut || notes.clone())
    }

    fn upkeep(&mut self) {
        while let Some(upkeep) = self.take_upkeep() {
            let before = self.size();
            self.log.finish_upkeep(upkeep.run());
            self.commit();
            self.kept.upkeeps += 1;
            assert!(self.kept.upkeeps < 10_000, "it never ends");
            self.kept.fewer_bytes += u32::from(self.size() < before);
        }
    }

    fn size(&self) -> usize {
        self.medium.files().iter().map(|path| self.medium.contents(path).unwrap().len()).sum()
    }

    /// Then the segments have to tell everything, but for what its owner had noted of messages that are long gone.
    fn damage_checkpoint(&mut self) {
        let path = Path::new(DIR).join("checkpoint");
        if let Ok(contents) = self.medium.contents(&path) {
            let rot = Rot::Flip(self.random.u64(..contents.len() as u64), self.random.u8(..8));
            self.medium.rot(&path, &rot).unwrap();
            self.marked.clear();
        }
    }

    fn restart(&mut self) {
        if !self.medium.is_down() {
            self.medium.crash();
        }
        self.medium = self.medium.restart();
        let mut told = Told::default();
        self.log = Log::open(Arc::new(self.medium.clone()), DIR.into(), self.options.clone(), &mut told).unwrap();
        let noted = told.notes.as_chunks::<8>().0.iter().map(|it| u64::from_le_bytes(*it));
        // Whether from notes or from records: it has to be told of everything that is not long gone.
        let told: Vec<u64> = noted.chain(told.marked).collect();
        assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "nothing is told twice");
        for sequence in self.marked.iter().rev() {
            assert!(told.contains(sequence), "{sequence} was not told");
        }
        // What may have been given out is not given out again.
        assert!(self.log.last_sequence() >= self.last);
        self.last = self.log.last_sequence();
    }

    /// Whether the log holds what it should, and nothing else.
    fn check(&mut self) {
        let state = self.log.state();
        assert_eq!((state.messages, state.lost_messages, state.lost_bytes), (self.model.len() as u64, 0, 0));
        assert_eq!(state.last_sequence, self.last);
        let mut from = 0;
        for (&sequence, (subject, payload)) in &self.model {
            let (found, locator) = self.log.next(&[], from).unwrap().expect("there is one more");
            let message = locator.read().unwrap();
            assert_eq!((found, message.sequence, &message.subject[..]), (sequence, sequence, &subject[..]));
            assert!(message.payload == payload);
            from = sequence + 1;
        }
        assert!(self.log.next(&[], from).unwrap().is_none());
        let subjects: std::collections::BTreeSet<_> = self.model.values().map(|(subject, _)| subject).collect();
        assert_eq!(state.subjects, subjects.len() as u64);
    }
}

#[test]
fn nothing_comes_back_and_nothing_is_lost() {
    for seed in 0..60 {
        let mut bench = Bench::new(seed);
        for _ in 0..40 {
            bench.step();
            bench.upkeep();
            bench.check();
            if bench.random.u8(..4) == 0 {
                if bench.random.bool() {
                    bench.damage_checkpoint();
                }
                bench.restart();
                bench.check();
            }
        }
        assert!(bench.kept.upkeeps > 3 && bench.kept.fewer_bytes > 0, "{:?} in seed {seed}", bench.kept);
    }
}

#[test]
fn files_and_bytes_stay_in_proportion() {
    for seed in 0..4 {
        let mut bench = Bench::new(seed);
        for _ in 0..200 {
            bench.step();
            bench.upkeep();
        }
        let live: usize = bench.model.values().map(|(subject, payload)| subject.len() + payload.len() + 60).sum();
        let files = bench.medium.files().len();
        // Half of a closed segment may be dead, and each has a header block.
        assert!(bench.size() <= 2 * live + files * 4096 + 64 * 1024, "{} for {live} in {files}", bench.size());
        assert!(files <= 16 + live / 1024, "{files} files for {live} bytes");
    }
}

/// The first upkeep behind `steps` steps, and which calls of the medium are its own.
fn first_upkeep(seed: u64, steps: u32) -> Option<(Bench, Upkeep)> {
    let mut bench = Bench::new(seed);
    for step in 0.. {
        bench.step();
        if step >= steps {
            if let Some(upkeep) = bench.take_upkeep() {
                return Some((bench, upkeep));
            }
        } else {
            bench.upkeep();
        }
        if step > steps + 30 {
            return None;
        }
    }
    None
}

/// Lets each call of an upkeep meet a fault.
fn at_each_call(fault: Fault, mut check: impl FnMut(Bench)) {
    for seed in 0..12 {
        let steps = u32::try_from(seed).unwrap() * 2 % 17;
        let Some((bench, upkeep)) = first_upkeep(seed, steps) else { continue };
        let before = bench.medium.calls();
        drop(upkeep.run());
        let calls = bench.medium.calls() - before;
        for call in before + 1..=before + calls {
            let (mut bench, upkeep) = first_upkeep(seed, steps).expect("the same seed does the same");
            assert_eq!(bench.medium.calls(), before);
            bench.medium.fail_at(call, fault);
            let kept = upkeep.run();
            bench.log.finish_upkeep(kept);
            bench.medium.forget_faults();
            check(bench);
        }
    }
}

#[test]
fn a_crash_in_an_upkeep_changes_nothing() {
    for fault in [Fault::Crash, Fault::PowerCut] {
        at_each_call(fault, |mut bench| {
            bench.restart();
            bench.check();
            for _ in 0..3 {
                bench.step();
                bench.upkeep();
                bench.check();
            }
            bench.medium.cut_power();
            bench.restart();
            bench.check();
        });
    }
}

#[test]
fn a_disk_that_refuses_in_an_upkeep_changes_nothing() {
    for fault in [Fault::Io, Fault::Full, Fault::ShortWrite, Fault::FailedSync] {
        at_each_call(fault, |mut bench| {
            if bench.log.failure().is_some() {
                bench.restart();
            }
            bench.check();
            for _ in 0..3 {
                bench.step();
                bench.upkeep();
                bench.check();
            }
            bench.medium.cut_power();
            bench.restart();
            bench.check();
        });
    }
}

#[test]
fn the_power_goes_between_an_upkeep_and_what_follows() {
    for seed in 100..130 {
        let mut bench = Bench::new(seed);
        for _ in 0..30 {
            bench.step();
            if let Some(upkeep) = bench.take_upkeep() {
                let kept = upkeep.run();
                if bench.random.bool() {
                    bench.log.finish_upkeep(kept);
                }
                if bench.random.bool() {
                    bench.medium.cut_power();
                    bench.restart();
                }
            }
            if bench.random.u8(..8) == 0 {
                bench.medium.cut_power();
                bench.restart();
            }
            bench.check();
        }
    }
}

#[test]
fn a_damaged_segment_stays_as_it_is() {
    for seed in 300..310 {
        let mut bench = Bench::new(seed);
        for _ in 0..10 {
            bench.step();
        }
        let names: Vec<_> =
            bench.medium.files().into_iter().filter(|path| path.extension() == Some("seg".as_ref())).collect();
        let contents = bench.medium.contents(&names[0]).unwrap();
        let place = 4096 + (contents.len() as u64 - 4096) / 2;
        bench.medium.rot(&names[0], &Rot::Flip(place, 3)).unwrap();
        let damaged = bench.medium.contents(&names[0]).unwrap();
        for _ in 0..20 {
            bench.step();
            bench.upkeep();
        }
        // Unless nothing in it is needed any more.
        if bench.medium.files().contains(&names[0]) {
            assert!(bench.medium.contents(&names[0]).unwrap() == damaged);
        }
        let unreadable =
            bench.model.keys().filter(|&&it| bench.log.locate(it).unwrap().unwrap().read().is_err()).count();
        assert!(unreadable <= 1);
    }
}

#[test]
fn memory_is_given_back_too() {
    let medium = Arc::new(Memory::new());
    medium.create_dir(Path::new(DIR)).unwrap();
    let options = LogOptions {
        segment_bytes: 8 << 10,
        accounting: Accounting::Memory,
        compress: false,
        synced: true,
        description: Arc::new(b"".to_vec()),
    };
    let mut log = Log::create(medium.clone(), DIR.into(), options).unwrap();
    for number in 0..20_000_u64 {
        // One in a hundred stays.
        let subject = if number % 100 == 0 { format!("stays.{number}") } else { format!("goes.{}", number % 7) };
        let append =
            Append { time: 5, subject: subject.as_bytes(), headers: b"", payload: &[7; 50], marked: true, evict: 1 };
        log.append(&append).unwrap();
        while let Some(commit) = log.take_commit(false) {
            log.finish_commit(commit.run()).unwrap();
            if let Some(upkeep) = log.take_upkeep(&mut || panic!("memory has no checkpoints")) {
                log.finish_upkeep(upkeep.run());
            }
        }
    }
    assert_eq!(log.messages(), 207);
    let names = medium.list(Path::new(DIR)).unwrap();
    let bytes: u64 = names.iter().map(|name| medium.open(&Path::new(DIR).join(name)).unwrap().len().unwrap()).sum();
    assert!(names.len() < 16 && bytes < 100_000, "{bytes} bytes in {}", names.len());
}
