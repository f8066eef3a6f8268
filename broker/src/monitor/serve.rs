//! The accept loop and one connection of the monitoring port.
//!
//! Bounds what a stranger can cost: connections at a time, time for a request's head (which is the idle time of a kept
//! connection too), bytes and number of its headers, and the life of one connection.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::pages::Monitor;
#[cfg(feature = "tls")]
use crate::tls::Security;

/// There is none in this build.
#[cfg(not(feature = "tls"))]
type Security = std::convert::Infallible;

/// Answers requests that arrive at `listener` until `stop` is cancelled; every task it starts is one of `tasks`.
///
/// Dropping the future closes the listener; connections already accepted go on until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    security: Option<Arc<Security>>,
    monitor: Arc<Monitor>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, slot)) => {
                let (monitor, stop, security) = (Arc::clone(&monitor), stop.clone(), security.clone());
                tasks.spawn(async move {
                    enter(stream, security.as_deref(), monitor, stop).await;
                    drop(slot);
                });
            }
            Err(error) => {
                warn!("The monitoring port cannot accept a connection: {error}");
                // Out of file descriptors, mostly: trying again at once would only spin.
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
}

/// Waits for a free slot first, so that what is too much waits in the kernel's queue.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, slot))
}

/// Makes the TLS handshake first, if there is to be one.
#[cfg(feature = "tls")]
async fn enter(stream: TcpStream, security: Option<&Security>, monitor: Arc<Monitor>, stop: CancellationToken) {
    let Some(security) = security else { return serve_connection(stream, monitor, stop).await };
    match stop.run_until_cancelled(crate::tls::accept(security, stream, true)).await {
        Some(Ok((stream, _))) => serve_connection(stream, monitor, stop).await,
        Some(Err(error)) => debug!("TLS handshake of a monitoring connection failed: {error}"),
        None => {}
    }
}

#[cfg(not(feature = "tls"))]
async fn enter(stream: TcpStream, _: Option<&Security>, monitor: Arc<Monitor>, stop: CancellationToken) {
    serve_connection(stream, monitor, stop).await;
}

/// Answers one connection's requests until it closes, was idle or lived too long, or `stop` is cancelled.
pub(super) async fn serve_connection<I>(io: I, monitor: Arc<Monitor>, stop: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let monitor = Arc::clone(&monitor);
        async move { Ok::<_, Infallible>(monitor.respond(request.method(), request.uri()).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    builder.max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
    tokio::select! {
        result = connection.as_mut() => return log_end(result),
        () = stop.cancelled() => {}
        () = sleep(MAX_AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    if let Ok(result) = timeout(CLOSE_TIME, connection).await {
        log_end(result);
    }
}

fn log_end(result: hyper::Result<()>) {
    if let Err(error) = result {
        debug!("A monitoring connection ended early: {error}");
    }
}

/// Connections answered at one time; more wait in the kernel's accept queue.
const MAX_CONNECTIONS: usize = 64;
/// Time for the head of a request to arrive, counted from the end of the request before it.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// Bytes of a request's head (8 KiB is the least that hyper takes).
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Header lines of one request.
const MAX_HEADERS: usize = 64;
/// Longest life of a connection: the bound on a client that never reads its answer.
const MAX_AGE: Duration = Duration::from_secs(30);
/// Time for the answer under way to leave when the connection is closed by us.
const CLOSE_TIME: Duration = Duration::from_millis(500);
/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
