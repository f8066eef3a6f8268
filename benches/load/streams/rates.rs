//! How fast streams take messages and give them back, and what that costs the server.

use std::io;

use crate::flow::shuffled;
use crate::lane::Phase;
use crate::latency::{AwakeProcessors, Latencies};
use crate::process::CpuClock;
use crate::sample::{Metric, Sample, float, mebibytes};
use crate::scenario::{Settings, micros_each, rates};
use crate::server::Server;
use crate::streams::api::Api;
use crate::streams::drive::{Until, drive};
use crate::streams::frames::{Frames, Inbox};
use crate::streams::pipeline::{Expected, Pipeline};
use crate::streams::{FILL_WINDOW, PAYLOAD_BYTES, Publish};

const STREAM: &str = "LOAD";

/// Publishes into one stream of its own.
pub(super) fn publish(server: &Server, load: &Publish, settings: &Settings) -> io::Result<Sample> {
    Api::open(server.address())?.create(STREAM, "load.>", load.config)?;
    publish_into(server, (STREAM, "load"), load, settings)
}

/// Publishes into a stream that is there, on subjects that begin with `prefix`; in the end its last sequence must be the
/// number of acknowledgements.
pub(crate) fn publish_into(
    server: &Server,
    (stream, prefix): (&str, &str),
    load: &Publish,
    settings: &Settings,
) -> io::Result<Sample> {
    let mut api = Api::open(server.address())?;
    let mut acknowledged = load.stored;
    if load.stored > 0 {
        fill(server, load.stored)?;
    }
    let connect = |number| {
        let subjects = shuffled(load.keys).into_iter().map(|key| format!("{prefix}.{number:02}.{key:06}"));
        // One subject is repeated to fill a window with one write.
        let subjects: Vec<String> =
            if load.keys == 1 { subjects.cycle().take(load.window).collect() } else { subjects.collect() };
        Pipeline::open(server.address(), Frames::messages(Inbox(number), subjects)?, load.window, Expected::Success)
    };
    let mut pipelines = (0..load.publishers).map(connect).collect::<io::Result<Vec<_>>>()?;
    if load.keys > 1 {
        let all = Until::Count(pipelines.iter().map(Pipeline::frames).sum());
        acknowledged += drive(&mut pipelines, all, &mut Latencies::new()?)?.published;
    }
    let (sample, published) = measure(server, &mut pipelines, load.window, settings)?;
    acknowledged += published;
    let (last, _) = api.state(stream)?;
    if last != acknowledged {
        return Err(io::Error::other(format!("{acknowledged} messages were acknowledged, {last} are there")));
    }
    Ok(sample)
}

/// Gets the last message of subjects in an order that is no order.
pub(super) fn direct_get(server: &Server, keys: usize, window: usize, settings: &Settings) -> io::Result<Sample> {
    Api::open(server.address())?.create(STREAM, "load.>", r#","allow_direct":true,"max_msgs_per_subject":1"#)?;
    let subject = |key| format!("load.{key:06}");
    let frames = Frames::messages(Inbox(0), (0..keys).map(subject))?;
    let mut filler = [Pipeline::open(server.address(), frames, FILL_WINDOW, Expected::Success)?];
    drive(&mut filler, Until::Count(keys), &mut Latencies::new()?)?;
    let get = |key| (format!("$JS.API.DIRECT.GET.{STREAM}.{}", subject(key)), "");
    let gets = Frames::new(Inbox(1), shuffled(keys).into_iter().map(get))?;
    let mut readers = [Pipeline::open(server.address(), gets, window, Expected::Message(PAYLOAD_BYTES))?];
    measure(server, &mut readers, window, settings).map(|(sample, _)| sample)
}

/// Writes `messages` messages to each of `streams` streams, waits for all acknowledgements, and begins again.
pub(super) fn dirty_streams(
    server: &Server,
    streams: usize,
    messages: usize,
    settings: &Settings,
) -> io::Result<Sample> {
    let mut api = Api::open(server.address())?;
    let subject = |stream: usize| format!("load.{stream:03}");
    for stream in 0..streams {
        api.create(&format!("LOAD{stream:03}"), &subject(stream), "")?;
    }
    let frames =
        Frames::messages(Inbox(0), (0..streams).flat_map(|stream| (0..messages).map(move |_| subject(stream))))?;
    let mut writers = [Pipeline::open(server.address(), frames, streams * messages, Expected::Success)?];
    let mut rounds = |time| {
        let mut sum = Phase::default();
        while sum.elapsed < time {
            let round = drive(&mut writers, Until::Count(streams * messages), &mut Latencies::new()?)?;
            sum.published += round.published;
            sum.elapsed += round.elapsed;
        }
        Ok::<_, io::Error>(sum)
    };
    rounds(settings.warm_up)?;
    let cpu = server.cpu_clock()?;
    let before = cpu.now()?;
    let phase = rounds(settings.measured)?;
    let commits = float(phase.published / messages as u64) / phase.elapsed.as_secs_f64();
    Ok(rates(&phase)
        .with(Metric::CommitsPerSecond, commits)
        .with(Metric::ServerCpuMicros, micros_each(cpu.since(before)?, phase.published)))
}

/// Stores messages as fast as the server takes them.
pub(crate) fn fill(server: &Server, messages: u64) -> io::Result<()> {
    let frames = Frames::messages(Inbox(0), (0..FILL_WINDOW).map(|_| "load.00.000000".to_owned()))?;
    let mut pipeline = [Pipeline::open(server.address(), frames, FILL_WINDOW, Expected::Success)?];
    let count = usize::try_from(messages).map_err(io::Error::other)?;
    drive(&mut pipeline, Until::Count(count), &mut Latencies::new()?).map(drop)
}

/// Publishes into the stream that is there, 256 in flight.
pub(crate) fn measure_publishing(server: &Server, settings: &Settings) -> io::Result<Sample> {
    const WINDOW: usize = 256;
    let frames = Frames::messages(Inbox(0), (0..WINDOW).map(|_| "load.00.000000".to_owned()))?;
    let mut pipeline = [Pipeline::open(server.address(), frames, WINDOW, Expected::Success)?];
    measure(server, &mut pipeline, WINDOW, settings).map(|(sample, _)| sample)
}

/// Warms up and measures; also returns how many requests were answered in all.
fn measure(
    server: &Server,
    pipelines: &mut [Pipeline],
    window: usize,
    settings: &Settings,
) -> io::Result<(Sample, u64)> {
    let _awake = (window == 1).then(AwakeProcessors::hold);
    let warm_up = drive(pipelines, Until::Elapsed(settings.warm_up), &mut Latencies::new()?)?;
    let (cpu, own, mut latencies) = (server.cpu_clock()?, CpuClock::own(), Latencies::new()?);
    let (cpu_before, own_before) = (cpu.now()?, own.now()?);
    let phase = drive(pipelines, Until::Elapsed(settings.measured), &mut latencies)?;
    let (cpu_used, own_used) = (cpu.since(cpu_before)?, own.since(own_before)?);
    let sample = rates(&phase)
        .with(Metric::ServerCpuMicros, micros_each(cpu_used, phase.published))
        .with(Metric::ClientCpuMicros, micros_each(own_used, phase.published))
        .with(Metric::ResidentMib, mebibytes(server.resident_bytes()?));
    let sample = if window == 1 { latencies.add_to(sample) } else { sample };
    Ok((sample, warm_up.published + phase.published))
}
