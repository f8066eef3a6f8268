//! Latency histograms, and keeping idle processors awake while latencies are taken.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::sample::{Metric, Sample, float};

/// Latencies of one run, to three significant digits.
#[derive(Debug)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// An empty set, for latencies of up to ten seconds.
    pub fn new() -> io::Result<Self> {
        Histogram::new_with_bounds(1, 10_000_000_000, 3).map(Self).map_err(io::Error::other)
    }

    /// Adds one latency.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// `sample` with the three percentiles of the report.
    pub fn add_to(&self, sample: Sample) -> Sample {
        let micros = |quantile| float(self.0.value_at_quantile(quantile)) / 1000.0;
        sample
            .with(Metric::P50Micros, micros(0.5))
            .with(Metric::P99Micros, micros(0.99))
            .with(Metric::P999Micros, micros(0.999))
    }
}

/// Keeps idle processors from sleeping for as long as it lives, where the system lets us. In a virtual machine a wake-up
/// from the halt state costs more than the round trip that is measured.
#[derive(Debug)]
#[must_use]
pub struct AwakeProcessors {
    _hold: Option<File>,
}

impl AwakeProcessors {
    /// Asks for a wake-up latency of zero.
    pub fn hold() -> Self {
        Self { _hold: request_zero_latency().ok() }
    }

    /// Whether the system lets us; the report says so beside the figure.
    pub fn is_possible() -> bool {
        request_zero_latency().is_ok()
    }
}

/// The request holds while the file is open. [Linux: PM quality of service]
fn request_zero_latency() -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).open("/dev/cpu_dma_latency")?;
    file.write_all(&0_i32.to_ne_bytes())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_come_in_microseconds() -> io::Result<()> {
        let mut latencies = Latencies::new()?;
        (1..=1000).for_each(|micros| latencies.record(Duration::from_micros(micros)));
        let sample = latencies.add_to(Sample::default());
        let is_near = |metric, expected: f64| sample.get(metric).is_some_and(|value| (value - expected).abs() < 1.0);
        assert!(is_near(Metric::P50Micros, 500.0));
        assert!(is_near(Metric::P99Micros, 990.0));
        Ok(())
    }
}
