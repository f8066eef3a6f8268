//! The status number of a header block: `NATS/1.0 503`. Mirrors `async_nats::StatusCode`. [ADR-4]

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A status of three digits, 100 to 999.
///
/// ```
/// use embus_protocol::status::StatusCode;
/// assert_eq!("503".parse::<StatusCode>().unwrap(), StatusCode::NO_RESPONDERS);
/// assert!(StatusCode::from_u16(99).is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct StatusCode(NonZeroU16);

/// The number is not a status: send three digits, the first not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid status code")]
pub struct InvalidStatusCode;

impl StatusCode {
    /// 100, a pull or push consumer is alive but has nothing to say.
    pub const IDLE_HEARTBEAT: Self = known(100);
    /// 200, the status of a message without one.
    pub const OK: Self = known(200);
    /// 404, no message for this request.
    pub const NOT_FOUND: Self = known(404);
    /// 408, the request ran out of time.
    pub const TIMEOUT: Self = known(408);
    /// 409, the request ended early.
    pub const REQUEST_TERMINATED: Self = known(409);
    /// 423, the pin of a pinned client does not match.
    pub const PIN_ID_MISMATCH: Self = known(423);
    /// 503, nobody subscribes to the subject of a request.
    pub const NO_RESPONDERS: Self = known(503);

    /// A status from its number.
    ///
    /// # Errors
    /// [`InvalidStatusCode`] outside 100 to 999.
    pub fn from_u16(number: u16) -> Result<Self, InvalidStatusCode> {
        match NonZeroU16::new(number) {
            Some(code) if (100..1000).contains(&number) => Ok(Self(code)),
            _ => Err(InvalidStatusCode),
        }
    }

    /// A status from exactly three digits.
    ///
    /// # Errors
    /// [`InvalidStatusCode`] for anything else.
    pub fn from_bytes(digits: &[u8]) -> Result<Self, InvalidStatusCode> {
        match digits {
            [a, b, c] if digits.iter().all(u8::is_ascii_digit) => {
                let digit = |byte: &u8| u16::from(byte - b'0');
                Self::from_u16(digit(a) * 100 + digit(b) * 10 + digit(c))
            }
            _ => Err(InvalidStatusCode),
        }
    }

    /// The number.
    pub fn as_u16(&self) -> u16 {
        self.0.get()
    }

    /// 100 to 199.
    pub fn is_informational(&self) -> bool {
        self.as_u16() / 100 == 1
    }

    /// 200 to 299.
    pub fn is_success(&self) -> bool {
        self.as_u16() / 100 == 2
    }

    /// 300 to 399.
    pub fn is_redirection(&self) -> bool {
        self.as_u16() / 100 == 3
    }

    /// 400 to 499.
    pub fn is_client_error(&self) -> bool {
        self.as_u16() / 100 == 4
    }

    /// 500 to 599.
    pub fn is_server_error(&self) -> bool {
        self.as_u16() / 100 == 5
    }
}

const fn known(number: u16) -> StatusCode {
    match NonZeroU16::new(number) {
        Some(code) => StatusCode(code),
        None => panic!("a status is not zero"),
    }
}

impl fmt::Debug for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_u16(), f)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_u16(), f)
    }
}

impl Default for StatusCode {
    fn default() -> Self {
        Self::OK
    }
}

impl PartialEq<u16> for StatusCode {
    fn eq(&self, other: &u16) -> bool {
        self.as_u16() == *other
    }
}

impl PartialEq<StatusCode> for u16 {
    fn eq(&self, other: &StatusCode) -> bool {
        *self == other.as_u16()
    }
}

impl From<StatusCode> for u16 {
    fn from(status: StatusCode) -> Self {
        status.as_u16()
    }
}

impl From<&StatusCode> for StatusCode {
    fn from(status: &StatusCode) -> Self {
        *status
    }
}

impl FromStr for StatusCode {
    type Err = InvalidStatusCode;

    fn from_str(digits: &str) -> Result<Self, InvalidStatusCode> {
        Self::from_bytes(digits.as_bytes())
    }
}

impl TryFrom<&[u8]> for StatusCode {
    type Error = InvalidStatusCode;

    fn try_from(digits: &[u8]) -> Result<Self, InvalidStatusCode> {
        Self::from_bytes(digits)
    }
}

impl TryFrom<&str> for StatusCode {
    type Error = InvalidStatusCode;

    fn try_from(digits: &str) -> Result<Self, InvalidStatusCode> {
        digits.parse()
    }
}

impl TryFrom<u16> for StatusCode {
    type Error = InvalidStatusCode;

    fn try_from(number: u16) -> Result<Self, InvalidStatusCode> {
        Self::from_u16(number)
    }
}

#[cfg(test)]
mod tests {
    use super::StatusCode;

    #[test]
    fn three_digits_round_trip() {
        for number in 0..=1200u16 {
            let text = format!("{number:03}");
            assert_eq!(StatusCode::from_bytes(text.as_bytes()).is_ok(), (100..1000).contains(&number), "{text}");
            if let Ok(status) = StatusCode::from_u16(number) {
                assert_eq!(status.to_string(), text);
                assert_eq!(text.parse(), Ok(status));
            }
        }
    }

    #[test]
    fn rejects_other_text() {
        for text in ["", "1", "12", "1000", "abc", "1 2", "+12", "099"] {
            assert!(text.parse::<StatusCode>().is_err(), "{text}");
        }
    }

    #[test]
    fn classes() {
        assert!(StatusCode::IDLE_HEARTBEAT.is_informational());
        assert!(StatusCode::default().is_success());
        assert!(StatusCode::TIMEOUT.is_client_error());
        assert!(StatusCode::NO_RESPONDERS.is_server_error());
        assert!(StatusCode::from_u16(300).is_ok_and(|status| status.is_redirection()));
    }
}
