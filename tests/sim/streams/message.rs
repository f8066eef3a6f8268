//! What is published: every message has a number, in the order of publishing, and its bytes follow from that. Markers,
//! which the broker itself puts in the place of expired messages, get numbers when they are seen.

use std::sync::OnceLock;

use fastrand::Rng;

use super::slots::{SECOND, SLOTS};
use crate::scenario::pick;

/// One publish.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) slot: usize,
    /// Which stream of that name it was for.
    pub(crate) incarnation: u32,
    pub(crate) subject: String,
    pub(crate) id: Option<String>,
    pub(crate) life: Life,
    pub(crate) rollup: Option<Rollup>,
    pub(crate) is_marker: bool,
    pub(crate) len: usize,
    /// When, in nanoseconds: not before the first, not behind the second.
    pub(crate) time: u64,
    pub(crate) latest: u64,
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
    Refused(Undoing),
    /// Refused, as a limit says.
    Full,
    /// The broker died before it answered.
    Unknown,
}

/// How far the disk let the broker take back what it refused. Within the process it never turns up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undoing {
    /// For good.
    Durable,
    /// But a power cut may bring it back.
    Cached,
    /// Not even that: the end of the process may.
    Open,
}

impl Undoing {
    /// Whether it may come about when the process ends.
    pub(crate) fn is_doubtful(self, is_cut: bool) -> bool {
        self == Self::Open || is_cut && self == Self::Cached
    }
}

/// How long it stays. [ADR-43]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// As long as the stream has it.
    Stream,
    Seconds(u64),
    /// Whatever the stream says.
    Ever,
}

/// What it takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rollup {
    Subject,
    All,
}

impl Life {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        *pick(rng, &[Self::Stream, Self::Stream, Self::Seconds(12), Self::Seconds(12), Self::Seconds(25), Self::Ever])
    }

    /// How long that is at most, in nanoseconds.
    pub(crate) fn span(self, max_age: u64) -> u64 {
        match self {
            Self::Stream => max_age,
            Self::Seconds(seconds) => max_age.min(seconds * SECOND),
            Self::Ever => u64::MAX,
        }
    }
}

impl Rollup {
    pub(crate) fn random(rng: &mut Rng) -> Option<Self> {
        match rng.u8(..24) {
            0 => Some(Self::All),
            1..4 => Some(Self::Subject),
            _ => None,
        }
    }
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
        let mut text = String::new();
        if let Some(id) = &self.id {
            text.extend(["Nats-Msg-Id: ", id, "\r\n"]);
        }
        match self.life {
            Life::Stream => {}
            Life::Seconds(seconds) => text.extend(["Nats-TTL: ", &seconds.to_string(), "s\r\n"]),
            Life::Ever => text += "Nats-TTL: never\r\n",
        }
        match self.rollup {
            None => {}
            Some(Rollup::Subject) => text += "Nats-Rollup: sub\r\n",
            Some(Rollup::All) => text += "Nats-Rollup: all\r\n",
        }
        if text.is_empty() { Vec::new() } else { format!("NATS/1.0\r\n{text}\r\n").into_bytes() }
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

    /// Whether it takes the place of an older message on `subject`.
    pub(crate) fn rolls_up(&self, subject: &str) -> bool {
        match self.rollup {
            None => false,
            Some(Rollup::Subject) => self.subject == subject,
            Some(Rollup::All) => true,
        }
    }

    /// Whether it is of the same stream.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        (self.slot, self.incarnation) == (other.slot, other.incarnation)
    }

    /// Whether nobody knows what became of it.
    pub(crate) fn is_unsure(&self) -> bool {
        matches!(self.fate, Fate::Unknown | Fate::Waiting)
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
