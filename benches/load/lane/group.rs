//! One publisher and its subscribers, with the byte counts that bound the one and check the others.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::socket::{MsgFlags, recv};

use super::WINDOW_BYTES;
use crate::connection::{Connection, nothing_but_pings};
use crate::wire::Batches;

/// Batches written before the lane looks after its receivers again.
const BURST_BATCHES: usize = 4;

/// Batches that may always be under way, however wide the fan-out.
const MIN_WINDOW_BATCHES: usize = 4;

/// Length of the server's `PING\r\n`, the only bytes that may come between messages.
const PING_BYTES: u64 = 6;

/// One publisher and the subscribers that each receive all it publishes.
#[derive(Debug)]
pub struct Group {
    publisher: TcpStream,
    receivers: Vec<Receiver>,
    batches: Batches,
    frame_bytes: u64,
    window_frames: u64,
    /// The batch being written, and how much of it is.
    batch: usize,
    offset: usize,
    /// Frames handed to the kernel in whole batches since the phase began.
    published: u64,
    writable: bool,
}

/// One subscriber's connection and the bytes it has received since the phase began.
#[derive(Debug)]
struct Receiver {
    stream: TcpStream,
    received_bytes: u64,
}

impl Group {
    /// Connects a publisher and `subscribers` subscribers to `filter`; each `MSG` will take `frame_bytes`.
    pub fn connect(
        address: SocketAddr,
        filter: &str,
        subscribers: usize,
        batches: Batches,
        frame_bytes: usize,
    ) -> io::Result<Self> {
        let receivers = (0..subscribers).map(|_| Receiver::connect(address, filter)).collect::<io::Result<Vec<_>>>()?;
        let batch_frames = usize::try_from(batches.frames(0)).unwrap_or(usize::MAX);
        let window = (WINDOW_BYTES / (frame_bytes * subscribers)).max(MIN_WINDOW_BATCHES * batch_frames);
        Ok(Self {
            publisher: Connection::open(address)?.into_stream(),
            receivers,
            batches,
            frame_bytes: frame_bytes as u64,
            window_frames: window as u64,
            batch: 0,
            offset: 0,
            published: 0,
            writable: true,
        })
    }

    /// Publishes the first batch and compares every delivered byte with `frame(index)`; then goes nonblocking.
    pub fn prove(&mut self, frame: impl Fn(usize) -> Vec<u8>) -> io::Result<()> {
        let frames = usize::try_from(self.batches.frames(0)).unwrap_or(usize::MAX);
        let expected: Vec<u8> = (0..frames).flat_map(frame).collect();
        self.publisher.write_all(self.batches.bytes(0))?;
        let mut received = vec![0; expected.len()];
        for receiver in &mut self.receivers {
            receiver.stream.read_exact(&mut received).map_err(|error| {
                io::Error::other(format!("the first {} bytes were not delivered: {error}", expected.len()))
            })?;
            if received != expected {
                return Err(io::Error::other("the server delivered something else than was published"));
            }
        }
        self.each_stream(|stream| stream.set_nonblocking(true))
    }

    /// The publisher's socket.
    pub fn publisher(&self) -> &TcpStream {
        &self.publisher
    }

    /// The subscribers' sockets.
    pub fn receivers(&self) -> impl Iterator<Item = &TcpStream> {
        self.receivers.iter().map(|receiver| &receiver.stream)
    }

    /// Sets the counts to zero.
    pub fn begin_phase(&mut self) {
        self.published = 0;
        self.receivers.iter_mut().for_each(|receiver| receiver.received_bytes = 0);
    }

    /// Messages published since the phase began.
    pub fn published(&self) -> u64 {
        self.published
    }

    /// Whether all that was published has been received.
    pub fn is_settled(&self) -> bool {
        self.offset == 0 && self.slowest_bytes() >= self.due_bytes()
    }

    /// Bytes that subscribers still have to receive.
    pub fn missing_bytes(&self) -> u64 {
        let due = self.due_bytes();
        self.receivers.iter().map(|receiver| due.saturating_sub(receiver.received_bytes)).sum()
    }

    /// Writes up to a burst of batches; without `start_new` it only completes a batch that has begun.
    /// Returns whether more could be written at once.
    pub fn publish(&mut self, start_new: bool) -> io::Result<bool> {
        for _ in 0..BURST_BATCHES {
            if !self.may_write(start_new) {
                return Ok(false);
            }
            match self.publisher.write(&self.batches.bytes(self.batch)[self.offset..]) {
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) => return Err(error),
            }
        }
        Ok(self.may_write(start_new))
    }

    /// Takes up what epoll said about member 0 (the publisher) or a receiver.
    pub fn handle_event(&mut self, member: usize, flags: EpollFlags, sink: &mut [u8]) -> io::Result<()> {
        if member == 0 {
            self.writable |= flags.contains(EpollFlags::EPOLLOUT);
            return Ok(());
        }
        self.receivers[member - 1].receive(sink)
    }

    /// Lets every connection answer a PING, refuses errors and surplus messages, and returns the deliveries.
    pub fn settle(&mut self) -> io::Result<u64> {
        nothing_but_pings(&settle_stream(&self.publisher)?)?;
        let due = self.due_bytes();
        for receiver in &self.receivers {
            // The server's PINGs were counted as if they were messages; what they pushed out is read here. Surplus that
            // is neither none nor a few PINGs would be a message too many.
            let surplus = receiver.received_bytes + settle_stream(&receiver.stream)?.len() as u64 - due;
            if !surplus.is_multiple_of(PING_BYTES) || surplus >= self.frame_bytes {
                return Err(io::Error::other(format!("{surplus} bytes more than published were delivered")));
            }
        }
        Ok(self.published * self.receivers.len() as u64)
    }

    fn may_write(&self, start_new: bool) -> bool {
        self.writable && (self.offset > 0 || start_new && self.window_is_open())
    }

    fn window_is_open(&self) -> bool {
        self.published < self.slowest_bytes() / self.frame_bytes + self.window_frames
    }

    fn advance(&mut self, written: usize) {
        self.offset += written;
        if self.offset == self.batches.bytes(self.batch).len() {
            self.published += self.batches.frames(self.batch);
            self.batch += 1;
            self.offset = 0;
        }
    }

    fn due_bytes(&self) -> u64 {
        self.published * self.frame_bytes
    }

    fn slowest_bytes(&self) -> u64 {
        self.receivers.iter().map(|receiver| receiver.received_bytes).min().unwrap_or(0)
    }

    fn each_stream(&self, action: impl Fn(&TcpStream) -> io::Result<()>) -> io::Result<()> {
        action(&self.publisher)?;
        self.receivers().try_for_each(action)
    }
}

impl Receiver {
    fn connect(address: SocketAddr, filter: &str) -> io::Result<Self> {
        let mut connection = Connection::open(address)?;
        connection.subscribe(filter)?;
        Ok(Self { stream: connection.into_stream(), received_bytes: 0 })
    }

    /// Counts what has arrived. The kernel throws the bytes away instead of copying them (`MSG_TRUNC` on TCP), which
    /// keeps the client cheaper than the server; [`Group::prove`] has compared the content before.
    fn receive(&mut self, sink: &mut [u8]) -> io::Result<()> {
        match recv(self.stream.as_raw_fd(), sink, MsgFlags::MSG_TRUNC) {
            Ok(0) => Err(io::Error::other("the server closed a subscriber's connection")),
            Ok(bytes) => {
                self.received_bytes += bytes as u64;
                Ok(())
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// [`Connection::settle`] on a nonblocking stream, which stays nonblocking.
fn settle_stream(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let received = Connection::from_stream(stream.try_clone()?)?.settle();
    stream.set_nonblocking(true)?;
    received
}
