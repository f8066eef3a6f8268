//! What consumers cost that have nothing to do.

use std::io;

use super::STREAM;
use crate::memory::resident_when_quiet;
use crate::sample::{Metric, Sample, float};
use crate::scenario::Settings;
use crate::server::Server;
use crate::streams::api::Api;
use crate::streams::rates::measure_publishing;

/// Any number of consumers, and subjects for both.
const CONFIG: &str = r#","max_consumers":-1"#;

/// Processor time per publish with one consumer, then with `consumers` that want other subjects.
pub(super) fn beside(server: &Server, consumers: usize, settings: &Settings) -> io::Result<Sample> {
    let mut api = Api::open(server.address())?;
    api.create(STREAM, r#"load.>","other.>"#, CONFIG)?;
    add(&mut api, 0..1)?;
    let alone = measure_publishing(server, settings)?;
    add(&mut api, 1..consumers)?;
    let beside = measure_publishing(server, settings)?;
    let each = |sample: &Sample| sample.get(Metric::ServerCpuMicros).unwrap_or(f64::NAN);
    let times = each(&beside) / each(&alone);
    Ok(beside.with(Metric::TimesAlone, times))
}

/// Resident bytes for each of `consumers`.
pub(super) fn memory(server: &Server, consumers: usize) -> io::Result<Sample> {
    let mut api = Api::open(server.address())?;
    api.create(STREAM, r#"load.>","other.>"#, CONFIG)?;
    add(&mut api, 0..1)?;
    let before = resident_when_quiet(server)?;
    add(&mut api, 1..consumers + 1)?;
    let grown = resident_when_quiet(server)?.saturating_sub(before);
    Ok(Sample::default().with(Metric::BytesEach, float(grown) / float(consumers as u64)))
}

fn add(api: &mut Api, numbers: std::ops::Range<usize>) -> io::Result<()> {
    for number in numbers {
        let name = format!("C{number:06}");
        let config =
            format!(r#"{{"durable_name":"{name}","ack_policy":"explicit","filter_subject":"other.{number:06}"}}"#);
        api.create_consumer(STREAM, &name, &config)?;
    }
    Ok(())
}
