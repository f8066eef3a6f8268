//! RFC 3339 with the liberties and the texts of Go's parser. [Go time]

use std::fmt::Write;
use std::ops::RangeInclusive;

use jiff::civil::Date;

/// What Go calls the format.
const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";

/// The time that `text` names.
pub(super) fn parse(text: &str) -> Result<jiff::Timestamp, String> {
    let mut reader = Reader { whole: text, rest: text.as_bytes() };
    let year = reader.number("2006", 4, 4, 0..=9999, "year")?;
    reader.mark("-")?;
    let month = reader.number("01", 2, 2, 1..=12, "month")?;
    reader.mark("-")?;
    let day = reader.number("02", 2, 2, 0..=99, "day")?;
    reader.mark("T")?;
    let hour = reader.number("15", 1, 2, 0..=23, "hour")?;
    reader.mark(":")?;
    let minute = reader.number("04", 2, 2, 0..=59, "minute")?;
    reader.mark(":")?;
    let second = reader.number("05", 2, 2, 0..=59, "second")?;
    let nanosecond = reader.fraction();
    let offset = reader.zone()?;
    if !reader.rest.is_empty() {
        return Err(format!("parsing time {}: extra text: {}", reader.quoted(), quote(reader.rest)));
    }
    let date = Date::new(narrow(year), narrow(month), narrow(day)).map_err(|_| reader.out_of_range("day"))?;
    let local = date.at(narrow(hour), narrow(minute), narrow(second), nanosecond);
    // Go's years reach a few hours further than jiff's.
    Ok(local
        .to_zoned(jiff::tz::TimeZone::UTC)
        .and_then(|time| time.timestamp().checked_sub(jiff::SignedDuration::from_secs(offset)))
        .unwrap_or(if year == 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX }))
}

struct Reader<'a> {
    whole: &'a str,
    rest: &'a [u8],
}

impl Reader<'_> {
    fn number(
        &mut self,
        element: &str,
        least_digits: usize,
        most_digits: usize,
        range: RangeInclusive<i32>,
        name: &str,
    ) -> Result<i32, String> {
        let digits = self.rest.iter().take(most_digits).take_while(|byte| byte.is_ascii_digit()).count();
        if digits < least_digits {
            return Err(self.cannot_parse(element));
        }
        let value = self.rest[..digits].iter().fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
        self.rest = &self.rest[digits..];
        if range.contains(&value) { Ok(value) } else { Err(self.out_of_range(name)) }
    }

    fn mark(&mut self, mark: &str) -> Result<(), String> {
        self.rest = self.rest.strip_prefix(mark.as_bytes()).ok_or_else(|| self.cannot_parse(mark))?;
        Ok(())
    }

    /// Nanoseconds; more digits than nine are read over.
    fn fraction(&mut self) -> i32 {
        let Some((b'.' | b',', digits)) = self.rest.split_first() else { return 0 };
        let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return 0;
        }
        self.rest = &digits[count..];
        let padded = digits[..count].iter().copied().chain(std::iter::repeat(b'0'));
        padded.take(9).fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'))
    }

    /// Seconds east of Greenwich.
    fn zone(&mut self) -> Result<i64, String> {
        if let Some(rest) = self.rest.strip_prefix(b"Z") {
            self.rest = rest;
            return Ok(0);
        }
        let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2, rest @ ..] = self.rest else {
            return Err(self.cannot_parse("Z07:00"));
        };
        if ![h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()) {
            return Err(self.cannot_parse("Z07:00"));
        }
        let pair = |tens: &u8, ones: &u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
        let (hours, minutes) = (pair(h1, h2), pair(m1, m2));
        if hours > 24 {
            return Err(self.out_of_range("time zone offset hour"));
        }
        if minutes > 60 {
            return Err(self.out_of_range("time zone offset minute"));
        }
        self.rest = rest;
        let seconds = hours * 3600 + minutes * 60;
        Ok(if *sign == b'-' { -seconds } else { seconds })
    }

    fn quoted(&self) -> String {
        quote(self.whole.as_bytes())
    }

    fn cannot_parse(&self, element: &str) -> String {
        let (whole, rest) = (self.quoted(), quote(self.rest));
        format!("parsing time {whole} as \"{LAYOUT}\": cannot parse {rest} as \"{element}\"")
    }

    fn out_of_range(&self, what: &str) -> String {
        format!("parsing time {}: {what} out of range", self.quoted())
    }
}

/// Numbers of up to four digits, checked before.
fn narrow<T: TryFrom<i32> + Default>(number: i32) -> T {
    T::try_from(number).unwrap_or_default()
}

/// Go's time package quotes in its own way: everything outside printable ASCII as bytes.
fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => {
                let written = write!(out, "\\x{byte:02x}");
                debug_assert!(written.is_ok(), "a String takes everything");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::super::Time;

    /// As captured from nats-server 2.15.1.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = match Time::parse(text) {
            Ok(time) => time.to_string(),
            Err(error) => error,
        };
        assert_eq!(found, expected, "{text:?}");
    }

    #[track_caller]
    fn check_unparsable(text: &str, rest: &str, element: &str) {
        let layout = super::LAYOUT;
        check(text, &format!("parsing time \"{text}\" as \"{layout}\": cannot parse \"{rest}\" as \"{element}\""));
    }

    #[test]
    fn times() {
        check("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
        check("2020-01-01T0:00:00Z", "2020-01-01T00:00:00Z");
        check("2020-01-01T00:00:00,50Z", "2020-01-01T00:00:00.5Z");
        check("2020-01-01T00:00:00.1234567891234Z", "2020-01-01T00:00:00.123456789Z");
        check("2020-01-01T00:00:00+01:00", "2019-12-31T23:00:00Z");
        check("9999-12-31T23:59:59.999999999Z", "9999-12-30T22:00:00.999999999Z");
        check("0000-01-01T00:00:00+23:00", "-000001-12-31T01:00:00Z");
        assert!(Time::parse("0001-01-01T00:00:00Z").unwrap().is_zero());
    }

    #[test]
    fn printed_fractions_end_in_no_zero() {
        assert_eq!(Time::from(1_500_000_000).to_string(), "1970-01-01T00:00:01.5Z");
        assert_eq!(Time::from(1_000_000_000).to_string(), "1970-01-01T00:00:01Z");
        assert_eq!(Time::from(1_000_000_010).to_string(), "1970-01-01T00:00:01.00000001Z");
        assert_eq!(Time::from(i64::MAX).as_timestamp(), i64::MAX);
        assert_eq!(Time::from(i64::MIN).as_timestamp(), i64::MIN);
        assert_eq!(Time::ZERO.as_timestamp(), i64::MIN);
    }

    #[test]
    fn what_go_cannot_parse() {
        check_unparsable("", "", "2006");
        check_unparsable("20", "20", "2006");
        check_unparsable("2020", "", "-");
        check_unparsable("2020-1-1T00:00:00Z", "1-1T00:00:00Z", "01");
        check_unparsable("2020-01-01t00:00:00Z", "t00:00:00Z", "T");
        check_unparsable("2020-01-01T00:00Z", "Z", ":");
        check_unparsable("2020-01-01T00:00:0Z", "0Z", "05");
        check_unparsable("2020-01-01T00:00:00.Z", ".Z", "Z07:00");
        check_unparsable("2020-01-01T00:00:00+1:00", "+1:00", "Z07:00");
        check_unparsable("12020-01-01T00:00:00Z", "0-01-01T00:00:00Z", "-");
    }

    #[test]
    fn what_is_out_of_range() {
        check("2020-13-01T00:00:00Z", "parsing time \"2020-13-01T00:00:00Z\": month out of range");
        check("2021-02-29T00:00:00Z", "parsing time \"2021-02-29T00:00:00Z\": day out of range");
        check("2020-01-01T24:00:00Z", "parsing time \"2020-01-01T24:00:00Z\": hour out of range");
        check("2020-01-01T00:00:00Zx", "parsing time \"2020-01-01T00:00:00Zx\": extra text: \"x\"");
        let far_zone = "2020-01-01T00:00:00-25:00";
        check(far_zone, &format!("parsing time \"{far_zone}\": time zone offset hour out of range"));
    }

    #[test]
    fn quoting() {
        let layout = super::LAYOUT;
        let quoted = r#""a\x0ab\"\xc3\xa9""#;
        check("a\nb\"é", &format!("parsing time {quoted} as \"{layout}\": cannot parse {quoted} as \"2006\""));
    }
}
