//! A WebSocket that was agreed on becomes a client.

use std::sync::Arc;

use embus_engine::Session;
use embus_engine::arrival::{Arrival, Listener};
use embus_engine::connection::{ConnectionKind, Peer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::deflate::Compressors;
use super::stream::WebSocketStream;
use super::upgrade::Agreement;
use super::wire::WebSocketWire;
use crate::connection::Connection;
use crate::shell::Shell;
use crate::wire::Owner;

/// Greets the client. None if the broker takes no more.
pub(super) fn open<S: AsyncRead + AsyncWrite + Unpin + Send>(
    shell: &Shell,
    stream: S,
    agreement: Agreement,
    mut peer: Peer,
    listener: Option<Arc<Listener>>,
    compressors: &Arc<Compressors>,
) -> Option<(Session, WebSocketWire<S>, Arc<Owner>)> {
    if shell.engine.is_stopping() {
        return None;
    }
    let stream = WebSocketStream::new(stream, &agreement, compressors, shell.engine.limits().max_payload);
    if let Some(address) = agreement.forwarded_for {
        peer.host = address.to_string();
    }
    let owner = Arc::new(Owner::default());
    let (wire, transport) = WebSocketWire::new(stream, Arc::clone(&owner));
    let arrival = Arrival {
        peer: Peer { kind: ConnectionKind::WebSocket, ..peer },
        listener,
        credentials: agreement.credentials,
    };
    let session = Session::open(&shell.engine, arrival, transport)?;
    Some((session, wire, owner))
}

/// Serves it in a task of its own, which is without what the upgrade took.
pub(super) fn run<S>(shell: &Shell, opened: Option<(Session, WebSocketWire<S>, Arc<Owner>)>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if let Some((session, wire, owner)) = opened {
        shell.tasks.spawn(Connection::new(shell, session, wire, owner).run());
    }
}
