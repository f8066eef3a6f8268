//! What the broker has to do: every operation of every client, in the order in which the broker took them, and who must
//! get what of it. Simple on purpose: lists, no caches, a matcher by the book.

use std::collections::BTreeMap;

use crate::expect::{ChoiceId, Control, Inbox};
use crate::message::Published;
use crate::ops::{Op, Options};
use crate::subject;

mod count;
mod publish;
mod receive;

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
        for peer in told {
            self.control(peer, Control::Info);
        }
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
        if wire.greeting != Greeting::Done {
            wire.greeting = Greeting::Half;
        }
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
            if wire.options.protocol >= 1 {
                self.control(peer, Control::Info);
            }
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

/// No control line is longer.
const CONTROL_BYTES: usize = 2048;
