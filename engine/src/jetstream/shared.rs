//! What the streams of all accounts of a broker share: the disk, the limits of the machine, and the numbers of streams.

use std::collections::BTreeMap;
use std::path::PathBuf;

use embus_storage::error::StorageError;
use embus_storage::medium::Medium;
use embus_storage::medium::memory::Memory;
use embus_storage::store::Store;
use parking_lot::Mutex;

use super::limits::AccountLimits;
use super::opener::Opener;
use super::recover::{self, Recovered};
use super::usage::{Disk, ServerUsage, most_of};
use super::{JetStreamOptions, UNSERVED};
use crate::budget::Budget;
use crate::engine::GLOBAL_ACCOUNT;
use crate::jobs::Executor;
use crate::stream::SyncPolicy;
use crate::sync::Arc;

/// What there is once for all accounts.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) opener: Arc<Opener>,
    pub(super) dir: Option<PathBuf>,
    pub(super) memory: Arc<ServerUsage>,
    pub(super) store: Arc<ServerUsage>,
    /// Held by whoever makes or changes a stream from the look at what is reserved until it is reserved: accounts do not
    /// promise the same bytes twice.
    pub(super) admission: Mutex<()>,
    /// Bytes of requests that wait.
    pub(crate) waiting: Arc<Budget>,
    pub(super) executor: Arc<dyn Executor>,
}

/// What a broker keeps streams with, for people to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JetStreamFacts {
    /// Bytes that all streams in memory may hold.
    pub max_memory: u64,
    /// Bytes that all file streams may hold.
    pub max_storage: u64,
    /// The directory of file streams, if they have one.
    pub dir: Option<PathBuf>,
    /// When acknowledged messages are on the disk, if the stream does not say otherwise.
    pub sync: SyncPolicy,
    /// The name of the broker's domain.
    pub domain: Option<String>,
}

impl Shared {
    pub(crate) fn facts(&self) -> JetStreamFacts {
        JetStreamFacts {
            max_memory: self.memory.limit(),
            max_storage: self.store.limit(),
            dir: self.dir.clone(),
            sync: self.opener.policy,
            domain: self.opener.domain.clone(),
        }
    }
}

/// Bytes of requests that may wait. Differs from nats-server, which counts requests only.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Bytes for streams in memory on a machine that does not say what it has. [reference §10]
const DEFAULT_MEMORY: u64 = 256 * 1024 * 1024;

/// One account's streams as they were found.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) account: String,
    pub(super) limits: AccountLimits,
    pub(super) store: Option<Arc<Store>>,
    pub(super) recovered: Recovered,
}

/// Reads back the streams of all accounts that have some.
///
/// # Errors
/// A directory is in use, was written by a newer version, or cannot be read at all.
pub(super) fn open(options: JetStreamOptions, now: i64) -> Result<(Arc<Shared>, Vec<Opened>), StorageError> {
    let root = open_root(&options)?;
    let memory: Arc<dyn Medium> = Arc::new(Memory::new());
    let file = Arc::clone(root.as_ref().map_or(&memory, |root| root.medium()));
    let opener = Arc::new(Opener::new(file, memory, options.sync, options.domain.clone()));
    let mut all = Vec::new();
    for (account, limits) in &options.accounts {
        let store = root.as_ref().map(|root| store_of(root, account, &options)).transpose()?;
        let recovered = match &store {
            Some(store) => recover::all(store, &opener, &*options.executor, now)?,
            None => Recovered::default(),
        };
        all.push(Opened { account: account.clone(), limits: *limits, store, recovered });
    }
    let found = all.iter().flat_map(|opened| &opened.recovered.found);
    let used = found.map(|found| found.core.log().bytes()).sum();
    let max_memory = options.max_memory.unwrap_or_else(|| options.machine_memory.map_or(DEFAULT_MEMORY, most_of));
    let shared = Shared {
        opener,
        memory: Arc::new(ServerUsage::new(max_memory)),
        store: Arc::new(file_usage(&options, used, max_memory)),
        admission: Mutex::new(()),
        waiting: Arc::new(Budget::new(MAX_WAITING_BYTES)),
        dir: options.dir,
        executor: options.executor,
    };
    Ok((Arc::new(shared), all))
}

/// The directory, in which the global account's streams are.
fn open_root(options: &JetStreamOptions) -> Result<Option<Arc<Store>>, StorageError> {
    let Some(dir) = &options.dir else { return Ok(None) };
    let root = Store::open(Arc::clone(&options.medium), dir)?;
    tell_of_absent(&root, &options.accounts)?;
    Ok(Some(root))
}

fn store_of(root: &Arc<Store>, account: &str, options: &JetStreamOptions) -> Result<Arc<Store>, StorageError> {
    let store = if account == GLOBAL_ACCOUNT { Arc::clone(root) } else { root.open_account(account)? };
    if options.clear {
        store.clear()?;
    }
    Ok(store)
}

/// Accounts that have streams on the disk and none now: their files stay, and whoever runs the broker should know.
fn tell_of_absent(root: &Store, accounts: &BTreeMap<String, AccountLimits>) -> Result<(), StorageError> {
    if !accounts.contains_key(GLOBAL_ACCOUNT) && !root.streams()?.is_empty() {
        tracing::warn!(account = GLOBAL_ACCOUNT, path = %root.path().display(), "{UNSERVED}");
    }
    for (name, path) in root.account_dirs()? {
        if name.as_ref().is_none_or(|name| !accounts.contains_key(name)) {
            let account = name.unwrap_or_default();
            tracing::warn!(account, path = %path.display(), "{UNSERVED}");
        }
    }
    Ok(())
}

/// What file streams hold and may hold.
fn file_usage(options: &JetStreamOptions, used: u64, max_memory: u64) -> ServerUsage {
    match (&options.dir, options.max_store) {
        (_, Some(bytes)) => ServerUsage::new(bytes),
        (None, None) => ServerUsage::new(max_memory),
        (Some(dir), None) => ServerUsage::on_disk(Disk { medium: Arc::clone(&options.medium), dir: dir.clone() }, used),
    }
}
