//! The registry over a disk in memory: what wins, what is refused, what is there after the next start.

mod accounts;
mod crash;
mod files;
mod update;

use std::path::Path;

use embus_protocol::info::ServerInfo;
use embus_storage::medium::memory::Memory;

use super::*;
use crate::fixtures::Noon;
use crate::jobs::Job;
use crate::limits::Limits;
use crate::stream::config::{Republish, Retention, StreamConfig};
use crate::stream::core::{Incoming, Outcome};

/// A thread for every job.
#[derive(Debug)]
struct Threads;

impl Executor for Threads {
    #[allow(clippy::disallowed_methods)]
    fn spawn(&self, job: Job) {
        std::thread::spawn(job);
    }
}

/// A broker with streams; its engine lives as long as it does.
struct Fixture {
    engine: Arc<Engine>,
    jetstream: Arc<JetStream>,
}

impl std::ops::Deref for Fixture {
    type Target = JetStream;
    fn deref(&self) -> &JetStream {
        &self.jetstream
    }
}

fn try_open(options: JetStreamOptions) -> Result<Fixture, StorageError> {
    let engine = Engine::new(Limits::default(), ServerInfo::default(), Arc::new(Noon), 1);
    engine.start_jetstream(options)?;
    let jetstream = Arc::clone(engine.jetstream().expect("they were just started"));
    Ok(Fixture { engine, jetstream })
}

fn open(options: JetStreamOptions) -> Fixture {
    try_open(options).unwrap()
}

fn in_memory() -> JetStreamOptions {
    JetStreamOptions::in_memory(Arc::new(Threads))
}

/// A directory on `disk`, which outlives brokers.
fn on(disk: &Memory) -> JetStreamOptions {
    JetStreamOptions { medium: Arc::new(disk.clone()), dir: Some("/store".into()), ..in_memory() }
}

fn stream(name: &str, subjects: &[&str]) -> StreamConfig {
    let subjects = subjects.iter().map(|&subject| subject.to_owned()).collect();
    StreamConfig { name: name.to_owned(), subjects, ..StreamConfig::default() }
}

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> u16 {
    result.unwrap_err().err_code
}

/// Stores a message and waits until it is committed.
fn publish(stream: &Arc<Stream>, subject: &str, payload: &str) -> Outcome {
    let incoming = Incoming { subject: subject.as_bytes(), headers: b"", payload: payload.as_bytes() };
    let outcome = stream.with(|core| core.publish(&incoming, 1));
    let (sender, receiver) = std::sync::mpsc::channel();
    stream.after_commit(Box::new(move |done| drop(sender.send(done))));
    receiver.recv().unwrap().unwrap();
    outcome
}

fn messages(jetstream: &JetStream, name: &str) -> u64 {
    jetstream.get(name).unwrap().with(|core| core.log().state().messages)
}

#[test]
fn an_identical_create_finds_what_is_there() {
    let jetstream = open(in_memory());
    assert!(!jetstream.create(stream("A", &["a.>"]), false).unwrap().existed);
    assert!(jetstream.create(stream("A", &["a.>"]), false).unwrap().existed);
    assert_eq!(code(jetstream.create(stream("A", &["b"]), false)), 10058);
    assert_eq!(jetstream.names(None), ["A"]);
}

#[test]
fn subjects_belong_to_one_stream() {
    let jetstream = open(in_memory());
    jetstream.create(stream("A", &["a.*.c"]), false).unwrap();
    assert_eq!(code(jetstream.create(stream("B", &["x", "a.b.*"]), false)), 10065);
    jetstream.create(stream("B", &["a.b.d"]), false).unwrap();
    assert_eq!(code(jetstream.update(stream("B", &["a.>"]), false)), 10065);
    assert_eq!(jetstream.get("B").unwrap().config().subjects, ["a.b.d"]);
    jetstream.delete("A").unwrap();
    jetstream.update(stream("B", &["a.>"]), false).unwrap();
    assert_eq!(jetstream.get("B").unwrap().config().subjects, ["a.>"]);
}

#[test]
fn of_many_at_once_one_wins() {
    let jetstream = open(in_memory());
    let (sender, won) = std::sync::mpsc::channel();
    for number in 0..8 {
        let (jetstream, sender) = (Arc::clone(&jetstream.jetstream), sender.clone());
        let race = move || sender.send(jetstream.create(stream(&format!("S{number}"), &["same"]), false).is_ok());
        Threads.spawn(Box::new(move || race().expect("the test waits for all of them")));
    }
    drop(sender);
    let winners = won.into_iter().filter(|&won| won).count();
    assert_eq!(winners, 1);
    assert_eq!(jetstream.names(None).len(), 1);
}

#[test]
fn names_are_found_by_the_subjects_they_share() {
    let jetstream = open(in_memory());
    for (name, subject) in [("B", "b.>"), ("A", "a.1"), ("C", "c")] {
        jetstream.create(stream(name, &[subject]), false).unwrap();
    }
    assert_eq!(jetstream.names(None), ["A", "B", "C"]);
    assert_eq!(jetstream.names(Some("*.1")), ["A", "B"]);
    assert_eq!(jetstream.names(Some("d")), [] as [&str; 0]);
    jetstream.update(stream("B", &["d", "a.2", "a.3"]), false).unwrap();
    jetstream.delete("C").unwrap();
    assert_eq!((jetstream.names(Some("d")), jetstream.names(Some("b.1"))), (vec!["B".to_owned()], vec![]));
    assert_eq!(jetstream.names(Some("a.*")), ["A", "B"]);
    assert_eq!(jetstream.names(Some("c")), [] as [&str; 0]);
}

#[test]
fn streams_that_feed_each_other_are_refused() {
    let jetstream = open(in_memory());
    let feeding = |name: &str, from: &str, to: &str| {
        let republish = Republish { source: from.to_owned(), destination: to.to_owned(), headers_only: false };
        StreamConfig { republish: Some(republish), ..stream(name, &[from]) }
    };
    jetstream.create(feeding("A", "a", "b"), false).unwrap();
    jetstream.create(feeding("B", "b", "c"), false).unwrap();
    assert_eq!(code(jetstream.create(feeding("C", "c", "a"), false)), 10052);
    jetstream.create(feeding("C", "c", "d"), false).unwrap();
    assert_eq!(code(jetstream.update(feeding("C", "c", "a"), false)), 10052);
}

#[test]
fn what_is_not_there_is_not_found() {
    let jetstream = open(in_memory());
    assert_eq!(code(jetstream.delete("A")), 10059);
    assert_eq!(code(jetstream.update(stream("A", &[]), false)), 10059);
}

#[test]
fn limits_of_the_account_and_the_server() {
    let limits = AccountLimits {
        max_streams: Some(3),
        max_storage: Some(1000),
        storage_max_stream_bytes: Some(600),
        max_bytes_required: true,
        ..AccountLimits::default()
    };
    let accounts = BTreeMap::from([(GLOBAL_ACCOUNT.to_owned(), limits)]);
    let jetstream = open(JetStreamOptions { accounts, max_memory: Some(100), max_store: Some(10_000), ..in_memory() });
    let sized = |name: &str, max_bytes| StreamConfig { max_bytes, ..stream(name, &[]) };
    assert_eq!(code(jetstream.create(sized("A", -1), false)), 10113);
    assert_eq!(code(jetstream.create(sized("A", 601), false)), 10122);
    jetstream.create(sized("A", 600), false).unwrap();
    assert_eq!(code(jetstream.create(sized("B", 401), false)), 10047);
    jetstream.create(sized("B", 300), false).unwrap();
    assert_eq!(code(jetstream.update(sized("B", 401), false)), 10047);
    jetstream.update(sized("B", 400), false).unwrap();
    let in_memory = |max_bytes| StreamConfig { storage: StorageType::Memory, ..sized("C", max_bytes) };
    assert_eq!(code(jetstream.create(in_memory(101), false)), 10028);
    jetstream.create(in_memory(100), false).unwrap();
    assert_eq!(code(jetstream.create(in_memory(1), false)), 10058);
    assert_eq!(code(jetstream.create(sized("D", 1), false)), 10027);
    // Full as it is, what is there is found.
    assert!(jetstream.create(sized("A", 600), false).unwrap().existed);
    let account = jetstream.account();
    assert_eq!((account.reserved_storage, account.reserved_memory, account.streams), (1000, 100, 3));
}

#[test]
fn bytes_in_use_are_counted_while_there_is_a_stream() {
    let jetstream = open(in_memory());
    let stream = jetstream.create(stream("A", &["a"]), false).unwrap().stream;
    publish(&stream, "a", "12345");
    assert_eq!(jetstream.account().storage, 30 + 1 + 5);
    assert_eq!(jetstream.account().memory, 0);
    jetstream.delete("A").unwrap();
    assert_eq!(jetstream.account().storage, 0);
}

#[test]
fn ensure_creates_updates_or_names_the_field() {
    let jetstream = open(in_memory());
    let config = stream("A", &["a"]);
    assert!(matches!(jetstream.ensure(config.clone()), Ok(Ensured::Created(_))));
    assert!(matches!(jetstream.ensure(config.clone()), Ok(Ensured::Unchanged(_))));
    let longer = StreamConfig { max_messages: 10, ..config.clone() };
    assert!(matches!(jetstream.ensure(longer), Ok(Ensured::Updated(_))));
    assert_eq!(jetstream.get("A").unwrap().config().max_messages, 10);
    let elsewhere = StreamConfig { storage: StorageType::Memory, description: "moved".to_owned(), ..config.clone() };
    assert!(matches!(jetstream.ensure(elsewhere), Err(EnsureError::Immutable { field: "storage", .. })));
    let work_queue = StreamConfig { retention: Retention::WorkQueue, ..config.clone() };
    assert!(matches!(jetstream.ensure(work_queue), Err(EnsureError::Immutable { field: "retention", .. })));
    let invalid = StreamConfig { subjects: vec!["a..b".to_owned()], ..config };
    assert!(matches!(jetstream.ensure(invalid), Err(EnsureError::Refused(_))));
}

#[test]
fn a_closed_store_is_there_at_the_next_start() {
    let disk = Memory::new();
    let jetstream = open(on(&disk));
    let kept = jetstream.create(stream("A", &["a.*"]), false).unwrap().stream;
    jetstream.create(stream("B", &["b"]), false).unwrap();
    jetstream.create(StreamConfig { storage: StorageType::Memory, ..stream("M", &["m"]) }, false).unwrap();
    publish(&kept, "a.1", "one");
    publish(&kept, "a.2", "two");
    jetstream.update(StreamConfig { description: "changed".to_owned(), ..stream("A", &["a.*"]) }, false).unwrap();
    jetstream.delete("B").unwrap();
    jetstream.close();
    jetstream.close();
    assert_eq!(code(jetstream.create(stream("C", &[]), false)), 10076);

    let jetstream = open(on(&disk));
    assert_eq!(jetstream.names(None), ["A"]);
    assert_eq!(jetstream.get("A").unwrap().config().description, "changed");
    assert_eq!(messages(&jetstream, "A"), 2);
    assert_eq!(jetstream.account().storage, 2 * (30 + 3 + 3));
    assert!(
        jetstream
            .create(StreamConfig { description: "changed".to_owned(), ..stream("A", &["a.*"]) }, false)
            .unwrap()
            .existed
    );
}

#[test]
fn many_streams_come_back() {
    let disk = Memory::new();
    let jetstream = open(on(&disk));
    for number in 0..200 {
        jetstream.create(stream(&format!("S{number}"), &[&format!("s.{number}")]), false).unwrap();
    }
    let names = jetstream.names(None);
    jetstream.close();
    let jetstream = open(on(&disk));
    assert_eq!(jetstream.names(None), names);
    assert_eq!(jetstream.names(Some("s.7")), ["S7"]);
    assert_eq!(code(jetstream.create(stream("T", &["s.*"]), false)), 10065);
}

#[test]
fn a_store_is_locked_until_it_is_closed() {
    let disk = Memory::new();
    let jetstream = open(on(&disk));
    jetstream.create(stream("A", &["a"]), false).unwrap();
    assert!(matches!(try_open(on(&disk)), Err(StorageError::Locked { .. })));
    jetstream.close();
    assert_eq!(open(on(&disk)).names(None), ["A"]);
}

#[test]
fn a_store_can_be_cleared_at_the_start() {
    let disk = Memory::new();
    let jetstream = open(on(&disk));
    jetstream.create(stream("A", &["a"]), false).unwrap();
    jetstream.close();
    let jetstream = open(JetStreamOptions { clear: true, ..on(&disk) });
    assert_eq!(jetstream.names(None), [] as [&str; 0]);
}

/// The folder of the only stream on `disk`.
fn folder(disk: &Memory) -> PathBuf {
    let names = disk.list(Path::new("/store/streams")).unwrap();
    assert_eq!(names.len(), 1);
    Path::new("/store/streams").join(&names[0])
}

fn spoil(disk: &Memory, path: &Path) {
    let file = disk.open(path).unwrap();
    let middle = file.len().unwrap() / 2;
    file.write_at(b"spoilt", middle).unwrap();
}

/// A closed store with one stream of three messages.
fn store_of_one() -> Memory {
    let disk = Memory::new();
    let jetstream = open(on(&disk));
    let stream = jetstream.create(stream("A", &["a"]), false).unwrap().stream;
    for payload in ["1", "2", "3"] {
        publish(&stream, "a", payload);
    }
    jetstream.close();
    disk
}

#[test]
fn one_damaged_copy_of_a_configuration_costs_nothing() {
    for copy in ["config.a", "config.b"] {
        let disk = store_of_one();
        spoil(&disk, &folder(&disk).join(copy));
        assert_eq!(messages(&open(on(&disk)), "A"), 3);
    }
}

#[test]
fn a_configuration_is_restored_from_the_log() {
    let disk = store_of_one();
    for copy in ["config.a", "config.b"] {
        spoil(&disk, &folder(&disk).join(copy));
    }
    let jetstream = open(on(&disk));
    assert_eq!(messages(&jetstream, "A"), 3);
    assert_eq!(jetstream.get("A").unwrap().config().subjects, ["a"]);
    jetstream.close();
    assert!(open(on(&disk)).unreadable().is_empty());
}

#[test]
fn what_nobody_can_read_is_left_where_it_is() {
    let disk = store_of_one();
    let folder = folder(&disk);
    for name in disk.list(&folder).unwrap() {
        disk.open(&folder.join(name)).unwrap().truncate(0).unwrap();
    }
    let jetstream = open(on(&disk));
    assert_eq!(jetstream.names(None), [] as [&str; 0]);
    assert_eq!(jetstream.unreadable()[0].path, folder);
    jetstream.create(stream("A", &["a"]), false).unwrap();
    jetstream.close();
    assert!(disk.list(&folder).is_ok());
    assert_eq!(open(on(&disk)).names(None), ["A"]);
}

#[test]
fn of_two_streams_with_one_name_the_newer_is_served() {
    let disk = store_of_one();
    let older = folder(&disk);
    // Copy the folder under a higher number, and give the copy one message more.
    let newer = older.with_file_name("77");
    disk.create_dir(&newer).unwrap();
    for name in disk.list(&older).unwrap() {
        let from = disk.open(&older.join(&name)).unwrap();
        let mut bytes = vec![0; usize::try_from(from.len().unwrap()).unwrap()];
        from.read_at(&mut bytes, 0).unwrap();
        disk.create(&newer.join(&name)).unwrap().write_at(&bytes, 0).unwrap();
    }
    let jetstream = open(on(&disk));
    assert_eq!(jetstream.names(None), ["A"]);
    assert_eq!(jetstream.unreadable().len(), 1);
    assert_eq!(jetstream.unreadable()[0].path, older);
    assert_eq!(messages(&jetstream, "A"), 3);
    // Once the name is deleted, the older one does not come up in the place of the newer.
    jetstream.delete("A").unwrap();
    jetstream.close();
    assert_eq!(open(on(&disk)).names(None), Vec::<String>::new());
}

#[test]
fn an_engine_without_directory_keeps_file_streams_in_memory() {
    let jetstream = open(in_memory());
    let stream = jetstream.create(stream("A", &["a"]), false).unwrap().stream;
    assert!(matches!(publish(&stream, "a", "x"), Outcome::Stored { sequence: 1 }));
    assert_eq!(stream.policy(), SyncPolicy::Os);
    assert!(jetstream.engine.global_account().has_interest(b"a"));
    jetstream.delete("A").unwrap();
    assert!(!jetstream.engine.global_account().has_interest(b"a"));
}
