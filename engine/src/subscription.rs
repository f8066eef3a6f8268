//! One subscription: what it wants, whose it is, how many deliveries it may still get.

use crate::connection::Connection;
use crate::local_queue::LocalQueue;
pub use crate::sid::Sid;
use crate::sink::Sink;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Interest of one client in one subject filter, perhaps as a member of a queue group.
#[derive(Debug)]
pub struct Subscription {
    sid: Sid,
    filter: Arc<[u8]>,
    /// Boxed twice: most subscriptions have none, and then it costs a pointer.
    queue: Option<Box<Box<[u8]>>>,
    connection: Arc<Connection>,
    /// Where its messages wait, if its client is in-process; those of wire clients go to the connection's outbox.
    local: Option<Arc<LocalQueue>>,
    delivered: AtomicU64,
    /// Deliveries after which it ends; [`UNLIMITED`] and [`CLOSED`] stand apart.
    max: AtomicU32,
    /// Where it stands in its interest list; owned by the router's write lock.
    position: AtomicU32,
}

/// Never ends by itself.
const UNLIMITED: u32 = 0;

/// Takes nothing any more.
const CLOSED: u32 = u32::MAX;

/// A million subscriptions are a million of these.
#[cfg(not(loom))]
const _: () = assert!(size_of::<Subscription>() <= 72, "88 bytes with the counters of its Arc: the size class of 96");

/// Whether a subscription takes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    Taken,
    /// It does, and this was the last one it wanted.
    Last,
    /// It has had all it wanted, and nobody has taken it out yet.
    Expired,
    /// It is closed or has had all it wanted.
    Refused,
}

impl Subscription {
    /// A subscription of `connection`; `local` is where messages wait for an in-process client.
    pub fn new(
        sid: Sid,
        filter: Arc<[u8]>,
        queue: Option<&[u8]>,
        connection: Arc<Connection>,
        local: Option<Arc<LocalQueue>>,
    ) -> Self {
        Self {
            sid,
            filter,
            queue: queue.map(|queue| Box::new(queue.into())),
            connection,
            local,
            delivered: AtomicU64::new(0),
            max: AtomicU32::new(UNLIMITED),
            position: AtomicU32::new(0),
        }
    }

    /// The client's name for it.
    #[inline]
    pub fn sid(&self) -> &Sid {
        &self.sid
    }

    /// The subject filter it asked for.
    #[inline]
    pub fn filter(&self) -> &Arc<[u8]> {
        &self.filter
    }

    /// The queue group it is a member of.
    #[inline]
    pub fn queue(&self) -> Option<&[u8]> {
        self.queue.as_ref().map(|queue| &***queue)
    }

    /// Whose it is.
    #[inline]
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Whether a message on this subject, which its filter matches, may go to it.
    #[inline]
    pub(crate) fn may_receive(&self, subject: &[u8]) -> bool {
        self.connection.may_receive(subject, self.queue())
    }

    /// Where its messages go.
    #[inline]
    pub fn sink(&self) -> Sink<'_> {
        match &self.local {
            Some(queue) => Sink::Local(queue),
            None => self.connection.sink(),
        }
    }

    /// Where messages wait, if the client is in-process.
    pub(crate) fn local(&self) -> Option<&Arc<LocalQueue>> {
        self.local.as_ref()
    }

    /// Counts one delivery, if the subscription still takes one.
    #[inline]
    pub fn admit(&self) -> Admission {
        let max = self.max.load(Ordering::Relaxed);
        if max == CLOSED {
            return Admission::Refused;
        }
        let number = self.delivered.fetch_add(1, Ordering::Relaxed) + 1;
        if max == UNLIMITED || number < u64::from(max) {
            return Admission::Taken;
        }
        self.admit_at_limit(number, u64::from(max))
    }

    #[cold]
    fn admit_at_limit(&self, number: u64, max: u64) -> Admission {
        // Whoever ends it has it taken out; it may end late, when its limit was set while a delivery was under way.
        let ended_here = self.max.swap(CLOSED, Ordering::Relaxed) != CLOSED;
        match (number == max, ended_here) {
            (true, true) => return Admission::Last,
            (true, false) => return Admission::Taken,
            (false, _) => {}
        }
        self.delivered.fetch_sub(1, Ordering::Relaxed);
        if ended_here { Admission::Expired } else { Admission::Refused }
    }

    /// Whether it goes on for ever, as far as anybody knows now.
    #[inline]
    pub(crate) fn is_unlimited(&self) -> bool {
        self.max.load(Ordering::Relaxed) == UNLIMITED
    }

    /// Sets after how many deliveries since SUB it ends; says whether that many have happened already. Four billion and
    /// more mean never.
    pub fn limit(&self, max: u64) -> bool {
        let stored = u32::try_from(max).ok().filter(|max| *max != CLOSED).unwrap_or(UNLIMITED);
        let open = |now: u32| (now != CLOSED).then_some(stored);
        // A subscription that was closed meanwhile stays closed.
        let _ = self.max.fetch_update(Ordering::Relaxed, Ordering::Relaxed, open);
        max <= self.delivered.load(Ordering::Relaxed)
    }

    /// Takes no message from now on.
    pub fn close(&self) {
        self.max.store(CLOSED, Ordering::Relaxed);
    }

    /// Whether it takes no more messages.
    pub fn is_closed(&self) -> bool {
        self.max.load(Ordering::Relaxed) == CLOSED
    }

    /// Deliveries so far.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Deliveries after which it ends; 0 means never.
    pub fn max(&self) -> u64 {
        match self.max.load(Ordering::Relaxed) {
            CLOSED => self.delivered(),
            max => u64::from(max),
        }
    }

    pub(crate) fn position(&self) -> usize {
        self.position.load(Ordering::Relaxed) as usize
    }

    pub(crate) fn set_position(&self, position: usize) {
        self.position.store(u32::try_from(position).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}
