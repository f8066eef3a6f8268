//! One message to a client, MSG or HMSG, as an expectation: which subject, which headers, which payload. The lengths
//! must be right, but need not be written.

use super::pattern::{Match, Pattern};

/// The message that is expected.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) subject: Pattern,
    /// The whole header block; without one a MSG must come.
    pub(super) headers: Option<Pattern>,
    pub(super) payload: Pattern,
}

impl Message {
    /// Holds the message against the start of `input`. The patterns of its parts end where the parts do.
    pub(super) fn try_match(&self, input: &[u8]) -> Match {
        let verb: &[u8] = if self.headers.is_some() { b"HMSG " } else { b"MSG " };
        let same = verb.iter().zip(input).take_while(|(a, b)| a == b).count();
        if same < verb.len() {
            return if same == input.len() { Match::Partial } else { Match::Not(same) };
        }
        let Some(line) = input.windows(2).position(|bytes| bytes == b"\r\n") else { return Match::Partial };
        let Some(frame) = Frame::read(&input[..line], self.headers.is_some()) else { return Match::Not(0) };
        if input.len() < line + 2 + frame.total + 2 {
            return Match::Partial;
        }
        self.match_parts(&frame, input, line + 2)
    }

    /// Compares the parts of a message that is there as a whole; what follows its control line begins at `body`.
    fn match_parts(&self, frame: &Frame, input: &[u8], body: usize) -> Match {
        let (payload, end) = (body + frame.headers, body + frame.total);
        let parts = [
            (Some(&self.subject), frame.subject, frame.subject_end),
            (self.headers.as_ref(), body, payload),
            (Some(&self.payload), payload, end),
        ];
        for (pattern, from, to) in parts {
            let Some(pattern) = pattern else { continue };
            match pattern.try_match(&input[from..to]) {
                Match::Whole(_) => {}
                Match::Partial => return Match::Not(to),
                Match::Not(offset) => return Match::Not(from + offset),
            }
        }
        if input[end..].starts_with(b"\r\n") { Match::Whole(end + 2) } else { Match::Not(end) }
    }
}

/// What a control line says.
struct Frame {
    subject: usize,
    subject_end: usize,
    headers: usize,
    total: usize,
}

impl Frame {
    fn read(line: &[u8], has_headers: bool) -> Option<Self> {
        let words: Vec<&str> = std::str::from_utf8(line).ok()?.split(' ').collect();
        let lengths = if has_headers { 2 } else { 1 };
        // Verb, subject, subscription, perhaps a reply, lengths.
        if !(3 + lengths..=4 + lengths).contains(&words.len()) {
            return None;
        }
        let subject = words[0].len() + 1;
        let total = words.last()?.parse().ok()?;
        let headers = if has_headers { words[words.len() - 2].parse().ok()? } else { 0 };
        (headers <= total).then_some(Self { subject, subject_end: subject + words[1].len(), headers, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: Option<&str>, payload: &str, received: &[u8], outcome: &Match) {
        let whole = |text| Pattern::whole(text).expect("valid pattern");
        let message = Message { subject: whole("foo"), headers: headers.map(whole), payload: whole(payload) };
        assert_eq!(&message.try_match(received), outcome);
    }

    #[test]
    fn a_message_is_its_parts() {
        check(None, "hi", b"MSG foo 1 2\r\nhi\r\nPING\r\n", &Match::Whole(17));
        check(None, "hi", b"MSG foo 1 reply 2\r\nhi\r\n", &Match::Whole(23));
        check(None, "hi", b"MSG foo 1 2\r\nhi", &Match::Partial);
        check(None, "hi", b"MSG bar 1 2\r\nhi\r\n", &Match::Not(4));
        check(None, "hi", b"MSG foo 1 3\r\nhi!\r\n", &Match::Not(15));
        check(None, "hi!", b"MSG foo 1 2\r\nhi\r\n", &Match::Not(15));
        check(None, "\\*", b"MSG foo 1 2\r\nhi\r\n", &Match::Whole(17));
        check(None, "hi", b"PING\r\n", &Match::Not(0));
        let block = Some("NATS/1.0⏎A: \\*⏎⏎");
        check(block, "", b"HMSG foo 1 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n", &Match::Whole(38));
        check(block, "", b"MSG foo 1 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n", &Match::Not(0));
    }
}
