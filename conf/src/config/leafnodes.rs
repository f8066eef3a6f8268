//! The listener for leaf nodes.

use std::time::Duration;

use super::{
    address::Port,
    authorization::{Authorization, Listener},
    limits::WriteTimeout,
    listen,
    read::{Field, Section},
    tls::Tls,
    validate::Checks,
};
use crate::Kind;

/// A `leafnodes` block. `remotes`, servers to connect to, are refused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LeafNodes {
    /// `host`, `net`; all addresses without one.
    pub host: Option<String>,
    /// `port`; 7422 without one.
    pub port: Option<Port>,
    /// `advertise`.
    pub advertise: Option<String>,
    /// `no_advertise`.
    pub no_advertise: bool,
    /// `authorization`: that of the clients without it.
    pub authorization: Option<Authorization>,
    /// `tls`.
    pub tls: Option<Tls>,
    /// `min_version`, `minimum_version`: of servers that connect.
    pub min_version: Option<String>,
    /// `isolate_leafnode_interest`, `isolate`.
    pub isolate_interest: bool,
    /// `write_deadline`.
    pub write_deadline: Option<Duration>,
    /// `write_timeout`.
    pub write_timeout: WriteTimeout,
    /// `reconnect`, `reconnect_delay`, `reconnect_interval`, in seconds.
    pub reconnect: Option<Duration>,
}

impl Section for LeafNodes {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "listen" => listen::set(field, &mut self.host, &mut self.port),
            "host" | "net" => field.set(&mut self.host),
            "port" => field.set(&mut self.port),
            "advertise" => field.set(&mut self.advertise),
            "no_advertise" => field.set(&mut self.no_advertise),
            "authorization" => field.set(&mut self.authorization),
            "tls" => field.set(&mut self.tls),
            "min_version" | "minimum_version" => field.set(&mut self.min_version),
            "isolate_leafnode_interest" | "isolate" => field.set(&mut self.isolate_interest),
            "write_deadline" => field.set(&mut self.write_deadline),
            "write_timeout" => field.set(&mut self.write_timeout),
            "reconnect" | "reconnect_delay" | "reconnect_interval" => field.set(&mut self.reconnect),
            "remotes" => refuse_unless_empty(field),
            "compression" => refuse_unless_off(field),
            _ => field.unknown(),
        }
    }
}

impl LeafNodes {
    pub(super) fn check(&self, checks: &mut Checks<'_>) {
        if let Some(tls) = &self.tls {
            tls.check("leafnodes.tls", checks);
        }
        if let Some(authorization) = &self.authorization {
            authorization.check("leafnodes.authorization", Listener::LeafNodes, checks);
        }
    }
}

/// A list with nothing in it asks for nothing.
pub(super) fn refuse_unless_empty(field: Field<'_, '_>) {
    match &field.entry.value.kind {
        Kind::List(values) if values.is_empty() => {}
        Kind::List(_) | Kind::Text(_) => field.refuse(),
        _ => field.report.wrong(&field.entry.value, "a list").unwrap_or_default(),
    }
}

/// Links may be compressed, but need not be.
pub(super) fn refuse_unless_off(field: Field<'_, '_>) {
    match &field.entry.value.kind {
        Kind::Text(text) if ["off", "disabled", "accept"].contains(&text.as_str()) => {}
        _ => field.refuse(),
    }
}
