//! One record after the other, each synced.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Instant;

use crate::latency::{AwakeProcessors, Latencies};
use crate::machine::RECORD_BYTES;
use crate::sample::Sample;
use crate::scenario::Settings;

/// What is written ahead, so that no sync has a new size to write down.
const AHEAD_BYTES: usize = 16 << 20;

/// How long a write and its sync take.
pub(super) fn run(settings: &Settings) -> io::Result<Sample> {
    std::fs::create_dir_all(&settings.store)?;
    let file = tempfile::tempfile_in(&settings.store)?;
    file.write_all_at(&vec![0; AHEAD_BYTES], 0)?;
    file.sync_all()?;
    let _awake = AwakeProcessors::hold();
    let (mut latencies, mut offset, start) = (Latencies::new()?, 0, Instant::now());
    while start.elapsed() < settings.measured && offset + RECORD_BYTES < AHEAD_BYTES {
        let began = Instant::now();
        file.write_all_at(&[1; RECORD_BYTES], offset as u64)?;
        file.sync_data()?;
        latencies.record(began.elapsed());
        offset += RECORD_BYTES;
    }
    Ok(latencies.add_to(Sample::default()))
}
