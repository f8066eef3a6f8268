//! Values that differ from run to run, of which an expectation can say only the form.

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `\T`: a time of our age in RFC 3339, in UTC, its fraction without zeros at the end.
    Time,
    /// `\I`: a unique identifier of 22 letters and digits.
    Id,
    /// `\V`: the version of the broker.
    Version,
}

impl Kind {
    /// Length of what the input begins with and could be such a value.
    pub(super) fn length(self, input: &[u8]) -> usize {
        let belongs = |byte: &u8| match self {
            Self::Time => byte.is_ascii_digit() || b"-:.TZ".contains(byte),
            Self::Id => byte.is_ascii_alphanumeric(),
            Self::Version => byte.is_ascii_alphanumeric() || b".-+".contains(byte),
        };
        input.iter().take_while(|byte| belongs(byte)).count()
    }

    /// Whether all of the bytes are one such value.
    pub(super) fn is_valid(self, bytes: &[u8]) -> bool {
        match self {
            Self::Time => is_time(bytes),
            Self::Id => bytes.len() == 22,
            Self::Version => bytes.split(|&byte| byte == b'.').filter(|part| !part.is_empty()).count() >= 3,
        }
    }
}

fn is_time(bytes: &[u8]) -> bool {
    let Some((seconds, rest)) = bytes.split_at_checked(SECONDS.len()) else { return false };
    let has_form = seconds.iter().zip(SECONDS).all(
        |(byte, form)| {
            if *form == b'0' { byte.is_ascii_digit() } else { byte == form }
        },
    );
    has_form && seconds >= EPOCH && is_fraction(rest)
}

/// `Z`, or a fraction in front of it.
fn is_fraction(bytes: &[u8]) -> bool {
    match bytes {
        [b'Z'] => true,
        [b'.', digits @ .., last, b'Z'] => {
            digits.len() < 9 && digits.iter().all(u8::is_ascii_digit) && (b'1'..=b'9').contains(last)
        }
        _ => false,
    }
}

/// `0` stands for any digit.
const SECONDS: &[u8] = b"0000-00-00T00:00:00";
/// Nothing was recorded earlier. The zero time that stands for "never" is written out in the scripts.
const EPOCH: &[u8] = b"1970-01-01T00:00:00";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let check = |kind: Kind, text: &str, valid| assert_eq!(kind.is_valid(text.as_bytes()), valid, "{text}");
        check(Kind::Time, "2026-11-20T16:21:15.666976892Z", true);
        check(Kind::Time, "2026-11-20T16:21:15Z", true);
        check(Kind::Time, "2026-11-20T16:21:15.10Z", false);
        check(Kind::Time, "2026-11-20T16:21:15.1234567891Z", false);
        check(Kind::Time, "2026-11-20 16:21:15Z", false);
        check(Kind::Time, "0001-01-01T00:00:00Z", false);
        check(Kind::Time, "2026-11-20T16:21:15", false);
        check(Kind::Id, "Qu45DsF3Qu45DsF3Qu45Ds", true);
        check(Kind::Id, "Qu45DsF3", false);
        check(Kind::Version, "2.15.1", true);
        check(Kind::Version, "2.15", false);
    }
}
