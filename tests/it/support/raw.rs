//! A client that speaks the protocol by hand, so that a test sees every byte.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;
use embus::Broker;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::within;

/// Everything a raw client needs of its stream.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin + Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + Debug> Io for T {}

/// One raw connection, and what was received on it and not yet looked at.
///
/// PINGs of the broker are answered on the way, except by [`line_with_pings`](Self::line_with_pings): on a slow machine
/// one may come at any moment.
#[derive(Debug)]
pub(crate) struct Raw {
    stream: Box<dyn Io>,
    received: BytesMut,
}

impl Raw {
    /// Connects over TCP and reads INFO.
    pub(crate) async fn connect(broker: &Broker) -> Self {
        Self::greeted(tcp(broker.local_addr().expect("the broker listens")).await).await
    }

    /// Connects over TCP with as little room for unread bytes as the system gives, and reads INFO.
    pub(crate) async fn connect_narrow(broker: &Broker) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let address = broker.local_addr().expect("the broker listens");
        Self::greeted(within("a connection", socket.connect(address)).await.unwrap()).await
    }

    /// Connects over an in-memory pipe and reads INFO.
    pub(crate) async fn duplex(broker: &Broker) -> Self {
        Self::greeted(broker.duplex()).await
    }

    /// Reads INFO from a stream that was just connected.
    pub(crate) async fn greeted(stream: impl Io + 'static) -> Self {
        let mut raw = Self::over(stream);
        let line = raw.line().await;
        assert!(line.starts_with("INFO {") && line.ends_with("} \r\n"), "INFO comes first, not {line:?}");
        raw
    }

    /// Takes a stream as it is.
    pub(crate) fn over(stream: impl Io + 'static) -> Self {
        Self { stream: Box::new(stream), received: BytesMut::new() }
    }

    /// CONNECT as most tests want it: neither verbose nor pedantic, without headers.
    pub(crate) async fn plain(mut self) -> Self {
        self.send(r#"CONNECT {"verbose":false,"pedantic":false}"#).await;
        self.send("\r\n").await;
        self
    }

    /// CONNECT as client libraries do: protocol 1, headers, no responders. Reads the second INFO.
    pub(crate) async fn modern(mut self) -> Self {
        self.send("CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,").await;
        self.send("\"headers\":true,\"no_responders\":true}\r\nPING\r\n").await;
        self.expect("PONG\r\n").await;
        let info = self.line().await;
        assert!(info.starts_with("INFO {") && info.contains("\"connect_info\":true"), "{info:?}");
        self
    }

    /// Subscribes, and waits until the broker has seen it.
    pub(crate) async fn subscribed(mut self, subject: &str) -> Self {
        self.send(format!("SUB {subject} 1\r\n")).await;
        assert_eq!(self.fence().await, "");
        self
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("the broker still reads");
    }

    /// Sends bytes to a broker that may have closed meanwhile.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let sending = async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        };
        within("room to send", sending).await
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn end_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The next line with its end, PINGs answered and left out.
    pub(crate) async fn line(&mut self) -> String {
        loop {
            let line = self.line_with_pings().await;
            if line != "PING\r\n" {
                return line;
            }
            self.send("PONG\r\n").await;
        }
    }

    /// The next line with its end.
    pub(crate) async fn line_with_pings(&mut self) -> String {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line = self.received.split_to(end + 1);
                return String::from_utf8(line.to_vec()).expect("the broker speaks text");
            }
            let read = self.read().await.expect("the broker has not reset the connection");
            assert!(read > 0, "closed within a line of {} bytes", self.received.len());
        }
    }

    /// Holds what comes next, line by line, against `lines`.
    pub(crate) async fn expect(&mut self, lines: &str) {
        for expected in lines.split_inclusive('\n') {
            assert_eq!(self.line().await, expected);
        }
    }

    /// Sends a PING and returns what comes before its PONG: everything that the broker sent on account of what it was
    /// sent before.
    pub(crate) async fn fence(&mut self) -> String {
        self.send("PING\r\n").await;
        let mut before = String::new();
        loop {
            let line = self.line().await;
            if line == "PONG\r\n" {
                return before;
            }
            before.push_str(&line);
        }
    }

    /// Takes what has arrived, a pipe's worth at most, and forgets it. Says how much it was.
    pub(crate) async fn skip_some(&mut self) -> usize {
        self.received.clear();
        self.read().await.expect("the broker has not reset the connection")
    }

    /// Everything until the broker closes, without PINGs. A reset is a close too.
    pub(crate) async fn rest(self) -> String {
        let (rest, _) = self.rest_and_end().await;
        rest
    }

    /// Everything until the broker closes, without PINGs, and how it closed.
    pub(crate) async fn rest_and_end(mut self) -> (String, io::Result<()>) {
        let end = loop {
            match self.read().await {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        (String::from_utf8_lossy(&self.received).replace("PING\r\n", ""), end)
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.received.reserve(READ_BYTES);
        within("something from the broker", self.stream.read_buf(&mut self.received)).await
    }
}

/// Room for one read.
const READ_BYTES: usize = 32 * 1024;

async fn tcp(address: SocketAddr) -> TcpStream {
    within("a connection", TcpStream::connect(address)).await.expect("the broker accepts clients")
}
