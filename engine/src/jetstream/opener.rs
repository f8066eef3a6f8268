//! Makes streams: on the disk or in memory, new ones and those that were there before.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use embus_storage::consumer_journal::{ConsumerJournal, Recovered};
use embus_storage::error::StorageError;
use embus_storage::log::{Evicted, Undone};
use embus_storage::medium::Medium;
use embus_storage::message::Timestamp;

use crate::consumer::config::StoredConsumer;
use crate::engine::Engine;
use crate::jetstream::usage::Usage;
use crate::router::Router;
use crate::stream::config::{PersistMode, StorageType, StreamConfig};
use crate::stream::core::Core;
use crate::stream::{Files, FoundConsumers, Stream, StreamSetting, SyncPolicy, keep_copy};
use crate::sync::atomic::{AtomicU64, Ordering};

/// What all streams of a broker are made with.
#[derive(Debug)]
pub(crate) struct Opener {
    /// Where file streams rest: the disk, or memory where the broker has no directory.
    pub(crate) file: Arc<dyn Medium>,
    pub(crate) memory: Arc<dyn Medium>,
    pub(crate) policy: SyncPolicy,
    pub(crate) domain: Option<String>,
    last_id: AtomicU64,
}

impl Opener {
    pub(crate) fn new(
        file: Arc<dyn Medium>,
        memory: Arc<dyn Medium>,
        policy: SyncPolicy,
        domain: Option<String>,
    ) -> Self {
        // Nothing that is lost with the process gains from waiting for a disk.
        let policy = if file.is_persistent() { policy } else { SyncPolicy::Os };
        Self { file, memory, policy, domain, last_id: AtomicU64::new(0) }
    }

    pub(crate) fn medium(&self, config: &StreamConfig) -> &Arc<dyn Medium> {
        match config.storage {
            StorageType::File => &self.file,
            StorageType::Memory => &self.memory,
        }
    }

    /// A number that no other stream in memory has, as the place of a new one.
    pub(crate) fn memory_path(&self) -> PathBuf {
        PathBuf::from(format!("/{}", self.next_id()))
    }

    /// Makes an empty stream in `dir`, durably, and lets go of it.
    pub(crate) fn create(
        &self,
        dir: &Path,
        config: &Arc<StreamConfig>,
        created: Timestamp,
    ) -> Result<Core, StorageError> {
        let medium = Arc::clone(self.medium(config));
        let mut core = Core::create(medium, dir.to_path_buf(), Arc::clone(config), created, self.is_synced(config))?;
        // A description is durable on its own; the log itself only once something of it was committed.
        if let Some(commit) = core.log_mut().take_commit(true) {
            core.log_mut().finish_commit(commit.run())?;
        }
        Ok(core)
    }

    /// Reads the stream in `dir`, without what limits took before this configuration came.
    pub(crate) fn open(
        &self,
        dir: &Path,
        config: &Arc<StreamConfig>,
        created: Timestamp,
        evicted: Option<Evicted>,
        now: Timestamp,
    ) -> Result<Core, StorageError> {
        let medium = Arc::clone(self.medium(config));
        let undone = Undone::of_evicted(evicted);
        Core::open(medium, dir.to_path_buf(), Arc::clone(config), created, self.is_synced(config), undone, now)
    }

    /// Reads what is known of the consumers of the stream in `dir`. Without a disk they end with the process.
    pub(crate) fn consumers(&self, dir: &Path, config: &StreamConfig) -> Result<FoundConsumers, StorageError> {
        let medium = self.medium(config);
        if config.storage == StorageType::Memory || !medium.is_persistent() {
            return Ok(FoundConsumers::default());
        }
        let (journal, consumers, lost) = ConsumerJournal::open(Arc::clone(medium), dir.to_path_buf())?;
        if lost > 0 {
            tracing::warn!(stream = config.name, lost, "damage took something of what was known of the consumers");
        }
        let is_readable = |consumer: &Recovered| StoredConsumer::from_bytes(&consumer.config).is_ok();
        if lost > 0 || !consumers.iter().all(is_readable) {
            keep_copy(&journal, &config.name)?;
        }
        Ok(FoundConsumers { journal: Some(journal), consumers })
    }

    /// The shared handle of a stream that rests in `dir`.
    pub(crate) fn stream(
        &self,
        engine: &Arc<Engine>,
        router: &Arc<Router>,
        core: Core,
        dir: &Path,
        usage: &Arc<Usage>,
    ) -> Arc<Stream> {
        let setting = StreamSetting {
            id: self.next_id(),
            policy: self.policy,
            domain: self.domain.clone(),
            files: self.files(&core, dir),
            usage: Arc::clone(usage),
        };
        Stream::new(engine, router, core, setting)
    }

    fn files(&self, core: &Core, dir: &Path) -> Files {
        let config = core.config();
        Files {
            medium: Arc::clone(self.medium(config)),
            dir: dir.to_path_buf(),
            created: core.created(),
            synced: self.is_synced(config),
        }
    }

    fn is_synced(&self, config: &StreamConfig) -> bool {
        self.policy == SyncPolicy::Always
            && config.storage == StorageType::File
            && config.persist_mode == PersistMode::Default
    }

    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }
}
