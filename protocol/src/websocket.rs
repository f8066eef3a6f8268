//! Frames of WebSocket as a server reads and writes them. [RFC 6455]
//!
//! What frames carry is one stream of bytes: where one begins says nothing, so nothing is kept of a frame but how much of
//! it is to come, however long it says that it is.

mod decoder;
mod encode;
mod frame;

pub use decoder::{Decoder, Step};
pub use encode::{close, header, pong};
pub use frame::{FrameError, Opcode};

/// A header at its longest: length in 8 bytes, mask in 4.
pub const MAX_HEADER_BYTES: usize = 14;

/// What a control frame may carry.
pub const MAX_CONTROL_BYTES: usize = 125;
