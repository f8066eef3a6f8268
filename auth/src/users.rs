//! A fixed list of users, and the single user or token of a small broker.

use std::collections::HashMap;
use std::sync::Arc;

use embus_protocol::connect::ConnectOptions;
use embus_protocol::secret::Secret;
use nkeys::KeyPair;

use crate::authenticator::{Authenticator, Verdict};
use crate::certificate::Certificate;
use crate::distinguished_name::DistinguishedName;
use crate::identity::Identity;
use crate::login::{ConnectionType, Login, Refused};
use crate::password::Password;
use crate::permissions::Permissions;
use crate::review::Dismissed;
use crate::signature;

/// What a user proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password, which may be given as a bcrypt hash.
    Password {
        /// The user's name.
        user: String,
        /// Its password.
        password: Password,
    },
    /// A public nkey, `U…`: the client signs the nonce of INFO with its seed.
    Nkey(String),
    /// A token, which may be given as a bcrypt hash. Only one user of a list can have one.
    Token(Password),
    /// A name in the certificate of its TLS handshake: an email address, a DNS name, a URI or the distinguished name.
    /// Only a listener that maps certificates to users lets it in.
    Certificate(String),
}

impl Credential {
    /// A name and a password.
    pub fn password(user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::Password { user: user.into(), password: Password::new(password) }
    }

    /// A token.
    pub fn token(token: impl Into<Secret>) -> Self {
        Self::Token(Password::new(token))
    }

    /// A name in a certificate.
    pub fn certificate(name: impl Into<String>) -> Self {
        Self::Certificate(name.into())
    }

    /// The name under which people and `no_auth_user` know the user.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Password { user, .. } => user,
            Self::Nkey(name) | Self::Certificate(name) => name,
            Self::Token(_) => "",
        }
    }
}

/// One user.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    pub(crate) credential: Credential,
    account: Option<String>,
    permissions: Option<Arc<Permissions>>,
    connection_types: Option<Vec<ConnectionType>>,
}

impl User {
    /// A user of the global account with all rights.
    pub fn new(credential: Credential) -> Self {
        Self { credential, account: None, permissions: None, connection_types: None }
    }

    /// The same in an account.
    pub fn in_account(self, account: impl Into<String>) -> Self {
        Self { account: Some(account.into()), ..self }
    }

    /// The same with these rights only.
    pub fn with_permissions(self, permissions: impl Into<Arc<Permissions>>) -> Self {
        Self { permissions: Some(permissions.into()), ..self }
    }

    /// The same, allowed to connect only in these ways.
    pub fn connecting_as(self, types: impl IntoIterator<Item = ConnectionType>) -> Self {
        Self { connection_types: Some(types.into_iter().collect()), ..self }
    }

    /// The name under which people and `no_auth_user` know the user; empty for that of a token.
    pub fn name(&self) -> &str {
        self.credential.name()
    }

    fn has_password(&self) -> bool {
        matches!(self.credential, Credential::Password { .. })
    }

    pub(crate) fn identity(self: &Arc<Self>, connection_type: ConnectionType) -> Result<Identity, Refused> {
        if self.connection_types.as_ref().is_some_and(|types| !types.contains(&connection_type)) {
            return Err(Refused::ConnectionType(connection_type));
        }
        let (account, permissions) = (self.account.clone(), self.permissions.clone());
        let identity = Identity { account, permissions, ..Identity::new(self.credential.name()) };
        Ok(identity.let_in_on(Arc::clone(self)))
    }
}

/// A list of users that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// Two users of one name.
    #[error("duplicate user {0:?}")]
    Duplicate(String),
    /// A name is needed to log in with.
    #[error("a user without a name")]
    NoName,
    /// An empty password or token would let anybody in who knows the name.
    #[error("user {0:?} has an empty password or token")]
    NoPassword(String),
    /// Not the public key of a user.
    #[error("{0:?} is not the public nkey of a user")]
    Nkey(String),
    /// Two users with a token.
    #[error("more than one token")]
    Tokens,
    /// `no_auth_user` is none of the users.
    #[error("no_auth_user {0:?} is none of the users")]
    NoAuthUser(String),
}

/// A list of users, as an authenticator. [reference §1.9]
#[derive(Debug, Default)]
pub struct Users {
    pub(crate) by_name: HashMap<String, Arc<User>>,
    pub(crate) by_nkey: HashMap<String, Arc<User>>,
    /// Those whose names are distinguished names, in the order of the list.
    by_subject: Vec<(DistinguishedName, Arc<User>)>,
    pub(crate) token: Option<Arc<User>>,
    pub(crate) no_auth_user: Option<Arc<User>>,
    /// Whether clients without credentials are in the global account, if there is no `no_auth_user`.
    pub(crate) allows_anonymous: bool,
    /// Compared with when there is no such user, so that names cannot be told by the time that an answer takes.
    decoy: Option<Password>,
}

/// Makes [`Users`].
#[derive(Debug, Default)]
pub struct UsersBuilder {
    users: Vec<User>,
    no_auth_user: Option<String>,
    allows_anonymous: bool,
}

impl UsersBuilder {
    /// Adds a user.
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Lets clients without credentials in as the user of this name.
    pub fn no_auth_user(self, name: impl Into<String>) -> Self {
        Self { no_auth_user: Some(name.into()), ..self }
    }

    /// Lets clients without credentials into the global account, with all rights. [reference §1.9: only a system account]
    pub fn allow_anonymous(self) -> Self {
        Self { allows_anonymous: true, ..self }
    }

    /// The list, if it holds together.
    ///
    /// # Errors
    /// [`UserError`] says what is wrong with which user.
    pub fn build(self) -> Result<Users, UserError> {
        let mut users = Users { allows_anonymous: self.allows_anonymous, ..Users::default() };
        for user in self.users {
            users.add(Arc::new(user))?;
        }
        users.no_auth_user = self.no_auth_user.map(|name| users.named(&name)).transpose()?;
        Ok(users)
    }
}

impl Users {
    /// A list to be filled.
    pub fn builder() -> UsersBuilder {
        UsersBuilder::default()
    }

    /// The accounts that users are in.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        let all = self.by_name.values().chain(self.by_nkey.values()).chain(&self.token);
        all.filter_map(|user| user.account.as_deref())
    }

    /// Who a user of this name is, as a program that embeds the broker may ask without a password.
    ///
    /// # Errors
    /// [`Refused`] when there is none, or it may not connect in-process.
    pub fn identity(&self, name: &str) -> Result<Identity, Refused> {
        self.named(name).map_err(|_| Refused::Credentials)?.identity(ConnectionType::InProcess)
    }

    fn named(&self, name: &str) -> Result<Arc<User>, UserError> {
        let user = self.by_name.get(name).or_else(|| self.by_nkey.get(name));
        user.cloned().ok_or_else(|| UserError::NoAuthUser(name.to_owned()))
    }

    fn add(&mut self, user: Arc<User>) -> Result<(), UserError> {
        let name = user.credential.name().to_owned();
        if let Some(subject) = DistinguishedName::parse(&name) {
            self.by_subject.push((subject, Arc::clone(&user)));
        }
        let previous = match &user.credential {
            Credential::Password { password, .. } => {
                self.check_password(&name, password)?;
                self.by_name.insert(name.clone(), user)
            }
            Credential::Nkey(key) => {
                check_nkey(key)?;
                self.by_nkey.insert(name.clone(), user)
            }
            Credential::Certificate(_) if name.is_empty() => return Err(UserError::NoName),
            Credential::Certificate(_) => self.by_name.insert(name.clone(), user),
            Credential::Token(token) if token.is_empty() => return Err(UserError::NoPassword(name)),
            Credential::Token(token) => {
                let token = token.clone();
                self.consider_decoy(&token);
                return self.token.replace(user).map_or(Ok(()), |_| Err(UserError::Tokens));
            }
        };
        previous.map_or(Ok(()), |_| Err(UserError::Duplicate(name)))
    }

    fn check_password(&mut self, name: &str, password: &Password) -> Result<(), UserError> {
        if name.is_empty() {
            return Err(UserError::NoName);
        }
        if password.is_empty() {
            return Err(UserError::NoPassword(name.to_owned()));
        }
        self.consider_decoy(password);
        Ok(())
    }

    /// The slowest one is compared with when a login fails.
    fn consider_decoy(&mut self, password: &Password) {
        if self.decoy.as_ref().is_none_or(|decoy| decoy.cost() < password.cost()) {
            self.decoy = Some(password.clone());
        }
    }

    /// The user that a login names, with the password that it has to know.
    fn find(&self, connect: &ConnectOptions) -> Found {
        if !connect.user.is_empty() {
            let user = self.by_name.get(&connect.user).filter(|user| user.has_password());
            return user.map_or(Found::Nobody, |user| Found::Password(Arc::clone(user)));
        }
        match &self.token {
            Some(user) if !connect.auth_token.is_empty() => Found::Token(Arc::clone(user)),
            _ => Found::Nobody,
        }
    }
}

/// Whom a login names.
enum Found {
    Password(Arc<User>),
    Token(Arc<User>),
    Nobody,
}

impl Authenticator for Users {
    /// A certificate goes before all else, an nkey before a name, a name before a token. [reference §1.9]
    fn authenticate(&self, login: Login) -> Verdict {
        if login.is_mapped {
            return self.check_certificate(login);
        }
        if login.is_anonymous()
            && let Some(outcome) = self.anonymous(login.connection_type)
        {
            return outcome.into();
        }
        if !login.connect.nkey.is_empty() {
            return self.check_signature(&login).into();
        }
        let (user, given) = match self.find(&login.connect) {
            Found::Password(user) => (Some(user), login.connect.pass),
            Found::Token(user) => (Some(user), login.connect.auth_token),
            Found::Nobody => (None, login.connect.pass),
        };
        self.compare(user, given, login.connection_type)
    }

    fn allows_anonymous(&self) -> bool {
        self.no_auth_user.is_some() || self.allows_anonymous
    }

    fn review(&self, identity: &Identity, login: &Login) -> Result<Identity, Dismissed> {
        self.review_client(identity, login.connection_type)
    }
}

impl Users {
    /// Who has a password besides has to know it. [nats-server: checkClientTLSCertSubject]
    fn check_certificate(&self, login: Login) -> Verdict {
        let user = login.certificate.as_ref().and_then(|certificate| self.named_in(certificate));
        match user {
            Some(user) if user.has_password() => self.compare(Some(user), login.connect.pass, login.connection_type),
            Some(user) => user.identity(login.connection_type).into(),
            None => Refused::Certificate.into(),
        }
    }

    /// The first name that a user has.
    fn named_in(&self, certificate: &Certificate) -> Option<Arc<User>> {
        if let Some(user) = certificate.names().find_map(|name| self.by_name.get(name)) {
            return Some(Arc::clone(user));
        }
        let subject = &certificate.subject;
        let with = |is_match: &dyn Fn(&DistinguishedName) -> bool| {
            self.by_subject.iter().find(|(name, _)| is_match(name)).map(|(_, user)| Arc::clone(user))
        };
        with(&|name| name == subject).or_else(|| with(&|name| name.has_parts_of(subject)))
    }

    fn check_signature(&self, login: &Login) -> Result<Identity, Refused> {
        let key = login.connect.nkey.expose();
        let user = self.by_nkey.get(key).ok_or(Refused::Credentials)?;
        if !signature::is_of(key, login.nonce.as_bytes(), login.connect.sig.expose()) {
            return Err(Refused::Credentials);
        }
        user.identity(login.connection_type)
    }

    /// Where there is no such user the same work is done for nothing.
    fn compare(&self, user: Option<Arc<User>>, given: Secret, connection_type: ConnectionType) -> Verdict {
        let expected = match user.as_deref().map(|user| &user.credential) {
            Some(Credential::Password { password, .. } | Credential::Token(password)) => Some(password),
            _ => self.decoy.as_ref(),
        };
        let is_slow = expected.is_some_and(Password::is_slow);
        let Some(expected) = expected.cloned() else { return Refused::Credentials.into() };
        let check = move |given: &Secret| {
            let matches = expected.matches(given);
            user.filter(|_| matches).ok_or(Refused::Credentials)?.identity(connection_type)
        };
        if is_slow {
            return Verdict::blocking(move || check(&given));
        }
        match (check(&given), self.decoy.clone().filter(Password::is_slow)) {
            // Else a quick refusal would tell that there is such a user, and that its password is not hashed.
            (Err(refused), Some(decoy)) => Verdict::blocking(move || {
                decoy.matches(&given);
                Err(refused)
            }),
            (outcome, _) => outcome.into(),
        }
    }
}

fn check_nkey(key: &str) -> Result<(), UserError> {
    let valid = key.starts_with('U') && KeyPair::from_public_key(key).is_ok();
    if valid { Ok(()) } else { Err(UserError::Nkey(key.to_owned())) }
}

#[cfg(test)]
mod tests;
