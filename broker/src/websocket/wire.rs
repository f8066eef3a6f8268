//! A connection's bytes in a WebSocket: only its own task touches them.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use embus_engine::chunks::BufferPool;
use embus_engine::outbox::Outbox;
use embus_engine::{CloseReason, Flushed, Transport};
use tokio::io::{AsyncRead, AsyncWrite};

use super::stream::WebSocketStream;
use crate::wire::stream::StreamWire;
use crate::wire::{Owner, Wire};

/// As any stream, but for its end, which is said with a reason.
pub(super) struct WebSocketWire<S>(StreamWire<WebSocketStream<S>>);

impl<S> fmt::Debug for WebSocketWire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebSocketWire").finish_non_exhaustive()
    }
}

impl<S> WebSocketWire<S> {
    pub(super) fn new(stream: WebSocketStream<S>, owner: Arc<Owner>) -> (Self, Arc<dyn Transport>) {
        let (wire, transport) = StreamWire::new(stream, owner);
        (Self(wire), transport)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for WebSocketWire<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, buffer)
    }

    fn poll_read_into(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut, limit: usize) -> Poll<io::Result<usize>> {
        self.0.poll_read_into(cx, buffer, limit)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>, reason: CloseReason) -> Poll<()> {
        self.0.get_mut().close(code(reason), reason.as_str());
        self.0.poll_shutdown(cx, reason)
    }

    fn flush(&mut self, cx: &mut Context<'_>, outbox: &Outbox, spare: &mut BufferPool) -> Flushed {
        self.0.flush(cx, outbox, spare)
    }
}

/// What WebSocket calls the end. [reference §1.8]
fn code(reason: CloseReason) -> u16 {
    match reason {
        CloseReason::ClientClosed => 1000,
        CloseReason::AuthenticationFailure
        | CloseReason::AuthenticationTimeout
        | CloseReason::AuthenticationExpired
        | CloseReason::MaximumConnectionsExceeded
        | CloseReason::MaximumSubscriptionsExceeded
        | CloseReason::SlowConsumerPendingBytes
        | CloseReason::SlowConsumerWriteDeadline => 1008,
        CloseReason::ParseError
        | CloseReason::ProtocolViolation
        | CloseReason::BadClientProtocolVersion
        | CloseReason::MaximumControlLineExceeded
        | CloseReason::NoRespondersRequiresHeaders => 1002,
        CloseReason::MaximumPayloadExceeded => 1009,
        CloseReason::StaleConnection | CloseReason::ServerShutdown => 1001,
        CloseReason::TlsHandshakeFailure => 1015,
        _ => 1011,
    }
}
