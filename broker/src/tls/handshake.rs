//! One handshake: when it may begin, how long it may take, and what is known of the client behind it.

use std::future::Future;
use std::io;
use std::sync::Arc;

use embus_engine::arrival::TlsSession;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::server::TlsStream;

use super::algorithms::suite_name;
use super::certificate::{key_digest, names};
use super::security::Security;

/// Makes the handshake; the error says why there is none. `is_first` says whether it comes before INFO.
pub(crate) async fn accept(
    security: &Security,
    stream: TcpStream,
    is_first: bool,
) -> io::Result<(TlsStream<TcpStream>, TlsSession)> {
    let deadline = Instant::now() + security.timeout();
    // Before the first byte of it there is nothing to keep, and no place to take.
    in_time(deadline, stream.peek(&mut [0])).await?;
    let slots = Arc::clone(&security.slots);
    let slot = in_time(deadline, async { slots.acquire_owned().await.map_err(io::Error::other) }).await?;
    let stream = in_time(deadline, security.acceptor().accept(stream)).await?;
    drop(slot);
    let session = session(security, &stream, is_first)?;
    Ok((stream, session))
}

async fn in_time<T>(deadline: Instant, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout_at(deadline, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn session(security: &Security, stream: &TlsStream<TcpStream>, is_first: bool) -> io::Result<TlsSession> {
    let (_, connection) = stream.get_ref();
    let shown = connection.peer_certificates().and_then(<[_]>::first);
    // A rustls configuration of the program's own may ask for none.
    if security.verifies() && shown.is_none() {
        return Err(io::Error::other("the client shows no certificate"));
    }
    if !security.is_pinned(shown.and_then(key_digest)) {
        return Err(io::Error::other("the client's key is not one of those that are pinned"));
    }
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "1.2",
        _ => "1.3",
    };
    let cipher_suite = connection.negotiated_cipher_suite().map(suite_name).unwrap_or_default();
    let certificate = shown.and_then(names).map(Arc::new);
    Ok(TlsSession { version, cipher_suite, is_first, certificate })
}
