//! An account that an operator vouches for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use embus_protocol::filter::is_literal;

use super::account::Account;
use super::claims::Claims;
use super::decode::check_key;
use super::limits::{AccountLimits, StreamLimits};
use super::objection::Objection;
use super::rights::Rights;
use super::scope::SigningKey;
use crate::permissions::Permissions;

/// An account whose JWT was found good, but for the time: that is asked when somebody logs in.
#[derive(Debug)]
pub struct Vouched {
    claims: Claims<Account>,
    /// Keys that sign its users, its own among them, with their templates.
    keys: BTreeMap<String, Option<Box<Rights>>>,
    default_permissions: Option<Arc<Permissions>>,
}

impl Vouched {
    /// The account of these claims, if one of `operators` signed them and they hold together.
    ///
    /// # Errors
    /// [`Objection`] says what is wrong with it.
    pub(super) fn new(claims: Claims<Account>, operators: &BTreeSet<String>) -> Result<Self, Objection> {
        if !operators.contains(&claims.issuer) {
            return Err(Objection::Untrusted);
        }
        check_content(&claims.nats)?;
        let mut keys = BTreeMap::from([(claims.subject.clone(), None)]);
        for SigningKey { key, template } in &claims.nats.signing_keys {
            check_key(key, &['A']).map_err(|error| Objection::Content(error.to_string()))?;
            keys.insert(key.clone(), template.clone());
        }
        let default = claims.nats.default_permissions.rules();
        let default_permissions = default.map(Permissions::new).transpose()?.map(Arc::new);
        Ok(Self { claims, keys, default_permissions })
    }

    /// What its JWT says.
    pub fn claims(&self) -> &Claims<Account> {
        &self.claims
    }

    /// Its public key, which is its name within a broker.
    pub fn key(&self) -> &str {
        &self.claims.subject
    }

    /// Whether this key signs for it whatever it wants. One with a template signs users only.
    pub fn signs(&self, key: &str) -> bool {
        matches!(self.keys.get(key), Some(None))
    }

    /// What users of this key may do, if it signs for the account; nothing within where their JWTs say it.
    #[expect(clippy::option_option, reason = "a key without a template is something else than no key")]
    pub(super) fn template(&self, key: &str) -> Option<Option<&Rights>> {
        self.keys.get(key).map(Option::as_deref)
    }

    pub(super) fn default_permissions(&self) -> Option<Arc<Permissions>> {
        self.default_permissions.clone()
    }
}

/// What the operator did not allow, and what contradicts itself. [nats-server: `AccountClaims.Validate`]
fn check_content(account: &Account) -> Result<(), Objection> {
    let refuse = |text: &str| Err(Objection::Content(text.to_owned()));
    let AccountLimits { imports, exports, wildcards, streams, tiered_limits, .. } = &account.limits;
    let exceeds = |count: usize, limit: i64| usize::try_from(limit).is_ok_and(|limit| count > limit);
    if exceeds(account.imports.len(), *imports) {
        return refuse("the account contains more imports than allowed by the operator");
    }
    if exceeds(account.exports.len(), *exports) {
        return refuse("the account contains more exports than allowed by the operator");
    }
    let mut subjects = account.exports.iter().map(|export| export.subject.as_bytes());
    if *exports >= 0 && !wildcards && subjects.any(|subject| !is_literal(subject)) {
        return refuse("the account contains wildcard exports that are not allowed by the operator");
    }
    if !tiered_limits.is_empty() && *streams != StreamLimits::default() {
        return refuse("JetStream Limits and tiered JetStream Limits are mutually exclusive");
    }
    let callout = &account.authorization;
    if callout.auth_users.is_empty() && !callout.allowed_accounts.is_empty() {
        return refuse("External authorization cannot have accounts without users specified");
    }
    Ok(())
}
