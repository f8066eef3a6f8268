//! How a client comes in through a listener with TLS: INFO in the clear and then the handshake, or the handshake first.
//!
//! What a client sends in the clear is never carried out once the handshake is asked for: nothing is read of it before,
//! and what it sent ahead is part of the handshake then, which fails.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use embus_engine::arrival::{Arrival, TlsSession};
use embus_engine::outbox::Outbox;
use embus_engine::{CloseReason, Engine, Flushed, Session};
use embus_protocol::error::ClientError;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::config::Handshake;
use super::handshake::accept;
use super::security::Security;
use crate::connection::Connection;
use crate::shell::Shell;
use crate::wire::stream::StreamWire;
use crate::wire::{Owner, Wire};

/// Serves a client that was just accepted, in a task of its own.
pub(crate) fn enter(shell: &Arc<Shell>, stream: TcpStream, arrival: Arrival, security: Arc<Security>) {
    let entrant = Entrant { shell: Arc::clone(shell), arrival, security };
    shell.tasks.spawn(async move {
        // The client has gone, or will see a connection without delay where it is turned off.
        let _ = stream.set_nodelay(true);
        let stop = entrant.shell.tasks.stop_signal().clone();
        let tasks = entrant.shell.tasks.clone();
        let welcomed = stop.run_until_cancelled_owned(entrant.welcome(stream)).await;
        // Its own task is without what the handshake took.
        match welcomed.flatten() {
            Some(Welcomed::Secure(connection)) => tasks.spawn(connection.run()),
            Some(Welcomed::Plain(connection)) => tasks.spawn(connection.run()),
            None => {}
        }
    });
}

struct Entrant {
    shell: Arc<Shell>,
    arrival: Arrival,
    security: Arc<Security>,
}

/// A client whose protocol may begin.
enum Welcomed {
    Secure(Box<Connection<StreamWire<TlsStream<TcpStream>>>>),
    /// Where TLS is optional, only this connection's own task writes, too: which of the two it will be is open when its
    /// outbox is made.
    Plain(Box<Connection<StreamWire<TcpStream>>>),
}

impl Entrant {
    async fn welcome(self, stream: TcpStream) -> Option<Welcomed> {
        let is_first = match self.security.handshake() {
            Handshake::First => true,
            Handshake::AfterInfo => false,
            Handshake::FirstWithin(time) => timeout(time, stream.peek(&mut [0])).await.is_ok(),
        };
        if is_first { self.shake_first(stream).await } else { self.greet(stream).await }
    }

    async fn shake_first(self, stream: TcpStream) -> Option<Welcomed> {
        if !self.security.rate.allows(Instant::now()) {
            return None;
        }
        let peer = self.arrival.peer.clone();
        let refused = |error: io::Error| tracing::debug!(%error, ?peer, "TLS handshake failed");
        let (stream, tls) = accept(&self.security, stream, true).await.map_err(refused).ok()?;
        let owner = Arc::new(Owner::default());
        let (wire, transport) = StreamWire::new(stream, Arc::clone(&owner));
        let session = Session::open(&self.shell.engine, self.arrival, transport)?;
        session.connection().set_tls(tls);
        Some(Welcomed::Secure(Box::new(Connection::new(&self.shell, session, wire, owner))))
    }

    async fn greet(self, stream: TcpStream) -> Option<Welcomed> {
        let owner = Arc::new(Owner::default());
        let (mut plain, transport) = StreamWire::new(stream, Arc::clone(&owner));
        let mut session = Session::open(&self.shell.engine, self.arrival.clone(), transport)?;
        if session.end().is_none() && !self.security.rate.allows(Instant::now()) {
            session.reject(&ClientError::ConnectionThrottling, CloseReason::MaximumConnectionsExceeded);
        }
        let outbox = Arc::clone(session.outbox());
        let sent = poll_fn(|cx| poll_sent(&self.shell.engine, &owner, &mut plain, &outbox, cx));
        // Who takes not even INFO does not shake hands either.
        let _ = timeout(self.security.timeout(), sent).await;
        if session.end().is_some() || self.security.is_optional() && !self.begins_tls(plain.get_ref()).await {
            return Some(Welcomed::Plain(Box::new(Connection::new(&self.shell, session, plain, owner))));
        }
        match accept(&self.security, plain.into_inner(), false).await {
            Ok((stream, tls)) => Some(self.secured(session, stream, tls, owner)),
            Err(error) => {
                tracing::debug!(%error, cid = session.connection().id().0, "TLS handshake failed");
                session.close(CloseReason::TlsHandshakeFailure);
                None
            }
        }
    }

    fn secured(&self, session: Session, stream: TlsStream<TcpStream>, tls: TlsSession, owner: Arc<Owner>) -> Welcomed {
        session.connection().set_tls(tls);
        Welcomed::Secure(Box::new(Connection::new(&self.shell, session, StreamWire::of(stream), owner)))
    }

    /// Whether the client's first byte is that of a handshake; who says nothing for so long wants none.
    async fn begins_tls(&self, stream: &TcpStream) -> bool {
        let mut first = [0];
        let peeked = timeout(self.security.timeout(), stream.peek(&mut first)).await;
        matches!(peeked, Ok(Ok(1))) && first == [HANDSHAKE_RECORD]
    }
}

/// Ready when INFO is sent, or nothing will be any more.
fn poll_sent(
    engine: &Engine,
    owner: &Owner,
    wire: &mut StreamWire<TcpStream>,
    outbox: &Outbox,
    cx: &mut Context<'_>,
) -> Poll<()> {
    owner.register(cx);
    let mut worker = engine.workers().take();
    let flushed = wire.flush(cx, outbox, worker.spare());
    engine.workers().put(worker);
    match flushed {
        Flushed::Empty | Flushed::Closed => Poll::Ready(()),
        Flushed::Blocked => Poll::Pending,
        Flushed::Busy | Flushed::Elsewhere => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

/// What every handshake begins with. [RFC 8446: `ContentType`]
const HANDSHAKE_RECORD: u8 = 0x16;
