//! Points in time as the JetStream API shows them, with the names of async-nats (without its feature `chrono`).

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::Error;

/// A point in time.
pub type DateTime = OffsetDateTime;

/// Reads a time such as `2026-11-20T16:21:16.5Z`; the result is in UTC.
///
/// # Errors
/// The text is no such time.
pub fn parse_rfc3339(s: &str) -> Result<DateTime, Error> {
    Ok(OffsetDateTime::parse(s, &Rfc3339)?.to_offset(UtcOffset::UTC))
}

/// The time that is `nanos` nanoseconds after the Unix epoch.
///
/// # Errors
/// It lies outside of the years that a [`DateTime`] can hold.
pub fn from_nanos(nanos: i128) -> Result<DateTime, Error> {
    Ok(OffsetDateTime::from_unix_timestamp_nanos(nanos)?)
}

/// Now, in UTC.
pub fn now() -> DateTime {
    OffsetDateTime::now_utc()
}
