//! What comes to subscriptions: deliveries are told apart from statuses, and held against what is known.

use super::config::{Acks, LIMITS, SLOTS};
use super::member::{Delivery, View};
use super::world::{Fate, Held, Sabotage, World};
use crate::frame::Received;

/// A delivery and where it came.
#[derive(Debug, Clone)]
struct Arrival {
    member: u64,
    delivery: Delivery,
    received: Received,
}

impl World {
    /// Takes in what came to subscriptions, each consumer's deliveries in the order in which they were made.
    pub(super) fn take_in(&mut self, received: Vec<Received>) {
        let (statuses, messages): (Vec<_>, Vec<_>) = received.into_iter().partition(|it| status(it).is_some());
        let mut arrivals: Vec<_> = messages.into_iter().map(|received| self.arrival(received)).collect();
        arrivals.sort_by_key(|arrival| (arrival.member, arrival.delivery.consumer_sequence));
        if self.sabotage == Some(Sabotage::Lose) && arrivals.len() > 1 {
            arrivals.remove(0);
        }
        for arrival in arrivals {
            self.delivered(arrival);
        }
        for received in statuses {
            let status = status(&received).unwrap_or_default();
            self.trace.note(format_args!("{}: {status:?}", received.sid));
            self.take_status(&status, &received);
        }
    }

    fn arrival(&mut self, received: Received) -> Arrival {
        self.trace.note(format_args!("{}: {} {:?}", received.sid, received.subject, received.reply));
        let reply = received.reply.as_deref().expect("deliveries can be acknowledged");
        let tokens: Vec<&str> = reply.split('.').collect();
        let number = |place: usize| tokens[place].parse::<u64>().expect("a number");
        let member = tokens[3].trim_start_matches('k').parse().expect("names have numbers");
        assert_eq!(&tokens[..3], ["$JS", "ACK", SLOTS[self.members[&member].slot].name], "{reply}");
        let delivery = Delivery {
            deliveries: number(4),
            stream_sequence: number(5),
            consumer_sequence: number(6),
            pending: number(8),
        };
        Arrival { member, delivery, received }
    }

    fn delivered(&mut self, arrival: Arrival) {
        let Arrival { member: number, delivery, received } = arrival;
        let subject = self.check_message(number, &delivery, &received);
        let (now, looks, is_strict) = (self.now(), self.looks, self.is_strict());
        let slot = self.members[&number].slot;
        let Self { members, stocks, .. } = self;
        let member = members.get_mut(&number).expect("it has a name");
        member.heard_at = now;
        let view = View { stock: &stocks[slot], subject, now, looks, is_strict };
        if let Err(error) = member.deliver(&delivery, view) {
            panic!("{}: {error}; {delivery:?} at {now}, {member:?}", member.name);
        }
        if member.config.acks == Acks::None && slot != LIMITS {
            self.stocks[slot].doubt(delivery.stream_sequence);
        }
        self.take_for_pull(number, &delivery, &received);
        self.follow(number, &delivery);
        let reply = received.reply.unwrap_or_default();
        self.held.push(Held { member: number, sequence: delivery.stream_sequence, reply });
    }

    /// Whether a message is as it was published; returns its subject.
    fn check_message(&mut self, member: u64, delivery: &Delivery, received: &Received) -> &'static str {
        let number = number_of(&received.payload).unwrap_or_else(|| panic!("nobody published {received:?}"));
        let slot = self.members[&member].slot;
        let message = &self.messages[number];
        assert_eq!((message.slot, message.subject), (slot, received.subject.as_str()), "{received:?}");
        assert_eq!(received.payload, message.payload(number), "message {number} is altered");
        match message.fate {
            Fate::Stored(stored) => assert_eq!(stored, delivery.stream_sequence, "{number} is elsewhere"),
            Fate::Refused => panic!("{number} was refused, and is delivered"),
            Fate::Waiting | Fate::Unknown => {}
        }
        let subject = message.subject;
        self.stocks[slot].own(delivery.stream_sequence, number, subject);
        subject
    }
}

pub(super) fn header<'a>(received: &'a Received, name: &str) -> Option<&'a str> {
    let headers = std::str::from_utf8(received.headers.as_deref()?).ok()?;
    headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn status(received: &Received) -> Option<String> {
    let headers = std::str::from_utf8(received.headers.as_deref()?).ok()?;
    headers.lines().next()?.strip_prefix("NATS/1.0 ").map(str::to_owned)
}

/// The number that a payload begins with.
pub(super) fn number_of(payload: &[u8]) -> Option<usize> {
    std::str::from_utf8(payload.get(..8)?).ok()?.parse().ok()
}
