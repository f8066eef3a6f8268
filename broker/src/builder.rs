//! How a broker is configured and started.

#[cfg(feature = "listen")]
pub(crate) mod listeners;
mod operators;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use embus_engine::stream::SyncPolicy;
use embus_engine::{Clock, Engine, Limits};
use embus_protocol::info::ServerInfo;
use embus_protocol::limits::{LAME_DUCK_DURATION, LAME_DUCK_GRACE};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::auth::{Account, AuthSettings, Authenticator, Credential, User};
use crate::broker::{Broker, LameDuck};
use crate::clock::SystemClock;
use crate::error::StartError;
use crate::jetstream::kv;
use crate::jetstream::stream::Config;
use crate::shell::Shell;
use crate::store::StoreSettings;

/// The nats-server version that clients gate their features on.
pub const NATS_VERSION: &str = "2.15.1";

/// Settings of a broker; each has a default, and nothing listens unless asked to.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = embus::Broker::builder().server_name("meter").listen("127.0.0.1:0").start().await?;
/// println!("{}", broker.client_url().unwrap_or_default());
/// broker.shutdown(std::time::Duration::from_secs(5)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    server_name: Option<String>,
    #[cfg(feature = "listen")]
    pub(crate) listen: Vec<listeners::Address>,
    #[cfg(feature = "listen")]
    pub(crate) links: Box<listeners::Links>,
    #[cfg(feature = "websocket")]
    pub(crate) websockets: Vec<(String, crate::websocket::WebSocketConfig)>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Box<crate::tls::TlsConfig>>,
    #[cfg(all(feature = "listen", unix))]
    pub(crate) listen_unix: Vec<PathBuf>,
    #[cfg(feature = "monitor")]
    pub(crate) monitor: Option<Box<listeners::Address>>,
    pub(crate) store: StoreSettings,
    pub(crate) auth: AuthSettings,
    limits: Limits,
    lame_duck: LameDuck,
    cancellation: Option<CancellationToken>,
    clock: Option<Arc<dyn Clock>>,
    seed: Option<u64>,
    /// Instead of a new key.
    #[cfg(feature = "test-util")]
    pub(crate) server_id: Option<String>,
    #[cfg(feature = "test-util")]
    pub(crate) tap: Option<Arc<dyn embus_engine::tap::Tap>>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            server_name: None,
            #[cfg(feature = "listen")]
            listen: Vec::new(),
            #[cfg(feature = "listen")]
            links: Box::default(),
            #[cfg(feature = "websocket")]
            websockets: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(all(feature = "listen", unix))]
            listen_unix: Vec::new(),
            #[cfg(feature = "monitor")]
            monitor: None,
            store: StoreSettings::default(),
            auth: AuthSettings::default(),
            limits: Limits::default(),
            lame_duck: LameDuck { duration: LAME_DUCK_DURATION, grace: LAME_DUCK_GRACE },
            cancellation: None,
            clock: None,
            seed: None,
            #[cfg(feature = "test-util")]
            server_id: None,
            #[cfg(feature = "test-util")]
            tap: None,
        }
    }
}

impl Builder {
    /// Name that clients see in `server_info`; by default the server id.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Bytes of headers and payload that one message may have; 1 MiB by default, 64 MiB at most.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.limits.max_payload = bytes;
        self
    }

    /// Bytes that a control line's arguments may have; 4096 by default.
    pub fn max_control_line(mut self, bytes: usize) -> Self {
        self.limits.max_control_line = bytes;
        self
    }

    /// Connections at once, in-process clients not counted; 65,536 by default, and 0 refuses all.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.max_connections = connections;
        self
    }

    /// Subscriptions of one client; 0, the default, means no bound.
    pub fn max_subscriptions(mut self, subscriptions: usize) -> Self {
        self.limits.max_subscriptions = subscriptions;
        self
    }

    /// Bytes that may wait for one client before it is cut as a slow consumer; 64 MiB by default.
    pub fn max_pending(mut self, bytes: usize) -> Self {
        self.limits.max_pending = bytes;
        self
    }

    /// Bytes that may wait for all clients together before the slowest is cut, again as many of messages that are half
    /// received, and again as many that wait for disks in all streams; 256 MiB by default, and more than `max_payload`
    /// at least.
    pub fn max_buffered(mut self, bytes: usize) -> Self {
        self.limits.max_buffered = bytes;
        self
    }

    /// Time between pings of an idle client; 2 minutes by default.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.limits.ping_interval = interval;
        self
    }

    /// Pings that may stay unanswered before a client is cut; 2 by default.
    pub fn ping_max(mut self, pings: u32) -> Self {
        self.limits.ping_max = pings;
        self
    }

    /// How long a client may take nothing at all while bytes wait for it; 10 seconds by default.
    pub fn write_deadline(mut self, deadline: Duration) -> Self {
        self.limits.write_deadline = deadline;
        self
    }

    /// Keeps file streams in this directory; it is made if it is missing. Without one, everything is kept in memory.
    ///
    /// A directory belongs to one broker at a time.
    pub fn store_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.store.dir = Some(path.into());
        self
    }

    /// Starts with an empty store: all streams in the directory are removed.
    pub fn clear_store_on_start(mut self) -> Self {
        self.store.clear = true;
        self
    }

    /// Adds a user: clients over the network have to log in from then on, as one of the users. See [`auth`](crate::auth).
    pub fn user(mut self, user: User) -> Self {
        self.auth.users.push(user);
        self
    }

    /// Lets clients in that know this token, which may be given as a bcrypt hash.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::Broker::builder().listen("127.0.0.1:0").token("s3cret").start().await?;
    /// assert!(broker.server_info().auth_required);
    /// # Ok(())
    /// # }
    /// ```
    pub fn token(self, token: impl Into<String>) -> Self {
        self.user(User::new(Credential::token(token.into())))
    }

    /// Lets clients without credentials in as the user of this name.
    pub fn no_auth_user(mut self, name: impl Into<String>) -> Self {
        self.auth.no_auth_user = Some(name.into());
        self
    }

    /// Lets clients without credentials into the global account, with all rights, although there are users: those of the
    /// system account, for example.
    pub fn allow_anonymous(mut self) -> Self {
        self.auth.allow_anonymous = true;
        self
    }

    /// Asks `authenticator` who a client is, in place of a list of users.
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.auth.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// Declares an account: its users have subjects of their own, apart from those of other accounts, and streams of their
    /// own if the account has [any](Account::jetstream). `$G` and `$SYS` are always there; what is declared for `$G` holds
    /// for clients that are in no other account.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::auth::{Account, Credential, JetStreamLimits, User};
    /// use embus::jetstream;
    ///
    /// let broker = embus::Broker::builder()
    ///     .account(Account::new("ORDERS").jetstream(JetStreamLimits::default()))
    ///     .user(User::new(Credential::password("shop", "s3cret")).in_account("ORDERS"))
    ///     .start()
    ///     .await?;
    /// jetstream::new(broker.client_as("shop")?).create_stream("PAID").await?;
    /// assert!(jetstream::new(broker.client()).get_stream("PAID").await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn account(mut self, account: impl Into<Account>) -> Self {
        self.auth.accounts.push(account.into());
        self
    }

    /// Has this account, which has to be declared, be the one of the broker itself in place of `$SYS`: its users hear of
    /// clients that come and go, and ask the server for its numbers (feature `monitor`).
    pub fn system_account(mut self, name: impl Into<String>) -> Self {
        self.auth.system_account = Some(name.into());
        self
    }

    /// How long a client may take for its login; 2 seconds by default.
    pub fn login_timeout(mut self, timeout: Duration) -> Self {
        self.auth.timeout = Some(timeout);
        self
    }

    /// Declares a stream: it is there as `config` says when the broker has started, made or changed if need be. Call it
    /// once for each: a broker does not start with two of one name that differ.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{self, stream};
    ///
    /// let config = stream::Config { name: "LOG".into(), subjects: vec!["log.>".into()], ..Default::default() };
    /// let broker = embus::Broker::builder().stream(config).start().await?;
    /// let ack = jetstream::new(broker.client()).publish("log.start", "now".into()).await?.await?;
    /// assert_eq!(ack.stream, "LOG");
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(mut self, config: impl Into<Config>) -> Self {
        self.store.streams.push(config.into());
        self
    }

    /// Declares a bucket: it is there as `config` says when the broker has started, made or changed if need be. Call it once
    /// for each: a broker does not start with two of one name that differ.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{self, kv};
    ///
    /// let config = kv::Config { bucket: "users".into(), ..Default::default() };
    /// let broker = embus::Broker::builder().bucket(config).start().await?;
    /// let users = jetstream::new(broker.client()).get_key_value("users").await?;
    /// assert_eq!(users.put("7", "Ada".into()).await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bucket(mut self, config: kv::Config) -> Self {
        self.store.buckets.push(config);
        self
    }

    /// When an acknowledged message is on the disk; by default before it is acknowledged. An interval must not be zero.
    pub fn sync(mut self, policy: SyncPolicy) -> Self {
        self.store.sync = policy;
        self
    }

    /// Whether the broker has streams at all; it has by default.
    pub fn jetstream(mut self, on: bool) -> Self {
        self.store.off = !on;
        self
    }

    /// Whether clients that are in no account of their own have streams; they have by default.
    pub fn jetstream_in_global_account(mut self, on: bool) -> Self {
        self.store.not_global = !on;
        self
    }

    /// The `JetStream` domain, one token of a subject: requests on `$JS.<domain>.API.` are answered as well.
    pub fn jetstream_domain(mut self, domain: impl Into<String>) -> Self {
        self.store.domain = Some(domain.into());
        self
    }

    /// Bytes that all memory streams together may hold; 75 % of the machine's memory by default.
    pub fn max_memory_store(mut self, bytes: u64) -> Self {
        self.store.max_memory = Some(bytes);
        self
    }

    /// Bytes that all file streams together may hold; by default 75 % of what they have and what is free on the disk,
    /// looked at anew while the broker runs.
    pub fn max_file_store(mut self, bytes: u64) -> Self {
        self.store.max_file = Some(bytes);
        self
    }

    /// How many streams there may be in the global account; no bound by default. This and the limits below are those of
    /// the global account, unless it was [declared](Self::account) with others.
    pub fn max_streams(mut self, streams: usize) -> Self {
        self.store.limits.max_streams = Some(streams);
        self
    }

    /// How many consumers one stream may have; no bound by default.
    pub fn max_consumers(mut self, consumers: usize) -> Self {
        self.store.limits.max_consumers = Some(consumers);
        self
    }

    /// Messages that one consumer may have delivered and not seen acknowledged; no bound by default.
    pub fn max_ack_pending(mut self, messages: usize) -> Self {
        self.store.limits.max_ack_pending = Some(messages);
        self
    }

    /// Bytes that the account may have in memory streams, what they reserve with `max_bytes` included; no bound by
    /// default but [`max_memory_store`](Self::max_memory_store).
    pub fn max_account_memory(mut self, bytes: u64) -> Self {
        self.store.limits.max_memory = Some(bytes);
        self
    }

    /// Bytes that the account may have in file streams, what they reserve with `max_bytes` included; no bound by
    /// default but [`max_file_store`](Self::max_file_store).
    pub fn max_account_storage(mut self, bytes: u64) -> Self {
        self.store.limits.max_storage = Some(bytes);
        self
    }

    /// What `max_bytes` of one memory stream may be at most; no bound by default.
    pub fn max_memory_stream_bytes(mut self, bytes: u64) -> Self {
        self.store.limits.memory_max_stream_bytes = Some(bytes);
        self
    }

    /// What `max_bytes` of one file stream may be at most; no bound by default.
    pub fn max_file_stream_bytes(mut self, bytes: u64) -> Self {
        self.store.limits.storage_max_stream_bytes = Some(bytes);
        self
    }

    /// Whether every stream must say with `max_bytes` how much it may hold; it need not by default.
    pub fn max_bytes_required(mut self, required: bool) -> Self {
        self.store.limits.max_bytes_required = required;
        self
    }

    /// How long [`Broker::lame_duck`] takes to close all clients, and how long it waits before the first.
    pub fn lame_duck(mut self, duration: Duration, grace: Duration) -> Self {
        self.lame_duck = LameDuck { duration, grace };
        self
    }

    /// Stops the broker when `token` is cancelled.
    pub fn cancellation_token(mut self, token: CancellationToken) -> Self {
        self.cancellation = Some(token);
        self
    }

    /// Takes all time that decides something from `clock`, for tests: a [`ManualClock`](crate::clock::ManualClock) also
    /// wakes the broker when it is advanced. A clock that only tells the time is paired with tokio's paused time: then
    /// tokio's timer wakes the broker.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Seeds all randomness of the broker, for tests: the choice of queue group members and the spread of pings.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts the broker. When this returns, it is ready: every listener accepts.
    ///
    /// # Errors
    /// [`StartError`] when an address is bad or taken, or a setting is out of range; nothing runs then.
    pub async fn start(mut self) -> Result<Broker, StartError> {
        self.check()?;
        #[cfg(feature = "tls")]
        self.leave_time_for_handshakes();
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock::new()));
        self.auth.adopt_operators(clock.wall(), !self.store.off)?;
        let key = nkeys::KeyPair::new_server();
        let server_id = key.public_key();
        let info = ServerInfo { xkey: self.auth.prepare_callout(key)?, ..self.info(server_id) };
        let engine = Engine::new(self.limits.clone(), info, clock, self.seed_or_random());
        #[cfg(feature = "test-util")]
        if let Some(tap) = &self.tap {
            engine.global_account().set_tap(Arc::clone(tap));
        }
        let shell = Arc::new(Shell::new(engine, Handle::try_current()?));
        Broker::start(shell, self.lame_duck, self.cancellation.clone(), &self).await
    }

    fn check(&self) -> Result<(), StartError> {
        let refuse = |text: &str| Err(StartError::Config(text.to_owned()));
        if self.limits.max_payload > self.limits.max_pending {
            return refuse("max_payload must not exceed max_pending");
        }
        if self.limits.max_payload > MAX_MAX_PAYLOAD_BYTES {
            return refuse("max_payload must not exceed 64 MiB");
        }
        if self.limits.max_control_line == 0 || self.limits.max_control_line > MAX_MAX_CONTROL_LINE_BYTES {
            return refuse("max_control_line must be between 1 and 32768");
        }
        if self.limits.max_payload.saturating_add(CRLF_BYTES) > self.limits.max_buffered {
            return refuse("max_buffered must be more than max_payload");
        }
        if self.limits.ping_interval.is_zero() || self.limits.write_deadline.is_zero() {
            return refuse("ping_interval and write_deadline must not be zero");
        }
        if self.limits.ping_max == 0 {
            return refuse("ping_max must not be zero: no client could ever answer");
        }
        if self.server_name.as_ref().is_some_and(|name| name.contains(|c: char| c.is_whitespace() || c.is_control())) {
            return refuse("server_name must not contain white space");
        }
        if self.lame_duck.grace >= self.lame_duck.duration {
            return refuse("the lame duck grace period must be shorter than its duration");
        }
        Ok(())
    }

    /// What it says of itself; the id is the key of a server that nobody else has the other half of.
    fn info(&self, server_id: String) -> ServerInfo {
        #[cfg(feature = "test-util")]
        let server_id = self.server_id.clone().unwrap_or(server_id);
        let server_name = self.server_name.clone().unwrap_or_else(|| server_id.clone());
        let version = NATS_VERSION.to_owned();
        // The one informational field that every client keeps and none interprets.
        let go = format!("embus {}", env!("CARGO_PKG_VERSION"));
        #[cfg(feature = "listen")]
        let (cluster, cluster_dynamic) = self.links.cluster_name(&server_id);
        #[cfg(not(feature = "listen"))]
        let (cluster, cluster_dynamic) = (None, false);
        ServerInfo { server_id, server_name, version, go, cluster, cluster_dynamic, ..ServerInfo::default() }
    }

    /// What nonces come of: known to nobody, unless a test seeds it.
    pub(crate) fn secret_seed(&self) -> [u8; 32] {
        use rand::{Rng, SeedableRng};
        match self.seed {
            Some(seed) => rand::rngs::StdRng::seed_from_u64(seed).random(),
            None => rand::rngs::StdRng::from_os_rng().random(),
        }
    }

    fn seed_or_random(&self) -> u64 {
        self.seed.unwrap_or_else(|| fastrand::u64(..))
    }
}

/// What follows a payload on the wire.
const CRLF_BYTES: usize = 2;

/// More than this in one message is what streams of smaller ones are for. [nats-server: `max_payload`]
const MAX_MAX_PAYLOAD_BYTES: usize = 64 * 1024 * 1024;

/// A control line must fit the read buffer with room to spare.
const MAX_MAX_CONTROL_LINE_BYTES: usize = 32 * 1024;
