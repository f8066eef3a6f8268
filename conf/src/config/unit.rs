//! Spans of time, sizes and limits as directives spell them.

use std::time::Duration;

use crate::{Kind, Value};

use super::read::{Read, Report};

/// Text such as `1m30s` or `"100ms"`, or a number of seconds.
impl Read for Duration {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let duration = match &value.kind {
            Kind::Text(text) => parse(text),
            Kind::Integer(seconds) => u64::try_from(*seconds).ok().map(Self::from_secs),
            Kind::Float(seconds) => Self::try_from_secs_f64(*seconds).ok(),
            _ => return report.wrong(value, "a duration"),
        };
        // What an i64 of nanoseconds cannot hold is more than anybody waits, and JSON has no place for it.
        let duration = duration.filter(|duration| duration.as_nanos() <= MAX_NANOSECONDS);
        if duration.is_none() {
            let text = format!("{} must be a duration such as 10s, 1m30s or 100ms", report.name());
            report.fault(&value.position, text);
        }
        duration
    }
}

/// Numbers with units, one behind the other, as Go writes durations.
fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = (!rest.is_empty()).then_some(Duration::ZERO)?;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        total = total.checked_add(part(number, unit)?)?;
        rest = after;
    }
    Some(total)
}

fn part(number: &str, unit: &str) -> Option<Duration> {
    let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut total = if whole.is_empty() && !fraction.is_empty() { 0 } else { whole.parse::<u128>().ok()? };
    total = total.checked_mul(*nanoseconds)?;
    let mut place = *nanoseconds;
    for digit in fraction.bytes() {
        // Digits below a nanosecond are cut off.
        place /= 10;
        total =
            total.checked_add(place.checked_mul(u128::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?))?)?;
    }
    (total <= MAX_NANOSECONDS).then(|| u64::try_from(total).ok().map(Duration::from_nanos)).flatten()
}

/// Bytes of a store: a number, or text that ends with a unit. -1 is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoreSize(pub(super) i64);

impl Read for StoreSize {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let size = match &value.kind {
            Kind::Integer(number) => Some(*number).filter(|number| *number >= -1),
            Kind::Text(text) => size(text),
            _ => return report.wrong(value, "a size"),
        };
        if size.is_none() {
            report.fault(&value.position, format!("{} must be a size such as 10GB, or -1", report.name()));
        }
        size.map(Self)
    }
}

/// `K`, `M`, `G` and `T` are powers of 1024 here. [nats-server: storage sizes]
fn size(text: &str) -> Option<i64> {
    let power = |letter| "KMGT".find(letter).and_then(|index| u32::try_from(index + 1).ok());
    let number = text.strip_suffix(['K', 'M', 'G', 'T']);
    let (number, power) = match (number, text.chars().next_back()) {
        (Some(number), Some(letter)) => (number, power(letter)?),
        _ => (text, 0),
    };
    let number: i64 = number.parse().ok()?;
    number.checked_mul(1024_i64.checked_pow(power)?).filter(|size| *size >= -1)
}

/// How much of something there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Any amount; written as -1.
    Unlimited,
    /// As much at most.
    AtMost(u64),
}

impl From<i64> for Limit {
    fn from(number: i64) -> Self {
        u64::try_from(number).map_or(Self::Unlimited, Self::AtMost)
    }
}

impl Read for Limit {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        i64::read(value, report).map(Self::from)
    }
}

/// A [`Limit`] on bytes of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoreLimit(pub(super) Limit);

impl From<StoreLimit> for Option<Limit> {
    fn from(StoreLimit(limit): StoreLimit) -> Self {
        Some(limit)
    }
}

impl Read for StoreLimit {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        StoreSize::read(value, report).map(|StoreSize(size)| Self(Limit::from(size)))
    }
}

const MAX_NANOSECONDS: u128 = i64::MAX as u128;

const UNITS: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        let check = |text: &str, millis: u64| assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        check("10s", 10_000);
        check("1m30s", 90_000);
        check("1.5h", 5_400_000);
        check(".5s", 500);
        check("100ms", 100);
        check("1000µs", 1);
        check("0", 0);
        check("+2s", 2_000);
        for text in ["", "5", "1d", "s", "-1s", "1s2", "1..5s", ".s", "1 s", "99999999999h", "1.x5s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_of_stores() {
        assert_eq!(size("10"), Some(10));
        assert_eq!(size("2K"), Some(2048));
        assert_eq!(size("1T"), Some(1 << 40));
        assert_eq!(size("-1"), Some(-1));
        for text in ["", "K", "1k", "1KB", "x", "-2", "99999999999T"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
