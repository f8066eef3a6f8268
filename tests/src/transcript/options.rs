//! What a transcript asks of the broker it plays against. Everything not named keeps its default.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use crate::jwt;

/// Options of one broker, in the words of `nats-server`'s configuration file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Largest message in bytes, headers included.
    pub max_payload: Option<usize>,
    /// Longest argument part of a control line in bytes.
    pub max_control_line: Option<usize>,
    /// Connections at a time.
    pub max_connections: Option<usize>,
    /// Subscriptions of one connection.
    pub max_subscriptions: Option<usize>,
    /// Time between two pings to a silent client.
    pub ping_interval: Option<Duration>,
    /// Unanswered pings after which a connection is stale.
    pub ping_max: Option<u32>,
    /// Whether the broker has JetStream, with an empty store of its own.
    pub jetstream: bool,
    /// Bytes that streams in memory may take and reserve together.
    pub max_memory_store: Option<u64>,
    /// Bytes that streams on disk may take and reserve together.
    pub max_file_store: Option<u64>,
    /// Name of the JetStream domain.
    pub domain: Option<String>,
    /// Users as the configuration file has them, each with the `account` that it is in, if it is in one.
    pub users: Vec<Value>,
    /// Accounts as the configuration file has them, each with its `name` and without users.
    pub accounts: Vec<Value>,
    /// The JWT of the operator that is trusted, if users show JWTs.
    pub operator: Option<String>,
    /// The service that is asked who clients are, as the configuration file has it.
    pub auth_callout: Option<Value>,
    /// JWTs of accounts.
    pub account_jwts: Vec<String>,
    /// JWTs of users by their names, for clients to show.
    pub user_jwts: BTreeMap<String, String>,
    /// The account of the server itself, if it is not `$SYS`.
    pub system_account: Option<String>,
    /// The token of a broker that lets in who knows it.
    pub token: Option<String>,
    /// The user that clients without credentials are.
    pub no_auth_user: Option<String>,
    /// How long a login may take.
    pub login_timeout: Option<Duration>,
}

impl Options {
    /// Sets one option from its written form; spans of time are written as `200ms` or `2s`.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "max_payload" => self.max_payload = Some(number(value)?),
            "max_control_line" => self.max_control_line = Some(number(value)?),
            "max_connections" => self.max_connections = Some(number(value)?),
            "max_subscriptions" => self.max_subscriptions = Some(number(value)?),
            "ping_interval" => self.ping_interval = Some(span(value)?),
            "ping_max" => self.ping_max = Some(number(value)?),
            "jetstream" if value == "on" => self.jetstream = true,
            "max_memory_store" => self.max_memory_store = Some(number(value)?),
            "max_file_store" => self.max_file_store = Some(number(value)?),
            "user" => self.users.push(json(value)?),
            "account" => self.accounts.push(json(value)?),
            "operator" => self.operator = Some(jwt::operator(&json(value)?)),
            "auth_callout" => self.auth_callout = Some(jwt::resolved(json(value)?)),
            "account_jwt" => self.account_jwts.push(jwt::account(&json(value)?)),
            "user_jwt" => {
                let fields = json(value)?;
                let name = fields["as"].as_str().or(fields["name"].as_str()).unwrap_or_default().to_owned();
                self.user_jwts.insert(name, jwt::user(&fields));
            }
            "system_account" => self.system_account = Some(value.to_owned()),
            "token" => self.token = Some(value.to_owned()),
            "no_auth_user" => self.no_auth_user = Some(value.to_owned()),
            "login_timeout" => self.login_timeout = Some(span(value)?),
            "domain" => self.domain = Some(value.to_owned()),
            unknown => return Err(format!("`{unknown}` is no option")),
        }
        Ok(())
    }
}

fn json(value: &str) -> Result<Value, String> {
    serde_json::from_str(value).map_err(|error| error.to_string())
}

fn number<N: std::str::FromStr>(value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("`{value}` is not a number"))
}

/// Reads `200ms` or `2s`.
pub(super) fn span(value: &str) -> Result<Duration, String> {
    if let Some(milliseconds) = value.strip_suffix("ms") {
        return Ok(Duration::from_millis(number(milliseconds)?));
    }
    let seconds = value.strip_suffix('s').ok_or_else(|| format!("`{value}` is no span of time"))?;
    Ok(Duration::from_secs(number(seconds)?))
}
