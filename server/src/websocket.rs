//! The `websocket` block, as the broker knows it.

use embus::websocket::{Cookies, WebSocketConfig};
use embus_conf::WebSocket;

use crate::tls::{self, TlsFault};

/// What the listener is told.
pub(crate) fn config(websocket: &WebSocket) -> Result<WebSocketConfig, TlsFault> {
    let mut config = WebSocketConfig::new()
        .allowed_origins(websocket.allowed_origins.clone())
        .compression(websocket.compression)
        .cookies(Cookies {
            user: websocket.user_cookie.clone(),
            password: websocket.password_cookie.clone(),
            token: websocket.token_cookie.clone(),
            jwt: websocket.jwt_cookie.clone(),
        });
    if websocket.same_origin {
        config = config.same_origin();
    }
    if let Some(timeout) = websocket.handshake_timeout {
        config = config.handshake_timeout(timeout);
    }
    // Whoever has both gets TLS. [nats-server: `startWebsocketServer`]
    if let Some(tls) = &websocket.tls {
        config = config.tls(tls::config(tls)?);
    }
    Ok(websocket.headers.iter().fold(config, |config, (name, value)| config.header(name, value)))
}
