//! Who is asked, and whose answers count.

use nkeys::{KeyPair, XKey};

/// A service that decides who clients are.
///
/// ```
/// use embus_auth::callout::AuthCallout;
///
/// let issuer = nkeys::KeyPair::new_account().public_key();
/// let callout = AuthCallout::new(issuer).in_account("AUTH").user("service");
/// assert!(callout.check().is_ok());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "nobody is asked before a broker is told"]
pub struct AuthCallout {
    pub(super) issuer: String,
    pub(super) account: Option<String>,
    pub(super) users: Vec<String>,
    pub(super) xkey: Option<String>,
    pub(super) allowed_accounts: Vec<String>,
}

/// A service that cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalloutError {
    /// Give the public key of an account, `A…`.
    #[error("auth callout: {0:?} is not the public nkey of an account")]
    Issuer(String),
    /// Give the public key of the service, `X…`.
    #[error("auth callout: {0:?} is not a public xkey")]
    Xkey(String),
    /// Name the users that the service logs in as: nobody could ask otherwise.
    #[error("auth callout: no user for the service itself")]
    NoUsers,
}

impl AuthCallout {
    /// A service whose answers, and the JWTs of users in them, are signed by this key, `A…`. It is in the global account.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), ..Self::default() }
    }

    /// The same in this account.
    pub fn in_account(self, account: impl Into<String>) -> Self {
        Self { account: Some(account.into()), ..self }
    }

    /// The same, which logs in as this user: it is not asked about itself.
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.users.push(name.into());
        self
    }

    /// The same, for which questions are encrypted with its public key, `X…`.
    pub fn encrypted_for(self, xkey: impl Into<String>) -> Self {
        Self { xkey: Some(xkey.into()), ..self }
    }

    /// The same, which may put users into this account, and into others that are named so; into any without one.
    pub fn allowed_account(mut self, account: impl Into<String>) -> Self {
        self.allowed_accounts.push(account.into());
        self
    }

    /// The account that it is in, if not the global one.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The users that it logs in as.
    pub fn users(&self) -> &[String] {
        &self.users
    }

    /// The accounts that it may put users into.
    pub fn allowed_accounts(&self) -> &[String] {
        &self.allowed_accounts
    }

    /// Whether questions are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.xkey.is_some()
    }

    /// Whether it can be asked at all.
    ///
    /// # Errors
    /// [`CalloutError`] for the first thing that is missing or wrong.
    pub fn check(&self) -> Result<(), CalloutError> {
        if !self.issuer.starts_with('A') || KeyPair::from_public_key(&self.issuer).is_err() {
            return Err(CalloutError::Issuer(self.issuer.clone()));
        }
        if let Some(xkey) = self.xkey.as_ref().filter(|xkey| XKey::from_public_key(xkey).is_err()) {
            return Err(CalloutError::Xkey(xkey.clone()));
        }
        if self.users.is_empty() { Err(CalloutError::NoUsers) } else { Ok(()) }
    }
}
