//! What a stream takes of memory and disk.

use std::io;

use nix::sys::signal::Signal;

use crate::latency::Latencies;
use crate::memory::resident_when_quiet;
use crate::sample::{Metric, Sample, float};
use crate::server::Server;
use crate::streams::api::Api;
use crate::streams::drive::{Until, drive};
use crate::streams::frames::{Frames, Inbox};
use crate::streams::pipeline::{Expected, Pipeline};
use crate::streams::rates::fill;
use crate::streams::store::Store;
use crate::streams::{FILL_WINDOW, PAYLOAD_BYTES};

/// Payload of a message whose subject is what counts.
const SMALL_PAYLOAD: &[u8] = &[b'x'; 16];

/// Subjects whose frames are written at once.
const CHUNK_SUBJECTS: usize = 50_000;

/// Length of the subject of [`fill`].
const SUBJECT_BYTES: usize = "load.00.000000".len();

/// Resident bytes for each of `subjects` subjects with one message.
pub(super) fn subject_memory(server: &Server, subjects: usize) -> io::Result<Sample> {
    let mut api = Api::open(server.address())?;
    api.create("LOAD", "load.>", "")?;
    let frames = |from: usize| Frames::new(Inbox(0), (from..subjects.min(from + CHUNK_SUBJECTS)).map(message));
    let mut pipeline = [Pipeline::open(server.address(), frames(0)?, FILL_WINDOW, Expected::Success)?];
    let before = resident_when_quiet(server)?;
    for from in (0..subjects).step_by(CHUNK_SUBJECTS) {
        pipeline[0].set_frames(frames(from)?);
        let count = pipeline[0].frames();
        drive(&mut pipeline, Until::Count(count), &mut Latencies::new()?)?;
    }
    let grown = resident_when_quiet(server)?.saturating_sub(before);
    Ok(Sample::default().with(Metric::BytesEach, float(grown) / float(subjects as u64)))
}

/// Bytes on the disk for each of `messages` messages beyond subject and payload, behind a stop in good order.
pub(super) fn disk_bytes(server: Server, store: &Store, messages: u64) -> io::Result<Sample> {
    Api::open(server.address())?.create("LOAD", "load.>", "")?;
    let before = store.disk_bytes()?;
    fill(&server, messages)?;
    server.stop(Signal::SIGTERM)?;
    let each = float(store.disk_bytes()?.saturating_sub(before)) / float(messages);
    Ok(Sample::default().with(Metric::DiskBytesEach, each - float((SUBJECT_BYTES + PAYLOAD_BYTES) as u64)))
}

/// A message for a subject of 24 bytes.
fn message(number: usize) -> (String, &'static [u8]) {
    (format!("load.memory.{number:012}"), SMALL_PAYLOAD)
}
