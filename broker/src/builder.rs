//! How a broker is configured and started.

mod identity;
mod jetstream;
mod limits;
#[cfg(feature = "listen")]
pub(crate) mod listeners;
mod operators;

#[cfg(all(feature = "listen", unix))]
use std::path::PathBuf;
use std::sync::Arc;

use embus_engine::trace::TraceOptions;
use embus_engine::{Clock, Engine, Limits};
use embus_protocol::info::ServerInfo;
use embus_protocol::limits::{LAME_DUCK_DURATION, LAME_DUCK_GRACE};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::auth::AuthSettings;
use crate::broker::{Broker, LameDuck};
use crate::clock::SystemClock;
use crate::error::StartError;
#[cfg(feature = "monitor")]
use crate::monitor::{ReloadRequest, ReloadRequests};
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
    pub(crate) server_name: Option<String>,
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
    pub(crate) limits: Limits,
    pub(crate) trace: Option<TraceOptions>,
    pub(crate) lame_duck: LameDuck,
    pub(crate) cancellation: Option<CancellationToken>,
    clock: Option<Arc<dyn Clock>>,
    seed: Option<u64>,
    /// Of the file that the settings are from.
    pub(crate) digest: String,
    #[cfg(feature = "monitor")]
    pub(crate) reload_requests: Option<ReloadRequests>,
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
            trace: None,
            lame_duck: LameDuck { duration: LAME_DUCK_DURATION, grace: LAME_DUCK_GRACE },
            cancellation: None,
            clock: None,
            seed: None,
            digest: String::new(),
            #[cfg(feature = "monitor")]
            reload_requests: None,
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

    /// The digest of the file that the settings are from, for `/varz` to show.
    pub fn config_digest(mut self, digest: impl Into<String>) -> Self {
        self.digest = digest.into();
        self
    }

    /// Hands requests to read the configuration anew, `$SYS.REQ.SERVER.<id>.RELOAD`, to `take`, which must not block: where
    /// the configuration comes from is the program's to know. Without it there is nobody to ask.
    #[cfg(feature = "monitor")]
    pub fn on_reload_request(mut self, take: impl Fn(ReloadRequest) + Send + Sync + 'static) -> Self {
        self.reload_requests = Some(ReloadRequests::new(take));
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
        engine.set_trace(self.trace);
        #[cfg(feature = "test-util")]
        if let Some(tap) = &self.tap {
            engine.global_account().set_tap(Arc::clone(tap));
        }
        let shell = Arc::new(Shell::new(engine, Handle::try_current()?));
        Broker::start(shell, Box::new(self)).await
    }

    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.server_name.as_ref().is_some_and(|name| name.contains(|c: char| c.is_whitespace() || c.is_control())) {
            return Err(StartError::Config("server_name must not contain white space".to_owned()));
        }
        self.check_limits()
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
