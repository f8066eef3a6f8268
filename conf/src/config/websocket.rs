//! The listener for WebSocket.

use std::time::Duration;

use super::{
    address::Port,
    authorization::{Authorization, Listener},
    listen,
    read::{Field, OneOrMany, Section},
    tls::Tls,
    validate::Checks,
};

/// A `websocket` block.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "directives are independent")]
pub struct WebSocket {
    /// `host`, `net`; all addresses without one.
    pub host: Option<String>,
    /// `port`: there is no listener without one.
    pub port: Option<Port>,
    /// `advertise`: what clients are told instead of the address.
    pub advertise: Option<String>,
    /// `tls`.
    pub tls: Option<Tls>,
    /// `no_tls`: it is meant to be without.
    pub no_tls: bool,
    /// `same_origin`.
    pub same_origin: bool,
    /// `allowed_origins`.
    pub allowed_origins: Vec<String>,
    /// `compression`.
    pub compression: bool,
    /// `handshake_timeout`.
    pub handshake_timeout: Option<Duration>,
    /// `authorization`, `authentication`.
    pub authorization: Option<Authorization>,
    /// `no_auth_user`.
    pub no_auth_user: Option<String>,
    /// `jwt_cookie`.
    pub jwt_cookie: Option<String>,
    /// `user_cookie`.
    pub user_cookie: Option<String>,
    /// `pass_cookie`.
    pub password_cookie: Option<String>,
    /// `token_cookie`.
    pub token_cookie: Option<String>,
    /// `headers`: of the answer to an upgrade.
    pub headers: Vec<(String, String)>,
    /// `ping_interval`.
    pub ping_interval: Option<Duration>,
}

impl Section for WebSocket {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "listen" => listen::set(field, &mut self.host, &mut self.port),
            "host" | "net" => field.set(&mut self.host),
            "port" => field.set(&mut self.port),
            "advertise" => field.set(&mut self.advertise),
            "tls" => field.set(&mut self.tls),
            "no_tls" => field.set(&mut self.no_tls),
            "same_origin" => field.set(&mut self.same_origin),
            "allowed_origins" | "allowed_origin" | "allow_origins" | "allow_origin" | "origins" | "origin" => {
                field.set_from::<OneOrMany, _>(&mut self.allowed_origins);
            }
            "compression" => field.set(&mut self.compression),
            "handshake_timeout" => field.set(&mut self.handshake_timeout),
            "authorization" | "authentication" => field.set(&mut self.authorization),
            "no_auth_user" => field.set(&mut self.no_auth_user),
            "jwt_cookie" => field.set(&mut self.jwt_cookie),
            "user_cookie" => field.set(&mut self.user_cookie),
            "pass_cookie" => field.set(&mut self.password_cookie),
            "token_cookie" => field.set(&mut self.token_cookie),
            "headers" => field.set(&mut self.headers),
            "ping_interval" => field.set(&mut self.ping_interval),
            _ => field.unknown(),
        }
    }
}

impl WebSocket {
    pub(super) fn check(&self, checks: &mut Checks<'_>) {
        // Without a port there is nothing to secure.
        let is_on = self.port.is_some_and(|port| port != Port::Number(0));
        if is_on && self.tls.is_none() && !self.no_tls {
            checks.fault("websocket", "websocket requires TLS configuration, or no_tls: true");
        }
        if let Some(tls) = &self.tls {
            tls.check("websocket.tls", checks);
        }
        if let Some(authorization) = &self.authorization {
            authorization.check("websocket.authorization", Listener::WebSocket, checks);
        }
    }
}
