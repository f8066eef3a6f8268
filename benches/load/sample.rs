//! Figures of one run, and the median over rounds.

use std::collections::BTreeMap;

/// What a figure says, with its unit. The order is the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Published messages per second.
    MessagesPerSecond,
    /// Commits of a stream per second.
    CommitsPerSecond,
    /// Server processor time per published message (or request, or subscription), in microseconds.
    ServerCpuMicros,
    /// The load client's processor time per published message, in microseconds.
    ClientCpuMicros,
    /// Median latency in microseconds.
    P50Micros,
    /// 99th percentile in microseconds.
    P99Micros,
    /// 99.9th percentile in microseconds.
    P999Micros,
    /// Resident memory of the server in MiB.
    ResidentMib,
    /// Resident memory of the server above that of a program that only holds a tokio runtime, in MiB.
    AboveRuntimeMib,
    /// Resident memory per connection, subscription, subject or stream, in bytes.
    BytesEach,
    /// Disk space per stored message beyond its subject and payload, in bytes.
    DiskBytesEach,
    /// A duration in milliseconds.
    Millis,
    /// Processor time beside others, as a multiple of that without them.
    TimesAlone,
}

impl Metric {
    /// Whether more of it is better.
    pub fn is_rate(self) -> bool {
        matches!(self, Self::MessagesPerSecond | Self::CommitsPerSecond)
    }

    /// Name and unit for a reader.
    pub fn label(self) -> &'static str {
        match self {
            Self::MessagesPerSecond => "msg/s",
            Self::CommitsPerSecond => "commits/s",
            Self::ServerCpuMicros => "server µs/msg",
            Self::ClientCpuMicros => "client µs/msg",
            Self::P50Micros => "p50 µs",
            Self::P99Micros => "p99 µs",
            Self::P999Micros => "p99.9 µs",
            Self::ResidentMib => "RSS MiB",
            Self::AboveRuntimeMib => "RSS above tokio MiB",
            Self::BytesEach => "bytes each",
            Self::DiskBytesEach => "disk bytes each",
            Self::Millis => "ms",
            Self::TimesAlone => "times the cost alone",
        }
    }
}

/// The figures of one run, or their medians.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample(BTreeMap<Metric, f64>);

impl Sample {
    /// The same with one more figure.
    #[must_use]
    pub fn with(mut self, metric: Metric, value: f64) -> Self {
        self.0.insert(metric, value);
        self
    }

    /// One figure.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.0.get(&metric).copied()
    }

    /// All figures in the order of the report.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, f64)> {
        self.0.iter().map(|(metric, value)| (*metric, *value))
    }

    /// The median of every figure over `rounds`.
    pub fn median(rounds: &[Self]) -> Self {
        let mut by_metric: BTreeMap<Metric, Vec<f64>> = BTreeMap::new();
        for (metric, value) in rounds.iter().flat_map(Self::iter) {
            by_metric.entry(metric).or_default().push(value);
        }
        Self(by_metric.into_iter().map(|(metric, values)| (metric, median(values))).collect())
    }
}

/// The middle value; with an even number of values, the mean of the two in the middle. NaN for none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

/// A count as a float, for ratios; counts here stay far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of messages and bytes stay below 2^53")]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// Bytes as MiB.
pub fn mebibytes(bytes: u64) -> f64 {
    float(bytes) / (1024.0 * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_an_outlier() {
        assert!((median(vec![1.0, 900.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![1.0, 2.0]) - 1.5).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn medians_are_taken_per_metric() {
        let round =
            |rate, cpu| Sample::default().with(Metric::MessagesPerSecond, rate).with(Metric::ServerCpuMicros, cpu);
        let median = Sample::median(&[round(1.0, 30.0), round(2.0, 10.0), round(3.0, 20.0)]);
        assert_eq!(median, round(2.0, 20.0));
    }
}
