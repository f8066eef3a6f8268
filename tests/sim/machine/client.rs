//! Clients in the process and over the wire, seen the same way: they publish, subscribe, read, vanish.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use embus_engine::{Engine, Headers, LocalClient, LocalSubscription, Message, QueueBounds};
use embus_protocol::subject::Subject;
use fastrand::Rng;

use super::wire::WireClient;
use crate::frame::Received;

/// One client of a broker.
#[derive(Debug)]
pub(crate) enum Client {
    Local { client: Arc<LocalClient>, subscriptions: BTreeMap<u64, LocalSubscription> },
    Wire(Box<WireClient>),
}

/// Where the answers to all that a client asks come in; subscriptions of its own have higher numbers.
pub(crate) const INBOX: u64 = 1;

impl Client {
    /// One that has an inbox `_INBOX.<name>.*`.
    pub(crate) fn connect(engine: &Arc<Engine>, is_wire: bool, name: &str, rng: &mut Rng) -> Self {
        let inbox = format!("_INBOX.{name}.*");
        if is_wire {
            return Self::Wire(Box::new(WireClient::connect(engine, &inbox, rng)));
        }
        let mut client = Self::Local { client: LocalClient::connect(engine), subscriptions: BTreeMap::new() };
        client.subscribe(INBOX, &inbox, None, rng);
        client
    }

    /// Lets its turns put commits off, if it is over the wire.
    pub(crate) fn allow_gathering(&mut self) {
        if let Self::Wire(wire) = self {
            wire.allow_gathering();
        }
    }

    pub(crate) fn is_gathering(&self) -> bool {
        matches!(self, Self::Wire(wire) if wire.is_gathering())
    }

    pub(crate) fn end_gathering(&mut self) {
        if let Self::Wire(wire) = self {
            wire.end_gathering();
        }
    }

    pub(crate) fn publish(&mut self, subject: &str, reply: Option<&str>, payload: &[u8], rng: &mut Rng) {
        match self {
            Self::Wire(wire) => wire.publish(subject, reply.unwrap_or_default(), b"", payload, rng),
            Self::Local { client, .. } => {
                let payload = payload.to_vec().into();
                let message = Message::new(Subject::from(subject), reply.map(Subject::from), Headers::None, payload);
                let _ = client.publish(message).expect("nothing is wrong with the message");
            }
        }
    }

    pub(crate) fn subscribe(&mut self, sid: u64, subject: &str, group: Option<&str>, rng: &mut Rng) {
        match self {
            Self::Wire(wire) => wire.subscribe(subject, group, sid, rng),
            Self::Local { client, subscriptions } => {
                let bounds = QueueBounds { messages: 1 << 20, bytes: 1 << 30 };
                let subscription = client.subscribe(&Subject::from(subject), group, bounds);
                subscriptions.insert(sid, subscription.expect("the client is open"));
            }
        }
    }

    pub(crate) fn unsubscribe(&mut self, sid: u64, rng: &mut Rng) {
        match self {
            Self::Wire(wire) => wire.unsubscribe(sid, rng),
            Self::Local { subscriptions, .. } => drop(subscriptions.remove(&sid)),
        }
    }

    /// All that came since the last call; in order within each subscription.
    pub(crate) fn receive(&mut self) -> Vec<Received> {
        match self {
            Self::Wire(wire) => wire.receive(),
            Self::Local { subscriptions, .. } => {
                subscriptions.iter_mut().flat_map(|(sid, subscription)| read(*sid, subscription)).collect()
            }
        }
    }
}

fn read(sid: u64, subscription: &mut LocalSubscription) -> Vec<Received> {
    let mut received = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(message)) = subscription.poll_next(&mut context) {
        let headers = message.headers().to_block().to_vec();
        received.push(Received {
            sid,
            subject: message.subject.to_string(),
            reply: message.reply().map(ToString::to_string),
            headers: (!headers.is_empty()).then_some(headers),
            payload: message.payload.to_vec(),
        });
    }
    received
}
