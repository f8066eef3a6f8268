//! Requests of one length, written once before the clock starts and sent round and round.

use std::io;

use crate::streams::PAYLOAD_BYTES;
use crate::wire::subscribe_line;

/// Where the answers to one connection go. Connections that are open at the same time have different numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inbox(pub(crate) usize);

impl Inbox {
    /// Subscribes to it.
    pub(crate) fn subscribe(self) -> Vec<u8> {
        subscribe_line(&self.subject())
    }

    /// A publish whose answer comes to it.
    pub(crate) fn request(self, subject: &str, payload: &[u8]) -> Vec<u8> {
        let line = format!("PUB {subject} {} {}\r\n", self.subject(), payload.len());
        [line.as_bytes(), payload, b"\r\n"].concat()
    }

    fn subject(self) -> String {
        format!("_I.{:03}", self.0)
    }
}

/// Requests of the same length, one behind the other.
#[derive(Debug)]
pub(crate) struct Frames {
    inbox: Inbox,
    bytes: Vec<u8>,
    frame_bytes: usize,
    count: usize,
    next: usize,
}

impl Frames {
    /// Puts requests together, subjects with their payloads; at least one, and all of one length.
    pub(crate) fn new<P: AsRef<[u8]>>(
        inbox: Inbox,
        requests: impl IntoIterator<Item = (String, P)>,
    ) -> io::Result<Self> {
        let (mut bytes, mut frame_bytes, mut count) = (Vec::new(), 0, 0);
        for (subject, payload) in requests {
            let frame = inbox.request(&subject, payload.as_ref());
            if count > 0 && frame.len() != frame_bytes {
                return Err(io::Error::other("frames of different lengths"));
            }
            frame_bytes = frame.len();
            bytes.extend_from_slice(&frame);
            count += 1;
        }
        if count == 0 {
            Err(io::Error::other("no frames"))
        } else {
            Ok(Self { inbox, bytes, frame_bytes, count, next: 0 })
        }
    }

    /// Messages of the usual size, one for each subject.
    pub(crate) fn messages(inbox: Inbox, subjects: impl IntoIterator<Item = String>) -> io::Result<Self> {
        Self::new(inbox, subjects.into_iter().map(|subject| (subject, [b'x'; PAYLOAD_BYTES])))
    }

    /// Where the answers go.
    pub(crate) fn inbox(&self) -> Inbox {
        self.inbox
    }

    /// How many there are before they repeat.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The next frames, up to `most`, and how many they are; fewer where the round ends.
    pub(crate) fn take(&mut self, most: usize) -> (&[u8], usize) {
        let count = most.min(self.count - self.next);
        let start = self.next * self.frame_bytes;
        self.next = (self.next + count) % self.count;
        (&self.bytes[start..start + count * self.frame_bytes], count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_go_round() -> io::Result<()> {
        let requests = |names: [&str; 3]| Frames::new(Inbox(7), names.map(|name| (name.to_owned(), "hi")));
        let mut frames = requests(["a", "b", "c"])?;
        let [a, b, c] = ["a", "b", "c"].map(|name| format!("PUB {name} _I.007 2\r\nhi\r\n"));
        assert_eq!(frames.take(2), (format!("{a}{b}").as_bytes(), 2));
        assert_eq!(frames.take(2), (c.as_bytes(), 1));
        assert_eq!(frames.take(9), (format!("{a}{b}{c}").as_bytes(), 3));
        assert!(requests(["a", "b", "cc"]).is_err());
        Ok(())
    }
}
