//! What is known of a bucket at one moment.

use std::time::Duration;

use crate::jetstream::stream::Info;

/// What is known of a bucket.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = embus::Broker::builder().start().await?;
/// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
/// # let bucket = broker.ensure_bucket(config).await?.into_inner();
/// bucket.put("ada", "1".into()).await?;
/// let status = bucket.status().await?;
/// assert_eq!(status.info.config.name, "KV_b");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Status {
    /// What is known of its stream.
    pub info: Info,
    /// Its name.
    pub bucket: String,
}

impl Status {
    /// Its name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// assert_eq!(bucket.status().await?.bucket(), "b");
    /// # Ok(())
    /// # }
    /// ```
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// How many entries it holds, those of the past and marks of removed keys included.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// bucket.put("ada", "1".into()).await?;
    /// bucket.put("bob", "2".into()).await?;
    /// assert_eq!(bucket.status().await?.values(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn values(&self) -> u64 {
        self.info.state.messages
    }

    /// How many entries it keeps of each key.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), history: 5, ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// assert_eq!(bucket.status().await?.history(), 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn history(&self) -> i64 {
        self.info.config.max_messages_per_subject
    }

    /// How long it keeps an entry; for ever if it is zero.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let config = embus::jetstream::kv::Config { bucket: "b".into(), ..Default::default() };
    /// # let bucket = broker.ensure_bucket(config).await?.into_inner();
    /// assert!(bucket.status().await?.max_age().is_zero(), "entries stay for ever");
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_age(&self) -> Duration {
        self.info.config.max_age
    }
}
