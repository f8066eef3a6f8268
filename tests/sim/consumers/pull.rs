//! Requests for messages, and what they get.

use super::config::{Acks, NAMES, SLOTS};
use super::state::Delivery;
use super::world::{Fate, Held, Sabotage, Whom, World};
use crate::frame::Received;

/// A request for messages that somebody made of a broker that lives.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(super) whom: Whom,
    pub(super) revision: u32,
    pub(super) client: usize,
    pub(super) batch: u64,
    /// When its time is over.
    pub(super) expires_at: Option<u64>,
    pub(super) no_wait: bool,
    /// 0 for any number.
    pub(super) max_bytes: u64,
    pub(super) got: u64,
    pub(super) bytes: u64,
    pub(super) has_ended: bool,
}

impl Pull {
    /// Whether it should get whatever that consumer has.
    pub(super) fn wants_of(&self, whom: Whom, revision: u32) -> bool {
        (self.whom, self.revision) == (whom, revision) && !self.has_ended && self.max_bytes == 0
    }
}

impl World {
    /// Takes in what came to subscriptions of requests.
    pub(super) fn take_pulled(&mut self, received: Vec<Received>) {
        let mut deliveries = Vec::new();
        for received in received {
            let sid = received.sid;
            let pull = self.pulls.get(&sid).cloned();
            let pull = pull.unwrap_or_else(|| panic!("nobody asked for it: {received:?}"));
            let status = status(&received);
            self.trace.note(format_args!("{sid}: {status:?} {} {:?}", received.subject, received.reply));
            let pull = if let Some(status) = status {
                self.end(pull, &status, &received)
            } else {
                let (pull, delivery) = self.take(pull, &received);
                deliveries.push((pull.whom, pull.revision, delivery, received));
                pull
            };
            self.pulls.insert(sid, pull);
        }
        match self.sabotage {
            Some(Sabotage::Lose) if deliveries.len() > 1 => drop(deliveries.remove(0)),
            Some(Sabotage::Repeat) => deliveries.extend(deliveries.first().cloned()),
            _ => {}
        }
        deliveries.sort_by_key(|(whom, revision, delivery, _)| (*whom, *revision, delivery.consumer_sequence));
        for (whom, revision, delivery, received) in deliveries {
            self.delivered(whom, revision, &delivery, received);
        }
    }

    /// A message for a request: it may have one more.
    fn take(&self, mut pull: Pull, received: &Received) -> (Pull, Delivery) {
        assert!(!pull.has_ended, "the request had ended: {pull:?}, {received:?}");
        let is_in_time = pull.expires_at.is_none_or(|expires_at| self.now() < expires_at);
        assert!(is_in_time, "the time of the request is over: {pull:?}, {received:?}");
        let reply = received.reply.as_deref().expect("deliveries can be acknowledged");
        let tokens: Vec<&str> = reply.split('.').collect();
        let number = |place: usize| tokens[place].parse::<u64>().expect("a number");
        assert_eq!(tokens[..4], ["$JS", "ACK", SLOTS[pull.whom.slot].name, NAMES[pull.whom.place]], "{reply}");
        let delivery = Delivery {
            deliveries: number(4),
            stream_sequence: number(5),
            consumer_sequence: number(6),
            pending: number(8),
        };
        let headers = received.headers.as_ref().map_or(0, Vec::len);
        pull.bytes += (received.subject.len() + reply.len() + headers + received.payload.len()) as u64;
        pull.got += 1;
        assert!(pull.max_bytes == 0 || pull.bytes <= pull.max_bytes, "too many bytes: {pull:?}");
        // One whose bytes are used up to the last ends without a word. [nats-server]
        pull.has_ended = pull.got == pull.batch || pull.bytes == pull.max_bytes;
        (pull, delivery)
    }

    /// A status ends a request; there has to be a reason.
    fn end(&self, mut pull: Pull, status: &str, received: &Received) -> Pull {
        let is_full = pull.got == pull.batch;
        let left = pull.batch - pull.got;
        let is_right = match status {
            "404 No Messages" => pull.no_wait && !is_full,
            "408 Requests Pending" => pull.no_wait && pull.got == 0,
            "408 Request Timeout" => {
                let is_told = header(received, "Nats-Pending-Messages") == Some(left.to_string());
                is_told && !is_full && pull.expires_at.is_some_and(|expires_at| expires_at <= self.now())
            }
            "409 Message Size Exceeds MaxBytes" => pull.max_bytes > 0 && !is_full,
            "409 Batch Completed" => pull.max_bytes > 0 && is_full,
            "409 Consumer Deleted" => {
                let place = &self.streams[pull.whom.slot].places[pull.whom.place];
                !is_full && (place.is_changing || place.exists != Some(true) || self.is_replaced(&pull))
            }
            "409 Server Shutdown" => !is_full && self.is_closing,
            _ => false,
        };
        assert!(is_right && (is_full || !pull.has_ended), "{status:?} for {pull:?}: {received:?}");
        pull.has_ended = true;
        pull
    }

    fn is_replaced(&self, pull: &Pull) -> bool {
        let place = &self.streams[pull.whom.slot].places[pull.whom.place];
        place.models.last().is_none_or(|model| model.config.revision != pull.revision)
    }

    /// A consumer delivered something.
    fn delivered(&mut self, whom: Whom, revision: u32, delivery: &Delivery, received: Received) {
        let number = number_of(&received.payload).unwrap_or_else(|| panic!("nobody published {received:?}"));
        let sequence = delivery.stream_sequence;
        let message = &mut self.messages[number];
        assert_eq!((message.slot, message.subject), (whom.slot, received.subject.as_str()), "{received:?}");
        assert_eq!(received.payload, message.payload(number), "message {number} is altered");
        match message.fate {
            Fate::Stored(stored) => assert_eq!(stored, sequence, "{number} is elsewhere"),
            Fate::Refused => panic!("{number} was refused, and is delivered"),
            Fate::Waiting | Fate::Unknown => message.is_seen = true,
        }
        let subject = message.subject;
        let (waiting, known_to) = (self.unsure_of(whom.slot), self.streams[whom.slot].known_to);
        let refused = self.streams[whom.slot].refused;
        self.streams[whom.slot].stock.own(sequence, number, subject);
        let seen = self.with_model(whom, revision, |model, stock, now| {
            let what = format!("{} got {delivery:?} at {now}", whom.path());
            assert!(!model.confirmed.contains(&sequence), "{what}, and was told that it is done");
            model.see_anew(&what, (stock, now), |view, state| {
                state.deliver(delivery, view)?;
                // What was told in this moment may have come behind it.
                let (least, most) = state.undelivered_from(known_to, view).into_inner();
                let counts_early = view.config.acks == Acks::None;
                let most = most + waiting + if counts_early { refused } else { 0 };
                let is_right = (least..=most).contains(&delivery.pending);
                if is_right {
                    Ok(())
                } else {
                    Err(format!("{} are pending and not {least} to {most}", delivery.pending))
                }
            });
        });
        assert!(seen.is_some(), "there is no such consumer: {delivery:?}");
        let reply = received.reply.unwrap_or_default();
        self.held.push(Held { whom, sequence, reply });
    }

    /// How many messages may be in a stream of which nobody knows.
    fn unsure_of(&self, slot: usize) -> u64 {
        let is_unsure = |message: &&super::world::Message| message.slot == slot && message.is_unsure();
        self.messages.iter().filter(is_unsure).count() as u64
    }
}

fn header(received: &Received, name: &str) -> Option<String> {
    let headers = String::from_utf8_lossy(received.headers.as_deref()?).into_owned();
    headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
}

fn status(received: &Received) -> Option<String> {
    let headers = String::from_utf8_lossy(received.headers.as_deref()?).into_owned();
    headers.lines().next()?.strip_prefix("NATS/1.0 ").map(str::to_owned)
}

/// The number that a payload begins with.
pub(super) fn number_of(payload: &[u8]) -> Option<usize> {
    std::str::from_utf8(payload.get(..8)?).ok()?.parse().ok()
}
