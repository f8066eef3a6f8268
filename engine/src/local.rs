//! An in-process client: publish and subscribe without socket, protocol or task.

mod renew;

use crate::close::CloseReason;
pub use crate::congestion::Congestion;
use crate::connection::{self, ClientId, Connection, ConnectionKind, Peer};
use crate::deliver::Publisher;
use crate::engine::Engine;
use crate::jetstream::JetStream;
use crate::local_deliver::{self, Onward};
use crate::local_queue::{LocalQueue, QueueBounds};
pub use crate::local_subscription::LocalSubscription;
use crate::message::Message;
use crate::reserved;
use crate::rights::Rights;
use crate::router::Router;
use crate::sink::Sink;
use crate::statistics::Totals;
pub use crate::statistics::Traffic;
use crate::stream::ticket::Ticket;
use crate::subscription::{Sid, Subscription};
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex};
use embus_auth::{Identity, Refused};
use embus_protocol::filter;
use embus_protocol::subject::Subject;

/// One in-process client, attached to an account. All methods are synchronous and never wait.
#[derive(Debug)]
pub struct LocalClient {
    engine: Arc<Engine>,
    router: Arc<Router>,
    connection: Arc<Connection>,
    /// Who it is.
    identity: Mutex<Identity>,
    /// Whether it may not do everything: its connection has what it may.
    is_limited: AtomicBool,
    max_payload: AtomicUsize,
    max_subscriptions: AtomicUsize,
    last_sid: AtomicU64,
    closed: AtomicBool,
}

/// A message that was accepted.
#[derive(Debug)]
#[must_use = "a producer that ignores congestion fills its readers' queues"]
pub struct Published {
    /// How many subscriptions took it.
    pub delivered: usize,
    /// Wait for this before the next one, at most [`STALL_LIMIT`](crate::relief::STALL_LIMIT).
    pub congestion: Option<Congestion>,
}

/// Why a message was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishRefused {
    /// The broker stopped or the client was closed.
    #[error("the client is closed")]
    Closed,
    /// Headers and payload are larger than the broker allows.
    #[error("the message is larger than {limit} bytes")]
    MaxPayload {
        /// What the broker allows, in bytes.
        limit: usize,
    },
    /// The subject, or the reply subject, belongs to the broker itself.
    #[error("the subject is reserved")]
    Reserved,
    /// The client's user may not publish there.
    #[error("the user may not publish to the subject")]
    Permission,
}

/// Why a subscription was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeRefused {
    /// The broker stopped or the client was closed.
    #[error("the client is closed")]
    Closed,
    /// The subject filter is not valid.
    #[error("the subject filter is not valid")]
    InvalidSubject,
    /// The queue group belongs to the broker itself.
    #[error("the queue group is reserved")]
    Reserved,
    /// The client's user may not have this subscription.
    #[error("the user may not subscribe to the subject")]
    Permission,
    /// The client has as many subscriptions as the broker allows.
    #[error("the client has {limit} subscriptions, as many as the broker allows")]
    TooMany {
        /// What the broker allows.
        limit: usize,
    },
}

impl LocalClient {
    /// A client in the global account, with all rights.
    pub fn connect(engine: &Arc<Engine>) -> Arc<Self> {
        Self::attach(engine, Arc::clone(engine.global_account()), &Identity::default())
    }

    /// A client with an identity of its own: in its account, with its rights.
    ///
    /// # Errors
    /// [`Refused`] when the broker has no such account, or the identity has ended.
    pub fn connect_as(engine: &Arc<Engine>, identity: &Identity) -> Result<Arc<Self>, Refused> {
        if identity.end().is_some_and(|end| end <= engine.clock().wall()) {
            return Err(Refused::Credentials);
        }
        let router = engine.accounts().of(identity)?;
        Ok(Self::attach(engine, router, identity))
    }

    fn attach(engine: &Arc<Engine>, router: Arc<Router>, identity: &Identity) -> Arc<Self> {
        let peer = Peer { kind: ConnectionKind::InProcess, host: "in-process".to_owned(), port: 0 };
        let connection = engine.connect_local(peer);
        let (user, account) = (identity.user.clone(), identity.account.clone());
        connection.set_identity(connection::Identity { user, account, ..connection.identity() });
        let client = Self {
            connection,
            router,
            identity: Mutex::new(identity.clone()),
            is_limited: AtomicBool::new(false),
            max_payload: AtomicUsize::new(0),
            max_subscriptions: AtomicUsize::new(0),
            last_sid: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            engine: Arc::clone(engine),
        };
        client.take_on(identity);
        Arc::new(client)
    }

    /// Has it be held to what an identity may.
    fn take_on(&self, identity: &Identity) {
        let rights = Rights::of(identity, self.engine.clock());
        let is_limited = rights.is_some();
        self.connection.set_rights(rights);
        self.is_limited.store(is_limited, Ordering::Release);
        let (max_payload, max_subscriptions) = self.router.limits_of(&self.engine.limits(), identity);
        self.max_payload.store(max_payload, Ordering::Relaxed);
        self.max_subscriptions.store(max_subscriptions, Ordering::Relaxed);
    }

    /// Ends subscriptions after what waits for them, once their interest is gone.
    fn end_subscriptions(&self, ended: &[Arc<Subscription>]) {
        let grace = self.engine.workers().turns.start_grace();
        for subscription in ended {
            if let Sink::Local(queue) = subscription.sink() {
                queue.end_after(grace);
            }
        }
    }

    /// Its number within the broker.
    pub fn id(&self) -> ClientId {
        self.connection.id()
    }

    /// The broker that it is a client of.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Bytes of headers and payload that one message may have.
    pub fn max_payload(&self) -> usize {
        self.max_payload.load(Ordering::Relaxed)
    }

    /// What it may do, if not everything.
    #[inline]
    fn rights(&self) -> Option<Arc<Rights>> {
        if self.is_limited.load(Ordering::Acquire) { self.connection.rights() } else { None }
    }

    /// Whether the client may publish to this subject now; an answer that it may give is counted.
    fn may_publish(&self, subject: &[u8]) -> bool {
        self.rights().is_none_or(|rights| rights.may_always_publish(subject) || rights.may_answer(subject))
    }

    fn may_be_answered(&self, subject: &[u8], reply: Option<&[u8]>) -> bool {
        self.rights().is_none_or(|rights| rights.may_be_answered(&self.router, &self.connection, subject, reply))
    }

    /// Whether the client may ask the API of `JetStream` for anything.
    pub fn may_use_api(&self) -> bool {
        self.rights().is_none_or(|rights| rights.may_publish_all(b"$JS.API.>"))
    }

    /// The streams of the client's account, if it has any.
    pub fn jetstream(&self) -> Option<&Arc<JetStream>> {
        self.router.jetstream()
    }

    /// What the client published and was given.
    pub fn traffic(&self) -> Traffic {
        self.connection.traffic()
    }

    /// Delivers `message` to all that want it, on the caller's thread.
    ///
    /// # Errors
    /// [`PublishRefused`]; the message went nowhere.
    pub fn publish(&self, message: Message) -> Result<Published, PublishRefused> {
        self.publish_to(message, None)
    }

    /// The same for a message that a stream should take: the stream's answer comes to the ticket. If no stream took it,
    /// the ticket stays without an answer, and nobody else holds it when this returns.
    ///
    /// # Errors
    /// [`PublishRefused`]; the message went nowhere.
    pub fn publish_with_ticket(&self, message: Message, ticket: &Arc<Ticket>) -> Result<Published, PublishRefused> {
        self.publish_to(message, Some(ticket))
    }

    fn publish_to(&self, mut message: Message, ticket: Option<&Arc<Ticket>>) -> Result<Published, PublishRefused> {
        let is_lost = !self.map(&mut message);
        let body_len = message.body_len();
        self.check(&message, body_len)?;
        let Some(lanes) = self.connection.lanes() else { return Err(PublishRefused::Closed) };
        if is_lost {
            lanes.enter().count(body_len as u64);
            return Ok(Published { delivered: 0, congestion: None });
        }
        self.router.show(|tap| tap.published(&local_deliver::request(&message, &message.headers().to_block())));
        let is_feedback = message.subject.starts_with("$JS.") && self.is_feedback(&message);
        if is_feedback && !self.router.has_observers() {
            lanes.enter().count(body_len as u64);
            return Ok(Published { delivered: 1, congestion: None });
        }
        let requester = message.reply().map(|reply| (reply.clone(), message.subject.clone()));
        let mut lane = lanes.enter();
        lane.count(body_len as u64);
        let mut delivered = local_deliver::deliver(&self.router, &mut lane.matching, message, ticket);
        if self.is_closed() {
            lane.matching.clear();
        }
        drop(lane);
        if let Some(onward) = delivered.onward.take() {
            delivered.count += self.send_on(&onward);
        }
        if delivered.count == 0
            && !is_feedback
            && let Some((reply, subject)) = requester
        {
            local_deliver::tell_no_responders(&self.router, &self.connection, reply, &subject);
        }
        if delivered.over_budget {
            self.engine.relieve();
        }
        if let Some(turn_end) = delivered.turn_end {
            self.engine.with_worker(|worker| worker.batch.turn_end = *turn_end);
        }
        let congestion = delivered.congested.map(|congested| {
            self.connection.count_stall();
            Totals::add(&self.engine.totals().stalled_clients, 1);
            Congestion::new(congested)
        });
        Ok(Published { delivered: delivered.count, congestion })
    }

    /// Maps the message's subject as the account does; says whether it goes anywhere.
    fn map(&self, message: &mut Message) -> bool {
        if !self.router.is_mapped() {
            return true;
        }
        let mut subject = message.subject.as_bytes().to_vec();
        let is_sent = self.engine.with_worker(|worker| worker.map(&self.router, &mut subject));
        if subject != message.subject.as_bytes() {
            message.subject = Subject::from(String::from_utf8_lossy(&subject).into_owned());
        }
        is_sent
    }

    /// Takes a message on to other accounts; returns how many took it there.
    fn send_on(&self, Onward { crossings, message }: &Onward) -> usize {
        let block = message.headers().to_block();
        let request = local_deliver::request(message, &block);
        let publisher = Publisher { id: self.connection.id(), echo: true };
        self.engine.with_worker(|worker| worker.cross_all(crossings, publisher, &request))
    }

    /// Whether a message is for a consumer, which then has it.
    fn is_feedback(&self, message: &Message) -> bool {
        let block = message.headers().to_block();
        let request = local_deliver::request(message, &block);
        self.engine.with_worker(|worker| worker.take_feedback(&self.router, &request))
    }

    #[inline]
    fn check(&self, message: &Message, body_len: usize) -> Result<(), PublishRefused> {
        let limit = self.max_payload();
        let (subject, reply) = (message.subject.as_bytes(), message.reply().map(|reply| reply.as_bytes()));
        if self.is_closed() {
            Err(PublishRefused::Closed)
        } else if body_len > limit {
            Err(PublishRefused::MaxPayload { limit })
        } else if reserved::may_be_reserved(subject, reply) && reserved::check_publish(subject, reply).is_some() {
            Err(PublishRefused::Reserved)
        } else if !self.may_be_answered(subject, reply) || !self.may_publish(subject) {
            Err(PublishRefused::Permission)
        } else {
            Ok(())
        }
    }

    /// Registers interest in `filter`: every publish that starts after this returns is seen.
    ///
    /// # Errors
    /// [`SubscribeRefused`]; there is no interest then.
    pub fn subscribe(
        &self,
        filter: &Subject,
        queue: Option<&str>,
        bounds: QueueBounds,
    ) -> Result<LocalSubscription, SubscribeRefused> {
        self.check_subscribe(filter, queue)?;
        let sid = self.last_sid.fetch_add(1, Ordering::Relaxed) + 1;
        let messages = Arc::new(LocalQueue::new(bounds, Arc::clone(self.engine.budget())));
        let subscription = Arc::new(Subscription::new(
            Sid::from(sid.to_string().as_bytes()),
            Arc::from(filter.as_bytes()),
            queue.map(str::as_bytes),
            Arc::clone(&self.connection),
            Some(Arc::clone(&messages)),
        ));
        self.hold(&subscription)?;
        self.router.subscribe(Arc::clone(&subscription));
        if self.is_closed() {
            // Closed while we subscribed: the close may have missed this one.
            messages.close();
        }
        Ok(LocalSubscription::new(Arc::clone(&self.engine), Arc::clone(&self.router), subscription, messages))
    }

    fn check_subscribe(&self, filter: &Subject, queue: Option<&str>) -> Result<(), SubscribeRefused> {
        if self.is_closed() {
            return Err(SubscribeRefused::Closed);
        }
        if !filter::is_valid_filter(filter.as_bytes()) {
            return Err(SubscribeRefused::InvalidSubject);
        }
        if queue.is_some_and(|queue| queue.as_bytes() == reserved::CLOSED_QUEUE) {
            return Err(SubscribeRefused::Reserved);
        }
        let queue = queue.map(str::as_bytes);
        if self.rights().is_some_and(|rights| !rights.may_subscribe(filter.as_bytes(), queue)) {
            return Err(SubscribeRefused::Permission);
        }
        Ok(())
    }

    /// Counts a subscription among the client's, if it may have one more.
    fn hold(&self, subscription: &Arc<Subscription>) -> Result<(), SubscribeRefused> {
        let limit = self.max_subscriptions.load(Ordering::Relaxed);
        let mut held = self.connection.subscriptions().lock();
        if held.len() >= limit {
            return Err(SubscribeRefused::TooMany { limit });
        }
        held.insert(Arc::clone(subscription));
        Ok(())
    }

    /// Whether the client was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Ends the client: it publishes no more, and its subscriptions end after what waits for them.
    pub fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let held: Vec<_> = self.connection.subscriptions().lock().iter().cloned().collect();
        self.engine.disconnect(&self.connection, &self.router, CloseReason::ClientClosed);
        if let Some(lanes) = self.connection.lanes() {
            lanes.clear();
        }
        self.end_subscriptions(&held);
    }
}

impl Drop for LocalClient {
    fn drop(&mut self) {
        self.close();
    }
}
