//! The bytes of a client, one operation at a time: incremental, without copying, allocating or remembering.
//! Implements the client side of the NATS client protocol as nats-server 2.15 reads it.
//!
//! The caller keeps the bytes. It calls [`decode`] on all that it has; from [`Step::Op`] it drops the bytes consumed
//! and calls again; on [`Step::AwaitPayload`] and [`Step::Incomplete`] it keeps them and calls again with more. Any
//! chunking of a stream gives the same operations and the same error.
//!
//! Differs from nats-server, seen only by a hostile peer: blanks before the first argument and what follows PING are
//! bounded too, a CR inside a line is never part of an argument, and an LF directly behind the blanks ends the line.

use crate::line::{self, PublishArguments, SubscribeArguments, is_blank, number, skip_blanks};

/// What the bytes so far amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A whole operation, and how many bytes it took.
    Op(Op<'a>, usize),
    /// A whole PUB or HPUB line whose payload is still coming, and the length of that line with its end in bytes. Now
    /// is the time to refuse a payload that is too large.
    AwaitPayload(Publish<'a>, usize),
    /// Not yet a whole line.
    Incomplete,
}

/// One operation of a client. [NATS client protocol]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op<'a> {
    /// PUB or HPUB.
    Publish(Publish<'a>),
    /// SUB. The subject is not checked.
    Subscribe {
        /// The filter.
        subject: &'a [u8],
        /// The queue group.
        queue: Option<&'a [u8]>,
        /// The client's name of the subscription, any text.
        sid: &'a [u8],
    },
    /// UNSUB.
    Unsubscribe {
        /// The client's name of the subscription.
        sid: &'a [u8],
        /// Deliveries since SUB after which it ends; none, zero and what did not parse all mean at once.
        max: Option<u64>,
    },
    /// CONNECT with its JSON, unparsed.
    Connect(&'a [u8]),
    /// PING.
    Ping,
    /// PONG.
    Pong,
    /// `+OK`, which a broker ignores.
    Ok,
    /// `-ERR` with its argument, upon which a broker closes.
    Err(&'a [u8]),
    /// INFO with its JSON, unparsed; a broker ignores it, and closes when it does not parse.
    Info(&'a [u8]),
}

/// A message as it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// The subject, unchecked: any bytes but SP, TAB, CR and LF.
    pub subject: &'a [u8],
    /// The reply subject, unchecked.
    pub reply: Option<&'a [u8]>,
    /// Length of the header block in bytes; some for HPUB, and at most `total_len`.
    pub header_len: Option<usize>,
    /// Length of headers and payload in bytes, without the CRLF behind them.
    pub total_len: usize,
    /// Headers and payload; empty in [`Step::AwaitPayload`].
    pub body: &'a [u8],
    /// All that follows `MSG <subject> <sid> ` (or `HMSG …`, for HPUB) when this message is delivered: arguments, body
    /// and the last CRLF. Empty in [`Step::AwaitPayload`], for a header length of zero (such a message is delivered as
    /// MSG), and when the line is not written the one way that [`encode::tail`](crate::encode::tail) writes it.
    pub tail: &'a [u8],
}

impl<'a> Publish<'a> {
    /// The header block, empty when there is none.
    #[inline]
    pub fn headers(&self) -> &'a [u8] {
        self.body.get(..self.header_len.unwrap_or(0)).unwrap_or_default()
    }

    /// The payload.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.body.get(self.header_len.unwrap_or(0)..).unwrap_or_default()
    }
}

/// The bytes are no protocol; each of these closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No such operation, or a payload that does not end in CRLF:
    /// [`ClientError::UnknownProtocolOperation`](crate::error::ClientError::UnknownProtocolOperation).
    #[error("unknown protocol operation")]
    UnknownOperation,
    /// The argument part is longer than allowed:
    /// [`ClientError::MaximumControlLineExceeded`](crate::error::ClientError::MaximumControlLineExceeded).
    #[error("maximum control line exceeded")]
    ControlLineTooLong,
    /// Wrong number of arguments, or a size that is none. nats-server closes without `-ERR`.
    #[error("bad arguments")]
    BadArguments,
}

/// Reads the first operation of `input`.
///
/// `max_control_line` bounds the argument part of a line in bytes, finished or not; for the reference server's value
/// see [`MAX_CONTROL_LINE_BYTES`](crate::limits::MAX_CONTROL_LINE_BYTES).
///
/// ```
/// use embus_protocol::decode::{Op, Step, decode};
/// let step = decode(b"PUB a 2\r\nhi\r\nPING\r\n", 4096).unwrap();
/// let Step::Op(Op::Publish(publish), 13) = step else { panic!("{step:?}") };
/// assert_eq!(publish.payload(), b"hi");
/// ```
///
/// # Errors
/// [`DecodeError`] as soon as no continuation of `input` can be valid.
#[inline]
pub fn decode(input: &[u8], max_control_line: usize) -> Result<Step<'_>, DecodeError> {
    let Some(head) = input.first_chunk::<4>() else {
        return short(input);
    };
    // Setting 0x20 folds letters to lower case, and a few other bytes onto each other: the parsers behind check the
    // blank again, and `rare` checks all that is no letter.
    match u32::from_le_bytes(*head) | 0x2020_2020 {
        PUB | PUB_TAB => publish(input, 3, line::publish(&input[3..]), max_control_line),
        HPUB => publish(input, 4, line::publish_with_headers(&input[4..]), max_control_line),
        PING => simple(input, Op::Ping, max_control_line),
        PONG => simple(input, Op::Pong, max_control_line),
        SUB | SUB_TAB => subscribe(input, max_control_line),
        UNSUB => unsubscribe(input, max_control_line),
        _ => rare(input, max_control_line),
    }
}

const PUB: u32 = u32::from_le_bytes(*b"pub ");
const PUB_TAB: u32 = u32::from_le_bytes(*b"pub)");
const HPUB: u32 = u32::from_le_bytes(*b"hpub");
const PING: u32 = u32::from_le_bytes(*b"ping");
const PONG: u32 = u32::from_le_bytes(*b"pong");
const SUB: u32 = u32::from_le_bytes(*b"sub ");
const SUB_TAB: u32 = u32::from_le_bytes(*b"sub)");
const UNSUB: u32 = u32::from_le_bytes(*b"unsu");

/// PUB and HPUB: the line, then the payload.
#[inline(always)]
#[expect(clippy::inline_always, reason = "measured: a call moves the arguments through memory, 2 of 10 ns")]
fn publish<'a>(
    input: &'a [u8],
    verb: usize,
    parsed: line::Line<'a, PublishArguments<'a>>,
    max_control_line: usize,
) -> Result<Step<'a>, DecodeError> {
    let Ok((rest, line)) = parsed else {
        return unparsed(&input[verb..], max_control_line);
    };
    let line_len = input.len() - rest.len();
    bound(&input[verb..line_len], max_control_line)?;
    let PublishArguments { subject, reply, header_len, total_len, canonical } = line;
    let waiting = Publish { subject, reply, header_len, total_len, body: &[], tail: &[] };
    let Some((body, behind)) = rest.split_at_checked(total_len) else {
        return Ok(Step::AwaitPayload(waiting, line_len));
    };
    match behind {
        [b'\r', b'\n', ..] => {
            let consumed = line_len + total_len + 2;
            // It runs to the end of the input: cut off what stands behind the last CRLF.
            let tail = canonical.and_then(|tail| tail.get(..tail.len() + 2 - behind.len())).unwrap_or_default();
            Ok(Step::Op(Op::Publish(Publish { body, tail, ..waiting }), consumed))
        }
        [] | [b'\r'] => Ok(Step::AwaitPayload(waiting, line_len)),
        _ => Err(DecodeError::UnknownOperation),
    }
}

/// PING, PONG and `+OK`: whatever else is on the line is ignored. [nats-server: parser]
#[inline]
fn simple<'a>(input: &'a [u8], op: Op<'a>, max_control_line: usize) -> Result<Step<'a>, DecodeError> {
    match input {
        [_, _, _, _, b'\r', b'\n', ..] => Ok(Step::Op(op, 6)),
        _ => raw(input, 4, max_control_line, |_| op),
    }
}

fn subscribe(input: &[u8], max_control_line: usize) -> Result<Step<'_>, DecodeError> {
    let Ok((rest, SubscribeArguments { subject, queue, sid })) = line::subscribe(&input[3..]) else {
        return unparsed(&input[3..], max_control_line);
    };
    let line_len = input.len() - rest.len();
    bound(&input[3..line_len], max_control_line)?;
    Ok(Step::Op(Op::Subscribe { subject, queue, sid }, line_len))
}

fn unsubscribe(input: &[u8], max_control_line: usize) -> Result<Step<'_>, DecodeError> {
    match input.get(4) {
        None => return Ok(Step::Incomplete),
        Some(b'b' | b'B') => {}
        Some(_) => return Err(DecodeError::UnknownOperation),
    }
    let Ok((rest, (sid, max))) = line::unsubscribe(&input[5..]) else {
        return unparsed(&input[5..], max_control_line);
    };
    let line_len = input.len() - rest.len();
    bound(&input[5..line_len], max_control_line)?;
    let max = max.and_then(number).map(|max| max as u64);
    Ok(Step::Op(Op::Unsubscribe { sid, max }, line_len))
}

/// CONNECT, INFO, `-ERR`, `+OK`, and what is no verb at all.
#[cold]
fn rare(input: &[u8], max_control_line: usize) -> Result<Step<'_>, DecodeError> {
    let is = |verb: &str| starts_like(input, verb);
    match input.first() {
        Some(b'c' | b'C') if is("CONNECT") => argument(input, "CONNECT", max_control_line, Op::Connect),
        Some(b'i' | b'I') if is("INFO") => argument(input, "INFO", max_control_line, Op::Info),
        Some(b'+') if is("+OK") => raw(input, 3, max_control_line, |_| Op::Ok),
        Some(b'-') if is("-ERR") => match input.get(4) {
            None => Ok(Step::Incomplete),
            Some(blank) if is_blank(*blank) => argument(input, "-ERR", max_control_line, Op::Err),
            Some(_) => Err(DecodeError::UnknownOperation),
        },
        _ => Err(DecodeError::UnknownOperation),
    }
}

/// Whether `input` begins with the verb, or is the begin of it, in any case.
fn starts_like(input: &[u8], verb: &str) -> bool {
    let len = input.len().min(verb.len());
    input[..len].eq_ignore_ascii_case(&verb.as_bytes()[..len])
}

/// A verb whose argument is the rest of the line. The blank before it may be missing. [nats-server: parser]
fn argument<'a>(
    input: &'a [u8],
    verb: &str,
    max_control_line: usize,
    op: impl FnOnce(&'a [u8]) -> Op<'a>,
) -> Result<Step<'a>, DecodeError> {
    if input.len() < verb.len() {
        return Ok(Step::Incomplete);
    }
    raw(input, verb.len(), max_control_line, |arguments| op(skip_blanks(arguments)))
}

/// An operation made of all that stands between the verb and the line end.
fn raw<'a>(
    input: &'a [u8],
    verb: usize,
    max_control_line: usize,
    op: impl FnOnce(&'a [u8]) -> Op<'a>,
) -> Result<Step<'a>, DecodeError> {
    let arguments = &input[verb..];
    let Some(end) = memchr::memchr(b'\n', arguments) else {
        bound(arguments, max_control_line)?;
        return Ok(Step::Incomplete);
    };
    bound(&arguments[..=end], max_control_line)?;
    Ok(Step::Op(op(without_line_end(&arguments[..=end])), verb + end + 1))
}

/// What becomes of a line that did not parse: its length is judged first, then its end awaited, then its arguments.
#[cold]
fn unparsed(arguments: &[u8], max_control_line: usize) -> Result<Step<'_>, DecodeError> {
    if arguments.first().is_some_and(|byte| !is_blank(*byte)) {
        return Err(DecodeError::UnknownOperation);
    }
    let end = memchr::memchr(b'\n', arguments);
    bound(&arguments[..end.unwrap_or(arguments.len())], max_control_line)?;
    if end.is_some() { Err(DecodeError::BadArguments) } else { Ok(Step::Incomplete) }
}

/// Judges the length of the argument part, which may carry its line end.
#[inline]
fn bound(arguments: &[u8], max_control_line: usize) -> Result<(), DecodeError> {
    if arguments.len() <= max_control_line { Ok(()) } else { strict_bound(arguments, max_control_line) }
}

/// The blanks before the first argument do not count, but are bounded by themselves: a client could otherwise make us
/// keep any number of them.
#[cold]
fn strict_bound(arguments: &[u8], max_control_line: usize) -> Result<(), DecodeError> {
    let arguments = without_line_end(arguments);
    let counted = skip_blanks(arguments).len();
    let blanks = arguments.len() - counted;
    let within = counted <= max_control_line && blanks <= max_control_line;
    if within { Ok(()) } else { Err(DecodeError::ControlLineTooLong) }
}

/// Without LF and the CR directly before it; of an unfinished line without a last CR.
fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Fewer than four bytes: still the begin of some verb?
#[cold]
fn short(input: &[u8]) -> Result<Step<'_>, DecodeError> {
    const VERBS: [&str; 10] = ["PUB ", "HPUB", "SUB ", "UNSUB", "CONNECT", "PING", "PONG", "+OK", "-ERR", "INFO"];
    if VERBS.iter().any(|verb| starts_like(input, verb)) {
        Ok(Step::Incomplete)
    } else {
        Err(DecodeError::UnknownOperation)
    }
}

#[cfg(test)]
mod tests;
