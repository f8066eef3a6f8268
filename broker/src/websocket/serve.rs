//! A listener for WebSocket: TLS if it is to be, an HTTP request, and then the protocol.
//!
//! What a stranger can cost is bounded: bytes and number of headers, time until the upgrade, requests under way.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use embus_engine::arrival::Listener;
use embus_engine::connection::{ConnectionKind, Peer};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::config::WebSocketConfig;
use super::deflate::Compressors;
use super::enter;
use super::upgrade::{Agreement, check, switch};
use crate::shell::Shell;
#[cfg(feature = "tls")]
use crate::tls::Security;

/// One listener and what all its connections share.
#[derive(Debug)]
pub(crate) struct Door {
    config: WebSocketConfig,
    told: Arc<Listener>,
    compressors: Arc<Compressors>,
    requests: Semaphore,
    #[cfg(feature = "tls")]
    security: Option<Arc<Security>>,
}

/// Requests under way at once, each of so many bytes at most.
const MAX_REQUESTS: usize = 1024;
/// Bytes of a request's head (8 KiB is the least that hyper takes).
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Header lines of one request.
const MAX_HEADERS: usize = 64;
/// Differs from nats-server, which waits for ever unless it is told.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

type Body = http_body_util::Full<bytes::Bytes>;

impl Door {
    pub(crate) fn new(
        config: WebSocketConfig,
        told: Listener,
        #[cfg(feature = "tls")] security: Option<Arc<Security>>,
    ) -> Self {
        Self {
            config,
            told: Arc::new(told),
            compressors: Arc::default(),
            requests: Semaphore::new(MAX_REQUESTS),
            #[cfg(feature = "tls")]
            security,
        }
    }

    /// How long it waits for a request to begin, and then for its end.
    fn patience(&self) -> Duration {
        self.config.handshake_timeout.unwrap_or(HANDSHAKE_TIMEOUT)
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.told.tls_required
    }
}

/// Serves a client that was just accepted, in a task of its own.
pub(crate) fn serve(shell: &Arc<Shell>, stream: TcpStream, peer: SocketAddr, door: Arc<Door>) {
    let task_shell = Arc::clone(shell);
    shell.tasks.spawn(async move {
        // The client has gone, or will see a connection without delay where it is turned off.
        let _ = stream.set_nodelay(true);
        let peer = Peer { kind: ConnectionKind::WebSocket, host: peer.ip().to_string(), port: peer.port() };
        #[cfg(feature = "tls")]
        if let Some(security) = &door.security {
            return Box::pin(serve_secure(&task_shell, stream, peer, &door, security)).await;
        }
        let asked = async {
            // One that says nothing takes no place from others.
            let mut first = [0];
            let began = stream.peek(&mut first);
            timeout(door.patience(), began).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
            request(stream, &door).await
        };
        let opened = Box::pin(until_stop(&task_shell, asked)).await.and_then(|(stream, agreement)| {
            enter::open(&task_shell, stream, agreement, peer, Some(Arc::clone(&door.told)), &door.compressors)
        });
        enter::run(&task_shell, opened);
    });
}

#[cfg(feature = "tls")]
async fn serve_secure(shell: &Shell, stream: TcpStream, peer: Peer, door: &Door, security: &Security) {
    let shaken = async {
        let (stream, tls) = crate::tls::accept(security, stream, true).await?;
        let (stream, agreement) = request(stream, door).await?;
        Ok((stream, agreement, tls))
    };
    let opened = Box::pin(until_stop(shell, shaken)).await.and_then(|(stream, agreement, tls)| {
        let opened = enter::open(shell, stream, agreement, peer, Some(Arc::clone(&door.told)), &door.compressors)?;
        opened.0.connection().set_tls(tls);
        Some(opened)
    });
    enter::run(shell, opened);
}

async fn until_stop<T>(shell: &Shell, step: impl Future<Output = io::Result<T>>) -> Option<T> {
    let outcome = shell.tasks.stop_signal().run_until_cancelled(step).await?;
    outcome.inspect_err(|error| tracing::debug!(%error, "no WebSocket")).ok()
}

/// Reads the request and answers it; the stream is handed on when it is a WebSocket from then on.
async fn request<S>(stream: S, door: &Door) -> io::Result<(S, Agreement)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asked = async {
        let slot = door.requests.acquire().await.map_err(io::Error::other)?;
        let (agreement, upgrade) = ask(stream, door).await?;
        let upgraded = upgrade.await.map_err(io::Error::other)?;
        let parts = upgraded.downcast::<TokioIo<S>>().map_err(|_| io::Error::other("another stream"))?;
        drop(slot);
        // What came ahead of the answer was not meant for a WebSocket. [nats-server: "data received before handshake"]
        if !parts.read_buf.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "bytes ahead of the answer"));
        }
        Ok((parts.io.into_inner(), agreement))
    };
    timeout(door.patience(), asked).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn ask<S>(stream: S, door: &Door) -> io::Result<(Agreement, OnUpgrade)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let agreed = Mutex::new(None);
    let service = service_fn(|request: Request<Incoming>| {
        let (response, agreement) = answer(request, door);
        if agreement.is_some() {
            *agreed.lock() = agreement;
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    connection.await.map_err(io::Error::other)?;
    let agreed = agreed.lock().take();
    agreed.ok_or_else(|| io::Error::other("no upgrade was asked for"))
}

fn answer(request: Request<Incoming>, door: &Door) -> (Response<Body>, Option<(Agreement, OnUpgrade)>) {
    let (parts, body) = request.into_parts();
    match check(&parts, &door.config, door.is_secure()) {
        Ok(agreement) => {
            let response = switch(&parts.headers, &agreement, &door.config);
            let upgrade = hyper::upgrade::on(Request::from_parts(parts, body));
            (response, Some((agreement, upgrade)))
        }
        Err(refusal) => {
            tracing::debug!(%refusal, "a request for a WebSocket is refused");
            (refusal.response(), None)
        }
    }
}
