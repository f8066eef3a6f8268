//! Times of day at which users may be there.

use std::time::SystemTime;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Deserialize;

/// From one time of day to another one, `15:04:05`; to one on the next day if that is earlier.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TimeRange {
    /// Its first second.
    pub start: String,
    /// The first second behind it.
    pub end: String,
}

/// How long somebody may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// As long as it likes.
    Always,
    /// Up to this moment.
    Until(SystemTime),
    /// Not now.
    Never,
}

/// How long somebody may be there from now on. What cannot be read, a time or the name of a zone, is never.
pub(super) fn presence(ranges: &[TimeRange], location: &str, now: SystemTime) -> Presence {
    if ranges.is_empty() {
        return Presence::Always;
    }
    let latest = |now: Zoned| {
        let ends: Option<Vec<_>> = ranges.iter().map(|range| range.end_behind(&now)).collect();
        ends?.into_iter().flatten().max()
    };
    let end = local(now, location).and_then(latest);
    end.map_or(Presence::Never, |end| Presence::Until(end.timestamp().into()))
}

fn local(now: SystemTime, location: &str) -> Option<Zoned> {
    let zone = if location.is_empty() { TimeZone::system() } else { TimeZone::get(location).ok()? };
    Some(Timestamp::try_from(now).ok()?.to_zoned(zone))
}

impl TimeRange {
    /// The end of the range that `now` is in, if it is in one; nothing at all when the range is none.
    ///
    /// Differs from nats-server, for which a range that goes beyond midnight ends there.
    #[expect(clippy::option_option, reason = "no range is something else than another time")]
    fn end_behind(&self, now: &Zoned) -> Option<Option<Zoned>> {
        let (start, end) = (time(&self.start)?, time(&self.end)?);
        let today = now.date();
        let days = [Some(today), today.yesterday().ok().filter(|_| start > end)];
        let on = |day: Date| {
            let last = if start > end { day.tomorrow().ok()? } else { day };
            let zoned = |day: Date, time: Time| day.to_datetime(time).to_zoned(now.time_zone().clone()).ok();
            let (start, end) = (zoned(day, start)?, zoned(last, end)?);
            (start <= *now && *now < end).then_some(end)
        };
        Some(days.into_iter().flatten().find_map(on))
    }
}

fn time(text: &str) -> Option<Time> {
    Time::strptime("%H:%M:%S", text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `now` and the expected end in UTC.
    #[track_caller]
    fn check(ranges: &[(&str, &str)], location: &str, now: &str, expected: Option<&str>) {
        let ranges: Vec<_> = ranges
            .iter()
            .map(|(start, end)| TimeRange { start: (*start).to_owned(), end: (*end).to_owned() })
            .collect();
        let moment = |text: &str| SystemTime::from(text.parse::<Timestamp>().unwrap());
        let expected = expected.map_or(Presence::Never, |end| Presence::Until(moment(end)));
        assert_eq!(presence(&ranges, location, moment(now)), expected, "{ranges:?} {now}");
    }

    const WORK: &[(&str, &str)] = &[("09:00:00", "17:00:00")];
    const NIGHT: &[(&str, &str)] = &[("22:00:00", "06:00:00")];

    #[test]
    fn a_range_is_within_a_day() {
        check(WORK, "UTC", "2026-01-05T08:59:59Z", None);
        check(WORK, "UTC", "2026-01-05T09:00:00Z", Some("2026-01-05T17:00:00Z"));
        check(WORK, "UTC", "2026-01-05T16:59:59Z", Some("2026-01-05T17:00:00Z"));
        check(WORK, "UTC", "2026-01-05T17:00:00Z", None);
    }

    #[test]
    fn or_goes_beyond_midnight() {
        check(NIGHT, "UTC", "2026-01-05T23:00:00Z", Some("2026-01-06T06:00:00Z"));
        check(NIGHT, "UTC", "2026-01-06T01:00:00Z", Some("2026-01-06T06:00:00Z"));
        check(NIGHT, "UTC", "2026-01-06T07:00:00Z", None);
    }

    #[test]
    fn the_latest_end_counts() {
        let both = [WORK, &[("12:00:00", "20:00:00")]].concat();
        check(&both, "UTC", "2026-01-05T13:00:00Z", Some("2026-01-05T20:00:00Z"));
    }

    #[test]
    fn zones_are_elsewhere() {
        check(WORK, "America/New_York", "2026-01-05T15:00:00Z", Some("2026-01-05T22:00:00Z"));
        check(WORK, "America/New_York", "2026-01-05T13:00:00Z", None);
    }

    #[test]
    fn what_is_no_time_is_never() {
        check(WORK, "Nowhere/Land", "2026-01-05T12:00:00Z", None);
        check(&[("9", "17")], "UTC", "2026-01-05T12:00:00Z", None);
        check(&[("09:00:00", "25:00:00"), ("00:00:00", "23:00:00")], "UTC", "2026-01-05T12:00:00Z", None);
        assert_eq!(presence(&[], "Nowhere/Land", SystemTime::UNIX_EPOCH), Presence::Always);
    }
}
