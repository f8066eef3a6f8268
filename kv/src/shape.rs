//! What the stream of a bucket looks like. [ADR-8, ADR-48; reference §7.1]

use std::time::Duration;

use crate::key::is_valid_bucket_name;
use crate::ttl::SHORTEST_TTL;

/// Entries of one key that a bucket keeps at most.
///
/// ```
/// assert_eq!(embus_kv::shape::MAX_HISTORY, 64);
/// ```
pub const MAX_HISTORY: i64 = 64;

/// What the name of a bucket's stream begins with.
///
/// ```
/// assert_eq!(embus_kv::shape::stream_of("users"), format!("{}users", embus_kv::shape::STREAM_PREFIX));
/// ```
pub const STREAM_PREFIX: &str = "KV_";

/// What a bucket's stream is configured to be, where a bucket has rules of its own. Besides, it discards what is new
/// when it is full, denies deletes, obeys rollups and allows direct gets; everything else is passed through.
///
/// ```
/// let shape = embus_kv::shape::Shape::of("users", 0, None)?;
/// assert_eq!((shape.history, shape.allow_message_ttl), (1, false));
/// # Ok::<(), embus_kv::shape::InvalidBucket>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The name of the stream.
    pub stream: String,
    /// The filter of what it stores.
    pub subjects: String,
    /// How many entries it keeps of each key.
    pub history: i64,
    /// Whether single messages may have a time of their own.
    pub allow_message_ttl: bool,
    /// How long markers stay of what has expired.
    pub marker_ttl: Option<Duration>,
}

/// Why a bucket can't be as it was asked for.
///
/// ```
/// use embus_kv::shape::{InvalidBucket, Shape};
///
/// let error = Shape::of("my users", 1, None).unwrap_err();
/// assert_eq!(error, InvalidBucket::Name("my users".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBucket {
    /// This name is not of ASCII letters and digits, `-` and `_`.
    #[error("the name of a bucket is made of ASCII letters and digits, `-` and `_`, which {0:?} is not")]
    Name(String),
    /// The history is longer than [`MAX_HISTORY`].
    #[error("a bucket keeps at most {MAX_HISTORY} entries of a key, not {0}")]
    LongHistory(i64),
    /// The history is negative.
    #[error("a bucket can't keep {0} entries of a key")]
    NegativeHistory(i64),
    /// A limit is negative and not -1.
    #[error("`{field}` is a limit, or 0 or -1 for none, and not {value}")]
    NegativeLimit {
        /// The field of the configuration.
        field: &'static str,
        /// What it says.
        value: i64,
    },
    /// Markers stay for less than a second.
    #[error("markers stay for at least a second, not for {0:?}")]
    ShortMarkers(Duration),
}

impl Shape {
    /// The stream of a bucket; a history of 0 is one of 1.
    ///
    /// ```
    /// use embus_kv::shape::{InvalidBucket, Shape};
    ///
    /// let shape = Shape::of("users", 5, None)?;
    /// assert_eq!((shape.stream.as_str(), shape.subjects.as_str()), ("KV_users", "$KV.users.>"));
    /// assert_eq!(Shape::of("users", 65, None), Err(InvalidBucket::LongHistory(65)));
    /// # Ok::<(), InvalidBucket>(())
    /// ```
    ///
    /// # Errors
    /// See [`InvalidBucket`].
    pub fn of(bucket: &str, history: i64, limit_markers: Option<Duration>) -> Result<Self, InvalidBucket> {
        check_bucket_name(bucket)?;
        if history > MAX_HISTORY {
            return Err(InvalidBucket::LongHistory(history));
        }
        if history < 0 {
            return Err(InvalidBucket::NegativeHistory(history));
        }
        if let Some(short) = limit_markers.filter(|ttl| *ttl < SHORTEST_TTL) {
            return Err(InvalidBucket::ShortMarkers(short));
        }
        Ok(Self {
            stream: stream_of(bucket),
            subjects: format!("{}>", prefix_of(bucket)),
            history: history.max(1),
            allow_message_ttl: limit_markers.is_some(),
            marker_ttl: limit_markers,
        })
    }
}

/// Checks the name of a bucket.
///
/// ```
/// use embus_kv::shape::check_bucket_name;
///
/// assert!(check_bucket_name("users").is_ok());
/// let error = check_bucket_name("user.names").unwrap_err().to_string();
/// assert!(error.contains("ASCII letters and digits") && error.contains("\"user.names\""));
/// ```
///
/// # Errors
/// [`InvalidBucket::Name`].
pub fn check_bucket_name(name: &str) -> Result<(), InvalidBucket> {
    if is_valid_bucket_name(name) { Ok(()) } else { Err(InvalidBucket::Name(name.to_owned())) }
}

/// Checks a limit of a bucket: none below -1, which says none, as 0 does.
///
/// ```
/// use embus_kv::shape::check_limit;
///
/// assert!(check_limit("max_bytes", -1).is_ok() && check_limit("max_bytes", 1024).is_ok());
/// let error = check_limit("max_bytes", -5).unwrap_err();
/// assert_eq!(error.to_string(), "`max_bytes` is a limit, or 0 or -1 for none, and not -5");
/// ```
///
/// # Errors
/// [`InvalidBucket::NegativeLimit`].
pub fn check_limit(field: &'static str, value: i64) -> Result<(), InvalidBucket> {
    if value < -1 { Err(InvalidBucket::NegativeLimit { field, value }) } else { Ok(()) }
}

/// The name of a bucket's stream.
///
/// ```
/// assert_eq!(embus_kv::shape::stream_of("users"), "KV_users");
/// ```
pub fn stream_of(bucket: &str) -> String {
    format!("{STREAM_PREFIX}{bucket}")
}

/// The bucket of a stream, if it can be one's.
///
/// ```
/// use embus_kv::shape::bucket_of;
///
/// assert_eq!((bucket_of("KV_users"), bucket_of("ORDERS")), (Some("users"), None));
/// ```
pub fn bucket_of(stream: &str) -> Option<&str> {
    stream.strip_prefix(STREAM_PREFIX).filter(|bucket| is_valid_bucket_name(bucket))
}

/// What the subjects of a bucket begin with; the key follows.
///
/// ```
/// assert_eq!(embus_kv::shape::prefix_of("users"), "$KV.users.");
/// ```
pub fn prefix_of(bucket: &str) -> String {
    format!("$KV.{bucket}.")
}

/// The name of the stream that `bucket` means in a mirror or source: with the prefix, whether it has it or not.
///
/// ```
/// use embus_kv::shape::with_stream_prefix;
///
/// assert_eq!((with_stream_prefix("users".into()), with_stream_prefix("KV_users".into())), ("KV_users".into(), "KV_users".into()));
/// ```
pub fn with_stream_prefix(name: String) -> String {
    if name.starts_with(STREAM_PREFIX) { name } else { stream_of(&name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_a_stream_of_its_own() {
        let shape = Shape::of("a-b", 0, None).unwrap();
        assert_eq!((shape.history, shape.allow_message_ttl, shape.marker_ttl), (1, false, None));
        assert_eq!((bucket_of(&shape.stream), prefix_of("a-b").as_str()), (Some("a-b"), "$KV.a-b."));
        let hour = Duration::from_secs(3600);
        let shape = Shape::of("a", 64, Some(hour)).unwrap();
        assert_eq!((shape.history, shape.allow_message_ttl, shape.marker_ttl), (64, true, Some(hour)));
    }

    #[test]
    fn what_is_no_bucket() {
        let short = Duration::from_millis(999);
        assert_eq!(Shape::of("a.b", 1, None), Err(InvalidBucket::Name("a.b".to_owned())));
        assert_eq!(Shape::of("a", 65, None), Err(InvalidBucket::LongHistory(65)));
        assert_eq!(Shape::of("a", -1, None), Err(InvalidBucket::NegativeHistory(-1)));
        assert_eq!(Shape::of("a", 1, Some(short)), Err(InvalidBucket::ShortMarkers(short)));
        assert_eq!((bucket_of("ORDERS"), bucket_of("KV_"), bucket_of("KV_a.b")), (None, None, None));
    }

    #[test]
    fn a_source_may_be_named_by_its_bucket() {
        assert_eq!(with_stream_prefix("a".into()), "KV_a");
        assert_eq!(with_stream_prefix("KV_a".into()), "KV_a");
    }
}
