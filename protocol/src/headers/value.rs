//! The value of a header: text without CR and LF. Mirrors `async_nats::HeaderValue`. [ADR-4]

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// A header value.
///
/// ```
/// use embus_protocol::headers::HeaderValue;
/// assert_eq!(HeaderValue::from(7u64).as_str(), "7");
/// assert!("two\r\nlines".parse::<HeaderValue>().is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct HeaderValue {
    inner: String,
}

/// The text holds CR or LF, which would end the header line: take them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a header value cannot contain CR or LF")]
pub struct ParseHeaderValueError;

impl HeaderValue {
    /// The empty value.
    pub fn new() -> Self {
        Self::default()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.inner
    }

    fn checked(inner: String) -> Result<Self, ParseHeaderValueError> {
        if inner.contains(['\r', '\n']) { Err(ParseHeaderValueError) } else { Ok(Self { inner }) }
    }
}

impl fmt::Display for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.inner)
    }
}

impl FromStr for HeaderValue {
    type Err = ParseHeaderValueError;

    fn from_str(text: &str) -> Result<Self, ParseHeaderValueError> {
        Self::checked(text.to_owned())
    }
}

impl From<&str> for HeaderValue {
    /// # Panics
    /// When the text holds CR or LF, as in async-nats; parse text that is not your own.
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for HeaderValue {
    /// # Panics
    /// When the text holds CR or LF, as in async-nats; parse text that is not your own.
    fn from(text: String) -> Self {
        Self::checked(text).expect("a header value holds no CR or LF")
    }
}

macro_rules! from_integer {
    ($($integer:ty)+) => {$(
        impl From<$integer> for HeaderValue {
            fn from(number: $integer) -> Self {
                Self { inner: number.to_string() }
            }
        }
    )+};
}

from_integer!(i16 i32 i64 isize u16 u32 u64 usize);

impl AsRef<[u8]> for HeaderValue {
    fn as_ref(&self) -> &[u8] {
        self.inner.as_bytes()
    }
}

impl AsRef<str> for HeaderValue {
    fn as_ref(&self) -> &str {
        &self.inner
    }
}

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::checked(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// What an API takes as a header value.
pub trait IntoHeaderValue {
    /// The value.
    ///
    /// # Panics
    /// For text that holds CR or LF.
    fn into_header_value(self) -> HeaderValue;
}

impl IntoHeaderValue for &str {
    fn into_header_value(self) -> HeaderValue {
        HeaderValue::from(self)
    }
}

impl IntoHeaderValue for String {
    fn into_header_value(self) -> HeaderValue {
        HeaderValue::from(self)
    }
}

impl IntoHeaderValue for HeaderValue {
    fn into_header_value(self) -> HeaderValue {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderValue, ParseHeaderValueError};

    #[test]
    fn line_ends_are_refused() {
        for text in ["a\r", "\n", "a\r\nb"] {
            assert_eq!(text.parse::<HeaderValue>(), Err(ParseHeaderValueError), "{text:?}");
            let json = serde_json::to_string(text).expect("a string");
            assert!(serde_json::from_str::<HeaderValue>(&json).is_err());
        }
        assert_eq!("ü: x".parse::<HeaderValue>().map(|value| value.to_string()), Ok("ü: x".to_owned()));
    }

    #[test]
    #[should_panic(expected = "no CR or LF")]
    fn conversion_of_a_line_end_panics() {
        let _ = HeaderValue::from("a\n");
    }
}
