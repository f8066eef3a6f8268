//! Any bytes, in any chunks: no panic, the same operations, and fast paths that equal the encoder.
//!
//! The first byte of the input chooses the size of the chunks.
#![no_main]

use embus_protocol::decode::{DecodeError, Op, Publish, Step, decode};
use embus_protocol::encode;
use libfuzzer_sys::fuzz_target;

/// Small, so that inputs reach it.
const MAX_CONTROL_LINE: usize = 64;

fuzz_target!(|data: &[u8]| {
    let Some((chunk, stream)) = data.split_first() else { return };
    let whole = read_all(stream, stream.len().max(1));
    let chunked = read_all(stream, usize::from(*chunk).max(1));
    assert_eq!(whole, chunked);
});

/// The operations of a stream, each with its Debug text, and the error that ended them.
fn read_all(stream: &[u8], chunk: usize) -> (Vec<String>, Option<DecodeError>) {
    let mut ops = Vec::new();
    let (mut start, mut end) = (0, 0);
    loop {
        match decode(&stream[start..end], MAX_CONTROL_LINE) {
            Ok(Step::Op(op, consumed)) => {
                assert!(consumed > 0 && consumed <= end - start);
                if let Op::Publish(publish) = op {
                    check_publish(&publish);
                }
                ops.push(format!("{op:?}"));
                start += consumed;
            }
            Ok(step) => {
                if let Step::AwaitPayload(publish, line_len) = step {
                    assert!(line_len <= end - start && end - start < line_len + publish.total_len + 2);
                } else {
                    // The bound holds for what is kept, too: verb, blanks, arguments and a CR.
                    assert!(end - start <= 2 * MAX_CONTROL_LINE + "CONNECT\r".len());
                }
                if end == stream.len() {
                    return (ops, None);
                }
                end = (end + chunk).min(stream.len());
            }
            Err(error) => return (ops, Some(error)),
        }
    }
}

fn check_publish(publish: &Publish<'_>) {
    assert_eq!(publish.body.len(), publish.total_len);
    assert_eq!(publish.headers().len() + publish.payload().len(), publish.total_len);
    assert_eq!(publish.headers().len(), publish.header_len.unwrap_or(0));
    if !publish.tail.is_empty() {
        let mut expected = Vec::new();
        encode::tail(&mut expected, publish.reply, publish.header_len, publish.total_len);
        expected.extend_from_slice(publish.body);
        expected.extend_from_slice(encode::CRLF);
        assert_eq!(publish.tail, expected);
    }
}
