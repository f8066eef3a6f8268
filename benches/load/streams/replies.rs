//! Takes messages out of the bytes that a server sends.

use std::io::{self, Read};
use std::ops::Range;

/// Bytes that one read takes at most.
const READ_BYTES: usize = 256 * 1024;

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply<'a> {
    /// The header block; empty without one.
    pub(super) headers: &'a [u8],
    /// What follows it.
    pub(super) payload: &'a [u8],
}

/// Bytes that were read and not taken yet.
#[derive(Debug, Default)]
pub(super) struct Replies {
    buffer: Vec<u8>,
    taken: usize,
    filled: usize,
}

impl Replies {
    /// Reads once.
    pub(super) fn read(&mut self, mut from: impl Read) -> io::Result<()> {
        self.buffer.copy_within(self.taken..self.filled, 0);
        (self.filled, self.taken) = (self.filled - self.taken, 0);
        self.buffer.resize(self.filled.max(READ_BYTES) + READ_BYTES, 0);
        match from.read(&mut self.buffer[self.filled..])? {
            0 => Err(io::Error::other("the server closed the connection")),
            count => {
                self.filled += count;
                Ok(())
            }
        }
    }

    /// The next message, if it is there as a whole.
    pub(super) fn take(&mut self) -> io::Result<Option<Reply<'_>>> {
        const PING: &[u8] = b"PING\r\n";
        while self.buffer[self.taken..self.filled].starts_with(PING) {
            self.taken += PING.len();
        }
        let Some((headers, payload)) = message(&self.buffer[self.taken..self.filled])? else { return Ok(None) };
        let (start, end) = (self.taken, self.taken + payload.end);
        self.taken = end + 2;
        Ok(Some(Reply {
            headers: &self.buffer[start + headers.start..start + headers.end],
            payload: &self.buffer[start + payload.start..end],
        }))
    }
}

/// Where headers and payload of the first message stand.
fn message(bytes: &[u8]) -> io::Result<Option<(Range<usize>, Range<usize>)>> {
    let Some(line) = bytes.iter().position(|byte| *byte == b'\r') else { return Ok(None) };
    let refused = || io::Error::other(format!("not a message: {}", bytes[..line].escape_ascii()));
    let text = std::str::from_utf8(&bytes[..line]).map_err(io::Error::other)?;
    let mut words = text.rsplit(' ');
    let mut number = || words.next().and_then(|word| word.parse::<usize>().ok()).ok_or_else(refused);
    let total = number()?;
    let headers = match text.as_bytes() {
        [b'M', b'S', b'G', ..] => 0,
        [b'H', b'M', b'S', b'G', ..] => number()?,
        _ => return Err(refused()),
    };
    let body = line + 2;
    let is_whole = bytes.len() >= body + total + 2;
    Ok(is_whole.then_some((body..body + headers, body + headers..body + total)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_one_by_one() -> io::Result<()> {
        let mut replies = Replies::default();
        replies.read(&b"MSG a 1 2\r\nhi\r\nPING\r\nHMSG a 1 12 13\r\nNATS/1.0\r\n\r\nx\r\nMSG a 1 2\r\nh"[..])?;
        assert_eq!(replies.take()?, Some(Reply { headers: b"", payload: b"hi" }));
        assert_eq!(replies.take()?, Some(Reply { headers: b"NATS/1.0\r\n\r\n", payload: b"x" }));
        assert_eq!(replies.take()?, None);
        replies.read(&b"o\r\n-ERR 'x'\r\n"[..])?;
        assert_eq!(replies.take()?, Some(Reply { headers: b"", payload: b"ho" }));
        assert!(replies.take().is_err());
        Ok(())
    }
}
