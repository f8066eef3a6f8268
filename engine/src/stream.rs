//! One stream as everybody in the broker shares it: its state machine behind a lock, those who wait for its disk, and its
//! place in the interest of the account.
//!
//! Publishers change the state machine under the lock, which is short, and note who waits for an answer. At the end of
//! the turn the changes become one commit, at most one per stream at a time: run by the turn itself where nothing has to
//! be synced, else as a job. While it runs, the next one gathers. When it is done, everybody who waited for it is told.
//! [performance §4: group commit without a timer]

pub mod config;
pub mod core;
pub mod ticket;
pub mod transform;

mod answer;
mod commit;
mod consumers;
mod dedupe;
mod expect;
mod expire;
pub(crate) mod go_duration;
mod header_rewrite;
mod header_scan;
mod interest;
mod limits;
mod notes;
mod publish;
mod purge;
mod recover;
mod republish;
mod rollup;
mod ttl;
mod waiting;
mod witness;

use std::fmt;
use std::sync::Weak;
use std::time::Duration;

use embus_storage::error::StorageError;
use embus_storage::log::Undone;
use embus_storage::message::Timestamp;
use parking_lot::{Condvar, Mutex};

use crate::api::error::ApiError;
use crate::consumer::Closing;
use crate::engine::Engine;
use crate::jetstream::Usage;
use crate::router::Router;
use crate::stream::config::{PersistMode, StorageType, StreamConfig};
use crate::stream::consumers::{Consumers, Journal, Wakes};
use crate::stream::core::{Core, Headroom, Incoming, Outcome};
use crate::stream::publish::is_fast_batch;
use crate::stream::ticket::Ticket;
use crate::stream::waiting::Waiting;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, Ordering};

pub use crate::stream::consumers::Reset;
pub(crate) use crate::stream::consumers::{ConsumerChange, ConsumerNotice, FoundConsumers, Key, PumpSpace, keep_copy};
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
    reopen: Reopen,
    usage: Arc<Usage>,
    state: Mutex<State>,
    /// Told when no commit is under way any more.
    idle: Condvar,
    /// Set for good once the stream takes no more messages.
    stopped: AtomicBool,
    interest: interest::StreamInterest,
    wakes: Wakes,
}

/// Makes the state machine anew from what is on the disk.
pub(crate) type Reopen = Box<dyn Fn(Timestamp, &Arc<StreamConfig>, Undone) -> Result<Core, StorageError> + Send + Sync>;

/// What the lock protects.
struct State {
    core: Core,
    consumers: Consumers,
    waiting: Waiting,
    /// An emptied [`Waiting`], for its memory.
    spare: Waiting,
    /// A commit is under way.
    busy: bool,
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
}

/// The disk failed a short while ago.
#[derive(Debug, Clone)]
struct Trouble {
    error: ApiError,
    /// When publishers may try it again.
    retry_at: Timestamp,
    /// The state machine could not be made anew: it must be, before anything is published.
    broken: bool,
}

/// A message for a stream, and how often it was republished on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arriving<'a> {
    pub(crate) message: Incoming<'a>,
    pub(crate) hops: u8,
    pub(crate) time: Timestamp,
}

/// Who wants to know what became of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AnswerTo<'a> {
    Nobody,
    /// Whoever listens on this subject.
    Reply(&'a [u8]),
    /// An in-process publisher.
    Ticket(&'a Arc<Ticket>),
}

/// Bytes that may wait for the disk in one stream; beyond, publishers are told to come again. [reference §4.2]
const MAX_PENDING_BYTES: usize = 128 * 1024 * 1024;

/// How often a message may be republished: a ring of streams comes to rest.
pub(crate) const MAX_HOPS: u8 = 16;

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
    pub(crate) reopen: Reopen,
    pub(crate) usage: Arc<Usage>,
}

impl Stream {
    /// A stream that nobody can reach yet: [`start`](Self::start) puts it into the interest.
    pub(crate) fn new(engine: &Arc<Engine>, router: &Arc<Router>, core: Core, setting: StreamSetting) -> Arc<Self> {
        let config = Arc::clone(core.config());
        let StreamSetting { id, policy, domain, reopen, usage } = setting;
        Arc::new_cyclic(|stream| Self {
            id,
            name: Arc::from(config.name.as_str()),
            engine: Arc::downgrade(engine),
            router: Arc::downgrade(router),
            policy: effective_policy(policy, &config),
            ack_head: answer::head(&config.name, domain.as_deref()),
            domain,
            reopen,
            state: Mutex::new(State::new(core, &usage)),
            usage,
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

    pub(crate) fn id(&self) -> u64 {
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

    /// Takes one message in; the answer comes once a commit has made it durable. Says whether the stream took it, also
    /// if only to refuse it. The caller commits at the end of its turn.
    pub(crate) fn ingest(self: &Arc<Self>, arriving: &Arriving<'_>, to: AnswerTo<'_>) -> bool {
        if self.stopped.load(Ordering::Acquire) {
            return false;
        }
        let mut state = self.state.lock();
        let is_fast_batch = matches!(to, AnswerTo::Reply(reply) if is_fast_batch(reply));
        let outcome = match self.refusal(&mut state, arriving.time) {
            Some(error) => Outcome::Refused(error),
            None if is_fast_batch => Outcome::Refused(ApiError::batch_publish_disabled()),
            None => {
                let headroom = self.headroom(&state);
                state.core.publish_within(headroom, &arriving.message, arriving.time)
            }
        };
        if let Outcome::Stored { .. } = outcome {
            Self::after_store(&mut state, arriving.hops);
        }
        let no_ack = state.core.config().no_ack;
        match to {
            AnswerTo::Reply(reply) if !no_ack => state.waiting.push_ack(reply, outcome),
            AnswerTo::Ticket(ticket) => state.waiting.tickets.push((Arc::clone(ticket), outcome)),
            AnswerTo::Reply(_) | AnswerTo::Nobody => {}
        }
        true
    }

    #[inline]
    fn after_store(state: &mut State, hops: u8) {
        while let Some(republish) = state.core.take_republish() {
            if hops < MAX_HOPS {
                state.waiting.republished.push((republish, hops + 1));
            }
        }
    }

    /// Why a message can't be taken just now, whatever it is.
    #[inline]
    fn refusal(self: &Arc<Self>, state: &mut State, now: Timestamp) -> Option<ApiError> {
        if state.trouble.is_some() {
            return self.refusal_in_trouble(state, now);
        }
        (state.core.log().pending_bytes() > MAX_PENDING_BYTES).then(ApiError::too_many_requests)
    }

    /// What is left for this stream. What it stored since the last end of a turn is not in the account yet.
    #[inline]
    fn headroom(&self, state: &State) -> Headroom {
        self.usage.headroom(state.counted, state.core.log().bytes())
    }

    /// Tells the account what the stream holds now: at the end of a turn, not with each message.
    fn count(&self, state: &mut State) {
        let bytes = state.core.log().bytes();
        if bytes != state.counted && !self.stopped.load(Ordering::Acquire) {
            self.usage.set(std::mem::replace(&mut state.counted, bytes), bytes);
        }
    }

    #[cold]
    fn refusal_in_trouble(self: &Arc<Self>, state: &mut State, now: Timestamp) -> Option<ApiError> {
        let broken = self.refusal_if_broken(state, now);
        // Behind the pause, this message is the trial.
        broken.or_else(|| state.trouble.as_ref().filter(|trouble| now < trouble.retry_at).map(|it| it.error.clone()))
    }

    /// Why nothing can be told of a stream that has to be read anew: what it holds may never have been. Whoever asks has
    /// that tried again, behind a pause.
    fn refusal_if_broken(self: &Arc<Self>, state: &mut State, now: Timestamp) -> Option<ApiError> {
        let trouble = state.trouble.as_mut().filter(|trouble| trouble.broken)?;
        let error = trouble.error.clone();
        if now >= trouble.retry_at && !state.busy {
            trouble.retry_at = now.saturating_add(commit::RETRY_NANOS);
            state.busy = true;
            self.spawn_recovery();
        }
        Some(error)
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

    /// Sets the deadline of this stream if it has an earlier one than the engine knows of.
    #[inline]
    fn arm(self: &Arc<Self>, state: &mut State) {
        let expiry = state.core.next_expiry();
        let consumers = state.consumers.next_deadline();
        if let Some(deadline) = [expiry, state.sync_due, consumers].into_iter().flatten().min() {
            self.arm_at(state, deadline);
        }
    }

    fn arm_at(self: &Arc<Self>, state: &mut State, deadline: Timestamp) {
        if state.armed.is_some_and(|armed| armed <= deadline) || self.stopped.load(Ordering::Acquire) {
            return;
        }
        if let Some(engine) = self.engine.upgrade() {
            engine.deadlines().set(self, state.armed.replace(deadline), deadline);
        }
    }

    /// The deadline has come: messages expire, what was written is synced. Runs as a job.
    pub(crate) fn on_deadline(self: &Arc<Self>, now: Timestamp) {
        {
            let mut state = self.state.lock();
            state.armed = None;
            self.handle_consumer_deadlines(&mut state, now);
            if state.core.next_expiry().is_some_and(|expiry| expiry <= now) && state.trouble.is_none() {
                state.core.expire(now);
            }
            while let Some(republish) = state.core.take_republish() {
                state.waiting.republished.push((republish, 1));
            }
            if state.sync_due.is_some_and(|due| due <= now) {
                state.sync_due = None;
                self.sync_now(state);
            } else {
                drop(state);
                self.commit();
            }
        }
        if self.sweep_unneeded() {
            self.commit();
        }
        self.pump_alone();
        let mut state = self.state.lock();
        self.arm(&mut state);
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
            spare: Waiting::default(),
            busy: false,
            in_upkeep: false,
            trouble: None,
            failures: 0,
            armed: None,
            sync_due: None,
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
