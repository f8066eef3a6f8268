//! What a producer waits for when it ran ahead of a destination.

use std::task::{Context, Poll};

use crate::batch::Congested;
use crate::relief::STALL_LOW_BYTES;

/// A destination above its high mark. Wait for it at most [`STALL_LIMIT`](crate::relief::STALL_LIMIT), then go on.
#[derive(Debug)]
#[must_use = "a producer that does not wait fills the destination up to its bound"]
pub struct Congestion(Congested);

impl Congestion {
    pub(crate) fn new(congested: Congested) -> Self {
        Self(congested)
    }

    /// Ready when the destination holds little again, or is gone.
    pub fn poll_relieved(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.relief().poll_relieved(cx, || self.0.pending_bytes() <= STALL_LOW_BYTES)
    }
}
