//! One connection with a bounded number of requests in flight.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::connection::Connection;
use crate::latency::Latencies;
use crate::streams::frames::Frames;
use crate::streams::replies::{Replies, Reply};

/// What every answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// JSON that is no error: an acknowledgement, or an answer of the API.
    Success,
    /// A message with a payload of this many bytes.
    Message(usize),
}

/// A connection, what it sends, and what is in flight.
#[derive(Debug)]
pub(crate) struct Pipeline {
    stream: TcpStream,
    frames: Frames,
    replies: Replies,
    expected: Expected,
    window: usize,
    in_flight: usize,
    sent_at: Instant,
}

impl Pipeline {
    /// Connects.
    pub(crate) fn open(address: SocketAddr, frames: Frames, window: usize, expected: Expected) -> io::Result<Self> {
        let mut stream = Connection::open(address)?.into_stream();
        stream.write_all(&frames.inbox().subscribe())?;
        let (replies, sent_at) = (Replies::default(), Instant::now());
        Ok(Self { stream, frames, replies, expected, window, in_flight: 0, sent_at })
    }

    /// The socket, to wait for it.
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.stream
    }

    /// Frames before they repeat.
    pub(crate) fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight == 0
    }

    /// Sends other frames from now on; they must have the same inbox.
    pub(crate) fn set_frames(&mut self, frames: Frames) {
        self.frames = frames;
    }

    /// Sends as many requests as the window has room for, at most `most`; returns how many.
    pub(crate) fn send(&mut self, most: usize) -> io::Result<usize> {
        let wanted = most.min(self.window - self.in_flight);
        let mut sent = 0;
        while sent < wanted {
            let (bytes, count) = self.frames.take(wanted - sent);
            self.sent_at = Instant::now();
            self.stream.write_all(bytes)?;
            sent += count;
        }
        self.in_flight += sent;
        Ok(sent)
    }

    /// Waits for bytes and takes the answers in them; returns how many. The time since the last request goes to
    /// `latencies`, which says something where only one is in flight.
    pub(crate) fn receive(&mut self, latencies: &mut Latencies) -> io::Result<usize> {
        self.replies.read(&self.stream)?;
        let mut count = 0;
        while let Some(reply) = self.replies.take()? {
            self.expected.check(&reply)?;
            count += 1;
        }
        if count > self.in_flight {
            return Err(io::Error::other("more answers than requests"));
        }
        if count > 0 {
            latencies.record(self.sent_at.elapsed());
        }
        self.in_flight -= count;
        Ok(count)
    }
}

impl Expected {
    fn check(self, reply: &Reply<'_>) -> io::Result<()> {
        let is_right = match self {
            Self::Success => reply.headers.is_empty() && is_success(reply.payload),
            Self::Message(length) => reply.payload.len() == length,
        };
        if is_right {
            return Ok(());
        }
        let shown = |bytes: &[u8]| bytes[..bytes.len().min(300)].escape_ascii().to_string();
        Err(io::Error::other(format!("answered {}{}", shown(reply.headers), shown(reply.payload))))
    }
}

fn is_success(payload: &[u8]) -> bool {
    const ACKNOWLEDGED: &[u8] = b"{\"stream\":";
    const ERROR: &[u8] = b"\"error\":{";
    payload.starts_with(ACKNOWLEDGED)
        || (payload.starts_with(b"{\"type\":") && !payload.windows(ERROR.len()).any(|window| window == ERROR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_no_success() {
        assert!(is_success(br#"{"stream":"S","seq":1}"#));
        assert!(!is_success(br#"{"error":{"code":503},"stream":"S","seq":0}"#));
        assert!(is_success(br#"{"type":"x","config":{}}"#));
        assert!(!is_success(br#"{"type":"x","error":{"code":500}}"#));
        assert!(!is_success(b""));
    }
}
