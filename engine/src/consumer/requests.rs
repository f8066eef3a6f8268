//! The requests that wait at a pull consumer, and which of them gets the next message. [reference §5.5]

use std::collections::VecDeque;

use bytes::Bytes;
use embus_storage::message::Timestamp;

use super::config::PriorityPolicy;
use super::pin::Pin;
use super::pull::PullRequest;
use super::status::{Left, Status};
use super::step::{Readiness, Scene};

/// One that waits.
#[derive(Debug)]
pub(super) struct Request {
    reply: Bytes,
    messages_left: u64,
    /// Nothing for any number.
    bytes_left: Option<u64>,
    delivered: u64,
    /// `Timestamp::MAX` for never.
    expires_at: Timestamp,
    no_wait: bool,
    is_told: bool,
    heartbeat: i64,
    heartbeat_at: Timestamp,
    priority: i64,
    min_pending: u64,
    min_ack_pending: u64,
    pin_id: String,
    /// In which round interest was looked at, and what it was.
    seen: (u64, Readiness),
}

/// All that wait, in the order in which they are served.
#[derive(Debug, Default)]
pub(super) struct Requests {
    queue: VecDeque<Box<Request>>,
    /// No request has anything to do before that.
    quiet_until: Timestamp,
    /// Somebody waited until then whose request has ended.
    waited_until: Timestamp,
}

/// The message that is to be given to one of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    /// Messages that are pending, this one included.
    pub(super) pending: u64,
    pub(super) ack_pending: u64,
}

/// Who gets it.
#[derive(Debug)]
pub(super) struct Taker {
    pub(super) to: Bytes,
    pub(super) pin_id: Option<Bytes>,
}

/// How far the consumer has come, for heartbeats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached {
    pub(super) consumer: u64,
    pub(super) stream: u64,
}

impl Request {
    fn new(request: PullRequest, now: Timestamp) -> Self {
        let PullRequest { reply, batch, expires, no_wait, max_bytes, idle_heartbeat, priority, is_told } = request;
        let priority = priority.unwrap_or_default();
        Self {
            reply,
            messages_left: u64::try_from(batch).unwrap_or(1).max(1),
            bytes_left: u64::try_from(max_bytes).ok().filter(|bytes| *bytes > 0),
            delivered: 0,
            expires_at: if expires == 0 { Timestamp::MAX } else { now.saturating_add(expires) },
            no_wait,
            is_told,
            heartbeat: idle_heartbeat,
            heartbeat_at: next_heartbeat(idle_heartbeat, now),
            priority: priority.priority,
            min_pending: u64::try_from(priority.min_pending).unwrap_or(0),
            min_ack_pending: u64::try_from(priority.min_ack_pending).unwrap_or(0),
            pin_id: priority.pin_id,
            // No round is that early.
            seen: (0, Readiness::Ready),
        }
    }

    /// One that does not wait may have a time all the same: for its first message.
    fn does_not_wait(&self) -> bool {
        self.no_wait && (self.delivered > 0 || self.expires_at == Timestamp::MAX)
    }

    fn left(&self) -> Left {
        Left { messages: self.messages_left, bytes: self.bytes_left.unwrap_or(0) }
    }

    #[inline]
    fn readiness(&mut self, scene: &mut Scene<'_>) -> Readiness {
        if self.seen.0 != scene.round {
            self.seen = (scene.round, (scene.interest)(&self.reply, None));
        }
        self.seen.1
    }

    fn acts_at(&self) -> Timestamp {
        self.expires_at.min(self.heartbeat_at)
    }
}

/// Whether a request may have the message.
enum Verdict {
    Serve,
    Skip,
    /// It ends; with a status or silently.
    End(Option<Status>),
}

impl Requests {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether another one may wait where `max_waiting` may; those that left make room.
    pub(super) fn has_room(&mut self, max_waiting: i64, scene: &mut Scene<'_>, outbox: &mut VecDeque<Status>) -> bool {
        let max = usize::try_from(max_waiting).unwrap_or(0).clamp(1, MAX_WAITING);
        if self.len() >= max {
            self.prune(scene, outbox);
        }
        self.len() < max
    }

    /// Messages that were asked for and not delivered.
    pub(super) fn asked_for(&self) -> u64 {
        self.queue.iter().fold(0, |sum, request| sum.saturating_add(request.messages_left))
    }

    /// Takes one in. Its status comes at once if its time is over already.
    pub(super) fn push(&mut self, request: PullRequest, policy: PriorityPolicy, now: Timestamp) {
        let request = Box::new(Request::new(request, now));
        self.quiet_until = self.quiet_until_or_max().min(request.acts_at());
        self.enqueue(request, policy);
    }

    fn quiet_until_or_max(&self) -> Timestamp {
        if self.queue.is_empty() { Timestamp::MAX } else { self.quiet_until }
    }

    fn enqueue(&mut self, request: Box<Request>, policy: PriorityPolicy) {
        if policy == PriorityPolicy::Prioritized {
            let place = self.queue.partition_point(|other| other.priority <= request.priority);
            self.queue.insert(place, request);
        } else {
            self.queue.push_back(request);
        }
    }

    /// Gives a message of `size` bytes to the first request that can have it. Statuses of those that end go to `outbox`.
    #[inline]
    pub(super) fn serve(
        &mut self,
        offer: Offer,
        size: &dyn Fn() -> u64,
        pin: &mut Pin,
        scene: &mut Scene<'_>,
        outbox: &mut VecDeque<Status>,
    ) -> Option<Taker> {
        let mut place = 0;
        while let Some(request) = self.queue.get_mut(place) {
            match request.judge(offer, size, pin, scene) {
                Verdict::Serve => return Some(self.give(place, size, pin, scene.now, outbox)),
                Verdict::Skip => place += 1,
                Verdict::End(status) => {
                    if status.is_some() {
                        self.waited_until = request.expires_at.min(scene.now).max(self.waited_until);
                    }
                    outbox.extend(status);
                    self.queue.remove(place);
                }
            }
        }
        None
    }

    #[inline]
    fn give(
        &mut self,
        place: usize,
        size: &dyn Fn() -> u64,
        pin: &mut Pin,
        now: Timestamp,
        outbox: &mut VecDeque<Status>,
    ) -> Taker {
        let is_alone = self.queue.len() == 1;
        let request = &mut self.queue[place];
        let pin_id = pin.serve(&request.pin_id, now);
        if let Some(id) = pin_id.as_ref().filter(|_| request.pin_id.is_empty()) {
            // The rest of its batch is for the client that is pinned now.
            request.pin_id = String::from_utf8_lossy(id).into_owned();
        }
        request.messages_left -= 1;
        request.delivered += 1;
        request.heartbeat_at = next_heartbeat(request.heartbeat, now);
        if let Some(left) = &mut request.bytes_left {
            *left = left.saturating_sub(size());
        }
        let is_over = request.messages_left == 0 || request.bytes_left == Some(0);
        if !is_over && is_alone {
            return Taker { to: request.reply.clone(), pin_id };
        }
        let Some(request) = self.queue.remove(place) else { return Taker { to: Bytes::new(), pin_id } };
        if !is_over {
            let to = request.reply.clone();
            self.enqueue(request, pin.policy());
            return Taker { to, pin_id };
        }
        if request.bytes_left.is_some_and(|left| left > 0) {
            outbox.push_back(Status::batch_completed(&request.reply, request.left()));
        }
        Taker { to: request.reply, pin_id }
    }

    /// The only request, if it takes whatever comes next, and how many messages.
    pub(super) fn run_taker(&mut self, policy: PriorityPolicy, scene: &mut Scene<'_>) -> Option<(Bytes, usize)> {
        let request = self.queue.front_mut()?;
        let is_plain = request.bytes_left.is_none() && request.expires_at > scene.now;
        if self.queue.len() > 1 || policy != PriorityPolicy::None || !is_plain {
            return None;
        }
        let request = self.queue.front_mut()?;
        let wanted = usize::try_from(request.messages_left).unwrap_or(usize::MAX);
        (request.readiness(scene) == Readiness::Ready).then(|| (request.reply.clone(), wanted))
    }

    /// The only request is given as many messages, which it has asked for.
    pub(super) fn take_run(&mut self, messages: u64, now: Timestamp) {
        let Some(request) = self.queue.front_mut() else { return };
        request.messages_left = request.messages_left.saturating_sub(messages);
        request.delivered += messages;
        request.heartbeat_at = next_heartbeat(request.heartbeat, now);
        if request.messages_left == 0 {
            self.queue.pop_front();
        }
    }

    /// Messages that were given to `to` could not be sent. Where the request has ended meanwhile, its status says so.
    pub(super) fn take_back(&mut self, to: &Bytes, messages: u64, outbox: &mut VecDeque<Status>) {
        if let Some(request) = self.queue.iter_mut().find(|request| request.reply == *to) {
            request.messages_left = request.messages_left.saturating_add(messages);
            request.delivered = request.delivered.saturating_sub(messages);
        } else {
            outbox.push_back(Status::request_timeout(to, Left { messages, bytes: 0 }));
        }
    }

    /// There is no message: those that do not wait end.
    pub(super) fn run_dry(&mut self, outbox: &mut VecDeque<Status>) {
        self.end_those(outbox, Request::does_not_wait);
    }

    /// Nothing is delivered for now: those that do not wait and are told of it end.
    pub(super) fn give_up(&mut self, outbox: &mut VecDeque<Status>) {
        self.end_those(outbox, |request| request.is_told && request.does_not_wait());
    }

    fn end_those(&mut self, outbox: &mut VecDeque<Status>, ends: impl Fn(&Request) -> bool) {
        self.queue.retain(|request| {
            let is_over = ends(request);
            if is_over {
                outbox.push_back(Status::no_messages(&request.reply));
            }
            !is_over
        });
    }

    /// Lets those go whose time is over, and those that nobody listens to any more.
    pub(super) fn prune(&mut self, scene: &mut Scene<'_>, outbox: &mut VecDeque<Status>) {
        let Self { queue, waited_until, .. } = self;
        queue.retain_mut(|request| {
            let is_gone = request.readiness(scene) == Readiness::Gone;
            if request.expires_at > scene.now {
                return !is_gone;
            }
            if !is_gone {
                *waited_until = request.expires_at.max(*waited_until);
            }
            outbox.push_back(Status::request_timeout(&request.reply, request.left()));
            false
        });
    }

    /// Until when somebody waited whose request has ended.
    pub(super) fn waited_until(&self) -> Timestamp {
        self.waited_until
    }

    /// Does what is due: expiries and heartbeats. Says whether somebody was there.
    pub(super) fn handle_deadline(
        &mut self,
        reached: Reached,
        scene: &mut Scene<'_>,
        outbox: &mut VecDeque<Status>,
    ) -> bool {
        if self.queue.is_empty() || self.quiet_until > scene.now {
            return false;
        }
        let mut is_used = false;
        self.queue.retain_mut(|request| {
            if request.acts_at() > scene.now {
                return true;
            }
            is_used |= request.readiness(scene) != Readiness::Gone;
            if request.expires_at <= scene.now {
                outbox.push_back(Status::request_timeout(&request.reply, request.left()));
                return false;
            }
            request.heartbeat_at = next_heartbeat(request.heartbeat, scene.now);
            match request.readiness(scene) {
                Readiness::Gone => return false,
                // Who has to catch up sees that it is alive.
                Readiness::Congested => {}
                Readiness::Ready => {
                    outbox.push_back(Status::idle_heartbeat(&request.reply, reached.consumer, reached.stream, None));
                }
            }
            true
        });
        self.quiet_until = self.queue.iter().map(|request| request.acts_at()).min().unwrap_or(Timestamp::MAX);
        is_used
    }

    /// When one of them has something to do; it may be early.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        Some(self.quiet_until_or_max()).filter(|deadline| *deadline < Timestamp::MAX)
    }

    /// Ends all of them.
    pub(super) fn close(&mut self, status: impl Fn(&Bytes, Left) -> Status) -> Vec<Status> {
        std::mem::take(&mut self.queue).iter().map(|request| status(&request.reply, request.left())).collect()
    }

    /// Gives back memory that a burst took.
    pub(super) fn shrink(&mut self) {
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }
}

impl Request {
    #[inline]
    fn judge(&mut self, offer: Offer, size: &dyn Fn() -> u64, pin: &Pin, scene: &mut Scene<'_>) -> Verdict {
        if self.expires_at <= scene.now {
            return Verdict::End(Some(Status::request_timeout(&self.reply, self.left())));
        }
        match self.readiness(scene) {
            Readiness::Gone => return Verdict::End(None),
            Readiness::Congested => return Verdict::Skip,
            Readiness::Ready => {}
        }
        match pin.policy() {
            PriorityPolicy::PinnedClient if !self.pin_id.is_empty() && !pin.is(&self.pin_id) => {
                return Verdict::End(Some(Status::wrong_pin(&self.reply, self.left())));
            }
            PriorityPolicy::PinnedClient if self.pin_id.is_empty() && pin.is_pinned() => return Verdict::Skip,
            PriorityPolicy::Overflow if self.asks_for_more_than(offer) => return Verdict::Skip,
            _ => {}
        }
        if self.bytes_left.is_some_and(|left| left < size()) {
            return Verdict::End(Some(Status::message_too_large(&self.reply, self.left())));
        }
        Verdict::Serve
    }

    /// One of its thresholds is enough, if it has any. [nats-server 2.15.1, probed]
    fn asks_for_more_than(&self, offer: Offer) -> bool {
        let mut given = [(self.min_pending, offer.pending), (self.min_ack_pending, offer.ack_pending)]
            .into_iter()
            .filter(|it| it.0 > 0);
        let has_any = self.min_pending > 0 || self.min_ack_pending > 0;
        has_any && given.all(|(least, there_is)| least > there_is)
    }
}

fn next_heartbeat(heartbeat: i64, now: Timestamp) -> Timestamp {
    if heartbeat > 0 { now.saturating_add(heartbeat.max(MIN_HEARTBEAT_NANOS)) } else { Timestamp::MAX }
}

/// Statuses that are asked for more often would be a flood.
const MIN_HEARTBEAT_NANOS: i64 = 10_000_000;
/// Requests that wait at one consumer, whatever it allows: each message looks for its taker among them.
const MAX_WAITING: usize = 16_384;
