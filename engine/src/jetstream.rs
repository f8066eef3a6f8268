//! The streams of an account: made, changed, removed, found by name, and read back at the start. [reference §3]
//!
//! Everything that changes which streams there are, or how they are configured, happens under one lock, the disk work
//! included: of two that want the same name or the same subjects, one wins. It runs on threads that may block. Looking a
//! stream up never waits for it.
//!
//! What is answered is on the disk: a stream that was created is there after a power cut, one that was deleted is not.

mod blocks;
mod changes;
mod consumer;
mod counters;
mod create;
mod delete;
mod ensure;
mod idle;
mod limits;
mod opener;
mod recover;
mod registry;
mod shared;
mod spread;
mod sweeper;
mod update;
mod usage;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Weak;

use embus_protocol::filter_tree::OutOfSteps;
use embus_storage::error::StorageError;
use embus_storage::medium::Medium;
use embus_storage::medium::memory::Memory;
use parking_lot::{Mutex, MutexGuard};

use crate::api::error::ApiError;
use crate::consumer::Closing;
use crate::engine::{Engine, GLOBAL_ACCOUNT};
use crate::jetstream::changes::{Changes, Place};
use crate::jetstream::limits::{Reserved, Room};
use crate::jetstream::recover::Found;
use crate::jetstream::registry::Registry;
use crate::jetstream::shared::Opened;
use crate::jetstream::sweeper::Sweeper;
use crate::jobs::{Executor, Jobs};
use crate::router::Router;
use crate::stream::config::subjects::TOO_MUCH;
use crate::stream::config::{StorageType, StreamConfig, StreamLimits, republish_cycle};
use crate::stream::{Stream, SyncPolicy};
use crate::sync::Arc;

pub use counters::ApiCounters;
pub use create::Created;
pub use ensure::{EnsureError, Ensured};
pub use limits::AccountLimits;
pub use recover::Unreadable;
pub use shared::JetStreamFacts;
pub(crate) use shared::Shared;
pub use usage::{ServerUsage, Usage};

/// What the streams of a broker are kept on and with.
#[derive(Debug)]
pub struct JetStreamOptions {
    /// The disk.
    pub medium: Arc<dyn Medium>,
    /// Where on it; without a directory, file streams live in memory too and end with the process.
    pub dir: Option<PathBuf>,
    /// When an acknowledged message is on the disk.
    pub sync: SyncPolicy,
    /// The name of the broker's domain, part of acknowledgements and of the API's subjects.
    pub domain: Option<String>,
    /// Bytes that all streams in memory may hold. Default: 75 % of `machine_memory`, or 256 MiB when that is not known.
    pub max_memory: Option<u64>,
    /// Bytes that all file streams may hold. Default: 75 % of what is free for them and what they have, now
    /// and not only at the start; without a directory, as `max_memory`.
    pub max_store: Option<u64>,
    /// Bytes of memory of the machine, if known.
    pub machine_memory: Option<u64>,
    /// The accounts that have streams, with what each may use; the global one by default.
    pub accounts: BTreeMap<String, AccountLimits>,
    /// Whether streams of these accounts that are found at the start are removed.
    pub clear: bool,
    /// Threads that may block.
    pub executor: Arc<dyn Executor>,
}

impl JetStreamOptions {
    /// Streams in memory only, without limits but those of the machine.
    pub fn in_memory(executor: Arc<dyn Executor>) -> Self {
        Self {
            medium: Arc::new(Memory::new()),
            dir: None,
            sync: SyncPolicy::default(),
            domain: None,
            max_memory: None,
            max_store: None,
            machine_memory: None,
            accounts: BTreeMap::from([(GLOBAL_ACCOUNT.to_owned(), AccountLimits::default())]),
            clear: false,
            executor,
        }
    }
}

/// The streams of one account.
#[derive(Debug)]
pub struct JetStream {
    engine: Weak<Engine>,
    account: String,
    router: Weak<Router>,
    shared: Arc<Shared>,
    limits: AccountLimits,
    memory: Arc<Usage>,
    store: Arc<Usage>,
    registry: Registry,
    changes: Mutex<Changes>,
    quarantined: Vec<Unreadable>,
    api: ApiCounters,
    sweeper: Arc<Sweeper>,
    serial: Arc<Jobs>,
}

/// What an account uses and may use. [reference §10: `$JS.API.INFO`]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountInfo {
    /// Bytes of all streams in memory.
    pub memory: u64,
    /// Bytes of all file streams.
    pub storage: u64,
    /// What streams in memory keep for themselves by their `max_bytes`.
    pub reserved_memory: u64,
    /// What file streams keep for themselves by their `max_bytes`.
    pub reserved_storage: u64,
    /// How many streams.
    pub streams: usize,
    /// How many consumers, of all streams.
    pub consumers: usize,
    /// What the account may use.
    pub limits: AccountLimits,
    /// The name of the broker's domain.
    pub domain: Option<String>,
    /// Requests to the API so far, those that failed among them.
    pub api_total: u64,
    /// Requests that failed.
    pub api_errors: u64,
    /// Requests that are not answered yet.
    pub api_inflight: u64,
}

/// [reference §3.2]
const CYCLE: &str = "stream configuration for republish destination forms a cycle";

/// The streams of an account, and its subjects.
type OfAccount = (Arc<Router>, Arc<JetStream>);

/// What the log says of streams that nobody has.
const UNSERVED: &str = "streams on the disk are not served, and their files left as they are: the account does not exist, or has no JetStream";

impl JetStream {
    /// Reads back the streams of the directory for all accounts that have some; they are served when this returns. Blocks.
    /// [`Engine::start_jetstream`] is what calls it, once all accounts are there.
    ///
    /// # Errors
    /// The directory is in use by another process, was written by a newer version, or cannot be read or written at all.
    /// A stream that cannot be read is no error: see [`unreadable`](Self::unreadable).
    pub(crate) fn open(
        engine: &Arc<Engine>,
        options: JetStreamOptions,
    ) -> Result<(Arc<Shared>, Vec<OfAccount>), StorageError> {
        let (shared, opened) = shared::open(options, engine.timestamp())?;
        let made = opened.into_iter().map(|opened| {
            let router = engine.add_account(&opened.account);
            let jetstream = Arc::new(Self::new(engine, &router, Arc::clone(&shared), opened));
            (router, jetstream)
        });
        let made: Vec<_> = made.collect();
        blocks::let_grow_old(engine, shared.opener.file.block_cache());
        for stream in made.iter().flat_map(|(_, jetstream)| jetstream.list(None)) {
            stream.start();
        }
        Ok((shared, made))
    }

    fn new(engine: &Arc<Engine>, router: &Arc<Router>, shared: Arc<Shared>, opened: Opened) -> Self {
        let Opened { account, limits, store, recovered } = opened;
        let usage = |limit: Option<u64>, server: &Arc<ServerUsage>| {
            Arc::new(Usage::within(limit.unwrap_or(u64::MAX), Arc::clone(server)))
        };
        let jetstream = Self {
            engine: Arc::downgrade(engine),
            account,
            router: Arc::downgrade(router),
            limits,
            memory: usage(limits.max_memory, &shared.memory),
            store: usage(limits.max_storage, &shared.store),
            registry: Registry::default(),
            changes: Mutex::new(Changes { store, ..Changes::default() }),
            quarantined: recovered.quarantined,
            api: ApiCounters::default(),
            sweeper: Arc::default(),
            serial: Jobs::new(Arc::clone(&shared.executor), 1),
            shared,
        };
        let mut changes = jetstream.changes.lock();
        changes.superseded = recovered.superseded;
        changes.offline = recovered.offline.into_iter().map(|offline| (offline.name.clone(), offline)).collect();
        for Found { dir, core, consumers } in recovered.found {
            let usage = jetstream.usage(core.config().storage);
            let stream = jetstream.shared.opener.stream(engine, router, *core, dir.path(), usage);
            stream.recover_consumers(router, consumers);
            changes.places.insert(Arc::clone(stream.shared_name()), Place::Directory(dir));
            jetstream.registry.insert(stream);
        }
        drop(changes);
        jetstream
    }

    /// The name of the account.
    pub fn account_name(&self) -> &str {
        &self.account
    }

    /// The stream of that name.
    pub fn get(&self, name: &str) -> Option<Arc<Stream>> {
        self.registry.get(name)
    }

    /// All streams by name; with a filter, those of which some subject collides with it.
    pub fn list(&self, filter: Option<&str>) -> Vec<Arc<Stream>> {
        self.registry.list(filter)
    }

    /// The names of the streams that [`list`](Self::list) finds.
    pub fn names(&self, filter: Option<&str>) -> Vec<String> {
        self.registry.list(filter).iter().map(|stream| stream.name().to_owned()).collect()
    }

    /// What the account uses and may use.
    pub fn account(&self) -> AccountInfo {
        let reserved = self.registry.reserved();
        AccountInfo {
            memory: self.memory.used(),
            storage: self.store.used(),
            reserved_memory: reserved.bytes(StorageType::Memory),
            reserved_storage: reserved.bytes(StorageType::File),
            streams: reserved.streams,
            consumers: self.registry.list(None).iter().map(|stream| stream.all_consumers_count()).sum(),
            limits: self.limits,
            domain: self.shared.opener.domain.clone(),
            api_total: self.api.total(),
            api_errors: self.api.errors(),
            api_inflight: self.api.inflight(),
        }
    }

    /// Bytes that streams of one storage type hold, and may hold.
    pub fn usage(&self, storage: StorageType) -> &Arc<Usage> {
        match storage {
            StorageType::Memory => &self.memory,
            StorageType::File => &self.store,
        }
    }

    /// What is on the disk and not served: damage that needs a person.
    pub fn unreadable(&self) -> Vec<Unreadable> {
        let changes = self.changes.lock();
        let offline = changes.offline.values().map(|offline| offline.unreadable.clone());
        self.quarantined.iter().cloned().chain(offline).collect()
    }

    /// Counts of requests.
    pub fn api_counters(&self) -> &ApiCounters {
        &self.api
    }

    /// The name of the broker's domain.
    pub fn domain(&self) -> Option<&str> {
        self.shared.opener.domain.as_deref()
    }

    /// The broker, while there is one.
    pub(crate) fn engine(&self) -> Option<Arc<Engine>> {
        self.engine.upgrade()
    }

    /// The subjects of the account, while there is a broker.
    pub(crate) fn router(&self) -> Option<Arc<Router>> {
        self.router.upgrade()
    }

    /// What it shares with the streams of other accounts.
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Requests of the API, and whatever else changes streams or walks through one: one at a time.
    pub fn serial(&self) -> &Arc<Jobs> {
        &self.serial
    }

    /// Tells those who wait for messages of consumers that the broker ends; nothing is delivered any more. Does not block.
    pub fn end_consumers(&self) {
        for stream in self.registry.list(None) {
            stream.close_consumers(Closing::Shutdown);
        }
    }

    /// Ends in good order: all streams take no more messages, what waits is committed and synced, and the next start finds
    /// where each one ends. The directory is free when this returns. Blocks until the disk is done; a second call finds
    /// nothing to do.
    pub fn close(&self) {
        let mut changes = self.changes.lock();
        if std::mem::replace(&mut changes.is_closed, true) {
            return;
        }
        let close = |stream: Arc<Stream>| {
            if let Err(error) = stream.close() {
                tracing::warn!(stream = stream.name(), %error, "a stream could not be closed in good order");
            }
        };
        spread::map(&*self.shared.executor, self.registry.list(None), close);
        self.settle(&mut changes);
        self.sweeper.close();
        changes.places.clear();
        changes.offline.clear();
        changes.superseded.clear();
        changes.store = None;
    }

    /// The right to change which streams there are.
    ///
    /// # Errors
    /// 10076 once the broker stops.
    fn change(&self) -> Result<(MutexGuard<'_, Changes>, Arc<Engine>), ApiError> {
        let mut changes = self.changes.lock();
        match self.engine() {
            Some(engine) if !changes.is_closed => {
                self.settle(&mut changes);
                Ok((changes, engine))
            }
            _ => Err(ApiError::not_enabled()),
        }
    }

    /// What the checks of a configuration need to know of the account.
    fn stream_limits(&self) -> StreamLimits {
        let number = |limit: Option<usize>| limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        StreamLimits {
            max_consumers: number(self.limits.max_consumers),
            max_ack_pending: number(self.limits.max_ack_pending),
            ..StreamLimits::default()
        }
    }

    /// Whether a stream gets along with the others: no subject of two, no message that goes round between them. Whoever
    /// asks has the right to change streams.
    ///
    /// # Errors
    /// 10065 and 10052.
    fn check_others(&self, config: &StreamConfig) -> Result<(), ApiError> {
        match self.registry.has_overlap(config) {
            Ok(false) => {}
            Ok(true) => return Err(ApiError::stream_subject_overlap()),
            Err(OutOfSteps) => return Err(ApiError::stream_invalid_config(TOO_MUCH)),
        }
        // Differs from nats-server, which looks at each stream alone and lets two of them feed each other.
        if config.republish.is_some() {
            let others = self.registry.configs_beside(&config.name);
            let all: Vec<&StreamConfig> = others.iter().map(|other| &**other).chain([config]).collect();
            if republish_cycle(&all) {
                return Err(ApiError::stream_invalid_config(CYCLE));
            }
        }
        Ok(())
    }

    /// What there is to use; whoever makes a stream of it holds the admission meanwhile.
    fn room(&self, engine: &Engine) -> Room<'_> {
        self.store.refresh();
        let accounts = engine.account_list();
        let others =
            accounts.iter().filter_map(|router| router.jetstream()).filter(|other| other.account != self.account);
        let mut elsewhere = Reserved::default();
        others.for_each(|other| elsewhere += other.registry.reserved());
        Room { limits: &self.limits, memory: &self.memory, store: &self.store, elsewhere }
    }
}
