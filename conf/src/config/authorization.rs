//! Who may connect.

use std::time::Duration;

use super::{
    permissions::Permissions,
    read::{Field, Section},
    user::User,
    validate::Checks,
};

/// An `authorization` block, of the clients or of another listener.
#[derive(Clone, Default, PartialEq)]
pub struct Authorization {
    /// `user`, `username`: the only user.
    pub user: Option<String>,
    /// `password`, `pass`, of the only user.
    pub password: Option<String>,
    /// `token`: what everybody shows instead.
    pub token: Option<String>,
    /// `nkey`: the key of a leaf node's only user.
    pub nkey: Option<String>,
    /// `account`: where a leaf node's only user belongs.
    pub account: Option<String>,
    /// `timeout`: until a login has to be there.
    pub timeout: Option<Duration>,
    /// `users`: several users instead of one.
    pub users: Option<Vec<User>>,
    /// `default_permissions`, `default_permission`, `permissions`: of users that have none of their own.
    pub default_permissions: Option<Permissions>,
    /// `auth_callout`, `auth_hook`: somebody else decides.
    pub callout: Option<AuthCallout>,
    /// `proxy_required`: connections come through a proxy.
    pub proxy_required: bool,
}

/// A service that decides who may connect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthCallout {
    /// `issuer`: the public key of the account that signs the answers.
    pub issuer: Option<String>,
    /// `account`, `acc`: where the service is; `$G` without one.
    pub account: Option<String>,
    /// `auth_users`: users that the service itself logs in as.
    pub users: Vec<String>,
    /// `xkey`, `key`: the public key that requests are encrypted for.
    pub xkey: Option<String>,
    /// `allowed_accounts`: where it may put users.
    pub allowed_accounts: Vec<String>,
}

impl Section for Authorization {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "user" | "username" => field.set(&mut self.user),
            "password" | "pass" => field.set(&mut self.password),
            "token" => field.set(&mut self.token),
            "nkey" => field.set(&mut self.nkey),
            "account" => field.set(&mut self.account),
            "timeout" => field.set(&mut self.timeout),
            "users" => field.set(&mut self.users),
            "default_permissions" | "default_permission" | "permissions" => field.set(&mut self.default_permissions),
            "auth_callout" | "auth_hook" => field.set(&mut self.callout),
            "proxy_required" => field.set(&mut self.proxy_required),
            _ => field.unknown(),
        }
    }
}

impl Section for AuthCallout {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "issuer" => field.set(&mut self.issuer),
            "account" | "acc" => field.set(&mut self.account),
            "auth_users" => field.set(&mut self.users),
            "xkey" | "key" => field.set(&mut self.xkey),
            "allowed_accounts" => field.set(&mut self.allowed_accounts),
            _ => field.unknown(),
        }
    }
}

impl Authorization {
    pub(super) fn check(&self, path: &str, kind: Listener, checks: &mut Checks<'_>) {
        self.check_kind(path, kind, checks);
        self.check_forms(path, checks);
        for (index, user) in self.users.iter().flatten().enumerate() {
            user.check(&format!("{path}.users[{index}]"), checks);
        }
        if let Some(permissions) = &self.default_permissions {
            permissions.check(&format!("{path}.default_permissions"), checks);
        }
        if let Some(callout) = &self.callout {
            callout.check(&format!("{path}.auth_callout"), checks);
        }
    }

    /// What belongs to other listeners than this one.
    fn check_kind(&self, path: &str, kind: Listener, checks: &mut Checks<'_>) {
        let mut unknown = |is_there: bool, name: &str| {
            if is_there {
                checks.fault(&format!("{path}.{name}"), format!("unknown field {name:?}"));
            }
        };
        let is_leaf = kind == Listener::LeafNodes;
        unknown(self.nkey.is_some() && !is_leaf, "nkey");
        unknown(self.account.is_some() && !is_leaf, "account");
        unknown(self.token.is_some() && is_leaf, "token");
        unknown(self.users.is_some() && kind == Listener::WebSocket, "users");
        let is_client = kind == Listener::Clients;
        unknown(self.callout.is_some() && !is_client, "auth_callout");
        let misplaced = |(_, user): &(usize, &User)| user.account.is_some() && !is_leaf;
        for (index, _) in self.users.iter().flatten().enumerate().filter(misplaced) {
            checks.fault(&format!("{path}.users[{index}].account"), "unknown field \"account\"");
        }
    }

    /// One way to log in at a time.
    fn check_forms(&self, path: &str, checks: &mut Checks<'_>) {
        let has_user = self.user.is_some() || self.password.is_some();
        if has_user && self.token.is_some() {
            checks.fault(path, "Cannot have a user/pass and token");
        }
        if has_user && self.users.is_some() {
            checks.fault(path, "Can not have a single user/pass and a users array");
        }
        if self.token.is_some() && self.users.is_some() {
            checks.fault(path, "Can not have a token and a users array");
        }
    }
}

impl AuthCallout {
    fn check(&self, path: &str, checks: &mut Checks<'_>) {
        match &self.issuer {
            None => checks.fault(path, "Authorization callouts require an issuer to be specified"),
            Some(issuer) => {
                checks.key(path, 'A', issuer, "Expected callout user to be a valid public account nkey, got");
            }
        }
        if self.users.is_empty() {
            checks.fault(path, "Authorization callouts require authorized users to be specified");
        }
        if let Some(xkey) = &self.xkey {
            checks.key(path, 'X', xkey, "Expected callout xkey to be a valid public xkey, got");
        }
    }
}

/// Whose block it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listener {
    Clients,
    WebSocket,
    LeafNodes,
    Cluster,
}

/// Passwords and tokens do not show in logs.
impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorization")
            .field("user", &self.user)
            .field("account", &self.account)
            .field("timeout", &self.timeout)
            .field("users", &self.users)
            .field("default_permissions", &self.default_permissions)
            .field("callout", &self.callout)
            .finish_non_exhaustive()
    }
}
