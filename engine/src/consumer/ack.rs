//! Acknowledgements: the subject that tells which delivery is meant, and the verb in the body. [reference §5.1, §5.2]

use embus_storage::message::Timestamp;

use crate::api::json;
use crate::api::time::Nanos;
use crate::stream::go_duration;

/// Which delivery an acknowledgement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckToken {
    /// How often the message had been delivered, this time included.
    pub deliveries: u64,
    /// The sequence of the message.
    pub stream_sequence: u64,
    /// The number of the delivery.
    pub consumer_sequence: u64,
}

impl AckToken {
    /// Reads a subject that begins with [`PREFIX`], in either layout, as (stream, consumer, token).
    #[inline]
    pub fn parse(subject: &[u8]) -> Option<(&[u8], &[u8], Self)> {
        let rest = subject.strip_prefix(PREFIX)?;
        if let Some(Tokens { stream, consumer, token, rest: [] }) = Tokens::parse(rest) {
            return Some((stream, consumer, token));
        }
        // Not the short layout: domain and account come first, and anything may follow.
        let (_, rest) = split_token(rest)?;
        let (_, rest) = split_token(rest)?;
        Tokens::parse(rest).map(|it| (it.stream, it.consumer, it.token))
    }

    /// Appends the subject on which the delivery is acknowledged; `time` is that of the message.
    #[inline]
    pub fn write_reply(&self, out: &mut Vec<u8>, stream: &[u8], consumer: &[u8], time: Timestamp, pending: u64) {
        let mut buffer = itoa::Buffer::new();
        for part in [PREFIX, stream, b".", consumer, b".", buffer.format(self.deliveries).as_bytes(), b"."] {
            out.extend_from_slice(part);
        }
        self.write_numbers(out, time, pending);
    }

    /// Appends the end of that subject, from the sequence of the message on.
    #[inline]
    pub(crate) fn write_numbers(&self, out: &mut Vec<u8>, time: Timestamp, pending: u64) {
        let mut buffer = itoa::Buffer::new();
        for number in [self.stream_sequence, self.consumer_sequence] {
            out.extend_from_slice(buffer.format(number).as_bytes());
            out.push(b'.');
        }
        out.extend_from_slice(buffer.format(time).as_bytes());
        out.push(b'.');
        out.extend_from_slice(buffer.format(pending).as_bytes());
    }

    /// How long that subject is.
    pub(super) fn reply_len(&self, stream: &[u8], consumer: &[u8], time: Timestamp, pending: u64) -> usize {
        let numbers = [self.deliveries, self.stream_sequence, self.consumer_sequence, time.unsigned_abs(), pending];
        let dots = numbers.len() + 1;
        PREFIX.len() + stream.len() + consumer.len() + dots + numbers.into_iter().map(digits).sum::<usize>()
    }
}

/// What whoever got a message says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckVerb<'a> {
    /// It is done.
    Ack,
    /// It is to be delivered again.
    Nak {
        /// After so many nanoseconds.
        delay: Option<i64>,
    },
    /// It is being worked on: the wait begins anew.
    Progress,
    /// It is done, and here is a request for more, as in the body of a pull.
    Next(&'a [u8]),
    /// It is not to be delivered again.
    Term {
        /// Why; may be empty.
        reason: &'a [u8],
    },
    /// Something else: it changes nothing.
    Unknown,
}

impl<'a> AckVerb<'a> {
    /// Reads the body of an acknowledgement.
    #[inline]
    pub fn parse(body: &'a [u8]) -> Self {
        match body {
            b"" | b"+ACK" | b"+OK" => Self::Ack,
            b"+WPI" => Self::Progress,
            _ => Self::parse_rest(body),
        }
    }

    fn parse_rest(body: &'a [u8]) -> Self {
        if let Some(request) = body.strip_prefix(b"+NXT") {
            Self::Next(request.trim_ascii())
        } else if let Some(delay) = body.strip_prefix(b"-NAK") {
            Self::Nak { delay: parse_delay(delay.trim_ascii()) }
        } else if let Some(reason) = body.strip_prefix(b"+TERM") {
            Self::Term { reason: reason.trim_ascii() }
        } else {
            Self::Unknown
        }
    }
}

#[derive(Debug, Default)]
struct NakOptions {
    delay: Nanos,
}
json::fields!(NakOptions, "server.ConsumerNakOptions", { "delay" => delay });

/// A delay that cannot be read is none.
fn parse_delay(text: &[u8]) -> Option<i64> {
    match text.first()? {
        b'{' => json::decode_lenient::<NakOptions>(text).ok().map(|options| options.delay.0),
        _ => go_duration::parse(text),
    }
}

/// Stream, consumer, deliveries, stream sequence, consumer sequence, time, pending; and the tokens behind them.
struct Tokens<'a> {
    stream: &'a [u8],
    consumer: &'a [u8],
    token: AckToken,
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    #[inline]
    fn parse(rest: &'a [u8]) -> Option<Self> {
        let (stream, rest) = split_token(rest)?;
        let (consumer, rest) = split_token(rest)?;
        let (deliveries, rest) = split_number(rest)?;
        let (stream_sequence, rest) = split_number(rest)?;
        let (consumer_sequence, rest) = split_number(rest)?;
        let (_time, rest) = split_token(rest)?;
        let (_pending, rest) = split_token(rest).unwrap_or((rest, &[]));
        Some(Self { stream, consumer, token: AckToken { deliveries, stream_sequence, consumer_sequence }, rest })
    }
}

#[inline]
fn split_token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'.', text)?;
    Some((&text[..end], &text[end + 1..]))
}

#[inline]
fn split_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (place, byte) in text.iter().enumerate().take(MAX_DIGITS + 1) {
        match byte {
            b'0'..=b'9' if place < MAX_DIGITS => number = number * 10 + u64::from(byte - b'0'),
            b'.' if place > 0 => return Some((number, &text[place + 1..])),
            _ => return None,
        }
    }
    None
}

pub(super) fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// How subjects of acknowledgements begin.
pub const PREFIX: &[u8] = b"$JS.ACK.";
/// What surely fits.
const MAX_DIGITS: usize = 19;

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: AckToken = AckToken { deliveries: 1, stream_sequence: 22, consumer_sequence: 333 };

    #[track_caller]
    fn check(subject: &str, expected: Option<AckToken>) {
        let parsed = AckToken::parse(subject.as_bytes());
        assert_eq!(parsed, expected.map(|token| (&b"S"[..], &b"C"[..], token)), "{subject}");
    }

    #[test]
    fn both_layouts() {
        check("$JS.ACK.S.C.1.22.333.4444.5", Some(TOKEN));
        check("$JS.ACK._.abcdefgh.S.C.1.22.333.4444.5", Some(TOKEN));
        check("$JS.ACK.hub.abcdefgh.S.C.1.22.333.4444.5.x", Some(TOKEN));
        check("$JS.ACK.hub.abcdefgh.S.C.1.22.333.4444.5.x.y.z", Some(TOKEN));
    }

    #[test]
    fn malformed_subjects() {
        for subject in [
            "",
            "$JS.ACK.",
            "$JS.ACK.S.C",
            "$JS.ACK.S.C.1.22.333.4444",
            "$JS.ACK.S.C.1.22.333.4444.5.6",
            "$JS.ACK.S.C.x.22.333.4444.5",
            "$JS.ACK.S.C.1.-2.333.4444.5",
            "$JS.ACK.S.C.1..333.4444.5",
            "$JS.ACK.S.C.1.99999999999999999999999.333.4444.5",
            "$JS.ACX.S.C.1.22.333.4444.5",
        ] {
            check(subject, None);
        }
    }

    #[test]
    fn a_reply_reads_back() {
        for (time, pending) in [(1_795_191_675_918_286_908, 0), (0, u64::MAX), (9, 10)] {
            let mut reply = Vec::new();
            TOKEN.write_reply(&mut reply, b"S", b"C", time, pending);
            assert_eq!(reply.len(), TOKEN.reply_len(b"S", b"C", time, pending));
            assert_eq!(AckToken::parse(&reply), Some((&b"S"[..], &b"C"[..], TOKEN)));
            assert!(reply.ends_with(format!(".{time}.{pending}").as_bytes()));
        }
    }

    #[test]
    fn verbs() {
        #[track_caller]
        fn check(body: &str, expected: AckVerb<'_>) {
            assert_eq!(AckVerb::parse(body.as_bytes()), expected, "{body}");
        }
        for body in ["", "+ACK", "+OK"] {
            check(body, AckVerb::Ack);
        }
        check("+WPI", AckVerb::Progress);
        check("-NAK", AckVerb::Nak { delay: None });
        check("-NAK 5s", AckVerb::Nak { delay: Some(5_000_000_000) });
        check(r#"-NAK {"delay": 1000}"#, AckVerb::Nak { delay: Some(1000) });
        check(r#"-NAK {"delay": "x"}"#, AckVerb::Nak { delay: None });
        check("-NAK soon", AckVerb::Nak { delay: None });
        check("+TERM", AckVerb::Term { reason: b"" });
        check("+TERM broken ", AckVerb::Term { reason: b"broken" });
        check("+NXT", AckVerb::Next(b""));
        check("+NXT 5", AckVerb::Next(b"5"));
        for body in ["+ack", "hello", "+WPI ", "+", "ACK"] {
            check(body, AckVerb::Unknown);
        }
    }
}
