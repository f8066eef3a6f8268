//! Users and accounts of the configuration file, as the broker knows them.

use embus::{
    Builder,
    auth::{
        ConnectionType, Credential, PermissionRules, Permissions, Responses, RuleError, SubjectRules, User,
        callout::AuthCallout, jwt::OperatorError,
    },
};
use embus_conf::{Account, Authorization, Mapping, Operator, SubjectPermission};

use tracing::warn;

use crate::{account, operators};

/// Who may log in.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Login {
    pub(crate) authorization: Authorization,
    pub(crate) accounts: Vec<(String, Account)>,
    /// `mappings` of clients that are in no account.
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) no_auth_user: Option<String>,
    pub(crate) system_account: Option<String>,
    /// Who vouches for accounts, its files read.
    pub(crate) operator: Operator,
    /// Whether a user without a password is one by its certificate.
    pub(crate) maps_certificates: bool,
}

/// A login that the broker cannot be told of. Nothing starts then: a broker must not be more open than its file says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// Name the user.
    #[error("authorization: a password without a user")]
    NoUser,
    /// Give the user a password.
    #[error("authorization: user {0:?} has no password")]
    NoPassword(String),
    /// Name users, who are what these permissions are for.
    #[error("authorization: default permissions, but no users")]
    NoUsers,
    /// Leave out what there is no listener for.
    #[error("user {0:?} may connect only in ways that there are none of")]
    NoWay(String),
    /// Leave the prefix out, or use `to`.
    #[error("import {0:?}: a prefix is for streams, not for services")]
    Prefix(String),
    /// Leave out what is for other clusters.
    #[error("mapping {0:?}: destinations of clusters are not supported")]
    Cluster(String),
    /// Correct the JWTs.
    #[error(transparent)]
    Operators(#[from] OperatorError),
    /// Correct the subject.
    #[error("permissions: {0}")]
    Rule(#[from] RuleError),
}

/// The account of the server itself, if the file names no other.
const SYSTEM: &str = "$SYS";

impl Login {
    /// Tells the broker.
    pub(crate) fn apply(&self, mut builder: Builder, jetstream: bool) -> Result<Builder, LoginError> {
        let Authorization { token, timeout, users, default_permissions, callout, .. } = &self.authorization;
        if let Some(operators) = operators::builder(&self.operator, self.system_account.as_deref()) {
            let builder = timeout.iter().fold(builder, |builder, timeout| builder.login_timeout(*timeout));
            return Ok(builder.operators(operators.build()?).jetstream_in_global_account(false));
        }
        if default_permissions.is_some() && users.is_none() {
            return Err(LoginError::NoUsers);
        }
        if users.as_ref().is_some_and(Vec::is_empty) && !self.has_users() {
            // nats-server is open then, too.
            warn!("Authorization has no users: whoever reaches the server may use it");
        }
        if self.maps_certificates && !self.has_users() {
            // nats-server is open then, too.
            warn!("Certificates are mapped to users, but there are none: whoever shows one has all rights");
        }
        if let Some(user) = self.single()? {
            builder = builder.user(user);
        }
        if let Some(token) = token {
            builder = builder.token(token.clone());
        }
        for user in users.iter().flatten() {
            builder = builder.user(self.user(user, default_permissions.as_ref())?);
        }
        for (name, account) in &self.accounts {
            builder = builder.account(account::of(name, account, jetstream)?);
            for user in &account.users {
                builder = builder.user(self.user(user, account.default_permissions.as_ref())?.in_account(name.clone()));
            }
        }
        if !self.mappings.is_empty() {
            builder = builder.account(account::global(&self.mappings)?);
        }
        // As soon as there are others, clients in none of them have no streams. [reference §1.15]
        let is_system = |name: &str| name == self.system_account.as_deref().unwrap_or(SYSTEM);
        let has_others = self.accounts.iter().any(|(name, _)| !is_system(name));
        builder = builder.jetstream_in_global_account(!has_others);
        builder = self.system_account.iter().fold(builder, |builder, name| builder.system_account(name.clone()));
        // [reference §1.9: only a system account user]
        if self.has_users() && !has_others && users.is_none() && self.single()?.is_none() && token.is_none() {
            builder = builder.allow_anonymous();
        }
        builder = callout.as_ref().map(callout_of).into_iter().fold(builder, Builder::auth_callout);
        builder = self.no_auth_user.iter().fold(builder, |builder, name| builder.no_auth_user(name.clone()));
        Ok(timeout.iter().fold(builder, |builder, timeout| builder.login_timeout(*timeout)))
    }

    /// Whether anybody has to log in.
    fn has_users(&self) -> bool {
        let Authorization { user, token, users, .. } = &self.authorization;
        let in_accounts = self.accounts.iter().any(|(_, account)| !account.users.is_empty());
        user.is_some() || token.is_some() || users.iter().any(|users| !users.is_empty()) || in_accounts
    }

    /// The only user, if it is not a list.
    fn single(&self) -> Result<Option<User>, LoginError> {
        match (&self.authorization.user, &self.authorization.password) {
            (Some(user), Some(password)) => Ok(Some(User::new(Credential::password(user.clone(), password.clone())))),
            (Some(user), None) => Err(LoginError::NoPassword(user.clone())),
            (None, Some(_)) => Err(LoginError::NoUser),
            (None, None) => Ok(None),
        }
    }

    fn user(&self, user: &embus_conf::User, default: Option<&embus_conf::Permissions>) -> Result<User, LoginError> {
        let id = user.id().unwrap_or_default().to_owned();
        let credential = match (&user.nkey, &user.password) {
            (Some(nkey), _) => Credential::Nkey(nkey.clone()),
            (None, Some(password)) => Credential::password(id.clone(), password.clone()),
            (None, None) if self.maps_certificates => Credential::certificate(id.clone()),
            (None, None) => return Err(LoginError::NoPassword(id)),
        };
        let mut made = User::new(credential);
        if let Some(permissions) = user.permissions.as_ref().or(default) {
            made = made.with_permissions(permissions_of(permissions)?);
        }
        if user.connection_types.is_empty() {
            return Ok(made);
        }
        let types: Vec<_> = user.connection_types.iter().filter_map(|kind| connection_type(*kind)).collect();
        if types.is_empty() { Err(LoginError::NoWay(id)) } else { Ok(made.connecting_as(types)) }
    }
}

fn callout_of(callout: &embus_conf::AuthCallout) -> AuthCallout {
    let made = AuthCallout::new(callout.issuer.clone().unwrap_or_default());
    let made = callout.account.iter().fold(made, AuthCallout::in_account);
    let made = callout.users.iter().fold(made, AuthCallout::user);
    let made = callout.xkey.iter().fold(made, AuthCallout::encrypted_for);
    callout.allowed_accounts.iter().fold(made, AuthCallout::allowed_account)
}

fn permissions_of(permissions: &embus_conf::Permissions) -> Result<Permissions, RuleError> {
    let rules = |permission: &SubjectPermission| SubjectRules {
        allow: permission.allow.clone(),
        deny: permission.deny.clone(),
    };
    let responses = permissions
        .allow_responses
        .map(|responses| Responses { max: u64::try_from(responses.max_messages).ok(), ttl: responses.expires });
    Permissions::new(PermissionRules {
        publish: rules(&permissions.publish),
        subscribe: rules(&permissions.subscribe),
        responses,
    })
}

/// What the broker has no listener for, nobody can use.
fn connection_type(kind: embus_conf::ConnectionType) -> Option<ConnectionType> {
    match kind {
        embus_conf::ConnectionType::Standard => Some(ConnectionType::Standard),
        embus_conf::ConnectionType::WebSocket => Some(ConnectionType::WebSocket),
        embus_conf::ConnectionType::InProcess => Some(ConnectionType::InProcess),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use embus_conf::{Config, Nowhere};

    use super::*;

    fn apply(text: &str) -> Result<Builder, LoginError> {
        let config = Config::parse("c.conf", text, &Nowhere).unwrap();
        let authorization = config.authorization.unwrap_or_default();
        let maps_certificates = config.tls.is_some_and(|tls| tls.verify_and_map);
        let login = Login {
            authorization,
            accounts: config.accounts,
            mappings: config.mappings,
            no_auth_user: config.no_auth_user,
            system_account: config.system_account,
            operator: config.operator,
            maps_certificates,
        };
        login.apply(embus::Broker::builder(), true)
    }

    #[test]
    fn what_would_leave_the_broker_open_is_refused() {
        let check =
            |text: &str, message: &str| assert!(apply(text).unwrap_err().to_string().contains(message), "{text}");
        check("authorization { password: b }", "a password without a user");
        check("authorization { user: a }", "has no password");
        check("authorization { users [{user: a}] }", "has no password");
        check("accounts { A { users [{user: a}] } }", "has no password");
        check("authorization { default_permissions { publish: a } }", "no users");
        check("authorization { users [{user: a, password: b, clients: [MQTT]}] }", "none of");
        check("mappings { a: {dest: b, cluster: c} }", "clusters are not supported");
        let exports = "accounts { A { exports [{service: s}] }, B { imports [{service: {account: A, subject: s}";
        check(&format!("{exports}, prefix: x}}] }} }}"), "a prefix is for streams");
    }

    #[test]
    fn logins_are_passed_on() {
        for text in [
            "authorization { user: a, password: b, timeout: 3 }",
            "authorization { token: t }",
            "authorization { users [{user: a, password: b, permissions {publish: 'x', allow_responses: true}}] }\nno_auth_user: a",
            "accounts { A { users [{user: a, password: b}], default_permissions {subscribe: 'y q'} } }",
            "authorization { users [{user: 'CN=a'}, {user: 'a@b'}] }\ntls { cert_file: a, key_file: b, ca_file: c, verify_and_map: true }",
        ] {
            assert!(apply(text).is_ok(), "{text}");
        }
    }
}
