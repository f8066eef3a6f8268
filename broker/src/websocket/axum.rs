//! The broker on a program's own HTTP port.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use embus_engine::connection::{ConnectionKind, Peer};
use hyper_util::rt::TokioIo;

use super::config::WebSocketConfig;
use super::deflate::Compressors;
use super::enter;
use super::upgrade::{Agreement, check, switch};
use crate::broker::Broker;

/// A handler for a route of the program's: clients that ask there for a WebSocket are clients of the broker. Its TLS, if it
/// has some, is the program's.
///
/// Where the program serves with `into_make_service_with_connect_info::<SocketAddr>()`, the broker knows their addresses.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use embus::websocket::{WebSocketConfig, axum_handler};
///
/// let broker = embus::Broker::builder().start().await?;
/// let app = axum::Router::new().route("/nats", axum_handler(&broker, WebSocketConfig::new()));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// println!("ws://{}/nats", listener.local_addr()?);
/// # if false {
/// axum::serve(listener, app).await?;
/// # }
/// # Ok(())
/// # }
/// ```
pub fn axum_handler<S: Clone + Send + Sync + 'static>(broker: &Broker, config: WebSocketConfig) -> MethodRouter<S> {
    let place = Arc::new(Place { broker: broker.clone(), config, compressors: Arc::default() });
    any(move |request: Request| {
        let response = answer(request, &place);
        std::future::ready(response)
    })
}

struct Place {
    broker: Broker,
    config: WebSocketConfig,
    compressors: Arc<Compressors>,
}

fn answer(request: Request, place: &Arc<Place>) -> Response {
    let (parts, body) = request.into_parts();
    // Whether the page came over TLS the program knows; for the same origin, host and port count.
    let agreement = match check(&parts, &place.config, false) {
        Ok(agreement) => agreement,
        Err(refusal) => return refusal.response::<Body>(),
    };
    let response = switch::<Body>(&parts.headers, &agreement, &place.config);
    let peer = match parts.extensions.get::<ConnectInfo<SocketAddr>>() {
        Some(ConnectInfo(address)) => {
            Peer { kind: ConnectionKind::WebSocket, host: address.ip().to_string(), port: address.port() }
        }
        None => Peer { kind: ConnectionKind::WebSocket, host: "http".to_owned(), port: 0 },
    };
    enter(Request::from_parts(parts, body), agreement, peer, place);
    response
}

/// Waits for the answer to be sent, then serves the client.
fn enter(request: Request, agreement: Agreement, peer: Peer, place: &Arc<Place>) {
    let shell = Arc::clone(place.broker.shell());
    let compressors = Arc::clone(&place.compressors);
    let upgrade = hyper::upgrade::on(request);
    place.broker.shell().tasks.spawn(async move {
        let upgraded = shell.tasks.stop_signal().clone().run_until_cancelled_owned(upgrade).await;
        let Some(Ok(upgraded)) = upgraded else { return };
        let opened = enter::open(&shell, TokioIo::new(upgraded), agreement, peer, None, &compressors);
        enter::run(&shell, opened);
    });
}
