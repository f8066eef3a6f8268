//! What speaks against a user or an account: for logs. A client that is turned away is not told.

use super::claims::Untimely;
use super::error::JwtError;
use crate::login::{ConnectionType, Refused};
use crate::rules::RuleError;

/// What speaks against a JWT that was verified, or against whoever shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Objection {
    /// The client shows none.
    #[error("authentication requires a user JWT")]
    NoJwt,
    /// It shows something else.
    #[error("user JWT not valid: {0}")]
    Jwt(JwtError),
    /// What a service answered is none.
    #[error("auth callout: answer not valid: {0}")]
    Answer(JwtError),
    /// The user's time is over, or has not come.
    #[error("user JWT: {0}")]
    User(Untimely),
    /// The account's time is over, or has not come.
    #[error("account JWT: {0}")]
    Account(Untimely),
    /// The user may not connect in this way.
    #[error("user may not connect as {0}")]
    ConnectionType(ConnectionType),
    /// The user has to come through a proxy.
    #[error("user has to come through a trusted proxy")]
    Proxy,
    /// There is no such account, or it cannot be used.
    #[error("account {0:?} is missing or not valid")]
    NoAccount(String),
    /// The account is not among those that are pinned.
    #[error("account {0:?} not listed as operator pinned account")]
    NotPinned(String),
    /// No operator that is trusted vouches for the account.
    #[error("account JWT not signed by trusted operator")]
    Untrusted,
    /// The issuer does not sign for the account.
    #[error("user JWT issuer is not known")]
    Issuer,
    /// A key with a template signed for more than that.
    #[error("scoped users require no permissions or limits set")]
    Scoped,
    /// The template cannot be filled in for this user.
    #[error("user JWT generated invalid permissions")]
    Template,
    /// The account wants signatures.
    #[error("account does not allow bearer tokens")]
    Bearer,
    /// The signature of the nonce is missing or wrong.
    #[error("signature not verified")]
    Signature,
    /// The account has taken the JWT back.
    #[error("user authentication revoked")]
    Revoked,
    /// The user may not come from there.
    #[error("user may not come from this address")]
    Source,
    /// The user may not be there at this time.
    #[error("outside connect times")]
    Times,
    /// A permission means nothing.
    #[error("permissions: {0}")]
    Rule(#[from] RuleError),
    /// The account has more than it may, or something that means nothing.
    #[error("{0}")]
    Content(String),
}

impl From<Objection> for Refused {
    fn from(objection: Objection) -> Self {
        match objection {
            Objection::ConnectionType(way) => Self::ConnectionType(way),
            other => Self::Other(other.to_string()),
        }
    }
}
