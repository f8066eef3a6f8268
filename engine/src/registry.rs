//! Who is connected: numbers, slots in the workers' staging tables, and the memory of closed connections.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;

use crate::connection::{ClientId, Connection};
use crate::statistics::{ConnectionSnapshot, Traffic};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Closed connections that monitoring can still show.
// Differs from nats-server: it remembers 10,000, some MiB that an embedding program has better use for.
pub(crate) const MAX_CLOSED_CONNECTIONS: usize = 1000;

/// The connections of a broker.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    last_id: AtomicU64,
    open: Mutex<Open>,
    closed: Mutex<VecDeque<ConnectionSnapshot>>,
    slots: Mutex<Slots>,
}

/// The open connections, and what the departed ones brought: under one lock, so that a sum over both is right.
#[derive(Debug, Default)]
struct Open {
    connections: BTreeMap<ClientId, Arc<Connection>>,
    departed: Traffic,
}

#[derive(Debug, Default)]
struct Slots {
    free: Vec<u32>,
    next: u32,
}

impl Registry {
    /// A number that no client of this broker had before.
    pub(crate) fn next_id(&self) -> ClientId {
        ClientId(self.last_id.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// A slot that no open connection has: small numbers, used again.
    pub(crate) fn take_slot(&self) -> u32 {
        let mut slots = self.slots.lock();
        slots.free.pop().unwrap_or_else(|| {
            let slot = slots.next;
            slots.next += 1;
            slot
        })
    }

    /// Adds a connection.
    pub(crate) fn insert(&self, connection: Arc<Connection>) {
        self.open.lock().connections.insert(connection.id(), connection);
    }

    /// Takes a connection out and frees its slot.
    pub(crate) fn remove(&self, connection: &Connection, epitaph: Option<ConnectionSnapshot>) {
        let mut open = self.open.lock();
        if open.connections.remove(&connection.id()).is_none() {
            return;
        }
        connection.set_departed();
        open.departed += connection.traffic();
        drop(open);
        if let Some(outbox) = connection.outbox() {
            self.slots.lock().free.push(outbox.slot());
        }
        let mut closed = self.closed.lock();
        closed.extend(epitaph);
        if closed.len() > MAX_CLOSED_CONNECTIONS {
            closed.pop_front();
        }
    }

    /// Counts what an in-process subscriber has read; a client that is gone counts with the departed.
    pub(crate) fn count_read(&self, connection: &Connection, messages: u64, bytes: u64) {
        if !connection.is_departed() {
            return connection.count_local(messages, bytes);
        }
        let late = Traffic { out_msgs: messages, out_bytes: bytes, ..Traffic::default() };
        self.open.lock().departed += late;
    }

    /// All open connections, the oldest first.
    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        self.open.lock().connections.values().cloned().collect()
    }

    /// What went through all connections, those that are gone included.
    pub(crate) fn traffic(&self) -> Traffic {
        let open = self.open.lock();
        let mut sum = open.departed;
        open.connections.values().for_each(|connection| sum += connection.traffic());
        sum
    }

    /// The connection with this number.
    pub(crate) fn get(&self, id: ClientId) -> Option<Arc<Connection>> {
        self.open.lock().connections.get(&id).cloned()
    }

    /// The most recently closed connections, the oldest first.
    pub(crate) fn closed(&self) -> Vec<ConnectionSnapshot> {
        self.closed.lock().iter().cloned().collect()
    }
}
