//! Who a client turned out to be.

use std::any::Any;
use std::sync::Arc;
use std::time::SystemTime;

use crate::permissions::Permissions;

/// What a login leads to.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Identity {
    /// The user's name, or public nkey, for people to read; empty for who is nobody in particular.
    pub user: String,
    /// The account that it works in; `None` for the global one.
    pub account: Option<String>,
    /// What it may publish and subscribe to; everything when there is none.
    pub permissions: Option<Arc<Permissions>>,
    /// When it is cut off.
    pub expires: Option<SystemTime>,
    /// When its account ends, and it is cut off with that.
    pub account_expires: Option<SystemTime>,
    /// Most subscriptions at a time, 0 for none at all; the broker's own limit when there is no number.
    pub max_subscriptions: Option<usize>,
    /// Most bytes of one message; the broker's own limit when there is no number.
    pub max_payload: Option<usize>,
    /// What it was let in on.
    pub(crate) origin: Option<Origin>,
}

/// What only the authenticator knows that let a client in.
pub(crate) type Origin = Arc<dyn Any + Send + Sync>;

impl Identity {
    /// A user of the global account with all rights.
    pub fn new(user: impl Into<String>) -> Self {
        Self { user: user.into(), ..Self::default() }
    }

    /// The same in an account.
    pub fn in_account(self, account: impl Into<String>) -> Self {
        Self { account: Some(account.into()), ..self }
    }

    /// The same with these rights only.
    pub fn with_permissions(self, permissions: impl Into<Arc<Permissions>>) -> Self {
        Self { permissions: Some(permissions.into()), ..self }
    }

    /// When it is cut off, for whatever reason.
    pub fn end(&self) -> Option<SystemTime> {
        [self.expires, self.account_expires].into_iter().flatten().min()
    }

    /// The same, cut off at this time.
    pub fn expires_at(self, time: SystemTime) -> Self {
        Self { expires: Some(time), ..self }
    }

    /// The same with what it was let in on: the authenticator finds it again when it [reviews](crate::Authenticator::review)
    /// the client.
    pub fn let_in_on(self, origin: Arc<impl Any + Send + Sync>) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// What it was let in on, if it is of this type.
    pub fn origin<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(self.origin.as_ref()?).downcast().ok()
    }

    /// Whether it is known what it was let in on.
    pub fn has_origin(&self) -> bool {
        self.origin.is_some()
    }
}
