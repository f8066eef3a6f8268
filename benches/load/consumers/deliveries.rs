//! Takes deliveries of a consumer out of the bytes that a server sends.

use std::io::{self, Read as _};
use std::net::TcpStream;

/// Bytes that one read takes at most.
const READ_BYTES: usize = 256 * 1024;

const PING: &[u8] = b"PING\r\n";

/// One delivery, or a status.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Delivery<'a> {
    /// Where it is acknowledged, or a flow control request answered.
    pub(crate) reply: Option<&'a [u8]>,
    /// The header block; empty without one.
    pub(crate) headers: &'a [u8],
    /// What follows it.
    pub(crate) payload: &'a [u8],
}

impl Delivery<'_> {
    /// Whether the consumer says something, and delivers nothing.
    pub(crate) fn is_status(&self) -> bool {
        self.headers.starts_with(b"NATS/1.0 ")
    }
}

/// Bytes that were read and not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    buffer: Vec<u8>,
    taken: usize,
    filled: usize,
}

impl Deliveries {
    /// Reads once.
    pub(crate) fn read(&mut self, mut from: &TcpStream) -> io::Result<()> {
        self.buffer.copy_within(self.taken..self.filled, 0);
        (self.filled, self.taken) = (self.filled - self.taken, 0);
        if self.buffer.len() < self.filled + READ_BYTES {
            self.buffer.resize(self.filled + READ_BYTES, 0);
        }
        match from.read(&mut self.buffer[self.filled..])? {
            0 => Err(io::Error::other("the server closed the connection")),
            count => {
                self.filled += count;
                Ok(())
            }
        }
    }

    /// The next one, if it is there as a whole.
    pub(crate) fn take(&mut self) -> io::Result<Option<Delivery<'_>>> {
        while self.buffer[self.taken..self.filled].starts_with(PING) {
            self.taken += PING.len();
        }
        let Some((len, delivery)) = parse(&self.buffer[self.taken..self.filled])? else { return Ok(None) };
        self.taken += len;
        Ok(Some(delivery))
    }
}

/// The first message and the length of its frame.
fn parse(bytes: &[u8]) -> io::Result<Option<(usize, Delivery<'_>)>> {
    let Some(end) = bytes.iter().position(|&byte| byte == b'\r') else { return Ok(None) };
    let line = &bytes[..end];
    let refused = || io::Error::other(format!("not a message: {}", line.escape_ascii()));
    let mut words = line.split(|&byte| byte == b' ');
    let has_headers = match words.next() {
        Some(b"MSG") => false,
        Some(b"HMSG") => true,
        _ => return Err(refused()),
    };
    let words: Vec<&[u8]> = words.collect();
    let numbers = 1 + usize::from(has_headers);
    if words.len() < 2 + numbers {
        return Err(refused());
    }
    let number = |at: usize| words.get(at).and_then(|word| std::str::from_utf8(word).ok()?.parse::<usize>().ok());
    let total = number(words.len() - 1).ok_or_else(refused)?;
    let headers = if has_headers { number(words.len() - 2).ok_or_else(refused)? } else { 0 };
    let reply = (words.len() > 2 + numbers).then(|| words[2]);
    let body = end + 2;
    if bytes.len() < body + total + 2 {
        return Ok(None);
    }
    let (headers, payload) = bytes[body..body + total].split_at(headers);
    Ok(Some((body + total + 2, Delivery { reply, headers, payload })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_with_and_without_replies() -> io::Result<()> {
        let (len, message) = parse(b"MSG a 1 r.1 2\r\nhi\r\nMSG")?.ok_or_else(|| io::Error::other("it is whole"))?;
        assert_eq!((len, message), (19, Delivery { reply: Some(b"r.1"), headers: b"", payload: b"hi" }));
        let (_, status) =
            parse(b"HMSG a 1 17 17\r\nNATS/1.0 100\r\n\r\n\r\n\r\n")?.ok_or_else(|| io::Error::other("whole"))?;
        assert!(status.is_status() && status.reply.is_none());
        assert_eq!(parse(b"MSG a 1 2\r\nh")?, None);
        assert!(parse(b"-ERR 'x'\r\n").is_err());
        Ok(())
    }
}
