//! What clients tell consumers: acknowledgements, requests for the next messages, answers to flow control. Recognised
//! right after parsing, without the interest table; gathered per stream while a turn lasts, so that a stream takes all of
//! a turn under one lock. [performance §6]

use embus_protocol::headers::block;

use crate::api;
use crate::consumer::ack::AckToken;
use crate::jetstream::JetStream;
use crate::router::Router;
use crate::service::Request;
use crate::stream::Stream;
use crate::sync::Arc;
use crate::worker::Worker;

/// What came for the consumers of all streams in one turn.
#[derive(Debug, Default)]
pub(crate) struct Feedback {
    gathered: Vec<Gathered>,
    spare: Vec<Messages>,
}

/// What came for the consumers of one stream.
#[derive(Debug)]
struct Gathered {
    stream: Arc<Stream>,
    messages: Messages,
}

/// Messages to consumers, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    kind: Kind,
    start: usize,
    consumer_end: usize,
    reply_end: usize,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Ack(AckToken),
    Flow { arrived: Option<u64> },
    Pull { level_is_missing: bool },
}

/// One message to a consumer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) consumer: &'a [u8],
    /// Where an answer is expected.
    pub(crate) reply: Option<&'a [u8]>,
    pub(crate) says: Says<'a>,
}

/// What a message says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Says<'a> {
    /// What is to become of a delivered message.
    Ack(AckToken, &'a [u8]),
    /// Deliveries may go on, says whoever was asked to answer on this subject; perhaps with the sequence up to which
    /// everything has arrived.
    Flow(&'a [u8], Option<u64>),
    /// Send so many.
    Pull(&'a [u8]),
    /// The same, from somebody who needs a newer broker.
    PullOfNewer,
}

/// Who is spoken to, and what about.
struct Address<'a> {
    stream: &'a [u8],
    consumer: &'a [u8],
    kind: Kind,
    body: &'a [u8],
}

impl Worker {
    /// Notes a message if it is one to a consumer that is there, to be carried out at the end of the turn; says whether.
    pub(crate) fn take_feedback(&mut self, router: &Router, message: &Request<'_>) -> bool {
        router.jetstream().is_some_and(|jetstream| self.batch.turn_end.feedback.take(router, jetstream, message))
    }
}

impl Feedback {
    /// Notes a message if it is one to a consumer that is there; says whether.
    pub(crate) fn take(&mut self, router: &Router, jetstream: &JetStream, message: &Request<'_>) -> bool {
        let Some(address) = parse(jetstream, message) else { return false };
        let Some(gathered) = self.gathered_for(router, jetstream, address.stream) else { return false };
        // Who expects an answer learns that nobody is there; an acknowledgement without goes nowhere in silence.
        if message.reply.is_some() && !gathered.stream.has_consumer(address.consumer) {
            return false;
        }
        gathered.messages.push(&address, message.reply);
        true
    }

    fn gathered_for(&mut self, router: &Router, jetstream: &JetStream, stream: &[u8]) -> Option<&mut Gathered> {
        let is_it = |found: &Stream| found.name().as_bytes() == stream && found.is_of(router);
        let found = self.gathered.iter().rposition(|gathered| is_it(&gathered.stream));
        let index = if let Some(index) = found {
            index
        } else {
            let stream = jetstream.get(std::str::from_utf8(stream).ok()?)?;
            let messages = self.spare.pop().unwrap_or_default();
            self.gathered.push(Gathered { stream, messages });
            self.gathered.len() - 1
        };
        self.gathered.get_mut(index)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.gathered.is_empty()
    }

    /// Takes one stream's messages out.
    pub(crate) fn pop(&mut self) -> Option<(Arc<Stream>, Messages)> {
        self.gathered.pop().map(|gathered| (gathered.stream, gathered.messages))
    }

    /// Keeps the memory of what was carried out.
    pub(crate) fn recycle(&mut self, mut messages: Messages) {
        messages.bytes.clear();
        messages.bytes.shrink_to(KEPT_BYTES);
        messages.items.clear();
        messages.items.shrink_to(KEPT_ITEMS);
        if self.spare.len() < KEPT_LISTS {
            self.spare.push(messages);
        }
    }
}

impl Messages {
    fn push(&mut self, address: &Address<'_>, reply: Option<&[u8]>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(address.consumer);
        let consumer_end = self.bytes.len();
        self.bytes.extend_from_slice(reply.unwrap_or_default());
        let reply_end = self.bytes.len();
        self.bytes.extend_from_slice(address.body);
        self.items.push(Item { kind: address.kind, start, consumer_end, reply_end });
    }

    /// All of them, in the order they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        let ends = self.items.iter().skip(1).map(|item| item.start).chain([self.bytes.len()]);
        self.items.iter().zip(ends).map(|(item, end)| {
            let reply = &self.bytes[item.consumer_end..item.reply_end];
            let body = &self.bytes[item.reply_end..end];
            let says = match item.kind {
                Kind::Ack(token) => Says::Ack(token, body),
                Kind::Flow { arrived } => Says::Flow(body, arrived),
                Kind::Pull { level_is_missing: false } => Says::Pull(body),
                Kind::Pull { level_is_missing: true } => Says::PullOfNewer,
            };
            Message {
                consumer: &self.bytes[item.start..item.consumer_end],
                reply: (!reply.is_empty()).then_some(reply),
                says,
            }
        })
    }
}

#[inline]
fn parse<'a>(jetstream: &JetStream, message: &Request<'a>) -> Option<Address<'a>> {
    let rest = message.subject.strip_prefix(b"$JS.")?;
    if rest.starts_with(b"ACK.") {
        let (stream, consumer, token) = AckToken::parse(message.subject)?;
        return Some(Address { stream, consumer, kind: Kind::Ack(token), body: message.payload });
    }
    if let Some(rest) = rest.strip_prefix(b"FC.") {
        let [stream, consumer, _] = tokens(rest)?;
        let kind = Kind::Flow { arrived: arrived(message.headers) };
        return Some(Address { stream, consumer, kind, body: message.subject });
    }
    if !rest.starts_with(b"API.") && domain(rest) != jetstream.domain().map(str::as_bytes) {
        return None;
    }
    let operation = api::request::operation(message.subject)?;
    let [stream, consumer] = tokens(operation.strip_prefix(b"CONSUMER.MSG.NEXT.")?)?;
    let level_is_missing = api::request::check_level(message.headers).is_err();
    Some(Address { stream, consumer, kind: Kind::Pull { level_is_missing }, body: message.payload })
}

/// Up to which sequence of the stream everything has arrived; both numbers must be there. [nats-server 2.15.1, probed]
fn arrived(headers: &[u8]) -> Option<u64> {
    let number = |name| std::str::from_utf8(block::value(headers, name)?).ok()?.parse::<u64>().ok();
    number("Nats-Last-Consumer").filter(|number| *number > 0)?;
    number("Nats-Last-Stream").filter(|number| *number > 0)
}

/// What stands before the first dot.
fn domain(rest: &[u8]) -> Option<&[u8]> {
    rest.split(|byte| *byte == b'.').next()
}

/// Just so many tokens, none of them empty.
fn tokens<const N: usize>(subject: &[u8]) -> Option<[&[u8]; N]> {
    let mut tokens = subject.split(|byte| *byte == b'.');
    let mut found = [&b""[..]; N];
    for place in &mut found {
        *place = tokens.next().filter(|token| !token.is_empty())?;
    }
    tokens.next().is_none().then_some(found)
}

/// Memory that a worker keeps for the next turn.
const KEPT_BYTES: usize = 64 * 1024;
const KEPT_ITEMS: usize = 1024;
const KEPT_LISTS: usize = 16;
