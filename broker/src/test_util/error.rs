//! What can go wrong with what a test asks of its broker.

/// Why a fault could not be brought about.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use embus::test_util::FaultError;
///
/// let broker = embus::TestBroker::start().await?;
/// assert_eq!(broker.cut("nobody").unwrap_err(), FaultError::NoSuchClient("nobody".into()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// No client with this name or number is connected. Names are those of `CONNECT`; in-process clients have a number.
    #[error("no client {0} is connected")]
    NoSuchClient(String),
    /// The store is a directory of the machine: that neither fails nor crashes on command.
    #[error("the store lies on a real disk; leave `temp_dir` out to have one that fails on command")]
    RealDisk,
}

/// Why it cannot be said what was published.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use embus::test_util::PublishedError;
///
/// let broker = embus::TestBroker::start().await?;
/// assert_eq!(broker.try_published("a.>.b").unwrap_err(), PublishedError::Filter("a.>.b".into()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishedError {
    /// This is no filter of subjects.
    #[error("{0:?} is no subject filter")]
    Filter(String),
    /// More was published than is kept. Clear it in between, or keep more.
    #[error(
        "more than {limit} bytes were published since the start or the last `clear_published`; \
         clear in between, or raise `TestBuilder::max_published_bytes`"
    )]
    Overflow {
        /// Bytes that are kept.
        limit: usize,
    },
}
