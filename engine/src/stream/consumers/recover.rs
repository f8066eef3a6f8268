//! Consumers that were there before the broker started.

use embus_storage::consumer_journal::{ConsumerJournal, Recovered};
use embus_storage::error::StorageError;

use super::gate::Gate;
use super::journal::Journal;
use crate::consumer::config::StoredConsumer;
use crate::consumer::{Consumer, ConsumerSetting};
use crate::router::Router;
use crate::stream::config::Retention;
use crate::stream::{State, Stream, SyncPolicy};
use crate::sync::Arc;

/// What was found of the consumers of a stream.
#[derive(Debug, Default)]
pub(crate) struct FoundConsumers {
    pub(crate) journal: Option<ConsumerJournal>,
    pub(crate) consumers: Vec<Recovered>,
}

/// Keeps what was read of consumers that cannot be recovered: the next write would be without them.
///
/// # Errors
/// What the disk says.
pub(crate) fn keep_copy(journal: &ConsumerJournal, stream: &str) -> Result<(), StorageError> {
    if let Some(path) = journal.keep_copy()? {
        tracing::warn!(stream, path = %path.display(), "what was known of the consumers is kept in a copy");
    }
    Ok(())
}

impl Stream {
    /// Has the consumers go on that were found. Nobody can reach the stream yet.
    pub(crate) fn recover_consumers(self: &Arc<Self>, router: &Router, found: FoundConsumers) {
        let mut state = self.state.lock();
        let state = &mut *state;
        // Those that are recovered note there what is to be written of them.
        state.consumers.journal = Journal::new(found.journal);
        let mut is_whole = true;
        for recovered in found.consumers {
            state.consumers.last_id = state.consumers.last_id.max(recovered.id);
            let id = recovered.id;
            if let Err(reason) = self.recover_one(router, state, &recovered) {
                is_whole = false;
                tracing::warn!(stream = &*self.name, id, reason, "a consumer could not be recovered");
            }
        }
        if let Some(journal) = state.consumers.journal.store().filter(|_| !is_whole)
            && let Err(error) = keep_copy(journal, &self.name)
        {
            tracing::error!(stream = &*self.name, %error, "what is known of that consumer is not kept");
        }
        state.consumers.set_interest(&mut state.core);
        state.consumers.sweep_from(0, None);
        self.arm(state);
    }

    fn recover_one(self: &Arc<Self>, router: &Router, state: &mut State, recovered: &Recovered) -> Result<(), String> {
        let stored = StoredConsumer::from_bytes(&recovered.config)?;
        let created = stored.created();
        let StoredConsumer { name, config, .. } = stored;
        if state.consumers.slot(&name).is_some() {
            return Err(format!("there is another one of its name {name:?}"));
        }
        let now = self.now();
        let name: Arc<str> = name.into();
        let setting = ConsumerSetting {
            id: recovered.id,
            stream: Arc::clone(&self.name),
            name: Arc::clone(&name),
            created,
            is_persistent: true,
            settles: state.core.removes_acknowledged(),
        };
        let view = state.consumers.view(now);
        let mut gate = Gate::new(router, None);
        let is_push = config.is_push();
        let Recovered { snapshot, deltas, behind, .. } = recovered;
        let (deltas, behind) = (deltas.iter().map(Vec::as_slice), behind.iter().map(Vec::as_slice));
        let consumer = gate.look(&mut state.core, view, is_push, |scene| {
            Consumer::recover_damaged(setting, config.into_shared(), snapshot.as_deref(), deltas, behind, scene)
        });
        let mut consumer = consumer.map_err(|error| error.to_string())?;
        if self.policy != SyncPolicy::Always
            && state.core.config().retention == Retention::WorkQueue
            && state.core.log().is_after_power_cut()
        {
            consumer.take_back_done(|_| true, state.core.log_mut(), now);
        }
        let slot = state.consumers.insert(name, recovered.id, consumer, true);
        self.watch_interest(router, state, slot);
        state.consumers.check_interest(slot, &mut gate, now);
        state.consumers.settle(slot, &mut state.core, now);
        Ok(())
    }
}
