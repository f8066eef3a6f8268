//! JWTs of operators and accounts, and what cannot stand beside them.

use embus_auth::jwt::{Account, Operator, User, decode};

use super::Checks;
use crate::config::Config;

pub(super) fn check(config: &Config, checks: &mut Checks<'_>) {
    check_operators(config, checks);
    check_preload(config, checks);
    check_sentinel(config, checks);
    for key in &config.operator.pinned_accounts {
        checks.key("resolver_pinned_accounts", 'A', key, "pinned account key is not a valid public account nkey");
    }
    if config.operator.is_on() {
        check_beside(config, checks);
    }
}

/// A JWT that stands in the file itself; whoever starts a server reads the others.
fn check_operators(config: &Config, checks: &mut Checks<'_>) {
    let path = checks.first(OPERATOR).unwrap_or("operator");
    for jwt in config.operator.operators.iter().filter(|jwt| is_inline(jwt)) {
        if let Err(error) = decode::<Operator>(jwt) {
            checks.fault(path, format!("error parsing operator JWT: {error}"));
        }
    }
    if !config.operator.operators.is_empty() && config.operator.resolver.is_none() {
        checks.fault(path, "operators require an account resolver to be configured");
    }
}

fn check_preload(config: &Config, checks: &mut Checks<'_>) {
    if !config.operator.preload.is_empty() && !config.operator.is_on() {
        // A server that nobody has to log in to is not what such a file is about.
        checks.fault("resolver_preload", "resolver preloads are of no use without an operator");
    }
    for (key, jwt) in &config.operator.preload {
        let path = format!("resolver_preload.{key}");
        match decode::<Account>(jwt) {
            Ok(claims) if claims.subject == *key => {}
            Ok(claims) => checks.fault(&path, format!("invalid account JWT: it is of {:?}", claims.subject)),
            Err(error) => checks.fault(&path, format!("invalid account JWT: {error}")),
        }
    }
}

fn check_sentinel(config: &Config, checks: &mut Checks<'_>) {
    let Some(jwt) = &config.operator.default_sentinel else { return };
    let text = match decode::<User>(jwt) {
        Err(error) => format!("default sentinel: {error}"),
        Ok(user) if !user.nats.rights.bearer_token => "default sentinel must be a bearer token".to_owned(),
        Ok(_) if !config.operator.is_on() => "default sentinel requires operators and accounts".to_owned(),
        Ok(_) => return,
    };
    checks.fault("default_sentinel", text);
}

/// Users and accounts come from JWTs only. [nats-server: validateTrustedOperators]
fn check_beside(config: &Config, checks: &mut Checks<'_>) {
    if !config.accounts.is_empty() {
        checks.fault("accounts", "operators do not allow Accounts to be configured directly");
    }
    let Some(authorization) = &config.authorization else { return };
    let has_single = authorization.user.is_some() || authorization.password.is_some() || authorization.token.is_some();
    if has_single || authorization.users.is_some() {
        checks.fault("authorization", "operators do not allow users to be configured directly");
    }
    if authorization.callout.is_some() {
        let text = "operators do not allow authorization callouts to be configured directly";
        checks.fault("authorization.auth_callout", text);
    }
}

/// Whether a text is a JWT rather than the name of a file with one. [nats-server: `jwtPrefix`]
fn is_inline(text: &str) -> bool {
    text.starts_with("eyJ")
}

/// `operator` under all its names.
const OPERATOR: &[&str] = &["operator", "operators", "root", "roots", "root_operator", "root_operators"];
