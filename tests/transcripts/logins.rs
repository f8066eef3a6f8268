//! Users of a transcript, which are written as in nats-server's configuration, as our broker has them.

use std::{io, sync::Arc, time::Duration};

use embus::auth::callout::AuthCallout;
use embus::auth::jwt::{Operators, OperatorsBuilder};
use embus::auth::{
    Authenticator, Credential, PermissionRules, Permissions, Responses, SubjectRules, User, Users, UsersBuilder,
};
use embus_tests::transcript::Options;
use serde_json::Value;

/// All users of the options, the token among them.
pub(crate) fn users(options: &Options) -> io::Result<Vec<User>> {
    let token = options.token.iter().map(|token| Ok(User::new(Credential::token(token.as_str()))));
    options.users.iter().map(user).chain(token).collect()
}

/// What judges logins, if anybody has to log in.
pub(crate) fn list(options: &Options) -> io::Result<Option<Arc<dyn Authenticator>>> {
    if let Some(operators) = operators(options)? {
        return Ok(Some(Arc::new(operators)));
    }
    let users = users(options)?;
    if users.is_empty() {
        return Ok(None);
    }
    let builder = users.into_iter().fold(Users::builder(), UsersBuilder::user);
    let builder = options.no_auth_user.iter().fold(builder, UsersBuilder::no_auth_user);
    let users = builder.build().map_err(io::Error::other)?;
    Ok(Some(Arc::new(users)))
}

/// Who vouches for accounts, if users show JWTs.
pub(crate) fn operators(options: &Options) -> io::Result<Option<Operators>> {
    let Some(operator) = &options.operator else { return Ok(None) };
    let builder = Operators::builder().operator(operator);
    let builder = options.account_jwts.iter().fold(builder, OperatorsBuilder::account);
    let builder = options.system_account.iter().fold(builder, OperatorsBuilder::system_account);
    builder.build().map(Some).map_err(io::Error::other)
}

/// Who is asked about clients.
pub(crate) fn callout(options: &Options) -> Option<AuthCallout> {
    let fields = options.auth_callout.as_ref()?;
    let callout = AuthCallout::new(fields["issuer"].as_str().unwrap_or_default());
    let callout = fields["account"].as_str().into_iter().fold(callout, AuthCallout::in_account);
    Some(list_of(&fields["auth_users"]).into_iter().fold(callout, AuthCallout::user))
}

fn user(fields: &Value) -> io::Result<User> {
    let text = |name: &str| fields[name].as_str().unwrap_or_default();
    let mut user = User::new(Credential::password(text("user"), text("password")));
    if let Some(account) = fields["account"].as_str() {
        user = user.in_account(account);
    }
    if let Some(rules) = fields.get("permissions") {
        user = user.with_permissions(Permissions::new(permissions(rules)).map_err(io::Error::other)?);
    }
    Ok(user)
}

fn permissions(rules: &Value) -> PermissionRules {
    PermissionRules {
        publish: subjects(&rules["publish"]),
        subscribe: subjects(&rules["subscribe"]),
        responses: responses(&rules["allow_responses"]),
    }
}

fn subjects(rules: &Value) -> SubjectRules {
    match rules {
        Value::Object(both) => SubjectRules {
            allow: both.get("allow").map(list_of),
            deny: both.get("deny").map(list_of).unwrap_or_default(),
        },
        Value::Null => SubjectRules::default(),
        list => SubjectRules::allow(list_of(list)),
    }
}

fn list_of(value: &Value) -> Vec<String> {
    match value {
        Value::Array(entries) => entries.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        one => one.as_str().map(str::to_owned).into_iter().collect(),
    }
}

fn responses(rule: &Value) -> Option<Responses> {
    let default = Responses::default();
    match rule {
        Value::Bool(true) => Some(default),
        Value::Object(_) => {
            let ttl = rule["expires"].as_str().and_then(|text| text.strip_suffix("ms")?.parse().ok());
            Some(Responses {
                max: rule["max"].as_i64().map_or(default.max, |max| u64::try_from(max).ok()),
                ttl: ttl.map_or(default.ttl, Duration::from_millis),
            })
        }
        _ => None,
    }
}
