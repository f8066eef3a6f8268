//! Brokers for tests (feature `test-util`): isolated, started in no time, with a clock that is advanced by hand, a record
//! of what was published, and faults on command.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use embus::TestBroker;
//!
//! let broker = TestBroker::start().await?;
//! broker.client().publish("orders.eu", "two chairs".into()).await?;
//! assert_eq!(broker.published("orders.>")[0].payload, "two chairs");
//! # Ok(())
//! # }
//! ```

mod builder;
mod error;
mod faults;
mod port;
mod record;
mod store;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::broker::Broker;
use crate::builder::Builder;
use crate::client::Client;
use crate::clock::ManualClock;
use crate::error::StartError;
use crate::message::Message;

use self::port::Port;
use self::record::Record;
use self::store::Store;

pub use self::builder::TestBuilder;
pub use self::error::{FaultError, PublishedError};
pub use self::faults::{SlowReader, Who};

/// How long a broker of a test may take to stop in good order. Real time: it is about sockets and disks.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// A broker for one test: on a port and a store of its own, so that any number of them run side by side.
///
/// By default its streams lie on a disk in memory that [crashes](Self::crash) on command, and what is acknowledged is
/// synced ([`SyncPolicy::Always`](crate::SyncPolicy::Always)). Time passes only by [`advance`](Self::advance). Dropping
/// it stops the broker; [`shutdown`](Self::shutdown) also waits for that.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use embus::TestBroker;
/// use embus::jetstream::{self, stream};
///
/// let day = Duration::from_secs(24 * 60 * 60);
/// let config = stream::Config { name: "LOG".into(), subjects: vec!["log.>".into()], max_age: day, ..Default::default() };
/// let broker = TestBroker::builder().stream(config).start().await?;
/// let context = jetstream::new(broker.client());
/// context.publish("log.start", "now".into()).await?.await?;
///
/// broker.advance(day).await;
/// let mut log = context.get_stream("LOG").await?;
/// assert_eq!(log.info().await?.state.messages, 0);
/// broker.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct TestBroker {
    recipe: Builder,
    clock: ManualClock,
    store: Store,
    port: Port,
    record: Arc<Record>,
    broker: Mutex<Broker>,
    /// One start or stop at a time.
    lifecycle: tokio::sync::Mutex<()>,
}

impl fmt::Debug for TestBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestBroker").field("port", &self.port).field("store", &self.store).finish_non_exhaustive()
    }
}

impl TestBroker {
    /// Starts one as most tests need it.
    ///
    /// # Errors
    /// [`StartError`]: no port is free, say, or the caller is not inside a tokio runtime.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::start().await?;
    /// assert!(broker.url().starts_with("nats://127.0.0.1:"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// Settings for one that differs: streams, limits, sync policy, a real directory.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::builder().temp_dir().configure(|broker| broker.max_payload(1024)).start().await?;
    /// assert_eq!(broker.client().max_payload(), 1024);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> TestBuilder {
        TestBuilder::default()
    }

    /// A new broker by the recipe, on what the store holds.
    async fn launch(recipe: &Builder, store: &Store, port: &Port) -> Result<Broker, StartError> {
        let mut builder = store.furnish(recipe.clone());
        // In front of addresses of the test's own: the first is the one that INFO tells.
        builder.listen.insert(0, crate::builder::listeners::Address::of(port.address()));
        builder.server_id = Some(server_id());
        builder.start().await
    }

    /// The broker that runs now, or the last one while it is down. [`restart`](Self::restart) makes another one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::start().await?;
    /// let _client = broker.client();
    /// assert_eq!(broker.broker().connections().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn broker(&self) -> Broker {
        self.broker.lock().clone()
    }

    /// A client in this process. It ends with the broker that runs now; after a restart, ask for a new one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::StreamExt;
    ///
    /// let broker = embus::TestBroker::start().await?;
    /// let mut hears = broker.client().subscribe("hello").await?;
    /// broker.client().publish("hello", "you".into()).await?;
    /// assert_eq!(hears.next().await.unwrap().payload, "you");
    /// # Ok(())
    /// # }
    /// ```
    pub fn client(&self) -> Client {
        self.broker().client()
    }

    /// Where clients connect to: the same before and after a restart.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (one, other) = (embus::TestBroker::start().await?, embus::TestBroker::start().await?);
    /// assert_ne!(one.url(), other.url());
    /// # Ok(())
    /// # }
    /// ```
    pub fn url(&self) -> String {
        format!("nats://{}", self.port.address())
    }

    /// Connects async-nats (feature `test-util-async-nats`).
    ///
    /// # Errors
    /// What async-nats says; the broker may be down.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::start().await?;
    /// let client = broker.async_nats().await?;
    /// client.publish("hello", "over TCP".into()).await?;
    /// assert_eq!(broker.wait_for_published("hello", 1).await?[0].payload, "over TCP");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "test-util-async-nats")]
    pub async fn async_nats(&self) -> Result<async_nats::Client, async_nats::ConnectError> {
        async_nats::connect(self.url()).await
    }

    /// Waits until somebody is subscribed to a filter that matches `subject`, and says whether that came; see
    /// [`Broker::wait_for_interest`]. Cancel-safe.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::start().await?;
    /// // It returns before the broker knows of the subscription.
    /// let hears = broker.async_nats().await?.subscribe("hello").await?;
    /// assert!(broker.wait_for_interest("hello").await);
    /// # drop(hears);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_for_interest(&self, subject: impl AsRef<str>) -> bool {
        self.broker().wait_for_interest(subject).await
    }

    /// Everything that was published on subjects that match `filter`, in order, since the start or the last
    /// [`clear_published`](Self::clear_published): by clients, whether or not anybody listened, and by the broker itself
    /// (acknowledgements of streams, what is republished, advisories that somebody listens to). What consumers deliver was published before and
    /// does not count again.
    ///
    /// Nobody can tell that it is noted down: there is no interest because of it. What a remote client publishes is
    /// noted when the broker has read it; [wait for it](Self::wait_for_published).
    ///
    /// # Panics
    /// `filter` is none, or [more was published](TestBuilder::max_published_bytes) than is kept.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::start().await?;
    /// let client = broker.client();
    /// client.publish("orders.eu", "1".into()).await?;
    /// client.publish("bills.eu", "2".into()).await?;
    /// client.publish("orders.us", "3".into()).await?;
    /// let orders = broker.published("orders.*");
    /// assert_eq!((orders.len(), orders[1].subject.as_str()), (2, "orders.us"));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn published(&self, filter: impl AsRef<str>) -> Vec<Message> {
        self.try_published(filter).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, for tests that would rather have the error.
    ///
    /// # Errors
    /// [`PublishedError`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::test_util::PublishedError;
    ///
    /// let broker = embus::TestBroker::start().await?;
    /// assert!(broker.try_published("orders.>")?.is_empty());
    /// assert!(matches!(broker.try_published("orders..eu"), Err(PublishedError::Filter(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_published(&self, filter: impl AsRef<str>) -> Result<Vec<Message>, PublishedError> {
        self.record.matching(filter.as_ref())
    }

    /// Waits until `count` messages were published on subjects that match `filter`, and returns these. Cancel-safe.
    ///
    /// # Errors
    /// [`PublishedError`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::start().await?;
    /// let client = broker.client();
    /// tokio::spawn(async move { client.publish("done", "".into()).await });
    /// assert_eq!(broker.wait_for_published("done", 1).await?.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_for_published(
        &self,
        filter: impl AsRef<str>,
        count: usize,
    ) -> Result<Vec<Message>, PublishedError> {
        self.record.wait_for(filter.as_ref(), count).await
    }

    /// Forgets what was published so far.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::start().await?;
    /// broker.client().publish("setup", "".into()).await?;
    /// broker.clear_published();
    /// assert!(broker.published(">").is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear_published(&self) {
        self.record.clear();
    }

    /// The clock that all of this broker's time comes from.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let broker = embus::TestBroker::start().await?;
    /// broker.clock().advance(Duration::from_secs(60));
    /// assert_eq!(broker.clock().elapsed(), Duration::from_secs(60));
    /// # Ok(())
    /// # }
    /// ```
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Lets `span` pass, and waits until streams and their consumers have done what became due by that: messages have
    /// expired, what was not acknowledged is on its way again. Pings and whatever else connections do follow as soon as
    /// their tasks run. Not cancel-safe: time has passed all the same.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let broker = embus::TestBroker::start().await?;
    /// broker.advance(Duration::from_secs(60 * 60)).await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn advance(&self, span: Duration) {
        self.clock.advance(span);
        self.broker().settled().await;
    }

    /// Stops the broker, if it runs, and starts it again at the same address and on the same store. Official clients
    /// reconnect by themselves.
    ///
    /// After a [crash](Self::crash) there is what had been synced. Not cancel-safe: the broker may be left stopped; then
    /// another restart helps.
    ///
    /// # Errors
    /// [`StartError`]; the broker is down then.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{self, stream};
    ///
    /// let broker = embus::TestBroker::start().await?;
    /// let config = stream::Config { name: "LOG".into(), subjects: vec!["log".into()], ..Default::default() };
    /// jetstream::new(broker.client()).create_stream(config).await?;
    /// broker.restart().await?;
    /// assert!(jetstream::new(broker.client()).get_stream("LOG").await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn restart(&self) -> Result<(), StartError> {
        let _turn = self.lifecycle.lock().await;
        self.broker().shutdown(STOP_DEADLINE).await;
        self.store.power_on();
        let broker = Self::launch(&self.recipe, &self.store, &self.port).await?;
        *self.broker.lock() = broker;
        Ok(())
    }

    /// The directory of the store, if it is [one of the machine](TestBuilder::temp_dir).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::builder().temp_dir().start().await?;
    /// let dir = broker.store_dir().unwrap().to_owned();
    /// assert!(dir.exists());
    /// broker.shutdown().await;
    /// assert!(!dir.exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn store_dir(&self) -> Option<&Path> {
        self.store.dir()
    }

    /// Stops the broker. When this returns, no task of it runs, and its port and its directory are gone. A reader that
    /// takes nothing costs a second of real time. Cancel-safe: the broker stops all the same.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::start().await?;
    /// broker.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn shutdown(self) {
        self.broker().shutdown(STOP_DEADLINE).await;
        self.store.remove().await;
    }
}

/// An id of the form that those of servers have. Theirs is a public key, and making one takes longer than all the rest of
/// a start where the curve is compiled without optimisation, as it is in tests.
fn server_id() -> String {
    const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let random = std::iter::repeat_with(|| char::from(BASE32[fastrand::usize(..BASE32.len())]));
    std::iter::once('N').chain(random).take(SERVER_ID_LEN).collect()
}

/// Characters of the public key of a server.
const SERVER_ID_LEN: usize = 56;

impl Drop for TestBroker {
    /// Also while somebody still has a handle of the broker: a test that is over leaves nothing running.
    fn drop(&mut self) {
        self.broker.get_mut().stop();
    }
}
