//! A user who shows a JWT: whether it comes in, and as whom. The order of the questions is nats-server's.

use std::sync::Arc;

use super::claims::Claims;
use super::decode::decode;
use super::error::JwtError;
use super::objection::Objection;
use super::operators::Operators;
use super::rights::Rights;
use super::template::{self, Values};
use super::user::User;
use super::vouched::Vouched;
use crate::authenticator::{Authenticator, Verdict};
use crate::identity::Identity;
use crate::login::{Login, Refused};
use crate::permissions::Permissions;
use crate::signature;

impl Authenticator for Operators {
    fn authenticate(&self, login: Login) -> Verdict {
        self.judge(&login).map_err(Refused::from).into()
    }
}

impl Operators {
    /// Two signatures are verified whatever comes of it, so that refusals take the same time.
    fn judge(&self, login: &Login) -> Result<Identity, Objection> {
        let shown = login.connect.jwt.expose();
        let jwt = self.sentinel.as_deref().filter(|_| shown.is_empty()).unwrap_or(shown);
        let user = decode::<User>(jwt).map_err(|error| {
            if error != JwtError::Signature {
                signature::waste();
            }
            if jwt.is_empty() { Objection::NoJwt } else { Objection::Jwt(error) }
        });
        let key = user.as_ref().map_or("", |user| &user.subject);
        let is_signed = signature::is_of(key, login.nonce.as_bytes(), login.connect.sig.expose());
        self.admit(&user?, is_signed, login)
    }

    fn admit(&self, user: &Claims<User>, is_signed: bool, login: &Login) -> Result<Identity, Objection> {
        user.check_time(login.now).map_err(Objection::User)?;
        let account = self.account_of(user)?;
        let rights = account.rights_of(user)?;
        account.claims().check_time(login.now).map_err(Objection::Account)?;
        if rights.bearer_token && account.claims().nats.limits.disallow_bearer {
            return Err(Objection::Bearer);
        }
        if !rights.bearer_token && !is_signed {
            return Err(Objection::Signature);
        }
        if account.claims().nats.revocations.cover(&user.subject, user.issued_at) {
            return Err(Objection::Revoked);
        }
        account.identity(user, &rights, login)
    }

    fn account_of(&self, user: &Claims<User>) -> Result<&Vouched, Objection> {
        let named = &user.nats.issuer_account;
        let key = if named.is_empty() { &user.issuer } else { named };
        if self.pinned.as_ref().is_some_and(|pinned| !pinned.contains(key)) {
            return Err(Objection::NotPinned(key.clone()));
        }
        self.accounts.get(key).ok_or_else(|| Objection::NoAccount(key.clone()))
    }
}

impl Vouched {
    /// What the user may do: as its own JWT says, or as the key that signed it lets its users.
    pub(super) fn rights_of(&self, user: &Claims<User>) -> Result<Rights, Objection> {
        let Some(template) = self.template(&user.issuer).ok_or(Objection::Issuer)? else {
            return Ok(user.nats.rights.clone());
        };
        if user.nats.rights != Rights::default() {
            return Err(Objection::Scoped);
        }
        let values = Values {
            name: &user.name,
            subject: &user.subject,
            account_name: &self.claims().name,
            account_subject: self.key(),
            tags: &user.nats.tags,
            account_tags: &self.claims().nats.tags,
        };
        template::fill(template, &values).map_err(|_| Objection::Template)
    }

    /// The user within this account.
    pub(super) fn identity(&self, user: &Claims<User>, rights: &Rights, login: &Login) -> Result<Identity, Objection> {
        let time_of_day = rights.admit(login)?;
        let own = rights.rules().map(Permissions::new).transpose()?.map(Arc::new);
        Ok(Identity {
            permissions: own.or_else(|| self.default_permissions()),
            expires: [user.end(), time_of_day].into_iter().flatten().min(),
            account_expires: self.claims().end(),
            max_subscriptions: bound(rights.subs),
            max_payload: bound(rights.payload),
            ..Identity::new(&user.subject).in_account(self.key())
        })
    }
}

/// Below 0 is no bound; more than the machine can count is as good as none.
fn bound(limit: i64) -> Option<usize> {
    u64::try_from(limit).ok().map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}
