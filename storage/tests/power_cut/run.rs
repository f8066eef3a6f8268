//! The workload: changes, commits, reads and upkeep, until something happens; then a new start.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use embus_storage::error::StorageError;
use embus_storage::log::{Accounting, Append, Committed, Log, LogOptions, Replay};
use embus_storage::medium::Medium;
use embus_storage::medium::crash::{CrashMedium, Fault};
use fastrand::Rng;

use super::model::{Change, Lost, Message, Messages, Model};

/// With `STORAGE_TRACE` set: what happens, call by call.
macro_rules! trace {
    ($run:expr, $($what:tt)*) => {
        if std::env::var_os("STORAGE_TRACE").is_some() {
            eprintln!("{:5} {}", $run.medium.calls(), format_args!($($what)*));
        }
    };
}

/// What commits ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Each is synced.
    Synced,
    /// Few are.
    Written,
}

/// One life of one log, with all its deaths.
pub(crate) fn run(mode: Mode, seed: u64) {
    let mut run = Run::new(mode, seed);
    run.begin();
    for _ in 0..6 {
        run.live();
    }
    run.start().expect("nothing is in its way");
}

struct Run {
    mode: Mode,
    random: Rng,
    medium: CrashMedium,
    options: LogOptions,
    model: Model,
    time: i64,
    /// Which run of the machine the model knows.
    boot_id: u128,
    /// Whether the disk said that it lost something.
    sync_failed: bool,
    /// Whether that took something acknowledged, once.
    may_be_damaged: bool,
    /// A commit that is done, but that the log does not know of yet.
    under_way: Option<(Committed, bool)>,
}

/// Ends a life: the log, or a start, said that it failed.
#[derive(Debug)]
struct Failed(#[expect(dead_code, reason = "shown in panics")] Option<StorageError>);

impl From<StorageError> for Failed {
    fn from(error: StorageError) -> Self {
        Self(Some(error))
    }
}

impl Run {
    fn new(mode: Mode, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let medium = CrashMedium::new(random.u64(..));
        let description = Arc::new(vec![b'd'; random.usize(..4000)]);
        let options = LogOptions {
            segment_bytes: [8 << 10, 16 << 10, 64 << 10][random.usize(..3)],
            accounting: Accounting::File,
            compress: random.bool(),
            synced: mode == Mode::Synced,
            description,
        };
        let boot_id = medium.boot_id();
        let model = Model::default();
        Self {
            mode,
            random,
            medium,
            options,
            model,
            time: 0,
            boot_id,
            sync_failed: false,
            may_be_damaged: false,
            under_way: None,
        }
    }

    /// The directory and an empty log in it, durably.
    fn begin(&mut self) {
        self.medium.create_dir(Path::new(DIR)).expect("it is the first one");
        self.medium.sync_dir(Path::new("/")).expect("it is there");
        let mut log = Log::create(self.disk(), DIR.into(), self.options.clone()).expect("nothing is there yet");
        while let Some(commit) = log.take_commit(true) {
            log.finish_commit(commit.run()).expect("nothing is in its way");
        }
    }

    /// From one start to what ends it.
    fn live(&mut self) {
        let fault = self.fault();
        let within = [20, 200, 600][self.random.usize(..3)];
        self.medium.fail_at(self.medium.calls() + self.random.u64(1..within), fault);
        trace!(self, "== {fault:?} comes");
        let ended = self.start().and_then(|mut log| self.work(&mut log));
        // Bytes may be lost now that no power cut took.
        let unnoticed = self.under_way.as_ref().is_some_and(|(committed, _)| committed.error().is_some());
        self.sync_failed |= matches!(fault, Fault::FailedSync | Fault::Io) && (ended.is_err() || unnoticed);
        trace!(self, "-- {:?}, down {}", ended, self.medium.is_down());
        if ended.is_ok() {
            match self.random.u8(..4) {
                0 => self.medium.crash(),
                1 | 2 => self.medium.cut_power(),
                _ => {}
            }
        }
        self.under_way = None;
        self.medium.forget_faults();
        if self.medium.is_down() {
            self.medium = self.medium.restart();
        }
    }

    fn fault(&mut self) -> Fault {
        match self.random.u8(..10) {
            0 | 1 => Fault::Crash,
            2 => Fault::Io,
            3 => Fault::Full,
            4 => Fault::ShortWrite,
            5 => Fault::FailedSync,
            _ => Fault::PowerCut,
        }
    }

    fn disk(&self) -> Arc<dyn Medium> {
        Arc::new(self.medium.clone())
    }

    /// Opens the log, and holds what comes up against the model.
    fn start(&mut self) -> Result<Log, Failed> {
        let mut log = Log::open(self.disk(), PathBuf::from(DIR), self.options.clone(), &mut Nothing)?;
        let found = read(&mut log)?;
        let state = log.state();
        // Written bytes are lost by a power cut, or by a sync that fails.
        if self.medium.is_down() {
            // Nobody saw any of it.
            return Err(Failed(None));
        }
        trace!(self, "found {:?} {state:?} dirty {}", found.keys(), log.is_dirty());
        let lost = match self.boot_id == self.medium.boot_id() {
            _ if self.sync_failed && self.mode == Mode::Written => Lost::Anything,
            true if !self.sync_failed => Lost::Nothing,
            _ => Lost::AllButAPrefix,
        };
        self.model.recover(found, state.last_sequence, lost, !log.is_dirty());
        self.may_be_damaged |= lost == Lost::Anything;
        let is_honest = (state.lost_messages, state.lost_bytes) == (0, 0) || self.may_be_damaged;
        assert!(is_honest, "{} messages and {} bytes are said to be lost", state.lost_messages, state.lost_bytes);
        self.boot_id = self.medium.boot_id();
        self.sync_failed = false;
        self.verify(&mut log)?;
        Ok(log)
    }

    fn work(&mut self, log: &mut Log) -> Result<(), Failed> {
        let most = [60, 400][self.random.usize(..2)];
        for _ in 0..self.random.usize(1..most) {
            match self.random.u8(..100) {
                0..58 => self.append(log)?,
                58..65 => self.remove(log)?,
                65..68 => self.evict_first(log)?,
                68..69 => self.remove_below(log)?,
                69..71 => self.remove_matching(log)?,
                71..89 => self.commit(log)?,
                89..97 => self.upkeep(log),
                97 => self.verify(log)?,
                _ => self.finish(log)?,
            }
        }
        if self.random.u8(..4) == 0 {
            self.finish(log)?;
            trace!(self, "close");
            log.close(b"notes")?;
            self.model.committed(log.position(), true);
        }
        Ok(())
    }

    fn append(&mut self, log: &mut Log) -> Result<(), Failed> {
        self.time += 1;
        let random = &mut self.random;
        let len = match random.u8(..20) {
            0 => random.usize(..10_000),
            _ => random.usize(..600),
        };
        let message = Message {
            time: self.time,
            subject: SUBJECTS[random.usize(..SUBJECTS.len())].as_bytes().to_vec(),
            headers: vec![b'h'; [0, 0, 40][random.usize(..3)]],
            payload: (0..len).map(|_| random.u8(..)).collect(),
        };
        let same = self.model.live.iter().filter(|(_, live)| live.subject == message.subject);
        let evict = [0, 0, 0, 1, 1, 3][random.usize(..6)];
        let victims: Vec<u64> = same.map(|(sequence, _)| *sequence).take(evict).collect();
        let sequence = log.append(&Append {
            time: message.time,
            subject: &message.subject,
            headers: &message.headers,
            payload: &message.payload,
            marked: random.bool(),
            evict: victims.len() as u64,
        })?;
        assert_eq!(sequence, self.model.last + 1);
        trace!(self, "{sequence} {len} evicts {victims:?}");
        self.model.change(log.position(), Change::Append { sequence, message, victims });
        Ok(())
    }

    fn remove(&mut self, log: &mut Log) -> Result<(), Failed> {
        let sequence = self.random.u64(..self.model.last + 2);
        let is_there = self.model.live.contains_key(&sequence);
        assert_eq!(log.remove(sequence)?, is_there, "{sequence}");
        if is_there {
            trace!(self, "remove {sequence}");
            self.model.change(log.position(), Change::Remove(vec![sequence]));
        }
        Ok(())
    }

    fn evict_first(&mut self, log: &mut Log) -> Result<(), Failed> {
        let first = self.model.live.keys().next().copied();
        assert_eq!(log.evict_first()?, first.is_some());
        if let Some(first) = first {
            trace!(self, "evict {first}");
            self.model.change(log.position(), Change::Evict(first));
        }
        Ok(())
    }

    fn remove_below(&mut self, log: &mut Log) -> Result<(), Failed> {
        let first = self.model.live.keys().next().copied().unwrap_or(self.model.last);
        let sequence = self.random.u64(first..self.model.last + 4);
        let below = self.model.live.range(..sequence).count();
        assert_eq!(log.remove_below(sequence)?, below as u64);
        trace!(self, "remove below {sequence}");
        self.model.change(log.position(), Change::Below(sequence));
        Ok(())
    }

    fn remove_matching(&mut self, log: &mut Log) -> Result<(), Failed> {
        let filter = ["a.1", "b.2", "a.*", "*.2", ">"][self.random.usize(..5)];
        let (below, keep) = (self.random.u64(..self.model.last + 2), self.random.usize(..4));
        let matching = self.model.live.range(..below).filter(|(_, message)| matches(filter, &message.subject));
        let mut gone: Vec<u64> = matching.map(|(sequence, _)| *sequence).collect();
        gone.truncate(gone.len().saturating_sub(keep));
        assert_eq!(log.remove_matching(filter.as_bytes(), below, keep as u64)?, gone.len() as u64);
        if !gone.is_empty() {
            trace!(self, "remove {gone:?}");
            self.model.change(log.position(), Change::Remove(gone));
        }
        Ok(())
    }

    /// Does one, and may let the log learn of it only later.
    fn commit(&mut self, log: &mut Log) -> Result<(), Failed> {
        self.finish(log)?;
        let sync = self.mode == Mode::Synced || self.random.u8(..5) == 0;
        self.under_way = log.take_commit(sync).map(|commit| (commit.run(), sync));
        trace!(self, "commit, sync {sync}: {:?}", self.under_way.as_ref().map(|(committed, _)| committed.position()));
        if self.random.bool() { self.finish(log) } else { Ok(()) }
    }

    fn finish(&mut self, log: &mut Log) -> Result<(), Failed> {
        let Some((committed, sync)) = self.under_way.take() else { return Ok(()) };
        let position = log.finish_commit(committed)?;
        assert_eq!(position, log.committed());
        self.model.committed(position, sync);
        Ok(())
    }

    fn upkeep(&mut self, log: &mut Log) {
        if let Some(upkeep) = log.take_upkeep(&mut || b"notes".to_vec()) {
            trace!(self, "upkeep");
            log.finish_upkeep(upkeep.run());
        }
    }

    /// What the log shows, message by message and summed up, is what it should show.
    fn verify(&mut self, log: &mut Log) -> Result<(), Failed> {
        let found = read(log)?;
        let live = &self.model.live;
        assert!(found.keys().eq(live.keys()), "{:?} instead of {:?}", found.keys(), live.keys());
        assert!(found == *live, "a message is altered");
        let state = log.state();
        let size = |message: &Message| {
            Accounting::File.size(message.subject.len(), message.headers.len(), message.payload.len())
        };
        let subjects: BTreeSet<_> = live.values().map(|message| &message.subject).collect();
        assert_eq!(state.messages, live.len() as u64);
        assert_eq!(state.bytes, live.values().map(size).sum::<u64>());
        assert_eq!(state.subjects, subjects.len() as u64);
        assert_eq!(state.last_sequence, self.model.last);
        if let Some((first, last)) = live.keys().next().zip(live.keys().next_back()) {
            assert_eq!(state.first_sequence, *first);
            assert!(state.deleted >= last - first + 1 - state.messages);
        }
        for subject in SUBJECTS {
            let of_subject = || live.iter().filter(|(_, message)| message.subject == subject.as_bytes());
            let known = log.subject(subject.as_bytes()).map(|state| (state.count, state.first, state.last));
            let ends = of_subject().next().zip(of_subject().next_back());
            let expected = ends.map(|(first, last)| (of_subject().count() as u64, *first.0, *last.0));
            assert_eq!(known, expected, "{subject}");
        }
        Ok(())
    }
}

fn read(log: &mut Log) -> Result<Messages, Failed> {
    let mut messages = Messages::new();
    let mut from = 0;
    while let Some((sequence, locator)) = log.next(&[], from)? {
        let stored = locator.read()?;
        assert_eq!(stored.sequence, sequence);
        let message = Message {
            time: stored.time,
            subject: stored.subject.to_vec(),
            headers: stored.headers.to_vec(),
            payload: stored.payload.to_vec(),
        };
        messages.insert(sequence, message);
        from = sequence + 1;
    }
    Ok(messages)
}

fn matches(filter: &str, subject: &[u8]) -> bool {
    let subject = String::from_utf8_lossy(subject);
    let mut pairs = filter.split('.').zip(subject.split('.'));
    filter == ">" || pairs.all(|(filter, token)| filter == "*" || filter == token)
}

/// Replays to nobody.
struct Nothing;

impl Replay for Nothing {
    fn notes(&mut self, _: &[u8]) {}
    fn message(&mut self, _: u64, _: i64, _: &[u8], _: &[u8]) {}
}

const DIR: &str = "/log";
const SUBJECTS: [&str; 5] = ["a.1", "a.2", "b.1", "b.2", "b.3"];
