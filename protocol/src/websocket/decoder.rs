//! What a client sends, cut into frames as it comes.

use std::ops::Range;

use super::frame::{FrameError, Header, Opcode, header_length};
use super::{MAX_CONTROL_BYTES, MAX_HEADER_BYTES};

/// Reads frames: any chunking of the bytes reads the same.
///
/// Call [`decode`](Self::decode) with what has come and is not decoded, until all is; after an error nothing more can be
/// read. Nothing is kept of data, however long a frame says that it is.
#[derive(Debug, Default)]
pub struct Decoder {
    allows_unmasked: bool,
    allows_compressed: bool,
    header: [u8; MAX_HEADER_BYTES],
    /// Bytes of a header that have come.
    begun: usize,
    frame: Option<Frame>,
    /// The message that further frames go on with.
    message: Option<Message>,
    control: Vec<u8>,
}

/// A frame whose payload has not come whole.
#[derive(Debug, Clone, Copy)]
struct Frame {
    header: Header,
    left: u64,
    /// How much of the mask the next byte is in.
    phase: usize,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    is_compressed: bool,
}

/// What the beginning of the bytes came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// All of them are part of a header that goes on, or of a control frame.
    More,
    /// Part of a message lies here, without its mask.
    Data {
        /// Where in the bytes.
        range: Range<usize>,
        /// Whether the message is compressed.
        is_compressed: bool,
        /// Whether the message ends with it.
        ends_message: bool,
    },
    /// A control frame: [`control`](Decoder::control) is what it carries.
    Control {
        /// How many of the bytes belong to it.
        consumed: usize,
        /// Which one.
        opcode: Opcode,
    },
}

impl Step {
    /// How many of `length` bytes are decoded.
    pub fn consumed(&self, length: usize) -> usize {
        match self {
            Self::More => length,
            Self::Data { range, .. } => range.end,
            Self::Control { consumed, .. } => *consumed,
        }
    }
}

impl Decoder {
    /// Takes frames without a mask as well, if it was agreed on. [nats-server: `Nats-No-Masking`]
    pub fn allow_unmasked(self) -> Self {
        Self { allows_unmasked: true, ..self }
    }

    /// Takes compressed messages as well, if it was agreed on. [RFC 7692]
    pub fn allow_compressed(self) -> Self {
        Self { allows_compressed: true, ..self }
    }

    /// Reads up to the end of one frame, or of `bytes`.
    ///
    /// # Errors
    /// [`FrameError`] says what no client may send.
    pub fn decode(&mut self, bytes: &mut [u8]) -> Result<Step, FrameError> {
        let mut at = 0;
        let frame = match self.frame {
            Some(frame) => frame,
            None => match self.read_header(bytes, &mut at)? {
                Some(frame) => frame,
                None => return Ok(Step::More),
            },
        };
        let left = usize::try_from(frame.left).unwrap_or(usize::MAX);
        let end = at.saturating_add(left).min(bytes.len());
        let Some(payload) = bytes.get_mut(at..end) else { return Ok(Step::More) };
        unmask(payload, frame.header.mask, frame.phase);
        let taken = payload.len();
        let is_end = taken == left;
        if frame.header.opcode.is_control() {
            self.control.extend_from_slice(payload);
        }
        self.frame = if is_end {
            None
        } else {
            Some(Frame { left: frame.left - taken as u64, phase: (frame.phase + taken) % 4, ..frame })
        };
        Ok(if frame.header.opcode.is_control() {
            if is_end { Step::Control { consumed: end, opcode: frame.header.opcode } } else { Step::More }
        } else {
            self.data(at..end, &frame.header, is_end)
        })
    }

    fn data(&mut self, range: Range<usize>, header: &Header, is_end: bool) -> Step {
        let is_compressed = self.message.is_some_and(|message| message.is_compressed);
        let ends_message = is_end && header.is_final;
        if ends_message {
            self.message = None;
        }
        Step::Data { range, is_compressed, ends_message }
    }

    /// What the last control frame carried.
    pub fn control(&self) -> &[u8] {
        &self.control
    }

    /// Whether no message is half read.
    pub fn is_between_messages(&self) -> bool {
        self.message.is_none() && self.frame.is_none() && self.begun == 0
    }

    /// Takes as much of a header as is there; the frame, if that is all of it.
    fn read_header(&mut self, bytes: &[u8], at: &mut usize) -> Result<Option<Frame>, FrameError> {
        loop {
            let wanted = header_length(self.header.get(..self.begun).unwrap_or_default());
            if self.begun == wanted {
                break;
            }
            let Some(byte) = bytes.get(*at) else { return Ok(None) };
            if let Some(slot) = self.header.get_mut(self.begun) {
                *slot = *byte;
            }
            (self.begun, *at) = (self.begun + 1, *at + 1);
        }
        let begun = std::mem::take(&mut self.begun);
        let bytes = self.header.get(..begun).unwrap_or_default();
        let header = Header::parse(bytes, self.allows_unmasked, self.allows_compressed)?;
        self.begin(&header)?;
        Ok(Some(Frame { header, left: header.length, phase: 0 }))
    }

    fn begin(&mut self, header: &Header) -> Result<(), FrameError> {
        if header.opcode.is_control() {
            self.control.clear();
            self.control.reserve_exact(MAX_CONTROL_BYTES);
            return Ok(());
        }
        if (header.opcode == Opcode::Continuation) != self.message.is_some() {
            return Err(FrameError::Order);
        }
        self.message.get_or_insert(Message { is_compressed: header.is_compressed });
        Ok(())
    }
}

/// Takes the mask off, or puts it on: `phase` is where in it the first byte is.
pub(super) fn unmask(bytes: &mut [u8], mask: [u8; 4], phase: usize) {
    let key: [u8; WIDTH] = std::array::from_fn(|index| mask[(index + phase) % 4]);
    let mut wide = bytes.chunks_exact_mut(WIDTH);
    for chunk in &mut wide {
        for (byte, key) in chunk.iter_mut().zip(key) {
            *byte ^= key;
        }
    }
    for (byte, key) in wide.into_remainder().iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// A multiple of the mask that compilers make one instruction of.
const WIDTH: usize = 32;

#[cfg(test)]
mod tests;
