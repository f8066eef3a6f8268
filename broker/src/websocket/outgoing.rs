//! What goes out: the protocol's bytes as whole messages, and answers to pings between two of them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use embus_protocol::websocket::{self, MAX_HEADER_BYTES, Opcode};
use smallvec::SmallVec;
use tokio::io::AsyncWrite;

use super::deflate::Compressors;

/// The sending side of one connection. Frames that are not compressed are written from where their bytes are.
#[derive(Debug)]
pub(super) struct Outgoing {
    header: SmallVec<[u8; MAX_HEADER_BYTES]>,
    header_sent: usize,
    /// What is to come of the frame that the header began.
    left: usize,
    /// Frames made of a copy: control frames, and all where messages are compressed.
    made: Vec<u8>,
    made_sent: usize,
    /// Whether the last frame was made: nothing may come behind it.
    is_closed: bool,
    max_frame: usize,
    compressors: Option<Arc<Compressors>>,
}

/// [nats-server: `wsFrameSizeForBrowsers`]
const MAX_BROWSER_FRAME_BYTES: usize = 4096;
/// What a frame is made of at most; a frame of any size would do, but compressed ones are made at once.
const MAX_FRAME_BYTES: usize = 64 * 1024;
/// Answers to pings that may wait. A client that sends so many pings and reads nothing gets no more of them.
const MAX_MADE_CONTROL_BYTES: usize = 1024;
/// What is not worth compressing. [nats-server: `wsCompressThreshold`]
const MIN_COMPRESSED_BYTES: usize = 64;
/// Slices written at once.
const MAX_SLICES: usize = 32;

impl Outgoing {
    pub(super) fn new(is_browser: bool, compressors: Option<Arc<Compressors>>) -> Self {
        Self {
            header: SmallVec::new(),
            header_sent: 0,
            left: 0,
            made: Vec::new(),
            made_sent: 0,
            is_closed: false,
            max_frame: if is_browser { MAX_BROWSER_FRAME_BYTES } else { MAX_FRAME_BYTES },
            compressors,
        }
    }

    /// Answers a ping.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        if !self.is_closed && self.made.len() < MAX_MADE_CONTROL_BYTES {
            self.made.extend(websocket::pong(payload));
        }
    }

    /// Says the end, once.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        if !self.is_closed {
            self.made.extend(websocket::close(code, reason));
            self.is_closed = true;
        }
    }

    /// Answers the client's end with the same. [RFC 6455 §5.5.1]
    pub(super) fn answer_close(&mut self, payload: &[u8]) {
        if !self.is_closed {
            self.made.extend(websocket::header(Opcode::Close, false, payload.len()));
            self.made.extend_from_slice(payload);
            self.is_closed = true;
        }
    }

    fn is_within_frame(&self) -> bool {
        self.left > 0 || self.header_sent < self.header.len()
    }

    /// Writes what `slices` begin with, and says how much of it: the next call has to begin behind that.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        inner: &mut S,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            if !self.is_within_frame() {
                ready!(self.poll_made(inner, cx))?;
                if self.is_closed {
                    return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                }
                let length = slices.iter().map(|slice| slice.len()).sum::<usize>().min(self.max_frame);
                if length == 0 {
                    return Poll::Ready(Ok(0));
                }
                if let Some(compressors) = self.compressors.clone() {
                    self.make(slices, length, &compressors);
                    // What cannot be written now is written with the next bytes, or when the stream is flushed.
                    return match self.poll_made(inner, cx) {
                        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                        _ => Poll::Ready(Ok(length)),
                    };
                }
                (self.header, self.header_sent, self.left) =
                    (websocket::header(Opcode::Binary, false, length), 0, length);
            }
            let written = ready!(self.poll_frame(inner, cx, slices))?;
            if written > 0 {
                return Poll::Ready(Ok(written));
            }
        }
    }

    /// Writes of the frame that was begun; returns how much of `slices`.
    fn poll_frame<S: AsyncWrite + Unpin>(
        &mut self,
        inner: &mut S,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let header = self.header.get(self.header_sent..).unwrap_or_default();
        let mut parts: SmallVec<[IoSlice<'_>; MAX_SLICES]> = SmallVec::new();
        parts.push(IoSlice::new(header));
        let mut left = self.left;
        for slice in slices.iter().take(MAX_SLICES - 1) {
            let part = slice.get(..slice.len().min(left)).unwrap_or_default();
            left -= part.len();
            parts.push(IoSlice::new(part));
        }
        let parts = if header.is_empty() { parts.get(1..).unwrap_or_default() } else { &parts };
        let written = ready!(Pin::new(inner).poll_write_vectored(cx, parts))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        let of_header = written.min(header.len());
        self.header_sent += of_header;
        self.left -= written - of_header;
        Poll::Ready(Ok(written - of_header))
    }

    /// Makes a frame of the first `length` bytes.
    fn make(&mut self, slices: &[IoSlice<'_>], length: usize, compressors: &Compressors) {
        let mut left = length;
        let parts = slices.iter().map_while(|slice| {
            let part = slice.get(..slice.len().min(left)).filter(|part| !part.is_empty())?;
            left -= part.len();
            Some(part)
        });
        if length <= MIN_COMPRESSED_BYTES {
            self.made.extend(websocket::header(Opcode::Binary, false, length));
            parts.for_each(|part| self.made.extend_from_slice(part));
        } else {
            let compressed = compressors.compress(parts, length);
            self.made.extend(websocket::header(Opcode::Binary, true, compressed.len()));
            self.made.extend(compressed);
        }
    }

    /// Writes frames that were made, unless one is under way that was not.
    pub(super) fn poll_made<S: AsyncWrite + Unpin>(
        &mut self,
        inner: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.made.is_empty() || self.is_within_frame() {
            return Poll::Ready(Ok(()));
        }
        while let Some(rest) = self.made.get(self.made_sent..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut *inner).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.made_sent += written;
        }
        // An idle connection keeps no buffer.
        (self.made, self.made_sent) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }
}
