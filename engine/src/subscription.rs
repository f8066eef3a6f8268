//! One subscription: what it wants, whose it is, how many deliveries it may still get.

use crate::connection::Connection;
pub use crate::sid::Sid;
use crate::sink::Sink;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Interest of one client in one subject filter, perhaps as a member of a queue group.
#[derive(Debug)]
pub struct Subscription {
    sid: Sid,
    filter: Arc<[u8]>,
    /// Boxed twice: most subscriptions have none, and then it costs a pointer.
    queue: Option<Box<Box<[u8]>>>,
    connection: Arc<Connection>,
    sink: Sink,
    delivered: AtomicU64,
    /// Deliveries after which the subscription ends; 0 means never.
    max: AtomicU64,
    closed: AtomicBool,
    /// Where it stands in its interest list; owned by the router's write lock.
    position: AtomicU32,
}

/// A million subscriptions are a million of these.
const _: () = assert!(size_of::<Subscription>() <= 88, "104 bytes with the counters of its Arc: one size class less");

/// Whether a subscription takes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    Taken,
    /// It does, and this was the last one it wanted.
    Last,
    /// It is closed or has had all it wanted.
    Refused,
}

impl Subscription {
    /// A subscription of `connection` that ends in `sink`.
    pub fn new(sid: Sid, filter: Arc<[u8]>, queue: Option<&[u8]>, connection: Arc<Connection>, sink: Sink) -> Self {
        Self {
            sid,
            filter,
            queue: queue.map(|queue| Box::new(queue.into())),
            connection,
            sink,
            delivered: AtomicU64::new(0),
            max: AtomicU64::new(0),
            closed: AtomicBool::new(false),
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

    /// Where its messages go.
    #[inline]
    pub fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Counts one delivery, if the subscription still takes one.
    #[inline]
    pub fn admit(&self) -> Admission {
        if self.closed.load(Ordering::Relaxed) {
            return Admission::Refused;
        }
        let number = self.delivered.fetch_add(1, Ordering::Relaxed) + 1;
        let max = self.max.load(Ordering::Relaxed);
        if max == 0 || number < max {
            return Admission::Taken;
        }
        self.admit_at_limit(number, max)
    }

    #[cold]
    fn admit_at_limit(&self, number: u64, max: u64) -> Admission {
        self.close();
        if number == max {
            return Admission::Last;
        }
        self.delivered.fetch_sub(1, Ordering::Relaxed);
        Admission::Refused
    }

    /// Sets after how many deliveries since SUB it ends; says whether that many have happened already.
    pub fn limit(&self, max: u64) -> bool {
        self.max.store(max, Ordering::Relaxed);
        max <= self.delivered.load(Ordering::Relaxed)
    }

    /// Takes no message from now on.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Whether it takes no more messages.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Deliveries so far.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Deliveries after which it ends; 0 means never.
    pub fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    pub(crate) fn position(&self) -> usize {
        self.position.load(Ordering::Relaxed) as usize
    }

    pub(crate) fn set_position(&self, position: usize) {
        self.position.store(u32::try_from(position).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}
