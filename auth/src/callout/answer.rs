//! What the service says.

use std::sync::Arc;

use serde::Deserialize;

use super::CALLOUT_SUBJECT;
use super::question::{Asker, Question};
use crate::identity::Identity;
use crate::jwt::{Claims, JwtError, Kind, Objection, User, decode};
use crate::login::Login;
use crate::permissions::Permissions;
use crate::rules::{PermissionRules, RuleError};

/// What the JWT of an answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Response {
    /// The JWT of the user.
    jwt: String,
    /// Or why there is none.
    error: String,
    issuer_account: String,
}

impl Kind for Response {
    const NAME: &'static str = "authorization_response";
    const ISSUERS: &'static [char] = &['A'];
    const SUBJECT: char = 'U';
}

impl Asker {
    /// Who the client is, by this answer to the question about it.
    ///
    /// # Errors
    /// [`Objection`] when it is nobody, or the answer is none.
    pub fn read(&self, question: &Question, answer: &[u8], login: &Login) -> Result<Identity, Objection> {
        let text = self.opened(answer)?;
        let response = decode::<Response>(&text).map_err(Objection::Answer)?;
        self.check_response(question, &response, login)?;
        let user = decode::<User>(&response.nats.jwt).map_err(Objection::Jwt)?;
        self.check_user(question, &user, login)?;
        self.identity(&user, login)
    }

    /// An answer may be encrypted if the question was.
    fn opened(&self, answer: &[u8]) -> Result<String, Objection> {
        let not_text = || Objection::Answer(JwtError::Chunks);
        match &self.seal {
            Some(seal) if !answer.starts_with(b"eyJ") => seal.open(answer).ok_or_else(not_text),
            _ => String::from_utf8(answer.to_vec()).map_err(|_| not_text()),
        }
    }

    fn check_response(&self, question: &Question, response: &Claims<Response>, login: &Login) -> Result<(), Objection> {
        let refuse = |text: &str| Err(Objection::Content(format!("auth callout: {text}")));
        let Response { jwt, error, issuer_account } = &response.nats;
        if response.issuer != self.rules.issuer || !issuer_account.is_empty() {
            return refuse("signing key is unknown");
        }
        if response.subject != question.user {
            return refuse("response is not for expected user");
        }
        if response.audience != self.id() {
            return refuse("response is not for server");
        }
        response.check_time(login.now).map_err(Objection::User)?;
        if !error.is_empty() {
            return refuse(&format!("service returned an error: {error}"));
        }
        if jwt.is_empty() { refuse("error or JWT is required") } else { Ok(()) }
    }

    fn check_user(&self, question: &Question, user: &Claims<User>, login: &Login) -> Result<(), Objection> {
        let refuse = |text: &str| Err(Objection::Content(format!("auth callout: {text}")));
        if user.issuer != self.rules.issuer || !user.nats.issuer_account.is_empty() {
            return refuse("wrong issuer of user JWT");
        }
        if user.subject != question.user {
            return refuse("user JWT is of another user");
        }
        let allowed = &self.rules.allowed_accounts;
        if user.audience.is_empty() || !(allowed.is_empty() || allowed.contains(&user.audience)) {
            return Err(Objection::NoAccount(user.audience.clone()));
        }
        user.check_time(login.now).map_err(Objection::User)
    }

    /// Limits that are left out are none here, as the service speaks of users and not of nothing.
    /// [nats-server 2.15.1, probed]
    fn identity(&self, user: &Claims<User>, login: &Login) -> Result<Identity, Objection> {
        let rights = &user.nats.rights;
        let positive = |limit: i64| usize::try_from(limit).ok().filter(|limit| *limit > 0);
        let own = rights.rules().map(Permissions::new).transpose()?.map(Arc::new);
        let name = if user.name.is_empty() { &login.connect.user } else { &user.name };
        let identity = Identity {
            permissions: own,
            expires: [user.end(), rights.admit(login)?].into_iter().flatten().min(),
            max_subscriptions: positive(rights.subs),
            max_payload: positive(rights.payload),
            ..Identity::new(name).in_account(&user.audience)
        };
        Ok(if self.is_at_home(&identity) { kept_from_asking(identity)? } else { identity })
    }

    /// Whether an identity is in the account of the service.
    pub fn is_at_home(&self, identity: &Identity) -> bool {
        let of = |account: Option<&str>| account.unwrap_or(GLOBAL).to_owned();
        of(identity.account.as_deref()) == of(self.rules.account())
    }
}

/// The same, which may not publish questions: the service has to know that the server asks.
/// [nats-server: mergeDenyPermissions]
///
/// # Errors
/// None that there can be: the rules were good before.
pub(super) fn kept_from_asking(identity: Identity) -> Result<Identity, RuleError> {
    let before = identity.permissions.as_ref().map(|permissions| permissions.rules().clone());
    let mut rules: PermissionRules = before.unwrap_or_default();
    rules.publish.deny.push(CALLOUT_SUBJECT.to_owned());
    Ok(identity.with_permissions(Permissions::new(rules)?))
}

impl Asker {
    /// An identity that came otherwise, with the same bound on who asks.
    ///
    /// # Errors
    /// As a rule of the identity's own would have had.
    pub fn guarded(&self, identity: Identity) -> Result<Identity, Objection> {
        if self.is_at_home(&identity) { Ok(kept_from_asking(identity)?) } else { Ok(identity) }
    }
}

/// The account of those who are in no other. [nats-server: `$G`]
const GLOBAL: &str = "$G";
