//! Times in header blocks: written with every direct get, so without the detours of a general formatter.

use embus_storage::message::Timestamp;

/// Writes RFC 3339 in UTC; the fraction ends behind its last digit that is not zero. Equal to
/// [`Time`](crate::api::time::Time)'s text.
pub(super) fn write(out: &mut Vec<u8>, time: Timestamp) {
    let (seconds, nanos) = (time.div_euclid(NANOS), time.rem_euclid(NANOS));
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date(days);
    // 64 bits of nanoseconds begin in 1677 and end in 2262.
    push(out, year, 4, b'-');
    push(out, month, 2, b'-');
    push(out, day, 2, b'T');
    push(out, second / 3600, 2, b':');
    push(out, second / 60 % 60, 2, b':');
    push(out, second % 60, 2, b'.');
    if nanos == 0 {
        out.pop();
    } else {
        push(out, nanos, 9, b'0');
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    out.push(b'Z');
}

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// `number` with leading zeros, and what follows it.
#[inline]
fn push(out: &mut Vec<u8>, mut number: i64, digits: usize, next: u8) {
    let mut text = [next; 10];
    for place in text[..digits].iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
    out.extend_from_slice(&text[..=digits]);
}

/// Year, month and day of a number of days since 1970-01-01. [Howard Hinnant: `civil_from_days`]
fn date(days: i64) -> (i64, i64, i64) {
    // Years begin with March here, so that the day that some have more is the last one.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::time::Time;

    fn text(time: Timestamp) -> String {
        let mut out = Vec::new();
        write(&mut out, time);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts() {
        assert_eq!(text(0), "1970-01-01T00:00:00Z");
        assert_eq!(text(1_795_191_680_306_297_720), "2026-11-20T16:21:20.30629772Z");
        assert_eq!(text(951_782_400_000_000_001), "2000-02-29T00:00:00.000000001Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999999999Z");
    }

    proptest! {
        #[test]
        fn as_the_general_formatter_writes_it(time: i64, scale in 0u32..10) {
            let time = time - time.rem_euclid(10i64.pow(scale));
            prop_assert_eq!(text(time), Time::from(time).to_string());
        }
    }
}
