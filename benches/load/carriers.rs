//! Messages over TLS and WebSocket, and TLS handshakes: what does the server pay for what carries them?
//!
//! One publisher and one subscriber, a blocking thread each. TLS costs the client about as much as the server, so only
//! the server's processor time says something.

mod open;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use self::open::{Peer, Trust, WebSocket, tls};
use crate::lane::{Phase, WINDOW_BYTES};
use crate::sample::{Metric, Sample, mebibytes};
use crate::scenario::{Settings, micros_each, rates};
use crate::server::{Contender, Server};
use crate::wire::{Batches, message_frame};

/// What is carried, and in what.
#[derive(Debug, Clone, Copy)]
pub enum CarrierLoad {
    /// Messages of so many bytes over TLS 1.3 with AES-128-GCM.
    Tls(usize),
    /// Messages of so many bytes in WebSocket.
    WebSocket(usize),
    /// So many handshakes, one after the other, each up to its first PONG.
    Handshakes(u32),
}

const SUBJECT: &str = "load";
/// How often the publisher looks whether its subscriber has caught up.
const POLL_EVERY: Duration = Duration::from_micros(50);
/// How long nothing may come before messages count as lost.
const STALL: Duration = Duration::from_secs(5);

impl CarrierLoad {
    /// Runs once against a fresh server of `contender`.
    pub fn run(self, contender: &Contender, settings: &Settings) -> io::Result<Sample> {
        let place = Place::new()?;
        let server = Server::start_with(contender, &["-c".into(), place.config.clone()])?;
        let address = server.address();
        let sample = match self {
            Self::Tls(payload) => relay(&server, || Peer::greet(tls(address, &place.trust)?), payload, settings),
            Self::WebSocket(payload) => {
                relay(&server, || Peer::greet(WebSocket::open(place.websocket)?), payload, settings)
            }
            Self::Handshakes(count) => handshakes(&server, &place.trust, count),
        };
        server.stop(Signal::SIGTERM)?;
        sample
    }
}

/// Files of a server: both understand the same configuration.
struct Place {
    _directory: TempDir,
    config: OsString,
    websocket: SocketAddr,
    trust: Trust,
}

impl Place {
    fn new() -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(io::Error::other)?;
        let path = |name: &str| directory.path().join(name);
        fs::write(path("own.pem"), made.cert.pem())?;
        fs::write(path("own.key"), made.signing_key.serialize_pem())?;
        let websocket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        // Without TLS as well: that is how it is seen that the server has started.
        let (certificate, key) = (path("own.pem"), path("own.key"));
        let config = format!(
            "allow_non_tls: true\ntls {{ cert_file: '{}', key_file: '{}' }}\nwebsocket {{ listen: '{websocket}', no_tls: true }}\n",
            certificate.display(),
            key.display(),
        );
        fs::write(path("c.conf"), config)?;
        let (config, trust) = (path("c.conf").into(), Trust::of(made.cert.der())?);
        Ok(Self { _directory: directory, config, websocket, trust })
    }
}

fn relay<C: Read + Write + Send>(
    server: &Server,
    open: impl Fn() -> io::Result<Peer<C>>,
    payload: usize,
    settings: &Settings,
) -> io::Result<Sample> {
    let (mut publisher, mut subscriber) = (open()?, open()?);
    subscriber.subscribe(SUBJECT)?;
    let flow =
        Flow { batches: Batches::new(&[SUBJECT.to_owned()], payload), frame: message_frame(SUBJECT, None, payload) };
    flow.prove(&mut publisher, &mut subscriber)?;
    flow.run(&mut publisher, &mut subscriber, settings.warm_up)?;
    let cpu = server.cpu_clock()?;
    let before = cpu.now()?;
    let phase = flow.run(&mut publisher, &mut subscriber, settings.measured)?;
    let used = cpu.since(before)?;
    Ok(rates(&phase)
        .with(Metric::ServerCpuMicros, micros_each(used, phase.published))
        .with(Metric::ResidentMib, mebibytes(server.resident_bytes()?)))
}

struct Flow {
    batches: Batches,
    frame: Vec<u8>,
}

impl Flow {
    /// The first batch comes byte for byte as it was published.
    fn prove<C: Read + Write>(&self, publisher: &mut Peer<C>, subscriber: &mut Peer<C>) -> io::Result<()> {
        publisher.send(self.batches.bytes(0))?;
        let frames = usize::try_from(self.batches.frames(0)).map_err(io::Error::other)?;
        let received = subscriber.read_exactly(frames * self.frame.len())?;
        if received.chunks(self.frame.len()).all(|frame| frame == self.frame) {
            Ok(())
        } else {
            Err(io::Error::other("a frame that differs from the published one"))
        }
    }

    /// Publishes for `duration`, and waits until all has come.
    fn run<C: Read + Write + Send>(
        &self,
        publisher: &mut Peer<C>,
        subscriber: &mut Peer<C>,
        duration: Duration,
    ) -> io::Result<Phase> {
        let (received, due, start) = (AtomicU64::new(0), AtomicU64::new(u64::MAX), Instant::now());
        let sent = thread::scope(|scope| {
            let reading = scope.spawn(|| read_all(subscriber, &received, &due));
            let sent = self.publish(publisher, &received, duration);
            due.store(sent.as_ref().map_or(0, |count| count * self.frame.len() as u64), Ordering::Release);
            reading.join().unwrap_or_else(|_| Err(io::Error::other("a client thread panicked")))?;
            sent
        })?;
        Ok(Phase { published: sent, delivered: sent, elapsed: start.elapsed() })
    }

    fn publish<C: Read + Write>(
        &self,
        publisher: &mut Peer<C>,
        received: &AtomicU64,
        duration: Duration,
    ) -> io::Result<u64> {
        let (start, mut sent) = (Instant::now(), 0);
        while start.elapsed() < duration {
            let ahead = (sent * self.frame.len() as u64).saturating_sub(received.load(Ordering::Acquire));
            if ahead > WINDOW_BYTES as u64 {
                thread::sleep(POLL_EVERY);
                continue;
            }
            publisher.send(self.batches.bytes(0))?;
            sent += self.batches.frames(0);
        }
        Ok(sent)
    }
}

/// Counts until all that is due has come. The server's own PINGs are what may come besides.
fn read_all<C: Read + Write>(subscriber: &mut Peer<C>, received: &AtomicU64, due: &AtomicU64) -> io::Result<()> {
    let (mut total, mut moved) = (0, Instant::now());
    while total < due.load(Ordering::Acquire) {
        match subscriber.count()? {
            0 if moved.elapsed() > STALL => return Err(io::Error::other("messages lost: nothing moves")),
            0 => continue,
            count => total += count,
        }
        moved = Instant::now();
        received.store(total, Ordering::Release);
    }
    total += subscriber.settle()?;
    let surplus = total - due.load(Ordering::Acquire);
    if surplus.is_multiple_of(PING_BYTES) { Ok(()) } else { Err(io::Error::other(format!("{surplus} surplus bytes"))) }
}

/// `PING\r\n`, and `PONG\r\n`.
const PING_BYTES: u64 = 6;

fn handshakes(server: &Server, trust: &Trust, count: u32) -> io::Result<Sample> {
    let open = || Peer::greet(tls(server.address(), trust)?).map(drop);
    (0..count / 10).try_for_each(|_| open())?;
    let cpu = server.cpu_clock()?;
    let before = cpu.now()?;
    (0..count).try_for_each(|_| open())?;
    Ok(Sample::default().with(Metric::ServerCpuMicros, micros_each(cpu.since(before)?, count.into())))
}
