//! Times and numbers in the notation that readers of nats-server's JSON expect.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Serializer;

/// A point in time as RFC 3339 in UTC with as many fraction digits as it needs.
pub(super) fn timestamp(time: SystemTime) -> String {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Time between two points; zero when a stepping clock put them in the wrong order.
pub(super) fn between(from: SystemTime, to: SystemTime) -> Duration {
    to.duration_since(from).unwrap_or_default()
}

/// A long span in whole units, `1y2d3h4m5s`; from the biggest unit that is not zero on, all are written.
pub(super) fn uptime(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let years = days / 365;
    match () {
        () if years > 0 => format!("{years}y{}d{}h{}m{}s", days % 365, hours % 24, minutes % 60, seconds % 60),
        () if days > 0 => format!("{days}d{}h{}m{}s", hours % 24, minutes % 60, seconds % 60),
        () if hours > 0 => format!("{hours}h{}m{}s", minutes % 60, seconds % 60),
        () if minutes > 0 => format!("{minutes}m{}s", seconds % 60),
        () => format!("{seconds}s"),
    }
}

/// A short span in the largest fitting unit with a fraction, `574µs`, `1.25ms`, `1m0.5s`; below a millisecond whole
/// microseconds will do.
pub(super) fn round_trip(span: Duration) -> String {
    let nanoseconds = span.as_nanos();
    match nanoseconds {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanoseconds}ns"),
        1_000..1_000_000 => format!("{}µs", nanoseconds / 1_000),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(nanoseconds, 1_000_000, 6)),
        1_000_000_000..60_000_000_000 => format!("{}s", decimal(nanoseconds, 1_000_000_000, 9)),
        _ => format!("{}m{}s", nanoseconds / 60_000_000_000, decimal(nanoseconds % 60_000_000_000, 1_000_000_000, 9)),
    }
}

/// `value / unit` with up to `digits` fraction digits and no zeros at the end.
fn decimal(value: u128, unit: u128, digits: usize) -> String {
    let text = format!("{}.{:0digits$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Nanoseconds, the unit of every duration that is a JSON number.
pub(super) fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Writes a whole number without a fraction: a reader may have declared the field an integer, because that is what
/// nats-server writes most of the time.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(super) fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.fract() == 0.0 && value.abs() < EXACT_INTEGERS {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return serializer.serialize_i64(*value as i64);
    }
    serializer.serialize_f64(*value)
}

/// 2^53: every whole number below it has an exact `f64`.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_starts_at_its_biggest_unit() {
        let cases = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m0s"),
            (3_661, "1h1m1s"),
            (93_784, "1d2h3m4s"),
            (31_536_000 + 2 * 86_400 + 5, "1y2d0h0m5s"),
        ];
        for (seconds, text) in cases {
            assert_eq!(uptime(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn round_trips_use_the_largest_fitting_unit() {
        let cases = [
            (0, "0s"),
            (999, "999ns"),
            (574_999, "574µs"),
            (1_000_000, "1ms"),
            (1_250_000, "1.25ms"),
            (1_000_001, "1.000001ms"),
            (1_500_000_000, "1.5s"),
            (60_500_000_000, "1m0.5s"),
        ];
        for (nanoseconds, text) in cases {
            assert_eq!(round_trip(Duration::from_nanos(nanoseconds)), text);
        }
    }

    #[test]
    fn timestamps_have_the_digits_they_need() {
        let start = SystemTime::UNIX_EPOCH;
        assert_eq!(timestamp(start), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(start + Duration::from_millis(1_500)), "1970-01-01T00:00:01.5Z");
        assert_eq!(between(start + Duration::from_secs(1), start), Duration::ZERO);
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        #[derive(serde::Serialize)]
        struct Row(#[serde(serialize_with = "number")] f64);
        assert_eq!(serde_json::to_string(&[Row(2.0), Row(0.625), Row(-0.0)]).unwrap(), "[2,0.625,0]");
    }
}
