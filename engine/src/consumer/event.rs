//! What happened to a consumer that others may want to know: advisories and metrics are made of it. [reference §6.7]

use std::collections::VecDeque;

use bytes::Bytes;
use embus_storage::message::Timestamp;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A message was delivered as often as it may be, and is not delivered again.
    MaxDeliveries {
        /// Its sequence.
        stream_sequence: u64,
        /// How often that was.
        deliveries: u64,
    },
    /// A message was refused by whoever got it.
    Naked {
        /// The number of the delivery.
        consumer_sequence: u64,
        /// The sequence of the message.
        stream_sequence: u64,
        /// How often it was delivered.
        deliveries: u64,
    },
    /// A message is not delivered again, because somebody said so, or because it was deleted.
    Terminated {
        /// The number of the delivery.
        consumer_sequence: u64,
        /// The sequence of the message.
        stream_sequence: u64,
        /// How often it was delivered.
        deliveries: u64,
        /// Why; may be empty.
        reason: String,
    },
    /// An acknowledgement that is to be measured.
    AckSample {
        /// The number of the delivery.
        consumer_sequence: u64,
        /// The sequence of the message.
        stream_sequence: u64,
        /// How often it was delivered.
        deliveries: u64,
        /// Nanoseconds since the last delivery.
        ack_time: i64,
    },
    /// A client was pinned.
    Pinned {
        /// To this group.
        group: String,
        /// Its identifier.
        pin_id: Bytes,
    },
    /// The pinned client is so no more.
    Unpinned {
        /// Of this group.
        group: String,
        /// Why.
        reason: UnpinReason,
    },
    /// Deliveries were stopped, or went on.
    Paused {
        /// Until when they are stopped; nothing if they go on.
        until: Option<Timestamp>,
    },
}

/// Why a client is pinned no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnpinReason {
    /// Somebody asked for it.
    Admin,
    /// It did not ask for messages for too long.
    Timeout,
}

impl UnpinReason {
    /// The word of the advisory.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Timeout => "timeout",
        }
    }
}

/// The events that nobody took yet; when nobody does, the oldest ones go. Most consumers have none at most times.
#[derive(Debug, Default)]
#[allow(clippy::box_collection, reason = "a pointer is enough where there are none")]
pub(super) struct Events(Option<Box<VecDeque<Event>>>);

impl Events {
    pub(super) fn push(&mut self, event: Event) {
        let events = self.0.get_or_insert_default();
        if events.len() >= MAX_EVENTS {
            events.pop_front();
        }
        events.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.0.as_mut()?.pop_front();
        self.0.take_if(|events| events.is_empty());
        event
    }
}

const MAX_EVENTS: usize = 4096;
