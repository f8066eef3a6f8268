//! Users of all accounts together: nobody twice, and everybody named is there.

use std::collections::BTreeSet;

use super::Checks;
use crate::config::{Config, user::User};

pub(super) fn check(config: &Config, checks: &mut Checks<'_>) {
    check_single(config, checks);
    check_twice(config, checks);
    check_no_auth_user(config, checks);
    check_leafnode_users(config, checks);
    check_callout(config, checks);
    for (name, account) in &config.accounts {
        let path = format!("accounts.{name}");
        for (index, user) in account.users.iter().enumerate() {
            let path = format!("{path}.users[{index}]");
            user.check(&path, checks);
            if user.account.is_some() {
                checks.fault(&path, "unknown field \"account\"");
            }
        }
        if let Some(permissions) = &account.default_permissions {
            permissions.check(&path, checks);
        }
    }
}

/// Users of accounts and one login for all do not go together.
fn check_single(config: &Config, checks: &mut Checks<'_>) {
    let Some(authorization) = &config.authorization else { return };
    if !config.accounts.iter().any(|(_, account)| !account.users.is_empty()) {
        return;
    }
    if authorization.user.is_some() || authorization.password.is_some() {
        checks.fault("accounts", "Can not have a single user/pass and accounts");
    }
    if authorization.token.is_some() {
        checks.fault("accounts", "Can not have a token and accounts");
    }
}

fn check_twice(config: &Config, checks: &mut Checks<'_>) {
    let mut seen = BTreeSet::new();
    for (path, user) in all(config) {
        let (what, id) = if user.nkey.is_some() { ("nkey", user.nkey.as_ref()) } else { ("user", user.name.as_ref()) };
        if id.is_some_and(|id| !seen.insert(id)) {
            checks.fault(&path, format!("Duplicate {what} {:?} detected", id.map_or("", String::as_str)));
        }
    }
}

/// All users with the paths of their directives.
fn all(config: &Config) -> impl Iterator<Item = (String, &User)> {
    let global = config.authorization.iter().flat_map(|authorization| authorization.users.iter().flatten());
    let global = global.enumerate().map(|(index, user)| (format!("authorization.users[{index}]"), user));
    let accounts = config.accounts.iter().flat_map(|(name, account)| {
        let path = move |(index, user)| (format!("accounts.{name}.users[{index}]"), user);
        account.users.iter().enumerate().map(path)
    });
    global.chain(accounts)
}

/// Whoever logs in as nobody has to be somebody. [nats-server: `no_auth_user`, checked when it starts]
fn check_no_auth_user(config: &Config, checks: &mut Checks<'_>) {
    let listeners = [
        ("no_auth_user", config.no_auth_user.as_ref()),
        ("websocket.no_auth_user", config.websocket.as_ref().and_then(|websocket| websocket.no_auth_user.as_ref())),
    ];
    for (path, name) in listeners {
        let Some(name) = name else { continue };
        if config.operator.is_on() {
            checks.fault(path, "no_auth_user not compatible with Trusted Operator");
        } else if !all(config).any(|(_, user)| user.id() == Some(name)) {
            checks.fault(
                path,
                format!(
                    "no_auth_user: {name:?} not present as user or nkey in authorization block or account configuration"
                ),
            );
        }
    }
}

/// Whoever decides about clients has to be able to log in. [nats-server: starts, and lets nobody in]
fn check_callout(config: &Config, checks: &mut Checks<'_>) {
    let Some(callout) = config.authorization.as_ref().and_then(|authorization| authorization.callout.as_ref()) else {
        return;
    };
    let path = "authorization.auth_callout";
    let single = config.authorization.as_ref().and_then(|authorization| authorization.user.as_ref());
    for user in &callout.users {
        if single != Some(user) && !all(config).any(|(_, known)| known.id() == Some(user)) {
            checks.fault(path, format!("auth_callout user {user:?} not found in configured users"));
        }
    }
    for account in callout.account.iter().chain(&callout.allowed_accounts) {
        if !checks.has_account(account) {
            checks.fault(path, format!("auth_callout account {account:?} not found in configured accounts"));
        }
    }
}

/// Users of leaf nodes belong to accounts that are there.
fn check_leafnode_users(config: &Config, checks: &mut Checks<'_>) {
    let Some(authorization) = config.leafnodes.as_ref().and_then(|leafnodes| leafnodes.authorization.as_ref()) else {
        return;
    };
    let users = authorization.users.iter().flatten().filter_map(|user| user.account.as_ref());
    for account in authorization.account.iter().chain(users) {
        if !checks.has_account(account) {
            checks.fault(
                "leafnodes.authorization",
                format!("cannot find local account {account:?} specified in leafnode authorization"),
            );
        }
    }
}
