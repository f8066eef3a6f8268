//! TCP and Unix sockets: whoever has bytes for the client writes them, its own task writes what was left over.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut, BytesMut};
use embus_engine::chunks::BufferPool;
use embus_engine::outbox::Outbox;
use embus_engine::{CloseReason, Flushed, Transport};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf as TcpRead, OwnedWriteHalf as TcpWrite};
use tokio_util::io::poll_read_buf;

use super::{Owner, Wire};

/// The write side of a socket as every producer uses it.
pub(crate) trait WriteHalf: std::fmt::Debug + Send + Sync + 'static {
    /// Writes what the socket takes now.
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Waits until the socket takes more.
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl WriteHalf for TcpWrite {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            // A shorter way through the kernel, for what most answers are.
            [only] => self.as_ref().try_write(only),
            _ => self.as_ref().try_write_vectored(slices),
        }
    }
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.as_ref().poll_write_ready(cx)
    }
}

#[cfg(unix)]
impl WriteHalf for tokio::net::unix::OwnedWriteHalf {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.as_ref().try_write_vectored(slices)
    }
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.as_ref().poll_write_ready(cx)
    }
}

/// The outbox's view of a socket.
#[derive(Debug)]
struct SocketTransport<W> {
    write: Arc<W>,
    owner: Arc<Owner>,
}

impl<W: WriteHalf> Transport for SocketTransport<W> {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write.try_write_vectored(slices)
    }
    fn wake_owner(&self) {
        self.owner.wake();
    }
}

/// The owner's view of a socket.
#[derive(Debug)]
pub(crate) struct SocketWire<R, W> {
    read: R,
    /// The transport holds the other reference and lets go of it when the outbox closes.
    write: std::sync::Weak<W>,
}

impl SocketWire<TcpRead, TcpWrite> {
    /// Splits a TCP connection. Small frames are not held back: batching is done before they get here.
    pub(crate) fn tcp(stream: tokio::net::TcpStream, owner: Arc<Owner>) -> io::Result<(Self, Arc<dyn Transport>)> {
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        Ok(Self::new(read, write, owner))
    }
}

#[cfg(unix)]
impl SocketWire<tokio::net::unix::OwnedReadHalf, tokio::net::unix::OwnedWriteHalf> {
    /// Splits a Unix connection.
    pub(crate) fn unix(stream: tokio::net::UnixStream, owner: Arc<Owner>) -> (Self, Arc<dyn Transport>) {
        let (read, write) = stream.into_split();
        Self::new(read, write, owner)
    }
}

impl<R, W: WriteHalf> SocketWire<R, W> {
    fn new(read: R, write: W, owner: Arc<Owner>) -> (Self, Arc<dyn Transport>) {
        let write = Arc::new(write);
        let wire = Self { read, write: Arc::downgrade(&write) };
        (wire, Arc::new(SocketTransport { write, owner }))
    }
}

impl<R, W> Wire for SocketWire<R, W>
where
    R: AsyncRead + Unpin + std::fmt::Debug + Send,
    W: WriteHalf,
{
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        Pin::new(&mut self.read).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    fn poll_read_into(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut, limit: usize) -> Poll<io::Result<usize>> {
        poll_read_buf(Pin::new(&mut self.read), cx, &mut buffer.limit(limit))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>, _: CloseReason) -> Poll<()> {
        // The closed outbox dropped the write half, which shut it down.
        Poll::Ready(())
    }

    fn flush(&mut self, cx: &mut Context<'_>, outbox: &Outbox, spare: &mut BufferPool) -> Flushed {
        let Some(write) = self.write.upgrade() else { return Flushed::Closed };
        outbox.flush_with(|slices| try_write_or_register(&*write, cx, slices), spare)
    }
}

/// Writes; when the socket takes nothing, registers the owner, unless room appeared meanwhile.
fn try_write_or_register(write: &impl WriteHalf, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    loop {
        match write.try_write_vectored(slices) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match write.poll_write_ready(cx) {
                Poll::Pending => return Err(error),
                Poll::Ready(ready) => ready?,
            },
            outcome => return outcome,
        }
    }
}
