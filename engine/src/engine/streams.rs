//! What a broker with streams has beside: its threads for what blocks, its deadlines, and the time of messages.

use std::time::{Duration, SystemTime};

use embus_storage::error::StorageError;
use embus_storage::message::Timestamp;

use super::Engine;
use crate::api;
use crate::deadlines::Deadlines;
use crate::jetstream::{JetStream, JetStreamFacts, JetStreamOptions};
use crate::jobs::{Jobs, Queues};
use crate::sync::Arc;

/// The level of the API that is announced. [reference §8]
pub const API_LEVEL: u64 = 5;

impl Engine {
    /// Time for stored messages, now.
    pub fn timestamp(&self) -> Timestamp {
        let since_epoch = self.clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::try_from(since_epoch.as_nanos()).unwrap_or(Timestamp::MAX)
    }

    /// The streams of the global account, if it has any.
    pub fn jetstream(&self) -> Option<&Arc<JetStream>> {
        self.accounts.global.jetstream()
    }

    /// Those of all accounts, by the accounts' names.
    pub fn jetstreams(&self) -> Vec<Arc<JetStream>> {
        self.account_list().iter().filter_map(|router| router.jetstream().cloned()).collect()
    }

    /// Whether the broker keeps streams at all.
    pub fn has_jetstream(&self) -> bool {
        self.jetstream.get().is_some()
    }

    /// What streams are kept with, if the broker keeps any.
    pub fn jetstream_facts(&self) -> Option<JetStreamFacts> {
        self.jetstream.get().map(|shared| shared.facts())
    }

    /// Gives accounts streams: recovers those in the store, then answers requests. Accounts that come later have none.
    /// Blocks. Only the first call counts.
    ///
    /// # Errors
    /// [`StorageError`]: there are no streams then.
    pub fn start_jetstream(self: &Arc<Self>, options: JetStreamOptions) -> Result<(), StorageError> {
        if self.queues.set(Queues::new(&options.executor)).is_err() {
            return Ok(());
        }
        let domain = options.domain.clone();
        let (shared, opened) = JetStream::open(self, options)?;
        for (router, jetstream) in opened {
            router.set_jetstream(jetstream);
        }
        let _ = self.jetstream.set(shared);
        for router in self.account_list() {
            api::service::start(self, &router, domain.as_deref());
        }
        let mut info = self.info.lock();
        info.jetstream = true;
        info.api_lvl = API_LEVEL;
        info.domain = domain;
        Ok(())
    }

    /// Threads for what streams need to go on.
    pub(crate) fn jobs(&self) -> Option<&Arc<Jobs>> {
        self.queues.get().map(|queues| &queues.commits)
    }

    /// Threads for reads of many messages.
    pub(crate) fn reads(&self) -> Option<&Arc<Jobs>> {
        self.queues.get().map(|queues| &queues.reads)
    }

    /// Threads for background work at files.
    pub(crate) fn upkeep(&self) -> Option<&Arc<Jobs>> {
        self.queues.get().map(|queues| &queues.upkeep)
    }

    /// When streams have something to do by themselves.
    pub fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// Does what streams have to do by now.
    pub fn handle_deadlines(self: &Arc<Self>) {
        let now = self.timestamp();
        if self.deadlines.take_aging(now)
            && let Some(shared) = self.jetstream.get()
        {
            shared.age_blocks(self);
        }
        for stream in self.deadlines.take_due(now) {
            let engine = Arc::clone(self);
            let working = Working(engine);
            let job = Box::new(move || stream.on_deadline(&working.0, now));
            match self.jobs() {
                Some(jobs) => jobs.spawn(job),
                None => job(),
            }
        }
    }
}

/// A stream at work on what was due; over when this is dropped, whatever became of it.
struct Working(Arc<Engine>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.deadlines.finish();
    }
}
