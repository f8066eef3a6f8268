//! Flow control: a window of bytes that the subscriber has not confirmed. [reference §5.6]
//!
//! When more than half of the window is out, the subscriber is asked to answer once it has come so far. Each answer
//! doubles the window, up to a limit.

use bytes::Bytes;

/// The window of one push consumer.
#[derive(Debug)]
pub(super) struct Flow {
    /// The subject of questions, but for the number at its end.
    prefix: Box<str>,
    window: u64,
    /// Sent and not confirmed.
    out: u64,
    /// The question that waits for its answer, and what the answer confirms.
    question: Option<(Bytes, u64)>,
    /// Questions so far.
    count: u32,
}

impl Flow {
    pub(super) fn new(stream: &str, consumer: &str) -> Self {
        let prefix = format!("$JS.FC.{stream}.{consumer}.").into();
        Self { prefix, window: FIRST_WINDOW, out: 0, question: None, count: 0 }
    }

    pub(super) fn restart(&mut self) {
        (self.window, self.out, self.question) = (FIRST_WINDOW, 0, None);
    }

    pub(super) fn is_full(&self) -> bool {
        self.out > self.window
    }

    pub(super) fn question(&self) -> Option<&Bytes> {
        self.question.as_ref().map(|(question, _)| question)
    }

    /// A message of that size is sent; perhaps with a question behind it.
    pub(super) fn sent(&mut self, size: u64) -> Option<&Bytes> {
        self.out = self.out.saturating_add(size);
        if self.out <= self.window / 2 { None } else { self.ask() }
    }

    /// A question, if none waits for its answer.
    pub(super) fn ask(&mut self) -> Option<&Bytes> {
        if self.question.is_some() {
            return None;
        }
        self.count = self.count.wrapping_add(1);
        let question = format!("{}{}", self.prefix, four_characters(self.count));
        self.question = Some((question.into(), self.out));
        self.question()
    }

    /// Says whether that was the answer that was waited for.
    pub(super) fn answered(&mut self, subject: &[u8]) -> bool {
        let Some((_, confirmed)) = self.question.take_if(|(question, _)| question == subject) else { return false };
        self.out = self.out.saturating_sub(confirmed);
        self.window = (self.window * 2).min(LAST_WINDOW);
        true
    }
}

fn four_characters(number: u32) -> String {
    let digit = |place: u32| char::from(DIGITS[(number / 62_u32.pow(place) % 62) as usize]);
    (0..4).rev().map(digit).collect()
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Bytes.
const FIRST_WINDOW: u64 = 2 << 20;
const LAST_WINDOW: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_with_each_answer() {
        let mut flow = Flow::new("S", "C");
        assert_eq!(flow.sent(FIRST_WINDOW / 2), None);
        let question = flow.sent(1).cloned().unwrap();
        assert_eq!(question, "$JS.FC.S.C.0001");
        assert_eq!(flow.sent(FIRST_WINDOW / 2), None);
        assert!(flow.is_full());
        assert!(!flow.answered(b"$JS.FC.S.C.0002"));
        assert!(flow.answered(&question));
        assert!(!flow.answered(&question));
        assert!(!flow.is_full());
        assert_eq!((flow.out, flow.window), (FIRST_WINDOW / 2, 2 * FIRST_WINDOW));
        for _ in 0..10 {
            let question = flow.sent(flow.window).cloned().unwrap();
            assert!(flow.answered(&question));
        }
        assert_eq!(flow.window, LAST_WINDOW);
    }
}
