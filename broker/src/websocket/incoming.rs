//! What comes in, where messages may be compressed: bytes of the wire, held only until they are taken apart.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use embus_protocol::websocket::{Decoder, FrameError, Opcode, Step};
use tokio::io::{AsyncRead, ReadBuf};

use super::deflate::{InflateError, Inflater};

/// Frames that wait to be inflated.
#[derive(Debug)]
pub(super) struct Incoming {
    raw: Vec<u8>,
    /// Up to here frames are taken apart.
    decoded: usize,
    /// Of the frame that was last, this part is to be handed on.
    chunk: Range<usize>,
    is_compressed: bool,
    /// Whether the message ends behind the chunk.
    is_ending: bool,
    inflater: Inflater,
}

/// Why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Inflate(#[from] InflateError),
}

impl Fault {
    /// The code that the connection closes with. [RFC 6455 §7.4.1]
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Frame(_) => 1002,
            Self::Inflate(InflateError::Invalid) => 1007,
            Self::Inflate(InflateError::TooLarge) => 1009,
        }
    }
}

/// Bytes of one read.
const READ_BYTES: usize = 16 * 1024;

impl Incoming {
    /// A compressed message may come to `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        let inflater = Inflater::new(limit);
        Self { raw: Vec::new(), decoded: 0, chunk: 0..0, is_compressed: false, is_ending: false, inflater }
    }

    /// Reads from the wire, which is done only when nothing waits; 0 bytes are the end.
    pub(super) fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        inner: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.raw.resize(READ_BYTES, 0);
        let mut buffer = ReadBuf::new(&mut self.raw);
        let polled = Pin::new(inner).poll_read(cx, &mut buffer);
        let read = buffer.filled().len();
        (self.decoded, self.chunk) = (0, 0..0);
        self.raw.truncate(read);
        match polled {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(read)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                // An idle connection keeps no buffer.
                self.raw = Vec::new();
                Poll::Pending
            }
        }
    }

    /// Hands on what waits, as far as `out` has room; control frames on the way go to `control`. Nothing waits any more
    /// when it returns 0.
    pub(super) fn take(
        &mut self,
        decoder: &mut Decoder,
        out: &mut [u8],
        mut control: impl FnMut(Opcode, &[u8]),
    ) -> Result<usize, Fault> {
        let mut filled = 0;
        while let Some(room) = out.get_mut(filled..).filter(|room| !room.is_empty()) {
            if !self.chunk.is_empty() || self.is_ending {
                filled += self.hand_on(room)?;
                continue;
            }
            let Some(rest) = self.raw.get_mut(self.decoded..).filter(|rest| !rest.is_empty()) else { break };
            let step = decoder.decode(rest)?;
            let consumed = step.consumed(rest.len());
            match step {
                Step::Data { range, is_compressed, ends_message } => {
                    self.chunk = self.decoded + range.start..self.decoded + range.end;
                    self.is_compressed = is_compressed;
                    self.is_ending = is_compressed && ends_message;
                }
                Step::Control { opcode, .. } => control(opcode, decoder.control()),
                Step::More => {}
            }
            self.decoded += consumed;
        }
        Ok(filled)
    }

    /// Fills `room` from the chunk.
    fn hand_on(&mut self, room: &mut [u8]) -> Result<usize, Fault> {
        let chunk = self.raw.get(self.chunk.clone()).unwrap_or_default();
        if self.is_compressed && chunk.is_empty() {
            let (come, is_done) = self.inflater.finish(room)?;
            self.is_ending = !is_done;
            return Ok(come);
        }
        let (taken, come) = if self.is_compressed {
            self.inflater.inflate(chunk, room)?
        } else {
            let length = chunk.len().min(room.len());
            for (to, from) in room.iter_mut().zip(chunk) {
                *to = *from;
            }
            (length, length)
        };
        self.chunk.start += taken;
        Ok(come)
    }
}
