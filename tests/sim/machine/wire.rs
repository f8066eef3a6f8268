//! Clients over the wire: their requests are bytes, cut anywhere, and so are the answers. Their sockets take everything
//! at once; what slow ones do is another simulation's.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, PoisonError};

use embus_engine::connection::{ConnectionKind, Peer};
use embus_engine::{Engine, Flushed, Session, Target, Transport};
use fastrand::Rng;

use crate::frame::{Frame, FrameReader, Received};

/// One client and the broker's session with it.
#[derive(Debug)]
pub(crate) struct WireClient {
    engine: Arc<Engine>,
    session: Session,
    socket: Arc<Socket>,
    reader: FrameReader,
}

/// What the broker wrote and the client has not read.
#[derive(Debug, Default)]
struct Socket(Mutex<Vec<u8>>);

impl Transport for Socket {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for slice in slices {
            bytes.extend_from_slice(slice);
        }
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn wake_owner(&self) {}
}

impl WireClient {
    /// One that listens on `inbox`.
    pub(crate) fn connect(engine: &Arc<Engine>, inbox: &str, rng: &mut Rng) -> Self {
        let socket = Arc::new(Socket::default());
        let peer = Peer { kind: ConnectionKind::Stream, host: "sim".to_owned(), port: 0 };
        let transport = Arc::clone(&socket) as Arc<dyn Transport>;
        let session = Session::open(engine, peer, transport).expect("a wire connection has an outbox");
        let mut client = Self { engine: Arc::clone(engine), session, socket, reader: FrameReader::default() };
        let greeting = r#"{"verbose":false,"headers":true,"no_responders":true}"#;
        client.send(format!("CONNECT {greeting}\r\nSUB {inbox} 1\r\n").as_bytes(), rng);
        client
    }

    pub(crate) fn publish(&mut self, subject: &str, reply: &str, headers: &[u8], payload: &[u8], rng: &mut Rng) {
        let total = headers.len() + payload.len();
        let line = if headers.is_empty() {
            format!("PUB {subject} {reply} {total}\r\n")
        } else {
            format!("HPUB {subject} {reply} {} {total}\r\n", headers.len())
        };
        self.send(&[line.as_bytes(), headers, payload, b"\r\n"].concat(), rng);
    }

    pub(crate) fn subscribe(&mut self, subject: &str, group: Option<&str>, sid: u64, rng: &mut Rng) {
        let group = group.map(|group| format!(" {group}")).unwrap_or_default();
        self.send(format!("SUB {subject}{group} {sid}\r\n").as_bytes(), rng);
    }

    pub(crate) fn unsubscribe(&mut self, sid: u64, rng: &mut Rng) {
        self.send(format!("UNSUB {sid}\r\n").as_bytes(), rng);
    }

    /// Lets its turns put off commits for others to share, as a broker's connections do.
    pub(crate) fn allow_gathering(&mut self) {
        self.session.allow_gathering();
    }

    /// Whether others wait for its [`end_gathering`](Self::end_gathering).
    pub(crate) fn is_gathering(&self) -> bool {
        self.session.is_gathering()
    }

    /// Makes the commits that were put off. What they answer may be any client's: nobody waits for an answer before all
    /// wires have done this.
    pub(crate) fn end_gathering(&mut self) {
        let mut worker = self.engine.workers().take();
        self.session.end_gathering(&mut worker);
        self.engine.workers().put(worker);
    }

    /// All that came since the last call.
    pub(crate) fn receive(&mut self) -> Vec<Received> {
        let mut worker = self.engine.workers().take();
        let flushed = self.session.outbox().flush_with(|slices| self.socket.try_write(slices), worker.spare());
        assert_eq!(flushed, Flushed::Empty, "the socket takes everything");
        self.engine.workers().put(worker);
        let bytes = std::mem::take(&mut *self.socket.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.reader.push(&bytes);
        let mut messages = Vec::new();
        while let Some(frame) = self.reader.next() {
            match frame {
                Frame::Message(message) => messages.push(message),
                Frame::Err(text) => panic!("the broker says {text}"),
                Frame::Info(_) | Frame::Ok | Frame::Ping | Frame::Pong => {}
            }
        }
        messages
    }

    fn send(&mut self, mut bytes: &[u8], rng: &mut Rng) {
        while !bytes.is_empty() {
            let most = if rng.u8(..4) == 0 { rng.usize(1..=bytes.len()) } else { bytes.len() };
            bytes = &bytes[self.turn(&bytes[..most])..];
        }
    }

    /// One turn of the session; says how much it read.
    fn turn(&mut self, bytes: &[u8]) -> usize {
        let mut worker = self.engine.workers().take();
        let now = self.engine.now();
        let (len, is_payload) = match self.session.target(&mut worker) {
            Target::Input(buffer) => {
                let len = bytes.len().min(buffer.len());
                buffer[..len].copy_from_slice(&bytes[..len]);
                (len, false)
            }
            Target::Payload(buffer, missing) => {
                let len = bytes.len().min(missing);
                buffer.extend_from_slice(&bytes[..len]);
                (len, true)
            }
        };
        let turn = if is_payload {
            self.session.handle_payload(&mut worker, len, now)
        } else {
            self.session.handle_input(&mut worker, len, now)
        };
        self.engine.workers().put(worker);
        assert_eq!(turn.end, None, "the client does nothing wrong");
        len
    }
}
