//! A stored message on its way to whoever asked for it: routed by one subject, shown under another, with the subject for
//! its acknowledgement as reply. [reference §5.1]

mod row;

use bytes::{BufMut, Bytes};
use embus_protocol::encode;
use embus_protocol::subject::Subject;
use embus_storage::message::StoredMessage;

use crate::batch::Batch;
use crate::deliver::remove_expired;
use crate::message::{Headers, Message};
use crate::outbox::Outbox;
use crate::relief::STALL_HIGH_BYTES;
use crate::route::{Destination, Route};
use crate::router::Router;
use crate::service::Request;
use crate::sharing::{MAX_HOPS, reach_behind, visit_behind};
use crate::sink::Sink;
use crate::stream::AnswerTo;
use crate::subscription::{Admission, Subscription};
use crate::sync::Arc;
use crate::worker::{Matching, Worker};

pub(crate) use row::RowSpace;

/// A stored message and where it goes.
pub(crate) struct Handed<'a> {
    /// Whoever listens here gets it.
    pub(crate) to: &'a [u8],
    /// Where it was published.
    pub(crate) subject: &'a [u8],
    /// Where its acknowledgement goes.
    pub(crate) reply: &'a [u8],
    /// The header block it was stored with, empty without headers.
    pub(crate) headers: &'a [u8],
    /// Header lines that this delivery adds, each with its end.
    pub(crate) added: &'a [u8],
    pub(crate) payload: &'a [u8],
    /// The message as shared memory, for in-process subscribers.
    pub(crate) shared: &'a dyn Fn() -> StoredMessage,
}

/// Whether a destination can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nobody listens there.
    Nobody,
    /// Only those who have not read for a while what waits already.
    Congested,
    /// Somebody.
    Open,
}

const VERSION: &[u8] = b"NATS/1.0\r\n";
const CRLF: &[u8] = b"\r\n";

impl Worker {
    /// Delivers a stored message; returns how many took it.
    pub(crate) fn deliver_as(&mut self, router: &Router, handed: &Handed<'_>) -> usize {
        let Self { matching: Matching { cache, random, expired, .. }, batch, .. } = self;
        let route = cache.resolve(router, handed.to);
        let crossings = route.crossings().to_vec();
        let mut delivery = Delivery { handed, batch, expired, message: None };
        let mut taken = 0;
        for destination in route.plain() {
            taken += usize::from(delivery.offer(&destination.subscription));
        }
        for group in route.groups() {
            let start = if group.len() == 1 { 0 } else { random.usize(..group.len()) };
            taken += usize::from(delivery.offer_one(group, start));
        }
        if !self.matching.expired.is_empty() {
            remove_expired(router, &mut self.matching.expired);
        }
        if !crossings.is_empty() {
            taken += self.cross_handed(&crossings, handed);
        }
        taken
    }

    /// Whether somebody listens on `subject`, in the queue group if one is given, and takes more. `needs_plain` asks for
    /// somebody who is in no group.
    pub(crate) fn reach(&mut self, router: &Router, subject: &[u8], group: Option<&[u8]>, needs_plain: bool) -> Reach {
        reach(self.matching.cache.resolve(router, subject), subject, group, needs_plain)
    }

    /// Everybody who listens on `subject`, also behind other accounts.
    pub(crate) fn visit_listeners(
        &mut self,
        router: &Router,
        subject: &[u8],
        mut visit: impl FnMut(&Arc<Subscription>),
    ) {
        let route = self.matching.cache.resolve(router, subject);
        let all = route.plain().iter().chain(route.groups().flatten());
        all.for_each(|destination| visit(&destination.subscription));
        visit_behind(route.crossings(), subject, MAX_HOPS, &mut visit);
    }
}

impl Router {
    /// As [`Worker::reach`], where no worker is at hand.
    pub(crate) fn reach(&self, subject: &[u8], group: Option<&[u8]>, needs_plain: bool) -> Reach {
        let mut route = Route::default();
        self.fill_route(subject, &mut route);
        reach(&route, subject, group, needs_plain)
    }
}

fn reach(route: &Route, subject: &[u8], group: Option<&[u8]>, needs_plain: bool) -> Reach {
    let here = reach_here(route, group, needs_plain);
    if here == Reach::Open || route.crossings().is_empty() {
        return here;
    }
    let behind = |route: &Route| reach_here(route, group, needs_plain);
    match reach_behind(route.crossings(), subject, MAX_HOPS, &behind) {
        Reach::Nobody => here,
        behind => behind,
    }
}

fn reach_here(route: &Route, group: Option<&[u8]>, needs_plain: bool) -> Reach {
    let members = route.groups().flatten();
    if let Some(group) = group {
        return reach_of(members.filter(|member| member.subscription.queue() == Some(group)));
    }
    if needs_plain {
        return reach_of(route.plain().iter());
    }
    reach_of(route.plain().iter().chain(members))
}

/// Congested where everybody is who the messages are meant for. That is whoever asked for this subject the most closely:
/// somebody who listens to everything beside neither holds the others up nor lets them be flooded, and of several who
/// listen alike, one who does not read does not stop those who do.
fn reach_of<'a>(destinations: impl Iterator<Item = &'a Destination> + Clone) -> Reach {
    let open = destinations.map(|destination| &destination.subscription).filter(|it| is_open(it));
    if open.clone().next().is_none() {
        return Reach::Nobody;
    }
    if !open.clone().any(|subscription| is_congested(subscription)) {
        return Reach::Open;
    }
    let closest = open.clone().map(|subscription| literal_tokens(subscription.filter())).max();
    let mut meant = open.filter(|subscription| Some(literal_tokens(subscription.filter())) == closest);
    if meant.all(|subscription| is_congested(subscription)) { Reach::Congested } else { Reach::Open }
}

fn literal_tokens(filter: &[u8]) -> usize {
    filter.split(|byte| *byte == b'.').filter(|token| !matches!(token, [b'*' | b'>'])).count()
}

fn is_open(subscription: &Subscription) -> bool {
    match subscription.sink() {
        Sink::Wire(outbox) => outbox.is_open() && !subscription.is_closed(),
        Sink::Nowhere | Sink::Crossing(_) => false,
        _ => !subscription.is_closed(),
    }
}

/// Whether as much waits there as a producer should leave.
fn is_congested(subscription: &Subscription) -> bool {
    match subscription.sink() {
        Sink::Wire(outbox) => outbox.pending_bytes() > STALL_HIGH_BYTES,
        Sink::Local(queue) => queue.pending_bytes() > STALL_HIGH_BYTES,
        _ => false,
    }
}

struct Delivery<'a> {
    handed: &'a Handed<'a>,
    batch: &'a mut Batch,
    expired: &'a mut Vec<Arc<Subscription>>,
    message: Option<Message>,
}

impl Delivery<'_> {
    /// Gives the message to one member of a group, if possible to one who reads.
    fn offer_one(&mut self, group: &[Destination], start: usize) -> bool {
        let (later, first) = group.split_at(start);
        let mut members = first.iter().chain(later).map(|member| &member.subscription);
        if group.len() > 1 && members.clone().any(|member| is_congested(member)) {
            let mut readers = members.clone().filter(|member| !is_congested(member));
            if readers.any(|member| self.offer(member)) {
                return true;
            }
        }
        members.any(|member| self.offer(member))
    }

    /// Gives the message to one subscription, if it takes it.
    #[inline]
    fn offer(&mut self, subscription: &Arc<Subscription>) -> bool {
        if let Sink::Wire(outbox) = subscription.sink()
            && !outbox.is_open()
        {
            return false;
        }
        match subscription.admit() {
            Admission::Refused => return false,
            Admission::Taken => {}
            Admission::Last => self.expired.push(Arc::clone(subscription)),
            Admission::Expired => {
                self.expired.push(Arc::clone(subscription));
                return false;
            }
        }
        subscription.connection().note_request(Some(self.handed.reply));
        match subscription.sink() {
            Sink::Wire(outbox) => self.send(outbox, subscription),
            Sink::Local(queue) => {
                let message = self.message.get_or_insert_with(|| self.handed.to_message()).clone();
                self.batch.push_local(queue, message);
            }
            Sink::Stream(stream) => {
                // Another stream keeps what is delivered to one of its subjects, under that subject.
                let headers = self.handed.to_block();
                return self.batch.turn_end.store(stream, &self.handed.as_request(&headers), AnswerTo::Nobody);
            }
            Sink::Service(service) => {
                let headers = self.handed.to_block();
                return self.batch.turn_end.calls.push(service, &self.handed.as_request(&headers));
            }
            Sink::Crossing(_) | Sink::Nowhere => return false,
        }
        true
    }

    #[inline]
    fn send(&mut self, outbox: &Arc<Outbox>, subscription: &Subscription) {
        let handed = self.handed;
        // A client that reads no headers gets the payload alone. [reference §1.2]
        let header_len = if outbox.headers() { handed.header_len() } else { 0 };
        let total_len = header_len + handed.payload.len();
        let (stage, _) = self.batch.stage(outbox);
        stage.count(total_len);
        let open = stage.frames.open();
        let before = open.len();
        open.extend_from_slice(if header_len > 0 { b"HMSG " } else { b"MSG " });
        for word in [handed.subject, subscription.sid().as_bytes()] {
            open.extend_from_slice(word);
            open.push(b' ');
        }
        encode::tail(open, Some(handed.reply), (header_len > 0).then_some(header_len), total_len);
        if header_len > 0 {
            handed.write_block(open);
        }
        open.extend_from_slice(handed.payload);
        open.extend_from_slice(CRLF);
        let added = open.len() - before;
        self.batch.note_staged(added);
    }
}

impl Handed<'_> {
    fn header_len(&self) -> usize {
        match (self.headers.len(), self.added.len()) {
            (len, 0) => len,
            (0, added) => VERSION.len() + added + CRLF.len(),
            (len, added) => len + added,
        }
    }

    /// The headers it was stored with, and behind them those of the delivery.
    fn write_block(&self, out: &mut impl BufMut) {
        if self.added.is_empty() {
            return out.put_slice(self.headers);
        }
        out.put_slice(if self.headers.is_empty() {
            VERSION
        } else {
            self.headers.strip_suffix(CRLF).unwrap_or(self.headers)
        });
        out.put_slice(self.added);
        out.put_slice(CRLF);
    }

    pub(crate) fn to_block(&self) -> Vec<u8> {
        let mut block = Vec::with_capacity(self.header_len());
        self.write_block(&mut block);
        block
    }

    pub(crate) fn as_request<'a>(&'a self, headers: &'a [u8]) -> Request<'a> {
        Request { subject: self.to, reply: Some(self.reply), headers, payload: self.payload }
    }

    /// The message as in-process subscribers get it. What it shares with the read buffer is what most of it is.
    fn to_message(&self) -> Message {
        let mut stored = (self.shared)();
        let headers = if self.added.is_empty() { stored.headers } else { Bytes::from(self.to_block()) };
        let headers = if headers.is_empty() { Headers::None } else { Headers::Block(headers) };
        if self.payload.is_empty() {
            stored.payload = Bytes::new();
        }
        let reply = Subject::from(String::from_utf8_lossy(self.reply).into_owned());
        Message::new(subject_of(&stored.subject), Some(reply), headers, stored.payload)
    }
}

/// Subjects of the wire may be any bytes, those of a Rust program are text.
fn subject_of(bytes: &Bytes) -> Subject {
    Subject::from_utf8(bytes.clone()).unwrap_or_else(|_| Subject::from(String::from_utf8_lossy(bytes).into_owned()))
}

#[cfg(test)]
mod tests;
