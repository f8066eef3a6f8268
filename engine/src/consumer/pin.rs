//! Which client of a priority group is pinned: it alone gets messages while it keeps asking. [reference §5.5]

use bytes::Bytes;
use embus_storage::message::Timestamp;

use super::config::PriorityPolicy;
use super::event::{Event, Events, UnpinReason};

/// The pin of a consumer.
#[derive(Debug)]
pub(super) struct Pin {
    policy: PriorityPolicy,
    /// What makes identifiers differ from those of others.
    seed: u64,
    /// Nothing where there are no groups.
    state: Option<Box<PinState>>,
}

#[derive(Debug, Default)]
struct PinState {
    /// The first one: state is not kept per group. [nats-server 2.15.1, probed]
    group: String,
    timeout: i64,
    pinned: Option<Pinned>,
    /// Pins so far.
    count: u64,
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
    /// No identifier is longer.
    pub(super) const MAX_ID_BYTES: usize = IDENTIFIER_BYTES;

    pub(super) fn new(seed: u64) -> Self {
        Self { policy: PriorityPolicy::None, seed, state: None }
    }

    /// Takes over what a configuration says.
    pub(super) fn configure(&mut self, policy: PriorityPolicy, group: &str, timeout: i64) {
        if policy == PriorityPolicy::None && group.is_empty() {
            (self.policy, self.state) = (policy, None);
            return;
        }
        let state = self.state.get_or_insert_default();
        if policy != self.policy || group != state.group {
            state.pinned = None;
        }
        (self.policy, state.timeout) = (policy, timeout);
        group.clone_into(&mut state.group);
    }

    pub(super) fn policy(&self) -> PriorityPolicy {
        self.policy
    }

    pub(super) fn group(&self) -> &str {
        self.state.as_ref().map_or("", |state| &state.group)
    }

    fn pinned(&self) -> Option<&Pinned> {
        self.state.as_ref()?.pinned.as_ref()
    }

    pub(super) fn is_pinned(&self) -> bool {
        self.pinned().is_some()
    }

    /// Whether this is the pinned client.
    pub(super) fn is(&self, id: &str) -> bool {
        self.pinned().is_some_and(|pinned| pinned.id == id.as_bytes())
    }

    /// The pinned client asks for messages.
    pub(super) fn keep(&mut self, now: Timestamp) {
        if let Some(pinned) = self.state.as_mut().and_then(|state| state.pinned.as_mut()) {
            pinned.last_request = now;
        }
    }

    /// A client that may be served gets a message; what the message says of the pin.
    #[inline]
    pub(super) fn serve(&mut self, id: &str, now: Timestamp) -> Option<Bytes> {
        if self.policy != PriorityPolicy::PinnedClient {
            return None;
        }
        debug_assert!(self.pinned().is_none() || self.is(id) || id.is_empty());
        if self.pinned().is_none() {
            self.pin(now);
        }
        self.pinned().map(|pinned| pinned.id.clone())
    }

    fn pin(&mut self, now: Timestamp) {
        let state = self.state.get_or_insert_default();
        state.count += 1;
        let id = identifier(self.seed, state.count);
        state.pinned = Some(Pinned { id, since: now, last_request: now });
        state.is_new = true;
    }

    /// Tells of a new pin.
    #[inline]
    pub(super) fn tell(&mut self, events: &mut Events) {
        if let Some(state) = &mut self.state
            && std::mem::take(&mut state.is_new)
            && let Some(pinned) = &state.pinned
        {
            events.push(Event::Pinned { group: state.group.clone(), pin_id: pinned.id.clone() });
        }
    }

    /// Pins nobody any more. Says whether somebody was pinned.
    pub(super) fn unpin(&mut self, reason: UnpinReason, events: &mut Events) -> bool {
        let Some(state) = &mut self.state else { return false };
        let was_pinned = state.pinned.take().is_some();
        if was_pinned {
            events.push(Event::Unpinned { group: state.group.clone(), reason });
        }
        was_pinned
    }

    /// When the pinned client has been silent for too long.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let state = self.state.as_ref()?;
        state.pinned.as_ref().map(|pinned| pinned.last_request.saturating_add(state.timeout))
    }

    /// The identifier of the pinned client, and since when.
    pub(super) fn state(&self) -> Option<(&[u8], Timestamp)> {
        self.pinned().map(|pinned| (&*pinned.id, pinned.since))
    }
}

/// 22 characters that nobody else has.
fn identifier(seed: u64, count: u64) -> Bytes {
    let mut random = fastrand::Rng::with_seed(seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    (0..IDENTIFIER_BYTES).map(|_| random.alphanumeric()).map(|character| character as u8).collect::<Vec<_>>().into()
}

const IDENTIFIER_BYTES: usize = 22;
