//! How a broker for a test is put together.

use std::sync::Arc;

use parking_lot::Mutex;

use super::TestBroker;
use super::port::Port;
use super::record::Record;
use super::store::Store;
use crate::builder::Builder;
use crate::clock::ManualClock;
use crate::error::StartError;
use crate::jetstream::kv;
use crate::jetstream::stream::Config;
use embus_engine::stream::SyncPolicy;

/// Settings of a [`TestBroker`]; get one from [`TestBroker::builder`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use embus::{SyncPolicy, TestBroker};
///
/// let broker = TestBroker::builder().sync(SyncPolicy::Os).seed(7).start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing runs before `start`"]
pub struct TestBuilder {
    builder: Builder,
    clock: ManualClock,
    temp_dir: bool,
    seed: u64,
    max_published_bytes: usize,
}

/// What of the published messages is kept, unless a test says otherwise.
const MAX_PUBLISHED_BYTES: usize = 16 * 1024 * 1024;

impl Default for TestBuilder {
    fn default() -> Self {
        Self {
            builder: Builder::default(),
            clock: ManualClock::new(),
            temp_dir: false,
            seed: 1,
            max_published_bytes: MAX_PUBLISHED_BYTES,
        }
    }
}

impl TestBuilder {
    /// Changes any setting of the broker's own [`Builder`]. Store, clock, seed and the first TCP address are the test
    /// broker's.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::TestBroker;
    ///
    /// let broker = TestBroker::builder().configure(|broker| broker.max_streams(3).ping_max(1)).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn configure(mut self, change: impl FnOnce(Builder) -> Builder) -> Self {
        self.builder = change(self.builder);
        self
    }

    /// Declares a stream, as [`Builder::stream`] does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::stream;
    ///
    /// let config = stream::Config { name: "LOG".into(), subjects: vec!["log.>".into()], ..Default::default() };
    /// let broker = embus::TestBroker::builder().stream(config).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(self, config: impl Into<Config>) -> Self {
        self.configure(|builder| builder.stream(config))
    }

    /// Declares a bucket, as [`Builder::bucket`] does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::kv;
    ///
    /// let config = kv::Config { bucket: "users".into(), ..Default::default() };
    /// let broker = embus::TestBroker::builder().bucket(config).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bucket(self, config: kv::Config) -> Self {
        self.configure(|builder| builder.bucket(config))
    }

    /// When an acknowledged message is durable, as [`Builder::sync`] says.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::builder().sync(embus::SyncPolicy::Os).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn sync(self, policy: SyncPolicy) -> Self {
        self.configure(|builder| builder.sync(policy))
    }

    /// Keeps streams in a temporary directory of the machine, which goes with the broker. There are no faults of the
    /// disk then, and no crashes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::builder().temp_dir().start().await?;
    /// assert!(broker.store_dir().is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn temp_dir(mut self) -> Self {
        self.temp_dir = true;
        self
    }

    /// Takes the time from a clock that others may share.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::clock::ManualClock;
    ///
    /// let clock = ManualClock::starting_at(std::time::SystemTime::UNIX_EPOCH);
    /// let broker = embus::TestBroker::builder().clock(clock.clone()).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn clock(mut self, clock: ManualClock) -> Self {
        self.clock = clock;
        self
    }

    /// What chance is drawn from in the broker and its disk; the same unless it is changed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::builder().seed(42).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Bytes of published messages that are kept for [`TestBroker::published`]; 16 MiB by default. Beyond, `published`
    /// fails until it is [cleared](TestBroker::clear_published): a part would look like the whole.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::test_util::PublishedError;
    ///
    /// let broker = embus::TestBroker::builder().max_published_bytes(1024).start().await?;
    /// broker.client().publish("a", vec![0; 2000].into()).await?;
    /// assert_eq!(broker.try_published("a").unwrap_err(), PublishedError::Overflow { limit: 1024 });
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_published_bytes(mut self, bytes: usize) -> Self {
        self.max_published_bytes = bytes;
        self
    }

    /// Starts the broker.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::builder().start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(self) -> Result<TestBroker, StartError> {
        let record = Arc::new(Record::new(self.max_published_bytes));
        let mut recipe = self.builder.clock(Arc::new(self.clock.clone())).seed(self.seed);
        recipe.tap = Some(Arc::clone(&record) as _);
        let store = if self.temp_dir { Store::temp_dir()? } else { Store::crashing(self.seed) };
        let port = Port::reserve()?;
        let broker = TestBroker::launch(&recipe, &store, &port).await?;
        Ok(TestBroker {
            recipe,
            clock: self.clock,
            store,
            port,
            record,
            broker: Mutex::new(broker),
            lifecycle: tokio::sync::Mutex::default(),
        })
    }
}
