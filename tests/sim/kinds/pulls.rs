//! Requests for messages, and what they get.

use serde_json::{Value, json};

use super::config::{GROUP, PIN_TIMEOUT, Priority};
use super::deliver::header;
use super::member::Delivery;
use super::time::MILLISECOND;
use super::world::{CLIENTS, World};
use crate::frame::Received;
use crate::machine::{Down, catch};
use crate::scenario::pick;

/// A request for messages that somebody made of a broker that lives.
#[derive(Debug, Clone)]
pub(super) struct Pull {
    pub(super) member: u64,
    pub(super) client: usize,
    pub(super) batch: u64,
    /// When its time is over.
    pub(super) expires_at: Option<u64>,
    pub(super) no_wait: bool,
    /// 0 for any number.
    pub(super) max_bytes: u64,
    pub(super) heartbeat: u64,
    /// The lowest number is served first.
    pub(super) priority: u64,
    /// It is only served while so many are pending.
    pub(super) min_pending: u64,
    /// Of its client, as far as it knows.
    pub(super) pin: Option<String>,
    pub(super) got: u64,
    pub(super) bytes: u64,
    pub(super) has_ended: bool,
    /// At which look at what came in.
    pub(super) ended_at: u64,
}

impl Pull {
    pub(super) fn new(member: u64, client: usize, batch: u64) -> Self {
        Self {
            member,
            client,
            batch,
            expires_at: None,
            no_wait: false,
            max_bytes: 0,
            heartbeat: 0,
            priority: 0,
            min_pending: 0,
            pin: None,
            got: 0,
            bytes: 0,
            has_ended: false,
            ended_at: 0,
        }
    }

    /// Whether it takes whatever there is.
    pub(super) fn is_open(&self, now: u64) -> bool {
        let is_in_time = self.expires_at.is_none_or(|expires_at| expires_at > now);
        !self.has_ended && is_in_time && self.max_bytes == 0 && self.min_pending == 0 && self.pin.is_none()
    }

    pub(super) fn body(&self, priority: Priority, now: u64) -> Value {
        let expires = self.expires_at.map_or(0, |expires_at| expires_at - now);
        let mut body = json!({
            "batch": self.batch, "expires": expires, "no_wait": self.no_wait, "max_bytes": self.max_bytes,
            "idle_heartbeat": self.heartbeat,
        });
        if priority != Priority::None {
            body["group"] = json!(GROUP);
        }
        match priority {
            Priority::Prioritized => body["priority"] = json!(self.priority),
            Priority::Overflow if self.min_pending > 0 => body["min_pending"] = json!(self.min_pending),
            Priority::Pinned => body["id"] = json!(self.pin),
            _ => {}
        }
        body
    }
}

impl World {
    pub(super) fn random_pull(&mut self, number: u64) -> Pull {
        let (now, priority) = (self.now(), self.members[&number].config.priority());
        let pin = self.members[&number].pin.as_ref().map(|(id, _)| id.clone());
        let rng = &mut self.rng;
        let expires = *pick(rng, &[0, 100, 1000, 10_000, 60_000]) * MILLISECOND;
        let mut pull = Pull::new(number, rng.usize(..CLIENTS), *pick(rng, &[1, 1, 2, 5, 20]));
        pull.expires_at = (expires > 0).then_some(now + expires);
        pull.no_wait = rng.u8(..4) == 0;
        pull.max_bytes = if rng.u8(..5) == 0 { rng.u64(100..5000) } else { 0 };
        pull.heartbeat = if expires >= 1000 * MILLISECOND && rng.bool() { 200 * MILLISECOND } else { 0 };
        match priority {
            Priority::Prioritized => pull.priority = rng.u64(..3),
            Priority::Overflow if rng.bool() => pull.min_pending = rng.u64(1..10),
            Priority::Pinned if rng.bool() => pull.pin = pin,
            _ => {}
        }
        pull
    }

    /// Asks a consumer for messages.
    pub(super) fn pull(&mut self, pull: Pull) -> Result<(), Down> {
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}", self.path(pull.member));
        let body = pull.body(self.members[&pull.member].config.priority(), self.now()).to_string();
        let client = pull.client;
        let inbox = self.register_pull(pull)?;
        self.send_by(client, &subject, Some(&inbox), body.as_bytes())
    }

    /// Has a client listen for what a request gets; returns where.
    pub(super) fn register_pull(&mut self, pull: Pull) -> Result<String, Down> {
        let (sid, now) = (self.number(), self.now());
        self.trace.note(format_args!("{sid} asks: {pull:?}"));
        let inbox = format!("_INBOX.pull.{sid}");
        let client = pull.client;
        let member = self.member(pull.member);
        if !member.config.is_push() {
            member.touch(now);
        }
        if let Some((id, asked_at)) = &mut member.pin
            && pull.pin.as_ref() == Some(id)
            && *asked_at + PIN_TIMEOUT > now
        {
            *asked_at = now;
        }
        self.pulls.insert(sid, pull);
        self.subscribe(client, sid, &inbox, None)?;
        Ok(inbox)
    }

    pub(super) fn subscribe(
        &mut self,
        client: usize,
        sid: u64,
        subject: &str,
        group: Option<&str>,
    ) -> Result<(), Down> {
        let Self { process, rng, .. } = self;
        let process = process.as_mut().ok_or(Down)?;
        catch(|| process.clients[client].subscribe(sid, subject, group, rng))
    }

    /// A client does not wait any more.
    pub(super) fn give_up_a_pull(&mut self) -> Result<(), Down> {
        let sids: Vec<u64> = self.pulls.keys().copied().collect();
        if sids.is_empty() {
            return Ok(());
        }
        let sid = *pick(&mut self.rng, &sids);
        self.trace.note(format_args!("{sid} is given up"));
        let Some(pull) = self.pulls.remove(&sid) else { return Ok(()) };
        let Self { process, rng, .. } = self;
        let client = &mut process.as_mut().ok_or(Down)?.clients[pull.client];
        catch(|| client.unsubscribe(sid, rng))?;
        self.come_back()
    }

    /// A message came for a request, if it came for one: it may have one more, and it is its turn.
    pub(super) fn take_for_pull(&mut self, number: u64, delivery: &Delivery, received: &Received) {
        let now = self.now();
        let Some(mut pull) = self.pulls.get(&received.sid).cloned() else {
            let listener = self.listeners.get(&received.sid);
            assert!(listener.is_some_and(|it| it.member == number), "nobody listens: {received:?}");
            return;
        };
        assert!(!pull.has_ended && pull.member == number, "the request had ended: {pull:?}, {received:?}");
        let is_in_time = pull.expires_at.is_none_or(|expires_at| now < expires_at);
        assert!(is_in_time, "the time of the request is over: {pull:?}, {received:?}");
        let headers = received.headers.as_ref().map_or(0, Vec::len);
        let reply = received.reply.as_ref().map_or(0, String::len);
        let pin = header(received, "Nats-Pin-Id").map(str::to_owned);
        // The line that tells the pin does not count. [nats-server]
        let added = pin.as_ref().map_or(0, |_| headers);
        pull.bytes += (received.subject.len() + reply + headers - added + received.payload.len()) as u64;
        pull.got += 1;
        assert!(pull.max_bytes == 0 || pull.bytes <= pull.max_bytes, "too many bytes: {pull:?}");
        // One whose bytes are used up to the last ends without a word. [nats-server]
        pull.has_ended = pull.got == pull.batch || (pull.max_bytes > 0 && pull.bytes == pull.max_bytes);
        pull.ended_at = self.looks;
        match self.members[&number].config.priority() {
            Priority::Pinned => self.check_pin(number, &mut pull, pin),
            Priority::Prioritized => self.check_priority(received.sid, &pull),
            Priority::Overflow if !self.members[&number].is_loose => {
                let pending = delivery.pending + u64::from(delivery.deliveries == 1);
                // One that is delivered again counts, too.
                assert!(pending + 1 >= pull.min_pending, "{pending} are pending: {pull:?}, {delivery:?}");
            }
            _ => {}
        }
        self.pulls.insert(received.sid, pull);
    }

    /// Only the client gets messages that has the pin.
    fn check_pin(&mut self, number: u64, pull: &mut Pull, pin: Option<String>) {
        let (now, is_loose) = (self.now(), self.members[&number].is_loose);
        let pin = pin.unwrap_or_else(|| panic!("no pin is told: {pull:?}"));
        let member = self.member(number);
        let asked_at = match &member.pin {
            Some((id, asked_at)) if *id == pin => *asked_at,
            Some((_, asked_at)) => {
                let is_over = *asked_at + PIN_TIMEOUT <= now || is_loose;
                assert!(is_over, "{pin} gets messages of {:?} at {now}: {pull:?}", member.pin);
                now
            }
            // It is new, unless somebody has it since before this one knew.
            None if pull.got == 1 && pull.pin.is_none() => now,
            None => 0,
        };
        assert!(pull.pin.as_ref().is_none_or(|id| *id == pin), "{pin} is another one's: {pull:?}");
        member.pin = Some((pin.clone(), asked_at));
        pull.pin = Some(pin);
    }

    /// Nobody else is to be served before it.
    fn check_priority(&self, sid: u64, pull: &Pull) {
        let now = self.now();
        // Those that came later may have come behind this message.
        let goes_first = |(other_sid, other): &(&u64, &Pull)| {
            **other_sid < sid
                && other.member == pull.member
                // One that does not wait may just have ended.
                && (other.is_open(now) && !other.no_wait)
                && other.priority < pull.priority
        };
        let first = self.pulls.iter().find(goes_first);
        assert!(first.is_none(), "{first:?} is served before {pull:?}");
    }
}
