//! Who may use the broker, and what for: users with passwords, tokens or nkeys, their permissions and accounts.
//!
//! A broker without any of it is open to whoever reaches it. With users, or an [`Authenticator`] of the program's own,
//! clients over the network have to log in; clients in the process are who the program says they are.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use embus::auth::{Credential, PermissionRules, Permissions, SubjectRules, User};
//!
//! let meter = PermissionRules { publish: SubjectRules::allow(["meters.>"]), ..Default::default() };
//! let broker = embus::Broker::builder()
//!     .listen("127.0.0.1:0")
//!     .user(User::new(Credential::password("admin", "s3cret")))
//!     .user(User::new(Credential::password("meter", "t1ck")).with_permissions(Permissions::new(meter)?))
//!     .start()
//!     .await?;
//! let meter = broker.client_as("meter")?;
//! meter.publish("meters.7", "42".into()).await?;
//! assert!(meter.publish("orders", "42".into()).await.is_err());
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use embus_auth::*;
use embus_engine::gate::Gate;

use crate::error::StartError;
use crate::jobs::BlockingThreads;
use crate::shell::Shell;

/// How long a client may take for its login. [nats-server: `auth_timeout`]
const LOGIN_TIMEOUT: Duration = Duration::from_secs(2);

/// What a broker is told of its users.
#[derive(Clone, Default)]
pub(crate) struct AuthSettings {
    pub(crate) users: Vec<User>,
    pub(crate) no_auth_user: Option<String>,
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    pub(crate) accounts: Vec<String>,
    pub(crate) timeout: Option<Duration>,
}

impl fmt::Debug for AuthSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthSettings")
            .field("users", &self.users.len())
            .field("accounts", &self.accounts)
            .finish_non_exhaustive()
    }
}

impl AuthSettings {
    /// The list of users, if there is one.
    ///
    /// # Errors
    /// [`StartError::Config`] when it does not hold together, or names an account that was not declared.
    pub(crate) fn users(&self) -> Result<Option<Arc<Users>>, StartError> {
        let refuse = |text: String| Err(StartError::Config(text));
        if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return refuse("the time for a login must not be zero".to_owned());
        }
        if let Some(name) = self.accounts.iter().find(|name| name.is_empty() || name.contains(char::is_whitespace)) {
            return refuse(format!("{name:?} is not a name of an account"));
        }
        if self.users.is_empty() && self.no_auth_user.is_none() {
            return Ok(None);
        }
        if self.authenticator.is_some() {
            return refuse("a list of users and an authenticator exclude each other".to_owned());
        }
        let builder = self.users.iter().cloned().fold(Users::builder(), UsersBuilder::user);
        let builder = self.no_auth_user.iter().fold(builder, UsersBuilder::no_auth_user);
        let users = builder.build().map_err(|error| StartError::Config(error.to_string()))?;
        if let Some(unknown) = users.accounts().find(|name| !self.has_account(name)) {
            return refuse(format!("account {unknown:?} of a user is not declared"));
        }
        Ok(Some(Arc::new(users)))
    }

    fn has_account(&self, name: &str) -> bool {
        [embus_engine::engine::GLOBAL_ACCOUNT, embus_engine::engine::SYSTEM_ACCOUNT].contains(&name)
            || self.accounts.iter().any(|account| account == name)
    }

    /// Has the engine ask for logins, if they are asked for; says whether.
    pub(crate) fn apply(&self, shell: &Shell, users: Option<Arc<Users>>, seed: [u8; 32]) -> bool {
        self.accounts.iter().for_each(|name| drop(shell.engine.add_account(name)));
        let users = users.map(|users| users as Arc<dyn Authenticator>);
        let Some(authenticator) = self.authenticator.clone().or(users) else { return false };
        let (timeout, threads) = (self.timeout.unwrap_or(LOGIN_TIMEOUT), BlockingThreads::new(&shell.tasks));
        shell.engine.set_gate(Gate::new(authenticator, timeout, Arc::new(threads), seed));
        true
    }
}
