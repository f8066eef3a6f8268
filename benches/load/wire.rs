//! Frames of fixed size, written once before the clock starts.
//!
//! A publisher cycles through `Batches`; a receiver knows the exact length of every `MSG` frame, so counting bytes
//! counts messages. Source: `[NATS client protocol]`.

use std::io::Write as _;
use std::ops::Range;

/// The one subscription identifier that every receiver uses; one digit, so that a frame's length is easy to tell.
pub const SID: &str = "1";

/// Bytes that a publisher hands to one write, except where a single frame is larger (`[performance.md]`).
pub const BATCH_BYTES: usize = 32 * 1024;

/// The `PUB` frame of a message of `payload_len` filler bytes.
pub fn publish_frame(subject: &str, reply: Option<&str>, payload_len: usize) -> Vec<u8> {
    let reply = reply.map(|reply| format!("{reply} ")).unwrap_or_default();
    framed(&format!("PUB {subject} {reply}{payload_len}\r\n"), payload_len)
}

/// The `MSG` frame in which the server delivers what [`publish_frame`] published.
pub fn message_frame(subject: &str, reply: Option<&str>, payload_len: usize) -> Vec<u8> {
    let reply = reply.map(|reply| format!("{reply} ")).unwrap_or_default();
    framed(&format!("MSG {subject} {SID} {reply}{payload_len}\r\n"), payload_len)
}

/// The `SUB` line for `filter` under [`SID`].
pub fn subscribe_line(filter: &str) -> Vec<u8> {
    format!("SUB {filter} {SID}\r\n").into_bytes()
}

/// Whole `PUB` frames, packed into writes of about [`BATCH_BYTES`].
#[derive(Debug)]
pub struct Batches {
    bytes: Vec<u8>,
    batches: Vec<Batch>,
}

/// One write's worth of frames.
#[derive(Debug, Clone)]
struct Batch {
    range: Range<usize>,
    frames: u64,
}

impl Batches {
    /// Packs one frame per subject; a single subject is repeated until it fills one batch.
    pub fn new(subjects: &[String], payload_len: usize) -> Self {
        let mut packed = Self { bytes: Vec::new(), batches: Vec::new() };
        let repeats = match subjects {
            [only] => (BATCH_BYTES / publish_frame(only, None, payload_len).len()).max(1),
            _ => 1,
        };
        for subject in subjects {
            let frame = publish_frame(subject, None, payload_len);
            (0..repeats).for_each(|_| packed.push(&frame));
        }
        packed
    }

    /// How many batches there are before they repeat.
    pub fn len(&self) -> usize {
        self.batches.len()
    }

    /// Whether there is nothing to publish.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The bytes of batch `index`, which counts on past the end and wraps.
    pub fn bytes(&self, index: usize) -> &[u8] {
        &self.bytes[self.batches[index % self.batches.len()].range.clone()]
    }

    /// The number of frames in batch `index`, which wraps as in [`Batches::bytes`].
    pub fn frames(&self, index: usize) -> u64 {
        self.batches[index % self.batches.len()].frames
    }

    fn push(&mut self, frame: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame);
        let end = self.bytes.len();
        match self.batches.last_mut() {
            Some(batch) if end - batch.range.start <= BATCH_BYTES => {
                batch.range.end = end;
                batch.frames += 1;
            }
            _ => self.batches.push(Batch { range: start..end, frames: 1 }),
        }
    }
}

/// `line`, then the filler payload and its line end.
fn framed(line: &str, payload_len: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(line.len() + payload_len + 2);
    let Ok(()) = frame.write_all(line.as_bytes()) else { unreachable!("writing to a Vec cannot fail") };
    frame.extend((0..payload_len).map(|at| b'a' + u8::try_from(at % 26).unwrap_or(0)));
    frame.extend_from_slice(b"\r\n");
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_what_the_protocol_says() {
        assert_eq!(publish_frame("a.b", None, 3), b"PUB a.b 3\r\nabc\r\n");
        assert_eq!(publish_frame("a.b", Some("r"), 0), b"PUB a.b r 0\r\n\r\n");
        assert_eq!(message_frame("a.b", None, 3), b"MSG a.b 1 3\r\nabc\r\n");
        assert_eq!(message_frame("a", Some("r"), 1), b"MSG a 1 r 1\r\na\r\n");
    }

    #[test]
    fn one_subject_fills_one_batch() {
        let batches = Batches::new(&["a".to_owned()], 16);
        let frame = publish_frame("a", None, 16);
        assert_eq!(batches.len(), 1);
        assert_eq!(batches.frames(7), (BATCH_BYTES / frame.len()) as u64);
        assert!(batches.bytes(0).chunks(frame.len()).all(|chunk| chunk == frame));
    }

    #[test]
    fn a_frame_larger_than_a_batch_stands_alone() {
        let batches = Batches::new(&["a".to_owned()], 64 * 1024);
        assert_eq!((batches.len(), batches.frames(0)), (1, 1));
    }

    #[test]
    fn many_subjects_appear_once_each_in_order() {
        let subjects: Vec<String> = (0..1000).map(|at| format!("s.{at:04}")).collect();
        let batches = Batches::new(&subjects, 128);
        let frames: u64 = (0..batches.len()).map(|at| batches.frames(at)).sum();
        let bytes: Vec<u8> = (0..batches.len()).flat_map(|at| batches.bytes(at).to_vec()).collect();
        let expected: Vec<u8> = subjects.iter().flat_map(|subject| publish_frame(subject, None, 128)).collect();
        assert_eq!(frames, 1000);
        assert_eq!(bytes, expected);
        assert!(batches.len() > 1);
    }
}
