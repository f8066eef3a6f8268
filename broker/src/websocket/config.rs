//! What a WebSocket listener is told.

use std::time::Duration;

#[cfg(feature = "tls")]
use crate::tls::TlsConfig;

/// A listener for WebSocket, or a place on a program's own HTTP port.
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use = "nothing listens before a builder takes it"]
pub struct WebSocketConfig {
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<TlsConfig>,
    pub(super) same_origin: bool,
    pub(super) allowed_origins: Vec<String>,
    pub(super) compression: bool,
    pub(crate) handshake_timeout: Option<Duration>,
    pub(super) cookies: Cookies,
    pub(super) headers: Vec<(String, String)>,
}

/// Cookies of the HTTP request that say who a client is, where its CONNECT does not. None has a name unless it is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cookies {
    /// The cookie with the name of the user.
    pub user: Option<String>,
    /// The cookie with the password.
    pub password: Option<String>,
    /// The cookie with a token.
    pub token: Option<String>,
    /// The cookie with a JWT.
    pub jwt: Option<String>,
}

impl WebSocketConfig {
    /// Anybody may connect, from pages of any origin, without TLS and compression.
    pub fn new() -> Self {
        Self::default()
    }

    /// Speaks TLS: `wss://`. The handshake always comes first.
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: TlsConfig) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Takes only pages that come from this very listener's host and port. Clients that are no pages have no origin.
    pub fn same_origin(self) -> Self {
        Self { same_origin: true, ..self }
    }

    /// Takes only pages of these origins, `https://host:port`.
    pub fn allowed_origins<S: Into<String>>(self, origins: impl IntoIterator<Item = S>) -> Self {
        Self { allowed_origins: origins.into_iter().map(Into::into).collect(), ..self }
    }

    /// Whether messages are compressed for clients that ask for it; they are not by default.
    pub fn compression(self, on: bool) -> Self {
        Self { compression: on, ..self }
    }

    /// How long a client may take for its HTTP request; 10 seconds by default.
    pub fn handshake_timeout(self, timeout: Duration) -> Self {
        Self { handshake_timeout: Some(timeout), ..self }
    }

    /// Where credentials may come from besides CONNECT.
    pub fn cookies(self, cookies: Cookies) -> Self {
        Self { cookies, ..self }
    }

    /// A header that the answer to a request has besides.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}
