//! A running broker.

mod places;
mod reload;

pub use reload::{ReloadError, Reloaded};

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use embus_engine::LocalClient;
#[cfg(feature = "test-util")]
use embus_engine::connection::ClientId;
use embus_engine::connection::{ConnectionKind, Peer};
use embus_engine::statistics::{ConnectionSnapshot, Statistics, SubscriptionSnapshot};
use embus_protocol::filter::is_valid_filter;
use embus_protocol::info::ServerInfo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio_util::sync::CancellationToken;

use crate::auth::{Identity, Refused, Users};
use crate::builder::Builder;
use crate::client::Client;
use crate::error::StartError;
#[cfg(feature = "listen")]
use crate::links::Link;
use crate::metrics::Metrics;
use crate::ports::Ports;
use crate::shell::Shell;
use crate::store;
use crate::timer::Timer;
use crate::wire::Owner;
use crate::wire::stream::StreamWire;

/// A running broker. Clones are handles to the same one; it stops with [`shutdown`](Self::shutdown), or when the last
/// handle is dropped. Only `shutdown` waits until ports and paths are free again. A broker lives in the runtime that it
/// was started in: when that ends, connections and timers end with it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = embus::Broker::builder().start().await?;
/// let client = broker.client();
/// let mut subscriber = client.subscribe("greet.*").await?;
/// client.publish("greet.joe", "hello".into()).await?;
/// # use futures_util::StreamExt;
/// assert_eq!(subscriber.next().await.unwrap().payload, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

struct Inner {
    shell: Arc<Shell>,
    /// What it runs with. Whoever changes it holds it all the while.
    settings: tokio::sync::Mutex<Box<Builder>>,
    lame_duck: Mutex<LameDuck>,
    local_addrs: Vec<SocketAddr>,
    #[cfg(feature = "monitor")]
    monitor_addr: Option<SocketAddr>,
    #[cfg(feature = "websocket")]
    websockets: Vec<(SocketAddr, bool)>,
    #[cfg(feature = "tls")]
    securities: Vec<Arc<crate::tls::Security>>,
    #[cfg(feature = "listen")]
    link_addrs: [Option<SocketAddr>; 2],
    clients: Mutex<Vec<Weak<LocalClient>>>,
    users: Mutex<Option<Arc<Users>>>,
    stopping: AtomicBool,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("local_addrs", &self.inner.local_addrs).finish_non_exhaustive()
    }
}

/// How long a lame duck lives, and how long it waits before it closes the first client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LameDuck {
    pub(crate) duration: Duration,
    pub(crate) grace: Duration,
}

/// Bytes that fit into an in-memory pipe in each direction.
const DUPLEX_BYTES: usize = 64 * 1024;

/// How long a lame duck takes at most for its last step.
const LAME_DUCK_LAST_STEP: Duration = Duration::from_secs(5);

/// The longest pause between two clients that a lame duck closes. [nats-server: 1 s]
const LAME_DUCK_LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Broker {
    /// Settings for a new broker.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) async fn start(shell: Arc<Shell>, builder: Box<Builder>) -> Result<Self, StartError> {
        let cancellation = builder.cancellation.clone();
        let users = builder.auth.users()?;
        builder.auth.open_accounts(&shell)?;
        // Apart from the future of a start, which programs hold within theirs.
        let ports = Box::pin(Ports::bind(&builder, &shell.tasks)).await?;
        match builder.auth.gate(&shell, users.clone(), builder.secret_seed()) {
            Some(gate) => shell.engine.set_gate(gate),
            None => ports.warn_of_strangers(),
        }
        #[cfg(feature = "monitor")]
        crate::monitor::start_system(&shell, builder.reload_requests.clone());
        shell.engine.set_loaded(&builder.digest);
        if let Err(error) = store::start(&shell, &builder.store, builder.auth.with_streams()).await {
            shell.tasks.stop();
            return Err(error);
        }
        let inner = Inner {
            lame_duck: Mutex::new(builder.lame_duck),
            local_addrs: ports.local_addrs(),
            #[cfg(feature = "monitor")]
            monitor_addr: ports.monitor_addr(),
            #[cfg(feature = "websocket")]
            websockets: ports.websocket_addrs(),
            #[cfg(feature = "tls")]
            securities: ports.securities(),
            #[cfg(feature = "listen")]
            link_addrs: [ports.link_addr(Link::Leaf), ports.link_addr(Link::Route)],
            clients: Mutex::new(Vec::new()),
            users: Mutex::new(users),
            stopping: AtomicBool::new(false),
            settings: tokio::sync::Mutex::new(builder),
            shell: Arc::clone(&shell),
        };
        if let Some(listener) = ports.announced() {
            shell.engine.set_listener(listener);
        }
        shell.tasks.spawn_until_stop(Arc::clone(&shell.timer).run());
        ports.serve(&shell);
        let broker = Self { inner: Arc::new(inner) };
        if let Some(token) = cancellation {
            broker.stop_with(token);
        }
        Ok(broker)
    }

    /// Stops the broker when `token` is cancelled, unless it is gone before. Whoever wants to know the end of that
    /// waits for [`stopped`](Self::stopped).
    fn stop_with(&self, token: CancellationToken) {
        let inner = Arc::downgrade(&self.inner);
        self.inner.shell.tasks.spawn_until_stop(async move {
            token.cancelled_owned().await;
            if let Some(inner) = inner.upgrade() {
                inner.stop();
            }
        });
    }

    /// A client in this process: no socket, no protocol. It has all rights, in the global account.
    pub fn client(&self) -> Client {
        self.adopt(LocalClient::connect(&self.inner.shell.engine))
    }

    /// A client in this process that is one of the [users](crate::Builder::user): in its account, with its rights. The
    /// program is trusted, so no password is asked for.
    ///
    /// # Errors
    /// [`Refused`] when there is no user of this name, or it may not connect in the process.
    pub fn client_as(&self, user: impl AsRef<str>) -> Result<Client, Refused> {
        let users = self.inner.users.lock().clone().ok_or(Refused::Credentials)?;
        self.client_with(&users.identity(user.as_ref())?)
    }

    /// A client in this process with an identity that the program made up. It is closed when the identity ends.
    ///
    /// # Errors
    /// [`Refused`] when there is no such account, or the identity has ended.
    pub fn client_with(&self, identity: &Identity) -> Result<Client, Refused> {
        let shell = &self.inner.shell;
        let local = LocalClient::connect_as(&shell.engine, identity)?;
        if let Some(end) = identity.end() {
            let left = end.duration_since(shell.engine.clock().wall()).unwrap_or_default();
            shell.tasks.spawn_until_stop(close_later(Arc::clone(&shell.timer), left, Arc::downgrade(&local)));
        }
        Ok(self.adopt(local))
    }

    fn adopt(&self, local: Arc<LocalClient>) -> Client {
        let mut clients = self.inner.clients.lock();
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(&local));
        drop(clients);
        if self.inner.shell.engine.is_stopping() {
            local.close();
        }
        Client::new(local)
    }

    /// Connects an in-memory pipe; the returned end speaks the NATS protocol as a client would over TCP.
    pub fn duplex(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(DUPLEX_BYTES);
        self.serve(server);
        client
    }

    /// Serves a client over any byte stream, such as a TLS session or a pipe.
    pub fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let owner = Arc::new(Owner::default());
        let (wire, transport) = StreamWire::new(stream, Arc::clone(&owner));
        let peer = Peer { kind: ConnectionKind::Stream, host: "pipe".to_owned(), port: 0 };
        self.inner.shell.serve(wire, transport, owner, peer);
    }

    #[cfg(feature = "axum")]
    pub(crate) fn shell(&self) -> &Arc<Shell> {
        &self.inner.shell
    }

    /// What the broker says of itself.
    pub fn server_info(&self) -> ServerInfo {
        self.inner.shell.engine.info()
    }

    /// Waits until somebody subscribes to a filter that matches `subject`, and says whether that came: `false` when the
    /// broker stops before, and at once for a subject that no filter matches, such as `a..b`. Cancel-safe.
    pub async fn wait_for_interest(&self, subject: impl AsRef<str>) -> bool {
        let subject = subject.as_ref().as_bytes();
        if !is_valid_filter(subject) {
            return false;
        }
        let router = self.inner.shell.engine.global_account();
        let stop = self.inner.shell.tasks.stop_signal();
        stop.run_until_cancelled(poll_fn(|cx| router.poll_interest(subject, cx))).await.is_some()
    }

    /// Tells everything to end; waits for nothing.
    #[cfg(feature = "test-util")]
    pub(crate) fn stop(&self) {
        self.inner.stop();
    }

    /// Tells everything to end, and cuts all connections without sending what waits for them.
    #[cfg(feature = "test-util")]
    pub(crate) fn kill(&self) {
        self.inner.shell.engine.close_all();
        self.inner.stop();
    }

    /// Waits until streams have done what was due by now on the broker's clock, or until the broker stops.
    #[cfg(feature = "test-util")]
    pub(crate) async fn settled(&self) {
        let (engine, stop) = (&self.inner.shell.engine, self.inner.shell.tasks.stop_signal());
        let now = engine.timestamp();
        stop.run_until_cancelled(poll_fn(|cx| engine.deadlines().poll_settled(now, cx))).await;
    }

    /// Waits until streams have done what they do by themselves behind what was asked for.
    #[cfg(feature = "test-util")]
    pub(crate) async fn idle(&self) {
        let shell = &self.inner.shell;
        if let Some(jetstream) = shell.engine.jetstream().cloned() {
            shell.tasks.run_blocking(move || jetstream.wait_until_idle()).await;
        }
    }

    /// Ends a client, wire or in-process; says whether there was one.
    #[cfg(feature = "test-util")]
    pub(crate) fn cut(&self, id: ClientId) -> bool {
        let local = self
            .inner
            .clients
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .find(|client| client.id() == id && !client.is_closed());
        match local {
            Some(client) => {
                client.close();
                true
            }
            None => self.inner.shell.engine.kick(id, embus_engine::CloseReason::ReadError),
        }
    }

    /// Keeps a client from reading.
    #[cfg(feature = "test-util")]
    pub(crate) fn hold(&self, id: ClientId) -> Option<embus_engine::hold::Hold> {
        self.inner.shell.engine.hold(id)
    }

    /// The broker's counters now.
    pub fn statistics(&self) -> Statistics {
        self.inner.shell.engine.statistics()
    }

    /// All that the broker counts and measures, now. It goes through all connections, accounts and streams, and is meant to
    /// be asked for now and then, by whatever collects such numbers.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::Broker::builder().start().await?;
    /// broker.client().publish("hello", "world".into()).await?;
    /// let metrics = broker.metrics();
    /// assert_eq!((metrics.in_process_clients, metrics.traffic.in_msgs, metrics.traffic.in_bytes), (0, 1, 5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn metrics(&self) -> Metrics {
        Metrics::of(&self.inner.shell.engine)
    }

    /// All open connections and in-process clients, the oldest first.
    pub fn connections(&self) -> Vec<ConnectionSnapshot> {
        self.inner.shell.engine.connections()
    }

    /// The connections that closed last, the oldest first; at most 1000.
    pub fn closed_connections(&self) -> Vec<ConnectionSnapshot> {
        self.inner.shell.engine.closed_connections()
    }

    /// All subscriptions.
    pub fn subscriptions(&self) -> Vec<SubscriptionSnapshot> {
        self.inner.shell.engine.subscriptions()
    }

    /// Stops the broker: no new clients, what waits is sent, then all connections close. Takes at most `deadline`;
    /// when it returns, every port is free. May be called again and from several places. Cancel-safe: the broker stops
    /// all the same.
    pub async fn shutdown(&self, deadline: Duration) {
        self.inner.stop();
        // Real time, whatever the clock: it bounds what sockets and disks take.
        if tokio::time::timeout(deadline, self.inner.shell.tasks.wait()).await.is_err() {
            self.inner.shell.engine.close_all();
            self.inner.shell.tasks.wait().await;
        }
    }

    /// Waits until the broker has stopped, by whatever way. Cancel-safe.
    pub async fn stopped(&self) {
        self.inner.shell.tasks.stop_signal().cancelled().await;
        self.inner.shell.tasks.wait().await;
    }

    /// Tells all clients to go elsewhere, closes them one by one, then stops. [nats-server: lame duck mode]
    ///
    /// Waits for the grace period that [`Builder::lame_duck`] set, then closes the clients over what is left of the
    /// duration, a second apart at most; without wire clients it stops at once. Dropping the future leaves the clients
    /// told and unclosed.
    pub async fn lame_duck(&self) {
        let shell = &self.inner.shell;
        shell.accepting.cancel();
        shell.engine.enter_lame_duck();
        if !shell.engine.wire_clients().is_empty() {
            // A shutdown from elsewhere ends the waiting.
            shell.tasks.stop_signal().run_until_cancelled(self.close_clients_one_by_one()).await;
        }
        self.shutdown(LAME_DUCK_LAST_STEP).await;
    }

    async fn close_clients_one_by_one(&self) {
        let shell = &self.inner.shell;
        let LameDuck { duration, grace } = *self.inner.lame_duck.lock();
        shell.timer.sleep(grace).await;
        let ids = shell.engine.wire_clients();
        let span = duration.saturating_sub(grace);
        let pause = span / u32::try_from(ids.len().max(1)).unwrap_or(u32::MAX);
        for id in ids {
            shell.engine.kick(id, embus_engine::CloseReason::ServerShutdown);
            shell.timer.sleep(pause.min(LAME_DUCK_LONGEST_PAUSE)).await;
        }
    }
}

/// Ends a client whose time is over.
async fn close_later(timer: Arc<Timer>, left: Duration, client: Weak<LocalClient>) {
    timer.sleep(left).await;
    if let Some(client) = client.upgrade() {
        client.close();
    }
}

impl Inner {
    /// Tells everything to end; waits for nothing.
    fn stop(&self) {
        if self.stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        // Before the connections end: who waits for messages is told.
        for jetstream in self.shell.engine.jetstreams() {
            jetstream.end_consumers();
        }
        self.shell.engine.stop();
        store::stop(&self.shell);
        self.shell.tasks.stop();
        for client in self.clients.lock().drain(..) {
            if let Some(client) = client.upgrade() {
                client.close();
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}
