//! Spans of time as Go writes them: `1h30m`, `1.5s`, `2m0s`. [Go: time.ParseDuration]

/// Reads a span in nanoseconds. No sign is needed, a unit is, but for `0`.
pub(crate) fn parse(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let nanos = if digits == b"0" { 0 } else { parse_parts(digits)? };
    i64::try_from(if negative { -nanos } else { nanos }).ok()
}

/// Numbers with their units, at least one.
fn parse_parts(mut text: &[u8]) -> Option<i128> {
    let mut sum = 0_i128;
    loop {
        let (whole, rest) = text.split_at(digits(text));
        let (fraction, rest) = match rest.strip_prefix(b".") {
            Some(rest) => rest.split_at(digits(rest)),
            None => (&rest[..0], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let (unit, rest) = rest.split_at(rest.iter().position(|byte| starts_number(*byte)).unwrap_or(rest.len()));
        sum += in_nanos(whole, fraction, unit_nanos(unit)?)?;
        if sum > i128::from(i64::MAX) + 1 {
            return None;
        }
        text = rest;
        if text.is_empty() {
            return Some(sum);
        }
    }
}

fn in_nanos(whole: &[u8], fraction: &[u8], unit: i128) -> Option<i128> {
    let whole = number(whole)?.checked_mul(unit)?;
    // Further digits are far below a nanosecond.
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = (0..fraction.len()).fold(1_i128, |scale, _| scale * 10);
    whole.checked_add(number(fraction)? * unit / scale)
}

fn number(digits: &[u8]) -> Option<i128> {
    digits.iter().try_fold(0_i128, |number, digit| number.checked_mul(10)?.checked_add(i128::from(digit - b'0')))
}

fn digits(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

fn starts_number(byte: u8) -> bool {
    byte == b'.' || byte.is_ascii_digit()
}

fn unit_nanos(unit: &[u8]) -> Option<i128> {
    Some(match unit {
        b"ns" => 1,
        // The micro sign and the Greek letter.
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => 1_000,
        b"ms" => 1_000_000,
        b"s" => 1_000_000_000,
        b"m" => 60_000_000_000,
        b"h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Writes a span of whole seconds: `2s`, `1m0s`, `1h0m0s`.
pub(crate) fn format_seconds(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(parse(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn reads_what_go_reads() {
        const SECOND: i64 = 1_000_000_000;
        check("0", Some(0));
        check("1s", Some(SECOND));
        check("1.5s", Some(SECOND * 3 / 2));
        check(".5m", Some(30 * SECOND));
        check("1.m", Some(60 * SECOND));
        check("1h30m", Some(5400 * SECOND));
        check("-1h", Some(-3600 * SECOND));
        check("+5ms", Some(5_000_000));
        check("3us", Some(3_000));
        check("3µs", Some(3_000));
        check("7ns", Some(7));
        check("9223372036854775807ns", Some(i64::MAX));
        check("-9223372036854775808ns", Some(i64::MIN));
    }

    #[test]
    fn refuses_the_rest() {
        let nines = "9".repeat(60) + "s";
        for text in ["", "-", "+", "5", "s", ".s", "1d", "1 s", " 1s", "1s ", "1e3s", "3000000h", "1h.", &nines, "-+1s"]
        {
            check(text, None);
        }
        check("9223372036854775808ns", None);
    }

    #[test]
    fn writes_what_go_writes() {
        for (seconds, text) in [(2, "2s"), (60, "1m0s"), (61, "1m1s"), (3600, "1h0m0s"), (90_061, "25h1m1s")] {
            assert_eq!(format_seconds(seconds), text);
        }
    }
}
