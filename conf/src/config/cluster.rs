//! The cluster of a server that is alone in it.

use std::time::Duration;

use super::{
    address::Port,
    authorization::{Authorization, Listener},
    leafnodes::{refuse_unless_empty, refuse_unless_off},
    limits::WriteTimeout,
    listen,
    permissions::Permissions,
    read::{Field, Section},
    tls::Tls,
    validate::Checks,
};

/// A `cluster` block. `routes`, the other servers, are refused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cluster {
    /// `name`.
    pub name: Option<String>,
    /// `host`, `net`; all addresses without one.
    pub host: Option<String>,
    /// `port`.
    pub port: Option<Port>,
    /// `advertise`, `cluster_advertise`.
    pub advertise: Option<String>,
    /// `no_advertise`.
    pub no_advertise: bool,
    /// `authorization`.
    pub authorization: Option<Authorization>,
    /// `permissions`: what servers may import and export.
    pub permissions: Option<Permissions>,
    /// `tls`.
    pub tls: Option<Tls>,
    /// `connect_retries`.
    pub connect_retries: Option<u32>,
    /// `connect_backoff`.
    pub connect_backoff: bool,
    /// `ping_interval`.
    pub ping_interval: Option<Duration>,
    /// `ping_max`.
    pub ping_max: Option<u32>,
    /// `write_deadline`.
    pub write_deadline: Option<Duration>,
    /// `write_timeout`.
    pub write_timeout: WriteTimeout,
}

impl Section for Cluster {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "name" => field.set(&mut self.name),
            "listen" => listen::set(field, &mut self.host, &mut self.port),
            "host" | "net" => field.set(&mut self.host),
            "port" => field.set(&mut self.port),
            "advertise" | "cluster_advertise" => field.set(&mut self.advertise),
            "no_advertise" => field.set(&mut self.no_advertise),
            "authorization" => field.set(&mut self.authorization),
            "permissions" => field.set(&mut self.permissions),
            "tls" => field.set(&mut self.tls),
            "connect_retries" => field.set(&mut self.connect_retries),
            "connect_backoff" => field.set(&mut self.connect_backoff),
            "ping_interval" => field.set(&mut self.ping_interval),
            "ping_max" => field.set(&mut self.ping_max),
            "write_deadline" => field.set(&mut self.write_deadline),
            "write_timeout" => field.set(&mut self.write_timeout),
            "routes" | "accounts" => refuse_unless_empty(field),
            "compression" => refuse_unless_off(field),
            "pool_size" => field.refuse(),
            _ => field.unknown(),
        }
    }
}

impl Cluster {
    pub(super) fn check(&self, checks: &mut Checks<'_>) {
        if self.name.as_ref().is_some_and(|name| name.contains(' ')) {
            checks.fault("cluster.name", "cluster name cannot contain spaces");
        }
        if let Some(tls) = &self.tls {
            tls.check("cluster.tls", checks);
        }
        if let Some(authorization) = &self.authorization {
            authorization.check("cluster.authorization", Listener::Cluster, checks);
            if authorization.users.is_some() {
                checks.fault("cluster.authorization", "Cluster authorization does not allow multiple users");
            }
            if authorization.token.is_some() {
                checks.fault("cluster.authorization", "Cluster authorization does not support tokens");
            }
        }
    }
}
