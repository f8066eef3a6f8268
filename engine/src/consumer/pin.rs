//! Which client of a priority group is pinned: it alone gets messages while it keeps asking. [reference §5.5]

use bytes::Bytes;
use embus_storage::message::Timestamp;

use super::config::PriorityPolicy;
use super::event::{Event, Events, UnpinReason};

/// The pin of a consumer.
#[derive(Debug)]
pub(super) struct Pin {
    policy: PriorityPolicy,
    /// The first one: state is not kept per group. [nats-server 2.15.1, probed]
    group: String,
    timeout: i64,
    pinned: Option<Pinned>,
    /// Pins so far, and what makes their identifiers differ from those of others.
    count: u64,
    seed: u64,
    /// The pin is new, and nobody was told.
    is_new: bool,
}

#[derive(Debug)]
struct Pinned {
    id: Bytes,
    since: Timestamp,
    last_request: Timestamp,
}

impl Pin {
    pub(super) fn new(seed: u64) -> Self {
        let policy = PriorityPolicy::None;
        Self { policy, group: String::new(), timeout: 0, pinned: None, count: 0, seed, is_new: false }
    }

    /// Takes over what a configuration says.
    pub(super) fn configure(&mut self, policy: PriorityPolicy, group: &str, timeout: i64) {
        if policy != self.policy || group != self.group {
            self.pinned = None;
        }
        (self.policy, self.timeout) = (policy, timeout);
        group.clone_into(&mut self.group);
    }

    pub(super) fn policy(&self) -> PriorityPolicy {
        self.policy
    }

    pub(super) fn group(&self) -> &str {
        &self.group
    }

    pub(super) fn is_pinned(&self) -> bool {
        self.pinned.is_some()
    }

    /// Whether this is the pinned client.
    pub(super) fn is(&self, id: &str) -> bool {
        self.pinned.as_ref().is_some_and(|pinned| pinned.id == id.as_bytes())
    }

    /// The pinned client asks for messages.
    pub(super) fn keep(&mut self, now: Timestamp) {
        if let Some(pinned) = &mut self.pinned {
            pinned.last_request = now;
        }
    }

    /// A client that may be served gets a message; what the message says of the pin.
    #[inline]
    pub(super) fn serve(&mut self, id: &str, now: Timestamp) -> Option<Bytes> {
        if self.policy != PriorityPolicy::PinnedClient {
            return None;
        }
        debug_assert!(self.pinned.is_none() || self.is(id) || id.is_empty());
        if self.pinned.is_none() {
            self.pin(now);
        }
        self.pinned.as_ref().map(|pinned| pinned.id.clone())
    }

    fn pin(&mut self, now: Timestamp) {
        self.count += 1;
        let id = identifier(self.seed, self.count);
        self.pinned = Some(Pinned { id, since: now, last_request: now });
        self.is_new = true;
    }

    /// Tells of a new pin.
    #[inline]
    pub(super) fn tell(&mut self, events: &mut Events) {
        if std::mem::take(&mut self.is_new)
            && let Some(pinned) = &self.pinned
        {
            events.push(Event::Pinned { group: self.group.clone(), pin_id: pinned.id.clone() });
        }
    }

    /// Pins nobody any more. Says whether somebody was pinned.
    pub(super) fn unpin(&mut self, reason: UnpinReason, events: &mut Events) -> bool {
        let was_pinned = self.pinned.take().is_some();
        if was_pinned {
            events.push(Event::Unpinned { group: self.group.clone(), reason });
        }
        was_pinned
    }

    /// When the pinned client has been silent for too long.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.pinned.as_ref().map(|pinned| pinned.last_request.saturating_add(self.timeout))
    }

    /// The identifier of the pinned client, and since when.
    pub(super) fn state(&self) -> Option<(&[u8], Timestamp)> {
        self.pinned.as_ref().map(|pinned| (&*pinned.id, pinned.since))
    }
}

/// 22 characters that nobody else has.
fn identifier(seed: u64, count: u64) -> Bytes {
    let mut random = fastrand::Rng::with_seed(seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    (0..IDENTIFIER_BYTES).map(|_| random.alphanumeric()).map(|character| character as u8).collect::<Vec<_>>().into()
}

const IDENTIFIER_BYTES: usize = 22;
