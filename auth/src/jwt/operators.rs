//! The operators that a broker trusts, and the accounts that they vouch for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use super::account::Account;
use super::claims::Claims;
use super::decode::{check_key, decode};
use super::error::JwtError;
use super::objection::Objection;
use super::operator::Operator;
use super::user::User;
use super::vouched::Vouched;

/// Operators and their accounts, as the authenticator of users who show JWTs. [reference §1.9: operator mode]
///
/// ```
/// use embus_auth::jwt::{OperatorError, Operators};
///
/// let none = Operators::builder().account("eyJ0.eyJ1.c2ln").build();
/// assert!(matches!(none, Err(OperatorError::NoOperator)));
/// ```
#[derive(Debug)]
pub struct Operators {
    pub(super) accounts: BTreeMap<String, Vouched>,
    pub(super) pinned: Option<BTreeSet<String>>,
    /// The JWT of clients that show none.
    pub(super) sentinel: Option<String>,
    unusable: Vec<(String, Objection)>,
    system_account: Option<String>,
    asserted_versions: Vec<String>,
}

/// Makes [`Operators`].
#[derive(Debug, Clone, Default)]
pub struct OperatorsBuilder {
    operators: Vec<String>,
    trusted_keys: Vec<String>,
    accounts: Vec<String>,
    pinned: Option<BTreeSet<String>>,
    system_account: Option<String>,
    sentinel: Option<String>,
}

/// Operators that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// Name one, by its JWT or its key.
    #[error("no operator is trusted")]
    NoOperator,
    /// Correct the JWT of an operator.
    #[error("error parsing operator JWT: {0}")]
    Operator(JwtError),
    /// Correct the key of an operator.
    #[error("trust key is required to be a valid operator public nkey: {0}")]
    TrustedKey(JwtError),
    /// Give either JWTs or keys.
    #[error("conflicting options for 'TrustedKeys' and 'TrustedOperators'")]
    Both,
    /// Correct the JWT of an account.
    #[error("invalid account JWT: {0}")]
    Account(JwtError),
    /// Give one JWT for each account.
    #[error("two JWTs of account {0:?}")]
    Twice(String),
    /// Correct the key of an account.
    #[error("pinned account: {0}")]
    Pinned(JwtError),
    /// Name the account that the operator's JWT names.
    #[error("system_account in config and operator JWT must be identical")]
    SystemAccounts,
    /// Give the account's JWT, or a better one.
    #[error("error resolving system account: {0}")]
    SystemAccount(Objection),
    /// Correct the JWT for clients without one.
    #[error("default sentinel: {0}")]
    Sentinel(JwtError),
    /// Clients without a JWT have nothing to sign with.
    #[error("default sentinel must be a bearer token")]
    SentinelNotBearer,
    /// The operator wants a newer server.
    #[error("operator expects a server of version {0} at least")]
    Version(String),
}

impl OperatorsBuilder {
    /// Trusts the operator of this JWT, and the keys that sign for it.
    pub fn operator(mut self, jwt: impl Into<String>) -> Self {
        self.operators.push(jwt.into());
        self
    }

    /// Trusts an operator by its public key alone, `O…`.
    pub fn trusted_key(mut self, key: impl Into<String>) -> Self {
        self.trusted_keys.push(key.into());
        self
    }

    /// Adds an account by its JWT.
    pub fn account(mut self, jwt: impl Into<String>) -> Self {
        self.accounts.push(jwt.into());
        self
    }

    /// Lets in users of this account, and of others that are named so, and nobody else.
    pub fn pinned_account(mut self, key: impl Into<String>) -> Self {
        self.pinned.get_or_insert_default().insert(key.into());
        self
    }

    /// Has this account be that of the server itself; the operator's JWT may name it as well.
    pub fn system_account(self, key: impl Into<String>) -> Self {
        Self { system_account: Some(key.into()), ..self }
    }

    /// Takes clients without a JWT for the user of this one, which is a bearer token.
    pub fn sentinel(self, jwt: impl Into<String>) -> Self {
        Self { sentinel: Some(jwt.into()), ..self }
    }

    /// The operators, if they hold together. An account that does not is left out, and
    /// [told of](Operators::unusable): others go on without it.
    ///
    /// # Errors
    /// [`OperatorError`] says what is wrong.
    pub fn build(self) -> Result<Operators, OperatorError> {
        let (trusted, operators) = self.trusted()?;
        let system_account = self.chosen_system(&operators)?;
        let (mut accounts, mut unusable) = (BTreeMap::new(), Vec::new());
        for jwt in &self.accounts {
            let claims = decode::<Account>(jwt).map_err(OperatorError::Account)?;
            let key = claims.subject.clone();
            if accounts.contains_key(&key) || unusable.iter().any(|(other, _)| *other == key) {
                return Err(OperatorError::Twice(key));
            }
            match Vouched::new(claims, &trusted) {
                Ok(account) => drop(accounts.insert(key, account)),
                Err(objection) => unusable.push((key, objection)),
            }
        }
        for key in self.pinned.iter().flatten() {
            check_key(key, &['A']).map_err(OperatorError::Pinned)?;
        }
        self.check_sentinel()?;
        let asserted_versions = operators.into_iter().map(|operator| operator.nats.assert_server_version);
        let asserted_versions = asserted_versions.filter(|version| !version.is_empty()).collect();
        let (pinned, sentinel) = (self.pinned, self.sentinel);
        Ok(Operators { accounts, pinned, sentinel, unusable, system_account, asserted_versions })
    }

    /// All keys that may sign accounts.
    fn trusted(&self) -> Result<(BTreeSet<String>, Vec<Claims<Operator>>), OperatorError> {
        if self.operators.is_empty() && self.trusted_keys.is_empty() {
            return Err(OperatorError::NoOperator);
        }
        if !self.operators.is_empty() && !self.trusted_keys.is_empty() {
            return Err(OperatorError::Both);
        }
        let operators: Result<Vec<_>, _> = self.operators.iter().map(|jwt| decode::<Operator>(jwt)).collect();
        let operators = operators.map_err(OperatorError::Operator)?;
        let mut trusted: BTreeSet<String> = self.trusted_keys.iter().cloned().collect();
        for Claims { subject, nats, .. } in &operators {
            let own = (!nats.strict_signing_key_usage).then_some(subject);
            trusted.extend(nats.signing_keys.iter().chain(own).cloned());
        }
        for key in &trusted {
            check_key(key, &['O']).map_err(OperatorError::TrustedKey)?;
        }
        Ok((trusted, operators))
    }

    /// Of several operators none names it. [nats-server 2.15.1, probed]
    fn chosen_system(&self, operators: &[Claims<Operator>]) -> Result<Option<String>, OperatorError> {
        let named = match operators {
            [operator] => Some(&operator.nats.system_account).filter(|key| !key.is_empty()),
            _ => None,
        };
        match (&self.system_account, named) {
            (Some(given), Some(named)) if given != named => Err(OperatorError::SystemAccounts),
            (given, named) => Ok(given.as_ref().or(named).cloned()),
        }
    }

    fn check_sentinel(&self) -> Result<(), OperatorError> {
        let Some(jwt) = &self.sentinel else { return Ok(()) };
        let claims = decode::<User>(jwt).map_err(OperatorError::Sentinel)?;
        if claims.nats.rights.bearer_token { Ok(()) } else { Err(OperatorError::SentinelNotBearer) }
    }
}

impl Operators {
    /// Operators to be named.
    pub fn builder() -> OperatorsBuilder {
        OperatorsBuilder::default()
    }

    /// The accounts that somebody vouches for, by their keys.
    pub fn accounts(&self) -> impl Iterator<Item = &Vouched> {
        self.accounts.values()
    }

    /// The account of this key.
    pub fn account(&self, key: &str) -> Option<&Vouched> {
        self.accounts.get(key)
    }

    /// Accounts that nobody can use, and why.
    pub fn unusable(&self) -> &[(String, Objection)] {
        &self.unusable
    }

    /// The account of the server itself, if one was named.
    pub fn system_account(&self) -> Option<&str> {
        self.system_account.as_deref()
    }

    /// What a server has to know before it starts: whether it is new enough, `2.15.1`, and whether its own account is good.
    ///
    /// # Errors
    /// [`OperatorError::Version`] or [`OperatorError::SystemAccount`].
    pub fn check_server(&self, version: &str, now: SystemTime) -> Result<(), OperatorError> {
        let too_new = self.asserted_versions.iter().find(|asserted| numbers(asserted) > numbers(version));
        if let Some(asserted) = too_new {
            return Err(OperatorError::Version(asserted.clone()));
        }
        let Some(key) = &self.system_account else { return Ok(()) };
        let missing = || {
            let found = self.unusable.iter().find(|(other, _)| other == key);
            found.map_or_else(|| Objection::NoAccount(key.clone()), |(_, objection)| objection.clone())
        };
        let account = self.account(key).ok_or_else(|| OperatorError::SystemAccount(missing()))?;
        let timely = account.claims().check_time(now);
        timely.map_err(|untimely| OperatorError::SystemAccount(Objection::Account(untimely)))
    }
}

/// `2.15.1` as numbers; what is none counts for nothing.
fn numbers(version: &str) -> [u64; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}
