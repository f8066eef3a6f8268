//! What the JWTs of accounts come to within a broker: bounds on clients and streams, and what accounts share.

mod imports;
mod limits;
mod sharing;

use std::time::SystemTime;

use embus_auth::jwt::{Operators, Vouched};

use crate::jetstream::AccountLimits;
use crate::members::ClientLimits;
use crate::sharing::Sharing;

use imports::Grants;

/// An account as its JWT describes it.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its public key.
    pub name: String,
    /// What its clients may have.
    pub clients: ClientLimits,
    /// What its streams may have, if it may have some.
    pub jetstream: Option<AccountLimits>,
    /// What it gives, takes and maps.
    pub sharing: Sharing,
}

/// A JWT asks for something that there is not. Nothing starts then: half of it would be something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("account {account:?}: {what} are not supported")]
pub struct Unsupported {
    /// Whose JWT it is.
    pub account: String,
    /// What it asks for.
    pub what: &'static str,
}

/// All accounts that operators vouch for. What one of them imports and is not given, is left out and told in the log.
/// [nats-server: updateAccountClaims]
///
/// # Errors
/// [`Unsupported`] for the first thing that there is not.
pub fn describe(operators: &Operators, now: SystemTime) -> Result<Vec<Described>, Unsupported> {
    let grants = Grants::of(operators, now);
    operators.accounts().map(|account| describe_one(account, &grants)).collect()
}

fn describe_one(account: &Vouched, grants: &Grants<'_>) -> Result<Described, Unsupported> {
    let claims = &account.claims().nats;
    let refuse = |what| Err(Unsupported { account: account.key().to_owned(), what });
    if claims.trace.is_some() {
        return refuse("message traces");
    }
    if !claims.authorization.auth_users.is_empty() {
        return refuse("authorization callouts of accounts");
    }
    Ok(Described {
        name: account.key().to_owned(),
        clients: limits::of_clients(&claims.limits),
        jetstream: claims.limits.jetstream().map(limits::of_streams),
        sharing: sharing::of(account, grants)?,
    })
}

#[cfg(test)]
mod tests;
