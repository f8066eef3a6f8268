//! A stream in files, read from its beginning by the program that has the broker.

use std::io;
use std::time::Instant;

use bytes::Bytes;
use embus::jetstream::stream::{Config, ReplayFrom, Stream};
use embus::jetstream::{self, Context};
use embus::{Broker, SyncPolicy};
use futures_util::StreamExt as _;
use tokio::runtime::Runtime;

use super::{PAYLOAD_BYTES, SHUTDOWN, rates};
use crate::lane::Phase;
use crate::process::CpuClock;
use crate::sample::{Metric, Sample};
use crate::scenario::{Settings, micros_each};

/// Acknowledgements that are waited for together.
const WINDOW: u64 = 1000;

/// Fills a stream and reads it twice; the second time counts.
pub(super) fn run(runtime: &Runtime, messages: u64, settings: &Settings) -> io::Result<Sample> {
    let folder = tempfile::Builder::new().prefix("load-").tempdir_in(&settings.store)?;
    let builder = Broker::builder().store_dir(folder.path()).sync(SyncPolicy::Os);
    let broker = runtime.block_on(builder.start()).map_err(io::Error::other)?;
    let context = jetstream::new(broker.client());
    let stream = runtime.block_on(fill(context, messages))?;
    runtime.block_on(read(&stream, messages))?;
    let cpu = CpuClock::own();
    let before = cpu.now()?;
    let phase = runtime.block_on(read(&stream, messages))?;
    let used = cpu.since(before)?;
    runtime.block_on(broker.shutdown(SHUTDOWN));
    let (sample, messages) = rates(phase);
    Ok(sample.with(Metric::ServerCpuMicros, micros_each(used, messages)))
}

async fn fill(context: Context, messages: u64) -> io::Result<Stream> {
    let config = Config { name: "LOAD".into(), subjects: vec!["load.>".into()], ..Config::default() };
    let stream = context.create_stream(config).await.map_err(io::Error::other)?;
    let payload = Bytes::from_static(&[b'x'; PAYLOAD_BYTES]);
    for number in 1..=messages {
        let ack = context.publish("load.one", payload.clone()).await.map_err(io::Error::other)?;
        if number % WINDOW == 0 || number == messages {
            ack.await.map_err(io::Error::other)?;
        }
    }
    Ok(stream)
}

async fn read(stream: &Stream, messages: u64) -> io::Result<Phase> {
    let start = Instant::now();
    let mut replay = stream.replay_from(ReplayFrom::Sequence(1)).await.map_err(io::Error::other)?;
    for sequence in 1..=messages {
        let next = replay.next().await.ok_or_else(|| io::Error::other("the replay ended"))?;
        let message = next.map_err(io::Error::other)?;
        if message.sequence != sequence {
            return Err(io::Error::other(format!("message {} came in place of {sequence}", message.sequence)));
        }
    }
    Ok(Phase { published: messages, delivered: messages, elapsed: start.elapsed() })
}
