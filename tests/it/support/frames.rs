//! A client that speaks WebSocket by hand, so that a test decides about every bit of a frame.

use std::net::SocketAddr;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::raw::Io;
use super::within;

/// The request that a WebSocket begins with, with these headers besides.
pub(crate) fn upgrade_request(headers: &str) -> String {
    format!(
        "GET /any HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    )
}

/// A frame with a mask, as clients send it: `first` is the opcode and the bits before it.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
        middle @ 126..65536 => {
            frame.push(0xfe);
            frame.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            frame.push(0xff);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) stream: Box<dyn Io>,
    received: BytesMut,
    /// Bytes of messages that were received and not looked at.
    data: String,
}

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frames {
    /// Connects and asks for an upgrade; returns the head of the answer, too.
    pub(crate) async fn ask(address: SocketAddr, request: &str) -> (Self, String) {
        let stream = within("a connection", TcpStream::connect(address)).await.expect("the broker accepts clients");
        Self::ask_over(stream, request).await
    }

    /// The same over a stream that was connected.
    pub(crate) async fn ask_over(stream: impl Io + 'static, request: &str) -> (Self, String) {
        let mut frames = Self { stream: Box::new(stream), received: BytesMut::new(), data: String::new() };
        frames.send(request.as_bytes()).await;
        let head = frames.head().await;
        (frames, head)
    }

    /// Connects, and reads INFO.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let (mut frames, head) = Self::ask(address, &upgrade_request("")).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let info = frames.line().await;
        assert!(info.starts_with("INFO {"), "{info}");
        frames
    }

    async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.received.windows(4).position(|part| part == b"\r\n\r\n") {
                return String::from_utf8(self.received.split_to(end + 4).to_vec()).unwrap();
            }
            if self.read().await == 0 {
                return String::from_utf8_lossy(&self.received.split()).into_owned();
            }
        }
    }

    /// Sends bytes as they are. Whether the broker still reads shows in what it answers.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let sending = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let _ = within("room to send", sending).await;
    }

    /// Sends a whole message.
    pub(crate) async fn say(&mut self, text: &str) {
        self.send(&masked(0x82, text.as_bytes())).await;
    }

    /// The next frame; none at the end.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.parse() {
                return Some(frame);
            }
            if self.read().await == 0 {
                return None;
            }
        }
    }

    fn parse(&mut self) -> Option<Frame> {
        let bytes = &self.received;
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        assert_eq!(second & 0x80, 0, "servers do not mask");
        let (length, head) = match second {
            126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap())), 4),
            127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap())).unwrap(), 10),
            short => (usize::from(short), 2),
        };
        if bytes.len() < head + length {
            return None;
        }
        self.received.advance(head);
        Some(Frame { first, payload: self.received.split_to(length).to_vec() })
    }

    /// The next line of the protocol, however it was cut into frames.
    pub(crate) async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.data.find('\n') {
                let rest = self.data.split_off(end + 1);
                return std::mem::replace(&mut self.data, rest);
            }
            let frame = self.frame().await.expect("a line before the end");
            assert_eq!(frame.first, 0x82, "a whole message, not {frame:?}");
            self.data.push_str(std::str::from_utf8(&frame.payload).unwrap());
        }
    }

    /// Waits until the broker has carried out what it was sent.
    pub(crate) async fn fence(&mut self) {
        self.say("PING\r\n").await;
        loop {
            match self.line().await.as_str() {
                "PONG\r\n" => return,
                "PING\r\n" => self.say("PONG\r\n").await,
                line => assert!(line.starts_with("INFO ") || line == "+OK\r\n", "{line}"),
            }
        }
    }

    /// All frames until the broker closes.
    pub(crate) async fn rest(mut self) -> Vec<Frame> {
        let mut all = Vec::new();
        while let Some(frame) = self.frame().await {
            all.push(frame);
        }
        all
    }

    /// 0 at the end; a reset is one.
    async fn read(&mut self) -> usize {
        within("something from the broker", self.stream.read_buf(&mut self.received)).await.unwrap_or(0)
    }
}
