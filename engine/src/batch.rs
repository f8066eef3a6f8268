//! Staging: what a turn sends, gathered per destination, so that a destination is locked and written once per turn and
//! not once per message. [performance §1: the largest single win]

use crate::chunks::{BufferPool, Chunks};
use crate::local_queue::LocalQueue;
use crate::message::Message;
use crate::outbox::{Outbox, Sent};
use crate::relief::Relief;
use crate::sync::Arc;
use crate::turn_end::TurnEnd;

/// What all destinations of a turn may gather before they are flushed in the middle of it: a wide fan-out multiplies
/// what one read brought in.
const MAX_STAGED_BYTES: usize = 1024 * 1024;

/// In-process destinations that are gathered at once: they are found by looking through them.
const MAX_LOCAL_STAGES: usize = 16;

/// Frames for one wire connection.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    outbox: Option<Arc<Outbox>>,
    pub(crate) frames: Chunks,
    messages: u64,
    bytes: u64,
}

#[derive(Debug)]
struct LocalStage {
    queue: Arc<LocalQueue>,
    messages: Vec<Message>,
}

/// Where a slot's stage is, if its mark is of the present turn.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    turn: u32,
    stage: u32,
}

/// A destination that holds more than a producer should leave it with.
#[derive(Debug, Clone)]
pub(crate) enum Congested {
    Wire(Arc<Outbox>),
    Local(Arc<LocalQueue>),
}

/// The staging area of one worker.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    stages: Vec<Stage>,
    used: usize,
    marks: Vec<Mark>,
    turn: u32,
    local: Vec<LocalStage>,
    staged_bytes: usize,
    pub(crate) spare: BufferPool,
    /// Message lists that wait to be used again.
    spare_lists: Vec<Vec<Message>>,
    congested: Option<Congested>,
    /// What is left to do at the end of the turn.
    pub(crate) turn_end: TurnEnd,
}

impl Batch {
    /// The stage for `outbox` in this turn, and the buffers that it may draw from.
    #[inline]
    pub(crate) fn stage(&mut self, outbox: &Arc<Outbox>) -> (&mut Stage, &mut BufferPool) {
        let slot = outbox.slot() as usize;
        let index = match self.marks.get(slot) {
            Some(mark) if mark.turn == self.turn && self.is_open_for(mark.stage, outbox) => mark.stage as usize,
            _ => self.open_stage(slot, outbox),
        };
        (&mut self.stages[index], &mut self.spare)
    }

    /// A slot may have passed to another connection in the middle of a turn: the outbox itself decides.
    #[inline]
    fn is_open_for(&self, stage: u32, outbox: &Arc<Outbox>) -> bool {
        let stage = self.stages.get(stage as usize);
        stage.and_then(|stage| stage.outbox.as_ref()).is_some_and(|held| Arc::ptr_eq(held, outbox))
    }

    #[cold]
    fn open_stage(&mut self, slot: usize, outbox: &Arc<Outbox>) -> usize {
        if slot >= self.marks.len() {
            self.marks.resize(slot + 1, Mark::default());
        }
        let index = self.used;
        self.used += 1;
        if index == self.stages.len() {
            self.stages.push(Stage::default());
        }
        let stage = &mut self.stages[index];
        stage.outbox = Some(Arc::clone(outbox));
        let buffer = self.spare.take();
        if stage.frames.open().capacity() < buffer.capacity() {
            *stage.frames.open() = buffer;
        } else {
            self.spare.put(buffer);
        }
        #[allow(clippy::cast_possible_truncation, reason = "fewer stages than slots, and slots are u32")]
        let mark = Mark { turn: self.turn, stage: index as u32 };
        self.marks[slot] = mark;
        index
    }

    /// Takes out what is staged for `outbox`, so that the next flush leaves it alone.
    pub(crate) fn withhold(&mut self, outbox: &Arc<Outbox>) -> Chunks {
        let (stage, _) = self.stage(outbox);
        std::mem::take(&mut stage.frames)
    }

    /// Notes `bytes` more staged bytes; flushes when they are many.
    #[inline]
    pub(crate) fn note_staged(&mut self, bytes: usize) {
        self.staged_bytes += bytes;
        if self.staged_bytes > MAX_STAGED_BYTES {
            self.flush();
        }
    }

    /// Stages a message for an in-process subscriber.
    pub(crate) fn push_local(&mut self, queue: &Arc<LocalQueue>, message: Message) {
        let index = self.local.iter().position(|stage| Arc::ptr_eq(&stage.queue, queue));
        let index = index.unwrap_or_else(|| self.open_local(queue));
        let stage = &mut self.local[index];
        self.staged_bytes += message.len();
        stage.messages.push(message);
        if self.staged_bytes > MAX_STAGED_BYTES {
            self.flush();
        }
    }

    fn open_local(&mut self, queue: &Arc<LocalQueue>) -> usize {
        if self.local.len() == MAX_LOCAL_STAGES {
            self.flush_local();
        }
        let messages = self.spare_lists.pop().unwrap_or_default();
        self.local.push(LocalStage { queue: Arc::clone(queue), messages });
        self.local.len() - 1
    }

    /// Hands everything staged to its destinations.
    pub(crate) fn flush(&mut self) {
        self.flush_wire();
        self.flush_local();
        self.staged_bytes = 0;
    }

    fn flush_wire(&mut self) {
        for stage in &mut self.stages[..self.used] {
            let Some(outbox) = stage.outbox.take() else { continue };
            stage.count_out_to(&outbox);
            let sent = outbox.send(&mut stage.frames, &mut self.spare);
            stage.frames.release(&mut self.spare);
            if let Sent::Pending(pending) = sent
                && outbox.relief().should_stall(pending)
            {
                self.congested = Some(Congested::Wire(outbox));
            }
        }
        self.used = 0;
        self.turn = self.turn.wrapping_add(1);
    }

    /// Hands staged messages to in-process subscribers.
    pub(crate) fn flush_local(&mut self) {
        for mut stage in self.local.drain(..) {
            let pending = stage.queue.push_all(&mut stage.messages);
            self.spare_lists.push(stage.messages);
            if pending.is_some_and(|pending| stage.queue.relief().should_stall(pending)) {
                self.congested = Some(Congested::Local(stage.queue));
            }
        }
        self.spare_lists.truncate(MAX_LOCAL_STAGES);
    }

    /// The last destination that asked its producer to wait.
    pub(crate) fn take_congested(&mut self) -> Option<Congested> {
        self.congested.take()
    }
}

impl Stage {
    /// Hands the counters of this turn to the outbox.
    fn count_out_to(&mut self, outbox: &Outbox) {
        if self.messages > 0 {
            outbox.count_sent(std::mem::take(&mut self.messages), std::mem::take(&mut self.bytes));
        }
    }

    /// Counts one delivery of `bytes` of headers and payload.
    #[inline]
    pub(crate) fn count(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }
}

impl Congested {
    /// The waiting room of the destination.
    pub(crate) fn relief(&self) -> &Relief {
        match self {
            Self::Wire(outbox) => outbox.relief(),
            Self::Local(queue) => queue.relief(),
        }
    }

    /// Bytes that the destination holds.
    pub(crate) fn pending_bytes(&self) -> usize {
        match self {
            Self::Wire(outbox) => outbox.pending_bytes(),
            Self::Local(queue) => queue.pending_bytes(),
        }
    }
}

#[cfg(test)]
mod tests;
