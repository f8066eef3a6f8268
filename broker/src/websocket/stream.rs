//! A WebSocket as a stream of bytes: frames are taken off on one side and put on on the other.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use embus_protocol::websocket::{Decoder, Opcode, Step};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::deflate::Compressors;
use super::incoming::{Fault, Incoming};
use super::outgoing::Outgoing;
use super::upgrade::Agreement;

/// The server's end of a WebSocket over `S`.
#[derive(Debug)]
pub(super) struct WebSocketStream<S> {
    inner: S,
    decoder: Decoder,
    /// Where messages may be compressed; else frames are taken apart where they were read to.
    incoming: Option<Incoming>,
    outgoing: Outgoing,
    /// The client said the end, or what cannot be understood.
    is_over: bool,
}

/// Reads that carry nothing but control frames, before others get their turn.
const MAX_EMPTY_READS: usize = 16;

/// What a compressed message may come to: this many times `max_payload`, and no more than that at most.
/// [nats-server: `wsMaxMsgPayloadMultiple`, `wsMaxMsgPayloadLimit`]
const MAX_INFLATED_PAYLOADS: u64 = 8;
const MAX_INFLATED_BYTES: u64 = 64 * 1024 * 1024;

impl<S> WebSocketStream<S> {
    pub(super) fn new(inner: S, agreement: &Agreement, compressors: &Arc<Compressors>, max_payload: usize) -> Self {
        let mut decoder = Decoder::default();
        if !agreement.masks {
            decoder = decoder.allow_unmasked();
        }
        let limit = (max_payload as u64).saturating_mul(MAX_INFLATED_PAYLOADS).min(MAX_INFLATED_BYTES);
        if agreement.is_compressed {
            decoder = decoder.allow_compressed();
        }
        let compressors = agreement.is_compressed.then(|| Arc::clone(compressors));
        Self {
            inner,
            decoder,
            incoming: agreement.is_compressed.then(|| Incoming::new(limit)),
            outgoing: Outgoing::new(agreement.is_browser, compressors),
            is_over: false,
        }
    }

    /// Says the end, unless it was said.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        self.outgoing.close(code, reason);
    }

    fn fail(&mut self, fault: Fault) -> io::Error {
        self.is_over = true;
        self.outgoing.close(fault.code(), &fault.to_string());
        io::Error::new(io::ErrorKind::InvalidData, fault)
    }

    /// Takes the frames off `bytes`: how many bytes of data are at their front then.
    fn take_off(&mut self, bytes: &mut [u8]) -> Result<usize, Fault> {
        let (mut at, mut kept) = (0, 0);
        while !self.is_over
            && let Some(rest) = bytes.get_mut(at..).filter(|rest| !rest.is_empty())
        {
            let step = self.decoder.decode(rest)?;
            let consumed = step.consumed(rest.len());
            match step {
                Step::Data { range, .. } => {
                    let length = range.len();
                    bytes.copy_within(at + range.start..at + range.end, kept);
                    kept += length;
                }
                Step::Control { opcode, .. } => {
                    note(opcode, self.decoder.control(), &mut self.outgoing, &mut self.is_over);
                }
                Step::More => {}
            }
            at += consumed;
        }
        Ok(kept)
    }
}

/// A frame about the connection.
fn note(opcode: Opcode, payload: &[u8], outgoing: &mut Outgoing, is_over: &mut bool) {
    match opcode {
        Opcode::Ping => outgoing.pong(payload),
        Opcode::Close => {
            outgoing.answer_close(payload);
            *is_over = true;
        }
        _ => {}
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketStream<S> {
    /// Reads once: how many bytes came from the wire.
    fn poll_plain(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        let bytes = buffer.filled_mut().get_mut(before..).unwrap_or_default();
        let read = bytes.len();
        let kept = self.take_off(bytes).map_err(|fault| self.fail(fault))?;
        buffer.set_filled(before + kept);
        Poll::Ready(Ok(read))
    }

    /// Inflates what waits, or reads once: whether something is to come.
    fn poll_inflated(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(Ok(0)) };
        let (outgoing, is_over) = (&mut self.outgoing, &mut self.is_over);
        let room = buffer.initialize_unfilled();
        let taken = incoming.take(&mut self.decoder, room, |opcode, payload| note(opcode, payload, outgoing, is_over));
        match taken {
            Err(fault) => Poll::Ready(Err(self.fail(fault))),
            Ok(0) if self.is_over => Poll::Ready(Ok(0)),
            Ok(0) => incoming.poll_fill(&mut self.inner, cx),
            Ok(taken) => {
                buffer.advance(taken);
                Poll::Ready(Ok(taken))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocketStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        for _ in 0..MAX_EMPTY_READS {
            if this.is_over || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let polled =
                if this.incoming.is_some() { this.poll_inflated(cx, buffer) } else { this.poll_plain(cx, buffer) };
            // What pings were answered with goes out as soon as it can; a failure shows when something is written.
            let _ = this.outgoing.poll_made(&mut this.inner, cx);
            let read = ready!(polled)?;
            if read == 0 || buffer.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocketStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.outgoing.poll_write(&mut this.inner, cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.outgoing.poll_made(&mut this.inner, cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
