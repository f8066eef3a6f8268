//! Outbound bytes of one wire connection.
//!
//! Whoever has bytes writes them at once if nobody else is writing and nothing waits; else they join the queue, which
//! the current writer, or the connection's own task, drains. The lock is never held over a write.
//!
//! Drain invariant: while bytes wait, either somebody is flushing or the owner was woken and has not flushed since.

use std::fmt::Debug;
use std::io::{self, IoSlice};

use crate::budget::Budget;
use crate::chunks::{BufferPool, Chunks, MAX_SLICES};
use crate::close::CloseReason;
use crate::relief::Relief;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Arc, Mutex, MutexGuard};
use crate::trace::Trace;

/// What an outbox knows of its socket.
pub trait Transport: Debug + Send + Sync {
    /// Writes what the socket takes without waiting; `WouldBlock` when it takes nothing, or when only the owner writes.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Wakes the connection's own task, which then flushes, or sees that the outbox is closed.
    fn wake_owner(&self);
}

/// The outbound side of one wire connection.
#[derive(Debug)]
pub struct Outbox {
    slot: u32,
    max_pending: usize,
    budget: Arc<Budget>,
    state: Mutex<State>,
    /// Whether anything sent still goes out; a look without the lock.
    open: AtomicBool,
    /// Whether the client understands headers (`CONNECT {"headers":true}`).
    headers: AtomicBool,
    /// Whether each frame is told of; a look without the lock.
    is_traced: AtomicBool,
    trace: Mutex<Option<Trace>>,
    relief: Relief,
    /// Bytes ever accepted by the transport: shows whether a blocked connection moves.
    written: AtomicU64,
    sent_messages: AtomicU64,
    sent_bytes: AtomicU64,
}

#[derive(Debug)]
struct State {
    queue: Chunks,
    /// Bytes that wait, those in the hands of a flusher included; all of them are charged to the budget.
    pending: usize,
    flushing: bool,
    /// How many want that nothing is written for now.
    holds: u32,
    closed: Option<CloseReason>,
    transport: Option<Arc<dyn Transport>>,
}

/// What became of bytes handed to an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// All written, or this many bytes wait now.
    Pending(usize),
    /// The connection is closed, or was just cut as a slow consumer.
    Closed,
    /// Whoever sent it found out in time that nobody wants it any more.
    Unwanted,
}

/// What a flush by the owner left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing waits.
    Empty,
    /// The transport takes no more: flush again when it is writable.
    Blocked,
    /// The bound of work per call is reached and bytes still wait: flush again soon.
    Busy,
    /// Somebody else is writing, and wakes the owner if anything is left behind. To look again and again meanwhile would
    /// only take the processor from them.
    Elsewhere,
    /// The outbox is closed.
    Closed,
}

/// Writes per flush before the rest is left to the owner, so that no producer serves another's backlog for long.
const MAX_WRITES_PER_FLUSH: usize = 16;

impl Outbox {
    /// An outbox over `transport`; `slot` is its index in the workers' staging tables.
    pub fn new(slot: u32, max_pending: usize, budget: Arc<Budget>, transport: Arc<dyn Transport>) -> Self {
        let state = State {
            queue: Chunks::default(),
            pending: 0,
            flushing: false,
            holds: 0,
            closed: None,
            transport: Some(transport),
        };
        Self {
            slot,
            max_pending,
            budget,
            state: Mutex::new(state),
            open: AtomicBool::new(true),
            headers: AtomicBool::new(false),
            is_traced: AtomicBool::new(false),
            trace: Mutex::new(None),
            relief: Relief::default(),
            written: AtomicU64::new(0),
            sent_messages: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
        }
    }

    /// Index in the workers' staging tables.
    #[inline]
    pub fn slot(&self) -> u32 {
        self.slot
    }

    /// Has each frame from now on be told of, or not.
    pub(crate) fn set_trace(&self, trace: Option<Trace>) {
        self.is_traced.store(trace.is_some(), Ordering::Relaxed);
        *self.trace.lock() = trace;
    }

    #[cold]
    fn tell(&self, frames: &Chunks) {
        if let Some(trace) = &*self.trace.lock() {
            trace.output(frames);
        }
    }

    /// Sends all of `frames`, which are empty afterwards: written at once if nothing is in the way, else queued.
    pub fn send(&self, frames: &mut Chunks, spare: &mut BufferPool) -> Sent {
        if self.is_traced.load(Ordering::Relaxed) {
            self.tell(frames);
        }
        let mut state = self.state.lock();
        if state.closed.is_some() {
            frames.clear();
            return Sent::Closed;
        }
        if state.flushing || !state.queue.is_empty() {
            return self.enqueue(state, frames, spare);
        }
        let Some(transport) = state.transport.clone() else { return Sent::Closed };
        if state.holds > 0 {
            let sent = self.enqueue(state, frames, spare);
            // The owner sees a transport that takes nothing, and counts the time.
            transport.wake_owner();
            return sent;
        }
        state.flushing = true;
        drop(state);
        self.write_through(&*transport, frames, spare)
    }

    /// Appends a control line to the queue and leaves writing it to the owner.
    pub fn post(&self, line: &[u8]) -> Sent {
        self.post_with(|queue| queue.open().extend_from_slice(line))
    }

    /// As [`post_with`](Self::post_with), unless `is_wanted` says no under the lock that orders this with all else that
    /// is sent: behind the reply to an UNSUB nothing of its subscription comes.
    pub fn post_if(&self, is_wanted: impl FnOnce() -> bool, fill: impl FnOnce(&mut Chunks)) -> Sent {
        let mut wanted = true;
        let sent = self.post_with(|queue| {
            wanted = is_wanted();
            if wanted {
                fill(queue);
            }
        });
        if wanted { sent } else { Sent::Unwanted }
    }

    /// Appends what `fill` appends and leaves writing to the owner: for producers that must not spend a system call.
    pub fn post_with(&self, fill: impl FnOnce(&mut Chunks)) -> Sent {
        if self.is_traced.load(Ordering::Relaxed) {
            return self.post_traced(fill);
        }
        self.post_untold(fill)
    }

    /// The same, which goes round by frames of its own.
    #[cold]
    fn post_traced(&self, fill: impl FnOnce(&mut Chunks)) -> Sent {
        self.post_untold(|queue| {
            let mut frames = Chunks::default();
            fill(&mut frames);
            self.tell(&frames);
            queue.append(&mut frames, &mut BufferPool::default());
        })
    }

    fn post_untold(&self, fill: impl FnOnce(&mut Chunks)) -> Sent {
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return Sent::Closed;
        }
        let wake = !state.flushing && state.queue.is_empty();
        let before = state.queue.len();
        state.queue.seal_if_large();
        fill(&mut state.queue);
        let transport = if wake { state.transport.clone() } else { None };
        let added = state.queue.len() - before;
        let sent = self.charge(state, added);
        if let Some(transport) = transport {
            transport.wake_owner();
        }
        sent
    }

    fn enqueue(&self, mut state: MutexGuard<'_, State>, frames: &mut Chunks, spare: &mut BufferPool) -> Sent {
        let bytes = frames.len();
        state.queue.append(frames, spare);
        self.charge(state, bytes)
    }

    /// Counts `bytes` that joined the queue; cuts the connection if they are too many.
    fn charge(&self, mut state: MutexGuard<'_, State>, bytes: usize) -> Sent {
        state.pending += bytes;
        self.budget.charge(bytes);
        let pending = state.pending;
        drop(state);
        if pending > self.max_pending {
            self.close(CloseReason::SlowConsumerPendingBytes);
            return Sent::Closed;
        }
        Sent::Pending(pending)
    }

    /// Writes frames that never were in the queue; this thread is the flusher.
    fn write_through(&self, transport: &dyn Transport, frames: &mut Chunks, spare: &mut BufferPool) -> Sent {
        let outcome = write_some(|slices| transport.try_write(slices), frames, spare, &self.written);
        let mut state = self.state.lock();
        state.flushing = false;
        if let Err(reason) = outcome {
            frames.clear();
            drop(state);
            self.close(reason);
            return Sent::Closed;
        }
        if state.closed.is_some() {
            frames.clear();
            return Sent::Closed;
        }
        let left = frames.len();
        if left > 0 {
            state.queue.prepend(std::mem::take(frames), spare);
        }
        let needs_owner = !state.queue.is_empty();
        let sent = if left > 0 { self.charge(state, left) } else { Sent::Pending(state.pending) };
        if needs_owner {
            transport.wake_owner();
        }
        sent
    }

    /// Flushes by the owner's own means: `write` reports `WouldBlock` when the transport takes no more and has
    /// registered the owner's wake-up.
    pub fn flush_with(
        &self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
        spare: &mut BufferPool,
    ) -> Flushed {
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return Flushed::Closed;
        }
        if state.flushing {
            return Flushed::Elsewhere;
        }
        if state.queue.is_empty() {
            state.queue.release(spare);
            return Flushed::Empty;
        }
        if state.holds > 0 {
            // Whoever releases it wakes the owner.
            return Flushed::Blocked;
        }
        state.flushing = true;
        let mut taken = std::mem::take(&mut state.queue);
        drop(state);
        let before = taken.len();
        let outcome = write_some(&mut write, &mut taken, spare, &self.written);
        self.finish_flush(taken, before, outcome, spare)
    }

    fn finish_flush(
        &self,
        taken: Chunks,
        before: usize,
        outcome: Result<WriteEnd, CloseReason>,
        spare: &mut BufferPool,
    ) -> Flushed {
        let written = before - taken.len();
        let mut state = self.state.lock();
        state.flushing = false;
        if state.closed.is_some() {
            return Flushed::Closed;
        }
        let end = match outcome {
            Ok(end) => end,
            Err(reason) => {
                drop(state);
                self.close(reason);
                return Flushed::Closed;
            }
        };
        state.queue.prepend(taken, spare);
        state.pending -= written;
        let pending = state.pending;
        let empty = state.queue.is_empty();
        drop(state);
        self.budget.refund(written);
        self.relief.record_progress(written, pending);
        match end {
            WriteEnd::Blocked => Flushed::Blocked,
            _ if empty => Flushed::Empty,
            _ => Flushed::Busy,
        }
    }

    /// Closes for `reason` unless closed before: drops what waits, frees the transport, wakes the owner.
    pub fn close(&self, reason: CloseReason) {
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return;
        }
        state.closed = Some(reason);
        self.open.store(false, Ordering::Relaxed);
        state.queue.clear();
        let pending = std::mem::take(&mut state.pending);
        let transport = state.transport.take();
        drop(state);
        self.budget.refund(pending);
        self.relief.release();
        if let Some(transport) = transport {
            transport.wake_owner();
        }
    }

    /// Wakes the connection's own task.
    pub fn wake_owner(&self) {
        let transport = self.state.lock().transport.clone();
        if let Some(transport) = transport {
            transport.wake_owner();
        }
    }

    /// Writes nothing from now on, as if the transport took nothing. What is being written at this moment may still go.
    pub(crate) fn hold(&self) {
        self.state.lock().holds += 1;
    }

    /// Takes one hold back.
    pub(crate) fn release(&self) {
        self.state.lock().holds -= 1;
        self.wake_owner();
    }

    /// Why the outbox is closed, if it is.
    pub fn closed(&self) -> Option<CloseReason> {
        self.state.lock().closed
    }

    /// Bytes that wait to be written.
    pub fn pending_bytes(&self) -> usize {
        self.state.lock().pending
    }

    /// Bytes ever written: unchanged over the write deadline while bytes wait means a dead reader.
    pub fn written_bytes(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Whether the outbox was still open a moment ago. One that is closed takes no message from a queue group.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Whether the client reads headers.
    #[inline]
    pub fn headers(&self) -> bool {
        self.headers.load(Ordering::Relaxed)
    }

    /// Notes what CONNECT said of headers.
    pub fn set_headers(&self, headers: bool) {
        self.headers.store(headers, Ordering::Relaxed);
    }

    /// Counts delivered messages: once per turn, not per message.
    pub fn count_sent(&self, messages: u64, bytes: u64) {
        self.sent_messages.fetch_add(messages, Ordering::Relaxed);
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Messages and bytes delivered so far.
    pub fn sent(&self) -> (u64, u64) {
        (self.sent_messages.load(Ordering::Relaxed), self.sent_bytes.load(Ordering::Relaxed))
    }

    /// Where producers wait for this outbox to drain.
    pub fn relief(&self) -> &Relief {
        &self.relief
    }
}

/// How a round of writes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteEnd {
    Done,
    Blocked,
    Bounded,
}

/// Writes until all is out, the transport takes no more, or the bound of work per call is reached.
fn write_some(
    mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    frames: &mut Chunks,
    spare: &mut BufferPool,
    written: &AtomicU64,
) -> Result<WriteEnd, CloseReason> {
    for _ in 0..MAX_WRITES_PER_FLUSH {
        if frames.is_empty() {
            return Ok(WriteEnd::Done);
        }
        let outcome = {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = frames.slices(&mut slices);
            write(&slices[..count])
        };
        match outcome {
            Ok(0) => return Err(CloseReason::WriteError),
            Ok(bytes) => {
                frames.advance(bytes, spare);
                written.fetch_add(bytes as u64, Ordering::Relaxed);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(WriteEnd::Blocked),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(CloseReason::WriteError),
        }
    }
    Ok(if frames.is_empty() { WriteEnd::Done } else { WriteEnd::Bounded })
}
