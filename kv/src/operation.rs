//! What an entry does to its key. [ADR-8, ADR-48; reference §7.2]

use std::fmt;
use std::str::FromStr;

use embus_protocol::headers::{HeaderName, NATS_MARKER_REASON};

/// What an entry does to its key.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use embus_kv::Operation;
///
/// store.put("ada", "1".into()).await?;
/// store.delete("ada").await?;
/// assert_eq!(store.entry("ada").await?.map(|entry| entry.operation), Some(Operation::Delete));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The key has this value.
    Put,
    /// The key is gone; its history stays, as far as the bucket keeps one.
    Delete,
    /// The key is gone, and its history with it: purged, or expired in a bucket with `limit_markers`.
    Purge,
}

/// The header that names the operation of an entry.
///
/// ```
/// assert_eq!(embus_kv::operation::KV_OPERATION.as_str(), "KV-Operation");
/// ```
pub const KV_OPERATION: HeaderName = HeaderName::from_static("KV-Operation");

impl Operation {
    /// The operation of a message, whose headers `header` looks up. An operation or a reason that is not known is a value,
    /// as async-nats has it.
    ///
    /// ```
    /// use embus_kv::Operation;
    /// use embus_protocol::headers::HeaderName;
    ///
    /// let expired = |name: &HeaderName| (name.as_str() == "Nats-Marker-Reason").then_some(&b"MaxAge"[..]);
    /// assert_eq!(Operation::of(expired), Operation::Purge);
    /// assert_eq!(Operation::of(|_| None), Operation::Put);
    /// ```
    pub fn of<'a>(header: impl Fn(&HeaderName) -> Option<&'a [u8]>) -> Self {
        match header(&KV_OPERATION) {
            Some(b"DEL") => return Self::Delete,
            Some(b"PURGE") => return Self::Purge,
            Some(_) => return Self::Put,
            None => {}
        }
        match header(&NATS_MARKER_REASON) {
            Some(b"MaxAge" | b"Purge") => Self::Purge,
            Some(b"Remove") => Self::Delete,
            _ => Self::Put,
        }
    }

    /// The value of the header that names it.
    ///
    /// ```
    /// assert_eq!(embus_kv::Operation::Delete.as_str(), "DEL");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Put => "PUT",
            Self::Delete => "DEL",
            Self::Purge => "PURGE",
        }
    }
}

/// The text names no operation.
///
/// ```
/// use embus_kv::Operation;
///
/// assert_eq!("PURGE".parse::<Operation>().ok(), Some(Operation::Purge));
/// let error = "purge".parse::<Operation>().unwrap_err();
/// assert_eq!(error.to_string(), "an operation is one of PUT, DEL and PURGE");
/// ```
#[derive(Debug, Clone)]
pub struct ParseOperationError;

impl fmt::Display for ParseOperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an operation is one of PUT, DEL and PURGE")
    }
}

impl std::error::Error for ParseOperationError {}

impl FromStr for Operation {
    type Err = ParseOperationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "PUT" => Ok(Self::Put),
            "DEL" => Ok(Self::Delete),
            "PURGE" => Ok(Self::Purge),
            _ => Err(ParseOperationError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, value: &'static str) -> Operation {
        Operation::of(|asked| (asked.as_str() == name).then_some(value.as_bytes()))
    }

    #[test]
    fn operations_have_names() {
        for operation in [Operation::Put, Operation::Delete, Operation::Purge] {
            assert_eq!(operation.as_str().parse::<Operation>().unwrap(), operation);
            assert_eq!(of("KV-Operation", operation.as_str()), operation);
        }
        assert!("del".parse::<Operation>().is_err());
        assert_eq!(of("KV-Operation", "DRAIN"), Operation::Put);
    }

    #[test]
    fn markers_of_a_stream_remove_a_key() {
        assert_eq!(of("Nats-Marker-Reason", "MaxAge"), Operation::Purge);
        assert_eq!(of("Nats-Marker-Reason", "Purge"), Operation::Purge);
        assert_eq!(of("Nats-Marker-Reason", "Remove"), Operation::Delete);
        assert_eq!(of("Nats-Marker-Reason", "Whim"), Operation::Put);
    }
}
