//! Connections inside TLS and WebSocket.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use embus_protocol::websocket::{Decoder, Opcode, Step};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::connection::PATIENCE;
use crate::wire::subscribe_line;

const CONNECT: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"load\"}\r\n";
const PING: &[u8] = b"PING\r\n";
const PONG: &[u8] = b"PONG\r\n";
const READ_BYTES: usize = 256 * 1024;
/// How long a read waits before the reader looks around.
const GLANCE: Duration = Duration::from_millis(50);

/// What a client of the server goes by: one cipher suite, so that all servers work with the same.
#[derive(Debug, Clone)]
pub(super) struct Trust(Arc<ClientConfig>);

impl Trust {
    pub(super) fn of(certificate: &CertificateDer<'static>) -> io::Result<Self> {
        let mut provider = rustls::crypto::ring::default_provider();
        provider.cipher_suites = vec![rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256];
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).map_err(io::Error::other)?;
        let builder = ClientConfig::builder_with_provider(provider.into());
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).map_err(io::Error::other)?;
        Ok(Self(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }
}

fn tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(GLANCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads INFO in the clear and makes the handshake with the first bytes that are written.
pub(super) fn tls(address: SocketAddr, trust: &Trust) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut stream = tcp(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut byte = [0];
    while byte != *b"\n" {
        stream.read_exact(&mut byte)?;
    }
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::clone(&trust.0), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    stream.sock.set_read_timeout(Some(GLANCE))?;
    Ok(stream)
}

/// A client's end of a WebSocket.
#[derive(Debug)]
pub(super) struct WebSocket {
    stream: TcpStream,
    decoder: Decoder,
}

impl WebSocket {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let mut stream = tcp(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )?;
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        stream.set_read_timeout(Some(GLANCE))?;
        if head.starts_with(b"HTTP/1.1 101") {
            Ok(Self { stream, decoder: Decoder::default().allow_unmasked() })
        } else {
            Err(io::Error::other("no WebSocket"))
        }
    }
}

impl Write for WebSocket {
    /// One message with a mask of zeros, which costs the client nothing and the server what any mask does.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut head = embus_protocol::websocket::header(Opcode::Binary, false, bytes.len());
        if let Some(second) = head.get_mut(1) {
            *second |= 0x80;
        }
        self.stream.write_all(&[&head, &[0; 4][..], bytes].concat())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for WebSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        let (mut at, mut kept) = (0, 0);
        while at < read {
            let rest = buffer.get_mut(at..read).unwrap_or_default();
            let step = self.decoder.decode(rest).map_err(io::Error::other)?;
            let consumed = step.consumed(rest.len());
            if let Step::Data { range, .. } = step {
                buffer.copy_within(at + range.start..at + range.end, kept);
                kept += range.len();
            }
            at += consumed;
        }
        // A read of nothing but a header is not the end.
        if read > 0 && kept == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(kept) }
    }
}

/// A connection that has completed the login.
pub(super) struct Peer<C> {
    carrier: C,
    buffer: Vec<u8>,
}

impl<C: Read + Write> Peer<C> {
    /// CONNECT and PING, up to the PONG.
    pub(super) fn greet(carrier: C) -> io::Result<Self> {
        let mut peer = Self { carrier, buffer: vec![0; READ_BYTES] };
        peer.send(CONNECT)?;
        peer.settle()?;
        Ok(peer)
    }

    pub(super) fn subscribe(&mut self, filter: &str) -> io::Result<()> {
        self.send(&subscribe_line(filter))?;
        self.settle().map(drop)
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.carrier.write_all(bytes)?;
        self.carrier.flush()
    }

    /// How many bytes have come; 0 if none did for a moment.
    pub(super) fn count(&mut self) -> io::Result<u64> {
        match self.carrier.read(&mut self.buffer) {
            Ok(0) => Err(io::Error::other("the server closed the connection")),
            Ok(read) => Ok(read as u64),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Sends PING and reads up to its PONG; returns how many bytes that were.
    pub(super) fn settle(&mut self) -> io::Result<u64> {
        self.send(PING)?;
        let (mut total, mut tail, start) = (0, Vec::new(), Instant::now());
        while !tail.ends_with(PONG) {
            let count = self.count()?;
            total += count;
            let came = usize::try_from(count).map_err(io::Error::other)?;
            tail.extend_from_slice(self.buffer.get(..came).unwrap_or_default());
            tail.drain(..tail.len().saturating_sub(PONG.len()));
            if start.elapsed() > PATIENCE {
                return Err(io::Error::other("no PONG came"));
            }
        }
        Ok(total)
    }

    /// So many bytes.
    pub(super) fn read_exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let (mut all, start) = (Vec::new(), Instant::now());
        while all.len() < length {
            let came = usize::try_from(self.count()?).map_err(io::Error::other)?;
            all.extend_from_slice(self.buffer.get(..came).unwrap_or_default());
            if start.elapsed() > PATIENCE {
                return Err(io::Error::other("less came than was published"));
            }
        }
        Ok(all)
    }
}
