//! How a wire client came in: through which listener, from where, and what it brought along.

use std::sync::Arc;

use embus_auth::Certificate;
use embus_protocol::connect::ConnectOptions;
use embus_protocol::info::ServerInfo;

use crate::connection::Peer;

/// A client that has just reached the broker.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Where it comes from.
    pub peer: Peer,
    /// The listener that it came through, if it was one.
    pub listener: Option<Arc<Listener>>,
    /// What it brought outside of the protocol, such as cookies: this holds where CONNECT leaves it out.
    pub credentials: Option<Box<ConnectOptions>>,
}

impl From<Peer> for Arrival {
    fn from(peer: Peer) -> Self {
        Self { peer, listener: None, credentials: None }
    }
}

/// What one listener tells its clients and asks of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "INFO has them as independent flags")]
pub struct Listener {
    /// Its host, as INFO tells it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Clients must use TLS.
    pub tls_required: bool,
    /// Clients may use TLS.
    pub tls_available: bool,
    /// Clients must show a certificate.
    pub tls_verify: bool,
    /// Clients are the users whom their certificates name.
    pub maps_certificates: bool,
}

impl Listener {
    /// Tells what INFO says of it.
    pub fn describe(&self, info: &mut ServerInfo) {
        self.host.clone_into(&mut info.host);
        info.port = self.port;
        (info.tls_required, info.tls_available) = (self.tls_required, self.tls_available);
        info.tls_verify = self.tls_verify;
    }
}

/// The TLS session that a client speaks in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSession {
    /// Its version, `1.3`.
    pub version: &'static str,
    /// Its cipher suite, `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: String,
    /// Whether the handshake came before INFO.
    pub is_first: bool,
    /// What the client showed, if it was asked to.
    pub certificate: Option<Arc<Certificate>>,
}

/// Fills what CONNECT leaves out. [nats-server: cookies of a WebSocket client]
pub(crate) fn complete(connect: &mut ConnectOptions, brought: &ConnectOptions) {
    if connect.user.is_empty() {
        brought.user.clone_into(&mut connect.user);
    }
    for (secret, brought) in [
        (&mut connect.pass, &brought.pass),
        (&mut connect.auth_token, &brought.auth_token),
        (&mut connect.jwt, &brought.jwt),
    ] {
        if secret.is_empty() {
            brought.clone_into(secret);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connect_says_goes_first() {
        let brought = ConnectOptions { user: "cookie".into(), pass: "crumbs".into(), ..ConnectOptions::default() };
        let mut said = ConnectOptions { user: "alice".into(), ..ConnectOptions::default() };
        complete(&mut said, &brought);
        assert_eq!((said.user.as_str(), said.pass.expose()), ("alice", "crumbs"));
        let mut silent = ConnectOptions::default();
        complete(&mut silent, &brought);
        assert_eq!(silent.user, "cookie");
    }
}
