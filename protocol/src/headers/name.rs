//! The name of a header: visible ASCII without a colon. Mirrors `async_nats::HeaderName` and its constants. [ADR-4]

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use bytestring::ByteString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A header name. Names are compared exactly: `Nats-Msg-Id` and `nats-msg-id` are two headers.
///
/// ```
/// use embus_protocol::headers::{HeaderName, NATS_MESSAGE_ID};
/// assert_eq!("Nats-Msg-Id".parse::<HeaderName>().unwrap(), NATS_MESSAGE_ID);
/// assert!("two words".parse::<HeaderName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeaderName {
    text: ByteString,
}

/// The text is no header name: use visible ASCII without `:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a header name is visible ASCII without ':'")]
pub struct ParseHeaderNameError;

impl HeaderName {
    /// A name from a literal, unchecked.
    pub const fn from_static(text: &'static str) -> Self {
        Self { text: ByteString::from_static(text) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn checked(text: ByteString) -> Result<Self, ParseHeaderNameError> {
        let valid = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        if valid { Ok(Self { text }) } else { Err(ParseHeaderNameError) }
    }
}

macro_rules! standard_headers {
    ($($constant:ident $text:literal $about:literal;)+) => {
        $(
            #[doc = concat!("`", $text, "`: ", $about)]
            pub const $constant: HeaderName = HeaderName::from_static($text);
        )+

        #[cfg(test)]
        fn standard() -> Vec<HeaderName> {
            vec![$($constant),+]
        }
    };
}

standard_headers! {
    NATS_STREAM "Nats-Stream" "stream a message comes from.";
    NATS_SEQUENCE "Nats-Sequence" "its sequence in that stream.";
    NATS_TIME_STAMP "Nats-Time-Stamp" "when it was stored.";
    NATS_SUBJECT "Nats-Subject" "its subject, where the reply subject hides it; also in a 503 status.";
    NATS_MESSAGE_ID "Nats-Msg-Id" "identity for deduplication.";
    NATS_LAST_STREAM "Nats-Last-Stream" "stream of the last message seen.";
    NATS_LAST_CONSUMER "Nats-Last-Consumer" "last consumer sequence, in idle heartbeats.";
    NATS_LAST_SEQUENCE "Nats-Last-Sequence" "sequence of the message before.";
    NATS_EXPECTED_LAST_SUBJECT_SEQUENCE "Nats-Expected-Last-Subject-Sequence" "publish only on top of this sequence of the subject.";
    NATS_EXPECTED_LAST_MESSAGE_ID "Nats-Expected-Last-Msg-Id" "publish only on top of this identity.";
    NATS_EXPECTED_LAST_SEQUENCE "Nats-Expected-Last-Sequence" "publish only on top of this sequence.";
    NATS_EXPECTED_STREAM "Nats-Expected-Stream" "publish only into this stream.";
    NATS_MESSAGE_TTL "Nats-TTL" "how long the message lives.";
    NATS_MARKER_REASON "Nats-Marker-Reason" "why a delete marker was written.";
    NATS_ROLLUP "Nats-Rollup" "replaces what came before: `sub` or `all`.";
    NATS_SCHEDULE "Nats-Schedule" "when to publish.";
    NATS_SCHEDULE_TARGET "Nats-Schedule-Target" "where to publish then.";
    NATS_SCHEDULE_TTL "Nats-Schedule-TTL" "how long what was published then lives.";
    NATS_SCHEDULE_SOURCE "Nats-Schedule-Source" "subject whose last message is published then.";
    NATS_SCHEDULE_TIME_ZONE "Nats-Schedule-Time-Zone" "time zone of the schedule.";
    NATS_SCHEDULE_ROLLUP "Nats-Schedule-Rollup" "rollup of what is published then.";
    NATS_SCHEDULER "Nats-Scheduler" "subject of the schedule that made the message.";
    NATS_SCHEDULE_NEXT "Nats-Schedule-Next" "when the schedule runs next.";
    NATS_BATCH_ID "Nats-Batch-Id" "identity of an atomic batch.";
    NATS_BATCH_SEQUENCE "Nats-Batch-Sequence" "position in the batch.";
    NATS_BATCH_COMMIT "Nats-Batch-Commit" "ends the batch.";
    NATS_REQUIRED_API_LEVEL "Nats-Required-Api-Level" "API level a request needs.";
    NATS_PIN_ID "Nats-Pin-Id" "identity of a pinned client.";
}

/// Value of [`NATS_BATCH_COMMIT`]: this message is the last of the batch.
pub const NATS_BATCH_COMMIT_FINAL: &str = "1";
/// Value of [`NATS_BATCH_COMMIT`]: the batch ended with the message before.
pub const NATS_BATCH_COMMIT_EOB: &str = "eob";
/// Value of [`NATS_SCHEDULE_ROLLUP`]: roll up the subject.
pub const NATS_SCHEDULE_ROLLUP_SUB: &str = "sub";
/// Value of [`NATS_SCHEDULE`]: once a year.
pub const NATS_SCHEDULE_YEARLY: &str = "@yearly";
/// Value of [`NATS_SCHEDULE`]: once a month.
pub const NATS_SCHEDULE_MONTHLY: &str = "@monthly";
/// Value of [`NATS_SCHEDULE`]: once a week.
pub const NATS_SCHEDULE_WEEKLY: &str = "@weekly";
/// Value of [`NATS_SCHEDULE`]: once a day.
pub const NATS_SCHEDULE_DAILY: &str = "@daily";
/// Value of [`NATS_SCHEDULE`]: once an hour.
pub const NATS_SCHEDULE_HOURLY: &str = "@hourly";

impl PartialOrd for HeaderName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HeaderName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for HeaderName {
    type Err = ParseHeaderNameError;

    fn from_str(text: &str) -> Result<Self, ParseHeaderNameError> {
        Self::checked(text.into())
    }
}

impl TryFrom<&str> for HeaderName {
    type Error = ParseHeaderNameError;

    fn try_from(text: &str) -> Result<Self, ParseHeaderNameError> {
        text.parse()
    }
}

impl TryFrom<String> for HeaderName {
    type Error = ParseHeaderNameError;

    fn try_from(text: String) -> Result<Self, ParseHeaderNameError> {
        Self::checked(text.into())
    }
}

impl AsRef<[u8]> for HeaderName {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl AsRef<str> for HeaderName {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl Serialize for HeaderName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for HeaderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

/// What an API takes as a header name.
pub trait IntoHeaderName {
    /// The name.
    ///
    /// # Panics
    /// For text that is no [`HeaderName`].
    fn into_header_name(self) -> HeaderName;
}

impl IntoHeaderName for &str {
    fn into_header_name(self) -> HeaderName {
        self.parse().expect("a header name is visible ASCII without ':'")
    }
}

impl IntoHeaderName for String {
    fn into_header_name(self) -> HeaderName {
        self.try_into().expect("a header name is visible ASCII without ':'")
    }
}

impl IntoHeaderName for HeaderName {
    fn into_header_name(self) -> HeaderName {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderName, standard};

    #[test]
    fn standard_names_parse_to_themselves() {
        for name in standard() {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        for text in ["a b", "a:", "ü", "a\t", "\r\n", "\u{7f}"] {
            assert!(text.parse::<HeaderName>().is_err(), "{text:?}");
        }
        assert!("!#{}~".parse::<HeaderName>().is_ok());
    }
}
