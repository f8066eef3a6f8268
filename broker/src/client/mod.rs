//! The in-process client: talks to the broker without a protocol, with the API of async-nats's `Client`.
//!
//! `use embus as nats;` compiles where `use async_nats as nats;` does, for core NATS. What is left out, since it makes
//! no sense without a connection: `connect` and its options (see [`Broker::client`](crate::Broker::client)), events,
//! `force_reconnect`, `set_server_pool` and `server_pool`.
//!
//! A client is a cheap handle; clones share everything. Nothing here starts a task. Requests and waiting publishers need
//! a tokio runtime with its timer enabled; everything else runs anywhere.

pub(crate) mod error;
mod ids;
mod inbox;
mod kinds;
pub(crate) mod message;
mod publish;
mod request;
mod sink;
mod stall;
pub(crate) mod state;
mod statistics;
mod subscribe;
pub(crate) mod subscriber;
#[cfg(test)]
mod tests;
pub mod traits;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use embus_engine::LocalClient;
use embus_protocol::info::ServerInfo;
use tokio::task::yield_now;

use self::ids::UniqueIds;
use self::inbox::ReplyInbox;
pub(crate) use self::kinds::Closed;
use self::sink::SinkState;
pub(crate) use self::stall::settle;
use self::state::State;

pub use self::error::BoxError;
pub use self::kinds::{
    DrainError, FlushError, FlushErrorKind, PublishError, PublishErrorKind, RequestError, RequestErrorKind,
    SubscribeError, SubscribeErrorKind, UnsubscribeError,
};
pub use self::request::Request;
pub use self::statistics::Statistics;

/// How long a request waits for its answer if it does not say. [async-nats: `ConnectOptions::request_timeout`]
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What inboxes begin with, as everywhere in NATS.
const INBOX_PREFIX: &str = "_INBOX";

/// A handle of one in-process client of a broker; clones are handles of the same client.
///
/// Get one from [`Broker::client`](crate::Broker::client).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
///
/// let broker = embus::Broker::builder().start().await?;
/// let (service, client) = (broker.client(), broker.client());
/// let mut requests = service.subscribe("capitals").await?;
/// tokio::spawn(async move {
///     while let Some(request) = requests.next().await {
///         let answer = request.payload.to_ascii_uppercase();
///         service.publish(request.reply.unwrap(), answer.into()).await.unwrap();
///     }
/// });
///
/// let answer = client.request("capitals", "hello".into()).await?;
/// assert_eq!(answer.payload, "HELLO");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    /// The only state of a handle of its own.
    sink: SinkState,
}

/// What all handles of a client share. Dropped with the last of them; subscribers live on without it.
struct Shared {
    /// Behind an `Arc` of its own as subscribers keep the client attached, but not its inbox.
    local: Arc<LocalClient>,
    request_timeout: Option<Duration>,
    ids: UniqueIds,
    replies: OnceLock<ReplyInbox>,
    statistics: Arc<Statistics>,
}

impl Client {
    /// A client over one that is attached to the engine.
    pub(crate) fn new(local: Arc<LocalClient>) -> Self {
        let shared = Shared {
            local,
            request_timeout: Some(REQUEST_TIMEOUT),
            ids: UniqueIds::new(),
            replies: OnceLock::new(),
            statistics: Arc::default(),
        };
        Self { shared: Arc::new(shared), sink: SinkState::default() }
    }

    /// The client as the engine knows it.
    pub(crate) fn local(&self) -> &Arc<LocalClient> {
        &self.shared.local
    }

    /// How long a request waits for its answer if it does not say: 10 s.
    pub fn timeout(&self) -> Option<Duration> {
        self.shared.request_timeout
    }

    /// What the broker says about itself; always something in-process.
    pub fn try_server_info(&self) -> Option<ServerInfo> {
        Some(self.server_info())
    }

    /// What the broker says about itself now, with this client's own id.
    pub fn server_info(&self) -> ServerInfo {
        let local = &self.shared.local;
        ServerInfo { client_id: local.id().0, ..local.engine().info() }
    }

    /// How long headers and payload of a message may be together, in bytes.
    pub fn max_payload(&self) -> usize {
        self.shared.local.max_payload()
    }

    /// Whether the NATS version that the broker announces is at least `major.minor.patch`.
    pub fn is_server_compatible(&self, major: i64, minor: i64, patch: i64) -> bool {
        version_components(&self.shared.local.engine().info().version)
            .is_some_and(|version| version >= [major, minor, patch])
    }

    /// A subject for answers that nobody else uses: `_INBOX.` and 22 characters.
    pub fn new_inbox(&self) -> String {
        format!("{INBOX_PREFIX}.{}", self.shared.ids.next())
    }

    /// A name that nobody else uses, of 22 characters.
    pub(crate) fn new_id(&self) -> String {
        self.shared.ids.next().to_string()
    }

    /// Lets the broker's connections write out what this client published.
    ///
    /// There is nothing to wait for: a publish has put its message into the outbound buffer of every connection that
    /// wants it, and told the connection, before it returns. A flush yields once to the runtime, so that the connections
    /// get to run even where there is a single thread. As with async-nats, it does not wait until anybody has read.
    ///
    /// Cancel-safe: nothing is lost if dropped.
    ///
    /// # Errors
    /// The client was drained or the broker has stopped.
    pub async fn flush(&self) -> Result<(), FlushError> {
        if self.shared.local.is_closed() {
            return Err(FlushError::with_source(FlushErrorKind::SendError, Closed));
        }
        yield_now().await;
        Ok(())
    }

    /// Ends the client, all its handles: subscribers yield what waits for them and end, requests that wait fail, and
    /// whatever is published or subscribed afterwards is refused.
    ///
    /// Cancel-safe: done at the first poll.
    ///
    /// # Errors
    /// The client was drained before, or the broker has stopped.
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn drain(&self) -> Result<(), DrainError> {
        let local = &self.shared.local;
        if local.is_closed() {
            return Err(Closed.into());
        }
        local.close();
        Ok(())
    }

    /// Whether the client can still send: [`State::Connected`] until it is drained or the broker stops.
    pub fn connection_state(&self) -> State {
        if self.shared.local.is_closed() { State::Disconnected } else { State::Connected }
    }

    /// What the client has sent and received so far, all handles together. Differs from async-nats: the figures do not
    /// move on by themselves; call again for new ones.
    pub fn statistics(&self) -> Arc<Statistics> {
        self.shared.statistics.refresh(&self.shared.local.traffic());
        Arc::clone(&self.shared.statistics)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.shared.local.id().0;
        f.debug_struct("Client").field("id", &id).field("sink", &self.sink).finish_non_exhaustive()
    }
}

/// The first three numbers of a version such as `2.15.1` or `v2.15.0-beta.1`; what is missing counts as zero.
fn version_components(version: &str) -> Option<[i64; 3]> {
    let mut numbers = version.strip_prefix('v').unwrap_or(version).splitn(3, '.').map(|part| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        part[..digits].parse().ok()
    });
    let major = numbers.next().flatten()?;
    let mut next = || numbers.next().flatten().unwrap_or(0);
    Some([major, next(), next()])
}
