//! The one place where it is decided who a connection is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::identity::Identity;
use crate::login::{Login, Refused};
use crate::review::Dismissed;

/// Decides who a connection is. Every listener and every way to log in goes through it.
///
/// ```
/// use embus_auth::{Authenticator, Identity, Login, Refused, Verdict};
///
/// struct Members;
///
/// impl Authenticator for Members {
///     fn authenticate(&self, login: Login) -> Verdict {
///         match login.connect.auth_token.expose() {
///             // Compare secrets in constant time in earnest.
///             "let me in" => Identity::new("member").into(),
///             _ => Refused::Credentials.into(),
///         }
///     }
/// }
/// ```
pub trait Authenticator: Send + Sync + 'static {
    /// Judges one login. It must not block: what takes long is [`Verdict::Later`] or [`Verdict::Blocking`].
    fn authenticate(&self, login: Login) -> Verdict;

    /// Whether clients may come in without credentials: INFO then does not ask for them. It decides nothing.
    fn allows_anonymous(&self) -> bool {
        false
    }

    /// Judges a client again that was let in before, by this authenticator or by the one before it, because the
    /// configuration has changed: what it may do from now on, or why it has to go. `login` is what is known of it still, its
    /// credentials not among it. It must not block. Clients stay as they are unless an authenticator says otherwise.
    ///
    /// # Errors
    /// [`Dismissed`] says how the client is to be sent away.
    fn review(&self, identity: &Identity, login: &Login) -> Result<Identity, Dismissed> {
        let _ = login;
        Ok(identity.clone())
    }
}

impl<A: Authenticator + ?Sized> Authenticator for std::sync::Arc<A> {
    fn authenticate(&self, login: Login) -> Verdict {
        (**self).authenticate(login)
    }

    fn allows_anonymous(&self) -> bool {
        (**self).allows_anonymous()
    }

    fn review(&self, identity: &Identity, login: &Login) -> Result<Identity, Dismissed> {
        (**self).review(identity, login)
    }
}

/// What an authenticator says of a login.
#[non_exhaustive]
pub enum Verdict {
    /// This is who it is.
    Accepted(Identity),
    /// It may not come in.
    Refused(Refused),
    /// To be awaited; the connection does nothing else meanwhile, and its login time runs.
    Later(Pin<Box<dyn Future<Output = Result<Identity, Refused>> + Send>>),
    /// To be run on a thread that may block, as slow password hashes are.
    Blocking(Box<dyn FnOnce() -> Result<Identity, Refused> + Send>),
}

impl Verdict {
    /// A verdict that `future` will come to.
    pub fn later(future: impl Future<Output = Result<Identity, Refused>> + Send + 'static) -> Self {
        Self::Later(Box::pin(future))
    }

    /// A verdict that `work` comes to, on a thread that may block.
    pub fn blocking(work: impl FnOnce() -> Result<Identity, Refused> + Send + 'static) -> Self {
        Self::Blocking(Box::new(work))
    }
}

impl From<Identity> for Verdict {
    fn from(identity: Identity) -> Self {
        Self::Accepted(identity)
    }
}

impl From<Refused> for Verdict {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Result<Identity, Refused>> for Verdict {
    fn from(result: Result<Identity, Refused>) -> Self {
        result.map_or_else(Self::Refused, Self::Accepted)
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(identity) => f.debug_tuple("Accepted").field(identity).finish(),
            Self::Refused(refused) => f.debug_tuple("Refused").field(refused).finish(),
            Self::Later(_) => f.write_str("Later(..)"),
            Self::Blocking(_) => f.write_str("Blocking(..)"),
        }
    }
}
