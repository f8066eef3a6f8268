//! The journal of consumers under a random workload, against a model, on a disk that loses power, crashes and fails at
//! every one of its calls.
//!
//! `STORAGE_SEEDS=200` runs that many seeds, `STORAGE_SEEDS=17..18` just these. A failure names its seed and its call.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::collections::BTreeMap;
use std::sync::Arc;

use embus_storage::consumer_journal::{ConsumerJournal, JournalWrite, Recovered};
use embus_storage::medium::Medium;
use embus_storage::medium::crash::{CrashMedium, Fault};
use fastrand::Rng;

const DIR: &str = "/stream";

/// A consumer: the version of its configuration, and how many deltas it has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Consumer {
    version: u32,
    deltas: u32,
}

/// All consumers at some step of the workload.
#[derive(Debug, Clone, Default)]
struct Known {
    step: u64,
    consumers: BTreeMap<u64, Consumer>,
}

struct Bench {
    medium: CrashMedium,
    random: Rng,
    journal: ConsumerJournal,
    now: Known,
    /// What a process that dies leaves at least, and what a power cut leaves.
    written: Known,
    durable: Known,
    /// When each consumer was created.
    created: BTreeMap<u64, u64>,
    under_way: Option<(JournalWrite, Known, bool)>,
    /// Whether a sync has failed, and bytes may be lost for that.
    sync_failed: bool,
    writes: u32,
}

fn config(consumer: Consumer) -> Vec<u8> {
    let mut bytes = consumer.version.to_le_bytes().to_vec();
    bytes.resize(4 + consumer.version as usize * 131 % 900, b'c');
    bytes
}

fn snapshot(consumer: Consumer) -> Vec<u8> {
    let mut bytes = consumer.deltas.to_le_bytes().to_vec();
    bytes.resize(4 + consumer.deltas as usize * 37 % 700, b's');
    bytes
}

fn delta(number: u32) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(4 + number as usize * 17 % 90, b'd');
    bytes
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(*bytes.first_chunk().unwrap())
}

/// What a consumer is made of again. Every byte has to be what was put.
fn rebuilt(recovered: &Recovered) -> Consumer {
    let version = number(&recovered.config);
    let deltas = recovered.snapshot.as_deref().map_or(0, number);
    let mut consumer = Consumer { version, deltas };
    assert_eq!(recovered.config, config(consumer));
    assert!(recovered.snapshot.as_ref().is_none_or(|it| *it == snapshot(consumer)));
    for it in &recovered.deltas {
        assert_eq!(*it, delta(consumer.deltas), "a delta is missing");
        consumer.deltas += 1;
    }
    consumer
}

impl Bench {
    fn new(seed: u64) -> Self {
        let medium = CrashMedium::new(seed);
        medium.create_dir(DIR.as_ref()).unwrap();
        medium.sync_dir("/".as_ref()).unwrap();
        let (journal, ..) = ConsumerJournal::open(Arc::new(medium.clone()), DIR.into()).unwrap();
        Self {
            medium,
            random: Rng::with_seed(seed),
            journal,
            now: Known::default(),
            written: Known::default(),
            durable: Known::default(),
            created: BTreeMap::new(),
            under_way: None,
            sync_failed: false,
            writes: 0,
        }
    }

    fn step(&mut self) {
        self.now.step += 1;
        match self.random.u8(..30) {
            0..4 => self.create(),
            4 | 5 => self.update(),
            6 | 7 => self.snapshot(),
            8 => self.delete(),
            9..24 => self.change(),
            24 | 25 => self.finish(),
            _ => {
                self.finish();
                self.take();
                if self.random.bool() {
                    self.finish();
                }
            }
        }
    }

    fn create(&mut self) {
        let id = self.created.len() as u64 * 3 + 1;
        let consumer = Consumer { version: self.random.u32(..9), deltas: 0 };
        self.created.insert(id, self.now.step);
        self.now.consumers.insert(id, consumer);
        self.journal.put_config(id, &config(consumer));
    }

    fn update(&mut self) {
        let Some((id, mut consumer)) = self.some() else { return };
        consumer.version += 1;
        self.now.consumers.insert(id, consumer);
        self.journal.put_config(id, &config(consumer));
    }

    fn change(&mut self) {
        let Some((id, mut consumer)) = self.some() else { return };
        self.journal.delta(id, &delta(consumer.deltas));
        consumer.deltas += 1;
        self.now.consumers.insert(id, consumer);
    }

    fn snapshot(&mut self) {
        let Some((id, consumer)) = self.some() else { return };
        self.journal.snapshot(id, &snapshot(consumer));
    }

    fn delete(&mut self) {
        let Some((id, _)) = self.some() else { return };
        self.now.consumers.remove(&id);
        self.journal.delete(id);
    }

    fn some(&mut self) -> Option<(u64, Consumer)> {
        let place = self.random.usize(..self.now.consumers.len().max(1));
        self.now.consumers.iter().nth(place).map(|(&id, &consumer)| (id, consumer))
    }

    fn take(&mut self) {
        let sync = self.random.bool();
        let wants_rewrite = self.journal.wants_rewrite() || self.random.u8(..12) == 0;
        if wants_rewrite {
            let of = |(&id, &it): (&u64, &Consumer)| (id, config(it), Some(snapshot(it)).filter(|_| it.deltas > 0));
            self.journal.begin_rewrite(self.now.consumers.iter().map(of));
        }
        if let Some(write) = self.journal.take_write(sync) {
            self.under_way = Some((write, self.now.clone(), sync || wants_rewrite));
        }
    }

    fn finish(&mut self) {
        let Some((write, known, is_durable)) = self.under_way.take() else { return };
        if self.journal.finish_write(write.run()).is_err() {
            // What was not synced may be lost with a sync that failed.
            self.written.clone_from(&self.durable);
            self.sync_failed = true;
            assert!(self.journal.wants_rewrite() && self.journal.take_write(true).is_none());
            return;
        }
        self.writes += 1;
        if is_durable {
            self.durable.clone_from(&known);
        }
        self.written = known;
        assert!(!is_durable || !self.journal.is_dirty());
    }

    /// The machine starts again.
    fn restart(&mut self, was_power_cut: bool) {
        self.under_way = None;
        if !self.medium.is_down() {
            if was_power_cut { self.medium.cut_power() } else { self.medium.crash() }
        }
        self.medium = self.medium.restart();
        let medium: Arc<dyn Medium> = Arc::new(self.medium.clone());
        let (journal, recovered, lost) = ConsumerJournal::open(medium, DIR.into()).unwrap();
        let consumers: BTreeMap<u64, Consumer> = recovered.iter().map(|it| (it.id, rebuilt(it))).collect();
        self.check(if was_power_cut { &self.durable } else { &self.written }, &consumers);
        let is_damaged = lost > 0 || recovered.iter().any(|it| it.damaged);
        assert!(self.sync_failed || !is_damaged, "a tail that was never finished is no damage: {lost}, {recovered:?}");
        assert!(recovered.iter().all(|it| it.damaged || it.behind.is_empty()));
        self.journal = journal;
        self.now.consumers = consumers;
        self.written = self.durable.clone();
        self.sync_failed = false;
    }

    /// Whether all that was promised is there, and nothing that never was.
    fn check(&self, floor: &Known, consumers: &BTreeMap<u64, Consumer>) {
        for (id, kept) in &floor.consumers {
            let Some(it) = consumers.get(id) else {
                assert!(!self.now.consumers.contains_key(id), "{id} is gone");
                continue;
            };
            assert!(it.version >= kept.version && it.deltas >= kept.deltas, "{id}: {it:?}, was {kept:?}");
        }
        for (id, it) in consumers {
            assert!(floor.consumers.contains_key(id) || self.created[id] > floor.step, "{id} is back");
            let most = self.now.consumers.get(id).copied().unwrap_or(*it);
            assert!(it.version <= most.version && it.deltas <= most.deltas, "{id}: {it:?} was invented, is {most:?}");
        }
    }
}

/// Some steps with a fault at one of the calls; then what is left is looked at, and all goes on.
fn run(seed: u64, fault: Option<(u64, Fault)>) -> u64 {
    let mut bench = Bench::new(seed);
    if let Some((call, fault)) = fault {
        bench.medium.fail_at(call, fault);
    }
    let mut steps = 0;
    while steps < 120 && !bench.medium.is_down() {
        bench.step();
        steps += 1;
    }
    bench.finish();
    let calls = bench.medium.calls();
    let was_power_cut = !matches!(fault, Some((_, Fault::Crash))) && (bench.medium.is_down() || seed.is_multiple_of(2));
    bench.restart(was_power_cut);
    for round in 0..2 {
        for _ in 0..40 {
            bench.step();
        }
        bench.finish();
        bench.restart(round == 0);
    }
    assert!(fault.is_some() || bench.writes > 10);
    calls
}

const FAULTS: [Fault; 6] =
    [Fault::PowerCut, Fault::Crash, Fault::Io, Fault::Full, Fault::ShortWrite, Fault::FailedSync];

#[test]
fn what_was_promised_is_there_whatever_happens_at_any_call() {
    let text = std::env::var("STORAGE_SEEDS").unwrap_or_else(|_| "12".to_owned());
    let number = |text: &str| text.parse::<u64>().expect("STORAGE_SEEDS is a number, or two with .. in between");
    let (from, to) = text.split_once("..").map_or_else(|| (0, number(&text)), |(from, to)| (number(from), number(to)));
    let mut failed = Vec::new();
    for seed in from..to {
        let calls = run(seed, None);
        for (call, fault) in (1..=calls).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
            if std::panic::catch_unwind(|| run(seed, Some((call, fault)))).is_err() {
                failed.push(format!("seed {seed}, call {call}, {fault:?}"));
            }
        }
    }
    assert!(failed.is_empty(), "{} failed: {}", failed.len(), failed.join("; "));
}

#[test]
fn a_disk_that_fails_for_long_is_used_again_when_it_works() {
    let mut bench = Bench::new(1);
    (0..60).for_each(|_| bench.step());
    bench.finish();
    for fault in [Fault::Io, Fault::Full] {
        bench.medium.fail_from(bench.medium.calls() + 1, fault);
        for _ in 0..100 {
            bench.step();
            assert!(bench.journal.pending_bytes() < 100_000);
        }
        bench.finish();
        bench.medium.forget_faults();
        bench.take();
        bench.finish();
        assert!(!bench.journal.is_dirty());
        assert_eq!(bench.durable.consumers, bench.now.consumers);
        assert_eq!(bench.medium.files().len(), 1, "{:?}", bench.medium.files());
    }
    bench.restart(true);
}
