//! The header of one frame, and what may be wrong with it.

use super::{MAX_CONTROL_BYTES, MAX_HEADER_BYTES};

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message before.
    Continuation,
    /// A message that says of itself that it is text; it is read like any other.
    Text,
    /// A message.
    Binary,
    /// The end.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping.
    Pong,
}

impl Opcode {
    fn of(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    pub(super) fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    /// Whether it is about the connection, not part of a message.
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A frame that a server does not take: it closes with code 1002.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Clients mask what they send.
    #[error("frame without a mask")]
    Unmasked,
    /// A bit that means nothing here.
    #[error("reserved bit is set")]
    ReservedBit,
    /// An opcode that means nothing.
    #[error("unknown opcode")]
    Opcode,
    /// A control frame is one frame of 125 bytes at most.
    #[error("control frame is too long or not whole")]
    Control,
    /// A continuation of nothing, or a message within another one.
    #[error("frame out of order")]
    Order,
    /// A length of more than 63 bits, or in more bytes than it needs.
    #[error("invalid length")]
    Length,
}

/// A header that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) is_final: bool,
    pub(super) is_compressed: bool,
    pub(super) length: u64,
    pub(super) mask: [u8; 4],
}

/// Bytes that the header has in all, as far as its beginning tells.
pub(super) fn header_length(begun: &[u8]) -> usize {
    let Some(second) = begun.get(1) else { return 2 };
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + if second & 0x80 == 0 { 0 } else { 4 }
}

impl Header {
    /// Reads a whole header.
    pub(super) fn parse(bytes: &[u8], allows_unmasked: bool, allows_compressed: bool) -> Result<Self, FrameError> {
        let mut bytes = bytes.iter().copied();
        let mut next = || bytes.next().unwrap_or_default();
        let (first, second) = (next(), next());
        let opcode = Opcode::of(first & 0x0f).ok_or(FrameError::Opcode)?;
        let (is_final, is_compressed) = (first & 0x80 != 0, first & 0x40 != 0);
        if first & 0x30 != 0 || is_compressed && !(allows_compressed && matches!(opcode, Opcode::Text | Opcode::Binary))
        {
            return Err(FrameError::ReservedBit);
        }
        let is_masked = second & 0x80 != 0;
        if !is_masked && !allows_unmasked {
            return Err(FrameError::Unmasked);
        }
        let length = match second & 0x7f {
            126 => checked(u64::from(u16::from_be_bytes([next(), next()])), 126)?,
            127 => checked(u64::from_be_bytes(std::array::from_fn(|_| next())), 1 << 16)?,
            short => u64::from(short),
        };
        if opcode.is_control() && !(is_final && length <= MAX_CONTROL_BYTES as u64) {
            return Err(FrameError::Control);
        }
        let mask = if is_masked { std::array::from_fn(|_| next()) } else { [0; 4] };
        Ok(Self { opcode, is_final, is_compressed, length, mask })
    }
}

/// A length has to need the bytes that it is written in.
fn checked(length: u64, least: u64) -> Result<u64, FrameError> {
    if length < least || length > i64::MAX as u64 { Err(FrameError::Length) } else { Ok(length) }
}

const _: () = assert!(MAX_HEADER_BYTES == 2 + 8 + 4, "what `header_length` comes to at most");
