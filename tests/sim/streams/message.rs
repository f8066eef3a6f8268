//! What is published: every message has a number, in the order of publishing, and its bytes follow from that.

use std::sync::OnceLock;

use fastrand::Rng;

use super::slots::SLOTS;

/// One publish.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) slot: usize,
    /// Which stream of that name it was for.
    pub(crate) incarnation: u32,
    pub(crate) subject: String,
    pub(crate) id: Option<String>,
    pub(crate) len: usize,
    /// When, in nanoseconds.
    pub(crate) time: u64,
    pub(crate) fate: Fate,
    /// How many messages had been published when it was acknowledged.
    pub(crate) answered_at: usize,
}

/// What the publisher knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Waiting,
    Stored(u64),
    Duplicate(u64),
    Refused,
    /// Refused, as a limit says.
    Full,
    /// The broker died before it answered.
    Unknown,
}

impl Attempt {
    pub(crate) fn payload(&self, number: usize) -> Vec<u8> {
        let mut bytes = format!("{number:08}|").into_bytes();
        let rest = self.len.saturating_sub(bytes.len());
        let place = number.wrapping_mul(0x9e37) % (BODIES - MAX_BODY);
        bytes.extend_from_slice(&bodies()[place..place + rest]);
        bytes
    }

    pub(crate) fn headers(&self) -> Vec<u8> {
        self.id.as_ref().map_or_else(Vec::new, |id| format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\n\r\n").into_bytes())
    }

    /// What it counts as against `max_bytes`. [reference §3.3]
    pub(crate) fn size(&self) -> u64 {
        let headers = self.headers().len();
        let fixed = if headers > 0 { 34 } else { 30 };
        (fixed + headers + self.subject.len() + self.len.max(9)) as u64
    }

    pub(crate) fn stream(&self) -> &'static str {
        SLOTS[self.slot].name
    }
}

/// The number that a payload begins with.
pub(crate) fn number_of(payload: &[u8]) -> Option<usize> {
    std::str::from_utf8(payload.get(..8)?).ok()?.parse().ok()
}

/// What bodies are cut from. Half of it can be compressed.
fn bodies() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let mut rng = Rng::with_seed(1);
        (0..BODIES).map(|place| if place % 4 < 2 { b'=' } else { rng.u8(..) }).collect()
    })
}

const BODIES: usize = 1 << 16;

/// The longest body.
const MAX_BODY: usize = 9000;
