//! How long a server with a store takes to start, and what idle streams take of its memory.

use std::io;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::latency::Latencies;
use crate::memory::resident_when_quiet;
use crate::sample::{Metric, Sample, float};
use crate::server::Server;
use crate::streams::api::{Api, create_body};
use crate::streams::drive::{Until, drive};
use crate::streams::frames::{Frames, Inbox};
use crate::streams::pipeline::{Expected, Pipeline};
use crate::streams::rates::fill;

/// Streams that are created at once.
const CREATE_WINDOW: usize = 64;

/// How long a server may take until it serves its streams.
const DEADLINE: Duration = Duration::from_secs(120);

/// Pause between two questions whether it does.
const POLL_EVERY: Duration = Duration::from_millis(1);

/// From the start of the process until it serves a stream of `messages` messages, behind a stop with `signal`.
pub(super) fn restart(
    server: Server,
    start: impl Fn() -> io::Result<Server>,
    messages: u64,
    signal: Signal,
) -> io::Result<Sample> {
    Api::open(server.address())?.create("LOAD", "load.>", "")?;
    fill(&server, messages)?;
    server.stop(signal)?;
    let server = start()?;
    let is_ready = |api: &mut Api| Ok(api.state("LOAD")? == (messages, messages));
    millis_until(&server, is_ready)
}

/// The same with `count` streams of one message each; and the resident memory of each of them behind it.
pub(super) fn small_streams(
    server: Server,
    start: impl Fn() -> io::Result<Server>,
    count: usize,
) -> io::Result<Sample> {
    let empty = resident_when_quiet(&server)?;
    let creates = Frames::new(Inbox(0), (0..count).map(create))?;
    let mut pipeline = [Pipeline::open(server.address(), creates, CREATE_WINDOW, Expected::Success)?];
    drive(&mut pipeline, Until::Count(count), &mut Latencies::new()?)?;
    pipeline[0].set_frames(Frames::messages(Inbox(0), (0..count).map(subject))?);
    drive(&mut pipeline, Until::Count(count), &mut Latencies::new()?)?;
    drop(pipeline);
    server.stop(Signal::SIGTERM)?;
    let server = start()?;
    let sample =
        millis_until(&server, |api| Ok(api.streams()? == count as u64 && api.state(&name(count - 1))? == (1, 1)))?;
    let grown = resident_when_quiet(&server)?.saturating_sub(empty);
    Ok(sample.with(Metric::BytesEach, float(grown) / float(count as u64)))
}

/// From the start of the process until it is ready.
pub(crate) fn millis_until(server: &Server, is_ready: impl Fn(&mut Api) -> io::Result<bool>) -> io::Result<Sample> {
    loop {
        // A server that listens before it has found its streams answers that there are none.
        let outcome = is_ready(&mut Api::open(server.address())?);
        let elapsed = server.began().elapsed();
        match outcome {
            Ok(true) => return Ok(Sample::default().with(Metric::Millis, elapsed.as_secs_f64() * 1000.0)),
            outcome if elapsed > DEADLINE => {
                return Err(io::Error::other(format!("the streams are not there after {elapsed:?}: {outcome:?}")));
            }
            _ => thread::sleep(POLL_EVERY),
        }
    }
}

/// The request that creates a stream.
fn create(number: usize) -> (String, String) {
    let name = name(number);
    (format!("$JS.API.STREAM.CREATE.{name}"), create_body(&name, &subject(number), ""))
}

fn name(number: usize) -> String {
    format!("LOAD{number:06}")
}

fn subject(number: usize) -> String {
    format!("load.{number:06}")
}
