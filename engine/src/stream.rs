//! One stream as everybody in the broker shares it: its state machine behind a lock, those who wait for its disk, and its
//! place in the interest of the account.
//!
//! Publishers change the state machine under the lock, which is short, and note who waits for an answer. At the end of
//! the turn the changes become one commit, at most one per stream at a time: run by the turn itself where nothing has to
//! be synced, or by a later one with the changes of several, else as a job. While it runs, the next one gathers. When it
//! is done, everybody who waited for it is told.
//! [performance §4: group commit without a timer]

pub mod config;
pub mod core;
pub mod ticket;

mod answer;
mod commit;
mod consumers;
mod deadline;
mod dedupe;
mod expect;
mod expire;
mod gather;
pub(crate) mod go_duration;
mod header_rewrite;
mod header_scan;
mod ingest;
mod interest;
mod limits;
mod notes;
mod publish;
mod purge;
mod recover;
mod reopen;
mod republish;
mod rollup;
mod trouble;
mod ttl;
mod upkeep;
mod waiting;
mod witness;

use std::fmt;
use std::sync::Weak;
use std::time::Duration;

use embus_storage::message::Timestamp;
use parking_lot::{Condvar, Mutex};

use crate::api::error::ApiError;
use crate::budget::Budget;
use crate::connection::{ClientId, INTERNAL};
use crate::consumer::Closing;
use crate::engine::Engine;
use crate::jetstream::Usage;
use crate::router::Router;
use crate::stream::config::{PersistMode, StorageType, StreamConfig};
use crate::stream::consumers::{Consumers, Journal, Wakes};
use crate::stream::core::Core;
use crate::stream::trouble::Trouble;
use crate::stream::waiting::Waiting;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, Ordering};

pub(crate) use crate::stream::consumers::{ConsumerChange, ConsumerNotice, FoundConsumers, Key, PumpSpace, keep_copy};
pub use crate::stream::consumers::{ConsumerReader, ReaderEnd, Reset};
pub(crate) use crate::stream::ingest::{AnswerTo, Arriving, Refusal, Taken};
pub(crate) use crate::stream::reopen::Files;
pub use crate::stream::waiting::Done;
pub use crate::stream::witness::Witness;

/// When an acknowledged message is on the disk. [reliability §4]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before it is acknowledged: it survives a power cut.
    #[default]
    Always,
    /// At most this much later: a power cut takes what was acknowledged since. A killed process loses nothing.
    Interval(Duration),
    /// When the operating system writes it. A killed process loses nothing.
    Os,
}

impl fmt::Display for SyncPolicy {
    /// As the executable takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Interval(interval) => write!(f, "{interval:?}"),
            Self::Os => f.write_str("os"),
        }
    }
}

/// A stream.
pub struct Stream {
    id: u64,
    name: Arc<str>,
    engine: Weak<Engine>,
    router: Weak<Router>,
    policy: SyncPolicy,
    /// `{"stream":"S","seq":`, the start of every acknowledgement.
    ack_head: Vec<u8>,
    domain: Option<String>,
    files: Files,
    usage: Arc<Usage>,
    /// What waits for the disk in all streams.
    backlog: Arc<Budget>,
    state: Mutex<State>,
    /// Told when no commit is under way any more.
    idle: Condvar,
    /// Set for good once the stream takes no more messages.
    stopped: AtomicBool,
    interest: interest::StreamInterest,
    wakes: Wakes,
}

/// What the lock protects.
struct State {
    core: Core,
    consumers: Consumers,
    waiting: Waiting,
    /// An emptied [`Waiting`], for its memory.
    spare: Option<Box<Waiting>>,
    /// A commit is under way.
    busy: bool,
    /// Turns that wait for a commit that was put off.
    gathered_turns: u8,
    /// The wire client that changed something last.
    last_turn: ClientId,
    /// Background work is at the files.
    in_upkeep: bool,
    trouble: Option<Trouble>,
    /// How often what was not committed was undone.
    failures: u64,
    /// When the stream is to be called next, as the engine's deadlines know it.
    armed: Option<Timestamp>,
    /// When what is written must be synced.
    sync_due: Option<Timestamp>,
    /// Bytes that the account's usage holds for this stream.
    counted: u64,
    /// Bytes that the commit under way has taken, answers included.
    in_flight: usize,
    /// Bytes that the broker's budget holds for this stream.
    reported: usize,
}

/// Ten thousand idle streams are ten thousand of these: what most of them never have is boxed.
#[cfg(not(loom))]
const _: () = assert!(size_of::<Stream>() <= 3072);

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a stream needs besides its state machine.
pub(crate) struct StreamSetting {
    pub(crate) id: u64,
    pub(crate) policy: SyncPolicy,
    pub(crate) domain: Option<String>,
    pub(crate) files: Files,
    pub(crate) usage: Arc<Usage>,
}

impl Stream {
    /// A stream that nobody can reach yet: [`start`](Self::start) puts it into the interest.
    pub(crate) fn new(engine: &Arc<Engine>, router: &Arc<Router>, core: Core, setting: StreamSetting) -> Arc<Self> {
        let config = Arc::clone(core.config());
        let StreamSetting { id, policy, domain, files, usage } = setting;
        Arc::new_cyclic(|stream| Self {
            id,
            name: Arc::from(config.name.as_str()),
            engine: Arc::downgrade(engine),
            router: Arc::downgrade(router),
            policy: effective_policy(policy, &config),
            ack_head: answer::head(&config.name, domain.as_deref()),
            domain,
            files,
            state: Mutex::new(State::new(core, &usage)),
            usage,
            backlog: Arc::clone(engine.backlog()),
            idle: Condvar::new(),
            stopped: AtomicBool::new(false),
            interest: interest::StreamInterest::new(engine, stream),
            wakes: Wakes::default(),
        })
    }

    /// Time for its messages.
    pub(crate) fn now(&self) -> Timestamp {
        self.engine.upgrade().map_or(0, |engine| engine.timestamp())
    }

    /// The subjects of its account, while there is a broker.
    pub(crate) fn router(&self) -> Option<Arc<Router>> {
        self.router.upgrade()
    }

    /// Whether it is of this account.
    pub(crate) fn is_of(&self, router: &Router) -> bool {
        std::ptr::eq(self.router.as_ptr(), router)
    }

    /// Its number: no two streams of a broker have the same while it runs, even if they have the same name.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, to keep.
    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its configuration now.
    pub fn config(&self) -> Arc<StreamConfig> {
        Arc::clone(self.state.lock().core.config())
    }

    /// When it was created.
    pub fn created(&self) -> Timestamp {
        self.state.lock().core.created()
    }

    /// When its messages are on the disk.
    pub fn policy(&self) -> SyncPolicy {
        self.policy
    }

    /// Why it takes no messages, if its disk failed a short while ago.
    pub fn trouble(&self) -> Option<ApiError> {
        self.state.lock().trouble.as_ref().map(|trouble| trouble.error.clone())
    }

    /// Puts the stream into the interest of its account, and its deadlines into the engine's.
    pub(crate) fn start(self: &Arc<Self>) {
        self.refresh_interest();
        self.sweep_unneeded();
        {
            let mut state = self.state.lock();
            self.arm(&mut state);
            self.note_dirty(&mut state);
        }
        // What a recovery found may be in the page cache only.
        self.commit();
    }

    /// Takes the interest that the configuration asks for now, and gives up what it asked for before.
    pub(crate) fn refresh_interest(self: &Arc<Self>) {
        if let (Some(engine), Some(router)) = (self.engine.upgrade(), self.router.upgrade()) {
            self.interest.refresh(self, &engine, &router, &self.config());
        }
    }

    /// Takes no more messages. What waits for a commit that is under way is still answered.
    /// Those who wait for messages of consumers are told why they get none.
    pub(crate) fn stop(self: &Arc<Self>, why: Closing) {
        self.stopped.store(true, Ordering::Release);
        if let Some(router) = self.router.upgrade() {
            self.interest.give_up(&router);
        }
        self.close_consumers(why);
        let armed = {
            let mut state = self.state.lock();
            self.usage.set(std::mem::take(&mut state.counted), 0);
            state.armed.take()
        };
        if let (Some(engine), Some(armed)) = (self.engine.upgrade(), armed) {
            engine.deadlines().forget(self, armed);
        }
    }

    /// Runs `act` on the state machine; what it changes is committed soon after. `act` must be short: publishers wait.
    pub fn with<T>(self: &Arc<Self>, act: impl FnOnce(&mut Core) -> T) -> T {
        let result = {
            let mut state = self.state.lock();
            let result = act(&mut state.core);
            self.arm(&mut state);
            result
        };
        self.commit();
        result
    }

    /// Looks at the state machine without changing it but for its caches.
    pub fn look<T>(&self, act: impl FnOnce(&mut Core) -> T) -> T {
        act(&mut self.state.lock().core)
    }

    /// Calls `done` once everything changed so far is as durable as the policy asks: at once if it is. Whoever made a
    /// change with [`with`](Self::with) asks a [`Witness`] from before it instead.
    pub fn after_commit(self: &Arc<Self>, done: Done) {
        self.witness().after_commit(done);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.backlog.refund(self.state.get_mut().reported);
    }
}

impl State {
    fn new(core: Core, usage: &Usage) -> Self {
        let counted = core.log().bytes();
        usage.set(0, counted);
        Self {
            counted,
            consumers: Consumers::new(&core, Journal::default()),
            core,
            waiting: Waiting::default(),
            spare: None,
            busy: false,
            gathered_turns: 0,
            last_turn: INTERNAL,
            in_upkeep: false,
            trouble: None,
            failures: 0,
            armed: None,
            sync_due: None,
            in_flight: 0,
            reported: 0,
        }
    }
}

/// Streams in memory have nothing to sync, and `persist_mode: async` asks for no sync. [reference §3.2]
fn effective_policy(policy: SyncPolicy, config: &StreamConfig) -> SyncPolicy {
    if config.storage == StorageType::Memory || config.persist_mode == PersistMode::Async {
        SyncPolicy::Os
    } else {
        policy
    }
}

#[cfg(test)]
mod tests;
