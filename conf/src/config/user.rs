//! Users and how they log in.

use super::{
    permissions::Permissions,
    read::{Field, Read, Report, Section, word},
    validate::Checks,
};
use crate::Value;

/// One user of an account.
#[derive(Clone, Default, PartialEq)]
pub struct User {
    /// `user`, `username`.
    pub name: Option<String>,
    /// `password`, `pass`: as it is, or as bcrypt has hashed it.
    pub password: Option<String>,
    /// `nkey`: the public key, instead of both.
    pub nkey: Option<String>,
    /// `account`: of a leaf node's user, where it belongs.
    pub account: Option<String>,
    /// `permissions`, `permission`, `authorization`.
    pub permissions: Option<Permissions>,
    /// `allowed_connection_types`, `connection_types`, `clients`: all if there is none.
    pub connection_types: Vec<ConnectionType>,
    /// `proxy_required`.
    pub proxy_required: bool,
}

/// How a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of the directive")]
pub enum ConnectionType {
    Standard,
    WebSocket,
    LeafNode,
    LeafNodeWebSocket,
    Mqtt,
    MqttWebSocket,
    InProcess,
}

impl Section for User {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "user" | "username" => field.set(&mut self.name),
            "password" | "pass" => field.set(&mut self.password),
            "nkey" => field.set(&mut self.nkey),
            "account" => field.set(&mut self.account),
            "permissions" | "permission" | "authorization" => field.set(&mut self.permissions),
            "allowed_connection_types" | "connection_types" | "clients" => field.set(&mut self.connection_types),
            "proxy_required" => field.set(&mut self.proxy_required),
            _ => field.unknown(),
        }
    }
}

impl Read for ConnectionType {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let table = [
            ("STANDARD", Self::Standard),
            ("WEBSOCKET", Self::WebSocket),
            ("LEAFNODE", Self::LeafNode),
            ("LEAFNODE_WS", Self::LeafNodeWebSocket),
            ("MQTT", Self::Mqtt),
            ("MQTT_WS", Self::MqttWebSocket),
            ("IN_PROCESS", Self::InProcess),
        ];
        word(value, report, &table)
    }
}

impl User {
    /// What it is known by.
    pub fn id(&self) -> Option<&str> {
        self.nkey.as_deref().or(self.name.as_deref())
    }

    pub(super) fn check(&self, path: &str, checks: &mut Checks<'_>) {
        match (&self.nkey, &self.name, &self.password) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                checks.fault(path, "Nkey users can not have usernames or passwords");
            }
            (Some(nkey), ..) => checks.key(path, 'U', nkey, "Not a valid public nkey for a user"),
            (None, None, _) => checks.fault(path, "User entry requires a user"),
            (None, Some(_), _) => {}
        }
        if let Some(permissions) = &self.permissions {
            permissions.check(&format!("{path}.permissions"), checks);
        }
    }
}

/// Passwords do not show in logs.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("nkey", &self.nkey)
            .field("account", &self.account)
            .field("permissions", &self.permissions)
            .field("connection_types", &self.connection_types)
            .field("proxy_required", &self.proxy_required)
            .finish_non_exhaustive()
    }
}
