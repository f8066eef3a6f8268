//! Any `AsyncRead + AsyncWrite`, such as an in-memory pipe: only its own task reads and writes it.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut, BytesMut};
use embus_engine::chunks::BufferPool;
use embus_engine::outbox::Outbox;
use embus_engine::{CloseReason, Flushed, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::{Owner, Wire};

/// The outbox's view: it never writes itself.
#[derive(Debug)]
struct StreamTransport(Arc<Owner>);

impl Transport for StreamTransport {
    fn try_write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
    fn wake_owner(&self) {
        self.0.wake();
    }
}

/// The owner's view.
pub(crate) struct StreamWire<S>(S);

impl<S> fmt::Debug for StreamWire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamWire").finish_non_exhaustive()
    }
}

impl<S> StreamWire<S> {
    pub(crate) fn new(stream: S, owner: Arc<Owner>) -> (Self, Arc<dyn Transport>) {
        (Self(stream), Arc::new(StreamTransport(owner)))
    }

    /// Another stream for an outbox that was made with [`new`](Self::new), in place of the one before.
    #[cfg(feature = "tls")]
    pub(crate) fn of(stream: S) -> Self {
        Self(stream)
    }

    #[cfg(feature = "websocket")]
    pub(crate) fn get_mut(&mut self) -> &mut S {
        &mut self.0
    }

    #[cfg(feature = "tls")]
    pub(crate) fn get_ref(&self) -> &S {
        &self.0
    }

    #[cfg(feature = "tls")]
    pub(crate) fn into_inner(self) -> S {
        self.0
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for StreamWire<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        Pin::new(&mut self.0).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    fn poll_read_into(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut, limit: usize) -> Poll<io::Result<usize>> {
        poll_read_buf(Pin::new(&mut self.0), cx, &mut buffer.limit(limit))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>, _: CloseReason) -> Poll<()> {
        // A stream that fails now has nothing more to lose.
        Pin::new(&mut self.0).poll_shutdown(cx).map(drop)
    }

    fn flush(&mut self, cx: &mut Context<'_>, outbox: &Outbox, spare: &mut BufferPool) -> Flushed {
        let stream = &mut self.0;
        let flushed =
            outbox.flush_with(|slices| would_block(Pin::new(&mut *stream).poll_write_vectored(cx, slices)), spare);
        if flushed == Flushed::Empty
            && let Poll::Ready(Err(_)) = Pin::new(stream).poll_flush(cx)
        {
            outbox.close(CloseReason::WriteError);
            return Flushed::Closed;
        }
        flushed
    }
}

/// A stream that is not ready has registered the owner's wake-up, which is what `WouldBlock` means to an outbox.
fn would_block(written: Poll<io::Result<usize>>) -> io::Result<usize> {
    match written {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
