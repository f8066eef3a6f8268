//! What the headers of a message demand before it is stored: the checks in the order that decides which error a
//! publisher gets. [reference §4.2: 6 to 16]

use embus_protocol::filter;
use embus_storage::message::Timestamp;

use super::core::Core;
use super::header_scan::{Field, HeaderScan};
use super::rollup::Rollup;
use super::ttl::TimeToLive;
use crate::api::error::ApiError;

/// What the headers of a message say that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// Store it.
    Store(Rollup),
    /// It was stored before, under this sequence.
    Known(u64),
}

impl Core {
    /// Checks everything that does not depend on the size of the message. `subject` is the one to store it under.
    pub(super) fn check_headers(
        &mut self,
        scan: &HeaderScan<'_>,
        subject: &[u8],
        now: Timestamp,
    ) -> Result<Demand, ApiError> {
        check_counter(scan)?;
        if scan.expected_stream.get().is_some_and(|stream| stream != self.config.name.as_bytes()) {
            return Err(ApiError::expected_stream_mismatch());
        }
        let time_to_live = scan.time_to_live.get().and_then(TimeToLive::parse);
        if time_to_live.is_some() && !self.limits.allow_time_to_live {
            return Err(ApiError::message_ttl_disabled());
        }
        self.check_last_on_subject(scan, subject)?;
        self.check_last_sequence(scan)?;
        check_schedule(scan, subject)?;
        if scan.stream_source.get().is_some() {
            return Err(ApiError::stream_source_header_not_allowed());
        }
        if let Some(sequence) = scan.message_id.get().and_then(|id| self.dedupe.find(id, now)) {
            return Ok(Demand::Known(sequence));
        }
        self.check_last_id(scan)?;
        let rollup = scan.rollup.get().map(|value| Rollup::parse(value, self.limits.allow_rollup));
        Ok(Demand::Store(rollup.transpose()?.unwrap_or_default()))
    }

    fn check_last_on_subject(&mut self, scan: &HeaderScan<'_>, subject: &[u8]) -> Result<(), ApiError> {
        let other = scan.expected_last_subject_sequence_subject.get();
        let Some(expected) = expected_sequence(scan.expected_last_subject_sequence) else {
            return if other.is_some() { Err(ApiError::expected_last_sequence_missing()) } else { Ok(()) };
        };
        let last = match other {
            Some(filter) if !filter::is_literal(filter) => self.log.last_matching(filter),
            _ => self.log.last_of(other.unwrap_or(subject)),
        };
        let last = last.unwrap_or(0);
        if last == expected { Ok(()) } else { Err(ApiError::wrong_last_sequence(last)) }
    }

    fn check_last_sequence(&self, scan: &HeaderScan<'_>) -> Result<(), ApiError> {
        let last = self.log.last_sequence();
        match expected_sequence(scan.expected_last_sequence) {
            Some(expected) if expected != last => Err(ApiError::wrong_last_sequence(last)),
            _ => Ok(()),
        }
    }

    fn check_last_id(&self, scan: &HeaderScan<'_>) -> Result<(), ApiError> {
        let last = self.last_id.of(self.log.last_sequence());
        match scan.expected_last_message_id.get() {
            Some(expected) if expected != last => Err(ApiError::wrong_last_message_id(String::from_utf8_lossy(last))),
            _ => Ok(()),
        }
    }
}

/// Counters are not supported: a number is refused as on any stream that does not count.
fn check_counter(scan: &HeaderScan<'_>) -> Result<(), ApiError> {
    let Some(increment) = scan.increment.get() else { return Ok(()) };
    let digits = increment.strip_prefix(b"+").or_else(|| increment.strip_prefix(b"-")).unwrap_or(increment);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(ApiError::counter_increment_invalid());
    }
    Err(ApiError::counter_disabled())
}

/// Schedules are not supported: what asks for one, or for the end of one, is refused as on any stream without them.
/// What only a schedule itself may send is refused otherwise. [nats-server 2.15.1, probed]
fn check_schedule(scan: &HeaderScan<'_>, subject: &[u8]) -> Result<(), ApiError> {
    if scan.schedule.get().is_some() || scan.schedule_time_zone.is_present() {
        return Err(ApiError::schedules_disabled());
    }
    match (scan.schedule_next.get(), scan.scheduler.get()) {
        (None, None) => Ok(()),
        (Some(b"purge"), Some(scheduler)) if scheduler != subject => Err(ApiError::schedules_disabled()),
        _ => Err(ApiError::scheduler_invalid()),
    }
}

/// A number that can not be read, or is larger than any sequence, is one that no message has.
fn expected_sequence(field: Field<'_>) -> Option<u64> {
    let value = field.get()?;
    let readable = value.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(value).ok().filter(|_| readable).and_then(|digits| digits.parse().ok());
    Some(number.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(headers: &str) -> HeaderScan<'_> {
        HeaderScan::new(headers.as_bytes())
    }

    #[track_caller]
    fn check(result: Result<(), ApiError>, expected: Option<u16>) {
        assert_eq!(result.err().map(|error| error.err_code), expected);
    }

    #[test]
    fn counters() {
        for (value, code) in [
            ("1", Some(10168)),
            ("+1", Some(10168)),
            ("-1", Some(10168)),
            ("", None),
            ("x", Some(10171)),
            ("+ 1", Some(10171)),
            ("0x10", Some(10171)),
            ("1_000", Some(10171)),
            ("+-1", Some(10171)),
            ("-", Some(10171)),
        ] {
            check(check_counter(&scan(&format!("NATS/1.0\r\nNats-Incr: {value}\r\n\r\n"))), code);
        }
    }

    #[test]
    fn schedules() {
        for (headers, code) in [
            ("Nats-Schedule: x", Some(10188)),
            ("Nats-Schedule: ", None),
            ("Nats-Schedule-Target: x", None),
            ("Nats-Schedule-Time-Zone: ", Some(10188)),
            ("Nats-Scheduler: a", Some(10212)),
            ("Nats-Scheduler: ", None),
            ("Nats-Schedule-Next: purge", Some(10212)),
            ("Nats-Schedule-Next: purge\r\nNats-Scheduler: s.a", Some(10212)),
            ("Nats-Schedule-Next: purge\r\nNats-Scheduler: s.b", Some(10188)),
            ("Nats-Schedule-Next: 2030-01-01T00:00:00Z\r\nNats-Scheduler: s.b", Some(10212)),
        ] {
            check(check_schedule(&scan(&format!("NATS/1.0\r\n{headers}\r\n\r\n")), b"s.a"), code);
        }
    }

    #[test]
    fn sequences() {
        for (value, expected) in [
            ("0", Some(0)),
            ("17", Some(17)),
            ("", None),
            ("x", Some(u64::MAX)),
            ("-1", Some(u64::MAX)),
            ("1 ", Some(u64::MAX)),
            ("18446744073709551616", Some(u64::MAX)),
        ] {
            let headers = format!("NATS/1.0\r\nNats-Expected-Last-Sequence: {value}\r\n\r\n");
            assert_eq!(expected_sequence(scan(&headers).expected_last_sequence), expected, "{value:?}");
        }
    }
}
