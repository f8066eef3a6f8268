//! One message from an in-process publisher to everybody who wants it: by reference count to in-process subscribers,
//! encoded only if a wire subscriber exists.

use std::sync::Weak;

use bytes::Bytes;
use embus_protocol::encode;
use embus_protocol::subject::Subject;

use crate::batch::Congested;
use crate::connection::Connection;
use crate::deliver::remove_expired;
use crate::local_queue::{LocalQueue, Pushed};
use crate::message::{Headers, Message};
use crate::outbox::{Outbox, Sent};
use crate::route::{Destination, Route};
use crate::router::Router;
use crate::service::Request;
use crate::sink::Sink;
use crate::status::no_responders_block;
use crate::stream::Stream;
use crate::stream::ticket::Ticket;
use crate::subscription::{Admission, Subscription};
use crate::sync::Arc;
use crate::turn_end::TurnEnd;
use crate::worker::Matching;

/// A payload this large is not copied into a wire subscriber's queue but shared with it.
const SHARE_BYTES: usize = 16 * 1024;

/// What became of a message.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) count: usize,
    pub(crate) congested: Option<Congested>,
    /// Bytes joined a wire queue: the budget over all queues wants a look.
    pub(crate) over_budget: bool,
    /// Streams that took it and requests that it makes. Boxed: most messages leave nothing behind.
    pub(crate) turn_end: Option<Box<TurnEnd>>,
    /// Other accounts that it goes on to.
    pub(crate) onward: Option<Box<Onward>>,
}

/// A message that goes on to other accounts.
#[derive(Debug)]
pub(crate) struct Onward {
    pub(crate) crossings: Vec<Arc<Subscription>>,
    pub(crate) message: Message,
}

/// Delivers `message` to all that want it. The last destination gets it without another reference.
///
/// A stream that takes it answers to `ticket`, if there is one, instead of to the message's reply subject.
pub(crate) fn deliver(
    router: &Router,
    matching: &mut Matching,
    message: Message,
    ticket: Option<&Arc<Ticket>>,
) -> Delivered {
    let Matching { cache, random, expired, scratch, .. } = matching;
    let route = cache.resolve(router, message.subject.as_bytes());
    if route.fan_out() == 0 {
        return Delivered::default();
    }
    let mut delivery = Delivery { route, block: None, ticket, expired, scratch, delivered: Delivered::default() };
    if !route.crossings().is_empty() {
        let onward = Onward { crossings: route.crossings().to_vec(), message: message.clone() };
        delivery.delivered.onward = Some(Box::new(onward));
    }
    for group in route.groups() {
        let start = if group.len() == 1 { 0 } else { random.usize(..group.len()) };
        let (later, first) = group.split_at(start);
        let taken = first.iter().chain(later).any(|member| delivery.offer(member, message.clone()));
        delivery.delivered.count += usize::from(taken);
    }
    if let Some((last, others)) = route.plain().split_last() {
        for destination in others {
            let taken = delivery.offer(destination, message.clone());
            delivery.delivered.count += usize::from(taken);
        }
        let taken = delivery.offer(last, message);
        delivery.delivered.count += usize::from(taken);
    }
    let delivered = delivery.delivered;
    if !matching.expired.is_empty() {
        remove_expired(router, &mut matching.expired);
    }
    delivered
}

struct Delivery<'a> {
    route: &'a Route,
    /// The encoded header block, once a wire subscriber needed it.
    block: Option<Bytes>,
    ticket: Option<&'a Arc<Ticket>>,
    expired: &'a mut Vec<Arc<Subscription>>,
    scratch: &'a mut Vec<u8>,
    delivered: Delivered,
}

impl Delivery<'_> {
    #[inline]
    fn offer(&mut self, destination: &Destination, message: Message) -> bool {
        let subscription = &destination.subscription;
        // One that ends after a number of messages is owed that number; any other may end before this one is sent.
        let may_end = subscription.max() == 0;
        match subscription.admit() {
            Admission::Refused => return false,
            Admission::Taken => {}
            Admission::Last => self.expired.push(Arc::clone(subscription)),
            Admission::Expired => {
                self.expired.push(Arc::clone(subscription));
                return false;
            }
        }
        subscription.connection().note_request(message.reply().map(|reply| reply.as_bytes()));
        match subscription.sink() {
            Sink::Local(queue) => self.push(queue, message),
            Sink::Wire(outbox) => self.post(outbox, destination, &message, may_end),
            Sink::Stream(stream) => self.store(stream, &message),
            Sink::Service(service) => {
                let block = self.block_of(&message);
                self.turn_end().calls.push(service, &request(&message, &block))
            }
            Sink::Crossing(_) | Sink::Nowhere => false,
        }
    }

    fn store(&mut self, stream: &Weak<Stream>, message: &Message) -> bool {
        let (block, ticket) = (self.block_of(message), self.ticket);
        self.turn_end().store_local(stream, &request(message, &block), ticket)
    }

    /// The encoded header block, empty without headers.
    fn block_of(&mut self, message: &Message) -> Bytes {
        match message.headers() {
            Headers::None => Bytes::new(),
            headers => self.block.get_or_insert_with(|| headers.to_block()).clone(),
        }
    }

    fn turn_end(&mut self) -> &mut TurnEnd {
        self.delivered.turn_end.get_or_insert_with(Box::default)
    }

    #[inline]
    fn push(&mut self, queue: &Arc<LocalQueue>, message: Message) -> bool {
        match queue.push(message) {
            Pushed::Closed => return false,
            Pushed::Dropped => {}
            Pushed::Queued(pending) => {
                if queue.relief().should_stall(pending) {
                    self.delivered.congested = Some(Congested::Local(Arc::clone(queue)));
                }
            }
        }
        true
    }

    fn post(&mut self, outbox: &Arc<Outbox>, destination: &Destination, message: &Message, may_end: bool) -> bool {
        let subscription = &destination.subscription;
        let block = match (message.headers(), outbox.headers()) {
            (Headers::None, _) | (_, false) => None,
            (headers, true) => Some(self.block.get_or_insert_with(|| headers.to_block()).clone()),
        };
        let header_len = block.as_ref().map(Bytes::len);
        let total_len = header_len.unwrap_or(0) + message.payload.len();
        self.scratch.clear();
        self.route.write_prefix(destination, block.is_some(), self.scratch);
        let reply = message.reply().map(|reply| reply.as_bytes());
        encode::tail(self.scratch, reply, header_len, total_len);
        self.scratch.extend_from_slice(block.as_deref().unwrap_or_default());
        self.delivered.over_budget = true;
        let is_wanted = || !may_end || !subscription.is_closed();
        let sent = outbox.post_if(is_wanted, |queue| {
            queue.open().extend_from_slice(self.scratch);
            if message.payload.len() >= SHARE_BYTES {
                queue.push_shared(message.payload.clone(), &mut crate::chunks::BufferPool::default());
            } else {
                queue.open().extend_from_slice(&message.payload);
            }
            queue.open().extend_from_slice(b"\r\n");
        });
        if let Sent::Pending(pending) = sent
            && outbox.relief().should_stall(pending)
        {
            self.delivered.congested = Some(Congested::Wire(Arc::clone(outbox)));
        }
        if let Sent::Pending(_) = sent {
            outbox.count_sent(1, total_len as u64);
            return true;
        }
        false
    }
}

/// The message as the broker itself takes it.
pub(crate) fn request<'a>(message: &'a Message, block: &'a [u8]) -> Request<'a> {
    let reply = message.reply().map(|reply| reply.as_bytes());
    Request { subject: message.subject.as_bytes(), reply, headers: block, payload: &message.payload }
}

/// Nobody took a request: its sender learns it at once, if it listens on the reply subject. [ADR-4, 503]
pub(crate) fn tell_no_responders(router: &Router, connection: &Arc<Connection>, reply: Subject, subject: &Subject) {
    let own = |subscription: &Subscription| Arc::ptr_eq(subscription.connection(), connection);
    let Some(subscription) = router.find_plain(reply.as_bytes(), own) else { return };
    if let Sink::Local(queue) = subscription.sink() {
        let headers = Headers::Block(no_responders_block(subject.as_bytes()).into());
        queue.push_status(Message::new(reply, None, headers, Bytes::new()));
    }
}
