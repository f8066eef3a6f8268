//! How long does it take to read messages of 128 bytes out of a log, in a run and alone, with all checksums verified?
//!
//! The target counts in the run: at most 60 ns per message, when the file lies in the page cache.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use embus_storage::log::{Accounting, Append, BlockReader, Locator, Log, LogOptions};
use embus_storage::medium::disk::Disk;

/// Messages in the log: some megabytes, so that neither caches of the processor nor one block hold them all.
const MESSAGES: u64 = 100_000;

/// Messages that a consumer asks for at once.
const BATCH: usize = 256;

fn log(dir: PathBuf) -> Log {
    let options = LogOptions {
        segment_bytes: 32 << 20,
        accounting: Accounting::File,
        compress: false,
        synced: false,
        description: Arc::new(b"{}".to_vec()),
    };
    let mut log = Log::create(Arc::new(Disk::new()), dir, options).expect("the folder is there");
    for number in 0..MESSAGES {
        let subject = format!("plant.{:03}.state", number % 1000);
        let append = Append {
            time: 1,
            subject: subject.as_bytes(),
            headers: b"",
            payload: &[b'x'; 128],
            marked: false,
            evict: 0,
        };
        log.append(&append).expect("a small message");
    }
    let commit = log.take_commit(false).expect("there is something to write");
    log.finish_commit(commit.run()).expect("the disk takes it");
    log
}

fn locators(log: &mut Log) -> Vec<Locator> {
    let locate = |sequence| log.locate(sequence).expect("the file is there").expect("nothing was removed");
    (1..=MESSAGES).map(locate).collect()
}

fn read(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut log = log(dir.path().to_path_buf());
    let all = locators(&mut log);
    let mut group = c.benchmark_group("log_read");
    group.throughput(Throughput::Elements(MESSAGES)).sample_size(30);
    let mut reader = BlockReader::new();
    group.bench_function("run, borrowed", |b| {
        b.iter(|| {
            for batch in all.chunks(BATCH) {
                for locator in batch {
                    black_box(reader.read(locator, batch.last().map(Locator::end)).expect("it is intact").payload);
                }
            }
        });
    });
    group.bench_function("run, shared", |b| {
        b.iter(|| {
            for batch in all.chunks(BATCH) {
                for locator in batch {
                    black_box(reader.read(locator, batch.last().map(Locator::end)).expect("it is intact").to_stored());
                }
            }
        });
    });
    group.bench_function("run, located first", |b| {
        b.iter(|| {
            let mut from = 1;
            while from <= MESSAGES {
                let mut batch = Vec::with_capacity(BATCH);
                while let Some((sequence, locator)) = log.next_within(&[], from, MESSAGES).expect("the file is there") {
                    batch.push(locator);
                    from = sequence + 1;
                    if batch.len() == BATCH {
                        break;
                    }
                }
                for locator in &batch {
                    black_box(reader.read(locator, batch.last().map(Locator::end)).expect("it is intact").payload);
                }
            }
        });
    });
    group.bench_function("one by one", |b| {
        b.iter(|| {
            for locator in &all {
                black_box(reader.read(locator, None).expect("it is intact").payload);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
