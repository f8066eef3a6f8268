//! The streams of a broker: where they are kept, when they start, what wakes them, when they end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use embus_engine::engine::GLOBAL_ACCOUNT;
use embus_engine::jetstream::{AccountLimits, JetStream, JetStreamOptions};
use embus_engine::stream::SyncPolicy;
use embus_engine::{Engine, Monotonic};
use embus_storage::medium::Medium;
use embus_storage::medium::disk::Disk;
use embus_storage::medium::memory::Memory;

use crate::error::StartError;
use crate::jetstream::stream::Config;
use crate::jetstream::{context, ensure, kv};
use crate::jobs::BlockingThreads;
use crate::shell::Shell;

/// How a broker keeps streams.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoreSettings {
    /// No streams at all.
    pub(crate) off: bool,
    /// Without one, everything is kept in memory.
    pub(crate) dir: Option<PathBuf>,
    /// What the directory is on, if not the machine's disk.
    pub(crate) medium: Option<Arc<dyn Medium>>,
    pub(crate) clear: bool,
    pub(crate) sync: SyncPolicy,
    pub(crate) domain: Option<String>,
    pub(crate) max_memory: Option<u64>,
    pub(crate) max_file: Option<u64>,
    /// The global account has no streams.
    pub(crate) not_global: bool,
    /// What the global account may use.
    pub(crate) limits: AccountLimits,
    /// Streams that are there as they are declared once the broker has started.
    pub(crate) streams: Vec<Config>,
    /// Buckets that are there as they are declared once the broker has started.
    pub(crate) buckets: Vec<kv::Config>,
}

impl StoreSettings {
    fn check(&self, accounts: &BTreeMap<String, AccountLimits>) -> Result<(), StartError> {
        let refuse = |text: &str| Err(StartError::Config(text.to_owned()));
        if (self.off || self.not_global) && !(self.streams.is_empty() && self.buckets.is_empty()) {
            return refuse("streams need JetStream");
        }
        if let Some(name) = accounts.keys().next().filter(|_| self.off) {
            return refuse(&format!("account {name:?} is to have streams, but JetStream is off"));
        }
        let streams = self.streams.iter().map(|stream| (&stream.name, stream));
        if let Some(name) = declared_differently(streams, PartialEq::eq) {
            return refuse(&format!("stream {name:?} is declared twice, and differently"));
        }
        // Their streams tell whether they are the same; those that can't be are refused later.
        let buckets = self.buckets.iter().map(|bucket| (&bucket.bucket, bucket));
        if let Some(name) = declared_differently(buckets, |one, other| one.to_stream() == other.to_stream()) {
            return refuse(&format!("bucket {name:?} is declared twice, and differently"));
        }
        if self.dir.as_ref().is_some_and(|dir| dir.as_os_str().is_empty()) {
            return refuse("the path of the store directory is empty");
        }
        if self.sync == SyncPolicy::Interval(Duration::ZERO) {
            return refuse("the sync interval is zero: SyncPolicy::Always syncs before it acknowledges");
        }
        let is_odd = |domain: &str| domain.contains(['.', '*', '>']) || domain.contains(char::is_whitespace);
        if self.domain.as_deref().is_some_and(|domain| domain.is_empty() || is_odd(domain)) {
            return refuse("the JetStream domain has to be one token of a subject");
        }
        Ok(())
    }

    fn options(&self, shell: &Shell, mut accounts: BTreeMap<String, AccountLimits>) -> JetStreamOptions {
        if !self.not_global {
            accounts.entry(GLOBAL_ACCOUNT.to_owned()).or_insert(self.limits);
        }
        let medium: Arc<dyn Medium> = match (&self.medium, &self.dir) {
            (Some(medium), _) => Arc::clone(medium),
            (None, Some(_)) => Arc::new(Disk::default()),
            (None, None) => Arc::new(Memory::default()),
        };
        JetStreamOptions {
            medium,
            dir: self.dir.clone(),
            sync: self.sync,
            domain: self.domain.clone(),
            max_memory: self.max_memory,
            max_store: self.max_file,
            machine_memory: machine_memory(),
            accounts,
            clear: self.clear,
            executor: Arc::new(BlockingThreads::new(&shell.tasks)),
        }
    }
}

/// The name of something that was declared twice, and is not the same.
fn declared_differently<'a, T: 'a>(
    declared: impl Iterator<Item = (&'a String, &'a T)>,
    is_same: impl Fn(&T, &T) -> bool,
) -> Option<&'a str> {
    let mut known = BTreeMap::new();
    for (name, config) in declared {
        if known.insert(name, config).is_some_and(|before| !is_same(before, config)) {
            return Some(name);
        }
    }
    None
}

/// Bytes of memory that the machine has, where that is easy to learn.
fn machine_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Recovers the streams. When this returns, they are there.
pub(crate) async fn start(
    shell: &Arc<Shell>,
    settings: &StoreSettings,
    accounts: BTreeMap<String, AccountLimits>,
) -> Result<(), StartError> {
    settings.check(&accounts)?;
    if settings.off {
        return Ok(());
    }
    let (engine, options) = (Arc::clone(&shell.engine), settings.options(shell, accounts));
    let (streams, buckets) = (settings.streams.clone(), settings.buckets.clone());
    let started = shell.tasks.run_blocking(move || open(&engine, options, &streams, &buckets)).await;
    started.ok_or_else(|| StartError::Config("the runtime is shutting down".to_owned()))??;
    shell.tasks.spawn_until_stop(run_deadlines(Arc::clone(shell)));
    Ok(())
}

/// Recovers what is there and adds what is declared. Blocks.
fn open(
    engine: &Arc<Engine>,
    options: JetStreamOptions,
    streams: &[Config],
    buckets: &[kv::Config],
) -> Result<(), StartError> {
    engine.start_jetstream(options)?;
    let Some(jetstream) = engine.jetstream() else { return Ok(()) };
    let declared = streams.iter().try_for_each(|stream| declare(jetstream, stream));
    let declared = declared.and_then(|()| buckets.iter().try_for_each(|bucket| declare_bucket(jetstream, bucket)));
    // The directory is free when the start has failed.
    declared.inspect_err(|_| engine.jetstreams().iter().for_each(|jetstream| jetstream.close()))
}

/// Has the stream be there as it is declared. Blocks.
fn declare(jetstream: &Arc<JetStream>, config: &Config) -> Result<(), StartError> {
    let ensured = context::checked(config).map_err(Into::into).and_then(|config| ensure::ensure(jetstream, config));
    ensured.map(drop).map_err(|source| StartError::Stream { name: config.name.clone(), source })
}

/// The same for a bucket.
fn declare_bucket(jetstream: &Arc<JetStream>, config: &kv::Config) -> Result<(), StartError> {
    kv::declare(jetstream, config).map_err(|source| StartError::Bucket { name: config.bucket.clone(), source })
}

/// Ends the streams in good order, once the caller lets go; tasks of the broker wait for it.
pub(crate) fn stop(shell: &Shell) {
    for jetstream in shell.engine.jetstreams() {
        shell.tasks.spawn_blocking(Box::new(move || jetstream.close()));
    }
}

/// Calls the engine whenever a stream has something to do, for ever.
async fn run_deadlines(shell: Arc<Shell>) {
    let mut alarm = shell.timer.alarm();
    std::future::poll_fn(|cx| {
        alarm.reset();
        shell.engine.handle_deadlines();
        if let Some(deadline) = shell.engine.deadlines().next(cx.waker()) {
            alarm.set(monotonic(&shell.engine, deadline), cx.waker());
        }
        std::task::Poll::<()>::Pending
    })
    .await;
}

/// Wall time as the timer counts.
fn monotonic(engine: &Engine, deadline: i64) -> Monotonic {
    // In this order: a clock that is advanced in between makes it too early, which costs a look, and never too late.
    let now = engine.now();
    let left = u64::try_from(deadline.saturating_sub(engine.timestamp())).unwrap_or(0);
    now + Duration::from_nanos(left)
}
