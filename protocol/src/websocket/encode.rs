//! What a server sends: frames without masks.

use smallvec::SmallVec;

use super::frame::Opcode;
use super::{MAX_CONTROL_BYTES, MAX_HEADER_BYTES};

/// The header of a whole message of `length` bytes.
pub fn header(opcode: Opcode, is_compressed: bool, length: usize) -> SmallVec<[u8; MAX_HEADER_BYTES]> {
    let mut header = SmallVec::new();
    header.push(0x80 | if is_compressed { 0x40 } else { 0 } | opcode.bits());
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => header.push(short),
        (_, Ok(middle)) => {
            header.push(126);
            header.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            header.push(127);
            header.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    header
}

/// A frame that says the end, with a code and as much of `reason` as it takes.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let room = MAX_CONTROL_BYTES - 2;
    let fits = (0..=room.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or_default();
    let reason = reason.get(..fits).unwrap_or_default();
    let mut frame = header(Opcode::Close, false, 2 + reason.len()).to_vec();
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(reason.as_bytes());
    frame
}

/// The answer to a ping that carried `payload`.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    let payload = payload.get(..payload.len().min(MAX_CONTROL_BYTES)).unwrap_or_default();
    let mut frame = header(Opcode::Pong, false, payload.len()).to_vec();
    frame.extend_from_slice(payload);
    frame
}
