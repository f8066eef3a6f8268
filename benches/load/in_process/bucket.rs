//! Buckets in the process that has the broker: what a program waits for.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use embus::jetstream::kv::{Config, Event, Store};
use embus::{Broker, SyncPolicy, jetstream};
use futures_util::StreamExt as _;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::{PAYLOAD_BYTES, SHUTDOWN, rates};
use crate::flow::shuffled;
use crate::lane::Phase;
use crate::latency::Latencies;
use crate::process::CpuClock;
use crate::sample::{Metric, Sample};
use crate::scenario::{Settings, micros_each};

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Reads keys in an order that is no order, one after the other.
    Get {
        /// Keys with a value each.
        keys: usize,
    },
    /// Writes from so many tasks, each waiting for its revision, which is synced.
    Put {
        /// Tasks.
        tasks: usize,
    },
    /// From a revision to the watch that tells of it.
    Watch,
    /// From asking for a watch to its mark that everything has come.
    WatchStart {
        /// Keys with a value each.
        keys: usize,
    },
}

impl Question {
    fn sync(self) -> SyncPolicy {
        if matches!(self, Self::Put { .. }) { SyncPolicy::Always } else { SyncPolicy::Os }
    }

    /// Keys that are there before anything is measured.
    fn keys(self) -> usize {
        match self {
            Self::Get { keys } | Self::WatchStart { keys } => keys,
            Self::Put { .. } | Self::Watch => 0,
        }
    }
}

/// Answers `question` with a bucket in files of its own.
pub(super) fn run(runtime: &Runtime, question: Question, settings: &Settings) -> io::Result<Sample> {
    std::fs::create_dir_all(&settings.store)?;
    let folder = tempfile::Builder::new().prefix("load-").tempdir_in(&settings.store)?;
    let builder = Broker::builder().store_dir(folder.path()).sync(question.sync());
    let broker = runtime.block_on(builder.start()).map_err(io::Error::other)?;
    // As a program does it: on a worker, not on the thread that started the runtime.
    let (settings, asked) = (settings.clone(), jetstream::new(broker.client()));
    let sample = runtime.block_on(runtime.spawn(async move {
        let config = Config { bucket: "load".into(), ..Config::default() };
        let bucket = asked.create_key_value(config).await.map_err(io::Error::other)?;
        fill(&bucket, question.keys()).await?;
        match question {
            Question::Get { keys } => get(&bucket, keys, settings.measured).await,
            Question::Put { tasks } => put(&bucket, tasks, settings.measured).await,
            Question::Watch => watch(&bucket, settings.measured).await,
            Question::WatchStart { keys } => watch_start(&bucket, keys).await,
        }
    }))?;
    runtime.block_on(broker.shutdown(SHUTDOWN));
    sample
}

fn key(number: usize) -> String {
    format!("load.{number:06}")
}

fn value() -> Bytes {
    Bytes::from_static(&[b'x'; PAYLOAD_BYTES])
}

async fn fill(bucket: &Store, keys: usize) -> io::Result<()> {
    for number in 0..keys {
        bucket.put(key(number), value()).await.map_err(io::Error::other)?;
    }
    Ok(())
}

async fn get(bucket: &Store, keys: usize, duration: Duration) -> io::Result<Sample> {
    let order: Vec<_> = shuffled(keys).into_iter().map(key).collect();
    let (mut latencies, start, mut next) = (Latencies::new()?, Instant::now(), order.iter().cycle());
    while start.elapsed() < duration {
        let key = next.next().ok_or_else(|| io::Error::other("no keys"))?;
        let began = Instant::now();
        let found = bucket.get(key.as_str()).await.map_err(io::Error::other)?;
        latencies.record(began.elapsed());
        if found.is_none_or(|value| value.len() != PAYLOAD_BYTES) {
            return Err(io::Error::other("a value is not what was put"));
        }
    }
    Ok(latencies.add_to(Sample::default()))
}

async fn put(bucket: &Store, tasks: usize, duration: Duration) -> io::Result<Sample> {
    let (cpu, start) = (CpuClock::own(), Instant::now());
    let before = cpu.now()?;
    let mut writers = JoinSet::new();
    for number in 0..tasks {
        let bucket = bucket.clone();
        writers.spawn(async move {
            let (mut count, key) = (0, key(number));
            while start.elapsed() < duration {
                bucket.put(&key, value()).await.map_err(io::Error::other)?;
                count += 1;
            }
            Ok::<u64, io::Error>(count)
        });
    }
    let counts: io::Result<Vec<u64>> = writers.join_all().await.into_iter().collect();
    let published = counts?.into_iter().sum();
    let (sample, count) = rates(Phase { published, delivered: published, elapsed: start.elapsed() });
    Ok(sample.with(Metric::ServerCpuMicros, micros_each(cpu.since(before)?, count)))
}

async fn watch(bucket: &Store, duration: Duration) -> io::Result<Sample> {
    let mut changes = bucket.watch_all().await.map_err(io::Error::other)?;
    let (mut latencies, start) = (Latencies::new()?, Instant::now());
    while start.elapsed() < duration {
        let revision = bucket.put("one", value()).await.map_err(io::Error::other)?;
        let put = Instant::now();
        let entry = changes.next().await.ok_or_else(|| io::Error::other("the watch ended"))?;
        latencies.record(put.elapsed());
        if entry.map_err(io::Error::other)?.revision != revision {
            return Err(io::Error::other("the watch tells of another revision"));
        }
    }
    Ok(latencies.add_to(Sample::default()))
}

async fn watch_start(bucket: &Store, keys: usize) -> io::Result<Sample> {
    let start = Instant::now();
    let mut events = bucket.watch_with_history(">").await.map_err(io::Error::other)?.events();
    let mut found = 0;
    while let Event::Entry(_) =
        events.next().await.ok_or_else(|| io::Error::other("the watch ended"))?.map_err(io::Error::other)?
    {
        found += 1;
    }
    let millis = start.elapsed().as_secs_f64() * 1000.0;
    if found != keys {
        return Err(io::Error::other(format!("the watch told of {found} of {keys} keys")));
    }
    Ok(Sample::default().with(Metric::Millis, millis))
}
