//! The log against a naive model, under random operations, with commits in all their stages, and reopened at random points.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use embus_storage::file_pool::FilePool;
use embus_storage::log::{Accounting, Append, Commit, Committed, Log, LogOptions, RemovalMark, Replay, State};
use embus_storage::medium::Medium;
use embus_storage::medium::disk::Disk;
use embus_storage::medium::memory::Memory;
use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq)]
struct Message {
    time: i64,
    subject: &'static [u8],
    headers: Vec<u8>,
    payload: Vec<u8>,
}

/// What a log should hold.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    messages: BTreeMap<u64, Message>,
    last: u64,
    last_time: i64,
}

impl Model {
    /// Sequences of the messages on a subject.
    fn on(&self, subject: &[u8]) -> impl DoubleEndedIterator<Item = u64> {
        self.messages.iter().filter(move |(_, it)| it.subject == subject).map(|(&sequence, _)| sequence)
    }
}

#[derive(Debug, Clone)]
enum Action {
    Append { subject: usize, headers: bool, len: usize, evict: u64, time: i64 },
    Remove(u16),
    EvictFirst,
    RemoveBelow(u16),
    Skip(u8),
    RemoveMatching { filter: usize, below: u16, keep: u64 },
    KeepNewest { subject: usize, keep: u64 },
    Take { sync: bool },
    Run,
    Finish,
    Commit { sync: bool },
    Crash,
    Close,
}

const SUBJECTS: [&[u8]; 6] = [b"a.1", b"a.2", b"a.3.x", b"b.1", b"b.2", b"c"];
const FILTERS: [&[u8]; 7] = [b"a.1", b"a.*", b">", b"b.>", b"*.1", b"nobody", b"c"];

fn action() -> impl Strategy<Value = Action> {
    let append = (0..6_usize, any::<bool>(), 0..600_usize, 0..4_u64, -5..20_i64)
        .prop_map(|(subject, headers, len, evict, time)| Action::Append { subject, headers, len, evict, time });
    prop_oneof![
        20 => append,
        4 => any::<u16>().prop_map(Action::Remove),
        3 => Just(Action::EvictFirst),
        1 => any::<u16>().prop_map(Action::RemoveBelow),
        1 => any::<u8>().prop_map(Action::Skip),
        1 => (0..7_usize, any::<u16>(), 0..5_u64)
            .prop_map(|(filter, below, keep)| Action::RemoveMatching { filter, below, keep }),
        1 => (0..7_usize, 0..4_u64).prop_map(|(subject, keep)| Action::KeepNewest { subject, keep }),
        2 => any::<bool>().prop_map(|sync| Action::Take { sync }),
        2 => Just(Action::Run),
        2 => Just(Action::Finish),
        2 => any::<bool>().prop_map(|sync| Action::Commit { sync }),
        1 => Just(Action::Crash),
        1 => Just(Action::Close),
    ]
}

struct Nothing;

impl Replay for Nothing {
    fn notes(&mut self, _: &[u8]) {}
    fn message(&mut self, _: u64, _: i64, _: &[u8], _: &[u8]) {}
}

/// A log, what it should hold, and what of that should survive a crash.
struct Harness {
    medium: Arc<dyn Medium>,
    dir: PathBuf,
    options: LogOptions,
    log: Log,
    model: Model,
    taken: Option<(Commit, Model)>,
    ran: Option<(Committed, Model)>,
    durable: Option<Model>,
    /// A moment, and the subjects of all messages that there were.
    watched: Option<(RemovalMark, BTreeMap<u64, &'static [u8]>)>,
}

impl Harness {
    fn new(medium: Arc<dyn Medium>, dir: PathBuf, synced: bool) -> Self {
        let options = LogOptions {
            segment_bytes: 8192,
            accounting: Accounting::File,
            compress: false,
            synced,
            description: Arc::new(b"described".to_vec()),
        };
        let log = Log::create(Arc::clone(&medium), dir.clone(), options.clone()).unwrap();
        Self {
            medium,
            dir,
            options,
            log,
            model: Model::default(),
            taken: None,
            ran: None,
            durable: None,
            watched: None,
        }
    }

    fn apply(&mut self, action: &Action) {
        match *action {
            Action::Append { subject, headers, len, evict, time } => self.append(subject, headers, len, evict, time),
            Action::Remove(random) => {
                let sequence = self.pick(random);
                let removed = self.model.messages.remove(&sequence).is_some();
                assert_eq!(self.log.remove(sequence).unwrap(), removed);
            }
            Action::EvictFirst => {
                let first = self.model.messages.pop_first();
                assert_eq!(self.log.evict_first().unwrap(), first.is_some());
            }
            Action::RemoveBelow(random) => {
                let sequence = self.pick(random);
                self.remove_below(sequence);
            }
            Action::Skip(random) => self.remove_below(self.model.last + u64::from(random) * u64::from(random)),
            Action::RemoveMatching { filter, below, keep } => self.remove_matching(FILTERS[filter], below, keep),
            Action::KeepNewest { subject, keep } => self.keep_newest(SUBJECTS.get(subject).copied(), keep),
            Action::Take { sync } => self.take(sync),
            Action::Run => self.run(),
            Action::Finish => self.finish(),
            Action::Commit { sync } => {
                self.run();
                self.finish();
                self.take(sync);
                self.run();
                self.finish();
                assert_eq!(self.log.committed(), self.log.position());
                assert_eq!(self.log.pending_bytes(), 0);
            }
            Action::Crash => self.reopen(),
            Action::Close => {
                self.run();
                self.finish();
                self.log.close(b"notes").unwrap();
                self.durable = Some(self.model.clone());
                self.reopen();
            }
        }
    }

    fn append(&mut self, subject: usize, headers: bool, len: usize, evict: u64, time: i64) {
        let subject = SUBJECTS[subject];
        let headers = if headers { b"NATS/1.0\r\nA: b\r\n\r\n".to_vec() } else { Vec::new() };
        let payload = vec![u8::try_from(self.model.last % 251).unwrap(); len];
        let time = self.model.last_time + time;
        let append =
            Append { time, subject, headers: &headers, payload: &payload, marked: len.is_multiple_of(2), evict };
        let sequence = self.log.append(&append).unwrap();
        assert_eq!(sequence, self.model.last + 1);
        let old = self.model.messages.iter().filter(|(_, message)| message.subject == subject).map(|(&it, _)| it);
        for victim in old.take(usize::try_from(evict).unwrap()).collect::<Vec<_>>() {
            self.model.messages.remove(&victim);
        }
        let time = time.max(self.model.last_time);
        self.model.messages.insert(sequence, Message { time, subject, headers, payload });
        (self.model.last, self.model.last_time) = (sequence, time);
    }

    fn remove_below(&mut self, sequence: u64) {
        let kept = self.model.messages.split_off(&sequence);
        let removed = std::mem::replace(&mut self.model.messages, kept).len() as u64;
        assert_eq!(self.log.remove_below(sequence).unwrap(), removed);
        self.model.last = self.model.last.max(sequence.saturating_sub(1));
    }

    fn remove_matching(&mut self, filter: &[u8], below: u16, keep: u64) {
        let below = self.pick(below);
        let all = self.model.messages.range(..below).filter(|(_, message)| matches(filter, message.subject));
        let mut victims: Vec<u64> = all.map(|(&sequence, _)| sequence).collect();
        victims.truncate(victims.len().saturating_sub(usize::try_from(keep).unwrap()));
        self.model.messages.retain(|sequence, _| !victims.contains(sequence));
        assert_eq!(self.log.remove_matching(filter, below, keep).unwrap(), victims.len() as u64);
    }

    fn take(&mut self, sync: bool) {
        let (changed, in_flight) =
            (self.log.position() != self.log.committed(), self.taken.is_some() || self.ran.is_some());
        match self.log.take_commit(sync) {
            Some(commit) => {
                assert!(!in_flight);
                self.taken = Some((commit, self.model.clone()));
            }
            None => assert!(in_flight || !changed),
        }
    }

    fn run(&mut self) {
        if let Some((commit, model)) = self.taken.take() {
            let committed = commit.run();
            assert!(committed.error().is_none());
            self.durable = Some(model.clone());
            self.ran = Some((committed, model));
        }
    }

    fn finish(&mut self) {
        if let Some((committed, _)) = self.ran.take() {
            let position = committed.position();
            assert_eq!(self.log.finish_commit(committed).unwrap(), position);
            assert_eq!(self.log.committed(), position);
        }
    }

    fn reopen(&mut self) {
        (self.taken, self.ran) = (None, None);
        if let Some((mark, _)) = self.watched.take() {
            self.log.watch_removals(false);
            assert!(self.log.removals_since(mark).is_none());
        }
        let Some(durable) = &self.durable else {
            // It never reached the disk.
            self.log = Log::create(Arc::clone(&self.medium), self.dir.clone(), self.options.clone()).unwrap();
            self.model = Model::default();
            return;
        };
        self.model = durable.clone();
        self.log = Log::open(Arc::clone(&self.medium), self.dir.clone(), self.options.clone(), &mut Nothing).unwrap();
        // Evictions are not written down for themselves.
        let first = self.model.messages.first_key_value().map_or(self.model.last + 1, |(&first, _)| first);
        while self.log.messages() > 0 && self.log.first_sequence() < first {
            self.log.evict_first().unwrap();
        }
        assert!(Log::read_description(&*self.medium, &self.dir).unwrap() == b"described");
    }

    /// Some sequence around those that there are.
    fn pick(&self, random: u16) -> u64 {
        let first = self.model.messages.first_key_value().map_or(self.model.last, |(&first, _)| first);
        (first + u64::from(random) % (self.model.last - first + 3)).saturating_sub(1)
    }

    fn check(&mut self, from: u64) {
        self.check_state();
        for (&sequence, message) in &self.model.messages {
            let found = self.log.locate(sequence).unwrap().expect("it is there").read().unwrap();
            assert_eq!(found.sequence, sequence);
            assert_eq!(self.log.subject_of(sequence), Some(message.subject));
            let body = message.subject.len() + message.headers.len() + message.payload.len();
            assert_eq!(self.log.locate(sequence).unwrap().unwrap().body_bytes(), body);
            assert_eq!((found.time, &found.subject[..]), (message.time, message.subject));
            assert_eq!((&found.headers[..], &found.payload[..]), (&message.headers[..], &message.payload[..]));
            assert_eq!(self.log.time_of(sequence).unwrap(), Some(message.time));
        }
        for sequence in [0, from, self.model.last + 1, u64::MAX] {
            assert_eq!(self.log.locate(sequence).unwrap().is_some(), self.model.messages.contains_key(&sequence));
            assert_eq!(self.log.subject_of(sequence).is_some(), self.model.messages.contains_key(&sequence));
        }
        self.check_filters(from);
        self.check_times(from);
        self.check_watch(from);
        let mut deleted = BTreeSet::new();
        self.log.deleted(&mut |start, end| {
            deleted.extend(start..=end);
            true
        });
        let first = self.model.messages.first_key_value().map_or(self.model.last + 1, |(&first, _)| first);
        let naive = (first..=self.model.last).filter(|sequence| !self.model.messages.contains_key(sequence));
        assert!(naive.eq(deleted));
    }

    fn check_state(&self) {
        let Model { messages, last, last_time } = &self.model;
        let state = self.log.state();
        let first = messages.first_key_value();
        let size = |message: &Message| {
            Accounting::File.size(message.subject.len(), message.headers.len(), message.payload.len())
        };
        let first_sequence = first.map_or(last + 1, |(&sequence, _)| sequence);
        let expected = State {
            messages: messages.len() as u64,
            bytes: messages.values().map(size).sum(),
            first_sequence: if *last == 0 { 0 } else { first_sequence },
            first_time: first.map_or(0, |(_, message)| message.time),
            last_sequence: *last,
            last_time: *last_time,
            subjects: messages.values().map(|message| message.subject).collect::<BTreeSet<_>>().len() as u64,
            deleted: if messages.is_empty() { 0 } else { last - first_sequence + 1 - messages.len() as u64 },
            lost_messages: 0,
            lost_bytes: 0,
        };
        assert_eq!(state, expected);
    }

    fn check_filters(&mut self, from: u64) {
        self.check_filter_sets(from);
        for filter in FILTERS {
            let matching: Vec<u64> = self
                .model
                .messages
                .iter()
                .filter(|(_, message)| matches(filter, message.subject))
                .map(|(&sequence, _)| sequence)
                .collect();
            let next = self.log.next(&[filter], from).unwrap().map(|(sequence, _)| sequence);
            assert_eq!(next, matching.iter().copied().find(|&it| it >= from));
            let last = self.log.last(filter, from).unwrap().map(|(sequence, _)| sequence);
            assert_eq!(last, matching.iter().copied().rfind(|&it| it <= from));
            let count = matching.iter().filter(|&&it| it >= from).count() as u64;
            assert_eq!(self.log.count(&[filter], from).unwrap(), count);
            self.check_within(&[filter], &matching, from);
            let mut total = 0;
            self.log.subject_counts(filter, &mut |subject, count| {
                assert_eq!(count, self.model.on(subject).count() as u64);
                assert_eq!(self.log.count_of(subject), count);
                total += count;
                true
            });
            assert_eq!(total, matching.len() as u64);
            self.check_subjects(filter);
        }
    }

    /// On one subject or on all.
    fn keep_newest(&mut self, only: Option<&[u8]>, keep: u64) {
        let mut victims = Vec::new();
        for subject in SUBJECTS.into_iter().filter(|&subject| only.is_none_or(|only| only == subject)) {
            let excess = (self.model.on(subject).count() as u64).saturating_sub(keep);
            victims.extend(self.model.on(subject).take(usize::try_from(excess).unwrap()));
        }
        let removed = match only {
            Some(subject) => self.log.keep_newest_on(subject, keep),
            None => self.log.keep_newest(keep),
        };
        assert_eq!(removed.unwrap(), victims.len() as u64);
        self.model.messages.retain(|sequence, _| !victims.contains(sequence));
    }

    fn check_subjects(&mut self, filter: &[u8]) {
        let matching = |subject: &&&[u8]| self.model.on(subject).next().is_some() && matches(filter, subject);
        let mut expected: Vec<_> = SUBJECTS.iter().filter(matching).map(|it| it.to_vec()).collect();
        expected.sort();
        let last =
            self.model.messages.iter().rfind(|(_, it)| matches(filter, it.subject)).map(|(&sequence, _)| sequence);
        assert_eq!(self.log.last_matching(filter), last);
        let mut found = Vec::new();
        self.log.last_of_each(filter, &mut |subject, last| {
            assert_eq!(Some(last), self.model.on(subject).next_back());
            found.push(subject.to_vec());
            true
        });
        found.sort();
        assert_eq!(found, expected);
        for subject in found {
            let (first, last) = (self.model.on(&subject).next().unwrap(), self.model.on(&subject).next_back().unwrap());
            assert_eq!(self.log.last_of(&subject), Some(last));
            let state = self.log.subject(&subject).unwrap();
            assert_eq!((state.count, state.first, state.last), (self.log.count_of(&subject), first, last));
        }
    }

    fn check_filter_sets(&mut self, from: u64) {
        for filters in [&[][..], &[&b"a.1"[..], b"c", b"nobody"], &[b"a.*", b"b.1"]] {
            let wanted = |subject| filters.is_empty() || filters.iter().any(|filter: &&[u8]| matches(filter, subject));
            let matching = self.model.messages.iter().filter(|(_, message)| wanted(message.subject));
            let matching: Vec<u64> = matching.map(|(&sequence, _)| sequence).collect();
            self.check_within(filters, &matching, from);
        }
    }

    fn check_within(&mut self, filters: &[&[u8]], matching: &[u64], middle: u64) {
        let (near, far) = (middle.saturating_sub(9), middle.saturating_add(9));
        for (from, up_to) in
            [(0, u64::MAX), (0, middle), (middle, u64::MAX), (middle, far), (near, middle), (far, near)]
        {
            let within: Vec<u64> = matching.iter().copied().filter(|&it| from <= it && it <= up_to).collect();
            let next = self.log.next_within(filters, from, up_to).unwrap();
            assert_eq!(next.map(|(sequence, _)| sequence), within.first().copied());
            let last = self.log.last_within(filters, from, up_to).unwrap();
            assert_eq!(last.map(|(sequence, _)| sequence), within.last().copied());
            assert_eq!(self.log.count_within(filters, from, up_to), within.len() as u64);
        }
    }

    /// Whoever knew what there was, and learns what has gone, knows what there is.
    fn check_watch(&mut self, random: u64) {
        if let Some((mark, mut known)) = self.watched.take_if(|_| random.is_multiple_of(3)) {
            match self.log.removals_since(mark) {
                Some(removals) => {
                    let last = known.last_key_value().map_or(0, |(&last, _)| last);
                    for (sequence, subject) in removals {
                        assert!(known.remove(&sequence).map_or(sequence > last, |it| it == subject), "{sequence}");
                    }
                    assert!(known.keys().eq(self.model.messages.range(..=last).map(|(sequence, _)| sequence)));
                }
                None => assert!(known.keys().all(|sequence| !self.model.messages.contains_key(sequence))),
            }
        }
        if self.watched.is_none() {
            self.log.watch_removals(true);
            let known = self.model.messages.iter().map(|(&sequence, message)| (sequence, message.subject)).collect();
            self.watched = Some((self.log.removal_mark(), known));
        }
    }

    fn check_times(&mut self, from: u64) {
        let around = self.model.messages.range(from..).next().map_or(self.model.last_time, |(_, message)| message.time);
        for time in [around - 1, around, around + 1, i64::MIN, i64::MAX] {
            let naive =
                self.model.messages.iter().find(|(_, message)| message.time >= time).map(|(&sequence, _)| sequence);
            assert_eq!(self.log.sequence_at(time).unwrap(), naive.unwrap_or(self.model.last + 1));
        }
    }
}

/// The definition of matching, token by token.
fn matches(filter: &[u8], subject: &[u8]) -> bool {
    let (mut filter, mut subject) = (filter.split(|&it| it == b'.'), subject.split(|&it| it == b'.'));
    loop {
        match (filter.next(), subject.next()) {
            (Some(b">"), Some(_)) | (None, None) => return true,
            (Some(filter), Some(token)) if filter == b"*" || filter == token => {}
            _ => return false,
        }
    }
}

fn run(medium: Arc<dyn Medium>, dir: PathBuf, synced: bool, actions: &[(Action, u16)]) {
    let mut harness = Harness::new(medium, dir, synced);
    for (action, from) in actions {
        harness.apply(action);
        let from = harness.pick(*from);
        harness.check(from);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn in_memory(synced: bool, actions in proptest::collection::vec((action(), any::<u16>()), 1..200)) {
        let medium = Arc::new(Memory::new());
        medium.create_dir("/log".as_ref()).unwrap();
        run(medium, "/log".into(), synced, &actions);
    }

    /// Blocks of the files are kept, and few files are open.
    #[test]
    fn in_pooled_memory(synced: bool, actions in proptest::collection::vec((action(), any::<u16>()), 1..200)) {
        let medium = Memory::new();
        medium.create_dir("/log".as_ref()).unwrap();
        let medium = Arc::new(FilePool::new(Arc::new(medium), 2));
        let blocks = Arc::clone(medium.block_cache().unwrap());
        run(medium, "/log".into(), synced, &actions);
        assert_eq!(blocks.bytes(), 0, "they went with the log");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn on_disk(synced: bool, actions in proptest::collection::vec((action(), any::<u16>()), 1..200)) {
        let dir = tempfile::tempdir().unwrap();
        run(FilePool::over(Arc::new(Disk::new())), dir.path().to_path_buf(), synced, &actions);
    }
}
