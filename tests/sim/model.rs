//! What the broker has to do: every operation of every client, in the order in which the broker took them, and who must
//! get what of it. Simple on purpose: lists, no caches, a matcher by the book.

use std::collections::BTreeMap;

use crate::expect::{ChoiceId, Control, Entry, Inbox};
use crate::frame::{Frame, Received};
use crate::message::{Published, identify};
use crate::ops::{Op, Options};
use crate::subject;

mod count;
mod publish;

pub(crate) use count::{Between, Sums};

/// A client, wire or in-process; its number in the simulation.
pub(crate) type PeerId = usize;

/// Index of a reader's [`Inbox`].
pub(crate) type InboxId = usize;

/// What holds in this run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) max_subscriptions: usize,
}

/// The expectation of a whole run.
#[derive(Debug)]
pub(crate) struct Model {
    rules: Rules,
    stamp: u64,
    peers: BTreeMap<PeerId, Peer>,
    subscriptions: BTreeMap<(PeerId, u64), Interest>,
    inboxes: Vec<Inbox>,
    choices: Vec<Choice>,
    messages: BTreeMap<u64, Sent>,
    pub(crate) sums: Sums,
}

/// One client.
#[derive(Debug)]
struct Peer {
    standing: Standing,
    /// What a wire client asked for, and where its frames go.
    wire: Option<Wire>,
    /// Bytes that were sent its way, at most.
    offered_bytes: usize,
}

#[derive(Debug)]
struct Wire {
    inbox: InboxId,
    options: Options,
    greeting: Greeting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Greeting {
    Awaited,
    /// CONNECT spoke of protocol 1: the first PING gets an INFO.
    Half,
    Done,
}

/// Whether a client's frames arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    /// It was cut within the step that is being looked at.
    Cutting,
    /// It was cut, and the broker has not yet forgotten its subscriptions.
    Cut,
}

/// One subscription.
#[derive(Debug)]
struct Interest {
    inbox: InboxId,
    filter: String,
    queue: Option<String>,
    max: u64,
    delivered: u64,
}

/// A message that one of several readers gets.
#[derive(Debug)]
pub(crate) struct Choice {
    id: u64,
    is_taken: bool,
    /// Whether somebody must get it, unless a candidate's stream breaks off.
    is_due: bool,
    candidates: Vec<InboxId>,
}

#[derive(Debug)]
struct Sent {
    message: Published,
    stamp: u64,
    status_stamp: u64,
}

impl Model {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            stamp: 0,
            peers: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            inboxes: Vec::new(),
            choices: Vec::new(),
            messages: BTreeMap::new(),
            sums: Sums::default(),
        }
    }

    fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    pub(crate) fn add_inbox(&mut self, may_drop: bool) -> InboxId {
        self.inboxes.push(Inbox::new(may_drop));
        self.inboxes.len() - 1
    }

    /// A wire client: it is greeted, or refused.
    pub(crate) fn open_wire(&mut self, peer: PeerId, is_allowed: bool) -> InboxId {
        let inbox = self.add_inbox(false);
        let wire = Wire { inbox, options: Options::INITIAL, greeting: Greeting::Awaited };
        self.peers.insert(peer, Peer { standing: Standing::Open, wire: Some(wire), offered_bytes: 0 });
        self.control(peer, Control::Info);
        if !is_allowed {
            self.control(peer, Control::Err("maximum connections exceeded".to_owned()));
        }
        inbox
    }

    pub(crate) fn open_local(&mut self, peer: PeerId) {
        self.peers.insert(peer, Peer { standing: Standing::Open, wire: None, offered_bytes: 0 });
    }

    /// The broker has forgotten the client.
    pub(crate) fn close(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
        self.subscriptions.retain(|&(owner, _), _| owner != peer);
    }

    pub(crate) fn standing(&self, peer: PeerId) -> Option<Standing> {
        self.peers.get(&peer).map(|peer| peer.standing)
    }

    pub(crate) fn set_standing(&mut self, peer: PeerId, standing: Standing) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.standing = standing;
        }
    }

    pub(crate) fn offered_bytes(&self, peer: PeerId) -> usize {
        self.peers.get(&peer).map_or(0, |peer| peer.offered_bytes)
    }

    pub(crate) fn inbox(&mut self, inbox: InboxId) -> &mut Inbox {
        &mut self.inboxes[inbox]
    }

    /// Whether a subscription certainly goes on.
    pub(crate) fn is_subscribed(&self, peer: PeerId, sid: u64) -> bool {
        self.subscriptions.get(&(peer, sid)).is_some_and(|interest| !interest.is_uncertain())
    }

    /// The subscriptions of a client, by sid.
    pub(crate) fn sids(&self, peer: PeerId) -> impl Iterator<Item = u64> {
        self.subscriptions.range((peer, 0)..=(peer, u64::MAX)).map(|(&(_, sid), _)| sid)
    }

    /// How many subscriptions there are, as far as it is certain.
    pub(crate) fn subscriptions(&self) -> Between {
        let is_certain = |interest: &&Interest| !interest.is_uncertain();
        let certain = self.subscriptions.values().filter(is_certain).count() as u64;
        Between { least: certain, most: self.subscriptions.len() as u64 }
    }

    fn control(&mut self, peer: PeerId, control: Control) {
        let stamp = self.next_stamp();
        let Some(client) = self.peers.get_mut(&peer) else { return };
        let Some(wire) = &client.wire else { return };
        client.offered_bytes += CONTROL_BYTES;
        if client.standing != Standing::Cut {
            self.inboxes[wire.inbox].expect_control(stamp, control);
        }
    }

    fn options(&self, peer: PeerId) -> Options {
        self.peers.get(&peer).and_then(|peer| peer.wire.as_ref()).map_or(Options::INITIAL, |wire| wire.options)
    }

    fn ok(&mut self, peer: PeerId) {
        if self.options(peer).verbose {
            self.control(peer, Control::Ok);
        }
    }

    fn error(&mut self, peer: PeerId, text: impl Into<String>) {
        self.control(peer, Control::Err(text.into()));
    }

    /// All clients that take INFO at any time are told that the broker will stop.
    pub(crate) fn lame_duck(&mut self) {
        let told: Vec<_> = self.peers.keys().copied().filter(|&peer| self.options(peer).protocol >= 1).collect();
        told.into_iter().for_each(|peer| self.control(peer, Control::Info));
    }

    /// The broker took one operation of a wire client.
    pub(crate) fn apply(&mut self, peer: PeerId, op: Op) {
        match op {
            Op::Connect(options) => self.connect(peer, options),
            Op::Subscribe { filter, queue, sid } => self.subscribe(peer, filter, queue, sid),
            Op::Unsubscribe { sid, max } => {
                self.unsubscribe(peer, sid, max.unwrap_or(0));
                self.ok(peer);
            }
            Op::Publish(message) => self.publish_wire(peer, message),
            Op::Ping => self.ping(peer),
            Op::Pong | Op::Noise => {}
            Op::Fatal { error, counted, .. } => {
                if let Some(bytes) = counted {
                    self.sums.count_in(bytes);
                }
                if let Some(error) = error {
                    self.error(peer, error);
                }
            }
        }
    }

    fn connect(&mut self, peer: PeerId, options: Options) {
        let Some(wire) = self.peers.get_mut(&peer).and_then(|peer| peer.wire.as_mut()) else { return };
        let is_first = wire.greeting == Greeting::Awaited;
        wire.greeting = if is_first && options.protocol >= 1 { Greeting::Half } else { Greeting::Done };
        wire.options = options;
        if !is_first {
            // A second CONNECT starts over. [reference §1.3]
            self.subscriptions.retain(|&(owner, _), _| owner != peer);
        }
        self.ok(peer);
    }

    fn ping(&mut self, peer: PeerId) {
        self.control(peer, Control::Pong);
        let Some(wire) = self.peers.get_mut(&peer).and_then(|peer| peer.wire.as_mut()) else { return };
        if wire.greeting == Greeting::Half {
            wire.greeting = Greeting::Done;
            self.control(peer, Control::Info);
        }
    }

    fn subscribe(&mut self, peer: PeerId, filter: String, queue: Option<String>, sid: u64) {
        if let Some(queue) = queue.as_deref().filter(|queue| *queue == "_sys_") {
            let text = format!("Permissions Violation for Subscription to \"{filter}\" using queue \"{queue}\"");
            return self.error(peer, text);
        }
        let limit = self.rules.max_subscriptions;
        if limit > 0 && self.sids(peer).count() >= limit {
            return self.error(peer, "maximum subscriptions exceeded");
        }
        if !self.subscriptions.contains_key(&(peer, sid)) {
            if !subject::is_valid_filter(&filter) {
                return self.error(peer, "Invalid Subject");
            }
            let inbox = self.peers.get(&peer).and_then(|peer| peer.wire.as_ref()).map(|wire| wire.inbox);
            let Some(inbox) = inbox else { return };
            self.add_interest(peer, sid, inbox, filter, queue);
        }
        self.ok(peer);
    }

    pub(crate) fn add_interest(
        &mut self,
        peer: PeerId,
        sid: u64,
        inbox: InboxId,
        filter: String,
        queue: Option<String>,
    ) {
        self.inboxes[inbox].start(self.stamp, sid);
        self.subscriptions.insert((peer, sid), Interest { inbox, filter, queue, max: 0, delivered: 0 });
    }

    /// Ends a subscription after `max` deliveries since its start, which may be now.
    pub(crate) fn unsubscribe(&mut self, peer: PeerId, sid: u64, max: u64) {
        let stamp = self.stamp;
        let Some(interest) = self.subscriptions.get_mut(&(peer, sid)) else { return };
        interest.max = max;
        if max == 0 || (interest.queue.is_none() && max <= interest.delivered) {
            self.subscriptions.remove(&(peer, sid));
        } else if interest.queue.is_some() {
            let inbox = interest.inbox;
            self.inboxes[inbox].limit(stamp, sid, max);
        }
    }

    /// An in-process reader got a message, which the broker counts now, unless the client is closed.
    pub(crate) fn receive_local(&mut self, peer: PeerId, inbox: InboxId, received: &Received) {
        let bytes = (received.headers.as_ref().map_or(0, Vec::len) + received.payload.len()) as u64;
        let is_counted = u64::from(self.peers.contains_key(&peer));
        self.sums.out_messages.add(is_counted, 1);
        self.sums.out_bytes.add(is_counted * bytes, bytes);
        self.receive_message(inbox, received);
    }

    /// A wire client got a frame.
    pub(crate) fn receive(&mut self, inbox: InboxId, frame: &Frame) {
        let reader = &mut self.inboxes[inbox];
        match frame {
            Frame::Info(json) => {
                assert!(json.starts_with('{') && json.trim_end().ends_with('}'), "INFO without JSON: {json}");
                reader.receive_control(&Control::Info);
            }
            Frame::Ok => reader.receive_control(&Control::Ok),
            // When silence is given up depends on time, not on what was sent.
            Frame::Err(text) if text == "Stale Connection" => {}
            Frame::Err(text) => reader.receive_control(&Control::Err(text.clone())),
            Frame::Pong => reader.receive_control(&Control::Pong),
            Frame::Ping => {}
            Frame::Message(received) => self.receive_message(inbox, received),
        }
    }

    fn receive_message(&mut self, inbox: InboxId, received: &Received) {
        let (id, was_status) = identify(received);
        let sent = self.messages.get(&id).unwrap_or_else(|| panic!("message {id} came before it was sent"));
        let stamp = if was_status { sent.status_stamp } else { sent.stamp };
        let Entry::Message { is_status, with_headers, choice, .. } =
            self.inboxes[inbox].receive_message(stamp, received.sid)
        else {
            panic!("a control line was due")
        };
        assert_eq!(*received, sent.as_received(received.sid, is_status, with_headers), "message {id} was changed");
        if let Some(choice) = choice {
            let choice = &mut self.choices[choice];
            assert!(!choice.is_taken, "message {id} went to two members of a queue group");
            choice.is_taken = true;
        }
    }

    /// All that can be read was read: what is missing now is lost.
    pub(crate) fn check_choices(&mut self) {
        for choice in self.choices.drain(..) {
            let may_be_lost = |&inbox: &InboxId| self.inboxes[inbox].is_broken || self.inboxes[inbox].may_drop;
            let is_lost = choice.is_due && !choice.is_taken && !choice.candidates.iter().any(may_be_lost);
            assert!(!is_lost, "message {} reached no member of a queue group: {choice:?}", choice.id);
        }
    }

    fn add_choice(&mut self, id: u64, is_due: bool, candidates: Vec<InboxId>) -> ChoiceId {
        self.choices.push(Choice { id, is_taken: false, is_due, candidates });
        self.choices.len() - 1
    }
}

impl Interest {
    /// Which member of a queue group gets a message is the broker's choice: how many one with a maximum has had is not
    /// known.
    fn is_uncertain(&self) -> bool {
        self.queue.is_some() && self.max > 0
    }
}

impl Sent {
    fn as_received(&self, sid: u64, is_status: bool, with_headers: bool) -> Received {
        let message = &self.message;
        if is_status {
            let subject = message.reply.clone().expect("a status answers a request");
            let headers = Some(message.status_block());
            return Received { sid, subject, reply: None, headers, payload: Vec::new() };
        }
        Received {
            sid,
            subject: message.subject.clone(),
            reply: message.reply.clone(),
            headers: message.headers.clone().filter(|block| with_headers && !block.is_empty()),
            payload: message.payload(),
        }
    }
}

/// No control line is longer.
const CONTROL_BYTES: usize = 2048;
