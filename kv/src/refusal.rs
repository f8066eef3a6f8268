//! What a bucket's configuration keeps it from storing, as its stream says it. [reference §3.6]

use std::fmt;

/// What a bucket's configuration keeps it from storing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), max_bytes: 100, ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::Refusal;
/// use embus_kv::error::WriteError;
///
/// let error = embus_kv::write::put(&store, "key", vec![0; 200].into()).await.unwrap_err();
/// assert!(matches!(error, WriteError::Refused { refusal: Refusal::Full, .. }));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It holds as many bytes as it may. Marks that a key is deleted or purged are entries, too, and need room: make some by
    /// removing messages of its stream, or allow more.
    #[error("the bucket is full")]
    Full,
    /// The value is longer than the bucket's `max_value_size`. The headers of its entry count, too: those of a time to live,
    /// an expected revision or a mark.
    #[error("the value is larger than the bucket's `max_value_size`")]
    TooLarge,
    /// The account or the broker has no room left.
    #[error("the broker has no room left")]
    NoRoom,
    /// Without `limit_markers`, no entry has a time to live of its own.
    #[error("the bucket has no `limit_markers`, so its entries have no time to live of their own")]
    NoTimeToLive,
}

impl Refusal {
    /// What an answer of the `JetStream` API means, by its number and what its text begins with.
    ///
    /// ```
    /// use embus_kv::Refusal;
    ///
    /// assert_eq!(Refusal::of(10077, "maximum bytes exceeded"), Some(Refusal::Full));
    /// assert_eq!(Refusal::of(10077, "no space left on device"), None);
    /// ```
    pub fn of(error_code: u64, description: &str) -> Option<Self> {
        match error_code {
            10_077 if description.starts_with("maximum bytes exceeded") => Some(Self::Full),
            10_054 => Some(Self::TooLarge),
            10_002 | 10_023 => Some(Self::NoRoom),
            10_166 => Some(Self::NoTimeToLive),
            _ => None,
        }
    }
}

/// What the last entry of a key is, where another one was expected; 0 if it has none.
///
/// ```
/// use embus_kv::refusal::LastRevision;
///
/// assert_eq!(LastRevision(0).to_string(), "the key has no entry");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRevision(pub u64);

impl LastRevision {
    /// What the text of an answer of the `JetStream` API says of it at its beginning.
    ///
    /// ```
    /// use embus_kv::refusal::LastRevision;
    ///
    /// let last = LastRevision::of("wrong last sequence: 89").unwrap();
    /// assert_eq!(last.to_string(), "the last entry of the key has revision 89");
    /// assert_eq!(LastRevision::of("wrong last sequence"), None);
    /// ```
    pub fn of(description: &str) -> Option<Self> {
        let number = description.strip_prefix("wrong last sequence: ")?;
        let end = number.find(|it: char| !it.is_ascii_digit()).unwrap_or(number.len());
        number[..end].parse().ok().map(Self)
    }
}

impl fmt::Display for LastRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("the key has no entry"),
            revision => write!(f, "the last entry of the key has revision {revision}"),
        }
    }
}

impl std::error::Error for LastRevision {}
