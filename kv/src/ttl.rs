//! How long a single entry stays. [ADR-48]

use std::time::Duration;

use embus_protocol::headers::HeaderValue;

/// The shortest time that an entry may have.
///
/// ```
/// assert_eq!(embus_kv::ttl::SHORTEST_TTL.as_secs(), 1);
/// ```
pub const SHORTEST_TTL: Duration = Duration::from_secs(1);

/// An entry can't live for so long: at least a second, in whole seconds, and not longer than nanoseconds can count.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let store = broker.ensure_bucket(config).await?.into_inner();
/// use std::time::Duration;
///
/// use embus_kv::error::WriteError;
/// use embus_kv::ttl::InvalidTtl;
///
/// let short = Some(Duration::from_millis(1500));
/// let error = embus_kv::write::create(&store, "door", "7".into(), short).await.unwrap_err();
/// assert!(matches!(error, WriteError::Ttl(InvalidTtl(ttl)) if ttl == Duration::from_millis(1500)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry lives for whole seconds, at least one, not for {0:?}")]
pub struct InvalidTtl(pub Duration);

/// The value of `Nats-TTL`. A part of a second is not dropped silently, as async-nats does: servers count whole seconds.
pub(crate) fn header(ttl: Duration) -> Result<HeaderValue, InvalidTtl> {
    let is_countable = i64::try_from(ttl.as_nanos()).is_ok();
    if ttl < SHORTEST_TTL || ttl.subsec_nanos() != 0 || !is_countable {
        return Err(InvalidTtl(ttl));
    }
    Ok(HeaderValue::from(ttl.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds() {
        assert_eq!(header(SHORTEST_TTL).unwrap().as_str(), "1");
        assert_eq!(header(Duration::from_secs(3600)).unwrap().as_str(), "3600");
        for ttl in [Duration::ZERO, Duration::from_millis(999), Duration::from_millis(1500), Duration::MAX] {
            assert_eq!(header(ttl), Err(InvalidTtl(ttl)), "{ttl:?}");
        }
    }
}
