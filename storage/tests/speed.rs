//! How much processor time the hot paths take (Linux only), for whoever works on them: `cargo test -p embus-storage --profile … --test speed -- --ignored`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use embus_storage::log::{Accounting, Append, Log, LogOptions, Replay};
use embus_storage::medium::Medium;
use embus_storage::medium::disk::Disk;
use embus_storage::medium::memory::Memory;

struct Nothing;

impl Replay for Nothing {
    fn notes(&mut self, _: &[u8]) {}
    fn message(&mut self, _: u64, _: i64, _: &[u8], _: &[u8]) {}
}

const MESSAGES: u64 = 2_000_000;

fn options() -> LogOptions {
    let description = Arc::from(&b"d"[..]);
    LogOptions { segment_bytes: 64 << 20, accounting: Accounting::File, compress: false, synced: false, description }
}

fn commit(log: &mut Log) {
    if let Some(commit) = log.take_commit(false) {
        log.finish_commit(commit.run()).unwrap();
    }
}

fn report(what: &str, started: u64) {
    println!("{what}: {} ns", (cpu_time() - started) / MESSAGES);
}

/// Nanoseconds that this thread ran.
fn cpu_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn append(log: &mut Log, subject: &[u8], time: i64, evict: u64) -> u64 {
    log.append(&Append { time, subject, headers: b"", payload: &[7; 128], marked: false, evict }).unwrap()
}

fn run(medium: &Arc<dyn Medium>, dir: &std::path::Path) {
    let mut log = Log::create(Arc::clone(medium), dir.to_path_buf(), options()).unwrap();
    let started = cpu_time();
    for number in 0..MESSAGES {
        append(&mut log, b"orders.new", 5, 0);
        if number % 256 == 255 {
            commit(&mut log);
        }
    }
    commit(&mut log);
    report("append and commit each 256", started);

    let started = cpu_time();
    for sequence in 1..=MESSAGES {
        assert!(log.locate(sequence).unwrap().is_some());
    }
    report("locate", started);
    let started = cpu_time();
    for sequence in 1..=MESSAGES {
        assert_eq!(log.locate(sequence).unwrap().unwrap().read().unwrap().payload.len(), 128);
    }
    report("locate and read", started);
    drop(log);
    let started = cpu_time();
    let mut log = Log::open(Arc::clone(medium), dir.to_path_buf(), options(), &mut Nothing).unwrap();
    report("open", started);
    assert_eq!(log.messages(), MESSAGES);

    let started = cpu_time();
    for _ in 0..MESSAGES {
        append(&mut log, b"orders.new", 5, 0);
        log.evict_first().unwrap();
        if log.pending_bytes() > 40_000 {
            commit(&mut log);
        }
    }
    report("append, evict the first", started);
    let names: Vec<String> = (0..100_000).map(|number| format!("kv.bucket.key{number}")).collect();
    let started = cpu_time();
    for number in 0..MESSAGES {
        append(&mut log, names[usize::try_from(number * 7919 % 100_000).unwrap()].as_bytes(), 5, 1);
        if number % 256 == 255 {
            commit(&mut log);
        }
    }
    report("one of 100,000 keys, evicting its last value", started);
}

#[test]
#[ignore = "takes its time"]
fn memory() {
    let medium: Arc<dyn Medium> = Arc::new(Memory::new());
    medium.create_dir("/log".as_ref()).unwrap();
    run(&medium, "/log".as_ref());
}

#[test]
#[ignore = "takes its time"]
fn disk() {
    let dir = tempfile::tempdir().unwrap();
    let medium: Arc<dyn Medium> = Arc::new(Disk::new());
    run(&medium, dir.path());
}
