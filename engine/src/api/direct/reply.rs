//! Header blocks of direct gets. [reference §6.1]

use embus_protocol::headers::block::VERSION;
use embus_storage::message::MessageView;

use crate::api::stamp;

/// Answers without a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    EmptyRequest,
    MalformedRequest,
    BadRequest,
    NotFound,
    NoResults,
    TooManyResults,
    RequiredLevel,
    /// Differs from nats-server, where whatever fails was not found.
    StoreFailed,
    /// Differs from nats-server, which starts as many reads as are asked for.
    TooManyRequests,
}

impl Status {
    pub(super) fn block(self) -> &'static [u8] {
        match self {
            Self::EmptyRequest => b"NATS/1.0 408 Empty Request\r\n\r\n",
            Self::MalformedRequest => b"NATS/1.0 408 Malformed Request\r\n\r\n",
            Self::BadRequest => b"NATS/1.0 408 Bad Request\r\n\r\n",
            Self::NotFound => b"NATS/1.0 404 Message Not Found\r\n\r\n",
            Self::NoResults => b"NATS/1.0 404 No Results\r\n\r\n",
            Self::TooManyResults => b"NATS/1.0 413 Too Many Results\r\n\r\n",
            Self::RequiredLevel => b"NATS/1.0 412 Required Api Level\r\n\r\n",
            Self::StoreFailed => b"NATS/1.0 500 Store Failed\r\n\r\n",
            Self::TooManyRequests => b"NATS/1.0 429 Too Many Requests\r\n\r\n",
        }
    }
}

/// Writes the message's own headers and those that say where it is from; the block is still open.
pub(super) fn write_head(out: &mut Vec<u8>, stream: &str, message: &MessageView<'_>) {
    out.reserve(message.headers.len() + stream.len() + message.subject.len() + ROOM);
    write_own(out, message.headers);
    out.extend_from_slice(b"Nats-Stream: ");
    out.extend_from_slice(stream.as_bytes());
    out.extend_from_slice(b"\r\nNats-Subject: ");
    out.extend_from_slice(message.subject);
    out.extend_from_slice(b"\r\nNats-Sequence: ");
    out.extend_from_slice(itoa::Buffer::new().format(message.sequence).as_bytes());
    out.extend_from_slice(b"\r\nNats-Time-Stamp: ");
    stamp::write(out, message.time);
    out.extend_from_slice(b"\r\n");
}

/// Names, line ends and numbers of all headers that are added.
const ROOM: usize = 192;

/// Differs from nats-server, which takes the last two bytes off whatever they are and so breaks blocks that do not end in
/// an empty line.
fn write_own(out: &mut Vec<u8>, headers: &[u8]) {
    if headers.is_empty() {
        out.extend_from_slice(VERSION.as_bytes());
        out.extend_from_slice(b"\r\n");
        return;
    }
    out.extend_from_slice(headers.strip_suffix(b"\r\n\r\n").unwrap_or_else(|| headers.trim_ascii_end()));
    out.extend_from_slice(b"\r\n");
}

/// What stands at the end of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing more.
    End,
    /// Where in a batch the message is.
    Batch {
        /// Messages behind it.
        pending: u64,
        /// The one before it; 0 for the first.
        previous: u64,
    },
}

impl Tail {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        if let Self::Batch { pending, previous } = self {
            write_number(out, "Nats-Num-Pending: ", pending);
            write_number(out, "Nats-Last-Sequence: ", previous);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// What ends a batch; `up_to` is how far messages were looked at.
pub(super) fn end_of_batch(pending: u64, previous: u64, up_to: Option<u64>) -> Vec<u8> {
    let mut out = b"NATS/1.0 204 EOB\r\n".to_vec();
    write_number(&mut out, "Nats-Num-Pending: ", pending);
    write_number(&mut out, "Nats-Last-Sequence: ", previous);
    if let Some(up_to) = up_to {
        write_number(&mut out, "Nats-UpTo-Sequence: ", up_to);
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn write_number(out: &mut Vec<u8>, name: &str, number: u64) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &str, tail: Tail, expected: &str) {
        let (sequence, time, headers) = (3, 1_795_191_680_306_297_720, headers.as_bytes());
        let message = MessageView { sequence, time, subject: b"ord.c", headers, payload: b"three" };
        let mut block = Vec::new();
        write_head(&mut block, "ORD", &message);
        tail.write(&mut block);
        assert_eq!(String::from_utf8(block).unwrap(), expected.replace('|', "\r\n"));
    }

    const PLACE: &str =
        "Nats-Stream: ORD|Nats-Subject: ord.c|Nats-Sequence: 3|Nats-Time-Stamp: 2026-11-20T16:21:20.30629772Z|";

    #[test]
    fn headers_are_added_behind_those_of_the_message() {
        check("", Tail::End, &format!("NATS/1.0|{PLACE}|"));
        check("NATS/1.0\r\nK: v\r\n\r\n", Tail::End, &format!("NATS/1.0|K: v|{PLACE}|"));
        check("NATS/1.0\r\n\r\n", Tail::End, &format!("NATS/1.0|{PLACE}|"));
    }

    #[test]
    fn blocks_without_an_end_stay_whole() {
        check("NATS/1.0\r\nA: b", Tail::End, &format!("NATS/1.0|A: b|{PLACE}|"));
        check("NATS/1.0\r\nA: b\r\n", Tail::End, &format!("NATS/1.0|A: b|{PLACE}|"));
    }

    #[test]
    fn places_in_a_batch() {
        let tail = Tail::Batch { pending: 9, previous: 2 };
        check("", tail, &format!("NATS/1.0|{PLACE}Nats-Num-Pending: 9|Nats-Last-Sequence: 2||"));
    }

    #[test]
    fn ends_of_batches() {
        let text = |block: Vec<u8>| String::from_utf8(block).unwrap().replace("\r\n", "|");
        let plain = text(end_of_batch(0, 3, None));
        assert_eq!(plain, "NATS/1.0 204 EOB|Nats-Num-Pending: 0|Nats-Last-Sequence: 3||");
        let multi = text(end_of_batch(7, 6, Some(13)));
        assert_eq!(multi, "NATS/1.0 204 EOB|Nats-Num-Pending: 7|Nats-Last-Sequence: 6|Nats-UpTo-Sequence: 13||");
    }
}
