//! Times and spans as the API writes them: RFC 3339 with the fraction cut behind its last digit that is not zero, and
//! nanoseconds. [reference §3.0]

mod parse;

use std::fmt;
use std::time::Duration;

use embus_storage::message::Timestamp;
use serde::{Serialize, Serializer};

use crate::api::json::{self, FromJson, Kind, Refusal, Value};

/// A span of time in nanoseconds; requests may hold negative ones, which checks refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Nanos(pub i64);

impl Nanos {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// One millisecond.
    pub const MILLISECOND: Self = Self(1_000_000);
    /// One second.
    pub const SECOND: Self = Self(1_000_000_000);

    /// Whether it is no time.
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// The span, or none if it is negative.
    pub fn as_duration(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

impl fmt::Display for Nanos {
    /// As Go writes it: `1m0s`, `1.5s`, `250ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (unit, name) = match nanos {
            0 => return f.write_str("0s"),
            1..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        let (whole, fraction) = (nanos / unit, nanos % unit);
        let (hours, minutes) = if name == "s" { (whole / 3600, whole / 60 % 60) } else { (0, 0) };
        let last = if name == "s" { whole % 60 } else { whole };
        f.write_str(sign)?;
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{last}")?;
        if fraction > 0 {
            let width = unit.ilog10() as usize;
            write!(f, ".{}", format!("{fraction:0width$}").trim_end_matches('0'))?;
        }
        f.write_str(name)
    }
}

impl From<Duration> for Nanos {
    /// Spans beyond 292 years become that long.
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl FromJson for Nanos {
    fn go_type() -> String {
        "time.Duration".to_owned()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        json::number(&mut self.0, value, "time.Duration")
    }
}

/// A point in time; without one it is the year 1, as in Go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(jiff::Timestamp);

impl Time {
    /// What stands for no time.
    pub const ZERO: Self = Self(jiff::Timestamp::constant(-62_135_596_800, 0));

    /// Whether it stands for no time.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The text of RFC 3339 as Go parses it in JSON.
    ///
    /// # Errors
    /// Go's text.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::parse(text).map(Self)
    }

    /// Nanoseconds since the Unix epoch; what lies beyond their range becomes its end.
    pub fn as_timestamp(self) -> Timestamp {
        let nanos = self.0.as_nanosecond();
        Timestamp::try_from(nanos).unwrap_or(if nanos < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }
}

impl Default for Time {
    fn default() -> Self {
        Self::ZERO
    }
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self(jiff::Timestamp::from_nanosecond(i128::from(timestamp)).expect("64 bits of nanoseconds end in 2262"))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromJson for Time {
    fn go_type() -> String {
        "time.Time".to_owned()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        match value.kind() {
            Kind::Null => {}
            Kind::String => *self = Self::parse(&value.text()).map_err(Refusal::Text)?,
            _ => return Err(json::type_refusal(value, Self::go_type())),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_as_go_writes_them() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (250_000_000, "250ms"),
            (1_000_000_000, "1s"),
            (1_050_000_000, "1.05s"),
            (60_000_000_000, "1m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (-90_500_000_000, "-1m30.5s"),
            (i64::MAX, "2562047h47m16.854775807s"),
        ] {
            assert_eq!(Nanos(nanos).to_string(), text);
        }
    }
}
