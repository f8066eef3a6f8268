//! A wire client: what it sends, as far as the broker has not read it, and how it reads.

use std::collections::VecDeque;
use std::sync::Arc;

use fastrand::Rng;

use crate::driver::Driver;
use crate::frame::{Frame, FrameReader};
use crate::model::{InboxId, PeerId};
use crate::ops::{Op, Options};
use crate::socket::SimSocket;

/// One wire client with both ends of its connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) peer: PeerId,
    pub(crate) inbox: InboxId,
    pub(crate) socket: Arc<SimSocket>,
    /// The broker's end, until it is closed.
    pub(crate) driver: Option<Driver>,
    pub(crate) pace: Pace,
    /// Whether it answers PING.
    pub(crate) is_polite: bool,
    /// What its CONNECTs said so far.
    pub(crate) options: Options,
    /// The sids it has used so far, those of queue group members, and of those the ones that have a maximum.
    pub(crate) last_sid: u64,
    pub(crate) members: Vec<u64>,
    pub(crate) limited: Vec<u64>,
    pub(crate) sending: Sending,
    /// Operations that the broker has not taken yet.
    pub(crate) ops: VecDeque<SentOp>,
    unsent: Vec<u8>,
    written: u64,
    reader: FrameReader,
}

/// How a client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// All there is.
    Prompt,
    /// A little, at times.
    Slow,
    /// Not at all.
    Stalled,
}

/// Whether a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    Open,
    /// No further operation, but what is written goes out, then the end.
    Finishing,
    Finished,
    /// It is gone, without a word.
    Gone,
}

/// One operation in the stream of a client, with the offsets of its first byte and of the one behind it.
#[derive(Debug)]
pub(crate) struct SentOp {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) op: Op,
}

impl Client {
    pub(crate) fn new(peer: PeerId, inbox: InboxId, socket: Arc<SimSocket>, driver: Driver) -> Self {
        Self {
            peer,
            inbox,
            socket,
            driver: Some(driver),
            pace: Pace::Prompt,
            is_polite: true,
            options: Options::INITIAL,
            last_sid: 0,
            members: Vec::new(),
            limited: Vec::new(),
            sending: Sending::Open,
            ops: VecDeque::new(),
            unsent: Vec::new(),
            written: 0,
            reader: FrameReader::default(),
        }
    }

    /// Writes an operation. Nothing but the end comes behind one that ends the connection.
    pub(crate) fn write(&mut self, op: Op, rng: &mut Rng) {
        let bytes = op.encode(rng);
        let start = self.written;
        self.written += bytes.len() as u64;
        self.unsent.extend_from_slice(&bytes);
        if let Op::Fatal { .. } = op {
            self.sending = Sending::Finishing;
        }
        self.ops.push_back(SentOp { start, end: self.written, op });
    }

    /// Cuts the stream somewhere in what is not sent yet, mostly within an operation.
    pub(crate) fn break_off(&mut self, rng: &mut Rng) {
        self.unsent.truncate(rng.usize(..=self.unsent.len()));
        self.sending = Sending::Finishing;
    }

    /// Hands at most `limit` bytes to the socket; says whether there were any, or the end.
    pub(crate) fn transmit(&mut self, limit: usize) -> bool {
        if matches!(self.sending, Sending::Finished | Sending::Gone) {
            return false;
        }
        let len = limit.min(self.unsent.len());
        self.socket.send(&self.unsent[..len]);
        self.unsent.drain(..len);
        let is_end = self.unsent.is_empty() && self.sending == Sending::Finishing;
        if is_end {
            self.sending = Sending::Finished;
            self.socket.finish_sending();
        }
        len > 0 || is_end
    }

    /// Is gone, without a word.
    pub(crate) fn vanish(&mut self) {
        self.sending = Sending::Gone;
        self.socket.vanish();
    }

    /// Reads as its pace has it; says whether anything was there, and whether the end was.
    pub(crate) fn read(&mut self, limit: usize) -> (bool, bool) {
        if self.sending == Sending::Gone {
            return (false, false);
        }
        let (bytes, is_end) = self.socket.receive(limit);
        self.reader.push(&bytes);
        (!bytes.is_empty(), is_end)
    }

    /// The next frame of what was read.
    pub(crate) fn next_frame(&mut self) -> Option<Frame> {
        self.reader.next()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.driver.is_some()
    }

    /// The next operation that the broker has taken as a whole; of one that was `refused` the start is enough.
    pub(crate) fn take_consumed(&mut self, consumed: u64, refused: bool) -> Option<Op> {
        let next = self.ops.front()?;
        let is_fatal = matches!(next.op, Op::Fatal { .. });
        let is_taken = next.end <= consumed && !is_fatal;
        if !(is_taken || (is_fatal && refused && next.start < consumed)) {
            assert!(!(is_fatal && next.end <= consumed), "the broker takes what it must refuse: {:?}", next.op);
            return None;
        }
        self.ops.pop_front().map(|sent| sent.op)
    }
}
