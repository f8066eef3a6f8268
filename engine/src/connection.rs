//! What is known of one client while it is connected, shared by its session, its subscriptions and monitoring.

use std::sync::{OnceLock, Weak};
use std::time::{Duration, SystemTime};

use embus_auth::Permissions;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

use crate::accounts::GLOBAL_ACCOUNT;
use crate::arrival::{Arrival, Listener, TlsSession};
use crate::clock::{Clock, Monotonic};
use crate::lanes::Lanes;
use crate::outbox::Outbox;
use crate::renewal::Notice;
use crate::rights::Rights;
use crate::router::Router;
use crate::service::Service;
use crate::sharing::Crossing;
use crate::sink::Sink;
use crate::statistics::Traffic;
use crate::stream::Stream;
use crate::subscription::{Sid, Subscription};
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex};

/// Number of a client, unique within its broker, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// What the broker's own ends of subscriptions have for a number, and the broker itself as a publisher.
pub(crate) const INTERNAL: ClientId = ClientId(u64::MAX);

/// How a client reaches the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionKind {
    /// Over TCP.
    Tcp,
    /// Over a Unix socket.
    Unix,
    /// Over any byte stream that the program handed in.
    Stream,
    /// In frames of WebSocket.
    WebSocket,
    /// In the same process, without the protocol.
    InProcess,
}

impl ConnectionKind {
    /// What carries the connection, in nats-server's words where it has one: it has no in-process clients that show and no
    /// Unix sockets.
    pub fn client_type(self) -> &'static str {
        match self {
            Self::Tcp | Self::Stream => "nats",
            Self::WebSocket => "websocket",
            Self::Unix => "unix",
            Self::InProcess => "in_process",
        }
    }
}

/// Where a client comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// How it reaches the broker.
    pub kind: ConnectionKind,
    /// Its address, or a word for it where there is none.
    pub host: String,
    /// Its port; 0 where there is none.
    pub port: u16,
}

/// What CONNECT told of a client, for people to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user that it logged in as; empty without a login.
    pub user: String,
    /// The account that it is in, if not the global one.
    pub account: Option<String>,
    /// The name that the program gave its connection.
    pub name: String,
    /// The client library's language.
    pub lang: String,
    /// The client library's version.
    pub version: String,
}

/// One connected client.
#[derive(Debug)]
pub struct Connection {
    id: ClientId,
    peer: Peer,
    start: SystemTime,
    opened: Monotonic,
    side: Side,
    /// The listener that it came through, if it was one.
    listener: Option<std::sync::Arc<Listener>>,
    /// Once the handshake is made.
    tls: OnceLock<Box<TlsSession>>,
    subscriptions: Mutex<SubscriptionSet>,
    identity: Mutex<Identity>,
    /// What the client may do, if not everything; read only where `gets_filtered` or `answers_requests` says so.
    rights: Mutex<Option<Arc<Rights>>>,
    gets_filtered: AtomicBool,
    answers_requests: AtomicBool,
    /// A change of the configuration that it has before it; `has_notice` is a look without the lock.
    notice: Mutex<Option<Notice>>,
    has_notice: AtomicBool,
    received_messages: AtomicU64,
    received_bytes: AtomicU64,
    /// What in-process subscribers have read; wire clients have an outbox that counts.
    local_messages: AtomicU64,
    local_bytes: AtomicU64,
    stalls: AtomicU64,
    /// Set when the registry has summed this connection up.
    departed: AtomicBool,
    /// Bytes of a message that is half received.
    inbound: AtomicUsize,
    /// Whether CONNECT spoke of protocol 1: INFO may come at any time.
    async_info: AtomicBool,
    /// Round trip of the last answered ping in nanoseconds; 0 before the first.
    rtt_nanos: AtomicU64,
    /// Wall time of the last traffic, in nanoseconds since `start`.
    last_activity_nanos: AtomicU64,
}

/// What only one kind of client has.
#[derive(Debug)]
enum Side {
    /// Where its frames go.
    Wire(Arc<Outbox>),
    /// What its publishes need.
    Local(Box<Lanes>),
    /// The broker's own: messages are stored.
    Stream(Weak<Stream>),
    /// The broker's own: messages are requests.
    Service(Arc<dyn Service>),
    /// The broker's own: messages go on in another account.
    Crossing(Arc<Crossing>),
}

impl Connection {
    /// A client that has just connected over a wire.
    pub fn wire(id: ClientId, arrival: impl Into<Arrival>, clock: &dyn Clock, outbox: Arc<Outbox>) -> Self {
        let arrival = arrival.into();
        Self { listener: arrival.listener, ..Self::new(id, arrival.peer, clock, Side::Wire(outbox)) }
    }

    /// A client that has just attached in-process; its randomness comes from `seed`.
    pub fn local(id: ClientId, peer: Peer, clock: &dyn Clock, seed: u64) -> Self {
        Self::new(id, peer, clock, Side::Local(Box::new(Lanes::new(seed))))
    }

    /// The broker's own end of a stream's subscriptions.
    pub(crate) fn stream(clock: &dyn Clock, stream: Weak<Stream>) -> Self {
        Self::internal(clock, Side::Stream(stream))
    }

    /// The broker's own end of the subscriptions of something that answers requests.
    pub(crate) fn service(clock: &dyn Clock, service: Arc<dyn Service>) -> Self {
        Self::internal(clock, Side::Service(service))
    }

    /// The broker's own end of the subscription of an import.
    pub(crate) fn crossing(clock: &dyn Clock, crossing: Arc<Crossing>) -> Self {
        Self::internal(clock, Side::Crossing(crossing))
    }

    fn internal(clock: &dyn Clock, side: Side) -> Self {
        let peer = Peer { kind: ConnectionKind::InProcess, host: "internal".to_owned(), port: 0 };
        Self::new(INTERNAL, peer, clock, side)
    }

    fn new(id: ClientId, peer: Peer, clock: &dyn Clock, side: Side) -> Self {
        Self {
            id,
            peer,
            start: clock.wall(),
            opened: clock.monotonic(),
            side,
            listener: None,
            tls: OnceLock::new(),
            subscriptions: Mutex::new(SubscriptionSet::default()),
            identity: Mutex::new(Identity::default()),
            rights: Mutex::new(None),
            gets_filtered: AtomicBool::new(false),
            answers_requests: AtomicBool::new(false),
            notice: Mutex::new(None),
            has_notice: AtomicBool::new(false),
            received_messages: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            local_messages: AtomicU64::new(0),
            local_bytes: AtomicU64::new(0),
            stalls: AtomicU64::new(0),
            inbound: AtomicUsize::new(0),
            departed: AtomicBool::new(false),
            async_info: AtomicBool::new(false),
            rtt_nanos: AtomicU64::new(0),
            last_activity_nanos: AtomicU64::new(0),
        }
    }

    /// Its number.
    #[inline]
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// Where it comes from.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The listener that it came through, if it was one.
    pub fn listener(&self) -> Option<&Listener> {
        self.listener.as_deref()
    }

    /// The TLS session that it speaks in, if it does.
    pub fn tls(&self) -> Option<&TlsSession> {
        self.tls.get().map(|tls| &**tls)
    }

    /// Notes that the TLS handshake is made. It is made once.
    pub fn set_tls(&self, tls: TlsSession) {
        let _ = self.tls.set(Box::new(tls));
    }

    /// When it connected.
    pub fn start(&self) -> SystemTime {
        self.start
    }

    /// Its outbound side, if it is a wire client.
    pub fn outbox(&self) -> Option<&Arc<Outbox>> {
        match &self.side {
            Side::Wire(outbox) => Some(outbox),
            _ => None,
        }
    }

    /// Where messages of subscriptions without a queue of their own go.
    #[inline]
    pub(crate) fn sink(&self) -> Sink<'_> {
        match &self.side {
            Side::Wire(outbox) => Sink::Wire(outbox),
            Side::Stream(stream) => Sink::Stream(stream),
            Side::Service(service) => Sink::Service(service),
            Side::Crossing(crossing) => Sink::Crossing(crossing),
            Side::Local(_) => Sink::Nowhere,
        }
    }

    /// Its publishing state, if it is an in-process client.
    pub(crate) fn lanes(&self) -> Option<&Lanes> {
        match &self.side {
            Side::Local(lanes) => Some(lanes),
            _ => None,
        }
    }

    /// Its subscriptions.
    pub fn subscriptions(&self) -> &Mutex<SubscriptionSet> {
        &self.subscriptions
    }

    /// What CONNECT told of it.
    pub fn identity(&self) -> Identity {
        self.identity.lock().clone()
    }

    /// The name of its account.
    pub fn account(&self) -> String {
        self.identity.lock().account.clone().unwrap_or_else(|| GLOBAL_ACCOUNT.to_owned())
    }

    /// Notes what CONNECT told.
    pub fn set_identity(&self, identity: Identity) {
        *self.identity.lock() = identity;
    }

    /// Notes which user the client is from now on.
    pub(crate) fn set_user(&self, user: &str) {
        let mut identity = self.identity.lock();
        if identity.user != user {
            user.clone_into(&mut identity.user);
        }
    }

    /// Ends the subscriptions that the client's rights do not allow, and has others be found anew by them; returns those
    /// that ended, by their names.
    pub(crate) fn withdraw(&self, router: &Router) -> Vec<Arc<Subscription>> {
        let rights = self.rights();
        let is_refused = |held: &&Arc<Subscription>| {
            rights.as_ref().is_some_and(|rights| !rights.may_subscribe(held.filter(), held.queue()))
        };
        let mut ended: Vec<_> = self.subscriptions.lock().iter().filter(is_refused).cloned().collect();
        ended.sort_unstable_by(|a, b| a.sid().as_bytes().cmp(b.sid().as_bytes()));
        for subscription in &ended {
            self.subscriptions.lock().remove(subscription.sid());
            let (subject, sid) = (String::from_utf8_lossy(subscription.filter()), subscription.sid());
            let sid = String::from_utf8_lossy(sid.as_bytes());
            tracing::info!(cid = self.id.0, "Removed sub {subject:?} (sid {sid:?}) - not authorized");
        }
        router.unsubscribe_all(&ended);
        router.rematch();
        ended
    }

    /// Notes what the client may do from now on. Its interest is matched anew only when the account's changes.
    pub(crate) fn set_rights(&self, rights: Option<Arc<Rights>>) {
        let says = |says: fn(&Rights) -> bool| rights.as_deref().is_some_and(says);
        self.gets_filtered.store(says(Rights::filters_deliveries), Ordering::Release);
        self.answers_requests.store(says(Rights::answers_requests), Ordering::Release);
        *self.rights.lock() = rights;
    }

    /// What the client may do, if not everything.
    pub(crate) fn rights(&self) -> Option<Arc<Rights>> {
        self.rights.lock().clone()
    }

    /// Has the client take on a change of the configuration. Of several, the last one stands for all.
    pub(crate) fn notify(&self, mut notice: Notice) {
        // One that the client will not see any more is given up behind the lock.
        let _before = {
            let mut held = self.notice.lock();
            notice.makes_room |= held.as_ref().is_some_and(|held| held.makes_room);
            held.replace(notice)
        };
        self.has_notice.store(true, Ordering::Release);
    }

    /// The change that the client has to take on, if there is one.
    #[inline]
    pub(crate) fn take_notice(&self) -> Option<Notice> {
        if !self.has_notice.load(Ordering::Acquire) {
            return None;
        }
        self.has_notice.store(false, Ordering::Release);
        self.notice.lock().take()
    }

    /// The rules that the client is held to, if it is.
    pub(crate) fn permissions(&self) -> Option<Arc<Permissions>> {
        self.rights.lock().as_ref().map(|rights| Arc::clone(rights.permissions()))
    }

    /// Whether some messages may be kept from a subscription that the client has.
    #[inline]
    pub(crate) fn gets_filtered(&self) -> bool {
        self.gets_filtered.load(Ordering::Acquire)
    }

    /// Whether a message on this subject may go to a subscription of the client's in this queue group.
    #[inline]
    pub(crate) fn may_receive(&self, subject: &[u8], queue: Option<&[u8]>) -> bool {
        !self.gets_filtered() || self.rights.lock().as_ref().is_none_or(|rights| rights.may_receive(subject, queue))
    }

    /// Whether the client may answer the requests that come to it, and those only.
    #[inline]
    pub(crate) fn answers_requests(&self) -> bool {
        self.answers_requests.load(Ordering::Acquire)
    }

    /// A message is delivered to the client, with this reply subject.
    #[inline]
    pub(crate) fn note_request(&self, reply: Option<&[u8]>) {
        if let Some(reply) = reply
            && self.answers_requests()
        {
            self.grant(reply);
        }
    }

    #[cold]
    fn grant(&self, reply: &[u8]) {
        if let Some(rights) = &*self.rights.lock() {
            rights.requested(reply);
        }
    }

    /// Whether the client understands INFO at any time.
    pub fn understands_async_info(&self) -> bool {
        self.async_info.load(Ordering::Relaxed)
    }

    /// Notes whether CONNECT spoke of protocol 1.
    pub fn set_async_info(&self, understood: bool) {
        self.async_info.store(understood, Ordering::Relaxed);
    }

    /// Counts what was received: once per turn, not per message.
    pub fn count_received(&self, messages: u64, bytes: u64) {
        self.received_messages.fetch_add(messages, Ordering::Relaxed);
        self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts what an in-process subscriber has read: once per batch, not per message.
    pub fn count_local(&self, messages: u64, bytes: u64) {
        self.local_messages.fetch_add(messages, Ordering::Relaxed);
        self.local_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Messages and bytes received from the client and delivered to it.
    pub fn traffic(&self) -> Traffic {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let ((in_msgs, in_bytes), (out_msgs, out_bytes)) = match &self.side {
            Side::Wire(outbox) => ((count(&self.received_messages), count(&self.received_bytes)), outbox.sent()),
            Side::Local(lanes) => (lanes.published(), (count(&self.local_messages), count(&self.local_bytes))),
            Side::Stream(_) | Side::Service(_) | Side::Crossing(_) => ((0, 0), (0, 0)),
        };
        Traffic { in_msgs, in_bytes, out_msgs, out_bytes }
    }

    /// Counts one stall of this client as a producer.
    pub fn count_stall(&self) {
        self.stalls.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the registry has summed this connection up: what comes later counts elsewhere.
    pub(crate) fn is_departed(&self) -> bool {
        self.departed.load(Ordering::Acquire)
    }

    /// Notes that the registry sums this connection up.
    pub(crate) fn set_departed(&self) {
        self.departed.store(true, Ordering::Release);
    }

    /// Bytes of a message that is half received.
    pub(crate) fn inbound(&self) -> &AtomicUsize {
        &self.inbound
    }

    /// How often this client was held back as a producer.
    pub fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }

    /// Notes the round trip of an answered ping.
    pub fn set_rtt(&self, rtt: Duration) {
        self.rtt_nanos.store(saturating_nanos(rtt).max(1), Ordering::Relaxed);
    }

    /// Round trip of the last answered ping.
    pub fn rtt(&self) -> Option<Duration> {
        match self.rtt_nanos.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Notes traffic.
    pub fn set_last_activity(&self, now: Monotonic) {
        self.last_activity_nanos.store(saturating_nanos(now - self.opened), Ordering::Relaxed);
    }

    /// When traffic was last seen.
    pub fn last_activity(&self) -> SystemTime {
        self.start + Duration::from_nanos(self.last_activity_nanos.load(Ordering::Relaxed))
    }
}

fn saturating_nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// The subscriptions of one client by sid. A table of pointers: the sid is not stored a second time.
#[derive(Debug, Default)]
pub struct SubscriptionSet {
    table: HashTable<Arc<Subscription>>,
    hasher: RandomState,
}

impl SubscriptionSet {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The subscription that the client calls `sid`.
    pub fn get(&self, sid: &[u8]) -> Option<&Arc<Subscription>> {
        self.table.find(self.hasher.hash_one(sid), |held| held.sid().as_bytes() == sid)
    }

    /// Adds a subscription whose sid is not in use.
    pub fn insert(&mut self, subscription: Arc<Subscription>) {
        let hasher = &self.hasher;
        let hash = hasher.hash_one(subscription.sid().as_bytes());
        self.table.insert_unique(hash, subscription, |held| hasher.hash_one(held.sid().as_bytes()));
    }

    /// Takes the subscription out that the client calls `sid`.
    pub fn remove(&mut self, sid: &Sid) -> Option<Arc<Subscription>> {
        let hash = self.hasher.hash_one(sid.as_bytes());
        let entry = self.table.find_entry(hash, |held| held.sid() == sid).ok()?;
        Some(entry.remove().0)
    }

    /// Takes all of them out, in the order of their sids: that of the table differs from run to run.
    pub fn take_all(&mut self) -> Vec<Arc<Subscription>> {
        let mut all: Vec<_> = std::mem::take(&mut self.table).into_iter().collect();
        all.sort_unstable_by(|a, b| a.sid().as_bytes().cmp(b.sid().as_bytes()));
        all
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.table.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{connection, subscription};

    /// The order in which subscriptions are taken out of the interest decides where others stand in it, and so which
    /// member of a queue group chance chooses: it must not differ from run to run.
    #[test]
    fn subscriptions_are_taken_out_in_the_same_order_in_each_run() {
        let client = connection(1);
        let taken_out = || {
            let mut set = SubscriptionSet::default();
            (0..40).for_each(|sid: u32| set.insert(subscription(&client, &sid.to_string(), "a", None)));
            let sids = set.take_all().iter().map(|taken| taken.sid().as_bytes().to_vec()).collect::<Vec<_>>();
            assert!(set.is_empty());
            sids
        };
        assert_eq!(taken_out(), taken_out());
    }
}
