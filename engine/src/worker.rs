//! The working memory of one read turn: input buffer, match cache, staging area. Idle connections own none of it; a turn
//! borrows a worker from the pool and gives it back.

use std::fmt;

use parking_lot::Mutex;

use crate::batch::Batch;
use crate::chunks::BufferPool;
use crate::grace::{Mark, Turns};
use crate::match_cache::{MatchCache, WORKER_CACHE_ENTRIES};
use crate::router::Router;
use crate::sharing::Via;
use crate::single_routes::SingleRoutes;
use crate::sink::Sink;
use crate::stream::PumpSpace;
use crate::subscription::Subscription;
use crate::sync::Arc;

/// Size of the input buffer: below, system calls dominate; above, it leaves the processor's cache. [performance §1]
pub const INPUT_BYTES: usize = 64 * 1024;

/// Memory for one stored message that a worker keeps.
const KEPT_RECORD_BYTES: usize = 64 * 1024;

/// Working memory of one turn.
pub struct Worker {
    /// Where a turn's input is read into.
    pub(crate) input: Vec<u8>,
    pub(crate) matching: Matching,
    pub(crate) batch: Batch,
    /// Where messages of the broker itself are put together.
    pub(crate) internal_body: Vec<u8>,
    /// What serving consumers takes.
    pub(crate) pump: PumpSpace,
    /// Where stored messages are read into that are sent on at once.
    pub(crate) record: Vec<u8>,
    /// Where their headers are put together.
    pub(crate) header_block: Vec<u8>,
    /// How the message that is delivered now came into its account.
    pub(crate) via: Via,
    /// Whether a turn is under way, for those that wait for its end.
    pub(crate) mark: Arc<Mark>,
    turns: Arc<Turns>,
}

/// What finding and choosing destinations takes.
pub(crate) struct Matching {
    pub(crate) cache: MatchCache,
    pub(crate) singles: SingleRoutes,
    /// Chooses members of queue groups.
    pub(crate) random: fastrand::Rng,
    /// Subscriptions that got the last message they wanted; taken out of the interest after the delivery.
    pub(crate) expired: Vec<Arc<Subscription>>,
    /// Where frames are put together that do not come from the input as they are.
    pub(crate) scratch: Vec<u8>,
}

/// What was read last may be a password or a payload: none of it is shown.
impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl fmt::Debug for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matching").finish_non_exhaustive()
    }
}

impl Matching {
    pub(crate) fn new(cache_entries: usize, seed: u64) -> Self {
        Self {
            cache: MatchCache::new(cache_entries),
            singles: SingleRoutes::default(),
            random: fastrand::Rng::with_seed(seed),
            expired: Vec::new(),
            scratch: Vec::new(),
        }
    }
}

impl Matching {
    /// Forgets what holds on to subscriptions.
    pub(crate) fn clear(&mut self) {
        self.cache.clear();
        self.singles.clear();
        self.expired.clear();
    }

    /// The wire client that alone wants `subject`, if it is so.
    #[inline]
    pub(crate) fn only_wire(&mut self, router: &Router, subject: &[u8]) -> Option<&Arc<Subscription>> {
        if self.singles.find(router, subject).is_some_and(|only| matches!(only.sink(), Sink::Wire(_))) {
            return self.singles.found();
        }
        self.cache.resolve(router, subject).only_wire().filter(|only| only.is_unlimited())
    }
}

impl Worker {
    fn new(seed: u64, turns: &Arc<Turns>) -> Self {
        Self {
            mark: turns.enroll(),
            turns: Arc::clone(turns),
            input: vec![0; INPUT_BYTES],
            matching: Matching::new(WORKER_CACHE_ENTRIES, seed),
            batch: Batch::default(),
            internal_body: Vec::new(),
            pump: PumpSpace::default(),
            record: Vec::new(),
            header_block: Vec::new(),
            via: Via::default(),
        }
    }

    /// Takes the memory of a stored message back, unless it is large.
    pub(crate) fn keep_record(&mut self, record: Vec<u8>) {
        if record.capacity() <= KEPT_RECORD_BYTES {
            self.record = record;
        }
    }

    /// The same for its headers.
    pub(crate) fn keep_header_block(&mut self, block: Vec<u8>) {
        if block.capacity() <= KEPT_RECORD_BYTES {
            self.header_block = block;
        }
    }

    /// Buffers for a flush by the owner.
    pub fn spare(&mut self) -> &mut BufferPool {
        &mut self.batch.spare
    }
}

impl Drop for Worker {
    /// Also when a turn ends in a panic, of a subscriber's waker perhaps: nobody waits for it any more.
    fn drop(&mut self) {
        self.turns.dismiss(&self.mark);
        self.turns.end(&self.mark);
        self.batch.turn_end.give_up();
    }
}

/// The workers of a broker. The last one given back is the first taken: its caches are warm.
#[derive(Debug)]
pub struct WorkerPool {
    /// Boxed, so that taking one moves a pointer.
    #[allow(clippy::vec_box, reason = "workers are moved in and out with every turn")]
    idle: Mutex<Vec<Box<Worker>>>,
    seeds: Mutex<fastrand::Rng>,
    pub(crate) turns: Arc<Turns>,
}

/// Workers kept for later; as many as run at once on a large machine.
const MAX_IDLE_WORKERS: usize = 256;

impl WorkerPool {
    /// An empty pool; its workers draw their randomness from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            idle: Mutex::new(Vec::new()),
            seeds: Mutex::new(fastrand::Rng::with_seed(seed)),
            turns: Arc::new(Turns::new()),
        }
    }

    /// A worker, warm if one waits.
    #[inline]
    pub fn take(&self) -> Box<Worker> {
        let idle = self.idle.lock().pop();
        idle.unwrap_or_else(|| Box::new(Worker::new(self.seeds.lock().u64(..), &self.turns)))
    }

    /// Takes a worker back.
    #[inline]
    pub fn put(&self, worker: Box<Worker>) {
        let mut idle = self.idle.lock();
        if idle.len() < MAX_IDLE_WORKERS {
            idle.push(worker);
        }
    }
}
