//! One client connection in blocking mode: the handshake, subscribing, and the PING that proves all before it is done.
//!
//! The hot paths do not go through here; they take the bare stream with [`Connection::into_stream`]. Source:
//! `[NATS client protocol]`.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::wire::subscribe_line;

/// How long a blocking read waits before the run counts as failed.
pub const PATIENCE: Duration = Duration::from_secs(10);

const CONNECT: &[u8] =
    b"CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true,\"headers\":true,\"no_responders\":true,\
    \"lang\":\"load\",\"protocol\":1}\r\n";
const PING: &[u8] = b"PING\r\n";
const PONG: &[u8] = b"PONG\r\n";

/// A connection that has completed the handshake.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Connects and completes the handshake; nothing that belongs to it is still under way.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let mut connection = Self::greet(address)?;
        // Behind the first PONG a server may send INFO once more; it comes before the second.
        connection.settle()?;
        Ok(connection)
    }

    /// Connects, reads INFO, sends CONNECT and PING, and waits for the first PONG.
    pub fn greet(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut connection = Self { stream };
        connection.read_info()?;
        connection.send(CONNECT)?;
        connection.settle()?;
        Ok(connection)
    }

    /// Subscribes to `filter` under the common identifier; returns when the server has registered it.
    pub fn subscribe(&mut self, filter: &str) -> io::Result<()> {
        self.send(&subscribe_line(filter))?;
        self.settle().and_then(|before| nothing_but_pings(&before))
    }

    /// Writes all of `bytes`.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends PING and reads up to the PONG that answers it; returns what came before that PONG and drops
    /// what came along behind it, which can only be a PING of the server.
    pub fn settle(&mut self) -> io::Result<Vec<u8>> {
        self.send(PING)?;
        let mut received = Vec::new();
        loop {
            self.read_more(&mut received)?;
            if let Some(pong) = received.windows(PONG.len()).rposition(|window| window == PONG) {
                received.truncate(pong);
                return Ok(received);
            }
        }
    }

    /// Reads exactly `frame`, leaving out PINGs of the server before it; anything else is an error.
    pub fn expect(&mut self, frame: &[u8], scratch: &mut Vec<u8>) -> io::Result<()> {
        scratch.clear();
        loop {
            self.read_more(scratch)?;
            while scratch.starts_with(PING) {
                scratch.drain(..PING.len());
            }
            if scratch == frame {
                return Ok(());
            }
            if scratch.len() >= frame.len() {
                return Err(unexpected("a frame that differs from the published one", scratch));
            }
        }
    }

    /// The stream under the connection.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// A connection around a stream that [`Connection::into_stream`] gave out, blocking again.
    pub fn from_stream(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        Ok(Self { stream })
    }

    fn read_info(&mut self) -> io::Result<()> {
        let mut received = Vec::new();
        while !received.ends_with(b"\r\n") {
            self.read_more(&mut received)?;
        }
        if received.starts_with(b"INFO ") { Ok(()) } else { Err(unexpected("no INFO", &received)) }
    }

    fn read_more(&mut self, received: &mut Vec<u8>) -> io::Result<()> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(unexpected("the server closed the connection", received)),
            Ok(n) => {
                received.extend_from_slice(&chunk[..n]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(unexpected(&format!("no answer within {PATIENCE:?}"), received))
            }
            Err(error) => Err(error),
        }
    }
}

/// Accepts the server's own PINGs and refuses anything else, such as `-ERR`.
pub fn nothing_but_pings(received: &[u8]) -> io::Result<()> {
    if received.chunks(PING.len()).all(|chunk| chunk == PING) {
        Ok(())
    } else {
        Err(unexpected("unexpected bytes", received))
    }
}

/// An error that shows the end of what the server sent.
fn unexpected(what: &str, received: &[u8]) -> io::Error {
    let tail = &received[received.len().saturating_sub(200)..];
    io::Error::other(format!("{what}; received: {}", tail.escape_ascii()))
}
