//! Faults on command: connections that are cut, readers that do not read, disks that fail, power that goes.

use std::fmt;

use embus_engine::connection::ClientId;
use embus_engine::hold::Hold;
use embus_storage::medium::crash::Fault;

use super::TestBroker;
use super::error::FaultError;
use crate::client::Client;

/// Which client is meant: by the name that it gave when it connected, by its number, or by a handle of it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use embus::test_util::Who;
///
/// let broker = embus::TestBroker::start().await?;
/// let client = broker.client();
/// assert_eq!(Who::from(&client), Who::Id(client.server_info().client_id));
/// assert_eq!(Who::from("worker"), Who::Name("worker".into()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// All wire clients of this name.
    Name(String),
    /// The client that INFO told this number.
    Id(u64),
}

impl From<&str> for Who {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<u64> for Who {
    fn from(id: u64) -> Self {
        Self::Id(id)
    }
}

impl From<&Client> for Who {
    fn from(client: &Client) -> Self {
        Self::Id(client.local().id().0)
    }
}

#[cfg(feature = "test-util-async-nats")]
impl From<&async_nats::Client> for Who {
    fn from(client: &async_nats::Client) -> Self {
        Self::Id(client.server_info().client_id)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Id(id) => write!(f, "{id}"),
        }
    }
}

/// Keeps clients from reading until it is released or dropped; get one from [`TestBroker::slow_reader`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::{FutureExt, StreamExt};
///
/// let broker = embus::TestBroker::start().await?;
/// let client = broker.client();
/// let mut hears = client.subscribe("a").await?;
/// let slow = broker.slow_reader(&client)?;
/// broker.client().publish("a", "x".into()).await?;
/// assert!(hears.next().now_or_never().is_none());
/// slow.release();
/// assert_eq!(hears.next().await.unwrap().payload, "x");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the reader reads on when this is dropped"]
pub struct SlowReader {
    holds: Vec<Hold>,
}

impl SlowReader {
    /// Lets it read again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::start().await?;
    /// let client = broker.client();
    /// broker.slow_reader(&client)?.release();
    /// # Ok(())
    /// # }
    /// ```
    pub fn release(self) {
        drop(self.holds);
    }
}

impl TestBroker {
    /// Cuts connections: as if the network had failed. Official clients reconnect by themselves; an in-process client is
    /// closed for good.
    ///
    /// # Errors
    /// [`FaultError::NoSuchClient`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::TestBroker::start().await?;
    /// let client = broker.client();
    /// broker.cut(&client)?;
    /// assert!(client.publish("a", "x".into()).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn cut(&self, who: impl Into<Who>) -> Result<(), FaultError> {
        let (who, broker) = (who.into(), self.broker());
        let cut = self.ids(&who).into_iter().filter(|id| broker.cut(*id)).count();
        if cut == 0 { Err(FaultError::NoSuchClient(who.to_string())) } else { Ok(()) }
    }

    /// Makes clients read nothing until the result is released. What comes for them waits, within the broker's bounds: a
    /// wire client is cut as a slow consumer when too much waits, or when the write deadline has passed on the
    /// [clock](TestBroker::clock). Of an in-process client those subscriptions are held that it has now, the one for
    /// answers to its requests included.
    ///
    /// # Errors
    /// [`FaultError::NoSuchClient`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::StreamExt;
    ///
    /// let broker = embus::TestBroker::start().await?;
    /// let remote = broker.async_nats().await?;
    /// let mut hears = remote.subscribe("a").await?;
    /// broker.wait_for_interest("a").await;
    /// let slow = broker.slow_reader(&remote)?;
    /// broker.client().publish("a", "x".into()).await?;
    /// slow.release();
    /// assert_eq!(hears.next().await.unwrap().payload, "x");
    /// # Ok(())
    /// # }
    /// ```
    pub fn slow_reader(&self, who: impl Into<Who>) -> Result<SlowReader, FaultError> {
        let (who, broker) = (who.into(), self.broker());
        let holds: Vec<_> = self.ids(&who).into_iter().filter_map(|id| broker.hold(id)).collect();
        if holds.is_empty() { Err(FaultError::NoSuchClient(who.to_string())) } else { Ok(SlowReader { holds }) }
    }

    fn ids(&self, who: &Who) -> Vec<ClientId> {
        match who {
            Who::Id(id) => vec![ClientId(*id)],
            Who::Name(name) => {
                let all = self.broker().connections();
                let named = all.iter().filter(|connection| !name.is_empty() && connection.name == *name);
                named.map(|connection| ClientId(connection.cid)).collect()
            }
        }
    }

    /// Lets the next sync of a file fail and lose what it was to make durable, as disks do. The stream refuses what was
    /// not committed, and tries its disk again some time later on the [clock](TestBroker::clock): 2 s are enough. What
    /// streams sync by themselves, once they were made or recovered, is waited for first: it is what comes next that fails.
    /// Cancel-safe: nothing fails then.
    ///
    /// # Errors
    /// [`FaultError::RealDisk`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{self, stream};
    ///
    /// let config = stream::Config { name: "LOG".into(), subjects: vec!["log".into()], ..Default::default() };
    /// let broker = embus::TestBroker::builder().stream(config).start().await?;
    /// let context = jetstream::new(broker.client());
    /// broker.fail_next_sync().await?;
    /// assert!(context.publish("log", "lost".into()).await?.await.is_err());
    /// broker.advance(std::time::Duration::from_secs(2)).await;
    /// assert!(context.publish("log", "kept".into()).await?.await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fail_next_sync(&self) -> Result<(), FaultError> {
        let medium = self.store.medium()?;
        self.broker().idle().await;
        medium.fail_at(medium.calls() + 1, Fault::FailedSync);
        Ok(())
    }

    /// Fills the disk: from now on all writes fail, also where a real disk would still have room that was taken before.
    ///
    /// # Errors
    /// [`FaultError::RealDisk`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{self, stream};
    ///
    /// let broker = embus::TestBroker::start().await?;
    /// broker.fill_disk()?;
    /// let config = stream::Config { name: "LOG".into(), subjects: vec!["log".into()], ..Default::default() };
    /// assert!(jetstream::new(broker.client()).create_stream(config).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn fill_disk(&self) -> Result<(), FaultError> {
        self.store.medium()?.set_full(true);
        Ok(())
    }

    /// Makes room on the disk again. A stream that found it full tries it again some time later on the
    /// [clock](TestBroker::clock).
    ///
    /// # Errors
    /// [`FaultError::RealDisk`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{self, stream};
    ///
    /// let broker = embus::TestBroker::start().await?;
    /// broker.fill_disk()?;
    /// broker.free_disk()?;
    /// let config = stream::Config { name: "LOG".into(), subjects: vec!["log".into()], ..Default::default() };
    /// assert!(jetstream::new(broker.client()).create_stream(config).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn free_disk(&self) -> Result<(), FaultError> {
        self.store.medium()?.set_full(false);
        Ok(())
    }

    /// Cuts the power: connections end without a word, and of what was written only what was synced is left. Stays down
    /// until [`restart`](TestBroker::restart). A broker that is down already stays as it is. Cancel-safe: it goes down
    /// all the same.
    ///
    /// # Errors
    /// [`FaultError::RealDisk`]; nothing happened then.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{self, stream};
    ///
    /// let config = stream::Config { name: "LOG".into(), subjects: vec!["log".into()], ..Default::default() };
    /// let broker = embus::TestBroker::builder().stream(config).start().await?;
    /// jetstream::new(broker.client()).publish("log", "kept".into()).await?.await?;
    /// broker.crash().await?;
    /// broker.restart().await?;
    /// let mut log = jetstream::new(broker.client()).get_stream("LOG").await?;
    /// assert_eq!(log.info().await?.state.messages, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn crash(&self) -> Result<(), FaultError> {
        let _turn = self.lifecycle.lock().await;
        let medium = self.store.medium()?;
        medium.cut_power_losing_unsynced();
        let broker = self.broker();
        broker.kill();
        broker.stopped().await;
        Ok(())
    }
}
