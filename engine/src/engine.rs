//! One broker without a runtime: what its sessions and in-process clients share.

mod change;
mod end;
mod snapshots;
mod streams;

use std::fmt;
use std::sync::OnceLock;
use std::time::SystemTime;

use embus_auth::Permissions;
use embus_protocol::encode;
use embus_protocol::info::ServerInfo;
use parking_lot::Mutex;

use crate::accounts::Accounts;
pub use crate::accounts::{GLOBAL_ACCOUNT, SYSTEM_ACCOUNT};
use crate::arrival::{Arrival, Listener};
use crate::batch;
use crate::budget::Budget;
use crate::clock::{Clock, Monotonic};
use crate::close::CloseReason;
use crate::connection::{ClientId, Connection, Peer};
use crate::deadlines::Deadlines;
use crate::gate::Gate;
use crate::jetstream;
use crate::jobs::Queues;
use crate::limits::Limits;
use crate::members::ClientLimits;
use crate::outbox::{Outbox, Transport};
use crate::registry::Registry;
use crate::router::Router;
use crate::service::Request;
use crate::sharing::Wire;
use crate::statistics::{ConnectionSnapshot, Totals};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::trace::TraceOptions;
use crate::worker::{Worker, WorkerPool};

pub use change::AccountChange;
pub use streams::API_LEVEL;

/// The shared state of one broker.
pub struct Engine {
    limits: Mutex<Arc<Limits>>,
    clock: Arc<dyn Clock>,
    start: SystemTime,
    info: Mutex<ServerInfo>,
    accounts: Accounts,
    /// Set when clients have to log in.
    gate: Mutex<Option<Arc<Gate>>>,
    registry: Registry,
    wire_connections: AtomicUsize,
    budget: Arc<Budget>,
    inbound: Arc<Budget>,
    /// What waits for disks in all streams.
    backlog: Arc<Budget>,
    workers: WorkerPool,
    random: Mutex<fastrand::Rng>,
    totals: Totals,
    /// Messages that named the server so far.
    pub(crate) system_messages: AtomicU64,
    lame_duck: AtomicBool,
    stopping: AtomicBool,
    /// When the configuration was read last, if not at the start, and the digest of its file.
    loaded: Mutex<(Option<SystemTime>, String)>,
    /// Whether what clients say and hear is told of.
    trace: Mutex<Option<TraceOptions>>,
    /// Imports that are carried out.
    pub(crate) wires: Mutex<Vec<Wire>>,
    /// Whether accounts may ask the system account about themselves.
    pub(crate) grants_system_requests: AtomicBool,
    deadlines: Deadlines,
    queues: OnceLock<Queues>,
    /// Set once streams are there.
    jetstream: OnceLock<Arc<jetstream::Shared>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("limits", &self.limits()).finish_non_exhaustive()
    }
}

impl Engine {
    /// A broker that says `info` of itself; all its randomness comes from `seed`, all its time from `clock`.
    pub fn new(limits: Limits, info: ServerInfo, clock: Arc<dyn Clock>, seed: u64) -> Arc<Self> {
        let info = ServerInfo { max_payload: limits.max_payload, headers: true, proto: 1, ..info };
        Arc::new(Self {
            start: clock.wall(),
            clock,
            info: Mutex::new(info),
            accounts: Accounts::new(),
            gate: Mutex::new(None),
            registry: Registry::default(),
            wire_connections: AtomicUsize::new(0),
            budget: Arc::new(Budget::new(limits.max_buffered)),
            inbound: Arc::new(Budget::new(limits.max_buffered)),
            backlog: Arc::new(Budget::new(limits.max_buffered)),
            limits: Mutex::new(Arc::new(limits)),
            workers: WorkerPool::new(seed),
            random: Mutex::new(fastrand::Rng::with_seed(seed.wrapping_add(1))),
            totals: Totals::default(),
            system_messages: AtomicU64::new(0),
            lame_duck: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            loaded: Mutex::default(),
            trace: Mutex::new(None),
            wires: Mutex::default(),
            grants_system_requests: AtomicBool::new(false),
            deadlines: Deadlines::default(),
            queues: OnceLock::new(),
            jetstream: OnceLock::new(),
        })
    }

    /// What the broker allows now.
    pub fn limits(&self) -> Arc<Limits> {
        Arc::clone(&self.limits.lock())
    }

    /// What the broker says of itself, without what belongs to one connection.
    pub fn info(&self) -> ServerInfo {
        self.info.lock().clone()
    }

    /// Where time comes from.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Time for deadlines, now.
    pub fn now(&self) -> Monotonic {
        self.clock.monotonic()
    }

    /// The account that clients are in without a login.
    pub fn global_account(&self) -> &Arc<Router> {
        &self.accounts.global
    }

    /// The account of the broker itself.
    pub fn system_account(&self) -> &Arc<Router> {
        self.accounts.system()
    }

    /// Has this account be the one of the broker itself, in place of `$SYS`. Once, before anything else is done with
    /// accounts.
    pub fn set_system_account(&self, name: &str) {
        self.accounts.choose_system(name);
    }

    /// What the client with this number may do, if not everything.
    pub fn permissions(&self, id: ClientId) -> Option<Arc<Permissions>> {
        self.registry.get(id)?.permissions()
    }

    /// The account of this name, if there is one.
    pub fn account(&self, name: &str) -> Option<Arc<Router>> {
        self.accounts.get(name)
    }

    /// Adds an account, unless there is one of this name.
    pub fn add_account(&self, name: &str) -> Arc<Router> {
        self.accounts.add(name)
    }

    /// Bounds what clients of an account may do, from the next login on.
    pub fn limit_account(&self, name: &str, limits: ClientLimits) {
        self.accounts.add(name).members().set_limits(limits);
    }

    /// All accounts, by name.
    pub fn account_list(&self) -> Vec<Arc<Router>> {
        self.accounts.all()
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Asks clients that connect from now on who they are.
    pub fn set_gate(&self, gate: Gate) {
        self.info.lock().auth_required = !gate.allows_anonymous();
        *self.gate.lock() = Some(Arc::new(gate));
    }

    pub(crate) fn gate(&self) -> Option<Arc<Gate>> {
        self.gate.lock().clone()
    }

    /// Working memory for read turns.
    pub fn workers(&self) -> &WorkerPool {
        &self.workers
    }

    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    pub(crate) fn inbound(&self) -> &Arc<Budget> {
        &self.inbound
    }

    pub(crate) fn backlog(&self) -> &Arc<Budget> {
        &self.backlog
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// A number below `bound` from the broker's own randomness.
    pub(crate) fn random_below(&self, bound: u64) -> u64 {
        self.random.lock().u64(..bound.max(1))
    }

    /// A seed for a generator of one client.
    fn random_seed(&self) -> u64 {
        self.random.lock().u64(..)
    }

    /// Makes a wire connection known, and says whether it is one that the limits allow.
    pub(crate) fn connect_wire(&self, arrival: Arrival, transport: Arc<dyn Transport>) -> (Arc<Connection>, bool) {
        let limits = self.limits();
        let outbox = Outbox::new(self.registry.take_slot(), limits.max_pending, Arc::clone(&self.budget), transport);
        let connection = Arc::new(Connection::wire(self.registry.next_id(), arrival, &*self.clock, Arc::new(outbox)));
        self.registry.insert(Arc::clone(&connection));
        Totals::add(&self.totals.connections, 1);
        let open = self.wire_connections.fetch_add(1, Ordering::Relaxed) + 1;
        (connection, open <= limits.max_connections)
    }

    /// Makes an in-process client known.
    pub(crate) fn connect_local(&self, peer: Peer) -> Arc<Connection> {
        let connection = Arc::new(Connection::local(self.registry.next_id(), peer, &*self.clock, self.random_seed()));
        self.registry.insert(Arc::clone(&connection));
        connection
    }

    /// Forgets a client: its interest is gone when this returns.
    pub(crate) fn disconnect(self: &Arc<Self>, connection: &Connection, router: &Router, reason: CloseReason) {
        let mut epitaph = ConnectionSnapshot::of(connection);
        let subscriptions = connection.subscriptions().lock().take_all();
        router.unsubscribe_all(&subscriptions);
        if let Some(outbox) = connection.outbox() {
            outbox.close(reason);
            self.totals.count_close(reason);
            epitaph.pending_bytes = 0;
        }
        if connection.outbox().is_some() {
            router.members().count_departed(connection.traffic(), reason);
        }
        epitaph.stop = Some(self.clock.wall());
        epitaph.reason = Some(reason);
        self.registry.remove(connection, connection.outbox().map(|_| epitaph.clone()));
        if connection.outbox().is_some() {
            // Last: who sees the number fall finds all else in its final state.
            self.wire_connections.fetch_sub(1, Ordering::Release);
            self.tell_disconnected(&epitaph);
        }
    }

    /// Ends a turn: hands out what is staged and counts it.
    pub(crate) fn finish_turn(self: &Arc<Self>, worker: &mut Worker) -> Option<batch::Congested> {
        self.run_turn_end(worker);
        worker.batch.flush();
        worker.matching.cache.trim();
        let (hits, misses) = worker.matching.cache.take_counts();
        Totals::add(&self.totals.cache_hits, hits);
        Totals::add(&self.totals.matches, hits + misses);
        self.relieve();
        worker.batch.take_congested()
    }

    /// Runs `act` as a turn of its own, with a worker from the pool.
    pub(crate) fn with_worker<T>(self: &Arc<Self>, act: impl FnOnce(&mut Worker) -> T) -> T {
        let mut worker = self.workers.take();
        self.workers.turns.begin(&worker.mark);
        let result = act(&mut worker);
        self.finish_turn(&mut worker);
        self.workers.turns.end(&worker.mark);
        self.workers.put(worker);
        result
    }

    /// Publishes a message of the broker itself; returns how many took it.
    pub fn publish_internal(self: &Arc<Self>, router: &Router, message: &Request<'_>) -> usize {
        self.with_worker(|worker| worker.deliver_internal(router, message, 0))
    }

    /// While more waits for all readers together than allowed, cuts the reader for whom most waits.
    pub(crate) fn relieve(&self) {
        while self.budget.is_exceeded() {
            let connections = self.registry.connections();
            let outboxes = connections.iter().filter_map(|connection| connection.outbox());
            let Some(largest) = outboxes.max_by_key(|outbox| outbox.pending_bytes()) else { return };
            if largest.pending_bytes() == 0 {
                return;
            }
            largest.close(CloseReason::SlowConsumerPendingBytes);
        }
    }

    /// While more of half-received messages waits than allowed, cuts who holds most of it: a client that sends no end
    /// costs nobody else the connection.
    pub(crate) fn relieve_inbound(&self) {
        let connections = self.registry.connections();
        let held = |connection: &Arc<Connection>| connection.inbound().load(Ordering::Relaxed);
        let mut holders: Vec<_> = connections.iter().filter(|connection| held(connection) > 0).collect();
        // Those that were cut before give their memory back on their own.
        holders.retain(|connection| connection.outbox().is_some_and(|outbox| outbox.is_open()));
        holders.sort_by_key(|connection| held(connection));
        let mut sum: usize = holders.iter().map(|connection| held(connection)).sum();
        let bound = self.limits().max_buffered;
        while sum > bound
            && let Some(largest) = holders.pop()
        {
            sum = sum.saturating_sub(held(largest));
            if let Some(outbox) = largest.outbox() {
                outbox.close(CloseReason::MaximumPayloadExceeded);
            }
        }
    }

    /// Counts what an in-process subscriber has read, also after its client is gone.
    pub(crate) fn count_read(&self, connection: &Connection, messages: u64, bytes: u64) {
        self.registry.count_read(connection, messages, bytes);
    }

    /// The numbers of all wire clients, the oldest first.
    pub fn wire_clients(&self) -> Vec<ClientId> {
        let connections = self.registry.connections();
        connections
            .iter()
            .filter(|connection| connection.outbox().is_some())
            .map(|connection| connection.id())
            .collect()
    }

    fn post_info(&self, connection: &Connection) {
        let Some(outbox) = connection.outbox().filter(|_| connection.understands_async_info()) else { return };
        let mut line = Vec::new();
        encode::info(&mut line, &self.info_for(connection));
        outbox.post(&line);
    }

    /// INFO as one client gets it.
    pub(crate) fn info_for(&self, connection: &Connection) -> ServerInfo {
        let mut info = self.info();
        info.client_id = connection.id().0;
        info.client_ip.clone_from(&connection.peer().host);
        if let Some(listener) = connection.listener() {
            listener.describe(&mut info);
        }
        info
    }

    /// Sets what INFO tells of the first listener, once it is bound.
    pub fn set_listener(&self, listener: &Listener) {
        listener.describe(&mut self.info.lock());
    }

    /// The client with this number.
    pub(crate) fn connection(&self, id: ClientId) -> Option<Arc<Connection>> {
        self.registry.get(id)
    }

    /// Cuts one connection.
    pub fn kick(&self, id: ClientId, reason: CloseReason) -> bool {
        let connection = self.registry.get(id);
        let outbox = connection.as_ref().and_then(|connection| connection.outbox());
        outbox.inspect(|outbox| outbox.close(reason)).is_some()
    }
}
