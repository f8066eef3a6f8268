//! What many keys take of memory, and how long a server takes to start with them.

use std::io;

use nix::sys::signal::Signal;

use super::{STREAM, subject};
use crate::latency::Latencies;
use crate::memory::resident_when_quiet;
use crate::sample::{Metric, Sample, float};
use crate::server::Server;
use crate::streams::FILL_WINDOW;
use crate::streams::drive::{Until, drive};
use crate::streams::frames::{Frames, Inbox};
use crate::streams::lifetime::millis_until;
use crate::streams::pipeline::{Expected, Pipeline};

/// A value whose key is what counts.
const SMALL_VALUE: &[u8] = &[b'x'; 16];

/// Keys whose frames are written at once.
const CHUNK_KEYS: usize = 50_000;

/// Puts a value for each key, looks at the resident memory, stops in good order, and times the start behind that.
pub(super) fn memory_and_restart(
    server: Server,
    start: impl Fn() -> io::Result<Server>,
    keys: usize,
) -> io::Result<Sample> {
    let frames = |from: usize| {
        let numbers = from..keys.min(from + CHUNK_KEYS);
        Frames::new(Inbox(0), numbers.map(|key| (subject(key), SMALL_VALUE)))
    };
    let mut writer = [Pipeline::open(server.address(), frames(0)?, FILL_WINDOW, Expected::Success)?];
    let before = resident_when_quiet(&server)?;
    for from in (0..keys).step_by(CHUNK_KEYS) {
        writer[0].set_frames(frames(from)?);
        let count = writer[0].frames();
        drive(&mut writer, Until::Count(count), &mut Latencies::new()?)?;
    }
    let grown = resident_when_quiet(&server)?.saturating_sub(before);
    drop(writer);
    server.stop(Signal::SIGTERM)?;
    let (server, all) = (start()?, keys as u64);
    let sample = millis_until(&server, |api| Ok(api.state(STREAM)? == (all, all)))?;
    Ok(sample.with(Metric::BytesEach, float(grown) / float(all)))
}
