//! The NATS protocol in frames of WebSocket, for browsers and what only speaks HTTP.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use embus::websocket::WebSocketConfig;
//!
//! let pages = WebSocketConfig::new().allowed_origins(["https://pages.example"]).compression(true);
//! let broker = embus::Broker::builder().listen_websocket("127.0.0.1:0", pages).start().await?;
//! assert!(broker.websocket_url().is_some_and(|url| url.starts_with("ws://127.0.0.1:")));
//! # Ok(())
//! # }
//! ```
//!
//! A program with an HTTP port of its own mounts the broker on it: see `axum_handler` (feature `axum`).

#[cfg(feature = "axum")]
mod axum;
mod config;
mod cookies;
mod deflate;
mod enter;
mod extension;
mod incoming;
mod origin;
mod outgoing;
mod serve;
mod stream;
mod upgrade;
mod wire;

#[cfg(feature = "axum")]
pub use self::axum::axum_handler;
pub use config::{Cookies, WebSocketConfig};

pub(crate) use serve::{Door, serve};
