//! The hot path: one published message from the wire to everybody who wants it.

use std::sync::Weak;

use bytes::Bytes;
use embus_protocol::decode::Publish;
use embus_protocol::encode;

use crate::batch::Batch;
use crate::connection::{ClientId, INTERNAL};
use crate::message::Message;
use crate::outbox::Outbox;
use crate::route::{Destination, Route};
use crate::router::Router;
use crate::service::Request;
use crate::sink::Sink;
use crate::stream::{AnswerTo, Stream};
use crate::subscription::{Admission, Subscription};
use crate::sync::Arc;
use crate::turn_end::TurnEnd;
use crate::worker::{Matching, Worker};

/// A payload this large travels as a shared chunk, not as a copy per destination. [performance: zero-copy]
const SHARE_BYTES: usize = 16 * 1024;

/// With this many destinations, already smaller payloads do.
const SHARE_WIDE_FAN_OUT: usize = 4;
const SHARE_WIDE_BYTES: usize = 4 * 1024;

const CRLF: &[u8] = b"\r\n";

/// Who publishes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publisher {
    pub(crate) id: ClientId,
    /// Whether its own subscriptions get its messages.
    pub(crate) echo: bool,
}

/// One message on its way out, in the forms that its destinations need; each form is made once, when first needed.
struct Outgoing<'a> {
    publish: &'a Publish<'a>,
    /// Headers, payload and the line end behind them, when they travel shared.
    body: Option<Bytes>,
    message: Option<Message>,
}

impl Worker {
    /// Delivers one message; returns how many took it.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        router: &Router,
        publisher: Publisher,
        publish: &Publish<'_>,
        body: Option<Bytes>,
    ) -> usize {
        if let Some(is_taken) = self.deliver_inside(router, publish) {
            return usize::from(is_taken);
        }
        let Self { matching: Matching { cache, random, expired, scratch, .. }, batch, .. } = self;
        let route = cache.resolve(router, publish.subject);
        let fan_out = route.fan_out();
        if fan_out == 0 {
            return 0;
        }
        let body = body.or_else(|| shared_body(publish, fan_out));
        // Most often there are none, and this is no memory.
        let crossings = route.crossings().to_vec();
        let mut delivery =
            Delivery { outgoing: Outgoing { publish, body, message: None }, publisher, route, batch, expired, scratch };
        let mut taken = 0;
        for destination in route.plain() {
            taken += usize::from(delivery.offer(destination));
        }
        for group in route.groups() {
            let start = if group.len() == 1 { 0 } else { random.usize(..group.len()) };
            let (later, first) = group.split_at(start);
            taken += usize::from(first.iter().chain(later).any(|member| delivery.offer(member)));
        }
        if !self.matching.expired.is_empty() {
            remove_expired(router, &mut self.matching.expired);
        }
        if !crossings.is_empty() {
            taken += self.cross_all(&crossings, publisher, &request(publish));
        }
        taken
    }
}

impl Worker {
    /// Delivers a message that only a stream or a service of the broker wants, if its subject is no repetition; says
    /// whether that took it.
    #[inline]
    fn deliver_inside(&mut self, router: &Router, publish: &Publish<'_>) -> Option<bool> {
        let Self { matching: Matching { cache, singles, .. }, batch, .. } = self;
        if cache.is_last(router, publish.subject) {
            return None;
        }
        let only = singles.find(router, publish.subject)?;
        let turn_end = &mut batch.turn_end;
        match only.sink() {
            Sink::Stream(_) | Sink::Service(_) if only.admit() == Admission::Refused => Some(false),
            Sink::Stream(stream) => Some(store(turn_end, stream, publish)),
            Sink::Service(service) => Some(turn_end.calls.push(service, &request(publish))),
            _ => None,
        }
    }

    /// Delivers a message of the broker itself; returns how many took it. `hops` says how often it was republished.
    pub(crate) fn deliver_internal(&mut self, router: &Router, message: &Request<'_>, hops: u8) -> usize {
        router.show(|tap| tap.published(message));
        let before = std::mem::replace(&mut self.batch.turn_end.hops, hops);
        let taken = self.deliver_message(router, Publisher { id: INTERNAL, echo: true }, message);
        self.batch.turn_end.hops = before;
        taken
    }

    /// Delivers a message that is not in the form of the wire; returns how many took it.
    pub(crate) fn deliver_message(&mut self, router: &Router, publisher: Publisher, message: &Request<'_>) -> usize {
        let mut body = std::mem::take(&mut self.internal_body);
        body.clear();
        let header_len = (!message.headers.is_empty()).then_some(message.headers.len());
        let total_len = message.headers.len() + message.payload.len();
        encode::tail(&mut body, message.reply, header_len, total_len);
        let start = body.len();
        body.extend_from_slice(message.headers);
        body.extend_from_slice(message.payload);
        body.extend_from_slice(CRLF);
        let publish = Publish {
            subject: message.subject,
            reply: message.reply,
            header_len,
            total_len,
            body: &body[start..start + total_len],
            tail: &body,
        };
        let taken = self.deliver(router, publisher, &publish, None);
        body.shrink_to(KEPT_INTERNAL_BYTES);
        self.internal_body = body;
        taken
    }
}

impl Worker {
    /// Delivers an answer of the broker itself. Most often one wire client waits for it: then its frame is written right
    /// where it is sent from.
    pub(crate) fn answer(&mut self, router: &Router, subject: &[u8], headers: &[u8], payload: &[u8]) {
        let Self { matching, batch, .. } = self;
        match matching.only_wire(router, subject).filter(|_| payload.len() < SHARE_WIDE_BYTES) {
            Some(only) => {
                router.show(|tap| tap.published(&Request { subject, reply: None, headers, payload }));
                send_answer(batch, only, subject, headers, payload);
            }
            None => {
                self.deliver_internal(router, &Request { subject, reply: None, headers, payload }, 0);
            }
        }
    }
}

#[inline]
fn send_answer(batch: &mut Batch, only: &Subscription, subject: &[u8], headers: &[u8], payload: &[u8]) {
    let Sink::Wire(outbox) = only.sink() else { return };
    if !outbox.is_open() || only.admit() == Admission::Refused {
        return;
    }
    // A client that reads no headers gets the payload alone. [reference §1.2]
    let headers = if outbox.headers() { headers } else { b"" };
    let header_len = (!headers.is_empty()).then_some(headers.len());
    let len = headers.len() + payload.len();
    let (stage, _) = batch.stage(outbox);
    stage.count(len);
    let open = stage.frames.open();
    let before = open.len();
    open.extend_from_slice(if header_len.is_some() { b"HMSG " } else { b"MSG " });
    for word in [subject, only.sid().as_bytes()] {
        open.extend_from_slice(word);
        open.push(b' ');
    }
    encode::tail(open, None, header_len, len);
    open.extend_from_slice(headers);
    open.extend_from_slice(payload);
    open.extend_from_slice(CRLF);
    let added = open.len() - before;
    batch.note_staged(added);
}

/// Memory for the broker's own messages that a worker keeps.
const KEPT_INTERNAL_BYTES: usize = 64 * 1024;

/// One copy for all destinations where that is cheaper than one copy each.
#[inline]
fn shared_body(publish: &Publish<'_>, fan_out: usize) -> Option<Bytes> {
    let len = publish.body.len();
    if len < SHARE_WIDE_BYTES || (len < SHARE_BYTES && fan_out < SHARE_WIDE_FAN_OUT) {
        return None;
    }
    let mut body = Vec::with_capacity(len + CRLF.len());
    body.extend_from_slice(publish.body);
    body.extend_from_slice(CRLF);
    Some(Bytes::from(body))
}

struct Delivery<'a> {
    outgoing: Outgoing<'a>,
    publisher: Publisher,
    route: &'a Route,
    batch: &'a mut Batch,
    expired: &'a mut Vec<Arc<Subscription>>,
    scratch: &'a mut Vec<u8>,
}

impl Delivery<'_> {
    /// Gives the message to one destination, if it takes it.
    #[inline]
    fn offer(&mut self, destination: &Destination) -> bool {
        let subscription = &destination.subscription;
        if !self.publisher.echo && subscription.connection().id() == self.publisher.id {
            return false;
        }
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
        match subscription.sink() {
            Sink::Wire(outbox) => {
                subscription.connection().note_request(self.outgoing.publish.reply);
                self.send_frame(outbox, destination);
            }
            Sink::Local(queue) => {
                subscription.connection().note_request(self.outgoing.publish.reply);
                let message = self.outgoing.message();
                self.batch.push_local(queue, message);
            }
            Sink::Stream(stream) => return store(&mut self.batch.turn_end, stream, self.outgoing.publish),
            Sink::Service(service) => {
                let request = request(self.outgoing.publish);
                return self.batch.turn_end.calls.push(service, &request);
            }
            Sink::Crossing(_) | Sink::Nowhere => return false,
        }
        true
    }

    #[inline]
    fn send_frame(&mut self, outbox: &Arc<Outbox>, destination: &Destination) {
        let publish = self.outgoing.publish;
        if publish.header_len.is_none() && self.outgoing.body.is_none() && !publish.tail.is_empty() {
            return self.send_as_read(outbox, destination);
        }
        self.send_encoded(outbox, destination);
    }

    /// The usual case: what stands behind the subject in the `PUB` line is what a `MSG` line needs there.
    #[inline]
    fn send_as_read(&mut self, outbox: &Arc<Outbox>, destination: &Destination) {
        let publish = self.outgoing.publish;
        let (stage, _) = self.batch.stage(outbox);
        stage.count(publish.body.len());
        let open = stage.frames.open();
        let before = open.len();
        self.route.write_prefix(destination, false, open);
        open.extend_from_slice(publish.tail);
        let added = open.len() - before;
        self.batch.note_staged(added);
    }

    /// All other cases: headers, large payloads, and control lines with odd spacing.
    fn send_encoded(&mut self, outbox: &Arc<Outbox>, destination: &Destination) {
        let publish = self.outgoing.publish;
        let header_len = publish.header_len.unwrap_or(0);
        let with_headers = header_len > 0 && outbox.headers();
        // A client that reads no headers gets the payload alone. [reference §1.2]
        let skip = if with_headers { 0 } else { header_len };
        let len = publish.total_len - skip;
        self.scratch.clear();
        self.route.write_prefix(destination, with_headers, self.scratch);
        encode::tail(self.scratch, publish.reply, with_headers.then_some(header_len), len);
        let (stage, spare) = self.batch.stage(outbox);
        stage.count(len);
        let open = stage.frames.open();
        open.extend_from_slice(self.scratch);
        // A part is shared only if it is most of the whole: what waits must not hold on to more than it counts as.
        if let Some(body) = self.outgoing.body.as_ref().filter(|body| len >= body.len() / 2) {
            stage.frames.push_shared(body.slice(skip..), spare);
        } else {
            open.extend_from_slice(&publish.body[skip..]);
            open.extend_from_slice(CRLF);
        }
        self.batch.note_staged(self.scratch.len() + len);
    }
}

/// Hands the message to a stream; it is committed at the end of the turn.
fn store(turn_end: &mut TurnEnd, stream: &Weak<Stream>, publish: &Publish<'_>) -> bool {
    let request = request(publish);
    let answer = request.reply.map_or(AnswerTo::Nobody, AnswerTo::Reply);
    turn_end.store(stream, &request, answer)
}

/// The message as the broker itself takes it.
pub(crate) fn request<'a>(publish: &'a Publish<'_>) -> Request<'a> {
    let (subject, reply) = (publish.subject, publish.reply);
    Request { subject, reply, headers: publish.headers(), payload: publish.payload() }
}

impl Outgoing<'_> {
    /// The message as in-process subscribers get it.
    fn message(&mut self) -> Message {
        let (publish, body) = (self.publish, &self.body);
        self.message.get_or_insert_with(|| Message::from_publish(publish, body.as_ref())).clone()
    }
}

/// Takes subscriptions out that have had all they wanted.
pub(crate) fn remove_expired(router: &Router, expired: &mut Vec<Arc<Subscription>>) {
    router.unsubscribe_all(expired);
    for subscription in expired.drain(..) {
        let mut held = subscription.connection().subscriptions().lock();
        // The client may have used the same sid anew meanwhile.
        if held.get(subscription.sid().as_bytes()).is_some_and(|held| Arc::ptr_eq(held, &subscription)) {
            held.remove(subscription.sid());
        }
    }
}
