//! What a connection brings to its login, and why it may be turned away.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use embus_protocol::connect::ConnectOptions;
use embus_protocol::secret::Secret;

use crate::certificate::Certificate;

/// How a client reaches the broker, as `allowed_connection_types` names it. [nats-server: jwt.ConnectionType]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionType {
    /// The plain protocol over TCP, TLS or a Unix socket.
    #[default]
    Standard,
    /// The protocol inside WebSocket frames.
    WebSocket,
    /// In the same process.
    InProcess,
}

impl ConnectionType {
    /// The word in a configuration or a JWT.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::WebSocket => "WEBSOCKET",
            Self::InProcess => "IN_PROCESS",
        }
    }
}

impl fmt::Display for ConnectionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word names no way to connect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a type of connection: STANDARD, WEBSOCKET or IN_PROCESS")]
pub struct UnknownConnectionType(String);

impl FromStr for ConnectionType {
    type Err = UnknownConnectionType;

    /// In any case of letters.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = [Self::Standard, Self::WebSocket, Self::InProcess];
        let found = all.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(word));
        found.ok_or_else(|| UnknownConnectionType(word.to_owned()))
    }
}

/// One attempt to log in.
#[derive(Debug, Clone)]
pub struct Login {
    /// What CONNECT said, credentials included.
    pub connect: ConnectOptions,
    /// The nonce that this connection's INFO offered for signatures; empty when it offered none.
    pub nonce: String,
    /// Where the client comes from, if it has an address.
    pub address: Option<IpAddr>,
    /// How it reaches the broker.
    pub connection_type: ConnectionType,
    /// The certificate that it showed in its TLS handshake, if the listener asked for one. It is verified.
    pub certificate: Option<Arc<Certificate>>,
    /// Whether it is the user whom its certificate names, and nobody without one. [nats-server: `verify_and_map`]
    pub is_mapped: bool,
    /// When that is.
    pub now: SystemTime,
    /// The number of the connection.
    pub client_id: u64,
    /// The TLS session that it came in, if it did.
    pub tls: Option<LoginTls>,
}

/// What is agreed on in a TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginTls {
    /// The version, `1.3`.
    pub version: String,
    /// The cipher suite, `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: String,
}

impl Default for Login {
    /// Nobody, in 1970.
    fn default() -> Self {
        Self {
            connect: ConnectOptions::default(),
            nonce: String::new(),
            address: None,
            connection_type: ConnectionType::default(),
            certificate: None,
            is_mapped: false,
            now: SystemTime::UNIX_EPOCH,
            client_id: 0,
            tls: None,
        }
    }
}

impl Login {
    /// Whether CONNECT carries no credentials at all.
    pub fn is_anonymous(&self) -> bool {
        let connect = &self.connect;
        let secrets = [&connect.pass, &connect.auth_token, &connect.jwt, &connect.nkey, &connect.sig];
        connect.user.is_empty() && secrets.into_iter().all(Secret::is_empty)
    }
}

/// Why a login is turned away: for logs and counters. The client is told no more than `Authorization Violation`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Nobody has these credentials: no such user, or a wrong password, token or signature.
    #[error("credentials do not match")]
    Credentials,
    /// The user may not connect in this way.
    #[error("user may not connect as {0}")]
    ConnectionType(ConnectionType),
    /// Nobody is named in the certificate that the client showed.
    #[error("no user is named in the certificate")]
    Certificate,
    /// The user belongs to an account that the broker does not have.
    #[error("account {0:?} does not exist")]
    Account(String),
    /// The account has as many connections as it may.
    #[error("account {0:?} has as many connections as it may")]
    AccountConnections(String),
    /// Another reason, in words.
    #[error("{0}")]
    Other(String),
}
