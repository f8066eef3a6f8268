//! The two kinds of byte streams under a connection: sockets that every publisher may write to, and streams that only
//! their own task touches.

#[cfg(feature = "listen")]
pub(crate) mod socket;
pub(crate) mod stream;

use std::fmt::Debug;
use std::io;
use std::task::{Context, Poll};

use bytes::BytesMut;
use embus_engine::chunks::BufferPool;
use embus_engine::outbox::Outbox;
use embus_engine::{CloseReason, Flushed};
use futures_util::task::AtomicWaker;

/// The reading side, and the owner's part of the writing side, of one connection.
pub(crate) trait Wire: Debug + Send {
    /// Reads into `buffer`; 0 bytes are the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;
    /// Reads at most `limit` bytes behind what `buffer` holds; 0 bytes are the end.
    fn poll_read_into(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut, limit: usize) -> Poll<io::Result<usize>>;
    /// Tells the other side that nothing more comes, and why, if there is a way. The outbox is closed by then.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>, reason: CloseReason) -> Poll<()>;
    /// Writes what waits in `outbox`; when blocked, `cx` is woken when there is room.
    fn flush(&mut self, cx: &mut Context<'_>, outbox: &Outbox, spare: &mut BufferPool) -> Flushed;
}

/// How others wake the task that owns a connection.
#[derive(Debug, Default)]
pub(crate) struct Owner(AtomicWaker);

impl Owner {
    /// Registers the owner's task.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.0.register(cx.waker());
    }

    /// Wakes the owner.
    pub(crate) fn wake(&self) {
        self.0.wake();
    }
}
