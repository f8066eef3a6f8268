//! One connection of a scene: sends while it reads, so that neither side can block the other, and holds expectations
//! against what came in.

use std::{io, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use super::{
    callout::{self, Question},
    pattern::{Match, Pattern},
};

/// A byte stream to a broker.
pub type Stream = Box<dyn Io>;

/// Everything a connection needs of its stream.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Why an expectation was not met.
#[derive(Debug)]
pub(super) enum Surprise {
    /// Other bytes came; they differ from this offset on.
    Other { received: Vec<u8>, offset: usize },
    /// The broker closed the connection after these bytes.
    Closed { received: Vec<u8> },
    /// Nothing more came within [`DEADLINE`].
    Late { received: Vec<u8> },
    /// The connection was to be closed, but these bytes came first.
    Open { received: Vec<u8> },
}

pub(super) struct Connection {
    stream: Stream,
    received: Vec<u8>,
    closed: bool,
    /// What INFO offered for signatures.
    nonce: String,
    /// Whether a PING of the broker that the script does not expect is answered and forgotten.
    answers_pings: bool,
}

impl Connection {
    pub(super) fn new(stream: Stream, answers_pings: bool) -> Self {
        Self { stream, received: Vec::new(), closed: false, nonce: String::new(), answers_pings }
    }

    /// Sends the bytes in chunks of the given sizes (the last one repeats), reading whatever comes meanwhile. That the
    /// broker closed is no error here: the script says whether it should have.
    pub(super) async fn send(&mut self, bytes: &[u8], chunk: impl Fn(usize) -> usize) {
        let mut sent = 0;
        while sent < bytes.len() && !self.closed {
            let end = bytes.len().min(sent + chunk(sent));
            match self.send_or_read(&bytes[sent..end]).await {
                Ok(count) => sent += count,
                Err(_) => return,
            }
            tokio::task::yield_now().await;
        }
    }

    /// Closes our side for writing.
    pub(super) async fn end(&mut self) {
        // A broker that closed first makes this fail; the script goes on to say what it expects.
        let _ = self.stream.shutdown().await;
    }

    /// What this connection's INFO offered for signatures; empty when it offered none.
    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Takes what the pattern says off the received bytes.
    pub(super) async fn expect(&mut self, pattern: &Pattern) -> Result<(), Surprise> {
        self.expect_one_of(std::slice::from_ref(&pattern)).await.map(|_| ())
    }

    /// Takes the first of the patterns that fits off the received bytes and returns its index.
    pub(super) async fn expect_one_of(&mut self, patterns: &[&Pattern]) -> Result<usize, Surprise> {
        loop {
            match self.try_expect(patterns) {
                Ok(index) => return Ok(index),
                Err(Match::Not(_)) if self.forget_ping().await => {}
                Err(Match::Not(offset)) => return Err(Surprise::Other { received: self.received.clone(), offset }),
                Err(_) => self.read_more().await?,
            }
        }
    }

    /// Takes a question about a client off the received bytes.
    pub(super) async fn expect_question(&mut self) -> Result<Question, Surprise> {
        loop {
            match callout::question(&self.received) {
                Ok(Some((question, length))) => {
                    self.received.drain(..length);
                    return Ok(question);
                }
                Err(()) if self.forget_ping().await => {}
                Err(()) => return Err(Surprise::Other { received: self.received.clone(), offset: 0 }),
                Ok(None) => self.read_more().await?,
            }
        }
    }

    /// Waits for the close, before which nothing may come.
    pub(super) async fn expect_close(&mut self) -> Result<(), Surprise> {
        loop {
            match self.read_more().await {
                _ if !self.received.is_empty() && !self.forget_ping().await => {
                    return Err(Surprise::Open { received: self.received.clone() });
                }
                Err(Surprise::Closed { .. }) => return Ok(()),
                Err(late) => return Err(late),
                Ok(()) => {}
            }
        }
    }

    /// The index of the pattern that fits, or the best that can be said: undecided, or wrong at the furthest offset.
    fn try_expect(&mut self, patterns: &[&Pattern]) -> Result<usize, Match> {
        let mut furthest = 0;
        let mut partial = false;
        for (index, pattern) in patterns.iter().enumerate() {
            match pattern.try_match(&self.received) {
                Match::Whole(length) => {
                    self.received.drain(..length);
                    return Ok(index);
                }
                Match::Partial => partial = true,
                Match::Not(offset) => furthest = furthest.max(offset),
            }
        }
        Err(if partial { Match::Partial } else { Match::Not(furthest) })
    }

    /// Drops a PING that the broker sent on its own account. On a slow machine one may come in any scene.
    async fn forget_ping(&mut self) -> bool {
        if !self.answers_pings || !self.received.starts_with(PING) {
            return false;
        }
        self.received.drain(..PING.len());
        self.send(b"PONG\r\n", |_| usize::MAX).await;
        true
    }

    async fn read_more(&mut self) -> Result<(), Surprise> {
        if self.closed {
            return Err(Surprise::Closed { received: self.received.clone() });
        }
        match timeout(DEADLINE, self.stream.read_buf(&mut self.received)).await {
            Err(_) => Err(Surprise::Late { received: self.received.clone() }),
            Ok(outcome) => {
                if let Some(nonce) = offered(&self.received) {
                    self.nonce = nonce;
                }
                // A close with unread input reaches us as a reset; both are a close.
                self.closed = !matches!(outcome, Ok(1..));
                if self.closed { Err(Surprise::Closed { received: self.received.clone() }) } else { Ok(()) }
            }
        }
    }

    /// Writes a part of the chunk, or takes in what arrived.
    async fn send_or_read(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
        let step = async {
            tokio::select! {
                biased;
                written = writer.write(chunk) => written,
                read = reader.read_buf(&mut self.received) => {
                    self.closed = !matches!(read, Ok(1..));
                    Ok(0)
                }
            }
        };
        timeout(DEADLINE, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// The nonce in an INFO that the bytes begin with.
fn offered(received: &[u8]) -> Option<String> {
    let line = received.strip_prefix(b"INFO ")?;
    let line = &line[..line.windows(2).position(|pair| pair == b"\r\n")?];
    let info: Value = serde_json::from_slice(line).ok()?;
    info["nonce"].as_str().map(str::to_owned)
}

/// A read that takes longer has failed; no machine that runs tests is this slow.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
const PING: &[u8] = b"PING\r\n";
