//! Any bytes, in any chunks, as frames of WebSocket: no panic, the same data and control frames, and nothing kept of data.
//!
//! The first byte of the input chooses the size of the chunks, its highest two bits what was agreed on.
#![no_main]

use embus_protocol::websocket::{Decoder, FrameError, MAX_CONTROL_BYTES, Opcode, Step};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, stream)) = data.split_first() else { return };
    let decoder = || {
        let decoder = if first & 0x80 != 0 { Decoder::default().allow_unmasked() } else { Decoder::default() };
        if first & 0x40 != 0 { decoder.allow_compressed() } else { decoder }
    };
    let whole = read_all(decoder(), stream, stream.len().max(1));
    let chunked = read_all(decoder(), stream, usize::from(first & 0x3f).max(1));
    assert_eq!(whole, chunked);
});

/// What a stream carries: bytes with whether they were compressed, ends of messages, control frames with what they carry.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Byte(u8, bool),
    EndOfCompressed,
    Control(Opcode, Vec<u8>),
}

fn read_all(mut decoder: Decoder, stream: &[u8], chunk: usize) -> (Vec<Part>, Option<FrameError>) {
    let mut parts = Vec::new();
    for bytes in stream.chunks(chunk) {
        let mut bytes = bytes.to_vec();
        let mut rest = bytes.as_mut_slice();
        while !rest.is_empty() {
            let step = match decoder.decode(rest) {
                Ok(step) => step,
                Err(error) => return (parts, Some(error)),
            };
            let consumed = step.consumed(rest.len());
            assert!(consumed > 0 && consumed <= rest.len());
            match step {
                Step::Data { range, is_compressed, ends_message } => {
                    parts.extend(rest[range].iter().map(|byte| Part::Byte(*byte, is_compressed)));
                    if is_compressed && ends_message {
                        parts.push(Part::EndOfCompressed);
                    }
                }
                Step::Control { opcode, .. } => parts.push(Part::Control(opcode, decoder.control().to_vec())),
                Step::More => {}
            }
            assert!(decoder.control().len() <= MAX_CONTROL_BYTES);
            rest = &mut rest[consumed..];
        }
    }
    (parts, None)
}
